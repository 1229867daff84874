"""Publishing, and reading back what was published."""

import errno
import gzip
import json
import logging
import os
import re
from pathlib import Path
from typing import Any

import pytest

from poe_scraper.failures import FeedError, GateRefusedError
from poe_scraper.feed import disk
from poe_scraper.feed.gate import Gate
from poe_scraper.feed.merge import merge
from poe_scraper.feed.store import FeedStore, feed_text
from poe_scraper.feed.writer import FeedWriter, Publication
from poe_scraper.items import Bot, RunReport, Site
from tests.feed.sightings import DAY, T0, failed, listed, run, visited

T1, T2 = T0 + DAY, T0 + 2 * DAY

SMALL = {"slim.json", "models.json.gz", "version.json"}

FIRST = [merge(None, visited(listed(f"bot-{n}", T0), T0)) for n in range(10)]


def seen_again(*, at: Any = T1, **changed: Any) -> list[Bot]:
    """The ten bots a day later; the first with other facts of its catalog entry."""
    again = [merge(bot, listed(bot.id, at, **(changed if bot is FIRST[0] else {}))) for bot in FIRST]
    return again[::-1]


def published(folder: Path, bots: list[Bot], at: Any, *, keep: int = 0, **options: Any) -> Publication:
    with FeedWriter(FeedStore(folder), "a test") as writer:
        publication = writer.publish(bots, run(at), now=at, **options)
        writer.prune(versions=keep)
        return publication


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".lock"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_a_first_publication(tmp_path: Path) -> None:
    done = published(tmp_path, FIRST, T0)
    assert (done.version, done.new_version, len(done.changes)) == (1, True, 10)
    assert set(files(tmp_path)) == {
        "models.json",
        "models.json.gz",
        "models.schema.json",
        "slim.json",
        "version.json",
        "changes.jsonl",
        "changes.atom",
        "versions/000001.json.gz",
    }
    store = FeedStore(tmp_path)
    feed = store.current()
    assert feed == store.version(1)
    assert feed is not None
    assert (feed.version, feed.generated_at, feed.run, list(feed.data)) == (1, T0, run(T0), FIRST)
    assert (store.versions(), list(store.changes())) == ([1], list(done.changes))
    assert gzip.decompress(store.version_file(1).read_bytes()) == store.models.read_bytes()


def test_a_second_version(tmp_path: Path) -> None:
    published(tmp_path, FIRST, T0)
    first = files(tmp_path)
    gone = merge(FIRST[9], listed("bot-9", T1)).model_copy(update={"status": "gone", "gone_since": T1})
    new = merge(None, listed("new", T1))
    bots = [*seen_again(owned_by="Other")[1:], gone, new]
    done = published(tmp_path, bots, T1)
    assert (done.version, done.new_version) == (2, True)
    lines = (tmp_path / "changes.jsonl").read_bytes()
    assert lines.startswith(first["changes.jsonl"])
    assert [json.loads(line) for line in lines.splitlines()[10:]] == [
        {
            "version": 2,
            "at": "2026-10-21T12:00:00Z",
            "bot": bot,
            "kind": kind,
            "field": field,
            "old": old,
            "new": now,
        }
        for bot, kind, field, old, now in (
            ("bot-0", "changed", "owned_by", "Acme", "Other"),
            ("bot-9", "gone", None, None, None),
            ("new", "added", None, None, None),
        )
    ]
    store = FeedStore(tmp_path)
    assert files(tmp_path)["versions/000001.json.gz"] == first["versions/000001.json.gz"]
    assert gzip.decompress(store.version_file(1).read_bytes()) == first["models.json"]
    assert [bot.id for bot in store.version(1).data] == [f"bot-{n}" for n in range(10)]
    assert [change.bot for change in store.changes(after=1)] == ["bot-0", "bot-9", "new"]


def test_nothing_new_keeps_the_version_and_tells_the_new_times(tmp_path: Path) -> None:
    published(tmp_path, FIRST, T0)
    first = files(tmp_path)
    done = published(tmp_path, seen_again(), T1)
    assert (done.version, done.new_version, done.changes) == (1, False, [])
    second = files(tmp_path)
    assert {name for name in second if second[name] != first.get(name)} == SMALL | {"models.json"}
    feed = FeedStore(tmp_path).current()
    assert feed is not None
    assert (feed.generated_at, feed.run.id, {bot.last_seen for bot in feed.data}) == (T1, run(T1).id, {T1})
    assert published(tmp_path, seen_again(at=T2, owned_by="Other"), T2).version == 2


