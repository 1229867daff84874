"""Watching one visit: what its page requested, what came back, and how the page looked.

A crawl does without: `poe-scraper probe` passes a `VisitWatcher` with its request.
"""

import asyncio
import base64
import binascii
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import CDPSession, Page
from playwright.async_api import Error as PlaywrightError

from poe_scraper.untrusted import safe

logger = logging.getLogger(__name__)

_HIDE = (files("poe_scraper.browser") / "scripts" / "hide.js").read_text(encoding="utf-8")

_PATIENCE = 5.0
"""Seconds that the browser gets for each thing that is collected at the end of a visit."""


@dataclass
class WatchedRequest:
    """One HTTP request of the page; each redirect is one more."""

    method: str
    url: str
    type: str
    """The kind of resource as the DevTools protocol names it: `Document`, `Script`, `Stylesheet`, `Fetch`, ..."""
    frame: str = ""
    """The frame that asked for it."""
    attempt: int = 1
    """The pool makes a visit again, for example in a browser that may contact further hosts."""
    sent_at: float = 0.0
    """Unix seconds."""
    request_headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that the page's scripts set, names in lower case."""
    post_data: str | None = None
    status: int | None = None
    """HTTP status; None if no response came."""
    response_headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    error: str | None = None
    """Why it failed, in the browser's words; None if it did not."""
    canceled: bool = False
    body: str | None = None
    """The response, decoded, for documents and GraphQL; None for everything else."""

    @property
    def host(self) -> str:
        """The host that was asked; empty for addresses without one."""
        try:
            return urlsplit(self.url).hostname or ""
        except ValueError:
            return ""

    @property
    def is_query(self) -> bool:
        """True if it is a GraphQL query of the site."""
        return self.method == "POST" and "gql" in self.url

    @property
    def query_name(self) -> str:
        """The name of the GraphQL query; empty if it has none."""
        try:
            request = json.loads(self.post_data or "null")
        except (ValueError, RecursionError):
            request = None
        name = request.get("queryName") if isinstance(request, dict) else None
        return str(name or self.request_headers.get("poe-queryname") or "")


