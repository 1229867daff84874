"""The network policy in front of a proxy.

A proxy resolves names itself, so that no launch flag of Chromium could limit which hosts it contacts for a page. The
browser therefore talks to a relay on the loopback address, which passes on requests to allowed hosts alone. Chromium
keeps its cache and its TLS connections to the sites; the relay sees host names.
"""

import asyncio
import base64
import logging
import ssl
from urllib.parse import unquote, urlsplit

from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError
from python_socks.async_.asyncio import Proxy

from poe_scraper.browser.network import NetworkPolicy
from poe_scraper.browser.proxies import Proxies
from poe_scraper.untrusted import safe

logger = logging.getLogger(__name__)

_CONNECT_TIMEOUT = 30.0
"""Seconds to reach a proxy or a host."""

_CHUNK = 64 * 1024
"""Bytes that are passed on at a time."""

_DEFAULT_PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks5": 1080}

_HOP_BY_HOP = (b"connection:", b"proxy-connection:", b"proxy-authorization:", b"keep-alive:")

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _UnreachableError(Exception):
    """A proxy or a host could not be reached, or refused a tunnel."""


class Relay:
    """A forward proxy on the loopback address that knows the network policy.

    A request to a host that is not allowed gets no answer: its connection is closed.

    Args:
        policy: which hosts may be contacted.
        proxies: through which proxy.
    """

    def __init__(self, policy: NetworkPolicy, proxies: Proxies) -> None:
        self._policy = policy
        self._proxies = proxies
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._complaints: set[str] = set()

    async def start(self) -> int:
        """Start, unless it has started.

        Returns:
            Its port.
        """
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop, and cut what is still being passed on."""
        if self._server is not None:
            self._server.close()
            for task in self._connections:
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - start_server runs this in a task
        self._connections.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            logger.debug("the relay closed a connection: %s", safe(str(error)))
        except asyncio.CancelledError:  # the relay is closing
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        request, _, fields = head.partition(b"\r\n")
        method, target, version = request.decode("ascii").split(" ")
        is_tunnel = method == "CONNECT"
        address = urlsplit(f"https://{target}" if is_tunnel else target)
        host = (address.hostname or "").rstrip(".")
        port = address.port or _DEFAULT_PORTS[address.scheme]
        if not self._policy.hosts.allow(host):
            return
        try:
            if is_tunnel:
                upstream = await self._tunnel(host, port)
                writer.write(f"{version} 200 Connection established\r\n\r\n".encode())
            else:
                upstream = await self._forward(method, target, version, fields)
        except _UnreachableError as error:
            self._complain(str(error))
            writer.write(f"{version} 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            return
        try:
            await self._pass_on((reader, writer), upstream, None if is_tunnel else _content_length(fields))
        finally:
            upstream[1].close()

    async def _tunnel(self, host: str, port: int) -> _Streams:
        """Connect to a host, through the proxy for it."""
        proxy = self._proxies.find("https", host, port)
        if not proxy:
            return await _connect(host, port)
        if proxy.startswith("socks"):
            return await _connect_by_socks(proxy, host, port)
        reader, writer = await _connect_to_proxy(proxy)
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        writer.write(f"CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n".encode() + _authorization(proxy) + b"\r\n")
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                answer = await reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            answer = b""
        status = answer.partition(b"\r\n")[0].split(b" ")[1:2]
        if not (status and status[0].startswith(b"2")):
            writer.close()
            said = f"answered {status[0].decode('latin-1')}" if status else "did not answer"
            message = f"the proxy {urlsplit(proxy).hostname} {said} when asked to connect to {name}"
            raise _UnreachableError(message)
        return reader, writer

    async def _forward(self, method: str, target: str, version: str, fields: bytes) -> _Streams:
        """Send the head of a plain HTTP request to its host, or to the proxy for it."""
        address = urlsplit(target)
        host, port = address.hostname or "", address.port or 80
        proxy = self._proxies.find("http", host, port)
        is_http_proxy = bool(proxy) and not proxy.startswith("socks")
        if is_http_proxy:
            streams = await _connect_to_proxy(proxy)
            authorization = _authorization(proxy)
        else:
            streams = await (_connect_by_socks(proxy, host, port) if proxy else _connect(host, port))
            target = (address.path or "/") + (f"?{address.query}" if address.query else "")
            authorization = b""
        kept = [line for line in fields.split(b"\r\n") if line and not line.lower().startswith(_HOP_BY_HOP)]
        # one request for each connection, so that the next cannot go to another host
        head = [f"{method} {target} {version}".encode(), *kept, b"Connection: close"]
        streams[1].write(b"\r\n".join(head) + b"\r\n" + authorization + b"\r\n")
        return streams

    async def _pass_on(self, client: _Streams, upstream: _Streams, length: int | None) -> None:
        """Pass bytes on both ways until the host ends, or either side goes away.

        Args:
            client: the browser's side.
            upstream: the host's or proxy's side.
            length: bytes that the client may still send; None for no limit.
        """
        sending = asyncio.ensure_future(_copy(client[0], upstream[1], length))
        receiving = asyncio.ensure_future(_copy(upstream[0], client[1], None))
        try:
            await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
            if length is not None and not receiving.done():
                # the request is sent: a further byte would be another, and the end means that nobody listens
                more = asyncio.ensure_future(client[0].read(1))
                await asyncio.wait({receiving, more}, return_when=asyncio.FIRST_COMPLETED)
                more.cancel()
        finally:
            for task in (sending, receiving):
                task.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)

    def _complain(self, message: str) -> None:
        """Log a failure of a proxy once."""
        if message not in self._complaints:
            self._complaints.add(message)
            logger.warning("%s", safe(message))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, length: int | None) -> None:
    while length is None or length > 0:
        block = await reader.read(_CHUNK if length is None else min(_CHUNK, length))
        if not block:
            return
        if length is not None:
            length -= len(block)
        writer.write(block)
        await writer.drain()


async def _connect(host: str, port: int, *, tls: bool = False) -> _Streams:
    try:
        async with asyncio.timeout(_CONNECT_TIMEOUT):
            return await asyncio.open_connection(host, port, ssl=ssl.create_default_context() if tls else None)
    except (OSError, TimeoutError, UnicodeError) as error:
        message = f"{host}:{port} could not be reached: {error or type(error).__name__}"
        raise _UnreachableError(message) from None


async def _connect_to_proxy(proxy: str) -> _Streams:
    parts = urlsplit(proxy)
    try:
        return await _connect(
            parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme], tls=parts.scheme == "https"
        )
    except _UnreachableError as error:
        message = f"the proxy {error}"
        raise _UnreachableError(message) from None


async def _connect_by_socks(proxy: str, host: str, port: int) -> _Streams:
    parts = urlsplit(proxy)
    address = proxy if parts.port else f"{proxy}:{_DEFAULT_PORTS[parts.scheme]}"
    try:
        connection = await Proxy.from_url(address, rdns=True).connect(host, port, timeout=_CONNECT_TIMEOUT)
        return await asyncio.open_connection(sock=connection)
    except (ProxyError, ProxyConnectionError, ProxyTimeoutError, OSError) as error:
        message = f"the proxy {parts.hostname} did not connect to {host}:{port}: {error}"
        raise _UnreachableError(message) from None


def _authorization(proxy: str) -> bytes:
    parts = urlsplit(proxy)
    if parts.username is None:
        return b""
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return b"Proxy-Authorization: Basic " + base64.b64encode(user.encode()) + b"\r\n"


def _content_length(fields: bytes) -> int:
    """Bytes of a request's body. Chromium sends no other kind of body over HTTP/1.1."""
    for line in fields.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0
