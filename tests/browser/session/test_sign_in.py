"""Signing in in a real browser, and crawls with the session until it ends."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
from playwright.async_api import Page, async_playwright

from poe_scraper.browser.executable import find_browser
from poe_scraper.browser.session import keep_session
from poe_scraper.failures import SessionError
from poe_scraper.replica import running
from tests.browser.conftest import chrome
from tests.browser.session.conftest import secret, sign_in, type_in

pytestmark = pytest.mark.browser

Crawler = Callable[..., Any]

BOTS_BEHIND_SIGN_IN = 5
"""Bots on the profile of the replica's creator `closedatelier`, which is for those alone who have signed in."""


def recording_browser(folder: Path, words: str = "") -> Path:
    """A browser that writes down with which arguments it was started."""
    program = folder / "recording-chromium"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$0" "$@" >> "{folder}/arguments.txt"\nexec {find_browser()} {words} "$@"\n'
    )
    program.chmod(0o755)
    return program


# --- signing in --------------------------------------------------------------------------------


def test_it_waits_until_somebody_has_signed_in(tmp_path: Path) -> None:
    seen = []

    async def person(page: Page) -> None:
        await type_in(page, code="000000")
        seen.append(await page.text_content("[role=alert]"))
        await page.goto(page.url.replace("/login", "/Grok-4.7"))  # not signed in there either
        seen.append(await page.title())
        await page.goto(page.url.replace("/Grok-4.7", "/login?redirect_url=%2FGrok-4.7"))
        await type_in(page)

    with running() as replica:
        session = sign_in(replica.url, person)
        assert seen == ["The code is wrong.", "Grok-4.7 - Poe"]
        assert replica.account()["sessions"] == 1
    assert [cookie.name for cookie in session.cookies] == ["p-b"]
    assert session.ends_at is not None


def test_a_visitors_cookie_is_no_session() -> None:
    """Sites built like Poe's give a cookie of that name to everybody."""

    async def person(page: Page) -> None:
        await page.wait_for_url("**/login")
        await page.context.add_cookies([{"name": "p-b", "value": "a-visitor", "url": replica.url}])
        address = f"{replica.url}/Grok-4.7"
        async with page.expect_response(
            lambda answer: answer.request.resource_type == "fetch" and answer.url == address
        ) as asked_again:
            await page.goto(address, wait_until="commit")
        await (await asked_again.value).finished()
        await page.goto(f"{replica.url}/login")
        await type_in(page)

    with running() as replica:
        assert secret(sign_in(replica.url, person)) != "a-visitor"


def test_a_window_that_is_closed_ends_it() -> None:
    async def person(page: Page) -> None:
        await page.wait_for_url("**/login")
        await page.close()

    with running(bots=1) as replica, pytest.raises(SessionError, match="closed before you had signed in"):
        sign_in(replica.url, person)


def test_nobody_comes() -> None:
    async def person(page: Page) -> None: ...

    with running(bots=1) as replica, pytest.raises(SessionError, match=r"within 0\.01 minutes"):
        sign_in(replica.url, person, seconds=0.6)


def test_a_site_that_cannot_be_reached() -> None:
    async def person(page: Page) -> None: ...

    with running(bots=1) as replica:
        closed = replica.url
    with pytest.raises(SessionError, match="ERR_CONNECTION_REFUSED"):
        sign_in(closed, person)


