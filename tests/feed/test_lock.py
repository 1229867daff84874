"""One writer at a time."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from poe_scraper.failures import FeedLockedError
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
