"""Browser pages that are used again, in a browser that is replaced when it dies or grows too large."""

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from time import monotonic
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import psutil
from playwright.async_api import Browser, BrowserContext, CDPSession, Page
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Response as PlaywrightResponse
from pydantic import BaseModel, ValidationError

from poe_scraper.browser.card_query import CardQuery, keep_card_query, read_card_query
from poe_scraper.failures import Code, ObservationError
from poe_scraper.untrusted import safe

logger = logging.getLogger(__name__)

_SCRIPTS = files("poe_scraper.browser") / "scripts"
_LOOKS = {
    "bot": _SCRIPTS.joinpath("observe.js").read_text(encoding="utf-8"),
    "profile": _SCRIPTS.joinpath("profile.js").read_text(encoding="utf-8"),
}
"""What is run inside a page, by the kind of page."""
_RECORD = _SCRIPTS.joinpath("record.js").read_text(encoding="utf-8")
_FORGET = _SCRIPTS.joinpath("forget.js").read_text(encoding="utf-8")

_NOT_LOADED = [
    f"*.{suffix}{rest}"
    for suffix in ("css", "woff", "woff2", "ttf", "otf", "mp3", "mp4", "webm", "ogg", "wav", "m3u8")
    for rest in ("", "?*")
]
"""Style sheets, fonts and media. Images are switched off in the renderer itself."""

_ENGLISH = {"Accept-Language": "en-US,en;q=0.9"}
"""For pages in a person's browser, which may prefer another language."""

_MAX_DEATHS = 3
"""A visit under which so many browsers died has failed."""

_PATIENCE = 10.0
"""Seconds that a browser gets to answer or to end, before it counts as dead."""

_SOON = 1.0
"""Seconds that a page goes on by itself after a visit."""

_BETWEEN_TRIES = 1.0
"""Seconds between two tries to reach a browser elsewhere."""

_MEMORY_INTERVAL = 2.0
"""Seconds between two looks at the browser's memory."""


class _Traffic(BaseModel):
    requests: int
    bytes: int


class _Seen(BaseModel):
    """What observe.js and profile.js give back. The page's own scripts could have tampered with it."""

    html: str | None
    size: int
    traffic: dict[str, _Traffic]
    query: object = None
    """How the page's own script asked for its card, see `CardQuery`."""


@dataclass(frozen=True)
class Visit:
    """One look at a page."""

    url: str
    """Its address after redirects."""
    status: int
    """HTTP status of the document."""
    headers: Mapping[str, str]
    """Headers of the document, names in lower case, less those that speak of how it was sent."""
    html: str
    """The rendered document, with the observation inside (see `pages.bot` and `pages.profile`)."""
    traffic: Mapping[str, Mapping[str, int]]
    """`requests` and `bytes` by kind, as the browser counted them."""
    latency: float
    """Seconds until the document's first bytes came."""


PageKind = Literal["bot", "profile"]

_Result = TypeVar("_Result")


@dataclass(eq=False)
class _WarmPage:
    page: Page
    uses: int = 0
    cut_off: "asyncio.Future[str] | None" = None
    """Gets the reason when the document's answer breaks off on its way."""
    document: str | None = None
    """The browser's name for the request of the document."""
    resting: asyncio.TimerHandle | None = None
    lost: bool = False

    def begin(self) -> "asyncio.Future[str]":
        """Get ready for a visit."""
        self.document = None
        self.cut_off = asyncio.get_running_loop().create_future()
        return self.cut_off

    def note_request(self, event: dict[str, Any]) -> None:
        """Take note of a request: the first for a document is the page's own."""
        if self.document is None and event.get("type") == "Document":
            self.document = event["requestId"]

    def note_failure(self, event: dict[str, Any]) -> None:
        """Take note of a request that failed."""
        is_document = event["requestId"] == self.document and not event.get("canceled")
        if is_document and self.cut_off is not None and not self.cut_off.done():
            self.cut_off.set_result(str(event.get("errorText")))

    def lose(self) -> None:
        """Note that the page's renderer died, or that it closed itself."""
        self.lost = True