def test_a_bot_dropped_long_after_it_was_gone_makes_a_version_without_changes(tmp_path: Path) -> None:
    published(tmp_path, FIRST, T0)
    done = published(tmp_path, FIRST[1:], T1)
    assert (done.version, done.new_version, done.changes) == (2, True, [])


@pytest.mark.parametrize("head", [{"points_per_usd": "1"}, {"schema_version": "1.00"}])
def test_the_head_counts_too(tmp_path: Path, head: dict[str, str]) -> None:
    published(tmp_path, FIRST, T0)
    told = json.loads((tmp_path / "models.json").read_bytes())
    (tmp_path / "models.json").write_text(json.dumps(told | head))
    done = published(tmp_path, FIRST, T1)
    assert (done.version, done.new_version, done.changes) == (2, True, [])


def test_an_error_is_a_fact_and_its_time_is_none(tmp_path: Path) -> None:
    published(tmp_path, FIRST, T0)
    bots = [merge(bot, failed(listed(bot.id, T1), T1)) for bot in FIRST]
    assert published(tmp_path, bots, T1).version == 2
    bots = [merge(bot, failed(listed(bot.id, T2), T2)) for bot in FIRST]
    assert published(tmp_path, bots, T2).version == 2


def test_bots_are_sorted_one_to_a_line(tmp_path: Path) -> None:
    published(tmp_path, FIRST[::-1], T0)
    text = (tmp_path / "models.json").read_text()
    lines = text.splitlines()
    assert [json.loads(line.rstrip(","))["id"] for line in lines[1:-1]] == [bot.id for bot in FIRST]
    feed = FeedStore(tmp_path).current()
    assert feed is not None
    assert (
        b"".join(feed_text(feed, [bot.model_dump_json(by_alias=True).encode() for bot in feed.data])).decode() == text
    )
    head = json.loads(text)
    assert list(head)[:4] == ["object", "schema_version", "version", "generated_at"]
    assert (head["generated_at"], head["points_per_usd"]) == ("2026-10-20T12:00:00Z", "33000")
    assert head["data"][0]["pricing"]["api"]["prompt"] == "0.000002"


# --- refused -----------------------------------------------------------------------------------


def test_a_refused_candidate_is_kept_with_the_reasons_and_the_feed_is_untouched(tmp_path: Path) -> None:
    published(tmp_path, FIRST, T0)
    before = files(tmp_path)
    with pytest.raises(GateRefusedError, match=r"5 active bots, 50\.0% of the 10") as refused:
        published(tmp_path, FIRST[:5], T1)
    after = files(tmp_path)
    assert {name: after[name] for name in before} == before
    (refusal,) = FeedStore(tmp_path).refusals()
    assert (refusal.id, refusal.at, refusal.reasons) == (run(T1).id, T1, refused.value.reasons)
    kept = json.loads(gzip.decompress(refusal.path.read_bytes()))
    assert [bot["id"] for bot in kept["feed"]["data"]] == [bot.id for bot in FIRST[:5]]
    assert after.keys() - before.keys() == {f"refused/{run(T1).id}.json.gz"}


def test_accept_overrides_the_gate_for_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    published(tmp_path, FIRST, T0)
    with caplog.at_level(logging.WARNING):
        assert published(tmp_path, FIRST[:5], T1, accept=True).version == 2
    assert "Published although the gate would refuse it: The candidate has 5 active bots" in caplog.text


def test_accept_does_not_override_the_schema(tmp_path: Path) -> None:
    published(tmp_path, FIRST, T0)
    before = files(tmp_path)
    broken = FIRST[0].model_copy(update={"owned_by": "Other", "status": "asleep"})
    told = r"does not fit its schema: data\[0\] \('bot-0'\)\.status: 'asleep' is not one of"
    with pytest.raises(GateRefusedError, match=told):
        published(tmp_path, [broken, *FIRST[1:]], T1, accept=True)
    after = files(tmp_path)
    assert {name: after[name] for name in before} == before


def test_a_looser_gate(tmp_path: Path) -> None:
    published(tmp_path, FIRST, T0)
    assert published(tmp_path, FIRST[:5], T1, gate=Gate(min_share=0.5)).version == 2


# --- old versions ------------------------------------------------------------------------------


