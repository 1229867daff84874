"""Proxies: which is used for what, and real forward proxies in front of real browsers."""

import asyncio
import base64
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from poe_scraper.browser.network import NetworkPolicy
from poe_scraper.browser.pool import PagePool
from poe_scraper.browser.proxies import Proxies, find_proxies
from poe_scraper.browser.relay import Relay
from poe_scraper.failures import UsageError
from tests.browser.conftest import in_pool, serving

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


# --- which proxy -------------------------------------------------------------------------------


def test_without_a_proxy() -> None:
    assert find_proxies({}) is None
    assert find_proxies({"PLAYWRIGHT_LAUNCH_OPTIONS": {"headless": True}}) is None


@pytest.mark.parametrize(
    ("environment", "scheme", "host", "expected"),
    [
        ({"http_proxy": "http://p:1"}, "http", "poe.com", "http://p:1"),
        ({"http_proxy": "http://p:1"}, "https", "poe.com", ""),
        ({"https_proxy": "p:1"}, "https", "poe.com", "http://p:1"),
        ({"HTTPS_PROXY": "https://p:1"}, "https", "poe.com", "https://p:1"),
        ({"all_proxy": "socks5://p"}, "https", "poe.com", "socks5://p"),
        ({"https_proxy": "p:1", "no_proxy": "poe.com"}, "https", "www.poe.com", ""),
        ({"https_proxy": "p:1", "no_proxy": ".poe.com,x"}, "https", "www.poe.com", ""),
        ({"https_proxy": "p:1", "no_proxy": "poe.com"}, "https", "a.poecdn.net", "http://p:1"),
        ({"http_proxy": "p:1", "no_proxy": "*"}, "http", "poe.com", ""),
        ({"http_proxy": "p:1", "no_proxy": "::1"}, "http", "::1", ""),
    ],
)
def test_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], scheme: str, host: str, expected: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    proxies = find_proxies({})
    assert proxies is not None
    assert proxies.find(scheme, host, 443) == expected


@pytest.mark.parametrize(
    ("option", "host", "expected"),
    [
        ({"server": "p:1"}, "poe.com", "http://p:1"),
        ({"server": "socks5://p:1", "username": "a@b", "password": "c:/d"}, "poe.com", "socks5://a%40b:c%3A%2Fd@p:1"),
        ({"server": "p:1", "bypass": "poe.com, .example.com"}, "poe.com", ""),
        ({"server": "p:1", "bypass": "poe.com, .example.com"}, "a.example.com", ""),
        ({"server": "p:1", "bypass": "poe.com"}, "www.poe.com", "http://p:1"),
        ({"server": "p:1", "bypass": "*.poe.com"}, "www.poe.com", ""),
    ],
)
def test_playwrights_option(monkeypatch: pytest.MonkeyPatch, option: dict[str, str], host: str, expected: str) -> None:
    monkeypatch.setenv("https_proxy", "http://other:9")
    proxies = find_proxies({"PLAYWRIGHT_LAUNCH_OPTIONS": {"proxy": option}})
    assert proxies is not None
    assert proxies.find("https", host, 443) == expected