@dataclass(eq=False)
class _RunningBrowser:
    """A browser, its driver and its pages."""

    provider: Any
    browser: Browser
    context: BrowserContext
    devtools: CDPSession
    attached: set[Page] | None = None
    """Our pages beside those of the person whose browser it is; None in a browser of our own."""
    idle: list[_WarmPage] = field(default_factory=list)
    visits: int = 0
    """Visits under way."""
    state: Literal["serving", "too_large", "dead"] = "serving"
    """Where it does not serve, it gets no further visit, and ends with those under way."""
    died: asyncio.Event = field(default_factory=asyncio.Event)
    ending: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def answers(self) -> bool:
        """Whether browser and driver are alive."""
        if self.state == "dead":
            return False
        try:
            await asyncio.wait_for(self.devtools.send("Browser.getVersion"), _PATIENCE)
        except (PlaywrightError, TimeoutError):
            return False
        return True

    async def end(self) -> None:
        """End browser and driver, dead or alive. Whoever calls it next waits for that end."""
        if self.ending:
            await self.ended.wait()
            return
        self.ending = True
        for warm in self.idle:
            if warm.resting is not None:
                warm.resting.cancel()
        if self.attached:
            await asyncio.gather(*map(_close, self.attached))
        for close in (self.browser.close, self.provider.close):
            try:
                await asyncio.wait_for(close(), _PATIENCE)
            except (PlaywrightError, TimeoutError) as error:
                logger.debug("the browser did not end in order: %s", _first_line(error))
        self.ended.set()


