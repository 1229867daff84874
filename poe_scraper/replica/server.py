"""The replica's HTTP server: one port of this machine, and every way in which a response can be sent."""

import signal
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote
from weakref import WeakSet

from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import LoopingCall
from twisted.web.http import CACHED, HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.server import Site as Factory

from .hosts import OTHER_ADDRESS, SITE_ADDRESS, Hosts
from .ledger import Ledger
from .messages import Answering, Reply, Request

SLOW = 2.0
"""Seconds that a slow response takes."""

PIECES = 20
"""Parts of a response whose bytes are slow."""

# Twisted's requests, transports and reactor are not typed well enough to be more than Any here.


class Wire(Resource):
    """Reads requests, and sends the site's answers in the way that they ask for.

    Args:
        reactor: Twisted's.
        site: gives the answers.
        ledger: counts requests.
    """

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, reactor: Any, site: Answering, ledger: Ledger) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._reactor = reactor
        self._site = site
        self._ledger = ledger
        self._channels: WeakSet[HTTPChannel] = WeakSet()

    def render(self, request: Any) -> int:
        """Answer a request, now or later."""
        first = request.channel not in self._channels
        self._channels.add(request.channel)
        parsed = _parsed(request, first=first)
        reply = self._site.answer(parsed)
        if not parsed.path.startswith("/_replica/"):
            entry = self._ledger.begin(parsed, reply)

            def ended(_: object) -> None:
                self._ledger.end(entry, reply, request.code if request.startedWriting else None, request.sentLength)

            request.notifyFinish().addBoth(ended)
        self._send(request, reply)
        return NOT_DONE_YET

    def _send(self, request: Any, reply: Reply) -> None:
        match reply.delivery:
            case "whole":
                _send_whole(request, reply)
            case "slow":
                call = self._reactor.callLater(SLOW, _send_whole, request, reply)
                _on_disconnect(request, lambda: call.cancel() if call.active() else None)
            case "slow_bytes":
                _send_pieces(request, reply)
            case "endless":
                _send_without_end(request, reply)
            case "truncated":
                _set_headers(request, reply)
                request.write(reply.body[: len(reply.body) // 2])
                request.channel.loseConnection()
            case "reset":
                transport = request.channel.transport
                # Closing with SO_LINGER 0 sends RST instead of FIN.
                transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                transport.abortConnection()
            case "silent":
                pass


def _parsed(request: Any, *, first: bool) -> Request:
    headers = {
        name.decode("latin-1").lower(): values[-1].decode("latin-1")
        for name, values in request.requestHeaders.getAllRawHeaders()
    }
    return Request(
        method=request.method.decode("latin-1"),
        host=headers.get("host", ""),
        path=unquote(request.path.decode("latin-1")),
        address=request.uri.decode("latin-1"),
        arguments=dict(parse_qsl(request.uri.partition(b"?")[2].decode("latin-1"))),
        headers=headers,
        cookies={name.decode("latin-1"): value.decode("latin-1") for name, value in request.received_cookies.items()},
        body=request.content.read(),
        first=first,
    )


def _set_headers(request: Any, reply: Reply) -> None:
    request.setResponseCode(reply.status)
    request.setHeader("Server", "replica")
    request.setHeader("Content-Type", reply.content_type)
    request.setHeader("Content-Length", str(len(reply.body)))
    for name, value in reply.headers.items():
        request.setHeader(name, value)


def _on_disconnect(request: Any, act: Callable[[], None]) -> None:
    """Call `act` if the connection ends before the response does."""
    request.notifyFinish().addErrback(lambda _: act())


def _send_whole(request: Any, reply: Reply) -> None:
    _set_headers(request, reply)
    etag = reply.headers.get("ETag")
    if etag is not None and request.setETag(etag.encode()) is CACHED:
        request.responseHeaders.removeHeader("Content-Length")
    else:
        request.write(reply.body)
    request.finish()


def _send_pieces(request: Any, reply: Reply) -> None:
    _set_headers(request, reply)
    size = len(reply.body) // PIECES + 1
    pieces = iter([reply.body[start : start + size] for start in range(0, len(reply.body), size)])

    def send() -> None:
        piece = next(pieces, None)
        if piece is not None:
            request.write(piece)
        else:
            loop.stop()
            request.finish()

    loop = LoopingCall(send)
    _on_disconnect(request, lambda: loop.stop() if loop.running else None)
    loop.start(SLOW / PIECES)


def _send_without_end(request: Any, reply: Reply) -> None:
    _set_headers(request, reply)
    request.responseHeaders.removeHeader("Content-Length")
    request.write(reply.body.removesuffix(b"</body></html>"))
    loop = LoopingCall(request.write, b"\n")
    _on_disconnect(request, loop.stop)
    loop.start(1, now=False)


class _Channel(HTTPChannel):
    """Reads requests whose headers are too large for the site, so that the site can say so."""

    MAX_LENGTH = 1_000_000
    totalHeadersSize = 1_000_000  # noqa: N815 - Twisted's name


class _StunCounter(DatagramProtocol):
    """Counts packets, and answers none."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def datagramReceived(self, datagram: bytes, addr: object) -> None:  # noqa: ARG002, N802 - Twisted's interface
        """Count a packet."""
        self._ledger.count("stun", OTHER_ADDRESS)


def serve(make_site: Callable[[Ledger, Hosts], Answering], port: int) -> None:
    """Serve until SIGTERM or SIGINT.

    Prints `replica: http://127.0.0.1:PORT (TITLE)` once it accepts connections.

    Args:
        make_site: makes the site for a ledger and the origins that its pages name.
        port: TCP port on 127.0.0.1; 0 takes a free one.

    Raises:
        twisted.internet.error.CannotListenError: the port is in use.
    """
    # Importing the reactor chooses one for the whole process, so it is not imported before one has to run.
    from twisted.internet import reactor as only_reactor

    reactor: Any = only_reactor
    # The site needs the port, and must be complete before the first connection is accepted.
    factory: Any = Factory(Resource(), timeout=None)  # type: ignore[no-untyped-call]
    factory.protocol = _Channel
    port = reactor.listenTCP(port, factory, backlog=512, interface=SITE_ADDRESS).getHost().port
    ledger = Ledger()
    site = make_site(ledger, Hosts(port))
    factory.resource = Wire(reactor, site, ledger)
    # Systems other than Linux have one loopback address, and the port may be in use at the other one: then
    # requests to the other address fail, which only a test of such requests would notice.
    with suppress(CannotListenError):
        reactor.listenTCP(port, factory, backlog=64, interface=OTHER_ADDRESS)
        reactor.listenUDP(port, _StunCounter(ledger), interface=OTHER_ADDRESS)
    ready = f"replica: http://{SITE_ADDRESS}:{port} ({site.title})"
    # A background shell, cron and nohup start programs with SIGINT ignored, and Twisted then leaves it so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Not before the reactor handles signals, which may come as soon as the line does.
    reactor.callWhenRunning(print, ready, flush=True)
    reactor.run()
