"""The replica on the wire: one port of 127.0.0.1, and every way in which an answer can travel."""

import signal
import socket
import struct
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote
from weakref import WeakSet

from twisted.internet.task import LoopingCall
from twisted.web.http import CACHED, HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.server import Site as Factory

from .catalog import Catalog
from .faults import Faults
from .ledger import Ledger
from .messages import Asked, Reply
from .router import Router

HOST = "127.0.0.1"
OTHER_HOST = "localhost"
"""The same server by another name: what stands there is a third party's."""

SLOW = 2.0
"""Seconds that a slow answer takes."""

PIECES = 20
"""Parts of an answer whose bytes are slow."""

# Twisted's requests, transports and reactor are not typed well enough to be more than Any here.


class Wire(Resource):
    """Reads requests, lets the router answer, and sends what it says in the way it says.

    Args:
        reactor: Twisted's.
        router: knows the answers.
        ledger: counts.
    """

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, reactor: Any, router: Router, ledger: Ledger) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._reactor = reactor
        self._router = router
        self._ledger = ledger
        self._channels: WeakSet[HTTPChannel] = WeakSet()

    def render(self, request: Any) -> int:
        """Answer a request, now or later."""
        first = request.channel not in self._channels
        self._channels.add(request.channel)
        asked = _asked(request, first=first)
        reply = self._router.answer(asked)
        if not asked.path.startswith("/_replica/"):
            entry = self._ledger.begin(asked, reply)

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
                _if_it_breaks_off(request, lambda: call.cancel() if call.active() else None)
            case "slow_bytes":
                _send_pieces(request, reply)
            case "endless":
                _send_for_ever(request, reply)
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


def _asked(request: Any, *, first: bool) -> Asked:
    headers = {
        name.decode("latin-1").lower(): values[-1].decode("latin-1")
        for name, values in request.requestHeaders.getAllRawHeaders()
    }
    return Asked(
        method=request.method.decode("latin-1"),
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


def _if_it_breaks_off(request: Any, act: Callable[[], None]) -> None:
    """Act when the connection ends before the answer does."""
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
    _if_it_breaks_off(request, lambda: loop.stop() if loop.running else None)
    loop.start(SLOW / PIECES)


def _send_for_ever(request: Any, reply: Reply) -> None:
    _set_headers(request, reply)
    request.responseHeaders.removeHeader("Content-Length")
    request.write(reply.body.removesuffix(b"</body></html>"))
    loop = LoopingCall(request.write, b"\n")
    _if_it_breaks_off(request, loop.stop)
    loop.start(1, now=False)


def serve(catalog: Catalog, faults: Faults, port: int) -> None:
    """Serve until the process is told to end, by SIGTERM or SIGINT.

    Prints `replica: http://127.0.0.1:PORT (N bots)` once it accepts connections.

    Args:
        catalog: what to serve.
        faults: injected faults to start with.
        port: TCP port on 127.0.0.1; 0 takes a free one.

    Raises:
        twisted.internet.error.CannotListenError: the port is taken.
    """
    # Importing the reactor chooses one for the whole process, so it waits until there is one to run.
    from twisted.internet import reactor as only_reactor

    reactor: Any = only_reactor
    # The port must be known before the site is, and the site before anyone is let in.
    factory: Any = Factory(Resource(), timeout=None)  # type: ignore[no-untyped-call]
    port = reactor.listenTCP(port, factory, backlog=512, interface=HOST).getHost().port
    ledger = Ledger()
    router = Router(catalog, faults, ledger, f"http://{OTHER_HOST}:{port}")
    factory.resource = Wire(reactor, router, ledger)
    ready = f"replica: http://{HOST}:{port} ({len(catalog.listed())} bots)"
    # A background shell, cron and nohup start programs with SIGINT ignored, and Twisted then leaves it so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Not before the reactor minds signals, which may come as soon as the line does.
    reactor.callWhenRunning(print, ready, flush=True)
    reactor.run()
