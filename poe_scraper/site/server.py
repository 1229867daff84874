"""A local web server to preview a catalogue. To publish one, use any web server."""

from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_NAMES = ("127.0.0.1", "localhost")
"""Host names under which the server is asked for. A page of another site that resolves its own name to this machine
(DNS rebinding) would use that name."""


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".atom": "application/atom+xml"}  # noqa: RUF012

    def send_head(self) -> Any:
        """Answer with a file of the folder, or refuse."""
        # any port: it may be forwarded
        if self.headers.get("Host", "").partition(":")[0].lower() not in _NAMES:
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return None
        # a link may lead out of the folder
        if not Path(self.translate_path(self.path)).resolve().is_relative_to(Path(self.directory).resolve()):
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def list_directory(self, path: Any) -> None:  # noqa: ARG002 - the signature is the base class's
        """Refuse to list a folder."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def end_headers(self) -> None:
        """Make the browser revalidate every file: the next build may have changed it."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Log nothing: the only visitor is the user who started the server."""


def make_server(folder: Path, port: int) -> ThreadingHTTPServer:
    """Make a server for a folder on the loopback address; `serve_forever` starts it.

    It answers requests to 127.0.0.1 and localhost alone, lists no folder and follows no link out of the folder.

    Args:
        folder: the folder to serve.
        port: TCP port; 0 picks a free one.

    Raises:
        OSError: the port cannot be used.
    """
    return ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, directory=str(folder)))
