"""A webhook on loopback."""

import base64
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

SECRET = "whsec_" + base64.b64encode(b"24 bytes that sign posts").decode()
PATH = "/services/T0PSECRET"


class Receiver:
    """A webhook on loopback that gives the configured responses in turn, then 204."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.posts: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.posts.append(({"path": self.path, **self.headers}, body))
                status, headers = receiver.answers.pop(0) if receiver.answers else (204, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        self.url = f"{self.origin}{PATH}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=[0.02])
        self._thread.start()

    def payloads(self) -> list[dict[str, Any]]:
        """The posts so far, their signatures verified; forgotten then."""
        posts, self.posts = self.posts, []
        return [Webhook(SECRET).verify(body, headers) for headers, body in posts]

    def close(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()
