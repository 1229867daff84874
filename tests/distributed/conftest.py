"""Crawls spread over processes, with a real Redis between them."""

import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NotYetReady

from tests.spiders.conftest import crawl, start  # noqa: F401 - fixtures


@dataclass
class RedisServer:
    """A Redis of our own, without anything on disk."""

    process: subprocess.Popen[bytes]
    url: str
    password: str

    @property
    def client(self) -> Redis:
        return Redis.from_url(self.url)


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server: apt-get install redis-server")
    password = secrets.token_hex(8)
    # not below tmp_path: the path of a Unix socket has 107 characters at most
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        socket = Path(folder, "redis.sock")
        words = ["--port", "0", "--unixsocket", str(socket), "--dir", folder, "--requirepass", password]
        words += ["--save", "", "--appendonly", "no"]
        process = subprocess.Popen(["redis-server", *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        server = RedisServer(process, f"unix://:{password}@{socket}", password)
        try:
            wait_until(lambda: _answers(server.client))
            yield server
        finally:
            process.kill()
            process.wait()


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
