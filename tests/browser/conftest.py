"""Small servers that stand-ins for sites, trackers and browsers elsewhere are made of."""

import asyncio
import os
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from scrapy.settings import Settings
from scrapy_playwright.handler import Config
from scrapy_playwright.provider import PlaywrightBrowserProvider

from poe_scraper.browser.executable import CONTEXT_OPTIONS, find_browser, launch_options
from poe_scraper.browser.network import NetworkPolicy
from poe_scraper.browser.pool import PagePool
from poe_scraper.browser.proxies import Proxies
from poe_scraper.browser.relay import Relay

Reply = tuple[int, dict[str, str], bytes]
"""Status, headers and body."""


@dataclass
class Server:
    """An HTTP server on a loopback address, and what it was asked for."""

    host: str
    port: int
    replies: dict[str, str | Reply | Callable[[BaseHTTPRequestHandler], Reply]]
    asked: Counter[str] = field(default_factory=Counter)

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@contextmanager
def serving(host: str = "127.0.0.1", **replies: Any) -> Iterator[Server]:
    """Serve replies by path."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            server.asked[path] += 1
            reply = server.replies.get(path, (404, {}, b""))
            if callable(reply):
                reply = reply(self)
            status, headers, body = (200, {}, reply.encode()) if isinstance(reply, str) else reply
            self.send_response(status)
            kind = "text/javascript" if path.endswith(".js") else "text/css" if path.endswith(".css") else "text/html"
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
                for one in value if isinstance(value, list) else [value]:
                    self.send_header(name, one)
            if self.close_connection:  # as servers do when they are asked to; a client would send more otherwise
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    class Listener(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        daemon_threads = True

    listener = Listener((host, 0), Handler)
    server = Server(host, listener.server_port, dict(replies))
    Thread(target=listener.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start servers that end with the test."""
    with ExitStack() as stack:
        yield lambda host="127.0.0.1": stack.enter_context(serving(host))


@contextmanager
def listening(kind: socket.SocketKind, host: str = "127.0.0.2") -> Iterator[tuple[int, list[str]]]:
    """A socket that notes every packet or connection; gives its port and the notes."""
    sock = socket.socket(socket.AF_INET, kind)
    sock.bind((host, 0))
    notes: list[str] = []

    def run() -> None:
        try:
            if kind == socket.SOCK_STREAM:
                sock.listen()
                while True:
                    connection, _ = sock.accept()
                    notes.append("connection")
                    connection.close()
            while True:
                sock.recvfrom(2048)
                notes.append("packet")
        except OSError:
            return

    Thread(target=run, daemon=True).start()
    try:
        yield sock.getsockname()[1], notes
    finally:
        sock.close()


@contextmanager
def chrome(folder: Path) -> Iterator[str]:
    """A browser that somebody else has launched; gives the address of its DevTools protocol."""
    process = subprocess.Popen(
        [
            find_browser() or pytest.skip("needs a Chromium on the PATH"),
            "--no-sandbox",
            "--remote-debugging-port=0",
            f"--user-data-dir={folder}",
            "about:blank",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if b"DevTools listening on ws://" in line:
                yield "http://" + line.decode().partition("ws://")[2].partition("/")[0]
                break
        assert process.poll() is None, "the browser has ended"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()  # type: ignore[union-attr]


def in_pool(
    policy: NetworkPolicy,
    work: Callable[[PagePool], Awaitable[None]],
    *,
    proxies: Proxies | None = None,
    cdp_url: str = "",
    full: bool = False,
    **options: Any,
) -> Counter[str]:
    """Do something with a pool; gives what the pool counted."""
    counted: Counter[str] = Counter()
    defaults = {
        "context_options": CONTEXT_OPTIONS,
        "timeout": 10.0,
        "uses": 100,
        "max_size": 1_000_000,
        "memory_limit": 0.0,
    }

    def new_provider(relay_port: int | None) -> PlaywrightBrowserProvider:
        here = {"PLAYWRIGHT_LAUNCH_OPTIONS": launch_options(policy, relay_port=relay_port, full=full)}
        settings = {"PLAYWRIGHT_CDP_URL": cdp_url} if cdp_url else here
        return PlaywrightBrowserProvider(Config.from_settings(Settings(settings)))

    async def run() -> None:
        pool = PagePool(
            new_provider,
            policy=policy,
            relay=Relay(policy, proxies) if proxies else None,
            count=lambda name: counted.update([name]),
            guard=bool(cdp_url),
            **{**defaults, **options},
        )
        try:
            await work(pool)
        finally:
            await pool.close()

    asyncio.run(run())
    return counted
