"""Warm browser pages, in a browser that is replaced when it dies, grows too large or needs other launch flags."""

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from time import monotonic
from typing import Any, Literal, TypeVar

import psutil
from playwright.async_api import Browser, BrowserContext, CDPSession, Frame, Page
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Response as PlaywrightResponse
from playwright.async_api import TimeoutError as PlaywrightTimeoutError
from pydantic import BaseModel, Field, ValidationError

from poe_scraper.browser.card_query import CardQuery, keep_card_query, read_card_query
from poe_scraper.browser.executable import check_programs, start_failure
from poe_scraper.browser.network import NEEDED, WITHOUT_WEBRTC, Hosts, NetworkPolicy, host_of
from poe_scraper.browser.profile import Profile
from poe_scraper.browser.relay import Relay
from poe_scraper.browser.scratch import Scratch
from poe_scraper.browser.watcher import VisitWatcher
from poe_scraper.failures import BrowserBrokenError, Code, ObservationError, UsageError
from poe_scraper.pages.answer import is_bot_check
from poe_scraper.untrusted import safe

logger = logging.getLogger(__name__)

_SCRIPTS = files("poe_scraper.browser") / "scripts"
_LOOKS = {
    "bot": _SCRIPTS.joinpath("observe.js").read_text(encoding="utf-8"),
    "profile": _SCRIPTS.joinpath("profile.js").read_text(encoding="utf-8"),
}
"""What is run inside a page, by the kind of page."""
_FORGET = _SCRIPTS.joinpath("forget.js").read_text(encoding="utf-8")
_RECORD = _SCRIPTS.joinpath("record.js").read_text(encoding="utf-8")

_NOT_LOADED = [
    f"*.{suffix}{rest}"
    for suffix in ("woff", "woff2", "ttf", "otf", "mp3", "mp4", "webm", "ogg", "wav", "m3u8")
    for rest in ("", "?*")
]
"""Fonts and media. Images are switched off in the renderer itself. Style sheets are loaded: a page's loader takes one
that fails for a failure of the script it belongs to."""

_ENGLISH = {"Accept-Language": "en-US,en;q=0.9"}
"""For pages in a person's browser, which may prefer another language."""

_MAX_DEATHS = 3
"""A visit fails after this many browsers died during it."""

_MAX_STARTS = 3
"""Attempts to start a browser in a row, if one has started before."""

_MAX_MOVES = 5
"""Navigations of a page by itself that one visit follows."""

_PATIENCE = 10.0
"""Seconds that a browser gets to answer or to end, before it counts as dead."""

_BETWEEN_TRIES = 1.0
"""Seconds between two tries to reach a browser elsewhere."""

_MEMORY_INTERVAL = 2.0
"""Seconds between two looks at the browser's memory."""

_STORAGE = "file_systems,indexeddb,local_storage,service_workers,cache_storage,shared_storage,storage_buckets"
"""What a site can store beside cookies, as the DevTools protocol names it. Chromium's HTTP cache is not among it."""

_SUSPICIOUS = frozenset({403, 429, 503})
"""Statuses that a bot check comes with."""

_UNREMARKABLE = frozenset({404, 410})
"""Client errors that say nothing about the visitor."""

_MAX_KEPT = 16 * 1024
"""Characters of cookies that are kept after a bot check; a server refuses requests with many more."""

_KINDS = frozenset(
    {
        "document", "audio", "beacon", "body", "css", "early-hints", "embed", "fetch", "frame", "iframe", "icon",
        "image", "img", "input", "link", "navigation", "object", "ping", "script", "track", "video", "xmlhttprequest",
        "other",
    }
)  # fmt: skip
"""Initiator types of the Resource Timing specification, and `document`."""

_MAX_REQUESTS, _MAX_BYTES = 10_000, 2**31
"""Beyond these, a page has made up its figures, which are then left out."""


class _Traffic(BaseModel):
    requests: int
    bytes: int

    def is_plausible(self) -> bool:
        """True if one page could have made so many requests."""
        return 0 <= self.requests <= _MAX_REQUESTS and 0 <= self.bytes <= _MAX_BYTES


class _Seen(BaseModel):
    """What observe.js and profile.js give back. The page's own scripts could have tampered with it."""

    html: str | None
    size: int
    traffic: dict[str, _Traffic]
    query: object = None
    """How the page's own script asked for its card, see `CardQuery`."""
    missing_since: float | None = Field(0, alias="missingSince")
    """Unix milliseconds since when the page may lack what was refused; None if it lacks nothing."""


