"""The crawl: the models API first, then the page of every bot that is due."""

import zlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, Self, cast

import scrapy
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeoutError
from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.retry import get_retry_request
from scrapy.exceptions import CloseSpider, DownloadCancelledError, DownloadTimeoutError, IgnoreRequest
from scrapy.http import Response
from scrapy.http.headers import Headers
from twisted.python.failure import Failure

from poe_scraper.browser import find_browser
from poe_scraper.failures import FAILURES, BrowserNotFoundError, Code, ObservationError, UsageError
from poe_scraper.feed.due import is_due
from poe_scraper.feed.merge import KnownBots
from poe_scraper.items import Bot, BotError
from poe_scraper.middlewares import BackoffMiddleware
from poe_scraper.pages.answer import check_answer
from poe_scraper.pages.bot import read_bot
from poe_scraper.pages.catalog import bot_url, read_catalog
from poe_scraper.spiders import arguments
from poe_scraper.untrusted import safe

_ASKS_FOR_PATIENCE = {Code.CHALLENGED, Code.RATE_LIMITED}
"""Failures that are about the crawl as a whole: every further request would make them worse."""

_SAYS_NOTHING_OF_THE_BOT = _ASKS_FOR_PATIENCE | {
    Code.LOGIN_REQUIRED,
    Code.REFUSED,
    Code.SERVER_ERROR,
    Code.TIMEOUT,
    Code.CONNECTION_FAILED,
    Code.BROWSER_CRASHED,
    Code.REDIRECTED_AWAY,
    Code.NOT_HTML,
}
"""Failures which, one after the other, mean that the site, or the way to it, is closed."""