class VisitWatcher:
    """Collects what happens on the network during one visit; for a recording, also cookies and a screenshot.

    Args:
        keep_all: collect cookies and a screenshot.
        hidden: gives the texts to hide in the screenshot, once everything else was collected. None for no
            screenshot.
    """

    def __init__(
        self, *, keep_all: bool = False, hidden: "Callable[[VisitWatcher], Sequence[str]] | None" = None
    ) -> None:
        self.requests: list[WatchedRequest] = []
        """In the order in which they were sent."""
        self.screenshot: bytes | None = None
        """PNG; None if there is none."""
        self.cookies: tuple[Mapping[str, Any], ...] = ()
        """Those of the browser context, as Playwright gives them."""
        self.browser_version = ""
        """Such as `149.0.7827.0`; empty until the visit has begun."""
        self._keep_all = keep_all
        self._hidden = hidden
        self._main_frames: set[str] = set()
        self._attempt = 0
        self._by_id: dict[str, WatchedRequest] = {}
        self._reads: set[asyncio.Task[None]] = set()
        self._devtools: CDPSession | None = None

    @property
    def documents(self) -> list[WatchedRequest]:
        """The requests for the page itself, in order: redirects, bot checks and reloads are one each."""
        return [one for one in self.requests if one.type == "Document" and one.frame in self._main_frames]

    @property
    def last_attempt(self) -> list[WatchedRequest]:
        """The requests of the attempt that counts."""
        return [one for one in self.requests if one.attempt == self._attempt]

    async def attach(self, page: Page) -> None:
        """Start watching a page, before it is sent anywhere."""
        self._attempt += 1
        self._by_id.clear()
        devtools = await page.context.new_cdp_session(page)
        devtools.on("Network.requestWillBeSent", self._sent)
        devtools.on("Network.responseReceived", self._received)
        devtools.on("Network.loadingFinished", self._finished)
        devtools.on("Network.loadingFailed", self._failed)
        await devtools.send("Network.enable")
        tree = await devtools.send("Page.getFrameTree")
        self._main_frames.add(tree["frameTree"]["frame"]["id"])
        self._devtools = devtools
        browser = page.context.browser
        self.browser_version = browser.version if browser is not None else ""

    async def collect(self, page: Page) -> None:
        """Finish watching. What a dead or hanging page no longer gives is missing."""
        if self._reads:
            await asyncio.wait(self._reads, timeout=_PATIENCE)
        if self._keep_all:
            try:
                async with asyncio.timeout(_PATIENCE):
                    self.cookies = tuple(dict(cookie) for cookie in await page.context.cookies())
                if self._hidden is not None:
                    async with asyncio.timeout(2 * _PATIENCE):
                        await page.evaluate(_HIDE, list(self._hidden(self)))
                        self.screenshot = await page.screenshot(animations="disabled", timeout=_PATIENCE * 1000)
            except (PlaywrightError, TimeoutError) as error:
                logger.debug("the page gave no cookies or no screenshot: %s", safe(error))
        if self._devtools is not None:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._devtools.detach()
            except (PlaywrightError, TimeoutError) as error:  # the page died, and the session with it
                logger.debug("the page is no longer watched: %s", safe(error))

    # --- events of the DevTools protocol -------------------------------------------------------

    def _sent(self, event: dict[str, Any]) -> None:
        identity, request = str(event["requestId"]), event["request"]
        redirect = event.get("redirectResponse")
        if redirect is not None and identity in self._by_id:
            _note_response(self._by_id[identity], redirect)
        watched = WatchedRequest(
            method=str(request.get("method")),
            url=str(request.get("url")),
            type=str(event.get("type") or "Other"),
            attempt=self._attempt,
            sent_at=float(event.get("wallTime") or 0),
            frame=str(event.get("frameId") or ""),
            request_headers=_lower(request.get("headers") or {}),
            post_data=request.get("postData"),
        )
        self._by_id[identity] = watched
        self.requests.append(watched)

    def _received(self, event: dict[str, Any]) -> None:
        watched = self._by_id.get(str(event["requestId"]))
        if watched is not None:
            _note_response(watched, event["response"])

    def _finished(self, event: dict[str, Any]) -> None:
        identity = str(event["requestId"])
        watched = self._by_id.get(identity)
        if watched is not None and (watched.type == "Document" or watched.is_query):
            task = asyncio.get_running_loop().create_task(self._read(identity, watched))
            self._reads.add(task)
            task.add_done_callback(self._reads.discard)

    def _failed(self, event: dict[str, Any]) -> None:
        watched = self._by_id.get(str(event["requestId"]))
        if watched is not None:
            watched.error = str(event.get("blockedReason") or event.get("errorText") or "failed")
            watched.canceled = bool(event.get("canceled"))

    async def _read(self, identity: str, watched: WatchedRequest) -> None:
        assert self._devtools is not None  # noqa: S101 - events come after it was set
        try:
            body = await self._devtools.send("Network.getResponseBody", {"requestId": identity})
            if watched.is_query and watched.post_data is None:
                sent = await self._devtools.send("Network.getRequestPostData", {"requestId": identity})
                watched.post_data = sent.get("postData")
        except PlaywrightError:  # the page went elsewhere, and the browser has forgotten it
            return
        text = str(body.get("body") or "")
        if body.get("base64Encoded"):
            try:
                text = base64.b64decode(text).decode("utf-8", "replace")
            except binascii.Error:
                return
        watched.body = text


def _note_response(watched: WatchedRequest, response: Mapping[str, Any]) -> None:
    watched.status = int(response.get("status") or 0) or None
    watched.response_headers = _lower(response.get("headers") or {})


def _lower(headers: Mapping[str, Any]) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in headers.items()}