@pytest.mark.parametrize("address", ["ftp://user:secret@p:1", "http://:1", "http://user:secret@p:port", "http://["])
def test_an_address_that_is_not_a_proxys(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("https_proxy", address)
    with pytest.raises(UsageError, match="https_proxy must be the address of a proxy") as error:
        find_proxies({})
    assert "secret" not in str(error.value)


def test_passwords_are_not_shown() -> None:
    assert "secret" not in repr(Proxies("http://user:secret@p:1", "http://user:secret@p:1"))


# --- real proxies ------------------------------------------------------------------------------


@contextmanager
def forward_proxy(password: str = "") -> Iterator[tuple[int, list[str]]]:
    """A forward proxy that does what it is asked for; gives its port and the requests."""
    asked: list[str] = []
    wanted = base64.b64encode(f"user:{password}".encode()).decode()

    def pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while block := source.recv(65536):
                target.sendall(block)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def serve(client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head and (block := client.recv(65536)):
            head += block
        line = head.partition(b"\r\n")[0].decode()
        method, target, _ = line.split(" ")
        asked.append(f"{method} {target}")
        if password and f"Proxy-Authorization: Basic {wanted}".encode() not in head:
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            client.close()
            return
        address = urlsplit(f"//{target}" if method == "CONNECT" else target)
        upstream = socket.create_connection((address.hostname or "", address.port or 80))
        if method == "CONNECT":
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            path = address.path + (f"?{address.query}" if address.query else "")
            upstream.sendall(head.replace(target.encode(), path.encode(), 1))
        Thread(target=pump, args=(client, upstream), daemon=True).start()
        pump(upstream, client)
        client.close()

    listener = socket.create_server(("127.0.0.3", 0))

    def run() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            Thread(target=serve, args=(client,), daemon=True).start()

    Thread(target=run, daemon=True).start()
    try:
        yield listener.getsockname()[1], asked
    finally:
        listener.close()


@contextmanager
def socks_proxy() -> Iterator[tuple[int, list[str]]]:
    """A SOCKS 5 proxy that connects to 127.0.0.1, whatever the name."""
    asked: list[str] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while block := await reader.read(65536):
            writer.write(block)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        _, _, _, kind = await reader.readexactly(4)
        length = (await reader.readexactly(1))[0] if kind == 3 else 4
        name = await reader.readexactly(length)
        (port,) = struct.unpack(">H", await reader.readexactly(2))
        asked.append(name.decode() if kind == 3 else socket.inet_ntoa(name))
        upstream = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        await asyncio.gather(pump(reader, upstream[1]), pump(upstream[0], writer), return_exceptions=True)

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.3", 0))
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1], asked
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


PAGES = {
    "/": "<h1>Bare</h1><script src=/app.js></script><script>fetch('/gql', {method: 'GET'})</script>",
    "/app.js": "document.querySelector('h1').textContent = 'Rendered';"
    "fetch('http://127.0.0.2:9/tracker', {mode: 'no-cors'}).catch(() => {});",
    "/gql": "{}",
}


def visited(site_url: str, proxies: Proxies | None) -> list[str]:
    found: list[str] = []

    async def work(pool: PagePool) -> None:
        found.extend([(await pool.visit(f"{site_url}/?{number}")).html for number in range(3)])

    in_pool(NetworkPolicy(site_url), work, proxies=proxies)
    return found


@pytest.mark.browser
@pytest.mark.parametrize("password", ["", "secret"])
def test_pages_are_rendered_through_a_forward_proxy(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    with serving() as site, forward_proxy(password) as (port, asked):
        site.replies.update(PAGES)
        monkeypatch.setenv("http_proxy", f"http://{f'user:{password}@' if password else ''}127.0.0.3:{port}")
        assert all("Rendered" in html for html in visited(site.url, find_proxies({})))
        assert f"GET {site.url}/app.js" in asked
        assert all(request.startswith(f"GET {site.url}/") for request in asked), asked  # and none for the tracker
        assert len([request for request in asked if "/?" in request]) == 3


@pytest.mark.browser
def test_no_proxy_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as site, forward_proxy() as (port, asked):
        site.replies.update(PAGES)
        monkeypatch.setenv("http_proxy", f"http://127.0.0.3:{port}")
        monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
        assert all("Rendered" in html for html in visited(site.url, find_proxies({})))
        assert asked == []


@pytest.mark.browser
def test_the_environment_alone_never_moves_the_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as site:
        site.replies.update(PAGES)
        monkeypatch.setenv("http_proxy", "http://127.0.0.3:9")
        assert all("Rendered" in html for html in visited(site.url, None))


@pytest.mark.browser
def test_a_site_that_the_proxy_alone_can_resolve() -> None:
    with serving() as site, socks_proxy() as (port, asked):
        site.replies.update(PAGES)
        url = f"http://bots.invalid:{site.port}"
        option = {"server": f"socks5://127.0.0.3:{port}"}
        proxies = find_proxies({"PLAYWRIGHT_LAUNCH_OPTIONS": {"proxy": option}})
        assert all("Rendered" in html for html in visited(url, proxies))
        assert set(asked) == {"bots.invalid"}


def through_relay(policy: NetworkPolicy, proxies: Proxies, ask: Any) -> Any:
    """What a plain client of a relay gets."""

    async def run() -> Any:
        relay = Relay(policy, proxies)
        port = await relay.start()
        try:
            return await asyncio.to_thread(
                ask, {"http": f"http://127.0.0.1:{port}", "https": f"http://127.0.0.1:{port}"}
            )
        finally:
            await relay.close()

    return asyncio.run(run())


def test_the_relay_forwards_bodies_and_status(tmp_path: Path) -> None:
    def ask(relay: dict[str, str]) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.proxies = relay
            for _ in range(3):
                assert session.get(f"{site.url}/page?x=1", timeout=10).text == "x" * 300_000
            assert session.get(f"{site.url}/missing", timeout=10).status_code == 404
            with pytest.raises(requests.ConnectionError):
                session.get("http://127.0.0.2:9/", timeout=10)

    with serving() as site:
        site.replies["/page"] = "x" * 300_000
        through_relay(NetworkPolicy(site.url), Proxies(bypass=("*",)), ask)
        assert site.asked["/page"] == 3


def test_a_tunnel_to_an_allowed_host_alone() -> None:
    def tunnel(relay: dict[str, str], target: str) -> bytes:
        address = urlsplit(relay["http"])
        with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as client:
            client.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
            answer = client.recv(1000)
            if b" 200 " in answer:
                client.sendall(b"GET /page HTTP/1.0\r\n\r\n")
                answer += b"".join(iter(lambda: client.recv(65536), b""))
            return answer

    def ask(relay: dict[str, str]) -> None:
        assert tunnel(relay, f"127.0.0.1:{site.port}").endswith(b"page")
        assert tunnel(relay, f"127.0.0.2:{site.port}") == b""
        assert b" 502 " in tunnel(relay, "127.0.0.1:9")

    with serving() as site, forward_proxy() as (port, asked):
        site.replies["/page"] = (200, {"Connection": "close"}, b"page")
        through_relay(NetworkPolicy(site.url), Proxies(bypass=("*",)), ask)
        assert asked == []
        proxies = Proxies(https=f"http://127.0.0.3:{port}", bypass=("127.0.0.1:9",))
        through_relay(NetworkPolicy(site.url), proxies, ask)
        assert asked == [f"CONNECT 127.0.0.1:{site.port}"]


def test_a_proxy_that_refuses_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    def ask(relay: dict[str, str]) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.proxies = relay
            for _ in range(2):
                with pytest.raises(requests.exceptions.ProxyError):
                    session.get("https://poe.com/", timeout=10)

    with forward_proxy("secret") as (port, _):
        proxies = Proxies(https=f"http://user:wrong@127.0.0.3:{port}", bypass=())
        through_relay(NetworkPolicy("https://poe.com"), proxies, ask)
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["the proxy 127.0.0.3 answered 407 when asked to connect to poe.com:443"]
