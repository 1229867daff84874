"""What happens between a page and the next: bot checks that clear, and nothing else that lasts."""

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import psutil
import pytest

from poe_scraper.browser.network import NetworkPolicy
from poe_scraper.browser.pool import PagePool, Visit
from poe_scraper.failures import Code, ObservationError
from poe_scraper.pages.answer import is_bot_check
from tests.browser.conftest import Reply, Server, in_pool

pytestmark = pytest.mark.browser

Serve = Callable[..., Server]

# --- bot checks --------------------------------------------------------------------------------

CHECK = """<title>Just a moment...</title><h1>Checking</h1><script>
    const spinner = setInterval(() => document.body.classList.toggle("spinning"), 50);
    setTimeout(() => { %s }, 500);
</script>"""


def checked(status: int, headers: dict[str, str], clears: bool = True) -> Callable[[BaseHTTPRequestHandler], Reply]:
    """A page with a bot check before it, until the visitor has the cookie that the check sets."""
    body = CHECK % ("document.cookie = 'cleared=yes; path=/'; location.reload();" if clears else "")

    def reply(handler: BaseHTTPRequestHandler) -> Reply:
        if "cleared=yes" in handler.headers.get("Cookie", ""):
            return 200, {}, b"<h1>The bot</h1>"
        seen.append(handler.path)
        return status, headers, body.encode()

    seen: list[str] = []
    reply.seen = seen  # type: ignore[attr-defined]
    return reply


@pytest.mark.parametrize(
    ("status", "headers"), [(403, {"cf-mitigated": "challenge"}), (503, {}), (403, {}), (200, {})], ids=str
)
def test_a_check_that_clears_is_waited_for_and_kept(serve: Serve, status: int, headers: dict[str, str]) -> None:
    site = serve()
    pages = {f"/{number}": checked(status, headers) for number in range(6)}
    site.replies.update(pages)
    visits: list[Visit] = []

    async def work(pool: PagePool) -> None:
        visits.append(await pool.visit(f"{site.url}/0"))
        visits.extend(await asyncio.gather(*(pool.visit(f"{site.url}/{number}") for number in range(1, 6))))

    counted = in_pool(NetworkPolicy(site.url), work)
    assert ["The bot" in visit.html for visit in visits] == [True] * 6
    assert [visit.status for visit in visits] == [200] * 6
    assert [len(page.seen) for page in pages.values()] == [1, 0, 0, 0, 0, 0]  # type: ignore[attr-defined]
    assert counted["checks_cleared"] == 1


@pytest.mark.parametrize(("status", "headers"), [(403, {"cf-mitigated": "challenge"}), (403, {}), (200, {})], ids=str)
def test_a_check_that_stays_is_delivered(serve: Serve, status: int, headers: dict[str, str]) -> None:
    site = serve()
    site.replies["/bot"] = (302, {"Location": "/login"}, b"")
    site.replies["/login"] = checked(status, headers, clears=False)
    site.replies["/clean"] = "<h1>Clean</h1>"

    async def work(pool: PagePool) -> None:
        visit = await pool.visit(f"{site.url}/bot")
        assert is_bot_check(visit.status, visit.headers, visit.url, visit.html)
        assert (visit.status, visit.url) == (status, f"{site.url}/login")
        assert visit.redirects == (f"{site.url}/bot",)
        assert "Clean" in (await pool.visit(f"{site.url}/clean")).html

    # the page of the check never comes to rest: what is bounded is the wait
    counted = in_pool(NetworkPolicy(site.url), work, check_wait=1.5, timeout=4.0)
    assert counted["checks_cleared"] == 0


# --- isolation ---------------------------------------------------------------------------------

TICKING = "const ticking = setInterval(() => document.body.classList.toggle('busy'), 50);"
"""A page that goes on moving is waited for."""

GREEDY = (
    f"""<body><h1>Greedy</h1><script>{TICKING}</script><script>"""
    """(async () => {
    for (let number = 0; number < 100; number += 1) document.cookie = `c${number}=${"x".repeat(4000)}; path=/`;
    localStorage.left = sessionStorage.left = window.name = "left";
    await new Promise((done) => { indexedDB.open("left", 1).onsuccess = done; });
    await caches.open("left");
    const shared = new SharedWorker("/shared.js", {name: "left", extendedLifetime: true});
    await new Promise((done) => { shared.port.onmessage = done; });
    new BroadcastChannel("left").onmessage = (event) => event.target.postMessage("answer");
    document.body.append("finished");
    clearInterval(ticking);
})()</script>"""
)

SHARED = "let visitors = 0; onconnect = (event) => event.ports[0].postMessage(visitors += 1);"

LOOK = (
    f"""<body><h1>Look</h1><p id=found></p><script>{TICKING}</script><script>"""
    """(async () => {
    const channel = new BroadcastChannel("left");
    let heard = 0;
    channel.onmessage = () => { heard += 1; };
    channel.postMessage("question");
    const databases = await indexedDB.databases();
    const stored = await caches.keys();
    await new Promise((done) => setTimeout(done, 300));
    const shared = new SharedWorker("/shared.js", {name: "left", extendedLifetime: true});
    const visitors = await new Promise((done) => { shared.port.onmessage = (event) => done(event.data); });
    const kept = [localStorage.length, sessionStorage.length, window.name, databases.length, stored.length];
    document.getElementById("found").textContent = JSON.stringify([document.cookie, ...kept, heard, visitors]);
    clearInterval(ticking);
})()</script>"""
)


def found(visit: Visit) -> list[Any]:
    return list(json.loads(visit.html.partition('id="found">')[2].partition("<")[0]))


