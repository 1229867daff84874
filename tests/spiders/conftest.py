"""Crawls as a user runs them: `scrapy crawl` in a process of its own, against a replica."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest

from poe_scraper.replica import Replica, running

ROOT = Path(__file__).parents[2]
PACE = {"CONCURRENT_REQUESTS_PER_DOMAIN": "6", "AUTOTHROTTLE_TARGET_CONCURRENCY": "6", "POE_BACKOFF": "0.05"}


class Crawl:
    """A crawl that has ended, and what it left."""

    def __init__(self, status: int, log: str, folder: Path) -> None:
        self.status = status
        self.log = log
        self.folder = folder
        # read now: the next crawl writes into the same folder
        self.files = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}

    @cached_property
    def feed(self) -> dict[str, Any]:
        """The feed as published, held against its published schema."""
        feed = json.loads(self.files[self.folder / "models.json"])
        schema = json.loads(self.files[self.folder / "models.schema.json"])
        jsonschema.Draft202012Validator(schema).validate(feed)
        return dict(feed)

    @property
    def bots(self) -> dict[str, dict[str, Any]]:
        """The bots of the feed, by id."""
        return {bot["id"]: bot for bot in self.feed["data"]}

    @property
    def report(self) -> dict[str, Any]:
        """The newest run report."""
        reports = [json.loads(content) for path, content in self.files.items() if path.parent.name == "runs"]
        return dict(max(reports, key=lambda report: report["id"]))

    def everything(self) -> str:
        """All that the crawl printed and wrote."""
        written = [
            (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
            for path, content in self.files.items()
        ]
        return "\n".join([self.log, *written])


Crawler = Callable[..., Crawl]


@dataclass
class StartedCrawl:
    """A crawl under way, in a process group of its own as a shell makes it."""

    process: subprocess.Popen[bytes]
    output: Path
    folder: Path

    def interrupt(self) -> None:
        """What Ctrl-C does: a signal to every process of the group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def descendants(self, name: str) -> list[psutil.Process]:
        """The running processes below the crawl whose command line holds a text."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it ended meanwhile
                if any(name in word for word in process.cmdline()):
                    found.append(process)
        return found

    def wait(self) -> Crawl:
        """The crawl once it has ended."""
        status = self.process.wait(timeout=240)
        log = self.output.read_text(encoding="utf-8")
        assert "Traceback" not in log, log
        return Crawl(status, log, self.folder)


HEADLINES = ("Poe seems to have changed its site: ", "Pages lack something, perhaps because of a host")
"""How the line begins that says why a crawl lacks what it looked for."""


def visits(replica: Replica) -> Counter[str]:
    """How often each bot's page was requested, by the bot's handle."""
    by_handle = replica.requests()["by_handle"]
    return Counter({handle: counts["document"] for handle, counts in by_handle.items() if "document" in counts})


def start_crawl(
    base: Path,
    replica: Replica | None = None,
    settings: dict[str, str] | None = None,
    environment: dict[str, str] | None = None,
    folder: Path | None = None,
    spider: str = "poe_models",
    **arguments: str,
) -> StartedCrawl:
    """Start `scrapy crawl` on a replica; spider arguments by name, settings as a mapping."""
    addresses = {"POE_API_URL": replica.api_url, "POE_SITE_URL": replica.url} if replica else {}
    words = [f"-s{name}={value}" for name, value in {**PACE, **addresses, **(settings or {})}.items()]
    words += [f"-a{name}={value}" for name, value in arguments.items()]
    folder = base / "output" if folder is None else folder
    descriptor, output = tempfile.mkstemp(prefix="output-of-crawl-", suffix=".txt", dir=base)
    with os.fdopen(descriptor, "wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "scrapy", "crawl", spider, *words],
            cwd=ROOT,
            env={**os.environ, "POE_OUTPUT_DIR": str(folder), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return StartedCrawl(process, Path(output), folder)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., StartedCrawl]]:
    """Start `scrapy crawl`; arguments as `start_crawl` takes them after the first."""
    started: list[StartedCrawl] = []

    def begin(*args: Any, **kwargs: Any) -> StartedCrawl:
        started.append(start_crawl(tmp_path, *args, **kwargs))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGKILL)
            one.process.wait()


@pytest.fixture
def crawl(start: Callable[..., StartedCrawl]) -> Crawler:
    """Run `scrapy crawl` to its end; arguments as `start` takes them."""
    return lambda *args, **kwargs: start(*args, **kwargs).wait()


@dataclass
class KnownSite:
    """A replica that has been crawled in full, without a fault."""

    replica: Replica
    before: Crawl


@pytest.fixture(scope="session")
def crawled_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnownSite]:
    with running(bots=16) as replica:
        before = start_crawl(tmp_path_factory.mktemp("known"), replica).wait()
        assert before.status == 0, before.log
        yield KnownSite(replica, before)


@pytest.fixture
def known(crawled_site: KnownSite, tmp_path: Path) -> Iterator[KnownSite]:
    """A replica of 16 bots whose feed, with all of them, is where the test's crawls publish."""
    shutil.copytree(crawled_site.before.folder, tmp_path / "output")
    crawled_site.replica.set_faults()
    crawled_site.replica.forget_requests()
    yield crawled_site
    crawled_site.replica.set_faults()
