"""The last pipeline: the feed."""

import asyncio
import logging
from pathlib import Path
from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider
from scrapy.settings import BaseSettings

from poe_scraper.clock import end_of, now
from poe_scraper.failures import Code, FeedError, FeedLockedError, OtherSiteError
from poe_scraper.feed.absence import carry_lost_cards
from poe_scraper.feed.lock import when_free
from poe_scraper.feed.merge import carry_over
from poe_scraper.feed.report import new_run_id
from poe_scraper.feed.site import site_of
from poe_scraper.feed.spool import KnownBots
from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter
from poe_scraper.items import Bot, RunError, RunReport
from poe_scraper.publishing.flow import PublicationSettings, publish, report
from poe_scraper.spiders.state import CrawlState, state_of

logger = logging.getLogger(__name__)

_CLOSE_REASONS: dict[type[FeedError], str] = {FeedLockedError: "feed_locked", OtherSiteError: Code.OTHER_SITE}
"""Why a crawl is closed before its first request, by exception; else `feed_unwritable`."""


class PublishPipeline:
    """Collects the bots of a crawl, and publishes the feed when the crawl is over.

    It holds the feed's lock from the first request on. Publishing runs in a thread, so that neither pages nor requests
    wait for the disk.
    """

    report: RunReport | None = None
    """The run report; None until the run is over."""

    def __init__(self, crawler: Crawler, state: CrawlState) -> None:
        self.crawler = crawler
        self.state = state
        self.store = FeedStore(Path(crawler.settings["POE_OUTPUT_DIR"]))
        self.writer: FeedWriter | None = None
        self.bots = KnownBots()
        self.started_at = now()
        self.run_id = new_run_id()
        # only this signal knows why a crawl ends
        crawler.signals.connect(self.spider_closed, signals.spider_closed)

    @classmethod
    def enable(cls, settings: BaseSettings) -> None:
        """Make a crawl publish. The commands that crawl call this; other Scrapy commands never write a feed."""
        settings.setdefault_in_component_priority_dict("ITEM_PIPELINES", cls, 400)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the pipeline for a crawler."""
        return cls(crawler, state_of(crawler))

    async def open_spider(self) -> None:
        """Take the lock, repair what an earlier process left, and give the crawl what the feed knows.

        Raises:
            CloseSpider: the feed cannot be written, belongs to another site, or is being written by another process.
        """
        job = self.state.arguments.get("_job")
        purpose = f"crawl of {self.crawler.spidercls.name}" + (f", Scrapyd's job {job}" if job else "")
        # the report of a crawl that is interrupted while it waits
        self.report = self._failed("shutdown", "The feed was not free to be written.")
        try:
            wait = self.crawler.settings.getfloat("POE_LOCK_WAIT")
            site = site_of(self.crawler.settings)
            self.writer = await when_free(lambda: FeedWriter(self.store, purpose, site), wait)
        except FeedError as error:
            logger.error("%s", error)
            reason = _CLOSE_REASONS.get(type(error), "feed_unwritable")
            self.report = self._failed(reason, str(error))
            raise CloseSpider(reason) from error
        self.report = None
        self.state.known = self.writer.known
        known_site = self.writer.head.site if self.writer.head else None
        self.crawler.stats.set_value("poe/known_script_hosts", [*known_site.script_hosts] if known_site else [])

    def process_item(self, item: Bot) -> Bot:
        """Keep the bot for the feed."""
        self.bots[item.key] = item
        return item

    async def spider_closed(self, reason: str) -> None:
        """Publish, write the run report, and release the feed."""
        writer = self.writer
        if writer is None:
            return
        try:
            self.report = await asyncio.to_thread(self._publish, writer, reason)
        finally:
            writer.close()

    def amend(self, problems: tuple[RunError, ...]) -> None:
        """Add problems to the run report that showed after it was written.

        Raises:
            FeedError: it cannot be written.
        """
        if self.report is not None:
            self.report = self.report.model_copy(update={"problems": (*self.report.problems, *problems)})
            if self.writer is not None:
                self.writer.report(self.report)

    def _publish(self, writer: FeedWriter, reason: str) -> RunReport:
        state = self.state
        settings = PublicationSettings.of(self.crawler.settings)
        seen = len(self.bots.keys() | state.unchanged.keys())
        if not state.catalog_ok:
            reasons = tuple(problem.message for problem in state.problems) or (reason,)
            return report(writer, self._draft(reason, seen), settings, outcome="failed", reasons=reasons)
        at = now()
        lost = carry_lost_cards(state.known, self.bots, max_lost=settings.gate.max_lost, now=at)
        if lost is not None:
            logger.error("%s", lost.message)
            state.problems.append(lost)
        carry_over(
            state.known,
            self.bots,
            unchanged=state.unchanged,
            listed=state.listed,
            unlisted=state.unlisted,
            complete=state.complete,
            in_scope=state.in_scope,
            now=at,
            keep_gone=settings.keep_gone,
        )
        draft = self._draft(reason, seen)
        if draft.script_hosts and writer.site is not None:
            writer.site = writer.site.model_copy(update={"script_hosts": draft.script_hosts})
        # elsewhere, the feed of a shard would be taken for the whole
        return publish(writer, self.bots, draft, settings, at=at, delivers="shard" not in state.arguments)

    def _failed(self, reason: str, why: str) -> RunReport:
        """The report of a crawl that never got the feed."""
        return self._draft(reason, seen=0).model_copy(update={"reasons": (why,)})

    def _draft(self, finish_reason: str, seen: int) -> RunReport:
        """The run report, with what is known of the crawl itself."""
        state, failed = self.state, self._counts("poe/failures/")
        visited = int(self.crawler.stats.get_value("poe/pages/rendered", 0)) + sum(failed.values())
        return RunReport.model_validate(
            {
                "id": self.run_id,
                "started_at": self.started_at,
                "finished_at": end_of(self.started_at),
                "arguments": state.arguments,
                "finish_reason": finish_reason,
                "complete": state.complete,
                "outcome": "failed",
                "seen": seen,
                "visited": visited,
                "not_due": max(0, seen - visited - state.left),
                "left": state.left,
                "failed": failed,
                "requests": self._counts("poe/requests/"),
                "bytes": self._counts("poe/bytes/"),
                "script_hosts": self.crawler.stats.get_value("poe/script_hosts", ()),
                "problems": tuple(state.problems),
            }
        )

    def _counts(self, prefix: str) -> dict[str, int]:
        stats = self.crawler.stats.get_stats()
        return {key.removeprefix(prefix): count for key, count in stats.items() if key.startswith(prefix)}
