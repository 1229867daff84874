"""Reading a feed lazily."""

import gzip
import json
import logging
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from poe_scraper.failures import FeedError, FeedTooNewError
from poe_scraper.feed.history import feed_at, price_changes, snapshots
from poe_scraper.feed.reader import FeedReader, open_feed, read_feed, starter_feed
from poe_scraper.feed.schema import misfits
from poe_scraper.feed.store import FeedStore
from poe_scraper.items import SCHEMA_VERSION
from tests.made_feed import FIRST, SECOND, publish


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(tmp_path_factory.mktemp("feed"))


@pytest.fixture(scope="module")
def whole(folder: Path) -> dict[str, Any]:
    feed: dict[str, Any] = json.loads((folder / "models.json").read_bytes())
    return feed


def test_the_reader_and_the_store_read_the_same(folder: Path) -> None:
    reader = read_feed(folder / "models.json")
    feed = FeedStore(folder).current()
    assert feed is not None
    assert tuple(reader.values()) == feed.data
    assert list(reader) == [bot.id for bot in feed.data]
    assert (reader.version, reader.generated_at, reader.points_per_usd) == (2, SECOND, feed.points_per_usd)
    assert reader.run == feed.run
    assert not reader.starter


@pytest.mark.parametrize("name", ["gpt-test", "GPT-Test", "gPT-tEST"])
def test_lookup_in_any_case_gives_the_same_bot(folder: Path, name: str) -> None:
    reader = read_feed(folder / "models.json")
    assert name in reader
    assert reader[name] is reader["gpt-test"]
    assert reader.entry(name)["id"] == "gpt-test"


def test_lookup_by_handle_where_the_id_is_another(whole: dict[str, Any]) -> None:
    renamed = [entry | {"handle": "Other-Name"} if entry["id"] == "gpt-test" else entry for entry in whole["data"]]
    reader = FeedReader(json.dumps(whole | {"data": renamed}).encode(), "here")
    assert reader["other-name"].id == "gpt-test"
    assert "GPT-TEST" in reader


def test_an_id_goes_before_a_handle(whole: dict[str, Any]) -> None:
    handles = {"gpt-test": "Other-Name", "free-chat": "GPT-Test"}
    swapped = [entry | {"handle": handles.get(entry["id"], entry["handle"])} for entry in whole["data"]]
    reader = FeedReader(json.dumps(whole | {"data": swapped}).encode(), "here")
    assert reader["gpt-test"].id == "gpt-test"


def test_unknown_names(folder: Path) -> None:
    reader = read_feed(folder / "models.json")
    assert "nobody" not in reader
    assert reader.get("nobody") is None
    with pytest.raises(KeyError):
        reader["nobody"]
    assert reader.near("flat-caht")[0] == "flat-chat"
    assert reader.near("FREE_CHAT")[0] == "free-chat"


def test_a_version_is_read_from_its_compressed_file(folder: Path) -> None:
    reader = read_feed(folder / "versions" / "000001.json.gz")
    assert (reader.version, reader.generated_at) == (1, FIRST)
    assert reader["leaver"].status == "active"


def test_a_later_minor_version_is_read(whole: dict[str, Any]) -> None:
    later = [entry | {"new_field": {"deep": [1]}} for entry in whole["data"]]
    reader = FeedReader(json.dumps(whole | {"schema_version": "1.9", "data": later, "news": 1}).encode(), "here")
    reader.validate()
    assert SCHEMA_VERSION.startswith("1.")


def test_another_major_version_is_refused(whole: dict[str, Any]) -> None:
    with pytest.raises(FeedTooNewError, match=r"schema 2\.0, and this program reads 1\.x. Update poe-scraper"):
        FeedReader(json.dumps(whole | {"schema_version": "2.0"}).encode(), "here")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is not JSON"),
        (b"\xff\xfe\x00", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[]", "schema_version must be MAJOR.MINOR, got None"),
        (b'{"data": []}', "schema_version must be MAJOR.MINOR, got None"),
        (b'{"schema_version": 1.0}', "schema_version must be MAJOR.MINOR, got 1.0"),
        (b'{"schema_version": "0.9"}', "schema_version must be 1.x, got '0.9'"),
        (b'{"data": {}, "schema_version": "1.0"}', "it has no list of bots"),
        (b'{"data": [], "schema_version": "1.0"}', "KeyError: 'version'"),
    ],
)
def test_broken_content(content: bytes, reason: str) -> None:
    with pytest.raises(FeedError, match=reason):
        FeedReader(content, "here")


@pytest.mark.parametrize(
    "change",
    [
        {"version": "many"},
        {"generated_at": "yesterday"},
        {"points_per_usd": "some"},
        {"data": [5]},
        {"data": [{"id": None, "handle": None}]},
        {"data": [{"id": "x"}]},
    ],
)
def test_broken_heads(whole: dict[str, Any], change: dict[str, Any]) -> None:
    with pytest.raises(FeedError, match="The feed here is broken"):
        FeedReader(json.dumps(whole | change).encode(), "here")


