"""Visiting bot pages: which are due, when a visit is retried, and what ends a crawl."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, ClassVar, NoReturn, Self, TypeVar, cast
from urllib.parse import unquote, urlsplit

import scrapy
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeoutError
from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.retry import get_retry_request
from scrapy.exceptions import CloseSpider, DownloadCancelledError, DownloadTimeoutError, IgnoreRequest
from scrapy.http import Response
from scrapy.http.headers import Headers
from scrapy.settings import BaseSettings
from scrapy.utils.misc import load_object
from twisted.python.failure import Failure

from poe_scraper import settings as project_settings
from poe_scraper.browser.handler import PagePoolDownloadHandler
from poe_scraper.browser.preflight import check_settings, require_browser
from poe_scraper.browser.session import Session, asked_session
from poe_scraper.clock import now
from poe_scraper.extensions import SettingsAddon
from poe_scraper.failures import FAILURES, BrowserBrokenError, BrowserNotFoundError, Code, ObservationError, UsageError
from poe_scraper.feed.due import is_due
from poe_scraper.feed.gate import too_many_lost
from poe_scraper.feed.merge import has_card
from poe_scraper.items import Bot, BotError
from poe_scraper.middlewares import BackoffMiddleware
from poe_scraper.pages.answer import check_answer, is_signed_out
from poe_scraper.pages.bot import read_bot
from poe_scraper.pages.catalog import bot_url
from poe_scraper.spiders import arguments
from poe_scraper.spiders.breaker import ASKS_FOR_PATIENCE, LACKING, CircuitBreaker, Stop, with_refused_hosts
from poe_scraper.spiders.state import CrawlState
from poe_scraper.untrusted import safe

_Result = TypeVar("_Result")


class PageVisits(scrapy.Spider):
    """Base of the spiders: renders the pages of bots.

    Arguments of all spiders (`scrapy crawl NAME -a ARGUMENT=VALUE`):
        limit: visit at most so many bot pages.
        only: `info` visits no bot page; `pricing` visits pages and leaves the catalog facts as they were.
        force: `true` visits every page, due or not.
        shard: `i/n` takes the i-th of n parts of all bots, the same part each time. `poe-scraper merge`
            publishes the feeds of all parts as one.
        _job, _version: Scrapyd's names of the job and of the project's version, for the run report.
    """

    accepted: ClassVar[str]
    """The spider's arguments, for error messages."""

    crawl_state: CrawlState
    """What the crawl knows; shared with the item pipelines."""

    site_url: str
    max_age: timedelta
    session: Session | None
    """The user's session, if the crawl uses one."""
    breaker: CircuitBreaker
    max_lost: float = 1
    """`POE_GATE_MAX_LOST`: the share of the bots that may lose something in one crawl."""

    def __init__(
        self,
        limit: str | None = None,
        only: str | None = None,
        force: str | None = None,
        shard: str | None = None,
        _job: str = "",
        _version: str = "",
        **unknown: str,
    ) -> None:
        super().__init__()
        if unknown:
            message = f"unknown spider argument {', '.join(sorted(unknown))}; accepted: {self.accepted}"
            raise UsageError(message)
        self.limit = arguments.limit(limit)
        self.only = arguments.only(only)
        self.force = arguments.force(force)
        self.is_ending = False
        self.unneeded_hosts: set[str] = set()
        """Hosts that were refused while a page had all that the crawl looks for: trackers, for example."""
        self.cards_by: Counter[str | None] = Counter()
        """Rate cards read, by `PageSighting.via`; None counts pages without one."""
        self.detour_hosts: set[str] = set()
        """Hosts that were refused on pages whose card came by repeating a query."""
        self.retried: dict[str, tuple[Request, Code, str]] = {}
        """Pages that wait for their retry, by address: the request that failed last, and why."""
        given = {"limit": limit, "only": only, "force": force, "shard": shard, "_job": _job, "_version": _version}
        given_text = {name: text for name, text in given.items() if text}
        self.crawl_state = CrawlState(arguments=given_text, shard=arguments.shard(shard))

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        """Check our settings, and add what this spider needs to the settings of another Scrapy project.

        Settings of that project keep their values, apart from the download handlers: bot pages need ours.
        """
        super().update_settings(settings)
        settings.setmodule(project_settings, priority="addon")
        for path, priority in project_settings.DOWNLOADER_MIDDLEWARES.items():
            settings.setdefault_in_component_priority_dict("DOWNLOADER_MIDDLEWARES", load_object(path), priority)
        handlers = settings.getdict("DOWNLOAD_HANDLERS")
        for scheme in ("http", "https"):
            if not issubclass(load_object(handlers[scheme]), PagePoolDownloadHandler):
                handlers[scheme] = PagePoolDownloadHandler
        settings.set("DOWNLOAD_HANDLERS", handlers, settings.getpriority("DOWNLOAD_HANDLERS") or 0)
        SettingsAddon().update_settings(settings)

    @classmethod
    def check_arguments(cls, **values: str) -> None:
        """Raise `UsageError` if the spider does not accept these arguments."""
        cls(**values)

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Make the spider; raises `UsageError` for a wrong argument."""
        spider = super().from_crawler(crawler, *args, **kwargs)
        settings = crawler.settings
        if kwargs.get("_job"):
            settings.set("STATS_DUMP", True, priority="project")  # logparser and ScrapydWeb read figures from the log
        spider.site_url = str(settings["POE_SITE_URL"]).rstrip("/")
        spider.max_age = timedelta(seconds=settings.getfloat("POE_MAX_AGE"))
        spider.max_lost = settings.getfloat("POE_GATE_MAX_LOST")
        check_settings(settings)
        spider.session = asked_session(settings)
        if spider.session is not None and spider.session.has_ended(now()):
            spider._note_expiry()
        spider.breaker = CircuitBreaker(settings.getint("POE_MAX_BLOCKED"), spider.site_url)
        crawler.signals.connect(spider.reading_broke, signals.spider_error)
        return spider

    def closed(self, reason: str) -> None:
        """Mark no bot as gone after a crawl that ended early; report cards that came by a detour."""
        if reason != "finished":
            self.crawl_state.end_early()
        repeated, cards = self.cards_by["query"], self.cards_by.total() - self.cards_by[None]
        if too_many_lost(repeated, cards, self.max_lost):
            message = (
                f"Rates could not be opened on {repeated} of {cards} pages with a card; their cards came by repeating "
                "the query that other pages sent"
            )
            failure = ObservationError(Code.SITE_CHANGED, message)
            failure = with_refused_hosts(failure, sorted(self.detour_hosts - self.unneeded_hosts))
            self.crawl_state.note("page", failure.code, str(failure))

    def require_browser(self) -> None:
        """End the crawl at once if there is no browser that works."""
        try:
            require_browser(self.crawler.settings)
        except (BrowserNotFoundError, BrowserBrokenError, UsageError) as error:
            code = Code.BROWSER_BROKEN if isinstance(error, BrowserBrokenError) else Code.BROWSER_MISSING
            self.crawl_state.note("page", code, str(error))
            self.logger.error("%s. %s", error, FAILURES[code].remedy)
            raise CloseSpider(code) from error

    # --- bot pages -----------------------------------------------------------------------------

    def visit_if_due(self, bot: Bot, at: datetime) -> Bot | Request:
        """A request for the bot's page if that is due, else the bot as it was found."""
        if self.only == "info":
            return bot
        known = self.crawl_state.known.find(bot)
        if not is_due(known, bot, now=at, max_age=self.max_age, force=self.force):
            return bot
        if self.limit is not None and self.crawl_state.pages >= self.limit:
            self.crawl_state.left += 1
            return bot
        self.crawl_state.pages += 1
        # the canonical handle saves a redirect
        return self.page_request(bot_url(self.site_url, known.handle) if known and known.handle else bot.url, bot)

    def page_request(self, url: str, bot: Bot, known: Bot | None = None) -> Request:
        """A request for a bot's page.

        Args:
            url: the page's address.
            bot: the bot as it was found.
            known: the bot as the feed has it, for a process that has no feed.
        """
        return Request(
            url,
            self.parse_page,
            errback=self.page_failed,
            # thousands of requests wait: text takes a tenth of the memory
            cb_kwargs={"seen": bot.as_json(exclude_defaults=True)} | ({"known": known.as_json()} if known else {}),
            # `not_read` decides about retries, by the failure's code
            meta={"playwright": True, "poe_page": "bot", "handle_httpstatus_all": True, "dont_retry": True},
        )

    def named(self, handle: str, at: datetime) -> Bot:
        """A bot of which only the handle is known."""
        key = handle.casefold()
        url = bot_url(self.site_url, handle)
        return Bot(id=key, url=url, first_seen=at, last_seen=at, discovered_by=("handle",))

    def asked_for_by(self, request: Request) -> Bot:
        """The bot whose page a request is for, as it was found."""
        if "seen" in request.cb_kwargs:
            return Bot.model_validate_json(request.cb_kwargs["seen"])
        return self.named(unquote(urlsplit(request.url).path.rpartition("/")[2]), now())

    def known_by(self, request: Request) -> Bot | None:
        """The bot whose page a request is for, as the feed has it; None if it does not."""
        if "known" in request.cb_kwargs:
            return Bot.model_validate_json(request.cb_kwargs["known"])
        return self.crawl_state.known.find(self.asked_for_by(request))

    def parse_page(
        self,
        response: Response,
        seen: str = "",  # noqa: ARG002 - read by `asked_for_by`
        known: str = "",  # noqa: ARG002 - read by `known_by`
    ) -> Iterator[Bot | Request]:
        """Yield the bot that a page shows.

        Args:
            response: the page.
            seen: the bot as it was found, as JSON; by default the one that the address names.
            known: the bot as the feed has it, as JSON, for a process that has no feed.
        """
        self.count_traffic(response)
        request = cast("Request", response.request)
        entry = self.asked_for_by(request)
        in_feed = self.known_by(request)
        bot = self.read(
            response,
            lambda html: read_bot(html, url=response.url, at=now(), site_url=self.site_url, seen=entry, known=in_feed),
        )
        if isinstance(bot, ObservationError):
            yield from self.not_read(request, bot.code, str(bot))
            return
        self.crawler.stats.inc_value("poe/pages/rendered")
        via = bot.observed.page.via if bot.observed.page is not None and has_card(bot) else None
        self.cards_by[via] += 1
        if via == "query":
            self.detour_hosts.update(request.meta.get("poe_needed_hosts", ()))
        yield self.without_catalog(bot)
        self.has_come(request)
        if in_feed is None or has_card(bot) or not has_card(in_feed):
            self.breaker.page_read()
            if via != "query":
                self.unneeded_hosts.update(request.meta.get("poe_blocked_hosts", ()))
            return
        if not self._failed_so_before(request, Code.CARD_MISSING):
            stop = self._count_lacking(request, Code.CARD_MISSING, "bots that have a rate card in the feed show none")
            if stop is not None:
                self._end(stop.code, stop.message)

    def read(self, response: Response, read: Callable[[str], _Result]) -> _Result | ObservationError:
        """What a page says; the failure if it cannot be used, or if the reader has a bug.

        Args:
            response: the page.
            read: reads its HTML, and may raise `ObservationError`.
        """
        try:
            return read(self.checked(response))
        except ObservationError as error:
            return self.with_refused_hosts(cast("Request", response.request), error)
        except Exception:
            self.logger.exception("Bug in poe-scraper while reading %s", response.url)
            return ObservationError(Code.INTERNAL_ERROR, FAILURES[Code.INTERNAL_ERROR].meaning)

    def with_refused_hosts(self, request: Request, error: ObservationError) -> ObservationError:
        """The failure of a visit; once a crawl, name the hosts that were refused if they may explain it."""
        refused = set(request.meta.get("poe_needed_hosts", ())) - self.unneeded_hosts
        failure = with_refused_hosts(error, sorted(refused))
        if failure.code == Code.BLOCKED_HOST and not self.crawl_state.has_problem(Code.BLOCKED_HOST):
            self.crawl_state.note("page", failure.code, str(failure))
            self.logger.error("%s. %s", safe(str(failure)), FAILURES[failure.code].remedy)
        return failure

    def _failed(self, seen: Bot, code: Code, message: str) -> Bot:
        self.crawler.stats.inc_value(f"poe/failures/{code}")
        self.logger.warning("%s: %s: %s", seen.id, code, safe(message))
        error = BotError(stage="page", code=code, message=message, at=now())
        return self.without_catalog(seen.model_copy(update={"errors": (*seen.errors, error)}))

    def without_catalog(self, bot: Bot) -> Bot:
        """The bot as it is yielded: with `only=pricing` without catalog facts, so that the feed keeps the old ones."""
        if self.only != "pricing":
            return bot
        return bot.model_copy(update={"observed": bot.observed.model_copy(update={"catalog": None})})

    # --- all pages -----------------------------------------------------------------------------

    def checked(self, response: Response) -> str:
        """The HTML of a page of the site; raises `ObservationError` if the answer is not one."""
        html, headers, given = response.text, _plain(response.headers), self.session is not None
        try:
            check_answer(response.status, headers, response.url, html, site_url=self.site_url, session=given)
        except ObservationError as error:
            if error.code == Code.SESSION_EXPIRED:
                self._note_expiry()
            raise
        if given and is_signed_out(html):  # the page is still right: it is what everybody may see
            self._note_expiry()
        return html

    def _note_expiry(self) -> None:
        """Report once that Poe no longer accepts the session."""
        if self.crawl_state.has_problem(Code.SESSION_EXPIRED):
            return
        meaning, remedy = FAILURES[Code.SESSION_EXPIRED].meaning, FAILURES[Code.SESSION_EXPIRED].remedy
        self.crawl_state.note("page", Code.SESSION_EXPIRED, meaning)
        self.logger.error("%s %s", meaning, remedy)

    def has_come(self, request: Request) -> None:
        """Note that the site answered with one of its pages."""
        self.breaker.site_answered()
        self.retried.pop(request.url, None)
        self._backoff().forgive(request)

    def page_failed(self, failure: Failure) -> Iterator[Bot | Request]:
        """Yield what follows a page that could not be fetched."""
        request: Request = failure.request  # type: ignore[attr-defined]
        if isinstance(failure.value, DownloadCancelledError):
            # the crawl is ending; with a JOBDIR the next one continues here
            yield request.replace(dont_filter=True)
        else:
            yield from self.not_read(request, _code(failure), cause(failure))

    def reading_broke(self) -> None:
        """Count a page after which a component raised something unexpected. Scrapy logs it; the bot stays as known."""
        self.crawler.stats.inc_value(f"poe/failures/{Code.INTERNAL_ERROR}")

    def not_read(self, request: Request, code: Code, message: str) -> Iterator[Bot | Request]:
        """Yield a retry, or what follows without one. Close the crawl if there is no use in going on."""
        if code in ASKS_FOR_PATIENCE:
            self._backoff().hold_back(request)
        is_new = code not in LACKING or not self._failed_so_before(request, code)
        stop = self.breaker.page_failed(code)
        if stop is None and is_new:
            stop = self._count_lacking(request, code, message)
        retry = None
        if FAILURES[code].retried and is_new and stop is None:
            retry = get_retry_request(request, spider=self, reason=code)
        if retry is not None:
            self.retried[request.url] = request, code, message
            yield retry
        elif code in {Code.BROWSER_BROKEN, Code.BROWSER_UNREACHABLE}:
            # no page can be read, and this one is no worse than others
            self._end(code, message)
        else:
            self.retried.pop(request.url, None)
            yield from self.given_up(request, code, message)
        if stop is not None:
            if stop.code in LACKING:  # the pages that showed it are not requested again
                for first in self.retried.values():
                    yield from self.given_up(*first)
            self._end(stop.code, stop.message)

    def _count_lacking(self, request: Request, code: Code, message: str) -> Stop | None:
        """Count a bot's page that lacks something, at its first attempt."""
        if code not in LACKING or request.meta["poe_page"] != "bot" or request.meta.get("retry_times", 0):
            return None
        return self.breaker.page_lacks(code, message)

    def _failed_so_before(self, request: Request, code: Code) -> bool:
        """True if a bot's page failed the same way at the last look: that is not news about the site."""
        known = self.known_by(request) if request.meta["poe_page"] == "bot" else None
        return known is not None and any(error.code == code for error in known.errors)

    def given_up(self, request: Request, code: Code, message: str) -> Iterator[Bot]:
        """Yield what is known of a bot whose page failed for good."""
        yield self._failed(self.asked_for_by(request), code, message)

    def _end(self, code: Code, message: str) -> NoReturn:
        """Close the crawl, and report the reason once."""
        self._backoff().release()
        if not self.is_ending:
            self.is_ending = True
            self.crawl_state.note("page", code, message)
            self.logger.error("%s. The crawl stops. %s", safe(message), FAILURES[code].remedy)
        raise CloseSpider(code)

    def _backoff(self) -> BackoffMiddleware:
        middleware = self.crawler.get_downloader_middleware(BackoffMiddleware)
        if middleware is None:
            message = "DOWNLOADER_MIDDLEWARES lacks poe_scraper.middlewares.BackoffMiddleware"
            raise UsageError(message)
        return middleware

    def count_traffic(self, response: Response, document: str = "document") -> None:
        """Count the requests and bytes of a page; `document` names the page itself in the run report."""
        for kind, figures in response.meta.get("poe_traffic", {}).items():
            name = document if kind == "document" else kind
            self.crawler.stats.inc_value(f"poe/requests/{name}", figures["requests"])
            self.crawler.stats.inc_value(f"poe/bytes/{name}", figures["bytes"])


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


def cause(failure: Failure) -> str:
    """The first line of what went wrong."""
    lines = str(failure.value).strip().splitlines()
    text = lines[0] if lines else type(failure.value).__name__
    return safe(text.rstrip("."))[:300]


def _plain(headers: Headers) -> dict[str, str]:
    return {str(name).lower(): value for name, value in headers.to_unicode_dict().items()}
