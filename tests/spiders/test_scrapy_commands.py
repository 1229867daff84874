"""Scrapy's own commands in this project, and our spiders in another project: the real commands."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from poe_scraper.exporters import CsvItemExporter
from poe_scraper.items import Bot
from poe_scraper.replica import Replica, running

FOREIGN = """
import scrapy

class Foreign(scrapy.Spider):
    name = "foreign"

    async def start(self):
        yield {"text": "of another kind"}
"""

SUBCLASS = """
from poe_scraper.spiders.poe_models import PoeModelsSpider

class Mine(PoeModelsSpider):
    name = "mine"
    custom_settings = {"POE_MAX_AGE": "5"}
"""


@pytest.fixture(scope="module")
def replica() -> Iterator[Replica]:
    with running(bots=3) as replica:
        yield replica


def scrapy(
    folder: Path, *words: str, replica: Replica | None = None, settings: str = "poe_scraper.settings", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of Scrapy in a folder, with the settings of this project or another."""
    addresses = {"POE_API_URL": replica.api_url, "POE_SITE_URL": replica.url} if replica else {}
    return subprocess.run(
        [sys.executable, "-m", "scrapy", *words],
        env={**os.environ, "SCRAPY_SETTINGS_MODULE": settings, "BROWSER": "true", **addresses, **variables},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def only_read(folder: Path, done: subprocess.CompletedProcess[str]) -> None:
    """Assert that a command did its work and wrote nothing."""
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert list(folder.iterdir()) == []


def test_shell(replica: Replica, tmp_path: Path) -> None:
    code = "print(len(response.json()['data']), 'models')"
    done = scrapy(tmp_path, "shell", "-c", code, replica.api_url, replica=replica)
    assert "3 models" in done.stdout
    only_read(tmp_path, done)


@pytest.mark.browser
def test_shell_renders_pages(replica: Replica, tmp_path: Path) -> None:
    handle = replica.catalog()["bots"][0]["handle"]
    request = f"scrapy.Request('{replica.url}/{handle}', meta={{'playwright': True, 'poe_page': 'bot'}})"
    code = f"(fetch({request}), 'poe-scraper-observation' in response.text)"
    done = scrapy(tmp_path, "shell", "-c", code, replica=replica)
    assert "(None, True)" in done.stdout, done.stderr
    only_read(tmp_path, done)


@pytest.mark.parametrize("words", [[], ["--spider", "poe_models"]])
def test_fetch(replica: Replica, tmp_path: Path, words: list[str]) -> None:
    done = scrapy(tmp_path, "fetch", "--nolog", *words, replica.api_url, replica=replica)
    assert len(json.loads(done.stdout)["data"]) == 3
    only_read(tmp_path, done)


def test_view(replica: Replica, tmp_path: Path) -> None:
    only_read(tmp_path, scrapy(tmp_path, "view", f"{replica.url}/", replica=replica))


@pytest.mark.browser
def test_parse(replica: Replica, tmp_path: Path) -> None:
    """It once published what it parsed, and took every other bot for gone."""
    words = ["--spider", "poe_models", "-c", "parse_catalog", "-d", "2", "--pipelines", "--nolinks"]
    done = scrapy(tmp_path, "parse", *words, replica.api_url, replica=replica)
    assert done.stdout.count("'pricing': ") == 3
    only_read(tmp_path, done)


@pytest.mark.browser
def test_parse_of_one_page(replica: Replica, tmp_path: Path) -> None:
    bot = next(bot for bot in replica.catalog()["bots"] if bot["rate_card"])
    words = ["--spider", "poe_models", "-c", "parse_page", "--meta", '{"playwright": true, "poe_page": "bot"}']
    done = scrapy(tmp_path, "parse", *words, f"{replica.url}/{bot['handle']}", replica=replica)
    assert f"'handle': '{bot['handle']}'" in done.stdout
    only_read(tmp_path, done)


@pytest.mark.slow
def test_check_list_and_bench(tmp_path: Path) -> None:
    only_read(tmp_path, scrapy(tmp_path, "check"))
    listed = scrapy(tmp_path, "list")
    assert listed.stdout.split() == ["poe_creators", "poe_models"]
    only_read(tmp_path, listed)
    only_read(tmp_path, scrapy(tmp_path, "bench", "-s", "CLOSESPIDER_PAGECOUNT=5"))


@pytest.mark.parametrize("command", ["runspider", "crawl"])
def test_a_spider_of_another_kind(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    (tmp_path / "foreign.py").write_text(FOREIGN)
    words = ["runspider", str(tmp_path / "foreign.py")]
    if command == "crawl":
        words = ["crawl", "foreign", "-s", "SPIDER_MODULES=foreign"]
    done = scrapy(folder, *words, "-O", str(tmp_path / "items.json"), PYTHONPATH=str(tmp_path))
    assert json.loads((tmp_path / "items.json").read_text()) == [{"text": "of another kind"}]
    only_read(folder, done)


def test_an_unknown_spider_is_named(tmp_path: Path) -> None:
    done = scrapy(tmp_path, "crawl", "poe_model")
    assert done.returncode == 2
    assert "unknown spider 'poe_model'; this project has poe_creators, poe_models" in done.stderr


def test_crawl_publishes_and_exports_plain_values(replica: Replica, tmp_path: Path) -> None:
    words = ["crawl", "poe_models", "-a", "only=info", "-O", "items.csv", "-O", "items.jsonl"]
    done = scrapy(tmp_path, *words, replica=replica)
    assert done.returncode == 0, done.stderr
    assert len(json.loads((tmp_path / "output" / "models.json").read_bytes())["data"]) == 3
    with (tmp_path / "items.csv").open(newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    lines = [json.loads(line) for line in (tmp_path / "items.jsonl").read_text().splitlines()]
    assert rows.keys() == {line["id"] for line in lines}
    for line in lines:
        row = rows[line["id"]]
        bot = Bot.model_validate(line)
        assert bot.first_seen.utcoffset() is not None
        assert row["first_seen"] == line["first_seen"]
        assert json.loads(row["pricing"]) == line["pricing"]
        assert row["owned_by"] == (line["owned_by"] or "")


def test_no_cell_of_exported_items_is_a_formula() -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    hostile = Bot(id="bot", url="https://poe.com/bot", display_name='=HYPERLINK("//x")', first_seen=at, last_seen=at)
    file = io.BytesIO()
    exporter = CsvItemExporter(file)
    exporter.start_exporting()
    exporter.export_item(hostile)
    exporter.finish_exporting()
    [row] = csv.DictReader(io.StringIO(file.getvalue().decode(), newline=""))
    assert row["display_name"] == '\'=HYPERLINK("//x")'


# --- another project ---------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize("spider", ["poe_models", "mine"])
def test_our_spiders_work_in_another_project(replica: Replica, tmp_path: Path, spider: str) -> None:
    (tmp_path / "theirs.py").write_text(
        'SPIDER_MODULES = ["poe_scraper.spiders", "mine"]\nDOWNLOAD_DELAY = 0.01\nROBOTSTXT_OBEY = True\n'
    )
    (tmp_path / "mine.py").write_text(SUBCLASS if spider == "mine" else "")
    words = ["crawl", spider, "-O", "items.jsonl", "-a", "limit=1"]
    done = scrapy(tmp_path, *words, replica=replica, settings="theirs", PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    items = [json.loads(line) for line in (tmp_path / "items.jsonl").read_text().splitlines()]
    assert len(items) == 3
    assert sum(item["observed"]["page"] is not None for item in items) == 1
    assert not (tmp_path / "output").exists()


def test_a_wrong_setting_of_another_project_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text('SPIDER_MODULES = ["poe_scraper.spiders"]\nPOE_API_URL = "poe"\n')
    done = scrapy(tmp_path, "crawl", "poe_models", settings="theirs", PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert "POE_API_URL must be an http:// or https:// address" in done.stderr
    assert "Traceback" not in done.stderr
