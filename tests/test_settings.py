"""The README's table of settings, held against the settings."""

import re
from pathlib import Path

from poe_scraper import settings

README = Path(__file__).parents[1] / "README.md"


def test_the_readme_lists_every_setting_of_ours() -> None:
    ours = {name for name in vars(settings) if name.startswith("POE_")}
    listed = set(re.findall(r"^\| `(POE_[A-Z_]+)` \|", README.read_text(encoding="utf-8"), re.MULTILINE))
    assert listed == ours
