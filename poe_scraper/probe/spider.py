"""A crawl of one page that publishes nothing, and keeps everything it meets as evidence.

It is the crawl's own way to the page: the same settings, middlewares, browser, scripts and page objects.
"""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal, Self, cast

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider
from scrapy.http import Response
from scrapy.settings import Settings
from twisted.python.failure import Failure

from poe_scraper.browser.watcher import VisitWatcher, WatchedRequest
from poe_scraper.clock import now
from poe_scraper.failures import FAILURES, Code, ObservationError
from poe_scraper.items import Bot
from poe_scraper.pages.answer import is_bot_check
from poe_scraper.pages.bot import look_at_bot
from poe_scraper.pages.catalog import bot_url, read_catalog
from poe_scraper.probe.evidence import (
    ApiEvidence,
    Evidence,
    PageEvidence,
    Problem,
    RequestEvidence,
    RobotsEvidence,
    entry_of,
)
from poe_scraper.spiders.poe_models import PoeModelsSpider
from poe_scraper.spiders.visits import cause
from poe_scraper.untrusted import public_url

_ONE_LOOK = {
    "ITEM_PIPELINES": {},  # nothing is published
    "POE_MONITORS": False,
    "POE_REDIS_URL": "",
    "RETRY_ENABLED": False,
    "HTTPCACHE_ENABLED": False,  # what counts is what the API answers now
    "AUTOTHROTTLE_ENABLED": False,
    "JOBDIR": None,
    "FEEDS": {},
}
"""Settings in which a probe differs from a crawl."""


def probe_settings(base: Settings) -> Settings:
    """The settings of a crawl, changed so that it looks once and publishes nothing."""
    settings = base.copy()
    for name, value in _ONE_LOOK.items():
        settings.set(name, value, priority="cmdline")
    extensions = settings.getdict("EXTENSIONS")
    extensions["poe_scraper.extensions.ProgressBar"] = None
    settings.set("EXTENSIONS", extensions, priority="cmdline")
    return settings


