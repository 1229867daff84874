"""A local web server to preview a catalogue. To publish one, use any web server."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".atom": "application/atom+xml"}  # noqa: RUF012

    def end_headers(self) -> None:
        """Make the browser revalidate every file: the next build may have changed it."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Log nothing: the only visitor is the user who started the server."""


def make_server(folder: Path, port: int) -> ThreadingHTTPServer:
    """Make a server for a folder on the loopback address; `serve_forever` starts it.

    Args:
        folder: the folder to serve.
        port: TCP port; 0 picks a free one.

    Raises:
        OSError: the port cannot be used.
    """
    return ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, directory=str(folder)))
