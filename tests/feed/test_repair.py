"""Derived files that are lost, damaged, huge or folders never stop a publication, and can be made anew."""

import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from poe_scraper.failures import FeedError
from poe_scraper.feed import changelog
from poe_scraper.feed.changelog import ChangeLog
from poe_scraper.feed.repair import repair
from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter
from poe_scraper.items import Change
from poe_scraper.publishing.record import Record
from tests.feed.sightings import DAY, run
from tests.feed.test_crash import content
from tests.made_feed import FIRST, SECOND, bots
from tests.made_feed import publish as publish_both

THIRD = SECOND + DAY

DERIVED = (
    "models.json",
    "models.schema.json",
    "changes.jsonl",
    "changes.atom",
    "slim.json",
    "models.json.gz",
    "version.json",
)

Damage = Callable[[Path], None]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def scramble(path: Path) -> None:
    path.write_bytes(b"\x00{broken\n" + path.read_bytes()[100:])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def make_folder(path: Path) -> None:
    path.unlink()
    (path / "something").mkdir(parents=True)


DAMAGES = [cut, scramble, empty, make_folder, Path.unlink]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "output"
    with FeedWriter(FeedStore(folder), "a test") as writer:
        for at in (FIRST, SECOND):
            writer.publish(bots(at), run(at), now=at)
    return folder


