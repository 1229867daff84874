"""The pool of browser pages, against a small site that misbehaves."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from poe_scraper.browser.network import NetworkPolicy
from poe_scraper.browser.pool import PagePool
from poe_scraper.failures import Code, ObservationError
from tests.browser.conftest import in_pool as in_pool_with

pytestmark = pytest.mark.browser

PAGES = {
    "/clean": """<h1>Clean</h1><script>
        document.title = JSON.stringify([localStorage.length, sessionStorage.length, Object.keys(window).length]);
    </script>""",
    "/leaky": """<h1>Leaky</h1><script>
        localStorage.setItem("left", "behind");
        sessionStorage.setItem("left", "behind");
        window.left = "behind";
        addEventListener("beforeunload", (event) => event.preventDefault());
        window.open("/popup");
        confirm("Stay?");
        setInterval(() => fetch("/beacon"), 20);
        setInterval(() => localStorage.setItem("left", "behind"), 1);
    </script>""",
    "/popup": """<h1>Popup</h1><script>
        setInterval(() => fetch("/popup-beacon"), 20);
        setTimeout(() => window.open("/popup"), 50);
    </script>""",
    "/hanging": "<h1>Hanging</h1><script>for (;;);</script>",
    "/throwing": "<h1>Throwing</h1><script>JSON.stringify = () => { throw new Error('no'); };</script>",
    "/leaving": """<h1>Leaving</h1><script>
        // once somebody waits for a change of it
        window.MutationObserver = class extends MutationObserver {
            observe(...what) {
                super.observe(...what);
                location.assign("/leaving");
            }
        };
    </script>""",
    "/leaving-once": """<title>/clean</title><script>
        window.MutationObserver = class extends MutationObserver {
            observe(...what) {
                super.observe(...what);
                location.assign(document.title);
            }
        };
    </script>""",
    "/lying": "<h1>Lying</h1><script>Array.prototype.entries = null; performance.getEntriesByType = () => "
    "[{transferSize: 'much', entryType: 'navigation'}];</script>",
    "/large": "<h1>Large</h1><script>document.body.append('x'.repeat(3e6));</script>",
}

ASKING = """<h1>Asking</h1><main></main><script>
    const main = document.querySelector("main");
    const ask = %s;
    const query = (name) => ask("/gql?" + name, JSON.stringify({queryName: name}));
    const rates = () => {
        main.innerHTML = "<button>Rates</button>";
        main.firstChild.onclick = () => query("%s").then(() => main.append("shown"));
    };
    %s
