"""The temporary folder of one browser and its driver, and what killed ones have left."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_PREFIX = "poe-scraper-"


class Scratch:
    """A temporary folder for a driver, its browser and what they start; the name holds this process's id.

    Making one removes those of processes that no longer run, and ends drivers and browsers that outlived them.
    """

    def __init__(self) -> None:
        _remove_abandoned()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))

    @contextmanager
    def used(self) -> Iterator[None]:
        """Let programs that are started meanwhile, and their children, put temporary files there."""
        before = os.environ.get("TMPDIR")
        os.environ["TMPDIR"] = str(self.folder)
        try:
            yield
        finally:
            if before is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = before

    def remove(self) -> None:
        """Remove the folder, and end what still uses it: a driver that was stopped does not end by itself."""
        _remove(self.folder)


def _remove_abandoned() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        found = re.match(rf"{_PREFIX}(\d{{1,10}})-", folder.name)
        try:
            status = folder.lstat()
            is_ours = found is not None and status.st_uid == os.getuid() and folder.is_dir() and not folder.is_symlink()
            if is_ours and found is not None and not _runs_since(int(found[1]), status.st_ctime):
                _remove(folder)
        except OSError:  # another process removes it
            continue


def _runs_since(pid: int, before: float) -> bool:
    """True if a process of this id runs that started before a point of time (Unix seconds)."""
    try:
        process = psutil.Process(pid)
        return process.create_time() <= before + 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _remove(folder: Path) -> None:
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get("TMPDIR") == str(folder):
                process.kill()
        except psutil.Error:  # it has ended, or is another user's
            continue
    shutil.rmtree(folder, ignore_errors=True)
