"""The publisher of a shared crawl: queues the pages that are due, and collects the workers' results."""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from time import monotonic
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError
from scrapy import Request, signals
from scrapy.crawler import Crawler

from poe_scraper.distributed.member import TICK, Member
from poe_scraper.distributed.scheduler import Scheduler
from poe_scraper.failures import Code
from poe_scraper.items import Bot, BotError

if TYPE_CHECKING:
    from poe_scraper.spiders.poe_models import PoeModelsSpider


class Publisher(Member):
    """The one process of a shared crawl that writes the feed."""

    def __init__(self, spider: "PoeModelsSpider", crawler: Crawler) -> None:
        super().__init__(spider, crawler)
        crawler.settings.set("SCHEDULER", Scheduler, priority="spider")
        self.is_publisher = False
        self.is_over = False
        self.blocked = False
        crawler.signals.connect(self._note_reason, signals.spider_closed)
        crawler.signals.connect(self._leave, signals.engine_stopped)

    async def start(self, catalog: Request) -> AsyncIterator[Bot | Request]:
        """Yield the request for the models API, then the bots that workers read.

        A crawl that another publisher left unfinished is resumed if it is younger than `POE_MAX_AGE`.
        """
        await self._become_publisher()
        yield catalog
        async for bot in self._bots():
            yield bot

    async def _become_publisher(self) -> None:
        spider = self.spider
        holder = await self.run(self.tasks.acquire_lead)
        if holder is not None:
            raise self.give_up(Code.QUEUE_BUSY, f"Redis at {self.address} already serves a crawl of {holder}")
        self.is_publisher = True
        arguments = {name: text for name, text in spider.crawl_state.arguments.items() if not name.startswith("_")}
        identity = {"arguments": arguments, "api": spider.api_url, "site": spider.site_url}
        resumed = await self.run(self.tasks.begin, json.dumps(identity), spider.max_age.total_seconds())
        self.start_heartbeat()
        spider.logger.info(
            "%s a crawl that is shared through Redis at %s.", "Resuming" if resumed else "Starting", self.address
        )

    async def _bots(self) -> AsyncIterator[Bot]:
        """Yield the bots that workers read, as they arrive, until none is missing."""
        scheduler = self.crawler.engine.scheduler
        assert isinstance(scheduler, Scheduler)  # noqa: S101 - set in __init__
        await self._wait_until_queued()
        results, no_worker_since = 0, None
        while scheduler.outstanding:
            state = await self.run(self.tasks.state, results)
            results += len(state.results)
            for result in state.results:
                report = json.loads(zlib.decompress(result))
                self._count(report)
                if report["key"] not in scheduler.outstanding:
                    continue  # not about a bot, or about one that another publisher queued
                scheduler.outstanding.remove(report["key"])
                if report["bot"] is not None:
                    yield self.spider.without_catalog(Bot.model_validate_json(report["bot"]))
            if state.results:
                continue
            missing = len(scheduler.outstanding)
            if not state.tasks:
                self.is_over = True  # there is nothing to resume
                raise self.give_up(Code.QUEUE_UNREACHABLE, f"Redis at {self.address} lost {missing} queued pages")
            if state.workers:
                no_worker_since = None
            elif no_worker_since is None:
                no_worker_since = monotonic()
                self.spider.logger.info(
                    "%d pages are waiting for a worker: scrapy crawl poe_models -a role=worker", missing
                )
            elif self.blocked:
                raise self.give_up(Code.SITE_BLOCKS, "all workers were blocked")
            elif monotonic() - no_worker_since > self.wait:
                message = f"{missing} pages waited {self.wait:.0f} s without a worker"
                raise self.give_up(Code.NO_WORKER, message)
            await asyncio.sleep(TICK)

    async def _wait_until_queued(self) -> None:
        """Wait until all pages that are due are in the queue."""
        # check twice: a response that is passed from one part of the engine to the next is briefly in neither
        idle_checks = 0
        while idle_checks < 2:
            idle_checks = idle_checks + 1 if self._is_idle() else 0
            await asyncio.sleep(TICK / 5)

    def _is_idle(self) -> bool:
        """True if this process has no request in progress that could queue more pages."""
        engine = self.crawler.engine
        spider = self.spider
        assert engine is not None  # noqa: S101 - the engine is running
        assert engine.scraper.slot is not None  # noqa: S101
        assert engine.scheduler is not None  # noqa: S101
        return bool(
            spider.crawl_state.catalog_ok
            and not engine.scheduler.has_pending_requests()
            and not engine.downloader.active
            and engine.scraper.slot.is_idle()
        )

    def _count(self, report: dict[str, Any]) -> None:
        """Add a worker's statistics and problems to the crawl's."""
        for name, count in report["stats"].items():
            self.crawler.stats.inc_value(name, count)
        known = self.crawler.stats.get_value("poe/script_hosts", [])
        self.crawler.stats.set_value("poe/script_hosts", sorted({*known, *report.get("script_hosts", ())}))
        for problem in map(BotError.model_validate, report["problems"]):
            self.blocked = self.blocked or problem.code == Code.SITE_BLOCKS
            problems = self.spider.crawl_state.problems
            if not any((each.code, each.message) == (problem.code, problem.message) for each in problems):
                problems.append(problem)

    async def heartbeat(self) -> None:
        """Renew the lead, and requeue the pages that dead workers had leased."""
        if not await self.run(self.tasks.renew_lead):
            raise self.give_up(Code.QUEUE_BUSY, f"another process now publishes the crawl in Redis at {self.address}")
        if requeued := await self.run(self.tasks.heartbeat):
            self.spider.logger.warning("%d pages of a dead worker were put back into the queue.", requeued)

    def _note_reason(self, reason: str) -> None:
        self.is_over = self.is_over or reason == "finished"

    async def _leave(self) -> None:
        """Delete a finished crawl from Redis. An interrupted one is kept, for another publisher to resume."""
        if not self.is_publisher:
            return
        try:
            if self.is_over:
                await asyncio.to_thread(self.tasks.clear)
            await asyncio.to_thread(self.tasks.resign)
        except RedisError as error:
            self.redis_failed(error)
