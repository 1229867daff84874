"""Catalogues in a real Chromium, from a feed of two crawls of the replica."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from filelock import FileLock
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from poe_scraper.feed.reader import open_feed
from poe_scraper.feed.store import FeedStore
from poe_scraper.replica import running
from poe_scraper.site import build
from poe_scraper.site.server import make_server
from tests.chromium import chromium  # noqa: F401 - the fixture `browser`
from tests.made_feed import publish

ROOT = Path(__file__).parents[2]
PACE = {"CONCURRENT_REQUESTS_PER_DOMAIN": "6", "AUTOTHROTTLE_TARGET_CONCURRENCY": "6", "POE_BACKOFF": "0.05"}

MOVIE_CARD = """Standard mode:

| Quality | Sound | Rate (USD) | Rate (Points) |
|---|---|---|---|
| 720p | With | ~~$0.20~~ **$0.10** / second | 3,300 points / second |
| 720p | Without | $0.05 / second | 1,650 points / second |

The first 5 seconds are included.
"""


@pytest.fixture(scope="session")
def crawled(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder of a feed of two versions from two crawls; one for all workers. Read it, never write it."""
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    folder = shared / "crawled"
    with FileLock(f"{folder}.lock"):
        if not (folder / "done").exists():
            _crawl_twice(folder)
            (folder / "done").touch()
    return folder


def _crawl_twice(folder: Path) -> None:
    with running(bots=14) as replica:
        movies = {"id": "demo-movies", "rate_card": MOVIE_CARD, "output_modalities": ["video"], "owned_by": "Demo"}
        replica.change(add=[movies])
        assert _crawl(replica.url, replica.api_url, folder) == 0
        cards = {bot["id"]: bot["rate_card"] for bot in replica.catalog()["bots"]}
        cheaper = cards["gpt-4.1"].replace("$1.82", "$0.91").replace("60 points", "30 points")
        assert cheaper != cards["gpt-4.1"]
        replica.change(
            set={"gpt-4.1": {"rate_card": cheaper}, "demo-movies": {"description": "Makes films."}},
            remove=["github"],
            add=[{"id": "demo-newcomer", "rate_card": "| Type | Rate |\n|---|---|\n| Image | 100 points / image |"}],
        )
        replica.set_faults("page_500@kling-omni")
        assert _crawl(replica.url, replica.api_url, folder) == 5


def _crawl(site: str, api: str, folder: Path) -> int:
    command = [sys.executable, "-m", "scrapy", "crawl", "poe_models", "-aforce=true"]
    settings = {**PACE, "POE_SITE_URL": site, "POE_API_URL": api, "POE_OUTPUT_DIR": str(folder)}
    command += [f"-s{name}={value}" for name, value in settings.items()]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ}, capture_output=True, timeout=240, check=False
    ).returncode


@pytest.fixture(scope="session")
def catalogue(crawled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogue of the crawled feed. Read it, never write it."""
    out = tmp_path_factory.mktemp("catalogue") / "site"
    build(open_feed(crawled), FeedStore(crawled), out)
    return out


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the made feed. Read it, never write it."""
    return publish(tmp_path_factory.mktemp("made"))


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, catalogue: Path) -> Iterator[Open]:
    """Opens a page of a catalogue from its file. Errors, alerts and requests to anywhere else fail the test."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def watch(context: BrowserContext, base: str) -> None:
        def asked(request: Request) -> None:
            if not request.url.startswith(base):
                wrong.append(request.url)

        def record(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"}:
                wrong.append(message.text)

        context.on("request", asked)
        context.on("console", record)
        context.on("weberror", lambda error: wrong.append(str(error.error)))
        context.on("dialog", lambda dialog: wrong.append(f"alert {dialog.message}"))

    def opened(address: str = "index.html", folder: Path = catalogue, base: str = "", **options: Any) -> Page:
        base = base or folder.as_uri()
        context = browser.new_context(locale="en-US", **options)
        contexts.append(context)
        watch(context, base)
        page = context.new_page()
        page.goto(f"{base}/{address}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on the loopback address; its URL."""
    with make_server(folder, 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