def test_old_versions_are_removed_where_asked(tmp_path: Path) -> None:
    store = FeedStore(tmp_path)
    published(tmp_path, FIRST, T0)
    for number in range(2, 6):
        published(tmp_path, seen_again(owned_by=f"Owner {number}"), T0 + number * DAY)
    assert store.versions() == [1, 2, 3, 4, 5]
    published(tmp_path, seen_again(owned_by="Owner 5"), T0 + 6 * DAY, keep=3)
    assert store.versions() == [3, 4, 5]
    assert [change.version for change in store.changes()] == [1] * 10 + [2, 3, 4, 5]
    before = files(tmp_path)
    FeedWriter(store, "a start").close()
    assert files(tmp_path) == before
    with pytest.raises(FeedError, match=r"Version 2 does not exist: 3 to 5 are on disk"):
        store.version(2)


def test_a_version_that_cannot_be_removed_does_not_undo_the_publication(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    published(tmp_path, FIRST, T0)

    def refuse(path: Path) -> None:
        if path.parent.name == "versions":
            raise FeedError(f"{path} could not be removed")

    with FeedWriter(FeedStore(tmp_path), "a test") as writer:
        monkeypatch.setattr(disk, "remove", refuse)
        assert writer.publish(seen_again(owned_by="Other"), run(T1), now=T1).version == 2
        writer.prune(versions=1)
    assert "An old file is kept" in caplog.text


def test_a_log_lost_together_with_old_versions_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    published(tmp_path, FIRST, T0)
    published(tmp_path, seen_again(owned_by="Other"), T1, keep=1)
    (tmp_path / "changes.jsonl").unlink()
    (tmp_path / "changes.atom").unlink()
    with FeedWriter(FeedStore(tmp_path), "a test") as writer:
        assert writer.head is not None
    assert "The changes of version 2 are lost" in caplog.text
    assert published(tmp_path, FIRST, T2).version == 3


def test_a_version_file_is_never_written_again(tmp_path: Path) -> None:
    published(tmp_path, FIRST, T0)
    first = FeedStore(tmp_path).version_file(1).read_bytes()
    for day in range(1, 4):
        published(tmp_path, seen_again(at=T0 + day * DAY), T0 + day * DAY)
    assert FeedStore(tmp_path).version_file(1).read_bytes() == first


# --- reading -----------------------------------------------------------------------------------


def test_an_empty_folder(tmp_path: Path) -> None:
    store = FeedStore(tmp_path / "none")
    assert store.current() is None
    assert (store.versions(), list(store.changes()), list(store.runs()), list(store.refusals())) == ([], [], [], [])
    with pytest.raises(FeedError, match=r"Version 1 does not exist: .*versions is empty"):
        store.version(1)
    assert not store.folder.exists(), "reading makes no folder"


def report(day: int) -> RunReport:
    at = T0 + day * DAY
    return RunReport(
        id=run(at).id, started_at=at, finished_at=at, finish_reason="finished", outcome="published", version=day
    )


def test_run_reports_newest_first(tmp_path: Path) -> None:
    with FeedWriter(FeedStore(tmp_path), "a test") as writer:
        for day in (2, 1, 3):
            writer.report(report(day))
    assert list(FeedStore(tmp_path).runs()) == [report(3), report(2), report(1)]


@pytest.mark.parametrize(
    ("name", "content", "read", "message"),
    [
        ("runs/1.json", b"{}", "runs", r"runs/1\.json is not a run report and is left out \(id: Field required\)"),
        ("runs/1.json", None, "runs", r"runs/1\.json is not a run report and is left out \(IsADirectoryError"),
        ("refused/1.json.gz", b"x", "refusals", r"refused/1\.json\.gz is not a refused candidate .*\(BadGzipFile"),
        ("refused/1.json.gz", gzip.compress(b"{}", mtime=0), "refusals", r"1\.json\.gz is not .*\(KeyError: 'id'\)"),
        ("refused/1.json.gz", gzip.compress(b"[]", mtime=0), "refusals", r"1\.json\.gz is not a refused candidate"),
        ("refused/1.json.gz", None, "refusals", r"1\.json\.gz is not a refused candidate .*\(IsADirectoryError"),
        ("changes.jsonl", b"{}\n", "changes", r"changes\.jsonl: the line at byte 0 is not a change and is left out"),
        ("changes.jsonl", b"\xff\n", "changes", r"changes\.jsonl: the line at byte 0 is not a change"),
    ],
)
def test_a_broken_file_is_named_and_left_out(
    tmp_path: Path, name: str, content: bytes | None, read: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    with FeedWriter(FeedStore(tmp_path), "a test") as writer:
        writer.report(report(1))
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    assert list(getattr(FeedStore(tmp_path), read)()) == ([report(1)] if read == "runs" else [])
    assert re.search(message, caplog.text)


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    published(tmp_path, FIRST, T0)
    others = [tmp_path / "notes.txt", tmp_path / "versions" / "README", tmp_path / "runs" / "x.txt"]
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    stray = tmp_path / "versions" / ".000002.json.gz.tmp"
    stray.write_text("half")
    assert FeedStore(tmp_path).versions() == [1]
    published(tmp_path, seen_again(owned_by="Other"), T1, keep=1)
    assert [path.read_text() for path in others] == ["mine"] * 3
    assert list(FeedStore(tmp_path).runs()) == []
    assert not stray.exists()


def test_a_feed_without_bots_starts_without_an_atom_feed(tmp_path: Path) -> None:
    published(tmp_path, FIRST, T0)
    empty = json.loads((tmp_path / "models.json").read_bytes()) | {"data": []}
    for path in (tmp_path / "changes.jsonl", tmp_path / "changes.atom", tmp_path / "versions" / "000001.json.gz"):
        path.unlink()
    (tmp_path / "models.json").write_text(json.dumps(empty))
    (tmp_path / "changes.jsonl").touch()
    assert published(tmp_path, FIRST, T1).version == 2
    assert [change.kind for change in FeedStore(tmp_path).changes()] == ["added"] * 10


# --- on disk -----------------------------------------------------------------------------------


def test_every_file_and_folder_is_flushed_before_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power failure must not leave an empty file under a new name, nor lose the name."""
    flushed: list[str] = []
    renamed: list[tuple[str, bool]] = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(descriptor: int) -> None:
        flushed.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    def note_replace(source: Path, target: Path) -> None:
        renamed.append((str(target), str(source) in flushed))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    published(tmp_path, FIRST, T0)
    assert renamed[-1] == (str(tmp_path / "version.json"), True), "what readers poll comes last"
    assert all(was_flushed for _, was_flushed in renamed)
    assert {str(tmp_path), str(tmp_path / "versions")} <= set(flushed)
    assert flushed[-2:] == [str(tmp_path)] * 2, "the folder is flushed after its last name, and after the lock's"


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_that_cannot_flush_folders_is_told_once(
    tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fsync = os.fsync

    def refuse_folders(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").is_dir():
            raise OSError(code, os.strerror(code))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    assert published(tmp_path, FIRST, T0).version == 1
    assert published(tmp_path, seen_again(owned_by="Other"), T1).version == 2
    told = [record for record in caplog.records if "cannot flush a folder" in record.message]
    assert len(told) == len({record.args for record in told}), "once for each folder"


def test_another_error_of_a_folder_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(FeedError, match="Input/output error"):
        published(tmp_path, FIRST, T0)


def test_a_symbolic_link_stays_one_and_its_target_is_replaced(tmp_path: Path) -> None:
    folder, served = tmp_path / "output", tmp_path / "served"
    served.mkdir()
    published(folder, FIRST, T0)
    (folder / "models.json").rename(served / "poe.json")
    (folder / "models.json").symlink_to(served / "poe.json")
    assert published(folder, seen_again(owned_by="Other"), T1).version == 2
    assert (folder / "models.json").is_symlink()
    assert json.loads((served / "poe.json").read_bytes())["version"] == 2
    assert [path.name for path in served.iterdir()] == ["poe.json"]


def test_script_hosts_make_no_new_version_and_another_address_of_the_site_does(tmp_path: Path) -> None:
    def publish(**site: Any) -> int:
        given = Site(**{"url": "https://poe.com", "api_url": "https://api.poe.com/v1/models"} | site)
        with FeedWriter(FeedStore(tmp_path), "a test", given) as writer:
            return writer.publish(FIRST, run(T0), now=T0).version

    assert publish() == 1
    assert publish(script_hosts=("cdn.example",)) == 1
    assert json.loads((tmp_path / "models.json").read_bytes())["site"]["script_hosts"] == ["cdn.example"]
    assert publish(api_url="https://api.poe.com/v2/models") == 2
    with FeedWriter(FeedStore(tmp_path), "a rereading") as writer:
        writer.publish(FIRST, run(T1), now=T1)
    assert json.loads((tmp_path / "models.json").read_bytes())["site"]["api_url"] == "https://api.poe.com/v2/models"


def test_bots_whose_prices_stay_count_when_one_jumps(tmp_path: Path) -> None:
    """One of thirty is fewer than a twentieth; the writer does not build those that stay."""
    thirty = [merge(None, visited(listed(f"bot-{n:02}", T0), T0)) for n in range(30)]
    published(tmp_path, thirty, T0)
    dear = merge(thirty[0], visited(listed("bot-00", T1), T1, "7500"))
    assert published(tmp_path, [dear, *thirty[1:]], T1).version == 2