def without_kept(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files but those that were set aside."""
    return {name: data for name, data in files.items() if ".broken" not in name}


@pytest.mark.parametrize("damage", DAMAGES)
def test_repair_gives_every_file_back_as_it_was(folder: Path, damage: Damage) -> None:
    before = content(folder)
    for name in DERIVED:
        damage(folder / name)
    assert set(repair(FeedStore(folder))) == set(DERIVED)
    assert without_kept(content(folder)) == before
    assert repair(FeedStore(folder)) == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_repair_makes_the_newest_version_anew_from_the_feed(folder: Path, damage: Damage) -> None:
    before = content(folder)
    damage(folder / "versions" / "000002.json.gz")
    assert repair(FeedStore(folder)) == ["versions/000002.json.gz"]
    assert without_kept(content(folder)) == before


def test_repair_says_that_there_is_no_feed(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="has no feed to repair"):
        repair(FeedStore(tmp_path))


@pytest.mark.parametrize("name", DERIVED)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_does_not_stop_a_publication(folder: Path, tmp_path: Path, name: str, damage: Damage) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(folder, whole)
    damage(folder / name)
    for each in (whole, folder):
        with FeedWriter(FeedStore(each), "a test") as writer:
            assert writer.publish(bots(FIRST), run(THIRD), now=THIRD, accept=True).version == 3
    assert without_kept(content(folder)) == content(whole)


@pytest.mark.parametrize("place", ["first", "middle", "last", "twice"])
def test_a_broken_line_is_set_aside_before_anything_else(
    folder: Path, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = content(folder)
    log = folder / "changes.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    spots = {"first": [0], "middle": [len(lines) // 2], "last": [-1], "twice": [1, -2]}[place]
    for spot in spots:
        lines[spot] = b'{"version":1,"at":' + b"x" * 40 + b"\n"
    broken = b"".join(lines)
    log.write_bytes(broken)
    with caplog.at_level(logging.WARNING):
        FeedWriter(FeedStore(folder), "a start").close()
    assert "is not a change. It is made anew from the versions" in caplog.text
    assert without_kept(content(folder)) == before
    assert (folder / "changes.jsonl.broken").read_bytes() == broken


def test_lines_of_versions_that_are_no_longer_on_disk_survive_a_broken_line(folder: Path) -> None:
    before = (folder / "changes.jsonl").read_bytes()
    (folder / "versions" / "000001.json.gz").unlink()
    lines = before.splitlines(keepends=True)
    (folder / "changes.jsonl").write_bytes(b"".join([*lines[:2], b"broken\n", *lines[2:]]))
    FeedWriter(FeedStore(folder), "a start").close()
    assert (folder / "changes.jsonl").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_found_out_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.access
    refused = folder / "versions"
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != refused and real(path, mode))
    with pytest.raises(FeedError, match=r"versions could not be written: Permission denied"):
        FeedWriter(FeedStore(folder), "a start")


@pytest.mark.parametrize("name", ["runs", "refused"])
def test_a_file_in_the_place_of_a_folder_is_set_aside(folder: Path, name: str) -> None:
    shutil.rmtree(folder / name, ignore_errors=True)
    (folder / name).write_text("not a folder")
    with FeedWriter(FeedStore(folder), "a test") as writer:
        writer.prune(runs=1, refused=1)
    assert any(path.name.startswith(f"{name}.broken-") for path in folder.iterdir())


# --- a long log --------------------------------------------------------------------------------


def lengthen(log: Path, size: int) -> None:
    """Put so many bytes of changes of version 1 before the others."""
    lines = log.read_bytes()
    first = lines.splitlines(keepends=True)[0]
    with log.open("wb") as file:
        for _ in range(size // (len(first) * 1000)):
            file.write(first * 1000)
        file.write(lines)


def test_of_a_long_log_no_more_than_its_end_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = folder / "changes.jsonl"
    lengthen(log, 20_000_000)
    parsed = 0
    real = Change.model_validate_json

    def count(line: bytes) -> object:
        nonlocal parsed
        parsed += len(line)
        return real(line)

    monkeypatch.setattr(Change, "model_validate_json", staticmethod(count))
    with FeedWriter(FeedStore(folder), "a test") as writer:
        assert writer.publish(bots(FIRST), run(THIRD), now=THIRD, accept=True).version == 3
    assert parsed < 2 * changelog.RECENT + 1_000_000
    assert next(ChangeLog(log).read(after=2)).version == 3


@pytest.mark.parametrize("window", [1, 200, 2_000, 1 << 20])
def test_the_same_atom_feed_at_once_and_made_anew(folder: Path, window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changelog, "RECENT", window)
    with FeedWriter(FeedStore(folder), "a test") as writer:
        for number in range(3, 9):
            at = SECOND + number * DAY
            writer.publish(bots(FIRST if number % 2 else SECOND), run(at), now=at, accept=True)
    before = content(folder)
    (folder / "changes.atom").unlink()
    repair(FeedStore(folder))
    assert content(folder) == before


@pytest.mark.parametrize("after", range(9))
def test_changes_after_a_version_are_found_without_reading_what_is_before(folder: Path, after: int) -> None:
    with FeedWriter(FeedStore(folder), "a test") as writer:
        for number in range(3, 9):
            at = SECOND + number * DAY
            writer.publish(bots(FIRST if number % 2 else SECOND), run(at), now=at, accept=True)
    lines = [json.loads(line) for line in (folder / "changes.jsonl").read_bytes().splitlines()]
    found = [change.model_dump(mode="json") for change in FeedStore(folder).changes(after=after)]
    assert found == [line for line in lines if line["version"] > after]


@pytest.mark.parametrize("end", [b"", b'{"version":2,"at', b"broken\n", b"broken\nhalf"])
def test_the_last_version_of_a_log(folder: Path, end: bytes) -> None:
    log = FeedStore(folder).log
    with log.path.open("ab") as file:
        file.write(end)
    assert log.last_version() == 2
    log.cut(1)
    assert {change.version for change in log.read()} == {1}
    log.cut(0)
    assert log.path.read_bytes() == b""
    assert (log.last_version(), log.first()) == (0, None)


# --- pruning -----------------------------------------------------------------------------------


def test_old_reports_and_refusals_are_removed(tmp_path: Path) -> None:
    store = FeedStore(publish_both(tmp_path))
    for number in range(5):
        shutil.copy(store.refused_files()[0], store.refused_folder / f"2026{number}.json.gz")
        shutil.copy(store.run_files()[0], store.run_folder / f"2027{number}.json")
    (store.run_folder / "mine.txt").write_text("mine")
    with FeedWriter(store, "a test") as writer:
        writer.prune(runs=2, refused=3)
        assert [path.name for path in store.run_files()] == ["20273.json", "20274.json"]
        assert len(store.refused_files()) == 3
        writer.prune()
    assert (len(store.run_files()), len(store.refused_files()), store.versions()) == (2, 3, [1, 2])
    assert (store.run_folder / "mine.txt").exists()


@pytest.mark.parametrize("name", [".lock.json", ".delivered.json"])
def test_a_folder_in_the_place_of_a_hidden_file_is_set_aside(folder: Path, name: str) -> None:
    (folder / name / "something").mkdir(parents=True)
    FeedWriter(FeedStore(folder), "a start").close()
    assert Record.load(folder) == Record()
    assert [path.name[: len(name)] for path in folder.iterdir() if ".broken-" in path.name] == [name]