class PagePool:
    """Renders pages in warm browser pages, without a route handler, so that Chromium keeps its cache and
    nothing but the visit itself passes through Python.

    The browser starts with the first visit. One that dies takes nothing along: the visits under way are
    made again in a fresh one. One that grows too large ends once the visits under way are done.

    Args:
        new_provider: makes an object with scrapy-playwright's `BrowserProvider` interface.
        context_options: Playwright's options for the browser context.
        site_url: address under which the pages stand.
        timeout: seconds that a visit may take.
        uses: visits after which a page is replaced.
        max_size: characters of a rendered page that are accepted.
        memory_limit: megabytes that browser and driver may take; 0 for no limit.
        count: told what happened, by name: `browsers`, `browser_deaths`, `browsers_too_large`, `pages`.
        guard: whether the browser was launched by somebody else, so that requests to other hosts have
            to be refused here.
        attach: whether it is the browser of a person, whose session the pages share: they open beside
            that person's own, and nothing else in the browser changes.
        card_query_file: keeps from one crawl to the next how pages ask for a rate card; None to keep nothing.
    """

    def __init__(
        self,
        new_provider: Callable[[], Any],
        *,
        context_options: Mapping[str, Any],
        site_url: str,
        timeout: float,
        uses: int,
        max_size: int,
        memory_limit: float,
        count: Callable[[str], object],
        guard: bool = False,
        attach: bool = False,
        card_query_file: Path | None = None,
    ) -> None:
        self._new_provider = new_provider
        self._context_options = dict(context_options)
        self._site_url = site_url
        self._timeout = timeout
        self._uses = uses
        self._max_size = max_size
        self._memory_limit = memory_limit * 1e6
        self._count = count
        self._guard = guard
        self._attach = attach
        self._card_query_file = card_query_file
        self._kept_card_query = card_query_file and read_card_query(card_query_file)
        self._card_query = self._kept_card_query
        self._running: _RunningBrowser | None = None
        self._unreachable: ObservationError | None = None
        self._start_lock = asyncio.Lock()
        self._look_at_memory = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    async def visit(self, url: str, kind: PageKind = "bot") -> Visit:
        """Render a page.

        Args:
            url: its address.
            kind: which kind of page it is.

        Raises:
            ObservationError: it cannot be used.
            playwright.async_api.Error: it could not be fetched, or there is no browser that stays alive.
            TimeoutError: it did not answer in time.
        """
        deaths = 0
        while True:
            running = await self._enter()
            try:
                return await self._visit_while_alive(running, url, kind)
            except (PlaywrightError, TimeoutError):
                if await running.answers():
                    raise
                self._mark_dead(running)
                deaths += 1
                if deaths == _MAX_DEATHS:
                    raise
            finally:
                await self._leave(running)

    async def close(self) -> None:
        """End the browser, and keep how pages ask for a rate card."""
        if self._running is not None:
            running, self._running = self._running, None
            await running.end()
        if self._card_query_file and self._card_query and self._card_query != self._kept_card_query:
            try:
                keep_card_query(self._card_query_file, self._card_query)
            except OSError as error:
                logger.debug("the query for rate cards was not kept: %s", _first_line(error))

    # --- the browser ---------------------------------------------------------------------------

    async def _enter(self) -> _RunningBrowser:
        """The browser for one more visit."""
        async with self._start_lock:
            running = self._running
            if running is not None and running.state != "serving":
                await (running.ended.wait() if running.visits else running.end())
                running = None
            self._running = running or await self._start()
            self._running.visits += 1
            return self._running

    async def _leave(self, running: _RunningBrowser) -> None:
        running.visits -= 1
        is_too_large = await self._is_too_large()
        if is_too_large and running.state == "serving":
            running.state = "too_large"
            self._count("browsers_too_large")
            logger.info("the browser takes more than %d MB: a fresh one replaces it", self._memory_limit / 1e6)
        if running.state != "serving" and not running.visits:
            await running.end()

    async def _start(self) -> _RunningBrowser:
        if self._unreachable is not None:
            raise self._unreachable
        provider = self._new_provider()
        try:
            await provider.start()
            browser = await (self._connect(provider) if self._guard else provider.launch_browser())
            if self._attach:
                context = browser.contexts[0]
            else:
                context = await browser.new_context(**self._context_options)
                await context.add_init_script(_FORGET)
                await self._prepare(context)
            running = _RunningBrowser(provider, browser, context, await browser.new_browser_cdp_session())
            running.attached = set() if self._attach else None
        except BaseException:
            await provider.close()
            raise
        browser.on("disconnected", lambda _: self._mark_dead(running))
        self._count("browsers")
        return running

    async def _connect(self, provider: Any) -> Browser:
        """A browser elsewhere, which may be about to start again."""
        give_up_at = monotonic() + self._timeout
        while True:
            try:
                browser: Browser = await asyncio.wait_for(provider.launch_browser(), self._timeout)
            except (PlaywrightError, TimeoutError) as error:
                if monotonic() + _BETWEEN_TRIES > give_up_at:
                    # a token may stand in its address
                    why = re.sub(r"\w+://\S+", "its address", _first_line(error))
                    message = f"the browser elsewhere could not be reached ({why})"
                    self._unreachable = ObservationError(Code.BROWSER_UNREACHABLE, message)
                    raise self._unreachable from None
                await asyncio.sleep(_BETWEEN_TRIES)
            else:
                return browser

    async def _prepare(self, place: BrowserContext | Page) -> None:
        await place.add_init_script(_RECORD)
        if self._guard:
            await place.route(self._is_foreign, lambda route: route.abort())

    def _mark_dead(self, running: _RunningBrowser) -> None:
        if running.state != "dead" and not running.ending:
            running.state = "dead"
            running.died.set()
            self._count("browser_deaths")
            logger.warning("the browser died: a fresh one takes over the visits under way")

    async def _is_too_large(self) -> bool:
        now = monotonic()
        if not self._memory_limit or now < self._look_at_memory:
            return False
        self._look_at_memory = now + _MEMORY_INTERVAL
        return await asyncio.to_thread(_memory_of_descendants) > self._memory_limit

    def _is_foreign(self, url: str) -> bool:
        host, asked = urlsplit(self._site_url).hostname or "", urlsplit(url).hostname or ""
        return asked != host and not asked.endswith(f".{host}")

    # --- its pages -----------------------------------------------------------------------------

    async def _visit_while_alive(self, running: _RunningBrowser, url: str, kind: PageKind) -> Visit:
        """Make a visit that does not outlive its browser: Playwright may wait for a dead one for ever."""
        visit = _abandonable(self._visit(running, url, kind))
        death = asyncio.ensure_future(running.died.wait())
        try:
            limit = self._timeout + 2 * _PATIENCE
            await asyncio.wait({visit, death}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if visit.done():
                return visit.result()
            raise TimeoutError("the browser did not answer")
        finally:
            death.cancel()
            visit.cancel()

    async def _visit(self, running: _RunningBrowser, url: str, kind: PageKind) -> Visit:
        warm = await self._take(running)
        try:
            visit = await self._look(warm, url, kind)
        except BaseException:
            await _close(warm.page)
            raise
        warm.uses += 1
        if warm.uses < self._uses:
            self._rest(running, warm)
        else:
            await _close(warm.page)
        return visit

    async def _take(self, running: _RunningBrowser) -> _WarmPage:
        while running.idle:
            warm = running.idle.pop()
            if warm.resting is not None:
                warm.resting.cancel()
            if not warm.lost:
                return warm
            await _close(warm.page)
        page = await running.context.new_page()
        if running.attached is not None:
            await self._attach_page(page, running.attached)
        warm = _WarmPage(page)
        page.on("crash", lambda _: warm.lose())
        page.on("close", lambda _: warm.lose())
        page.on("popup", _close)
        devtools = await running.context.new_cdp_session(page)
        devtools.on("Network.requestWillBeSent", warm.note_request)
        devtools.on("Network.loadingFailed", warm.note_failure)
        await devtools.send("Network.enable", {"maxTotalBufferSize": 0})
        await devtools.send("Network.setBlockedURLs", {"urls": _NOT_LOADED})
        if running.attached is not None:  # a tab in the background would show nothing more as it is scrolled
            await devtools.send("Emulation.setFocusEmulationEnabled", {"enabled": True})
        self._count("pages")
        return warm

    async def _attach_page(self, page: Page, attached: set[Page]) -> None:
        """Do to one page what is done to the whole context of a browser of our own."""
        attached.add(page)
        page.on("close", lambda closed: attached.discard(closed))
        await self._prepare(page)
        await page.set_extra_http_headers(_ENGLISH)

    def _rest(self, running: _RunningBrowser, warm: _WarmPage) -> None:
        """Keep a page for the next visit. Where none comes soon, its scripts and timers end."""

        running.idle.append(warm)
        warm.resting = asyncio.get_running_loop().call_later(_SOON, self._blank, running, warm)

    def _blank(self, running: _RunningBrowser, warm: _WarmPage) -> None:
        running.idle.remove(warm)
        warm.resting = None

        async def blank() -> None:
            try:
                await warm.page.goto("about:blank", timeout=_PATIENCE * 1000)
            except PlaywrightError:
                await _close(warm.page)
            else:
                running.idle.append(warm)

        task = asyncio.get_running_loop().create_task(blank())
        self._tasks.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._tasks.discard)

    async def _look(self, warm: _WarmPage, url: str, kind: PageKind) -> Visit:
        started = monotonic()
        cut_off = warm.begin()
        page = warm.page
        answer = await self._open(page, url)
        latency = monotonic() - started
        left = max(0.0, self._timeout - latency)
        query = self._card_query.model_dump() if self._card_query else None
        argument = {"seconds": left, "maxSize": self._max_size, "query": query}
        look = _abandonable(page.evaluate(_LOOKS[kind], argument))
        try:
            # the page bounds the observation itself; a page that hangs is bounded from here
            await asyncio.wait({look, cut_off}, timeout=left + _PATIENCE / 2, return_when=asyncio.FIRST_COMPLETED)
            if not look.done():
                if cut_off.done():
                    message = f"the page broke off on its way ({cut_off.result()})"
                    raise ObservationError(Code.CONNECTION_FAILED, message)
                raise TimeoutError("the page hangs")
        finally:
            look.cancel()
        try:
            seen = _Seen.model_validate(look.result())
        except ValidationError as error:
            message = f"the page's scripts disturb the observation ({error.error_count()} errors)"
            raise ObservationError(Code.SITE_CHANGED, message) from None
        except PlaywrightError as error:
            if "closed" in error.message or "crashed" in error.message:
                raise
            # its scripts threw, or went to another address meanwhile
            message = f"the page could not be observed: {_first_line(error)}"
            raise ObservationError(Code.SITE_CHANGED, message) from error
        self._card_query = CardQuery.from_page(seen.query) or self._card_query
        if seen.html is None:
            message = f"the rendered page has {seen.size} characters, more than {self._max_size}"
            raise ObservationError(Code.TOO_LARGE, message)
        return Visit(
            url=page.url,
            status=answer.status if answer else 200,
            headers=_headers(answer.headers if answer else {}),
            html=seen.html,
            traffic={kind: dict(figures) for kind, figures in seen.traffic.items()},
            latency=latency,
        )

    async def _open(self, page: Page, url: str) -> PlaywrightResponse | None:
        try:
            return await page.goto(url, wait_until="commit", timeout=self._timeout * 1000)
        except PlaywrightError as error:
            if "Download is starting" in error.message:
                raise ObservationError(Code.NOT_HTML, "the answer is a file to save, no page") from error
            if "ERR_NAME_NOT_RESOLVED" in error.message and await _is_resolved(urlsplit(url).hostname):
                # the browser resolves the site alone, so a redirect to another host ends here
                message = "the page redirects to another host, which is not followed"
                raise ObservationError(Code.REDIRECTED_AWAY, message) from error
            raise


def _abandonable(work: Coroutine[Any, Any, _Result]) -> asyncio.Task[_Result]:
    """A task that may be given up: what becomes of it then is of no interest."""
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


async def _close(page: Page) -> None:
    try:
        await asyncio.wait_for(page.close(), _PATIENCE)
    except (PlaywrightError, TimeoutError) as error:  # it died before, or with its browser
        logger.debug("a page was not closed in order: %s", _first_line(error))


async def _is_resolved(host: str | None) -> bool:
    try:
        await asyncio.get_running_loop().getaddrinfo(host, None)
    except OSError:
        return False
    return True


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in {"content-encoding", "set-cookie"}}


def _memory_of_descendants() -> int:
    """Bytes that all processes which this one started have for themselves (unique set size)."""
    total = 0
    for process in psutil.Process().children(recursive=True):
        try:
            total += process.memory_full_info().uss
        except (psutil.NoSuchProcess, psutil.AccessDenied):  # it is ending
            continue
    return total


def _first_line(error: Exception) -> str:
    return safe((str(error).splitlines() or [type(error).__name__])[0])