@dataclass(frozen=True)
class Visit:
    """One look at a page."""

    url: str
    """Its address after redirects."""
    status: int
    """HTTP status of the document."""
    headers: Mapping[str, str]
    """Headers of the document, names in lower case, without those about its transport."""
    html: str
    """The rendered document, with the observation inside (see `pages.bot` and `pages.profile`)."""
    traffic: Mapping[str, Mapping[str, int]]
    """`requests` and `bytes` by kind, as the browser counted them."""
    latency: float
    """Seconds until the document's first bytes came."""
    redirects: tuple[str, ...] = ()
    """Addresses that led to `url`, the one asked for first."""
    blocked_hosts: tuple[str, ...] = ()
    """Hosts that would have served a script, a style sheet or a frame and that the network policy refused."""
    needed_hosts: tuple[str, ...] = ()
    """Those of them for whose lack the page may not show what is looked for. Trackers, for example, are not."""


PageKind = Literal["bot", "profile"]

_Result = TypeVar("_Result")


class _NewHostsError(Exception):
    """The page names hosts for its scripts that the running browser does not contact yet."""


@dataclass
class _Document:
    """The answer to a page's main request, as the DevTools protocol reports it."""

    request: str
    """The browser's id of the request."""
    url: str
    redirects: list[str] = field(default_factory=list)
    status: int | None = None
    """None until it is answered."""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(eq=False)
class _WarmPage:
    page: Page
    context: BrowserContext
    devtools: CDPSession
    policy: NetworkPolicy
    hosts: Hosts
    """What the browser contacts."""
    uses: int = 0
    cut_off: "asyncio.Future[str] | None" = None
    """Gets the reason when the document's answer breaks off on its way."""
    document: _Document | None = None
    """What the main frame shows."""
    coming: _Document | None = None
    """What the main frame has asked for and does not show yet."""
    frame: str | None = None
    """The browser's id of the main frame."""
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the main frame has committed a document."""
    blocked: dict[str, float] = field(default_factory=dict)
    """When hosts were last refused, in Unix milliseconds."""
    cleared_checks: int = 0
    """Bot checks whose cookies it has."""
    lost: bool = False
    spoiled: bool = False
    """True if the site refused or challenged this visitor: the next visit is made as another."""

    def begin(self) -> "asyncio.Future[str]":
        """Get ready for a visit."""
        self.document = self.coming = self.frame = None
        self.blocked.clear()
        self.moved.clear()
        self.cut_off = asyncio.get_running_loop().create_future()
        return self.cut_off

    def note_request(self, event: dict[str, Any]) -> None:
        """Take note of a request: the first for a document is the main frame's."""
        kind, url = event.get("type"), str(event["request"]["url"])
        if kind == "Document" and self.frame in {None, event.get("frameId")}:
            self.frame = event.get("frameId")
            if self.coming is not None and self.coming.request == event["requestId"]:
                self.coming.redirects.append(self.coming.url)
                self.coming.url = url
            else:
                self.coming = _Document(event["requestId"], url)
        elif kind in NEEDED:
            host = host_of(url)
            if self.hosts.refuse(url):
                self.blocked[host] = 1000 * float(event.get("wallTime", 0))
            elif kind != "Document" and host not in {"", self.policy.site_host}:
                self.policy.script_hosts.add(host)

    def note_response(self, event: dict[str, Any]) -> None:
        """Take note of status and headers of the main document."""
        if self.coming is not None and event["requestId"] == self.coming.request:
            answer = event["response"]
            self.coming.status = int(answer["status"])
            self.coming.headers = {str(name).lower(): str(value) for name, value in answer["headers"].items()}

    def note_failure(self, event: dict[str, Any]) -> None:
        """Take note of a request that failed."""
        main = {document.request for document in (self.document, self.coming) if document is not None}
        is_document = event["requestId"] in main and not event.get("canceled")
        if is_document and self.cut_off is not None and not self.cut_off.done():
            self.cut_off.set_result(str(event.get("errorText")))

    def note_commit(self, frame: Frame) -> None:
        """Take note of a document that the main frame shows from now on."""
        if frame == self.page.main_frame and self.coming is not None and self.coming.status is not None:
            before, self.document, self.coming = self.document, self.coming, None
            if before is not None:
                self.document.redirects[:0] = [*before.redirects, before.url]
            self.moved.set()

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of the document that is shown."""
        return self.document.headers if self.document else {}

    @property
    def status(self) -> int:
        """HTTP status of the document that is shown."""
        return (self.document.status if self.document else None) or 200

    def lose(self) -> None:
        """Note that the page's renderer died, or that it closed itself."""
        self.lost = True
        self.moved.set()


