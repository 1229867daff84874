"""One writer at a time.

The lock is the kernel's (flock): it is free again as soon as its holder dies, however it dies. `.lock.json` says who
holds it, for the message that a second writer gets.

On a file system without flock, the lock is a file that names its holder. If the holder dies, the lock is free again for
processes of the same host name alone: a container that was made anew has another one, and finds the lock taken. The
message then says which file to delete.
"""

import asyncio
import json
import logging
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TypeVar

from filelock import FileLock, Timeout

from poe_scraper.failures import FeedLockedError
from poe_scraper.feed import disk

logger = logging.getLogger(__name__)

_INTERVAL = 1.0
"""Seconds between two attempts to take the lock."""

_Taken = TypeVar("_Taken")


async def when_free(take: Callable[[], _Taken], wait: float) -> _Taken:
    """Take what the lock protects, now or as soon as its holder is done. The event loop is not blocked.

    Args:
        take: takes the lock, or raises `FeedLockedError`; it is called in a thread.
        wait: seconds to wait at most; 0 tries once. The wait ends early if the task is cancelled.

    Raises:
        FeedLockedError: another process still holds the lock; the text says which.
    """
    started = monotonic()
    waited_for = ""
    while True:
        try:
            taken = await asyncio.to_thread(take)
        except FeedLockedError as error:
            left = started + wait - monotonic()
            if left <= 0:
                raise
            if error.holder != waited_for:
                logger.info("Waiting, %.0f seconds at most, for %s, which writes the feed.", left, error.holder)
            waited_for = error.holder
            await asyncio.sleep(min(_INTERVAL, left))
        else:
            if waited_for:
                logger.info("Waited %.0f seconds; the feed is free.", monotonic() - started)
            return taken


class WriterLock:
    """The right to write a feed folder.

    Args:
        folder: the feed's folder; it is created if it is missing.
        purpose: what the holder does, for the message that others get.

    Raises:
        FeedLockedError: another process holds it; the text says which.
        FeedError: the folder cannot be written.
    """

    def __init__(self, folder: Path, purpose: str) -> None:
        self._holder = folder / ".lock.json"
        # not bound to a thread: different worker threads take and release it
        self._lock = FileLock(folder / ".lock", thread_local=False)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(blocking=False)
        except Timeout:
            remedy = _remedy(folder / ".lock")
            raise FeedLockedError(folder, _describe(self._holder), remedy) from None
        except OSError as error:
            raise disk.unwritable(folder, error) from error
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "purpose": purpose,
        }
        try:
            if self._holder.is_dir():
                disk.set_aside(self._holder, f"{self._holder} is a folder, not a file.")
            disk.replace(self._holder, [json.dumps(holder).encode()])
        except BaseException:
            self._lock.release()
            raise

    def release(self) -> None:
        """Release the lock.

        Raises:
            FeedError: the file that says who holds the lock cannot be removed; the lock is released anyway.
        """
        try:
            disk.remove(self._holder)
        finally:
            self._lock.release()


def _describe(holder: Path) -> str:
    try:
        who = json.loads(holder.read_bytes())
        return f"process {who['pid']} on {who['host']} since {who['since']} ({who['purpose']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"  # it has only just taken the lock, or is about to release it


def _remedy(lock: Path) -> str:
    """What to do about a lock that is taken. A lock of the kernel's is an empty file."""
    try:
        status = lock.stat()
    except OSError:
        return "Try again later."
    if status.st_size == 0:
        return "Try again later."
    hours = max(0.0, datetime.now(UTC).timestamp() - status.st_mtime) / 3600
    return (
        f"Try again later. This file system has no flock, so the lock is a file, {hours:.1f} hours old: "
        f"if that process no longer runs, delete {lock}."
    )
