"""`poe-scraper export`."""

import json
from pathlib import Path

import pytest

from poe_scraper.exports import FORMATS, export
from poe_scraper.feed.reader import open_feed
from poe_scraper.feed.store import FeedStore
from tests.cli.conftest import Command


@pytest.mark.parametrize("name", FORMATS)
def test_export(poe: Command, feed: Path, tmp_path: Path, name: str) -> None:
    made = export(open_feed(feed), name, FeedStore(feed))
    output = tmp_path / "made"
    result = poe("export", name, "--output", output, "--output-dir", feed, "--json")
    assert result.returncode == 0
    assert json.loads(result.stdout)["bots"] == made.bots
    assert json.loads(result.stdout)["left_out"] == made.left_out
    written = {path for path in output.rglob("*") if path.is_file()} if output.is_dir() else {output}
    assert {str(path) for path in written} == set(json.loads(result.stdout)["files"])
    assert len(written) == len(made.files)
    if FORMATS[name].text:
        assert poe("export", name, "--output-dir", feed).stdout.encode() == output.read_bytes().replace(b"\r\n", b"\n")
        assert ("left out" in result.stderr) == bool(made.left_out)


def test_export_into_a_folder(poe: Command, feed: Path, tmp_path: Path) -> None:
    result = poe("export", "openai", "-o", tmp_path, "--output-dir", feed)
    assert result.stdout == f"8 bots in {tmp_path}/models.json\n"
    assert (tmp_path / "models.json").is_file()


def test_an_older_version(poe: Command, feed: Path) -> None:
    prices = [poe("export", "csv", "--version", number, "--output-dir", feed).stdout for number in (1, 2)]
    assert ["2.27,,,1000000,token" in text for text in prices] == [True, False]
    assert poe("export", "csv", "--output-dir", feed).stdout == prices[1]
    missing = poe("export", "csv", "--version", 7, "--output-dir", feed)
    assert missing.returncode == 1
    assert "Version 7 does not exist: 1 to 2 are on disk." in missing.stderr


def test_a_file_that_cannot_be_written(poe: Command, feed: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = poe("export", "csv", "-o", tmp_path / "file" / "prices.csv", "--output-dir", feed)
    assert result.returncode == 1
    assert "could not be written" in result.stderr
    assert "Traceback" not in result.stderr
