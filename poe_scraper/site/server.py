"""Showing a catalogue on this machine. To publish it, any web server will do."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".atom": "application/atom+xml"}  # noqa: RUF012

    def end_headers(self) -> None:
        """Have every file asked for again: the next build may have changed it."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Log nothing: the only visitor is the one who started it."""


def serving(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of the folder on the loopback address; `serve_forever` starts it.

    Args:
        folder: what to serve.
        port: TCP port; 0 takes a free one.

    Raises:
        OSError: the port cannot be used.
    """
    return ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, directory=str(folder)))
