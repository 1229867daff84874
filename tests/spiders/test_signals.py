"""A crawl that is told to end: by a closed terminal, and before it has begun."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSCTTY
from threading import Thread

import psutil
import pytest

from poe_scraper.replica import Replica, running
from tests.distributed.conftest import wait_until


def in_terminal(words: list[str], environment: dict[str, str]) -> tuple[subprocess.Popen[bytes], Callable[[], None]]:
    """Start a program in a terminal of its own, as in an ssh session; and what closes the terminal."""
    screen, terminal = pty.openpty()

    def read() -> None:
        with suppress(OSError):  # it was closed
            while os.read(screen, 65536):
                pass

    process = subprocess.Popen(
        words,
        env=os.environ | environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=lambda: ioctl(0, TIOCSCTTY, 0),
    )
    os.close(terminal)
    Thread(target=read, daemon=True).start()
    return process, lambda: os.close(screen)


def environment(replica: Replica, folder: Path) -> dict[str, str]:
    return {"POE_API_URL": replica.api_url, "POE_SITE_URL": replica.url, "POE_OUTPUT_DIR": str(folder)}


@pytest.mark.browser
@pytest.mark.parametrize("words", [["poe_scraper", "update"], ["scrapy", "crawl", "poe_models"]])
def test_a_crawl_whose_terminal_is_closed_publishes_what_it_read(
    tmp_path: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    folder = tmp_path / "output"
    with running(bots=30) as replica:
        handles = [bot["handle"] for bot in replica.catalog()["bots"] if bot["listed"]]
        replica.set_faults(f"page_429_date@{handles[10]}:once")  # the whole host has to wait for two minutes
        process, close = in_terminal(
            [sys.executable, "-m", *words], environment(replica, folder) | {"POE_SITE_HOSTS": "auto,localhost"}
        )
        wait_until(lambda: replica.faults()["hits"] != {} or process.poll() is not None)
        browsers = psutil.Process(process.pid).children(recursive=True)
        close()
        assert process.wait(timeout=120) == 130
        assert psutil.wait_procs(browsers, timeout=60)[1] == []
    [report] = [json.loads(path.read_text()) for path in (folder / "runs").iterdir()]
    assert (report["finish_reason"], report["outcome"]) == ("shutdown", "published")
    bots = json.loads((folder / "models.json").read_text())["data"]
    assert sum(1 for bot in bots if bot["observed"]["page"]) >= 4


@pytest.mark.parametrize(
    "module",
    [
        "click",
        "scrapy.crawler",
        "poe_scraper.spiders.poe_models",
        "twisted.internet.asyncioreactor",
        "scrapy.core.engine",
        "poe_scraper.browser.handler",
    ],
)
def test_an_interrupt_while_a_crawl_starts_leaves_no_traceback(tmp_path: Path, module: str) -> None:
    with subprocess.Popen(
        # Python names each module that it has imported
        [sys.executable, "-X", "importtime", "-m", "poe_scraper", "update", "--only", "info"],
        env=os.environ | {"POE_API_URL": "http://127.0.0.1:9", "POE_OUTPUT_DIR": str(tmp_path / "feed")},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        lines = iter(process.stderr)
        assert any(line.rpartition("|")[2].strip() == module for line in lines), "never imported"
        process.send_signal(signal.SIGINT)
        log = "".join(lines)
    assert process.returncode in {130, -signal.SIGINT}, log
    assert "Traceback" not in log
