"""The last pipeline: the feed."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path
from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider
from scrapy.settings import BaseSettings

from poe_scraper.clock import now
from poe_scraper.failures import FeedError, FeedLockedError, GateRefusedError
from poe_scraper.feed.gate import Gate
from poe_scraper.feed.lock import when_free
from poe_scraper.feed.merge import carry_over
from poe_scraper.feed.report import figures, new_run_id
from poe_scraper.feed.spool import KnownBots
from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter, Publication
from poe_scraper.items import Bot, Run, RunError, RunReport
from poe_scraper.publishing import DeliverySettings, deliver
from poe_scraper.spiders.state import CrawlState, state_of

logger = logging.getLogger(__name__)


class PublishPipeline:
    """Collects the bots of a crawl, and publishes the feed when the crawl is over.

    It holds the feed's lock from the first request on. What touches the disk runs beside the event
    loop, so that neither pages nor requests wait for it.
    """

    report: RunReport | None = None
    """How the run went; None until it is over."""

    def __init__(self, crawler: Crawler, state: CrawlState) -> None:
        self.crawler = crawler
        self.state = state
        self.store = FeedStore(Path(crawler.settings["POE_OUTPUT_DIR"]))
        self.writer: FeedWriter | None = None
        self.bots = KnownBots()
        self.seen = 0
        self.started_at = now()
        self.run_id = new_run_id()
        # the reason why a crawl ends is known to this signal alone
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
        """Take the lock, mend what an earlier process left, and tell the spider what is known.

        Raises:
            CloseSpider: the feed cannot be written, or another process writes it.
        """
        job = self.state.arguments.get("_job")
        purpose = f"crawl of {self.crawler.spidercls.name}" + (f", Scrapyd's job {job}" if job else "")
        # what a crawl tells that is interrupted while it waits
        self.report = self._report("shutdown", outcome="failed", reasons=("The feed was not free to be written.",))
        try:
            wait = self.crawler.settings.getfloat("POE_LOCK_WAIT")
            self.writer = await when_free(lambda: FeedWriter(self.store, purpose), wait)
        except FeedError as error:
            logger.error("%s", error)
            reason = "feed_locked" if isinstance(error, FeedLockedError) else "feed_unwritable"
            self.report = self._report(reason, outcome="failed", reasons=(str(error),))
            raise CloseSpider(reason) from error
        self.report = None
        self.state.known = self.writer.known

    def process_item(self, item: Bot) -> Bot:
        """Keep the bot for the feed."""
        self.bots[item.key] = item
        return item

    async def spider_closed(self, reason: str) -> None:
        """Publish, write the run report, and let others write."""
        writer = self.writer
        if writer is None:
            return
        try:
            self.report = await asyncio.to_thread(self._publish, writer, reason)
            await asyncio.to_thread(writer.report, self.report)
        except FeedError as error:
            logger.error("the run report could not be written: %s", error)
        finally:
            writer.close()

    def amend(self, problems: tuple[RunError, ...]) -> None:
        """Add to the run's report what showed after it was written.

        Raises:
            FeedError: it cannot be written.
        """
        if self.report is not None:
            self.report = self.report.model_copy(update={"problems": (*self.report.problems, *problems)})
            if self.writer is not None:
                self.writer.report(self.report)

    def _publish(self, writer: FeedWriter, reason: str) -> RunReport:
        state, settings = self.state, self.crawler.settings
        self.seen = len(self.bots.keys() | state.unchanged.keys())
        if not state.catalog_ok:
            reasons = tuple(problem.message for problem in state.problems) or (reason,)
            return self._report(reason, outcome="failed", reasons=reasons)
        at = now()
        carry_over(
            state.known,
            self.bots,
            unchanged=state.unchanged,
            listed=state.listed,
            unlisted=state.unlisted,
            complete=state.complete,
            in_scope=state.in_scope,
            now=at,
            keep_gone=timedelta(days=settings.getfloat("POE_KEEP_GONE")),
        )
        visited, failed = self._visited(), sum(self._counts("poe/failures/").values())
        try:
            publication = writer.publish(
                self.bots,
                Run(
                    id=self.run_id,
                    started_at=self.started_at,
                    finished_at=at,
                    seen=self.seen,
                    visited=visited,
                    failed=failed,
                ),
                now=at,
                gate=Gate(
                    min_share=settings.getfloat("POE_GATE_MIN_SHARE"),
                    max_jumps=settings.getfloat("POE_GATE_MAX_JUMPS"),
                ),
                accept=settings.getbool("POE_ACCEPT"),
                keep=settings.getint("POE_KEEP_VERSIONS"),
            )
        except GateRefusedError as error:
            logger.error("The new feed is refused. %s", error)
            return self._report(reason, outcome="refused", reasons=error.reasons)
        except FeedError as error:
            logger.error("%s", error)
            return self._report(reason, outcome="failed", reasons=(str(error),))
        delivered_by_merge = "shard" in state.arguments  # elsewhere a part would be taken for the whole
        undelivered = () if delivered_by_merge else self._deliver(publication)
        return self._report(reason, outcome="published", publication=publication, undelivered=undelivered)

    def _deliver(self, publication: Publication) -> tuple[RunError, ...]:
        return deliver(
            self.store,
            version=publication.version,
            new_version=publication.new_version,
            settings=DeliverySettings.of(self.crawler.settings),
        )

    def _report(
        self,
        finish_reason: str,
        *,
        outcome: str,
        reasons: tuple[str, ...] = (),
        publication: Publication | None = None,
        undelivered: tuple[RunError, ...] = (),
    ) -> RunReport:
        state = self.state
        head = self.writer.head if self.writer else None
        entries = self.writer.known.entries() if self.writer else ()
        if publication is not None and not publication.new_version:
            outcome = "unchanged"
        visited = self._visited()
        return RunReport.model_validate(
            {
                "id": self.run_id,
                "started_at": self.started_at,
                "finished_at": now(),
                "arguments": state.arguments,
                "finish_reason": finish_reason,
                "complete": state.complete,
                "outcome": outcome,
                "reasons": reasons,
                "seen": self.seen,
                "visited": visited,
                "not_due": max(0, self.seen - visited),
                "failed": self._counts("poe/failures/"),
                **figures(head.version if head else None, entries, publication.changes if publication else ()),
                "requests": self._counts("poe/requests/"),
                "bytes": self._counts("poe/bytes/"),
                "problems": (*state.problems, *undelivered),
            }
        )

    def _visited(self) -> int:
        rendered: int = self.crawler.stats.get_value("poe/pages/rendered", 0)
        return rendered + sum(self._counts("poe/failures/").values())

    def _counts(self, prefix: str) -> dict[str, int]:
        stats = self.crawler.stats.get_stats()
        return {key.removeprefix(prefix): count for key, count in stats.items() if key.startswith(prefix)}
