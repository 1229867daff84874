"""One writer at a time.

The lock is the kernel's: it is free again the moment its holder dies, however it dies. Who holds it
stands in a file beside it, for the message that the second one gets.
"""

import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from poe_scraper.failures import FeedLockedError
from poe_scraper.feed import disk


class WriterLock:
    """The right to write a feed folder.

    Args:
        folder: the feed's folder; it is made where it is missing.
        purpose: what the holder does, for the message that others get.

    Raises:
        FeedLockedError: another process holds it; the text says which.
        FeedError: the folder cannot be written.
    """

    def __init__(self, folder: Path, purpose: str) -> None:
        self._holder = folder / ".lock.json"
        # Not bound to a thread: it is taken and given back by different worker threads.
        self._lock = FileLock(folder / ".lock", thread_local=False)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(blocking=False)
        except Timeout:
            message = f"The feed in {folder} is being written by {_describe(self._holder)}. Try again later."
            raise FeedLockedError(message) from None
        except OSError as error:
            raise disk.unwritable(folder, error) from error
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "purpose": purpose,
        }
        try:
            disk.replace(self._holder, json.dumps(holder).encode())
        except BaseException:
            self._lock.release()
            raise

    def release(self) -> None:
        """Let others write.

        Raises:
            FeedError: the file that says who holds the lock cannot be removed; the lock is free even so.
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
        return "another process"  # it has only just taken the lock, or is about to give it back
