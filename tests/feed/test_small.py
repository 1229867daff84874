"""`slim.json`, `version.json` and `models.json.gz`: what they say, and that readers can rely on them together."""

import gzip
import hashlib
import json
import os
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter
from tests.made_feed import FIRST, SECOND, bots, publish, run


def publish_at(folder: Path, hours: int) -> None:
    """A new version at even hours, the same one with new times at odd hours."""
    at = SECOND + timedelta(hours=hours)
    with FeedWriter(FeedStore(folder), "a test") as writer:
        writer.publish(bots(SECOND if hours // 2 % 2 else FIRST), run(at), now=at, accept=True)


def told(folder: Path, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / name).read_bytes())
    return content


def consistent(folder: Path) -> bool:
    """Read as docs/feed.md tells programs to. False if a publication came in between; then they read again."""
    version = told(folder, "version.json")
    slim = told(folder, "slim.json")
    models = (folder / "models.json").read_bytes()
    packed = gzip.decompress((folder / "models.json.gz").read_bytes())
    feed, also = json.loads(models), json.loads(packed)
    for each in (slim, feed, also):
        assert (each["version"], each["generated_at"]) >= (version["version"], version["generated_at"])
    if hashlib.sha256(models).hexdigest() != version["sha256"]:
        return False
    assert (len(models), feed["version"]) == (version["bytes"], version["version"])
    if slim["generated_at"] == version["generated_at"]:
        assert [bot["id"] for bot in slim["data"]] == [bot["id"] for bot in feed["data"]]
        prices = {bot["id"]: bot["pricing"]["primary"] for bot in feed["data"]}
        assert all(bot["price"] is None or bot["price"].items() <= prices[bot["id"]].items() for bot in slim["data"])
    return True


def test_what_they_say(tmp_path: Path) -> None:
    publish(tmp_path)
    models = (tmp_path / "models.json").read_bytes()
    assert told(tmp_path, "version.json") == {
        "object": "version",
        "schema_version": "1.1",
        "version": 2,
        "generated_at": "2026-10-27T12:00:00Z",
        "sha256": hashlib.sha256(models).hexdigest(),
        "bytes": len(models),
    }
    assert (tmp_path / "version.json").stat().st_size < 256
    assert gzip.decompress((tmp_path / "models.json.gz").read_bytes()) == models
    slim = told(tmp_path, "slim.json")
    assert slim.keys() == {"object", "schema_version", "version", "generated_at", "points_per_usd", "data"}
    slims = {bot["id"]: bot for bot in slim["data"]}
    assert slims["gpt-test"] == {
        "id": "gpt-test",
        "status": "active",
        "price": price("1.82", "60000", "token"),
        "input": price("1.82", "60000", "token"),
        "output": price("13.64", "450000", "token"),
    }
    assert slims["api-only"]["output"] == price("4", None, "token")
    assert slims["flat-chat"]["price"] == price("0.0059", "195", "message", quantity="1")
    assert slims["secretive"] == {"id": "secretive", "status": "active", "price": None, "input": None, "output": None}
    assert slims["leaver"]["status"] == "gone"


def price(usd: str | None, points: str | None, unit: str, *, quantity: str = "1000000") -> dict[str, Any]:
    per = {"quantity": quantity, "unit": unit, "qualifier": None}
    return {"usd": usd, "points": points, "per": per, "bound": "exact", "suspect": False}


def test_readers_find_them_consistent_after_every_step_of_a_publication(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path)
    replace, found = os.replace, []

    def replace_and_read(source: Path, target: Path) -> None:
        replace(source, target)
        found.append(consistent(tmp_path))

    monkeypatch.setattr(os, "replace", replace_and_read)
    for hours in range(1, 5):
        publish_at(tmp_path, hours)
        assert consistent(tmp_path)
    assert True in found
    assert False in found, "what changed between two files is noticed by the hash"


def test_a_loop_of_readers_during_publications_finds_nothing_torn(tmp_path: Path) -> None:
    publish(tmp_path)
    over = threading.Event()
    counts: list[int] = []
    wrong: list[Exception] = []

    def read() -> None:
        reads = 0
        try:
            while not over.is_set() or reads == 0:
                consistent(tmp_path)
                reads += 1
        except (AssertionError, OSError, ValueError) as error:
            wrong.append(error)
        counts.append(reads)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for hours in range(1, 13):
        publish_at(tmp_path, hours)
    over.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert len(counts) == 3
    assert told(tmp_path, "version.json")["version"] > 2
    assert consistent(tmp_path)


@pytest.mark.parametrize("stale", [b"[]", b"{", b'{"version": 1}'])
def test_a_publication_that_died_before_the_small_files_is_finished(tmp_path: Path, stale: bytes) -> None:
    publish(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.json*")}
    (tmp_path / "version.json").write_bytes(stale)
    (tmp_path / "slim.json").write_bytes(stale)
    FeedWriter(FeedStore(tmp_path), "a start").close()
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.json*")} == before
