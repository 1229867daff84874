"""Reading the feed needs nothing that only crawls need, and does not spend time on importing it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from poe_scraper.exports import FORMATS

CRAWLING = ("scrapy", "scrapy_playwright", "playwright", "twisted", "itemadapter", "psutil", "python_socks")

WITHOUT = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Without())
"""

COMMANDS = (
    WITHOUT
    + """
import json
from poe_scraper.cli import main
for words in json.loads(sys.argv[2]):
    try:
        main(words)
    except SystemExit as ended:
        if ended.code:
            sys.exit(f"{words}: {ended.code}")
"""
)

API = (
    WITHOUT
    + """
from pathlib import Path
from poe_scraper import api
folder = Path(sys.argv[2])
bots = api.search_models("gpt", order="price", output_dir=folder)
assert api.get_model_by_id("gpt-test", folder) in bots
assert api.cost("gpt-test", input_tokens=1000, output_dir=folder).usd.amount
assert api.history("gpt-test", folder)
assert api.get_models_with_pricing(folder) and api.get_models_needing_update(output_dir=folder)
"""
)


def run(script: str, *arguments: str) -> None:
    command = [sys.executable, "-c", script, ",".join(CRAWLING), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_the_api_needs_no_crawler(feed: Path) -> None:
    run(API, str(feed))


def test_reading_commands_need_no_crawler(feed: Path, tmp_path: Path) -> None:
    commands = [
        ["list", "--json"],
        ["search", "gpt"],
        ["show", "gpt-test"],
        ["cost", "gpt-test", "--input-tokens", "1000"],
        ["compare", "gpt-test", "api-only", "--input-tokens", "1000"],
        ["history", "gpt-test"],
        ["diff"],
        ["status"],
        ["site", "--out", str(tmp_path / "site")],
        *(["export", name, "--output", str(tmp_path / name)] for name in FORMATS),
    ]
    words = [[*command, "--output-dir", str(feed)] for command in commands]
    run(COMMANDS, json.dumps([*words, ["schema"], ["mcp", "--help"]]))


@pytest.mark.parametrize("missing", ["scrapy", "playwright"])
def test_what_is_blocked_cannot_be_imported(missing: str) -> None:
    """Else the tests above would prove nothing."""
    with pytest.raises(AssertionError, match=f"ModuleNotFoundError: {missing}"):
        run(WITHOUT + f"import {missing}")
