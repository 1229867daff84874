"""Crawls as a user runs them: `scrapy crawl` in a process of its own, against a replica."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from poe_scraper.replica import Replica

ROOT = Path(__file__).parents[2]
PACE = {"CONCURRENT_REQUESTS_PER_DOMAIN": "6", "AUTOTHROTTLE_TARGET_CONCURRENCY": "6", "POE_BACKOFF": "0.05"}


@dataclass
class Crawl:
    """A crawl that has ended."""

    status: int
    log: str
    folder: Path

    @property
    def feed(self) -> dict[str, Any]:
        """The feed as published, held against its published schema."""
        feed = json.loads((self.folder / "models.json").read_bytes())
        schema = json.loads((self.folder / "models.schema.json").read_bytes())
        jsonschema.Draft202012Validator(schema).validate(feed)
        return dict(feed)

    @property
    def bots(self) -> dict[str, dict[str, Any]]:
        """The bots of the feed, by id."""
        return {bot["id"]: bot for bot in self.feed["data"]}

    @property
    def report(self) -> dict[str, Any]:
        """The newest run report."""
        reports = [json.loads(path.read_bytes()) for path in (self.folder / "runs").iterdir()]
        return dict(max(reports, key=lambda report: (report["finished_at"], report["started_at"])))

    def everything(self) -> str:
        """All that the crawl printed and wrote."""
        written = [self.log]
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                written.append((gzip.decompress(content) if path.suffix == ".gz" else content).decode())
        return "\n".join(written)


Crawler = Callable[..., Crawl]


@pytest.fixture
def crawl(tmp_path: Path) -> Crawler:
    """Run `scrapy crawl poe_models` on a replica; spider arguments by name, settings as a mapping."""

    def run(
        replica: Replica | None = None,
        settings: dict[str, str] | None = None,
        environment: dict[str, str] | None = None,
        folder: Path = tmp_path / "output",
        **arguments: str,
    ) -> Crawl:
        addresses = {"POE_API_URL": replica.api_url, "POE_SITE_URL": replica.url} if replica else {}
        words = [f"-s{name}={value}" for name, value in {**PACE, **addresses, **(settings or {})}.items()]
        words += [f"-a{name}={value}" for name, value in arguments.items()]
        done = subprocess.run(
            [sys.executable, "-m", "scrapy", "crawl", "poe_models", *words],
            cwd=ROOT,
            env={**os.environ, "POE_OUTPUT_DIR": str(folder), **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Crawl(done.returncode, done.stdout + done.stderr, folder)

    return run
