"""Scrapy download handlers.

The only module that overrides private names of scrapy-playwright; `tests/browser/test_handler.py` fails first when
they move. https://docs.scrapy.org/en/latest/topics/settings.html#download-handlers
"""

import asyncio
from dataclasses import replace

from playwright.async_api import Browser
from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadCancelledError
from scrapy.http import HtmlResponse, Response
from scrapy_playwright.handler import ScrapyPlaywrightDownloadHandler
from scrapy_playwright.provider import BrowserProvider as Provider
from scrapy_playwright.provider import PlaywrightBrowserProvider

from poe_scraper.browser.card_query import card_query_path
from poe_scraper.browser.executable import CONTEXT_OPTIONS, launch_options
from poe_scraper.browser.network import NetworkPolicy
from poe_scraper.browser.pool import PagePool
from poe_scraper.browser.profile import find_profile
from poe_scraper.browser.proxies import find_proxies
from poe_scraper.browser.relay import Relay
from poe_scraper.browser.session import asked_session
from poe_scraper.middlewares import BackoffMiddleware

KNOWN_HOSTS_STAT = "poe/known_script_hosts"
"""Script hosts that the feed knows from earlier crawls. The publishing pipeline sets it before the first request."""

SCRIPT_HOSTS_STAT = "poe/script_hosts"
"""Hosts beside the site's own that its pages took scripts and style sheets from, sorted."""


class BrowserProvider(PlaywrightBrowserProvider):  # type: ignore[misc]
    """scrapy-playwright's provider, without logging the address of a browser elsewhere: it may hold a token.

    https://github.com/scrapy-plugins/scrapy-playwright: `PLAYWRIGHT_BROWSER_PROVIDER`
    """

    async def launch_browser(self) -> Browser:
        """Launch a browser here, or connect to one."""
        if self.config.cdp_url:
            assert self.browser_type is not None  # noqa: S101 - the pool starts it first
            browser: Browser = await self.browser_type.connect_over_cdp(self.config.cdp_url, **self.config.cdp_kwargs)
        else:
            browser = await super().launch_browser()
        return browser


class PagePoolDownloadHandler(ScrapyPlaywrightDownloadHandler):  # type: ignore[misc]
    """scrapy-playwright's download handler, which renders pages of bots and creators in a `PagePool`.

    They are requests with `meta["poe_page"]`, `bot` or `profile`. Their response holds the observation inside
    its body (see `pages.bot`, `pages.profile`), and its meta gains `poe_traffic` (requests and bytes by kind),
    `poe_blocked_hosts` (hosts that were refused a script, a style sheet or a frame) and `poe_redirects`.
    https://github.com/scrapy-plugins/scrapy-playwright
    """

    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.start_lock = asyncio.Lock()
        self.pool: PagePool | None = None
        self.policy: NetworkPolicy | None = None

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
            self.policy = NetworkPolicy(
                str(self._crawler.settings["POE_SITE_URL"]),
                str(self._crawler.settings.get("POE_SITE_HOSTS") or ""),
                self.stats.get_value(KNOWN_HOSTS_STAT, ()),
            )
            self.pool = self._make_pool(self.policy)
        visit = await self.pool.visit(request.url, request.meta["poe_page"], request.meta.get("poe_watcher"))
        if self.policy is not None:
            self.stats.set_value(SCRIPT_HOSTS_STAT, sorted(self.policy.script_hosts))
        request.meta["download_latency"] = visit.latency
        request.meta["poe_traffic"] = visit.traffic
        request.meta["poe_blocked_hosts"] = visit.blocked_hosts
        request.meta["poe_needed_hosts"] = visit.needed_hosts
        request.meta["poe_redirects"] = visit.redirects
        return HtmlResponse(
            url=visit.url,
            status=visit.status,
            headers=dict(visit.headers),
            body=f"<!DOCTYPE html>{visit.html}".encode("utf-8", "replace"),
            encoding="utf-8",
            request=request,
            flags=["playwright"],
        )

    def _make_pool(self, policy: NetworkPolicy) -> PagePool:
        settings = self._crawler.settings
        remote = bool(self.config.cdp_url or self.config.connect_url)
        session = asked_session(settings)
        attach = session is not None and session.in_browser
        storage_state = {"storage_state": session.storage_state} if session and not attach else {}
        if attach:
            self.config.cdp_kwargs = {"no_defaults": True, **self.config.cdp_kwargs}
        proxies = None if remote else find_proxies(settings)
        profile = find_profile(settings)

        def launched_with(relay_port: int | None) -> dict[str, object]:
            ours = launch_options(
                policy,
                str(settings.get("POE_BROWSER_PATH") or ""),
                relay_port=relay_port,
                full=profile is not None,
                window=settings.getbool("POE_BROWSER_WINDOW"),
            )
            theirs = {name: value for name, value in self.config.launch_options.items() if name != "proxy"}
            return {**ours, **theirs, "args": [*ours["args"], *theirs.get("args", [])]}

        def new_provider(relay_port: int | None) -> Provider:
            config = self.config if remote else replace(self.config, launch_options=launched_with(relay_port))
            return self.browser_provider_cls(config)

        context_options = {
            **CONTEXT_OPTIONS,
            **storage_state,
            **self.config.startup_context_kwargs.get("default", {}),
        }
        return PagePool(
            new_provider,
            context_options=context_options,
            policy=policy,
            relay=Relay(policy, proxies) if proxies else None,
            timeout=settings.getfloat("POE_PAGE_TIMEOUT"),
            check_wait=settings.getfloat("POE_CHECK_WAIT"),
            uses=settings.getint("POE_PAGE_USES"),
            max_size=settings.getint("POE_MAX_PAGE_SIZE"),
            memory_limit=settings.getfloat("POE_MEMORY_LIMIT"),
            count=lambda what: self.stats.inc_value(f"poe/browser/{what}"),
            guard=remote,
            attach=attach,
            profile=profile,
            # a form key that belongs to a user's session is not kept
            card_query_file=None if session else card_query_path(str(settings["POE_SITE_URL"])),
        )

    async def _close(self) -> None:
        if self.pool is not None:
            await self.pool.close()
        await super()._close()