@contextmanager
def site_that_signs_in_by_itself() -> Iterator[str]:
    """Stands for the person at the window of a process that no test reaches into."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            form = b"<form method=post></form><script>document.forms[0].submit()</script>"
            self.answer(200, form if self.path == "/login" else b"<h1>Welcome</h1>")

        def do_POST(self) -> None:
            self.answer(303, b"", Location="/", **{"Set-Cookie": "p-b=secret-of-the-session; Max-Age=60; HttpOnly"})

        def answer(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "text/html", "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_command(tmp_path: Path) -> None:
    with site_that_signs_in_by_itself() as site_url:
        done = subprocess.run(
            [Path(sys.executable).with_name("poe-scraper"), "login", "--timeout", "1"],
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
            env={
                **os.environ,
                "DISPLAY": ":none",  # a headless shell, which this is, needs none
                "POE_BROWSER_PATH": str(recording_browser(tmp_path, "--no-sandbox")),
                "POE_SITE_URL": site_url,
                "XDG_DATA_HOME": str(tmp_path / "data"),
            },
        )
    assert done.returncode == 0, done.stderr
    (kept,) = [path for path in tmp_path.rglob("*") if path.is_file() and "secret-of-the-session" in path.read_text()]
    assert kept == tmp_path / "data" / "poe-scraper" / "session.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    assert str(kept) in done.stdout
    assert "secret-of-the-session" not in done.stdout + done.stderr
    assert "--headless" not in (tmp_path / "arguments.txt").read_text()


# --- crawls ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_crawls_with_a_session_until_it_expires(crawl: Crawler, tmp_path: Path) -> None:
    with running(bots=2) as replica:
        session = sign_in(replica.url)
        keep_session(session, tmp_path / "session.json")
        settings = {
            "POE_STORAGE_STATE": str(tmp_path / "session.json"),
            "POE_BROWSER_PATH": str(recording_browser(tmp_path)),
            "LOG_LEVEL": "DEBUG",
        }
        before = (tmp_path / "session.json").read_bytes()
        signed_in = crawl(replica, settings, creators="closedatelier")
        replica.change_account(sign_out=True)
        expired = crawl(replica, settings, creators="closedatelier", force="true")
        public = crawl(replica, settings, limit="1", force="true")  # nothing that redirects to sign-in
    assert signed_in.status == 0, signed_in.log
    assert len(signed_in.bots) == 2 + BOTS_BEHIND_SIGN_IN
    assert signed_in.report["problems"] == []

    assert expired.status == 5, expired.log
    assert {problem["code"] for problem in expired.report["problems"]} == {"session_expired"}
    assert "poe-scraper login" in expired.log
    assert len(expired.bots) == 2 + BOTS_BEHIND_SIGN_IN
    assert all(bot["status"] == "active" for bot in expired.bots.values())
    # what everybody may see was read all the same
    assert (expired.report["visited"], expired.report["failed"]) == (2, {})

    (problem,) = public.report["problems"]
    assert (public.status, problem["code"]) == (5, "session_expired"), public.log
    status = subprocess.run(
        [Path(sys.executable).with_name("poe-scraper"), "status", "--output-dir", public.folder],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "Session:        expired" in status.stdout

    told = signed_in.everything() + expired.everything() + status.stdout + (tmp_path / "arguments.txt").read_text()
    assert "DEBUG: Crawled (200)" in told
    assert secret(session) not in told
    assert (tmp_path / "session.json").read_bytes() == before


def in_chrome(address: str, work: Callable[[Page], Awaitable[Any]]) -> Any:
    """Do something in the tab of a Chrome that somebody uses."""

    async def run() -> Any:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.connect_over_cdp(address)
            (page,) = browser.contexts[0].pages
            return await work(page)

    return asyncio.run(run())


def test_crawls_with_the_session_of_a_running_chrome(crawl: Crawler, tmp_path: Path) -> None:
    def tabs() -> list[tuple[str, str]]:
        targets = requests.get(f"{address}/json/list", timeout=10).json()
        return sorted((target["id"], target["url"]) for target in targets if target["type"] == "page")

    async def use(page: Page) -> None:
        await page.goto(f"{replica.url}/login?redirect_url=%2FGrok-4.7")
        await type_in(page)
        await page.wait_for_url("**/Grok-4.7")
        await page.evaluate("localStorage.setItem('mine', window.mine = sessionStorage.mine = 'kept')")

    async def look(page: Page) -> tuple[list[str], str]:
        stored = await page.evaluate("[localStorage.mine, window.mine, sessionStorage.mine]")
        (value,) = [cookie["value"] for cookie in await page.context.cookies() if cookie["name"] == "p-b"]
        return stored, value

    with running(bots=2) as replica, chrome(tmp_path / "profile") as address:
        in_chrome(address, use)
        before = tabs()
        asked = {"PLAYWRIGHT_CDP_URL": address, "POE_STORAGE_STATE": "browser"}
        done = crawl(replica, {"LOG_LEVEL": "DEBUG"}, asked, creators="closedatelier")
        assert tabs() == before
        stored, value = in_chrome(address, look)
        assert stored == ["kept"] * 3
    assert done.status == 0, done.log
    assert len(done.bots) == 2 + BOTS_BEHIND_SIGN_IN
    assert value not in done.everything()
