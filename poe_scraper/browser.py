"""Chromium: find it, launch it, block what is not needed, reuse its pages, survive its death.

`PagePoolDownloadHandler` is scrapy-playwright's download handler with one difference for bot pages
(requests with `meta["poe_page"]`): they are rendered in warm pages that are used again, without a route
handler, so that Chromium keeps its cache and nothing but the visit itself passes through Python.
https://github.com/scrapy-plugins/scrapy-playwright
"""

import asyncio
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, Page
from playwright.async_api import Error as PlaywrightError
from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import HtmlResponse, Response
from scrapy_playwright.handler import ScrapyPlaywrightDownloadHandler

from poe_scraper.failures import BrowserNotFoundError, Code, ObservationError, UsageError

logger = logging.getLogger(__name__)

PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")
"""Browsers looked for on the PATH, the fastest first."""

INSTALL_COMMANDS = (
    "apt-get install chromium-headless-shell    (Debian, as root)",
    "playwright install --only-shell chromium   (elsewhere)",
    "poe-scraper setup                          (does whichever works here)",
)

_CONTEXT = "poe"
_SCRIPTS = files("poe_scraper")

_NOT_LOADED = [
    f"*.{suffix}{rest}"
    for suffix in ("css", "woff", "woff2", "ttf", "otf", "mp3", "mp4", "webm", "ogg", "wav", "m3u8")
    for rest in ("", "?*")
]
"""Style sheets, fonts and media. Images are switched off in the renderer itself."""


# --- find --------------------------------------------------------------------------------------


def find_browser(configured: str = "") -> str | None:
    """Find the browser to render with.

    Args:
        configured: `POE_BROWSER_PATH`; empty where unset.

    Returns:
        Path of the program, or None for the one that Playwright manages.

    Raises:
        UsageError: `configured` is no program.
        BrowserNotFoundError: there is none.
    """
    if configured:
        if shutil.which(configured) is None:
            message = f"POE_BROWSER_PATH names no program that can be run: {configured}"
            raise UsageError(message)
        return configured
    for program in PROGRAMS:
        if path := shutil.which(program):
            return path
    if _playwright_has_one():
        return None
    commands = "\n  ".join(INSTALL_COMMANDS)
    message = (
        f"no browser found ({', '.join(PROGRAMS)} on the PATH, or Playwright's own). "
        f"Install one:\n  {commands}\nor name one in POE_BROWSER_PATH."
    )
    raise BrowserNotFoundError(message)


def _playwright_has_one() -> bool:
    """Ask Playwright where its headless shell would stand, and look."""
    command = [sys.executable, "-m", "playwright", "install", "--dry-run", "--only-shell", "chromium"]
    listing = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout  # noqa: S603
    places = [line.partition(":")[2].strip() for line in listing.splitlines() if "nstall location" in line]
    return any(Path(place, "INSTALLATION_COMPLETE").exists() for place in places if "chromium" in place)


# --- launch ------------------------------------------------------------------------------------


def launch_options(site_url: str, configured: str = "") -> dict[str, Any]:
    """Playwright's launch options for a browser that talks to the site and to nobody else.

    Args:
        site_url: address under which the bot pages stand.
        configured: `POE_BROWSER_PATH`.

    Raises:
        UsageError, BrowserNotFoundError: as `find_browser`.
    """
    path = find_browser(configured)
    host = urlsplit(site_url).hostname or ""
    rules = ["MAP * ~NOTFOUND", f"EXCLUDE {host}", f"EXCLUDE *.{host}"]
    return {
        **({"executable_path": path} if path else {}),
        "args": [
            f"--host-resolver-rules={', '.join(rules)}",
            "--blink-settings=imagesEnabled=false",
            "--disable-quic",
            "--disable-remote-fonts",
            "--mute-audio",
        ],
    }


CONTEXT_OPTIONS: dict[str, Any] = {"locale": "en-US", "service_workers": "block"}
"""Options of the browser context: labels on a rate card follow the language."""


# --- reuse -------------------------------------------------------------------------------------


@dataclass
class _WarmPage:
    page: Page
    uses: int = 0


