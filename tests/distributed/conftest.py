"""Crawls spread over processes, with a real Redis between them."""

import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NotYetReady
from redis.retry import Retry

from tests.spiders.conftest import crawl, start  # noqa: F401 - fixtures


@dataclass
class RedisServer:
    """A Redis of our own, which keeps what it holds if it is killed: its file is written, though not synced."""

    words: list[str]
    url: str
    password: str
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_until(lambda: _answers(self.client))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def client(self) -> Redis:
        return Redis.from_url(self.url, retry=Retry(NoBackoff(), 0))


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server: apt-get install redis-server")
    password = secrets.token_hex(8)
    # not below tmp_path: the path of a Unix socket has 107 characters at most
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        socket = Path(folder, "redis.sock")
        words = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--dir", folder]
        words += ["--requirepass", password, "--save", "", "--appendonly", "yes", "--appendfsync", "no"]
        server = RedisServer(words, f"unix://:{password}@{socket}", password)
        server.start()
        try:
            yield server
        finally:
            server.kill()


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except NotYetReady:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        Event().wait(0.02)


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture(autouse=True)
def known_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the replica's script host, so that no process of a crawl visits pages twice while it learns the host."""
    monkeypatch.setenv("POE_SITE_HOSTS", "auto,localhost")
