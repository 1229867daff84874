"""What a crawl knows while it runs: the contract between spiders, item pipelines and workers.

A spider of this project keeps it as `crawl_state` (`state` belongs to Scrapy's `SpiderState` extension, which
replaces it if there is a `JOBDIR`). The publishing pipeline fills in `known` before the first request.
"""

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from poe_scraper.clock import now
from poe_scraper.failures import Code
from poe_scraper.feed.shard import Shard
from poe_scraper.feed.spool import KnownBots
from poe_scraper.items import BotError, CatalogSighting


@dataclass
class CrawlState:
    """The state of one crawl."""

    arguments: dict[str, str] = field(default_factory=dict)
    """Spider arguments that were given, by name."""
    shard: Shard | None = None
    """The part of all bots that this crawl is about; None for all of them."""
    known: KnownBots = field(default_factory=KnownBots)
    """The bots of the feed, by `Bot.key`. Empty in a process that has no feed."""
    catalog_ok: bool = False
    """True if a list of bots was read: the models API, or a profile. Otherwise nothing is published."""
    complete: bool = False
    """True if every bot of the shard that the API lists was in scope. Bots that were not seen are then gone."""
    listed: frozenset[str] = frozenset()
    """`Bot.key` of every bot that the API lists, in scope or not."""
    unclear: frozenset[str] = frozenset()
    """`Bot.key` of bots that the API does not list, but that an entry without a usable id may stand for."""
    unlisted: set[str] = field(default_factory=set)
    """`Bot.key` of known bots that their creator's profile, read in full, no longer shows."""
    unchanged: dict[str, CatalogSighting] = field(default_factory=dict)
    """When and where bots were seen in the models API that need no visit and whose entry did not change, by
    `Bot.key`. They are not yielded as items."""
    problems: list[BotError] = field(default_factory=list)
    """Problems of the crawl as a whole, for the run report."""
    pages: int = 0
    """Bot pages requested so far, without retries."""
    left: int = 0
    """Bots that are due and were left for a later crawl because of `limit`."""

    def in_scope(self, key: str) -> bool:
        """True if the bot of that `Bot.key` is in the crawl's shard, and it is clear whether the API lists it."""
        return key not in self.unclear and (self.shard is None or self.shard.holds(key))

    def note(self, stage: str, code: Code, message: str) -> None:
        """Add a problem.

        Args:
            stage: `catalog`, `page` or `profile`.
            code: what failed.
            message: what was wrong, for a person.
        """
        self.problems.append(BotError.model_validate({"stage": stage, "code": code, "message": message, "at": now()}))

    def has_problem(self, code: Code) -> bool:
        """True if a problem with that code was noted."""
        return any(problem.code == code for problem in self.problems)

    def end_early(self) -> None:
        """Keep bots from being marked as gone: the crawl ended before it could see them."""
        self.complete = False
        self.unlisted.clear()


@runtime_checkable
class HasCrawlState(Protocol):
    """A spider that works with this project's item pipelines."""

    crawl_state: CrawlState


def state_of(crawler: Crawler) -> CrawlState:
    """The state of the crawl that a crawler runs.

    Raises:
        NotConfigured: its spider is not one of this project's. Scrapy then leaves the calling component out.
    """
    spider: object = crawler.spider
    if not isinstance(spider, HasCrawlState):
        raise NotConfigured
    return spider.crawl_state