class PagePoolDownloadHandler(ScrapyPlaywrightDownloadHandler):  # type: ignore[misc]
    """Renders bot pages in warm browser pages; everything else is scrapy-playwright's.

    The response of a bot page holds the observation inside its body (see `pages.bot`). Its meta gains
    `poe_traffic`: requests and bytes by kind, as the browser counted them.
    """

    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        self.site_url = str(settings["POE_SITE_URL"])
        self.page_timeout = settings.getfloat("POE_PAGE_TIMEOUT")
        self.page_uses = settings.getint("POE_PAGE_USES")
        self.max_page_size = settings.getint("POE_MAX_PAGE_SIZE")
        self.browser_path = str(settings.get("POE_BROWSER_PATH") or "")
        self.idle: list[_WarmPage] = []
        self.start_lock = asyncio.Lock()
        self.observe = _SCRIPTS.joinpath("observe.js").read_text(encoding="utf-8")

    async def _maybe_launch_in_thread(self) -> None:
        """Start nothing with the engine: a crawl without a due page needs no browser and no driver."""

    async def _download_request(self, request: Request, spider: Spider | None = None) -> Response:
        async with self.start_lock:
            if not hasattr(self, "browser_provider"):
                self._prepare_launch()
                await self._launch()
        if not request.meta.get("poe_page"):
            response: Response = await super()._download_request(request, spider)
            return response
        warm = await self._take()
        try:
            page_response = await self._visit(warm, request)
        except BaseException:
            await self._discard(warm)
            raise
        await self._give_back(warm)
        return page_response

    def _prepare_launch(self) -> None:
        if not (self.config.cdp_url or self.config.connect_url):
            ours = launch_options(self.site_url, self.browser_path)
            theirs = self.config.launch_options
            args = [*ours["args"], *theirs.get("args", [])]
            self.config.launch_options = {**ours, **theirs, "args": args}

    async def _take(self) -> _WarmPage:
        while self.idle:
            warm = self.idle.pop()
            if not warm.page.is_closed():
                return warm
        context = await self._context()
        page = await context.new_page()
        devtools = await context.new_cdp_session(page)
        await devtools.send("Network.enable", {"maxTotalBufferSize": 0})
        await devtools.send("Network.setBlockedURLs", {"urls": _NOT_LOADED})
        self.stats.inc_value("poe/browser/pages")
        return _WarmPage(page)

    async def _context(self) -> BrowserContext:
        async with self.context_launch_lock:
            wrapper = self.context_wrappers.get(_CONTEXT)
            if wrapper is None:
                options = {**CONTEXT_OPTIONS, **self.config.startup_context_kwargs.get("default", {})}
                wrapper = await self._create_browser_context(name=_CONTEXT, context_kwargs=options)
                await wrapper.context.add_init_script(
                    _SCRIPTS.joinpath("record.js").read_text(encoding="utf-8")
                )
                if self.config.cdp_url or self.config.connect_url:
                    # launch flags don't reach a browser that somebody else launched
                    await wrapper.context.route(self._is_foreign, lambda route: route.abort())
        context: BrowserContext = wrapper.context
        return context

    def _is_foreign(self, url: str) -> bool:
        host, asked = urlsplit(self.site_url).hostname or "", urlsplit(url).hostname or ""
        return asked != host and not asked.endswith(f".{host}")

    async def _give_back(self, warm: _WarmPage) -> None:
        warm.uses += 1
        if warm.uses < self.page_uses:
            self.idle.append(warm)
        else:
            await self._discard(warm)

    async def _discard(self, warm: _WarmPage) -> None:
        try:
            await warm.page.close()
        except PlaywrightError as error:  # it died before, or with its browser
            logger.debug("page was closed already: %s", error.message.splitlines()[0])

    async def _visit(self, warm: _WarmPage, request: Request) -> HtmlResponse:
        started = monotonic()
        page = warm.page
        try:
            answer = await page.goto(request.url, wait_until="commit", timeout=self.page_timeout * 1000)
        except PlaywrightError as error:
            await self._explain(error)
            raise
        left = max(0.0, self.page_timeout - (monotonic() - started))
        # the page bounds the observation itself; a page that hangs is bounded from here
        seen = await asyncio.wait_for(page.evaluate(self.observe, {"seconds": left}), left + 5)
        request.meta["download_latency"] = monotonic() - started
        request.meta["poe_traffic"] = seen["traffic"]
        body = f"<!DOCTYPE html>{seen['html']}".encode("utf-8", "replace")
        if len(body) > self.max_page_size:
            message = f"the rendered page is {len(body)} bytes long, more than {self.max_page_size}"
            raise ObservationError(Code.TOO_LARGE, message)
        return HtmlResponse(
            url=page.url,
            status=answer.status if answer else 200,
            headers=_headers(answer.headers if answer else {}),
            body=body,
            encoding="utf-8",
            request=request,
            flags=["playwright"],
        )

    async def _explain(self, error: PlaywrightError) -> None:
        """Raise what a failed navigation means, where it means more than that it failed."""
        if "Download is starting" in error.message:
            raise ObservationError(Code.NOT_HTML, "the answer is a file to save, no page") from error
        if "ERR_NAME_NOT_RESOLVED" in error.message:
            try:
                await asyncio.get_running_loop().getaddrinfo(urlsplit(self.site_url).hostname, None)
            except OSError:
                return  # it is the site's own name
            # the browser resolves the site alone, so a redirect to another host ends here
            message = "the page redirects to another host, which is not followed"
            raise ObservationError(Code.REDIRECTED_AWAY, message) from error


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The document's headers, less those that speak of how it was sent."""
    return {name: value for name, value in headers.items() if name not in {"content-encoding", "set-cookie"}}


# --- install -----------------------------------------------------------------------------------


def install_browser() -> str:
    """Install a browser: Debian's headless shell as root or with sudo, else Playwright's.

    Returns:
        What was run, for a person.

    Raises:
        BrowserNotFoundError: neither worked; the text holds what was tried.
    """
    tried = []
    for commands in _ways_to_install():
        for command in commands:
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            done = subprocess.run(command, env=environment, check=False)  # noqa: S603
            if done.returncode != 0:
                tried.append(f"{' '.join(command)} (exit {done.returncode})")
                break
        else:
            return " && ".join(" ".join(command) for command in commands)
    message = f"no browser could be installed. Tried: {'; '.join(tried)}"
    raise BrowserNotFoundError(message)


def _ways_to_install() -> list[list[list[str]]]:
    """Commands to run one after the other, the better way first."""
    playwright = [[sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"]]
    apt, sudo = shutil.which("apt-get"), shutil.which("sudo")
    if apt is None or (os.geteuid() != 0 and sudo is None):
        return [playwright]
    as_root = [] if os.geteuid() == 0 else [str(sudo), "-n"]
    debian = [
        [*as_root, apt, "update", "-q"],
        [*as_root, apt, "install", "-y", "-q", "--no-install-recommends", PROGRAMS[0]],
    ]
    return [debian, playwright]