@dataclass(eq=False)
class _RunningBrowser:
    """A browser, its driver and its pages."""

    provider: Any
    browser: Browser
    scratch: Scratch
    devtools: CDPSession
    hosts: Hosts
    """What it contacts."""
    shared: BrowserContext | None = None
    """The context that all pages share in a browser of one's own; None if each has its own."""
    attached: set[Page] | None = None
    """Our pages beside those of the person whose browser it is; None in any other browser."""
    own_cookies: frozenset[tuple[str, str, str]] = frozenset()
    """Name, domain and path of the cookies that the shared context had at its start."""
    contexts: list[BrowserContext] = field(default_factory=list)
    """Cleared contexts without a page."""
    idle: list[_WarmPage] = field(default_factory=list)
    wiping: "set[asyncio.Task[None]]" = field(default_factory=set)
    """Clears pages of finished visits, which are idle afterwards."""
    visits: int = 0
    """Visits in progress."""
    state: Literal["serving", "outdated", "dead"] = "serving"
    """If it does not serve, it gets no further visit, and ends with those in progress."""
    died: asyncio.Event = field(default_factory=asyncio.Event)
    ending: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def answers(self) -> bool:
        """True if browser and driver are alive."""
        if self.state == "dead":
            return False
        try:
            await asyncio.wait_for(self.devtools.send("Browser.getVersion"), _PATIENCE)
        except (PlaywrightError, TimeoutError):
            return False
        return True

    async def end(self) -> None:
        """End browser and driver, dead or alive. A second caller waits for the same end."""
        if self.ending:
            await self.ended.wait()
            return
        self.ending = True
        if self.wiping and self.state != "dead":
            await asyncio.wait(self.wiping, timeout=_PATIENCE)
        for task in self.wiping:
            task.cancel()
        if self.attached:
            await asyncio.gather(*map(_close, self.attached))
        for close in (self.browser.close, self.provider.close):
            try:
                await asyncio.wait_for(close(), _PATIENCE)
            except (PlaywrightError, TimeoutError) as error:
                logger.debug("the browser did not end in order: %s", _first_line(error))
        await asyncio.to_thread(self.scratch.remove)
        self.ended.set()