def test_a_broken_bot_is_named_when_it_is_asked_for(whole: dict[str, Any]) -> None:
    broken = [entry | {"first_seen": "never"} if entry["id"] == "flat-chat" else entry for entry in whole["data"]]
    reader = FeedReader(json.dumps(whole | {"data": broken}).encode(), "here")
    assert reader["gpt-test"].id == "gpt-test"
    with pytest.raises(FeedError, match="bot 'flat-chat': first_seen: "):
        reader["flat-chat"]
    with pytest.raises(FeedError, match="bot 'flat-chat'"):
        reader.validate()


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="There is no feed"):
        read_feed(tmp_path / "models.json")
    with pytest.raises(FeedError, match="cannot be read: Is a directory"):
        read_feed(tmp_path)
    packed = tmp_path / "000001.json.gz"
    for content in (b"no gzip", gzip.compress(b"{}" * 1000)[:-12]):
        packed.write_bytes(content)
        with pytest.raises(FeedError, match="is broken"):
            read_feed(packed)


# --- which feed --------------------------------------------------------------------------------


def test_a_given_folder_must_hold_a_feed(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="There is no feed"):
        open_feed(tmp_path)


def test_the_folder_of_the_environment(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POE_OUTPUT_DIR", raising=False)
    assert open_feed().starter
    monkeypatch.setenv("POE_OUTPUT_DIR", str(tmp_path / "empty"))
    assert open_feed().starter
    monkeypatch.setenv("POE_OUTPUT_DIR", str(folder))
    assert (open_feed().starter, open_feed().version) == (False, 2)


def test_output_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POE_OUTPUT_DIR", raising=False)
    publish(tmp_path / "output")
    monkeypatch.chdir(tmp_path)
    assert open_feed().source == str(Path("output") / "models.json")


@pytest.mark.parametrize("damage", [None, b"{"])
def test_the_newest_version_takes_the_place_of_a_broken_feed(
    tmp_path: Path, damage: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    publish(tmp_path)
    (tmp_path / "models.json").unlink()
    if damage is not None:
        (tmp_path / "models.json").write_bytes(damage)
    (tmp_path / "versions" / "000002.json.gz").write_bytes(b"gone")
    with caplog.at_level(logging.WARNING):
        assert open_feed(tmp_path).version == 1
    assert "Version 1 is read instead" in caplog.text


def test_the_starter_feed() -> None:
    feed = starter_feed()
    assert misfits(feed.feed()) == []
    assert feed.starter
    assert len(feed) >= 400
    assert feed.generated_at.date() == datetime(2026, 10, 22, tzinfo=UTC).date()
    assert sum(bool(bot.pricing.rates) for bot in feed.values()) >= 380
    assert not any(bot.pricing.unparsed for bot in feed.values())
    for bot in feed.values():
        assert (bot.powered_by, bot.pricing.rate_card) == (None, None)


# --- over time ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "version"),
    [
        (FIRST, 1),
        (FIRST.date(), 1),
        (SECOND.replace(hour=11, minute=59), 1),
        (SECOND, 2),
        (SECOND.date(), 2),
        (datetime(2030, 1, 1, tzinfo=UTC), 2),
    ],
)
def test_the_version_in_force(folder: Path, at: datetime, version: int) -> None:
    assert feed_at(FeedStore(folder), open_feed(folder), at).version == version


def test_no_version_in_force_yet(folder: Path) -> None:
    with pytest.raises(FeedError, match=r"in force at 2026-10-20 11:00 UTC: the oldest here, version 1, is of"):
        feed_at(FeedStore(folder), open_feed(folder), FIRST.replace(hour=11))


def test_snapshots_are_the_versions_that_changed_the_bot(folder: Path) -> None:
    def versions(name: str) -> list[int]:
        return [snapshot.version for snapshot in snapshots(FeedStore(folder), open_feed(folder), name)]

    assert versions("GPT-Test") == [1, 2]
    assert versions("flat-chat") == [1]
    assert versions("free-chat") == [1]  # what changed is no price
    assert versions("newcomer") == [2]
    assert versions("nobody") == []


def test_price_changes(folder: Path) -> None:
    before, now = (snapshot.bot for snapshot in snapshots(FeedStore(folder), open_feed(folder), "gpt-test"))
    usd, points = price_changes(before, now)
    assert (usd.rate.currency, usd.percent) == ("USD", Decimal("-19.8"))
    assert (points.rate.currency, points.percent) == ("points", Decimal("-20.0"))
    assert price_changes(now, now) == []
    gone = now.model_copy(update={"pricing": now.pricing.model_copy(update={"rates": (), "api": None})})
    assert [change.new for change in price_changes(now, gone)] == [None] * 6
    assert [change.source for change in price_changes(gone, now)] == ["page"] * 4 + ["api"] * 2