</script>"""
"""A page that asks for the viewer, and for the card once Rates is clicked."""

ASKS = {
    "fetch": "(url, body) => fetch(url, {method: 'POST', body})",
    "request": "(url, body) => fetch(new Request(url, {method: 'POST', body}))",
    "xhr": """(url, body) => new Promise((done) => {
        const request = new XMLHttpRequest();
        request.onload = done;
        request.open("POST", url);
        request.send(body);
    })""",
}


@dataclass
class Site:
    """A site, and when each of its addresses was asked for last."""

    url: str
    asked: Counter[str] = field(default_factory=Counter)
    last: dict[str, float] = field(default_factory=dict)


@pytest.fixture
def site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked[self.path] += 1
            served.last[self.path] = time.monotonic()
            body = PAGES.get(self.path, "").encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            served.asked[self.path] += 1
            body = (
                b'{"data": {"rateMenuMarkdown": "5 points"}}' if "Rate" in self.path or "Price" in self.path else b"{}"
            )
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Site(f"http://127.0.0.1:{server.server_port}")
    Thread(target=server.serve_forever, daemon=True).start()
    yield served
    server.shutdown()
    server.server_close()


def in_pool(site: Site, work: Callable[[PagePool], Awaitable[None]], **options: Any) -> Counter[str]:
    """Do something with a pool for the site; gives what the pool counted."""
    policy = options.pop("policy", None) or NetworkPolicy(site.url)
    return in_pool_with(policy, work, **options)


def test_nothing_of_a_page_reaches_the_next(site: Site) -> None:
    titles = []

    async def work(pool: PagePool) -> None:
        for page in ("/clean", "/leaky", "/clean", "/leaky", "/clean"):
            visit = await pool.visit(site.url + page)
            if page == "/clean":
                titles.append(visit.html.partition("<title>")[2].partition("</title>")[0])

    counted = in_pool(site, work)
    assert counted["pages"] == 1
    assert titles[0].startswith("[0,0,")
    assert titles == [titles[0]] * 3


def test_pages_that_nobody_visits_fall_silent(site: Site) -> None:
    async def work(pool: PagePool) -> None:
        await pool.visit(f"{site.url}/leaky")
        deadline = time.monotonic() + 60
        while not site.asked["/beacon"]:
            assert time.monotonic() < deadline, "the page asks for nothing"
            await asyncio.sleep(0.05)
        while time.monotonic() - max(site.last[path] for path in site.last if "beacon" in path) < 0.5:
            assert time.monotonic() < deadline, "an idle page goes on asking"
            await asyncio.sleep(0.05)
        assert "Clean" in (await pool.visit(f"{site.url}/clean")).html

    assert in_pool(site, work)["pages"] == 1


@pytest.mark.parametrize(
    ("page", "code"),
    [
        ("/throwing", Code.SITE_CHANGED),
        ("/leaving", Code.SITE_CHANGED),
        ("/lying", Code.SITE_CHANGED),
        ("/large", Code.TOO_LARGE),
    ],
)
def test_a_page_that_resists_costs_itself_alone(site: Site, page: str, code: Code) -> None:
    async def work(pool: PagePool) -> None:
        with pytest.raises(ObservationError) as failed:
            await pool.visit(site.url + page)
        assert failed.value.code == code
        assert "Clean" in (await pool.visit(f"{site.url}/clean")).html

    assert in_pool(site, work)["browsers"] == 1


def test_a_page_that_goes_to_another_address_is_followed(site: Site) -> None:
    async def work(pool: PagePool) -> None:
        visit = await pool.visit(f"{site.url}/leaving-once")
        assert visit.url == f"{site.url}/clean"
        assert visit.redirects == (f"{site.url}/leaving-once",)
        assert "Clean" in visit.html

    in_pool(site, work)


def test_a_page_that_hangs_costs_its_time_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(pool: PagePool) -> None:
        await pool.visit(f"{site.url}/clean")
        monkeypatch.setattr("poe_scraper.browser.pool._PATIENCE", 2)  # not for the browser's start, which takes longer
        hanging = asyncio.create_task(pool.visit(f"{site.url}/hanging"))
        assert "Clean" in (await pool.visit(f"{site.url}/clean")).html
        with pytest.raises(TimeoutError):
            await hanging
        assert "Clean" in (await pool.visit(f"{site.url}/clean")).html

    assert in_pool(site, work, timeout=1.0)["browsers"] == 1


def test_pages_are_replaced_after_so_many_visits(site: Site) -> None:
    async def work(pool: PagePool) -> None:
        for _ in range(5):
            await pool.visit(f"{site.url}/clean")

    assert in_pool(site, work, uses=2)["pages"] == 3


def test_a_browser_that_grows_too_large_is_replaced(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poe_scraper.browser.pool._MEMORY_INTERVAL", 0)

    async def work(pool: PagePool) -> None:
        visits = [pool.visit(f"{site.url}/clean") for _ in range(4)]
        assert all("Clean" in visit.html for visit in await asyncio.gather(*visits))
        await pool.visit(f"{site.url}/clean")

    counted = in_pool(site, work, memory_limit=1.0)
    assert counted["browsers_too_large"] == counted["browsers"] == 2
    assert counted["browser_deaths"] == 0


# --- what is asked for -------------------------------------------------------------------------


@pytest.mark.parametrize("way", ASKS)
@pytest.mark.parametrize(
    ("card", "page", "asked"),
    [
        ("RateCardModalQuery", "query('ViewerQuery'); rates();", ["RateCardModalQuery"]),
        # what a page turns out to need is let go: the trigger comes late, or the card goes by another name
        ("RateCardModalQuery", "query('ViewerQuery').then(rates);", ["RateCardModalQuery", "ViewerQuery"]),
        ("PriceQuery", "query('ViewerQuery'); rates();", ["PriceQuery", "ViewerQuery"]),
    ],
)
def test_a_page_asks_for_no_more_than_its_card_needs(
    site: Site, monkeypatch: pytest.MonkeyPatch, way: str, card: str, page: str, asked: list[str]
) -> None:
    monkeypatch.setitem(PAGES, "/asking", ASKING % (ASKS[way], card, page))
    seen = []

    async def work(pool: PagePool) -> None:
        seen.append((await pool.visit(f"{site.url}/asking")).html)

    in_pool(site, work)
    assert "5 points" in seen[0].partition('id="poe-scraper-observation"')[2]
    assert sorted(path for path in site.asked if path.startswith("/gql")) == [f"/gql?{name}" for name in asked]


def test_how_a_page_asks_for_its_card_is_kept_for_other_pages_and_crawls(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ask = """(url, body) => fetch("/gql/Rate", {method: "POST", headers: {"poe-formkey": "secret"},
        body: JSON.stringify({...JSON.parse(body), variables: {botId: 1}})})"""
    renamed = """<h1>Renamed</h1><script id="__NEXT_DATA__">{"bot": {"handle": "Renamed", "botId": 2}}</script>"""
    monkeypatch.setitem(PAGES, "/asking", ASKING % (ask, "RateCardQuery", "rates();"))
    monkeypatch.setitem(PAGES, "/renamed", renamed)
    kept = tmp_path / "query.json"

    def visit(*paths: str) -> list[str]:
        seen: list[str] = []

        async def work(pool: PagePool) -> None:
            for path in paths:
                html = (await pool.visit(site.url + path)).html
                seen.append(html.partition('id="poe-scraper-observation"')[2])

        in_pool(site, work, card_query_file=kept)
        return seen

    assert "5 points" not in visit("/renamed")[0]
    asking, renamed = visit("/asking", "/renamed")
    assert "5 points" in asking
    assert "5 points" in renamed
    assert "5 points" in visit("/renamed")[0]  # another pool, as another crawl has
    assert "secret" not in asking + renamed
    assert kept.stat().st_mode & 0o777 == 0o600
    assert site.asked["/gql/Rate"] == 3


# --- profiles ----------------------------------------------------------------------------------

LOADERS = {
    "/comes-into-view": """
        new IntersectionObserver((seen) => seen.some((entry) => entry.isIntersecting) && more()).observe(end);""",
    "/window-scrolls": """
        const root = document.documentElement;
        addEventListener("scroll", () => innerHeight + scrollY > root.scrollHeight - 80 && more());""",
    "/panel-scrolls": """
        panel.style.cssText = "height: 300px; overflow-y: auto";
        panel.addEventListener("scroll", () => panel.scrollTop + 300 > panel.scrollHeight - 80 && more());""",
    "/scrolls-away-and-back": """
        let away = false;
        addEventListener("scroll", () => {
            if (scrollY < 40) away = true;
            else if (away) more();
        });""",
}
"""What makes a panel of 70 bots grow."""


def profile(loader: str, advertised: int) -> str:
    """A profile whose panel gets 20 bots at a time, each time a little later."""
    return f"""<h1>Profile</h1><div id="profile-created-bots"><div id="rows"></div><div id="end">-</div></div>
        <script type="application/json">{{"user": {{"createdBotCount": {advertised}}}}}</script>
        <script>
        const [panel, rows, end] = ["profile-created-bots", "rows", "end"].map((id) => document.getElementById(id));
        let shown = 0, loading = false;
        const add = () => {{
            for (const last = Math.min(shown + 20, 70); shown < last; shown += 1)
                rows.insertAdjacentHTML("beforeend", "<p data-bot-list-item>Bot " + shown + "</p>");
            loading = false;
        }};
        const more = () => {{
            if (!loading && shown < 70) setTimeout(add, 50), loading = true;
        }};
        add();{loader}
        </script>"""


def test_a_profile_is_scrolled_to_its_end(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {
        f"{path}-{advertised}": profile(loader, advertised)
        for path, loader in LOADERS.items()
        for advertised in (70, 90)
    }

    async def rows(pool: PagePool, path: str) -> int:
        monkeypatch.setitem(PAGES, path, pages[path])
        return (await pool.visit(site.url + path, "profile")).html.count('data-bot-list-item=""')

    async def work(pool: PagePool) -> None:
        found = await asyncio.gather(*(rows(pool, path) for path in pages))
        assert dict(zip(pages, found, strict=True)) == dict.fromkeys(pages, 70)

    in_pool(site, work, timeout=30.0)
