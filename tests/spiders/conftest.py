"""Crawls as a user runs them: `scrapy crawl` in a process of its own, against a replica."""

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest

from poe_scraper.replica import Replica

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


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., StartedCrawl]]:
    """Start `scrapy crawl` on a replica; spider arguments by name, settings as a mapping."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(
        replica: Replica | None = None,
        settings: dict[str, str] | None = None,
        environment: dict[str, str] | None = None,
        folder: Path = tmp_path / "output",
        spider: str = "poe_models",
        **arguments: str,
    ) -> StartedCrawl:
        addresses = {"POE_API_URL": replica.api_url, "POE_SITE_URL": replica.url} if replica else {}
        words = [f"-s{name}={value}" for name, value in {**PACE, **addresses, **(settings or {})}.items()]
        words += [f"-a{name}={value}" for name, value in arguments.items()]
        output = tmp_path / f"output-of-crawl-{len(started)}.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "scrapy", "crawl", spider, *words],
                cwd=ROOT,
                env={**os.environ, "POE_OUTPUT_DIR": str(folder), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(process)
        return StartedCrawl(process, output, folder)

    yield begin
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def crawl(start: Callable[..., StartedCrawl]) -> Crawler:
    """Run `scrapy crawl` to its end; arguments as `start` takes them."""
    return lambda *args, **kwargs: start(*args, **kwargs).wait()
