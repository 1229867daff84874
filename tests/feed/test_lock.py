"""One writer at a time."""

import asyncio
import errno
import fcntl
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from poe_scraper.failures import FeedError, FeedLockedError
from poe_scraper.feed.lock import when_free
from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter
from tests.feed.dying import publish
from tests.feed.test_crash import ROOT, content
from tests.made_feed import SECOND, bots, run

TRY_TO_WRITE = (
    "import sys; from pathlib import Path\n"
    "from poe_scraper.failures import FeedLockedError\n"
    "from tests.feed.dying import publish\n"
    "try: publish(Path(sys.argv[1]), first=False)\n"
    "except FeedLockedError as error: sys.exit(f'locked: {error}')\n"
)


def test_of_two_processes_one_publishes_and_the_other_says_who_writes(tmp_path: Path) -> None:
    publish(tmp_path, first=True)
    second = [sys.executable, "-c", TRY_TO_WRITE, str(tmp_path)]
    with FeedWriter(FeedStore(tmp_path), "crawl of poe_models") as writer:
        before = content(tmp_path)
        told = subprocess.run(second, cwd=ROOT, capture_output=True, text=True, check=False)
        assert told.returncode == 1
        who = rf"process {os.getpid()} on \S+ since \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ \(crawl of poe_models\)"
        assert re.match(rf"locked: The feed in {re.escape(str(tmp_path))} is being written by {who}", told.stderr)
        assert content(tmp_path) == before
        assert writer.publish(bots(SECOND), run(SECOND), now=SECOND).version == 2
    assert subprocess.run(second, cwd=ROOT, check=False).returncode == 0


def test_a_second_writer_in_the_same_process_is_refused_too(tmp_path: Path) -> None:
    message = r"process \d+ on .* \(the first\)"
    with FeedWriter(FeedStore(tmp_path), "the first"), pytest.raises(FeedLockedError, match=message):
        FeedWriter(FeedStore(tmp_path), "the second")
    FeedWriter(FeedStore(tmp_path), "the third").close()


def test_the_lock_is_given_back_by_another_thread_than_took_it(tmp_path: Path) -> None:
    taken: list[FeedWriter] = []
    thread = threading.Thread(target=lambda: taken.append(FeedWriter(FeedStore(tmp_path), "a thread")))
    thread.start()
    thread.join()
    taken[0].close()
    FeedWriter(FeedStore(tmp_path), "the next").close()


@pytest.mark.parametrize("who", [b"", b"{}", b"[]", b'{"pid": 1'])
def test_a_holder_that_has_not_said_who_it_is(tmp_path: Path, who: bytes) -> None:
    with FeedWriter(FeedStore(tmp_path), "the first"):
        (tmp_path / ".lock.json").write_bytes(who)
        with pytest.raises(FeedLockedError, match="is being written by another process"):
            FeedWriter(FeedStore(tmp_path), "the second")


def test_reading_needs_no_lock(tmp_path: Path) -> None:
    publish(tmp_path, first=True)
    with FeedWriter(FeedStore(tmp_path), "a crawl"):
        feed = FeedStore(tmp_path).current()
    assert feed is not None
    assert feed.version == 1


# --- waiting -----------------------------------------------------------------------------------


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poe_scraper.feed.lock._INTERVAL", 0.01)


@pytest.mark.usefixtures("in_a_hurry")
def test_the_second_waits_for_its_turn_and_says_for_whom(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    first = FeedWriter(FeedStore(tmp_path), "the first")
    tries = []

    def take() -> FeedWriter:
        tries.append(threading.current_thread())
        if len(tries) == 4:
            first.close()
        return FeedWriter(FeedStore(tmp_path), "the second")

    asyncio.run(when_free(take, wait=600)).close()
    assert len(tries) == 4
    assert threading.main_thread() not in tries
    waiting, free = caplog.messages
    assert re.fullmatch(rf"Waiting, \d+ seconds at most, for process {os.getpid()} on .* \(the first\), .*", waiting)
    assert re.fullmatch(r"Waited \d+ seconds; the feed is free\.", free)


@pytest.mark.usefixtures("in_a_hurry")
@pytest.mark.parametrize("wait", [0, 0.05])
def test_a_wait_that_is_over(tmp_path: Path, wait: float) -> None:
    with FeedWriter(FeedStore(tmp_path), "the first"), pytest.raises(FeedLockedError, match=r"\(the first\)"):
        asyncio.run(when_free(lambda: FeedWriter(FeedStore(tmp_path), "the second"), wait))


def test_a_wait_that_is_cancelled_takes_nothing(tmp_path: Path) -> None:
    async def cancel() -> None:
        tried = asyncio.Event()
        loop = asyncio.get_running_loop()

        def take() -> FeedWriter:
            loop.call_soon_threadsafe(tried.set)
            return FeedWriter(FeedStore(tmp_path), "the second")

        waiting = asyncio.create_task(when_free(take, wait=600))
        await tried.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    with FeedWriter(FeedStore(tmp_path), "the first"):
        asyncio.run(cancel())
    FeedWriter(FeedStore(tmp_path), "the third").close()


def test_only_a_lock_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(FeedError, match="file"):
        asyncio.run(when_free(lambda: FeedWriter(FeedStore(tmp_path / "file"), "the first"), wait=600))


@pytest.fixture
def no_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.mark.usefixtures("no_flock")
@pytest.mark.filterwarnings("ignore:flock not supported")
def test_without_flock_a_lock_of_another_host_is_told_with_age_and_remedy(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    with FeedWriter(FeedStore(tmp_path), "the first"):
        marker = lock.read_bytes()
    assert not lock.exists()
    assert socket.gethostname().encode() in marker
    lock.write_bytes(marker.replace(socket.gethostname().encode(), b"container-that-is-gone"))
    day_ago = time.time() - 86_400
    os.utime(lock, (day_ago, day_ago))
    with pytest.raises(
        FeedLockedError, match=rf"the lock is a file, 24\.0 hours old: .* delete {re.escape(str(lock))}"
    ):
        FeedWriter(FeedStore(tmp_path), "the second")
    lock.unlink()
    FeedWriter(FeedStore(tmp_path), "the third").close()


def test_with_flock_nobody_is_asked_to_delete_the_lock(tmp_path: Path) -> None:
    """A second lock file would let two processes write."""
    with FeedWriter(FeedStore(tmp_path), "the first"), pytest.raises(FeedLockedError, match=r"Try again later\.$"):
        FeedWriter(FeedStore(tmp_path), "the second")
