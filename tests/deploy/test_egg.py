"""The egg: everything is in it, and is read from it."""

import os
import subprocess
import zipfile
from pathlib import Path

from tests.deploy.conftest import ROOT

READ_ALL = """
import sys
from pathlib import Path
import poe_scraper
from poe_scraper import api
from poe_scraper.browser import pool
from poe_scraper.feed.reader import open_feed
from poe_scraper.feed.store import FeedStore
from poe_scraper.replica import running
from poe_scraper.site.build import build
assert poe_scraper.__file__.startswith(sys.argv[1]), poe_scraper.__file__
assert api.load_models()
with running(bots=1) as replica:  # from the egg too
    assert replica.catalog()["bots"]
build(open_feed(None), FeedStore(Path("output")), Path("site"))
print(*sorted(path.name for path in Path("site").iterdir()))
"""


def test_every_file_of_the_package_is_in_the_egg(egg: Path) -> None:
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "poe_scraper").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files <= set(zipfile.ZipFile(egg).namelist())


def test_the_egg_says_where_the_settings_are(egg: Path) -> None:
    entry_points = zipfile.ZipFile(egg).read("EGG-INFO/entry_points.txt").decode()
    assert "[scrapy]\nsettings = poe_scraper.settings\n" in entry_points


def test_data_is_read_from_the_packed_egg(egg: Path, python: Path, tmp_path: Path) -> None:
    command: list[str | Path] = [python, "-W", "error::ResourceWarning", "-c", READ_ALL, str(egg)]
    environment = {**os.environ, "PYTHONPATH": str(egg)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {"index.html", "bot", "assets"} & set(done.stdout.split()), done.stdout
