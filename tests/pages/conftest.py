"""A real Chromium, and a small site whose pages each test writes itself."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.chromium import chromium  # noqa: F401 - the fixture `browser`

SCRIPTS = files("poe_scraper.browser") / "scripts"
RECORD = SCRIPTS.joinpath("record.js").read_text(encoding="utf-8")
LOOKS = {
    "bot": SCRIPTS.joinpath("observe.js").read_text(encoding="utf-8"),
    "profile": SCRIPTS.joinpath("profile.js").read_text(encoding="utf-8"),
}

Answer = tuple[int, str]


@dataclass
class Asked:
    """A request that the site got."""

    path: str
    headers: Mapping[str, str]
    body: Any = None


@dataclass
class Site:
    """A site at one port and two hosts: `url` for pages, `assets` for scripts and style sheets."""

    url: str
    assets: str
    files: dict[str, str | Callable[[], Answer]] = field(default_factory=dict)
    """What each path answers."""
    graphql: Callable[[Asked], Answer] = lambda asked: (404, "")
    """What the GraphQL address answers."""
    asked: list[Asked] = field(default_factory=list)
    """The GraphQL requests so far."""
    gets: list[str] = field(default_factory=list)
    """The paths of the other requests so far."""


@pytest.fixture
def site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.gets.append(self.path)
            content = served.files.get(self.path.partition("?")[0], lambda: (404, ""))
            status, text = (200, content) if isinstance(content, str) else content()
            kinds = {"js": "text/javascript", "css": "text/css"}
            self.answer(status, text, kinds.get(self.path.rpartition(".")[2], "text/html; charset=utf-8"))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            served.asked.append(asked)
            self.answer(*served.graphql(asked), "application/json")

        def answer(self, status: int, text: str, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Site(f"http://127.0.0.1:{server.server_port}", f"http://localhost:{server.server_port}")
    Thread(target=server.serve_forever, daemon=True).start()
    yield served
    server.shutdown()
    server.server_close()


@dataclass
class Seen:
    """What one of our scripts gave back from a page."""

    html: str
    query: Any
    url: str
    kept: Any
    """What the page's own script left in `window.kept`."""

    @property
    def observation(self) -> dict[str, Any]:
        text = self.html.rpartition('id="poe-scraper-observation">')[2].partition("</script>")[0]
        return dict(json.loads(text))


Look = Callable[..., Seen]


@pytest.fixture
def look(browser: Browser, site: Site) -> Iterator[Look]:
    """Visits a page of the site as the crawl does."""
    context = browser.new_context(locale="en-US")
    context.add_init_script(RECORD)

    def visit(path: str = "/Grok-4.7", *, kind: str = "bot", query: object = None, seconds: float = 20) -> Seen:
        page = context.new_page()
        page.goto(site.url + path, wait_until="commit")
        result = page.evaluate(LOOKS[kind], {"seconds": seconds, "maxSize": 5_000_000, "query": query})
        seen = Seen(result["html"], result["query"], page.url, page.evaluate("window.kept"))
        page.close()
        return seen

    yield visit
    context.close()
