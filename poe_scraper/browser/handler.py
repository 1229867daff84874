"""Scrapy download handlers.

https://docs.scrapy.org/en/latest/topics/settings.html#download-handlers
"""

import asyncio

from playwright.async_api import Browser
from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadCancelledError
from scrapy.http import HtmlResponse, Response
from scrapy_playwright.handler import ScrapyPlaywrightDownloadHandler
from scrapy_playwright.provider import PlaywrightBrowserProvider

from poe_scraper.browser.card_query import card_query_path
from poe_scraper.browser.executable import CONTEXT_OPTIONS, launch_options
from poe_scraper.browser.pool import PagePool
from poe_scraper.browser.session import asked_session
from poe_scraper.middlewares import BackoffMiddleware


class BrowserProvider(PlaywrightBrowserProvider):  # type: ignore[misc]
    """scrapy-playwright's, which does not log the address of a browser elsewhere: a token may stand in it.

    https://github.com/scrapy-plugins/scrapy-playwright: `PLAYWRIGHT_BROWSER_PROVIDER`
    """

    async def launch_browser(self) -> Browser:
        """A browser, launched here or connected to."""
        if self.config.cdp_url:
            assert self.browser_type is not None  # noqa: S101 - the pool starts it first
            browser: Browser = await self.browser_type.connect_over_cdp(self.config.cdp_url, **self.config.cdp_kwargs)
        else:
            browser = await super().launch_browser()
        return browser


class PagePoolDownloadHandler(ScrapyPlaywrightDownloadHandler):  # type: ignore[misc]
    """scrapy-playwright's download handler, which renders pages of bots and creators in a `PagePool`.

    They are requests with `meta["poe_page"]`, `bot` or `profile`. Their response holds the observation inside
    its body (see `pages.bot`, `pages.profile`), and its meta gains `poe_traffic`: requests and bytes by kind.
    https://github.com/scrapy-plugins/scrapy-playwright
    """

    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.start_lock = asyncio.Lock()
        self.pool: PagePool | None = None

    async def _maybe_launch_in_thread(self) -> None:
        """Start nothing with the engine: a crawl without a due page needs no browser and no driver."""

    async def _download_request(self, request: Request, spider: Spider | None = None) -> Response:
        if not request.meta.get("poe_page"):
            async with self.start_lock:
                if not hasattr(self, "browser_provider"):
                    await self._launch()
            response: Response = await super()._download_request(request, spider)
            return response
        backoff = self._crawler.get_downloader_middleware(BackoffMiddleware)
        if backoff is not None and backoff.is_ending:
            raise DownloadCancelledError("the crawl is ending")
        if self.pool is None:
            self.pool = self._make_pool()
        visit = await self.pool.visit(request.url, request.meta["poe_page"])
        request.meta["download_latency"] = visit.latency
        request.meta["poe_traffic"] = visit.traffic
        return HtmlResponse(
            url=visit.url,
            status=visit.status,
            headers=dict(visit.headers),
            body=f"<!DOCTYPE html>{visit.html}".encode("utf-8", "replace"),
            encoding="utf-8",
            request=request,
            flags=["playwright"],
        )

    def _make_pool(self) -> PagePool:
        settings = self._crawler.settings
        site_url = str(settings["POE_SITE_URL"])
        remote = bool(self.config.cdp_url or self.config.connect_url)
        session = asked_session(settings)
        attach = session is not None and session.in_browser
        storage_state = {"storage_state": session.storage_state} if session and not attach else {}
        if attach:
            self.config.cdp_kwargs = {"no_defaults": True, **self.config.cdp_kwargs}
        if not remote:
            ours = launch_options(site_url, str(settings.get("POE_BROWSER_PATH") or ""))
            theirs = self.config.launch_options
            self.config.launch_options = {**ours, **theirs, "args": [*ours["args"], *theirs.get("args", [])]}
        return PagePool(
            lambda: self.browser_provider_cls(self.config),
            context_options={
                **CONTEXT_OPTIONS,
                **storage_state,
                **self.config.startup_context_kwargs.get("default", {}),
            },
            site_url=site_url,
            timeout=settings.getfloat("POE_PAGE_TIMEOUT"),
            uses=settings.getint("POE_PAGE_USES"),
            max_size=settings.getint("POE_MAX_PAGE_SIZE"),
            memory_limit=settings.getfloat("POE_MEMORY_LIMIT"),
            count=lambda what: self.stats.inc_value(f"poe/browser/{what}"),
            guard=remote,
            attach=attach,
            # a form key that belongs to a user's session is not kept
            card_query_file=None if session else card_query_path(site_url),
        )

    async def _close(self) -> None:
        if self.pool is not None:
            await self.pool.close()
        await super()._close()