class PagePool:
    """Renders pages in warm browser pages, without a route handler, so that Chromium keeps its cache and
    nothing but the visit itself passes through Python.

    The browser starts with the first visit. After its death, visits in progress are repeated in the next one. A page
    belongs to one visit at a time and has a browser context of its own, which is cleared after each visit: nothing
    that one visit stored reaches the next. What a bot check set is kept, and given to all pages.

    Args:
        new_provider: makes an object with scrapy-playwright's `BrowserProvider` interface, given the port of the
            relay that requests go through; None without a proxy. Called for each browser: the launch flags change
            as the policy learns.
        context_options: Playwright's options for a browser context.
        policy: which hosts pages may contact.
        relay: what enforces the policy in front of a proxy; None without a proxy.
        timeout: seconds that a visit may take.
        check_wait: seconds to wait for a bot check that clears by itself.
        uses: visits after which a page is replaced.
        max_size: characters of a rendered page that are accepted.
        memory_limit: megabytes that browser and driver may take; 0 for no limit.
        count: called with the name of what happened: `browsers`, `browser_deaths`, `browsers_too_large`, `pages`,
            `checks_cleared`.
        guard: True if somebody else launched the browser: requests to other hosts are then aborted here.
        attach: True if it is the browser of a person, whose session the pages share: they open beside
            that person's own, and nothing else in the browser changes.
        profile: the persistent profile to render in; None to render in fresh contexts.
        card_query_file: keeps from one crawl to the next how pages ask for a rate card; None to keep nothing.
    """

    def __init__(
        self,
        new_provider: Callable[[int | None], Any],
        *,
        context_options: Mapping[str, Any],
        policy: NetworkPolicy,
        relay: Relay | None = None,
        timeout: float,
        check_wait: float = 20.0,
        uses: int,
        max_size: int,
        memory_limit: float,
        count: Callable[[str], object],
        guard: bool = False,
        attach: bool = False,
        profile: Profile | None = None,
        card_query_file: Path | None = None,
    ) -> None:
        self._new_provider = new_provider
        self._context_options = dict(context_options)
        self._policy = policy
        self._relay = relay
        self._timeout = timeout
        self._check_wait = check_wait
        self._uses = uses
        self._max_size = max_size
        self._memory_limit = memory_limit * 1e6
        self._count = count
        self._guard = guard
        self._attach = attach
        self._profile = profile
        self._card_query_file = card_query_file
        self._kept_card_query = card_query_file and read_card_query(card_query_file)
        self._card_query = self._kept_card_query
        self._running: _RunningBrowser | None = None
        self._unusable: ObservationError | None = None
        self._has_started = False
        self._start_lock = asyncio.Lock()
        self._look_at_memory = 0.0
        self._kept_cookies: list[Any] = []
        """What bot checks set in this crawl."""
        self._cleared_checks = 0

    async def visit(self, url: str, kind: PageKind = "bot", watcher: VisitWatcher | None = None) -> Visit:
        """Render a page.

        Args:
            url: its address.
            kind: which kind of page it is.
            watcher: collects what happens on the network; None in a crawl.

        Raises:
            ObservationError: it cannot be used, or there is no browser that starts and stays alive.
            playwright.async_api.Error: it could not be fetched.
            TimeoutError: it did not answer in time.
        """
        deaths = 0
        while True:
            running = await self._enter()
            try:
                return await self._visit_while_alive(running, url, kind, watcher)
            except _NewHostsError:
                if running.state == "serving":
                    running.state = "outdated"
                    logger.info("the site's pages load scripts from further hosts: the browser starts again with them")
            except (PlaywrightError, TimeoutError) as error:
                if await running.answers():
                    raise
                self._mark_dead(running)
                deaths += 1
                if deaths == _MAX_DEATHS:
                    message = f"the browser died {deaths} times during the visit"
                    raise ObservationError(Code.BROWSER_CRASHED, message) from error
            finally:
                await self._leave(running)

    async def close(self) -> None:
        """End the browser, and keep how pages ask for a rate card."""
        if self._running is not None:
            running, self._running = self._running, None
            await running.end()
        if self._relay is not None:
            await self._relay.close()
        if self._profile is not None:
            self._profile.release()
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
            running.state = "outdated"
            self._count("browsers_too_large")
            logger.info("the browser takes more than %d MB: a fresh one replaces it", self._memory_limit / 1e6)
        if running.state != "serving" and not running.visits:
            await running.end()

    async def _start(self) -> _RunningBrowser:
        """Start a browser, or connect to one.

        Raises:
            ObservationError: it does not start, or cannot be reached. Later visits fail alike, unless a browser has
                started before: then something on this machine keeps it from starting just now.
        """
        if self._unusable is not None:
            raise self._unusable
        for attempt in range(1, _MAX_STARTS + 1):
            try:
                running = await self._start_once()
            except UsageError as error:  # the profile was taken after the crawl had begun
                self._unusable = ObservationError(Code.BROWSER_BROKEN, str(error))
                raise self._unusable from error
            except (PlaywrightError, OSError, TimeoutError) as error:
                failure = await asyncio.to_thread(_why_not, error)
                if not self._has_started:
                    self._unusable = ObservationError(Code.BROWSER_BROKEN, failure)
                    raise self._unusable from error
                if attempt == _MAX_STARTS:
                    raise ObservationError(Code.BROWSER_CRASHED, failure) from error
            else:
                self._has_started = True
                self._count("browsers")
                return running
        raise AssertionError

    async def _start_once(self) -> _RunningBrowser:
        hosts = self._policy.hosts
        provider = self._new_provider(await self._relay.start() if self._relay else None)
        shared: BrowserContext | None = None
        scratch = await asyncio.to_thread(Scratch)
        try:
            with scratch.used():
                await _start_driver(provider)
            if self._guard:
                browser = await self._connect(provider)
                shared = browser.contexts[0] if self._attach else None
            elif self._profile is not None:
                self._profile.acquire()
                options = {**provider.config.launch_options, **self._context_options}
                folder = str(self._profile.folder)
                shared = await provider.launch_persistent_context({**options, "user_data_dir": folder})
                assert shared.browser is not None  # noqa: S101 - only a browser of Android has none
                browser = shared.browser
                await self._prepare(shared)
            else:
                browser = await provider.launch_browser()
            running = _RunningBrowser(
                provider, browser, scratch, await browser.new_browser_cdp_session(), hosts, shared
            )
            running.attached = set() if self._attach else None
            if self._profile is not None and shared is not None:
                running.own_cookies = frozenset(map(_identity, await shared.cookies()))
        except BaseException:
            await _close_provider(provider)
            await asyncio.to_thread(scratch.remove)
            raise
        browser.on("disconnected", lambda _: self._mark_dead(running))
        return running

    async def _connect(self, provider: Any) -> Browser:
        """Connect to a browser elsewhere, which may be about to start again."""
        give_up_at = monotonic() + self._timeout
        while True:
            try:
                browser: Browser = await asyncio.wait_for(provider.launch_browser(), self._timeout)
            except (PlaywrightError, TimeoutError) as error:
                if monotonic() + _BETWEEN_TRIES > give_up_at:
                    # its address may hold a token
                    why = re.sub(r"\w+://\S+", "its address", _first_line(error))
                    message = f"the browser elsewhere could not be reached ({why})"
                    self._unusable = ObservationError(Code.BROWSER_UNREACHABLE, message)
                    raise self._unusable from None
                await asyncio.sleep(_BETWEEN_TRIES)
            else:
                return browser

    async def _prepare(self, place: BrowserContext | Page) -> None:
        """Add what runs in every page before its own scripts, and, in a browser elsewhere, the network policy."""
        await place.add_init_script(_RECORD)
        if self._guard:
            await place.add_init_script(WITHOUT_WEBRTC)
            # in frames, popups and workers, too; but Playwright follows redirects without asking
            await place.route(self._refuses, lambda route: route.abort())
            await place.route_web_socket(self._refuses, lambda socket: socket.close())

    def _refuses(self, url: str) -> bool:
        return self._policy.hosts.refuse(url)

    def _mark_dead(self, running: _RunningBrowser) -> None:
        if running.state != "dead" and not running.ending:
            running.state = "dead"
            running.died.set()
            self._count("browser_deaths")
            logger.warning("the browser died: visits in progress are repeated in a fresh one")

    async def _is_too_large(self) -> bool:
        now = monotonic()
        if not self._memory_limit or now < self._look_at_memory:
            return False
        self._look_at_memory = now + _MEMORY_INTERVAL
        return await asyncio.to_thread(_memory_of_descendants) > self._memory_limit

    # --- its pages -----------------------------------------------------------------------------

    async def _visit_while_alive(
        self, running: _RunningBrowser, url: str, kind: PageKind, watcher: VisitWatcher | None
    ) -> Visit:
        """Make a visit that does not outlive its browser: Playwright may wait for a dead one for ever."""
        visit = _abandonable(self._visit(running, url, kind, watcher))
        death = asyncio.ensure_future(running.died.wait())
        try:
            limit = 2 * self._timeout + self._check_wait + 2 * _PATIENCE
            await asyncio.wait({visit, death}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if visit.done():
                return visit.result()
            raise TimeoutError("the browser did not answer")
        finally:
            death.cancel()
            visit.cancel()

    async def _visit(self, running: _RunningBrowser, url: str, kind: PageKind, watcher: VisitWatcher | None) -> Visit:
        warm = await self._take(running)
        try:
            if watcher is not None:
                await watcher.attach(warm.page)
            try:
                visit = await self._look(warm, url, kind)
            finally:
                if watcher is not None:
                    await watcher.collect(warm.page)
        except BaseException:
            self._retire(running, warm, in_order=False)
            raise
        warm.uses += 1
        self._retire(running, warm, in_order=warm.uses < self._uses)
        return visit

    async def _take(self, running: _RunningBrowser) -> _WarmPage:
        """A page for one visit, with the cookies that all visits have."""
        while running.idle or running.wiping:
            if not running.idle:
                await asyncio.wait(running.wiping, return_when=asyncio.FIRST_COMPLETED)
                continue
            warm = running.idle.pop()
            if not warm.lost:
                break
            await self._discard(running, warm)
        else:
            warm = await self._open_page(running)
        if warm.cleared_checks < self._cleared_checks:
            warm.cleared_checks = self._cleared_checks
            await warm.context.add_cookies(self._kept_cookies)
        return warm

    async def _open_page(self, running: _RunningBrowser) -> _WarmPage:
        context, is_used = running.shared, bool(running.contexts)
        if context is None and is_used:
            context = running.contexts.pop()
        elif context is None:
            context = await running.browser.new_context(**self._context_options)
            await context.add_init_script(_FORGET)
            await self._prepare(context)
        page = await context.new_page()
        if running.attached is not None:
            await self._attach_page(page, running.attached)
        devtools = await context.new_cdp_session(page)
        warm = _WarmPage(page, context, devtools, self._policy, running.hosts)
        page.on("crash", lambda _: warm.lose())
        page.on("close", lambda _: warm.lose())
        page.on("popup", _close)
        page.on("framenavigated", warm.note_commit)
        devtools.on("Network.requestWillBeSent", warm.note_request)
        devtools.on("Network.responseReceived", warm.note_response)
        devtools.on("Network.loadingFailed", warm.note_failure)
        await devtools.send("Network.enable", {"maxTotalBufferSize": 0})
        await devtools.send("Network.setBlockedURLs", {"urls": _NOT_LOADED})
        if self._guard:
            devtools.on("Fetch.requestPaused", lambda event: self._decide(devtools, event))
            await devtools.send("Fetch.enable", {"patterns": [{"urlPattern": "*"}]})
        if running.attached is not None:  # a tab in the background would show nothing more as it is scrolled
            await devtools.send("Emulation.setFocusEmulationEnabled", {"enabled": True})
        if is_used:
            await self._clear(running, warm)
        self._count("pages")
        return warm

    def _decide(self, devtools: CDPSession, event: dict[str, Any]) -> None:
        """Let a request of a page elsewhere go out, each step of its redirects included, or refuse it."""
        step: dict[str, Any] = {"requestId": event["requestId"]}
        if self._refuses(str(event["request"]["url"])):
            command, step["errorReason"] = "Fetch.failRequest", "NameNotResolved"
        else:
            command = "Fetch.continueRequest"
        _abandonable(devtools.send(command, step))

    async def _attach_page(self, page: Page, attached: set[Page]) -> None:
        """Do to one page what is done to the whole context of a browser of our own."""
        attached.add(page)
        page.on("close", lambda closed: attached.discard(closed))
        await self._prepare(page)
        await page.set_extra_http_headers(_ENGLISH)

    def _retire(self, running: _RunningBrowser, warm: _WarmPage, *, in_order: bool) -> None:
        """Clear a page after its visit, beside other visits, and keep what can be used again."""

        async def wipe() -> None:
            try:
                if in_order and not warm.spoiled:
                    await warm.page.goto("about:blank", wait_until="commit", timeout=_PATIENCE * 1000)
                    await self._clear(running, warm)
                    running.idle.append(warm)
                else:
                    await self._discard(running, warm)
            except (PlaywrightError, TimeoutError) as error:
                logger.debug("a page could not be cleared: %s", _first_line(error))
                warm.spoiled = True
                await self._discard(running, warm)

        task = asyncio.get_running_loop().create_task(wipe())
        running.wiping.add(task)
        task.add_done_callback(running.wiping.discard)

    async def _discard(self, running: _RunningBrowser, warm: _WarmPage) -> None:
        """Close a page. The next gets its context, whose HTTP cache is worth keeping, unless that is spoiled."""
        if running.shared is None and warm.spoiled:
            await _close(warm.context)
            return
        await _close(warm.page)
        if running.shared is None:
            running.contexts.append(warm.context)

    async def _clear(self, running: _RunningBrowser, warm: _WarmPage) -> None:
        """Remove what a visit stored, except for what the session or a bot check set."""
        if running.attached is not None:
            return
        if running.shared is not None:
            await self._prune(running)
            return
        await warm.devtools.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": _STORAGE})
        await warm.devtools.send("Network.clearBrowserCookies")
        warm.cleared_checks = 0
        session = self._context_options.get("storage_state", {}).get("cookies")
        if session:
            await warm.context.add_cookies(session)

    async def _prune(self, running: _RunningBrowser) -> None:
        """Remove the cookies that visits added to a profile."""
        assert running.shared is not None  # noqa: S101 - asked for profiles alone
        kept = running.own_cookies | {_identity(cookie) for cookie in self._kept_cookies}
        for cookie in await running.shared.cookies():
            name, domain, path = _identity(cookie)
            if (name, domain, path) not in kept:
                await running.shared.clear_cookies(name=name, domain=domain, path=path)

    async def _note_cleared_check(self, warm: _WarmPage) -> None:
        """Keep the cookies of a page whose bot check has cleared."""
        self._count("checks_cleared")
        cookies: list[Any] = [{**cookie} for cookie in await warm.context.cookies()]
        known = {_identity(cookie) for cookie in self._context_options.get("storage_state", {}).get("cookies", ())}
        new = [cookie for cookie in cookies if _identity(cookie) not in known]
        if sum(len(cookie["name"]) + len(cookie["value"]) for cookie in new) <= _MAX_KEPT:
            replaced = {_identity(cookie) for cookie in new}
            self._kept_cookies = [*(old for old in self._kept_cookies if _identity(old) not in replaced), *new]
            self._cleared_checks += 1

    # --- one visit -----------------------------------------------------------------------------

    async def _look(self, warm: _WarmPage, url: str, kind: PageKind) -> Visit:
        started = monotonic()
        cut_off = warm.begin()
        answer = await self._open(warm, url)
        latency = monotonic() - started
        warm.moved.clear()
        give_up_check_at: float | None = None
        html, traffic, needed = "", dict[str, dict[str, int]](), list[str]()
        for _ in range(_MAX_MOVES):
            shown = warm.document
            if await self._is_challenge(warm):
                await self._learn(warm, answer, url)
                give_up_check_at = give_up_check_at or monotonic() + self._check_wait
                if await self._has_moved(warm, give_up_check_at):
                    continue
                warm.spoiled = True
                html = await warm.page.content()
                break
            if give_up_check_at is not None:
                await self._note_cleared_check(warm)
                started, give_up_check_at = monotonic() - latency, None
            seen = await self._observe(warm, kind, cut_off, max(0.0, self._timeout - (monotonic() - started)))
            if seen is None:
                if shown is not None and warm.document is not None and shown.url == warm.document.url:
                    give_up_check_at = monotonic()  # as a bot check does, it loaded itself again
                continue
            if seen.html is None:
                message = f"the rendered page has {seen.size} characters, more than {self._max_size}"
                raise ObservationError(Code.TOO_LARGE, message)
            html, since = seen.html, seen.missing_since
            needed = [host for host, at in warm.blocked.items() if since is not None and at >= since]
            if not is_bot_check(warm.status, warm.headers, warm.page.url, html):
                await self._learn(warm, answer, url)
                traffic = {
                    kind: dict(figures)
                    for kind, figures in seen.traffic.items()
                    if kind in _KINDS and figures.is_plausible()
                }
                break
            # it was called by another status than bot checks usually have
            give_up_check_at = give_up_check_at or monotonic() + self._check_wait
            if not await self._has_moved(warm, give_up_check_at):
                warm.spoiled = True
                break
        else:
            message = f"the page went to another address {_MAX_MOVES} times while it was observed"
            raise ObservationError(Code.SITE_CHANGED, message)
        document = warm.document
        status = warm.status
        warm.spoiled = warm.spoiled or (400 <= status < 500 and status not in _UNREMARKABLE)
        return Visit(
            url=warm.page.url,
            status=status,
            headers=_headers(warm.headers),
            html=html,
            traffic=traffic,
            latency=latency,
            redirects=tuple(document.redirects) if document else (),
            blocked_hosts=tuple(sorted(warm.blocked)),
            needed_hosts=tuple(sorted(needed)),
        )

    async def _open(self, warm: _WarmPage, url: str) -> PlaywrightResponse | None:
        try:
            return await warm.page.goto(url, wait_until="commit", timeout=self._timeout * 1000)
        except PlaywrightError as error:
            if "Download is starting" in error.message:
                raise ObservationError(Code.NOT_HTML, "the answer is a file to save, not a page") from error
            if warm.coming is not None and self._refuses(warm.coming.url) and warm.coming.redirects:
                host = safe(host_of(warm.coming.url))
                message = f"the page redirects to another host, {host}, which is not followed"
                raise ObservationError(Code.REDIRECTED_AWAY, message) from error
            raise

    async def _is_challenge(self, warm: _WarmPage) -> bool:
        """True if the page is a bot check by its status and content."""
        document = warm.document
        if document is None or (document.status not in _SUSPICIOUS and "cf-mitigated" not in document.headers):
            return False
        try:
            await warm.page.wait_for_load_state("domcontentloaded", timeout=self._timeout * 1000)
            return is_bot_check(warm.status, document.headers, document.url, await warm.page.content())
        except PlaywrightTimeoutError:
            return is_bot_check(warm.status, document.headers, document.url, "")
        except PlaywrightError:
            if warm.lost:
                raise
            return True  # it is loading itself again

    async def _has_moved(self, warm: _WarmPage, give_up_at: float) -> bool:
        """Wait until the page shows another document; False if it still shows the same."""
        try:
            async with asyncio.timeout(max(0.0, give_up_at - monotonic())):
                await warm.moved.wait()
        except TimeoutError:
            return False
        warm.moved.clear()
        if warm.lost:
            message = "Target page was closed or crashed"
            raise PlaywrightError(message)
        return True

    async def _learn(self, warm: _WarmPage, answer: PlaywrightResponse | None, url: str) -> None:
        """Allow the refused hosts that the document itself, as it came over the wire, names for its scripts.

        Raises:
            _NewHostsError: there are some.
        """
        if not warm.blocked or not self._policy.learns:
            return
        blocked = set(warm.blocked)
        if any(map(self._policy.hosts.allow, blocked)):  # another visit has learned them meanwhile
            raise _NewHostsError
        try:
            if answer is None or warm.document is None or warm.document.redirects[-1:] == [answer.url]:
                answer = await self._open(warm, url)  # it loaded itself again: the wire's copy is gone
            text = await answer.text() if answer else ""
        except PlaywrightError as error:
            logger.debug("the document could not be read again: %s", _first_line(error))
            return
        await asyncio.to_thread(self._policy.learn, text, warm.page.url, blocked)
        if any(map(self._policy.hosts.allow, blocked)):
            raise _NewHostsError

    async def _observe(
        self, warm: _WarmPage, kind: PageKind, cut_off: "asyncio.Future[str]", seconds: float
    ) -> _Seen | None:
        """Run the observation inside the page; None if the page went to another document meanwhile."""
        query = self._card_query.model_dump() if self._card_query else None
        argument = {"seconds": seconds, "maxSize": self._max_size, "query": query}
        look = _abandonable(warm.page.evaluate(_LOOKS[kind], argument))
        try:
            # the page bounds the observation itself; a page that hangs is bounded from here
            await asyncio.wait({look, cut_off}, timeout=seconds + _PATIENCE / 2, return_when=asyncio.FIRST_COMPLETED)
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
            if "Execution context was destroyed" in error.message and await self._has_moved(
                warm, monotonic() + _PATIENCE
            ):
                return None
            message = f"the page could not be observed: {_first_line(error)}"
            raise ObservationError(Code.SITE_CHANGED, message) from error
        self._card_query = CardQuery.from_page(seen.query) or self._card_query
        return seen


def _abandonable(work: Coroutine[Any, Any, _Result]) -> asyncio.Task[_Result]:
    """A task that may be given up: its result is then of no interest."""
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


async def _close(place: Page | BrowserContext) -> None:
    try:
        await asyncio.wait_for(place.close(), _PATIENCE)
    except (PlaywrightError, TimeoutError) as error:  # it died before, or with its browser
        logger.debug("a page was not closed in order: %s", _first_line(error))


async def _start_driver(provider: Any) -> None:
    try:
        await asyncio.wait_for(provider.start(), 6 * _PATIENCE)
    except Exception as error:  # Playwright raises nothing narrower if its driver ends at once
        raise PlaywrightError(str(error)) from error


def _why_not(error: BaseException) -> str:
    """Why driver or browser did not start. What the driver writes itself, Playwright does not pass on."""
    try:
        check_programs(None)
    except BrowserBrokenError as broken:
        return str(broken)
    return start_failure(error)


async def _close_provider(provider: Any) -> None:
    try:
        await asyncio.wait_for(provider.close(), _PATIENCE)
    except (PlaywrightError, TimeoutError, AttributeError) as error:
        # a driver that never started: Playwright stops what it does not have
        logger.debug("the driver was not stopped in order: %s", _first_line(error))


def _identity(cookie: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(cookie["name"]), str(cookie["domain"]), str(cookie["path"])


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in {"content-encoding", "set-cookie"}}


def _memory_of_descendants() -> int:
    """Bytes of unique set size of all processes that this one started."""
    total = 0
    for process in psutil.Process().children(recursive=True):
        try:
            total += process.memory_full_info().uss
        except (psutil.NoSuchProcess, psutil.AccessDenied):  # it is ending
            continue
    return total


def _first_line(error: Exception) -> str:
    return safe((str(error).splitlines() or [type(error).__name__])[0])
