"""Browsers that stand elsewhere: a Playwright server in a process of its own, and Chromium's DevTools port."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from poe_scraper.browser.executable import find_browser
from poe_scraper.replica import running
from tests.distributed.conftest import wait_until
from tests.spiders.conftest import visits

Starter = Callable[..., Any]

pytestmark = pytest.mark.browser

TOKEN = "a-secret-path"


@contextmanager
def serving(words: list[str], output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server and all that it starts, until the end of the block."""
    with output.open("wb") as file:
        server = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield server
    finally:
        kill(server)
        server.wait()


def kill(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        process = psutil.Process(server.pid)
        for each in [*process.children(recursive=True), process]:
            each.kill()


@pytest.fixture
def playwright_server(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a browser that a Playwright server serves, and the server."""
    options = {"host": "127.0.0.1", "port": 0, "wsPath": f"/{TOKEN}", "args": ["--no-sandbox"]}
    if path := find_browser():
        options["executablePath"] = shutil.which(path) or path
    config, output = tmp_path / "browser.json", tmp_path / "playwright.txt"
    config.write_text(json.dumps(options))
    words = [sys.executable, "-m", "playwright", "launch-server", "--browser", "chromium", "--config", str(config)]
    with serving(words, output) as server:
        wait_until(lambda: output.read_text().endswith(f"/{TOKEN}\n"))
        yield output.read_text().split()[-1], server


def test_a_playwright_server_elsewhere_renders_the_crawl(
    start: Starter, playwright_server: tuple[str, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    url, _ = playwright_server
    with running(bots=12) as replica:
        # no browser of its own would be found
        elsewhere = {"PLAYWRIGHT_CONNECT_URL": url, "PATH": "", "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)}
        done = start(replica, environment=elsewhere).wait()
        assert set(visits(replica).values()) == {1}
    assert done.status == 0, done.log
    assert len(done.bots) == 12
    assert all(bot["observed"]["page"] and bot["errors"] == [] for bot in done.bots.values())
    assert "Connected to remote Playwright" in done.log
    assert TOKEN not in done.everything()


def test_a_remote_browser_that_goes_away_ends_the_crawl(
    start: Starter, playwright_server: tuple[str, subprocess.Popen[bytes]]
) -> None:
    url, server = playwright_server
    elsewhere = {"PLAYWRIGHT_CONNECT_URL": url, "POE_PAGE_TIMEOUT": "10"}
    with running(bots=40) as replica:
        started = start(replica, environment=elsewhere)
        # six pages are visited at the same time: of twelve that asked for their card, some have been read
        wait_until(lambda: replica.requests()["by_kind"].get("gql", {"count": 0})["count"] >= 12)
        kill(server)
        done = started.wait()
    assert done.status == 1, done.log
    assert done.report["finish_reason"] == "browser_unreachable"
    assert "Check that it runs, and its address" in done.log
    assert done.report["outcome"] == "published"
    assert done.report["visited"] >= 5
    assert all(bot["status"] == "active" and bot["errors"] == [] for bot in done.bots.values())
    assert TOKEN not in done.everything()


def test_chromium_renders_the_crawl_through_its_devtools_port(start: Starter, tmp_path: Path) -> None:
    browser = find_browser()
    if browser is None:
        pytest.skip("there is no Chromium on the PATH")
    profile = tmp_path / "profile"
    words = [browser, "--headless", "--no-sandbox", "--remote-debugging-port=0", f"--user-data-dir={profile}"]
    with serving(words, tmp_path / "chromium.txt"), running(bots=6) as replica:
        active = profile / "DevToolsActivePort"
        wait_until(lambda: active.exists() and len(active.read_text().split()) == 2)
        address = f"http://127.0.0.1:{active.read_text().split()[0]}/?token={TOKEN}"
        done = start(replica, environment={"PLAYWRIGHT_CDP_URL": address}).wait()
    assert done.status == 0, done.log
    assert all(bot["observed"]["page"] for bot in done.bots.values())
    assert TOKEN not in done.everything()


@pytest.mark.slow
def test_a_browser_that_never_responds_does_not_hang_the_crawl(start: Starter) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, running(bots=3) as replica:
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}/{TOKEN}"
        done = start(replica, environment={"PLAYWRIGHT_CONNECT_URL": url, "POE_PAGE_TIMEOUT": "2"}).wait()
    assert done.status == 1, done.log
    assert done.report["finish_reason"] == "browser_unreachable"
    assert TOKEN not in done.everything()
