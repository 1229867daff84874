"""Whatever instant the process dies at, the feed is valid and the next start mends the rest."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from poe_scraper.feed.reader import open_feed
from poe_scraper.feed.schema import misfits
from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter
from tests.feed.dying import publish
from tests.made_feed import FIRST, SECOND, bots, run

ROOT = Path(__file__).parents[2]


def content(folder: Path) -> dict[str, bytes]:
    """Every file but those of the lock, which is the kernel's."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".lock")
    }


def kill_everywhere(base: Path, targets: Path, *arguments: str) -> int:
    targets.mkdir()
    command = [sys.executable, "-m", "tests.feed.dying", str(base), str(targets), *arguments]
    return int(subprocess.run(command, check=True, capture_output=True, cwd=ROOT, text=True).stdout)


@pytest.mark.slow
def test_killed_at_any_call_while_it_publishes_a_second_version(tmp_path: Path) -> None:
    base = tmp_path / "base"
    publish(base, first=True)
    before = FeedStore(base).current()
    calls = kill_everywhere(base, tmp_path / "killed")
    assert calls >= 30
    undisturbed = content(tmp_path / "killed" / "whole")
    after = FeedStore(tmp_path / "killed" / "whole").current()
    ends = []
    for number in range(1, calls + 1):
        folder = tmp_path / "killed" / str(number)
        feed = FeedStore(folder).current()
        assert feed in (before, after), number
        assert feed is not None
        assert misfits(feed) == [], number
        assert len(open_feed(folder)) == len(feed.data), number
        ends.append(feed.version)
        publish(folder, first=False)
        assert content(folder) == undisturbed, number
    assert ends == sorted(ends), "once it is published, it stays so"
    assert set(ends) == {1, 2}


@pytest.mark.slow
def test_killed_at_any_call_while_it_publishes_for_the_first_time(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    calls = kill_everywhere(base, tmp_path / "killed", "first")
    assert calls >= 30
    undisturbed = content(tmp_path / "killed" / "whole")
    for number in range(1, calls + 1):
        folder = tmp_path / "killed" / str(number)
        feed = FeedStore(folder).current()
        assert feed is None or feed.version == 1, number
        publish(folder, first=True)
        assert content(folder) == undisturbed, number


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    publish(tmp_path, first=True)
    publish(tmp_path, first=False)
    return tmp_path


def mend(folder: Path) -> None:
    FeedWriter(FeedStore(folder), "a test").close()


@pytest.mark.parametrize(
    "lost",
    [
        "models.json",
        "models.schema.json",
        "versions/000002.json.gz",
        "changes.jsonl",
        "changes.atom",
        "slim.json",
        "models.json.gz",
        "version.json",
    ],
)
def test_a_lost_file_comes_back_as_it_was(folder: Path, lost: str) -> None:
    before = content(folder)
    (folder / lost).unlink()
    mend(folder)
    assert content(folder) == before


@pytest.mark.parametrize("broken", [b"", b"{", b"\x00" * 100, b'{"data": []}', b"[]"])
def test_a_broken_feed_is_read_and_mended_from_its_newest_version(folder: Path, broken: bytes) -> None:
    before = content(folder)
    (folder / "models.json").write_bytes(broken)
    feed = FeedStore(folder).current()
    assert feed is not None
    assert feed.version == 2
    mend(folder)
    assert content(folder) == before


def test_a_broken_feed_without_versions_is_left_alone_and_said_to_be_broken(folder: Path) -> None:
    (folder / "models.json").write_bytes(b"{")
    for path in (folder / "versions").iterdir():
        path.write_bytes(path.read_bytes()[:40])
    before = content(folder)
    with pytest.raises(Exception, match=r"models\.json is broken: "):
        FeedStore(folder).current()
    with pytest.raises(Exception, match=r"models\.json is broken: .* away and crawl again"):
        mend(folder)
    assert content(folder) == before


def test_half_a_line_and_lines_of_a_version_that_never_came_are_taken_back(folder: Path) -> None:
    before = content(folder)
    lines = (folder / "changes.jsonl").read_bytes().splitlines(keepends=True)
    future = json.loads(lines[-1]) | {"version": 3}
    with (folder / "changes.jsonl").open("ab") as log:
        log.write(json.dumps(future, separators=(",", ":")).encode() + b"\n")
        log.write(json.dumps(future, separators=(",", ":")).encode()[:20])
    assert [change.version for change in FeedStore(folder).changes()][-1] == 3
    mend(folder)
    assert content(folder) == before


def test_what_was_half_written_is_swept_up(folder: Path) -> None:
    before = content(folder)
    for name in (".models.json.tmp", "versions/.000009.json.gz.tmp", "runs/.a.json.tmp", "refused/.a.json.gz.tmp"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"half")
    (folder / "mine.tmp").write_bytes(b"not ours")
    mend(folder)
    assert content(folder) == before | {"mine.tmp": b"not ours"}


def test_a_process_killed_while_it_holds_the_lock_blocks_nobody(folder: Path, tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from poe_scraper.feed.store import FeedStore\n"
        "from poe_scraper.feed.writer import FeedWriter\n"
        "writer = FeedWriter(FeedStore(Path(sys.argv[1])), 'doomed')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(folder)], check=False, cwd=ROOT)
    assert (folder / ".lock.json").exists()
    with FeedWriter(FeedStore(folder), "the next") as writer:
        assert writer.head is not None
        assert json.loads((folder / ".lock.json").read_bytes())["purpose"] == "the next"
        writer.publish(bots(FIRST), run(SECOND), now=SECOND)
    assert not (folder / ".lock.json").exists()
