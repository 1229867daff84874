"""A disk that is full, or fails in any other way: a clear error, and the old feed is intact."""

import contextlib
import errno
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from poe_scraper.failures import FeedError
from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter
from tests.feed.dying import publish
from tests.feed.test_crash import ROOT, content
from tests.made_feed import SECOND, bots, run

PUBLISH = (
    "import sys; from pathlib import Path\n"
    "from poe_scraper.failures import FeedError\n"
    "from tests.feed.dying import publish\n"
    "try: publish(Path(sys.argv[1]), first=False)\n"
    "except FeedError as error: sys.exit(f'told: {error}')\n"
)


@pytest.fixture
def tmpfs(tmp_path: Path) -> Iterator[Path]:
    """A disk of 192 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=192k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk takes root")
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(tmpfs: Path) -> None:
    publish(tmpfs, first=True)
    with FeedWriter(FeedStore(tmpfs), "a test") as writer:
        before = content(tmpfs)
        filler = tmpfs / "filler"
        with filler.open("wb", buffering=0) as file:
            for size in (4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"x" * size) == size:
                        pass
        with pytest.raises(FeedError, match=r"the disk is full.* The published feed is as it was\. Free some space"):
            writer.publish(bots(SECOND), run(SECOND), now=SECOND)
        filler.unlink()
        assert content(tmpfs) == before
        assert writer.publish(bots(SECOND), run(SECOND), now=SECOND).version == 2


def test_a_file_too_large_for_the_process(tmp_path: Path) -> None:
    publish(tmp_path, first=True)
    before = content(tmp_path)
    size = (tmp_path / "models.json").stat().st_size
    told = subprocess.run(
        [sys.executable, "-c", PUBLISH, str(tmp_path)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size - 1, size - 1)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1
    assert told.stderr.startswith("told: ")
    assert "models.json could not be written: the file would be larger than this process may write" in told.stderr
    assert content(tmp_path) == before


class Failing:
    """Makes one call of `os` fail, after it did half of its work where it writes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        self.calls = 0
        self.number = number
        for name in ("open", "write", "fsync", "replace", "mkdir"):
            monkeypatch.setattr(os, name, self._failing(name, getattr(os, name)))

    def _failing(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def failing(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.calls == self.number:
                if name == "write":
                    call(args[0], bytes(args[1])[: len(args[1]) // 2])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return call(*args, **kwargs)

        return failing


@pytest.mark.slow
def test_any_failing_call(tmp_path: Path) -> None:
    base = tmp_path / "base"
    publish(base, first=True)
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(base, undisturbed)
    publish(undisturbed, first=False)
    intact = 0
    number = 0
    while True:
        number += 1
        folder = tmp_path / f"{number}"
        shutil.copytree(base, folder)
        with pytest.MonkeyPatch.context() as monkeypatch:
            failing = Failing(monkeypatch, number)
            try:
                publish(folder, first=False)
            except FeedError as error:
                assert "the disk is full" in str(error), number  # noqa: PT017 - there may be none
        if failing.calls < number:
            break
        feed = FeedStore(folder).current()
        assert feed is not None, number
        if FeedStore(folder).versions() == [1]:  # else the next start finishes what was decided
            assert content(folder) == content(base), number
            intact += 1
        publish(folder, first=False)
        assert content(folder) == content(undisturbed), number
    assert number > 20
    assert intact > number / 2


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FeedError, match=r"could not be written: Not a directory.* POE_OUTPUT_DIR"):
        FeedWriter(FeedStore(tmp_path / "file" / "output"), "a test")