class ProbeSpider(PoeModelsSpider):
    """Asks the models API, then for one page.

    Args:
        kind: kind of the page.
        subject: handle of the bot or creator; empty for a bot from the models API.
        watcher: watches the visit.
    """

    name = "poe_probe"

    def __init__(self, kind: Literal["bot", "profile"], subject: str, watcher: VisitWatcher) -> None:
        super().__init__()
        self.watcher = watcher
        self.evidence = Evidence(kind=kind, subject=subject, site_url="")

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Make the spider."""
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.evidence.site_url = public_url(spider.site_url)
        spider.evidence.api = ApiEvidence(url=public_url(spider.api_url))
        spider.evidence.robots = RobotsEvidence(obeyed=crawler.settings.getbool("ROBOTSTXT_OBEY"))
        crawler.signals.connect(spider.note_robots_request, signals.request_reached_downloader)
        crawler.signals.connect(spider.note_robots_response, signals.response_received)
        return spider

    async def start(self) -> AsyncIterator[Bot | Request]:
        """Ask the models API."""
        yield self._catalog_request().replace(callback=self.note_catalog, errback=self.note_no_catalog)

    # --- the models API and robots.txt -------------------------------------------------------------

    def note_catalog(self, response: Response) -> Iterator[Bot | Request]:
        """Note the API's answer, and yield a request for the page."""
        api = self.evidence.api
        api.status, api.headers = response.status, _plain(response)
        if response.status != 200:
            code = Code.CATALOG_REFUSED if response.status < 500 else Code.CATALOG_UNREACHABLE
            api.problem = Problem(code, f"the models API answered {response.status}")
        else:
            try:
                catalog = read_catalog(response.body, url=api.url, at=now(), site_url=self.site_url)
            except ObservationError as error:
                api.problem = Problem(error.code, str(error))
            else:
                api.entries, api.left_out = len(catalog.bots), len(catalog.problems)
                if self.evidence.kind == "bot":
                    api.entry = entry_of(self.evidence.subject, json.loads(response.body)["data"])
        yield from self._page_request()

    def note_no_catalog(self, failure: Failure) -> Iterator[Bot | Request]:
        """Note why the API gave no answer, and yield a request for the page if it is known which."""
        self.evidence.api.problem = Problem(Code.CATALOG_UNREACHABLE, cause(failure))
        yield from self._page_request()

    def note_robots_request(self, request: Request) -> None:
        """Note that robots.txt is asked for."""
        if request.url == f"{self.site_url}/robots.txt":
            self.evidence.robots.asked = True

    def note_robots_response(self, response: Response, request: Request) -> None:
        """Note how robots.txt was answered."""
        if request.url == f"{self.site_url}/robots.txt":
            self.evidence.robots.status = response.status

    # --- the page ----------------------------------------------------------------------------------

    def _page_request(self) -> Iterator[Request]:
        evidence = self.evidence
        if not evidence.subject and evidence.api.entry is not None:
            evidence.subject = str(evidence.api.entry["id"])
        if not evidence.subject:
            return
        url = bot_url(self.site_url, evidence.subject)
        evidence.page = PageEvidence(url=public_url(url), with_session=self.session is not None)
        try:
            self.require_browser()
        except CloseSpider:
            problem = self.crawl_state.problems[-1]
            evidence.page.problem = Problem(Code(problem.code), problem.message)
            return
        yield Request(
            url,
            self.note_page,
            errback=self.page_failed,
            meta={
                "playwright": True,
                "poe_page": evidence.kind,
                "poe_watcher": self.watcher,
                "handle_httpstatus_all": True,
                "dont_retry": True,
            },
        )

    def note_page(self, response: Response) -> None:
        """Note the page."""
        page = self._page(cast("Request", response.request))
        page.url, page.status, page.headers = public_url(response.url), response.status, _plain(response)
        page.html = response.text
        page.needed_hosts = self._needed_hosts(page)

    def _needed_hosts(self, page: PageEvidence) -> tuple[str, ...]:
        if self.evidence.kind != "bot" or page.html is None:
            return ()
        try:
            clicked_at = look_at_bot(page.html, url=page.url, identity=self.evidence.subject).clicked_at
        except ObservationError:  # it is not the bot's page, or was not observed
            return ()
        if clicked_at is None:
            return ()
        later = {one.host for one in page.requests if one.error is not None and one.sent_at * 1000 >= clicked_at}
        return tuple(host for host in page.blocked_hosts if host in later)

    def not_read(self, request: Request, code: Code, message: str) -> Iterator[Bot | Request]:
        """Note why there is no page."""
        page = self._page(request)
        page.problem = Problem(code, message)
        if page.documents:
            page.url, page.status = page.documents[-1].url, page.documents[-1].status
        yield from ()

    def reading_broke(self) -> None:
        """Note a bug of ours in the part of the look that was in progress."""
        problem = Problem(Code.INTERNAL_ERROR, FAILURES[Code.INTERNAL_ERROR].meaning)
        if self.evidence.page is None:
            self.evidence.api.problem = problem
        else:
            self.evidence.page.problem = problem

    def _page(self, request: Request) -> PageEvidence:
        page = self.evidence.page
        assert page is not None  # noqa: S101 - the request was made from it
        last = self.watcher.last_attempt
        documents = map(_request_evidence, self.watcher.documents)
        begun = len([one for one in self.watcher.documents if one not in last])
        page.documents = tuple(one for number, one in enumerate(documents) if number >= begun or one.is_check)
        page.requests = tuple(map(_request_evidence, last))
        page.queries = tuple(one.query_name for one in last if one.is_query)
        page.blocked_hosts = tuple(request.meta.get("poe_blocked_hosts", ()))
        return page


def _request_evidence(watched: WatchedRequest) -> RequestEvidence:
    return RequestEvidence(
        method=watched.method,
        url=public_url(watched.url) if watched.host else f"{watched.url.partition(':')[0]}:",
        type=watched.type,
        host=watched.host,
        sent_at=watched.sent_at,
        status=watched.status,
        error=watched.error,
        is_check=watched.type == "Document"
        and is_bot_check(watched.status or 0, watched.response_headers, watched.url, watched.body or ""),
    )


def _plain(response: Response) -> dict[str, str]:
    return {str(name).lower(): value for name, value in response.headers.to_unicode_dict().items()}
