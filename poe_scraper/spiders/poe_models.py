"""The crawl: the models API first, then the page of every bot that is due."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider
from scrapy.http import Response
from twisted.python.failure import Failure

from poe_scraper.clock import now
from poe_scraper.distributed import is_shared
from poe_scraper.failures import FAILURES, Code, ObservationError, UsageError
from poe_scraper.feed.drift import CatalogDrift, with_kept
from poe_scraper.feed.due import is_news
from poe_scraper.items import Bot
from poe_scraper.pages.catalog import read_catalog
from poe_scraper.spiders import arguments
from poe_scraper.spiders.profiles import ProfileVisits
from poe_scraper.spiders.visits import cause
from poe_scraper.untrusted import public_url

if TYPE_CHECKING:
    from poe_scraper.distributed.member import Member


class PoeModelsSpider(ProfileVisits):
    """Asks the models API which bots there are, and renders the page of each that is due.

    Arguments (`scrapy crawl poe_models -a NAME=VALUE`):
        bots: handles, separated by commas: crawl these alone, whether due or not, in the API or not.
        creators: handles of creators, separated by commas, or `all` for all known: the bots on their
            profiles, too.
        limit: visit at most so many bot pages.
        only: `info` reads the models API and visits no bot page; `pricing` visits pages and leaves the
            catalog facts as they were.
        force: `true` visits every page, due or not.
        shard: `i/n` takes the i-th of n parts of the catalog, the same part each time. `poe-scraper merge`
            publishes the feeds of all parts as one.
        role: `worker` renders pages for the crawl that is shared through `POE_REDIS_URL`, and publishes nothing.
        _job, _version: Scrapyd's names of the job and of the project's version, for the run report.

    Yields `items.Bot` as seen in this crawl: one for each bot in scope that was visited, or of which the API tells
    something new.
    """

    name = "poe_models"
    accepted = "bots=A,B limit=N only=pricing|info force=true shard=i/n creators=A,B|all role=worker"

    api_url: str
    api_key: str
    accept: bool

    member: "Member | None" = None
    """This process's part in a crawl that is shared through Redis."""

    def __init__(self, bots: str | None = None, role: str | None = None, **others: str) -> None:
        super().__init__(**others)
        self.role = arguments.role(role)
        if self.role and (bots or self.creators or self.limit or self.only or self.force or self.crawl_state.shard):
            message = "role=worker takes no other argument: the publisher decides what is crawled"
            raise UsageError(message)
        self.bots = arguments.bots(bots)
        if bots is not None:
            if self.creators:
                message = "bots and creators exclude each other: bots crawls only the bots that it names"
                raise UsageError(message)
            self.force = True
            self.crawl_state.arguments["bots"] = bots

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Make the spider; a wrong argument raises `UsageError`."""
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.api_url = str(crawler.settings["POE_API_URL"])
        spider.accept = crawler.settings.getbool("POE_ACCEPT")
        spider.api_key = str(crawler.settings.get("POE_API_KEY") or "")
        if is_shared(crawler.settings, spider.role):
            spider.member = _take_part(spider, crawler)
        return spider

    async def start(self) -> AsyncIterator[Bot | Request]:
        """Ask the models API; or, as a worker, for pages. Without a browser to render pages with, end at once."""
        if self.creators or (self.only != "info" and (self.member is None or self.role)):
            self.require_browser()
        if self.member is None:
            yield self._catalog_request()
        else:
            async for found in self.member.start(self._catalog_request()):
                yield found

    def _catalog_request(self) -> Request:
        headers = {"Accept": "application/json"}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        return Request(
            self.api_url,
            self.parse_catalog,
            headers=headers,
            errback=self.catalog_failed,
            dont_filter=True,
            # a programming interface: robots.txt speaks to those who read pages
            meta={
                "poe_catalog": True,
                "handle_httpstatus_all": True,
                "dont_obey_robotstxt": True,
                "dont_redirect": True,
            },
        )

    def parse_catalog(self, response: Response) -> Iterator[Bot | Request]:
        """Yield a request for every bot in scope that is due, every other of which there is news, and profiles."""
        state = self.crawl_state
        if state.listed:
            return  # a crawl that is resumed has asked twice
        if response.status != 200:
            refused = response.status < 500
            code = Code.CATALOG_REFUSED if refused else Code.CATALOG_UNREACHABLE
            self._give_up(code, f"the models API at {public_url(self.api_url)} answered {response.status}")
        at = now()
        try:
            catalog = read_catalog(response.body, url=public_url(self.api_url), at=at, site_url=self.site_url)
        except ObservationError as error:
            self._give_up(error.code, str(error))
        state.problems.extend(catalog.problems)
        state.catalog_ok = True
        drift = CatalogDrift(self.max_lost)
        listed = set()
        for bot in catalog.bots:
            listed.add(bot.key)
            drift.add(bot, state.known.find(bot))
        state.problems.extend(drift.problems(at))
        state.listed = frozenset(listed)
        state.unclear = catalog.possible_keys - state.listed
        # an entry that names nothing may be any bot
        state.complete = not (self.bots or self.limit is not None or self.only or catalog.has_anonymous)
        yield from self.profile_requests()
        for entry in self._asked_for(catalog.bots, at):
            bot = entry if self.accept else drift.keep_withdrawn(entry)
            visit = self.visit_if_due(bot, at)
            known = state.known.find(bot)
            sighting = with_kept(bot, known).observed.catalog
            if isinstance(visit, Request) or sighting is None or is_news(known, bot):
                yield visit
            else:
                state.unchanged[bot.key] = sighting
        if state.complete:
            yield from self._look_for_delisted(at)

    def catalog_failed(self, failure: Failure) -> Iterator[Bot]:
        """Close the crawl: without a catalog there is nothing to do.

        A generator, for Scrapy logs a traceback where an errback raises, and none where its output does.
        """
        yield from ()
        reason = f"the models API at {public_url(self.api_url)} could not be reached: {cause(failure)}"
        self._give_up(Code.CATALOG_UNREACHABLE, reason)

    def _give_up(self, code: Code, message: str) -> NoReturn:
        self.crawl_state.note("catalog", code, message)
        self.logger.error("%s. %s", message, FAILURES[code].remedy)
        raise CloseSpider(code)

    def _asked_for(self, listed: Sequence[Bot], at: datetime) -> Iterator[Bot]:
        if self.bots:
            entries = {bot.key: bot for bot in listed}
            for handle in self.bots:
                yield entries.get(handle.casefold()) or self.named(handle, at)
            return
        met: set[str] = set()
        for bot in listed:
            if not self.crawl_state.in_scope(bot.key):
                continue
            if bot.key in met:
                message = f"{bot.id} was seen twice in this crawl; the first is kept"
                self.crawl_state.note("catalog", Code.ENTRY_DUPLICATE, message)
                continue
            met.add(bot.key)
            yield bot

    def _look_for_delisted(self, at: datetime) -> Iterator[Request]:
        """Yield a request for the page of every known bot that has left the API, and stood on a profile too.

        The page tells whether it is still there, where no profile is read that could.
        """
        state = self.crawl_state
        for key in state.known:
            card = state.known.summary(key)
            if not card.active or not {"api", "creator"} <= set(card.found_by):
                continue
            if key not in state.listed and state.in_scope(key):
                bot = state.known[key]
                visit = self.visit_if_due(Bot(id=bot.id, url=bot.url, first_seen=at, last_seen=at), at)
                if isinstance(visit, Request):
                    yield visit


def _take_part(spider: PoeModelsSpider, crawler: Crawler) -> "Member":
    """Join the crawl that is shared through Redis. What that needs is an optional extra."""
    from poe_scraper.distributed.publisher import Publisher
    from poe_scraper.distributed.worker import Worker

    return Worker(spider, crawler) if spider.role else Publisher(spider, crawler)