class PoeModelsSpider(scrapy.Spider):
    """Asks the models API which bots there are, and renders the page of each that is due.

    Arguments (`scrapy crawl poe_models -a NAME=VALUE`):
        bots: handles, separated by commas: crawl these alone, whether due or not, in the API or not.
        limit: visit at most so many bot pages.
        only: `info` reads the models API and visits no page; `pricing` visits pages and leaves the
            catalog facts as they were.
        force: `true` visits every page, due or not.
        shard: `i/n` takes the i-th of n parts of the catalog, the same part each time.

    Yields `items.Bot` as seen in this crawl: one for each bot in scope, its page facts where it was visited.
    """

    name = "poe_models"

    complete = False
    """Whether all bots that the API lists were in scope: those that were not seen are then gone."""
    catalog_ok = False
    """Whether the models API answered with a list. Without one nothing is published."""
    known: KnownBots
    """What the feed knows, by `Bot.key`. The publishing pipeline fills it in before the first request."""
    listed: frozenset[str] = frozenset()
    """`Bot.key` of all that the API lists, whether in scope or not."""
    pages = 0
    """Bot pages asked for so far."""

    api_url: str
    api_key: str
    site_url: str
    max_age: timedelta
    browser_path: str
    remote_browser: bool
    max_blocked: int

    def __init__(
        self,
        bots: str = "",
        limit: str = "",
        only: str = "",
        force: str = "",
        shard: str = "",
        **unknown: str,
    ) -> None:
        super().__init__()
        if unknown:
            message = (
                f"unknown spider argument {', '.join(sorted(unknown))}; "
                "accepted: bots=A,B limit=N only=pricing|info force=true shard=i/n"
            )
            raise UsageError(message)
        self.bots = arguments.handles(bots)
        self.limit = arguments.limit(limit)
        self.only = arguments.only(only)
        self.force = arguments.force(force)
        self.shard = arguments.shard(shard)
        self.problems: list[BotError] = []
        self.blocks: Counter[Code] = Counter()
        self.known = KnownBots()
        given = {"bots": bots, "limit": limit, "only": only, "force": force, "shard": shard}
        self.arguments = {name: text for name, text in given.items() if text}

    @classmethod
    def check_arguments(cls, **values: str) -> None:
        """Raise `UsageError` where the spider would not accept these arguments."""
        cls(**values)

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Make the spider; a wrong argument raises `UsageError`."""
        spider = super().from_crawler(crawler, *args, **kwargs)
        settings = crawler.settings
        spider.api_url = str(settings["POE_API_URL"])
        spider.site_url = str(settings["POE_SITE_URL"]).rstrip("/")
        spider.max_age = timedelta(seconds=settings.getfloat("POE_MAX_AGE"))
        spider.browser_path = str(settings.get("POE_BROWSER_PATH") or "")
        spider.remote_browser = bool(settings.get("PLAYWRIGHT_CDP_URL") or settings.get("PLAYWRIGHT_CONNECT_URL"))
        spider.api_key = str(settings.get("POE_API_KEY") or "")
        crawler.signals.connect(spider.reading_broke, signals.spider_error)
        spider.max_blocked = settings.getint("POE_MAX_BLOCKED")
        return spider

    # --- the catalog ---------------------------------------------------------------------------

    async def start(self) -> AsyncIterator[Request]:
        """Ask the models API. Without a browser to render pages with, end at once."""
        if self.only != "info" and not self.remote_browser:
            try:
                find_browser(self.browser_path)
            except (BrowserNotFoundError, UsageError) as error:
                self.problems.append(BotError(stage="page", code=Code.BROWSER_MISSING, message=str(error), at=_now()))
                self.logger.error("%s", error)
                raise CloseSpider(Code.BROWSER_MISSING) from error
        headers = {"Accept": "application/json"}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        yield Request(
            self.api_url,
            self.parse_catalog,
            headers=headers,
            errback=self.catalog_failed,
            dont_filter=True,
            # a programming interface: robots.txt speaks to those who read pages
            meta={"handle_httpstatus_all": True, "dont_obey_robotstxt": True, "dont_redirect": True},
        )

    def parse_catalog(self, response: Response) -> Iterator[Bot | Request]:
        """Yield every bot in scope that needs no visit, and a request for every one that does."""
        if self.catalog_ok:
            return  # a crawl that is resumed has asked twice
        if response.status != 200:
            refused = response.status < 500
            code = Code.CATALOG_REFUSED if refused else Code.CATALOG_UNREACHABLE
            self._give_up(code, f"the models API at {self.api_url} answered {response.status}")
        at = _now()
        try:
            catalog = read_catalog(response.body, url=self.api_url, at=at, site_url=self.site_url)
        except ObservationError as error:
            self._give_up(error.code, str(error))
        self.problems.extend(catalog.problems)
        self.catalog_ok = True
        self.listed = frozenset(bot.key for bot in catalog.bots)
        # an entry that was left out may be any bot
        self.complete = not (self.bots or self.limit is not None or self.only or self.shard or catalog.problems)
        for bot in self._in_scope(catalog.bots, at):
            if self._is_due(bot, at):
                yield self._page_request(bot)
            else:
                yield bot

    def catalog_failed(self, failure: Failure) -> Iterator[Bot]:
        """Close the crawl: without a catalog there is nothing to do.

        A generator, for Scrapy logs a traceback where an errback raises, and none where its output does.
        """
        yield from ()
        reason = f"the models API at {self.api_url} could not be reached: {_cause(failure)}"
        self._give_up(Code.CATALOG_UNREACHABLE, reason)

    def _give_up(self, code: Code, message: str) -> NoReturn:
        self.problems.append(BotError(stage="catalog", code=code, message=message, at=_now()))
        self.logger.error("%s. %s", message, FAILURES[code].remedy)
        raise CloseSpider(code)

    def _in_scope(self, listed: tuple[Bot, ...], at: datetime) -> Iterator[Bot]:
        if self.bots:
            entries = {bot.key: bot for bot in listed}
            for handle in self.bots:
                yield entries.get(handle.casefold()) or Bot(
                    id=handle.casefold(),
                    url=bot_url(self.site_url, handle),
                    first_seen=at,
                    last_seen=at,
                    discovered_by=("handle",),
                )
            return
        for bot in listed:
            if self.shard is None or zlib.crc32(bot.key.encode()) % self.shard[1] == self.shard[0] - 1:
                yield bot

    def _is_due(self, bot: Bot, at: datetime) -> bool:
        if self.only == "info" or (self.limit is not None and self.pages >= self.limit):
            return False
        force = self.force or bool(self.bots)
        return is_due(self.known.find(bot), bot, now=at, max_age=self.max_age, force=force)

    def closed(self, reason: str) -> None:
        """Take nothing for gone that a crawl which ended early did not get to."""
        self.complete = self.complete and reason == "finished"

    # --- the pages -----------------------------------------------------------------------------

    def _page_request(self, bot: Bot) -> Request:
        self.pages += 1
        known = self.known.find(bot)
        # the canonical handle, where it is known, saves a redirect
        url = bot_url(self.site_url, known.handle) if known and known.handle else bot.url
        return Request(
            url,
            self.parse_page,
            errback=self.page_failed,
            # as text it takes a tenth of the memory, and thousands of requests wait
            cb_kwargs={"seen": bot.model_dump_json(by_alias=True, exclude_defaults=True)},
            # what is tried again is decided here, by the failure's code
            meta={"playwright": True, "poe_page": True, "handle_httpstatus_all": True, "dont_retry": True},
        )

    def parse_page(self, response: Response, seen: str) -> Iterator[Bot | Request]:
        """Yield the bot that a page shows. `seen` is the bot as it was found, as JSON."""
        self._count_traffic(response)
        request, html = cast("Request", response.request), response.text
        entry = Bot.model_validate_json(seen)
        try:
            headers = _plain(response.headers)
            check_answer(response.status, headers, response.url, html, site_url=self.site_url)
            bot = read_bot(
                html, url=response.url, at=_now(), site_url=self.site_url, seen=entry, known=self.known.find(entry)
            )
        except ObservationError as error:
            yield from self._not_read(request, error.code, str(error))
            return
        self.blocks.clear()
        self._backoff().forgive(request)
        self.crawler.stats.inc_value("poe/pages/rendered")
        yield self._without_catalog(bot)

    def page_failed(self, failure: Failure) -> Iterator[Bot | Request]:
        """Yield what follows a page that could not be fetched."""
        request: Request = failure.request  # type: ignore[attr-defined]
        if isinstance(failure.value, DownloadCancelledError):  # the crawl is ending; with a JOBDIR another goes on here
            yield request.replace(dont_filter=True)
        else:
            yield from self._not_read(request, _code(failure), _cause(failure))

    def reading_broke(self) -> None:
        """Count a page whose reading raised what nobody expected. Scrapy logs it; the bot stays as known."""
        self.crawler.stats.inc_value(f"poe/failures/{Code.INTERNAL_ERROR}")

    def _not_read(self, request: Request, code: Code, message: str) -> Iterator[Bot | Request]:
        """Yield another try, or the bot with what went wrong. Where all is refused, close the crawl."""
        if code in _ASKS_FOR_PATIENCE:
            self._backoff().hold_back(request)
        if code in _SAYS_NOTHING_OF_THE_BOT:
            self.blocks[code] += 1
        else:
            self.blocks.clear()
        blocked = 0 < self.max_blocked <= self.blocks.total()
        retry = None
        if FAILURES[code].retried and not blocked:
            retry = get_retry_request(request, spider=self, reason=code)
        yield retry or self._failed(Bot.model_validate_json(request.cb_kwargs["seen"]), code, message)
        if blocked:
            self._stop_asking()

    def _stop_asking(self) -> NoReturn:
        self._backoff().release()
        if not any(problem.code == Code.SITE_BLOCKS for problem in self.problems):
            causes = ", ".join(f"{count} x {cause}" for cause, count in self.blocks.most_common())
            message = f"the last {self.max_blocked} answers of {self.site_url} were no bot pages ({causes})"
            self.problems.append(BotError(stage="page", code=Code.SITE_BLOCKS, message=message, at=_now()))
            self.logger.error("%s. The crawl stops asking. %s", message, FAILURES[Code.SITE_BLOCKS].remedy)
        raise CloseSpider(Code.SITE_BLOCKS)

    def _backoff(self) -> BackoffMiddleware:
        middleware = self.crawler.get_downloader_middleware(BackoffMiddleware)
        if middleware is None:
            message = "DOWNLOADER_MIDDLEWARES lacks poe_scraper.middlewares.BackoffMiddleware"
            raise UsageError(message)
        return middleware

    def _failed(self, seen: Bot, code: Code, message: str) -> Bot:
        self.crawler.stats.inc_value(f"poe/failures/{code}")
        self.logger.warning("%s: %s: %s", seen.id, code, safe(message))
        error = BotError(stage="page", code=code, message=message, at=_now())
        return self._without_catalog(seen.model_copy(update={"errors": (*seen.errors, error)}))

    def _without_catalog(self, bot: Bot) -> Bot:
        """With `only=pricing` the catalog facts stay as the feed has them."""
        if self.only != "pricing":
            return bot
        return bot.model_copy(update={"observed": bot.observed.model_copy(update={"catalog": None})})

    def _count_traffic(self, response: Response) -> None:
        for kind, figures in response.meta.get("poe_traffic", {}).items():
            self.crawler.stats.inc_value(f"poe/requests/{kind}", figures["requests"])
            self.crawler.stats.inc_value(f"poe/bytes/{kind}", figures["bytes"])


# --- failures ----------------------------------------------------------------------------------


def _code(failure: Failure) -> Code:
    error = failure.value
    if isinstance(error, ObservationError):
        return error.code
    if isinstance(error, PlaywrightTimeoutError | TimeoutError | DownloadTimeoutError):
        return Code.TIMEOUT
    if isinstance(error, PlaywrightError):
        connection = "net::ERR_" in error.message
        return Code.CONNECTION_FAILED if connection else Code.BROWSER_CRASHED
    if isinstance(error, IgnoreRequest):
        return Code.ROBOTS_FORBIDDEN
    return Code.CONNECTION_FAILED


def _cause(failure: Failure) -> str:
    """The first line of what went wrong."""
    lines = str(failure.value).strip().splitlines()
    text = lines[0] if lines else type(failure.value).__name__
    return safe(text.rstrip("."))[:300]


def _plain(headers: Headers) -> dict[str, str]:
    return {str(name).lower(): value for name, value in headers.to_unicode_dict().items()}


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
