"""Temporary files and processes of browsers and drivers."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from poe_scraper.browser.network import NetworkPolicy
from poe_scraper.browser.pool import PagePool
from poe_scraper.browser.scratch import Scratch
from tests.browser.conftest import in_pool, serving


@pytest.fixture
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system's temporary folder of the test's own, with a path short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="t"))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def test_what_dead_processes_left_is_removed(temporary: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    abandoned = temporary / f"poe-scraper-{ended.pid}-abc"
    in_use = temporary / f"poe-scraper-{os.getpid()}-abc"
    others = [temporary / name for name in ("poe-scraper-notes", "poe-scraper-12x-abc", "playwright-artifacts-abc")]
    for folder in (abandoned, in_use, *others):
        folder.mkdir()
        (folder / "file").touch()
    outside = temporary / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    (temporary / f"poe-scraper-{ended.pid}-link").symlink_to(outside)
    driver = subprocess.Popen(
        [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"],
        env={**os.environ, "TMPDIR": str(abandoned)},
        stdout=subprocess.PIPE,
    )
    assert driver.stdout is not None
    driver.stdout.readline()
    driver.send_signal(signal.SIGSTOP)
    Scratch().remove()
    assert driver.wait(timeout=30) == -signal.SIGKILL
    driver.stdout.close()
    assert not abandoned.exists()
    assert all((folder / "file").exists() for folder in (in_use, *others))
    assert (outside / "kept").exists()


@pytest.mark.browser
def test_a_stopped_driver_does_not_outlive_the_crawl(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as site:
        site.replies["/"] = "<h1>Page</h1>"
        started: list[psutil.Process] = []

        def all_in_one_folder() -> bool:
            (folder,) = temporary.iterdir()
            return folder.name.startswith(f"poe-scraper-{os.getpid()}-") and any(folder.iterdir())

        async def work(pool: PagePool) -> None:
            await pool.visit(f"{site.url}/")
            monkeypatch.setattr("poe_scraper.browser.pool._PATIENCE", 2)  # for its end alone: a start takes its time
            assert all_in_one_folder()
            started.extend(psutil.Process().children(recursive=True))
            (driver,) = [process for process in started if "run-driver" in process.cmdline()]
            driver.suspend()

        in_pool(NetworkPolicy(site.url), work)
    _, alive = psutil.wait_procs(started, timeout=30)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert list(temporary.iterdir()) == []