@pytest.mark.parametrize("concurrent", [False, True])
def test_nothing_that_a_visit_stored_reaches_another(serve: Serve, concurrent: bool) -> None:
    site = serve()
    site.replies |= {"/greedy": GREEDY, "/look": LOOK, "/shared.js": SHARED}
    clean = ["", 0, 0, "", 0, 0, 0, 1]

    async def work(pool: PagePool) -> None:
        for _ in range(2):
            if concurrent:
                greedy, look = await asyncio.gather(pool.visit(f"{site.url}/greedy"), pool.visit(f"{site.url}/look"))
            else:
                greedy = await pool.visit(f"{site.url}/greedy")
                look = await pool.visit(f"{site.url}/look")
            assert "finished" in greedy.html
            assert found(look) == clean

    counted = in_pool(NetworkPolicy(site.url), work)
    assert counted["pages"] == (2 if concurrent else 1)


def test_the_session_outlasts_what_visits_store(serve: Serve) -> None:
    site = serve()
    script = "<h1>Greedy</h1><script>document.cookie = 'p-b=other; path=/'; document.cookie = 'new=1'</script>"
    site.replies |= {"/greedy": script, "/look": LOOK, "/shared.js": SHARED}
    session = {"name": "p-b", "value": "mine", "domain": "127.0.0.1", "path": "/"}

    async def work(pool: PagePool) -> None:
        for _ in range(2):
            assert found(await pool.visit(f"{site.url}/look"))[0] == "p-b=mine"
            await pool.visit(f"{site.url}/greedy")

    options = {"locale": "en-US", "storage_state": {"cookies": [session], "origins": []}}
    in_pool(NetworkPolicy(site.url), work, context_options=options)


def test_a_refused_visitor_is_not_the_next(serve: Serve) -> None:
    site = serve()
    site.replies |= {"/refused": (431, {}, b"<h1>Too many cookies</h1>"), "/clean": "<h1>Clean</h1>"}

    async def work(pool: PagePool) -> None:
        assert (await pool.visit(f"{site.url}/refused")).status == 431
        assert "Clean" in (await pool.visit(f"{site.url}/clean")).html

    assert in_pool(NetworkPolicy(site.url), work)["pages"] == 2


def test_scripts_stay_in_the_cache(serve: Serve) -> None:
    site = serve()
    site.replies["/app.js"] = (200, {"Cache-Control": "max-age=3600"}, b"document.body.append('ran')")
    site.replies["/"] = "<body><h1>Cached</h1><script src=/app.js></script>"

    async def work(pool: PagePool) -> None:
        for _ in range(3):
            assert "ran" in (await pool.visit(f"{site.url}/")).html

    in_pool(NetworkPolicy(site.url), work, uses=2)
    assert site.asked["/app.js"] == 1


# --- figures and failures ----------------------------------------------------------------------


def test_figures_that_a_page_makes_up(serve: Serve) -> None:
    site = serve()
    entries = "[{entryType: 'resource', initiatorType: '\\u001b[31mred', transferSize: 5}, %s]"
    script = "<script>performance.getEntriesByType = (type) => type === 'resource' ? " + entries + " : [];</script>"
    site.replies["/kinds"] = "<h1>K</h1>" + script % "{entryType: 'resource', initiatorType: 'script', transferSize: 7}"
    site.replies["/huge"] = "<h1>H</h1>" + script % "{entryType: 'resource', initiatorType: 'img', transferSize: 1e15}"

    async def work(pool: PagePool) -> None:
        assert (await pool.visit(f"{site.url}/kinds")).traffic == {"script": {"requests": 1, "bytes": 7}}
        assert (await pool.visit(f"{site.url}/huge")).traffic == {}

    in_pool(NetworkPolicy(site.url), work)


def test_a_browser_that_keeps_dying_is_a_crash(serve: Serve) -> None:
    site = serve()

    def kill(handler: BaseHTTPRequestHandler) -> Reply:
        for process in psutil.Process().children(recursive=True):
            if "--headless" in process.cmdline() and "--type=renderer" not in process.cmdline():
                os.kill(process.pid, signal.SIGKILL)
        return 200, {}, b"<h1>Nobody</h1>"

    site.replies["/"] = kill

    async def work(pool: PagePool) -> None:
        with pytest.raises(ObservationError, match="browser died 3 times") as error:
            await pool.visit(f"{site.url}/")
        assert error.value.code == Code.BROWSER_CRASHED

    assert in_pool(NetworkPolicy(site.url), work)["browser_deaths"] == 3


@pytest.mark.parametrize("broken", ["driver", "browser"])
def test_a_driver_or_browser_that_does_not_start(
    serve: Serve, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    program = tmp_path / broken
    program.write_text(
        "#!/bin/sh\n"
        'echo "$0: error while loading shared libraries: libatomic.so.1: cannot open shared object file" >&2\n'
        "exit 127\n"
    )
    program.chmod(0o755)
    if broken == "driver":
        monkeypatch.setenv("PLAYWRIGHT_NODEJS_PATH", str(program))
    else:
        monkeypatch.setenv("PATH", str(tmp_path))
        program.rename(tmp_path / "chromium-headless-shell")
    failures: list[ObservationError] = []

    async def work(pool: PagePool) -> None:
        for _ in range(2):
            with pytest.raises(ObservationError) as error:
                await pool.visit("http://127.0.0.1:9/")
            failures.append(error.value)

    counted: Counter[str] = in_pool(NetworkPolicy("http://127.0.0.1:9"), work)
    assert [failure.code for failure in failures] == [Code.BROWSER_BROKEN] * 2
    assert counted["browsers"] == 0
    assert "libatomic.so.1 is missing (Debian: apt-get install libatomic1)" in str(failures[0])
