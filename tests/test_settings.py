"""The README's table of settings, held against the settings."""

import os
import re
import subprocess
import sys
from pathlib import Path

from poe_scraper import settings

README = Path(__file__).parents[1] / "README.md"


def test_the_readme_lists_every_setting_of_ours() -> None:
    ours = {name for name in vars(settings) if name.startswith("POE_")}
    listed = set(re.findall(r"^\| `(POE_[A-Z_]+)` \|", README.read_text(encoding="utf-8"), re.MULTILINE))
    assert listed == ours


def test_a_number_that_is_none_is_told_in_words(tmp_path: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("poe-scraper"), "update"],
        env={**os.environ, "POE_MAX_AGE": "a day", "POE_OUTPUT_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "POE_MAX_AGE is no number: 'a day'. Without it, 86400 holds." in done.stderr
    assert "Traceback" not in done.stderr
