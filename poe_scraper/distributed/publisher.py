"""The publisher of a shared crawl: asks which pages are due, and takes what the workers read."""

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
    """The one process of a shared crawl that has the feed."""

    def __init__(self, spider: "PoeModelsSpider", crawler: Crawler) -> None:
        super().__init__(spider, crawler)
        crawler.settings.set("SCHEDULER", Scheduler, priority="spider")
        self.leads = False
        self.is_over = False
        self.blocked = False
        crawler.signals.connect(self._note_reason, signals.spider_closed)
        crawler.signals.connect(self._leave, signals.engine_stopped)

    async def start(self, catalog: Request) -> AsyncIterator[Bot | Request]:
        """The request for the models API, then what workers read.

        A crawl that another publisher left is gone on with, if it is younger than `POE_MAX_AGE`.
        """
        await self._lead()
        yield catalog
        async for bot in self._bots():
            yield bot

    async def _lead(self) -> None:
        spider = self.spider
        holder = await self.ask(self.tasks.lead)
        if holder is not None:
            raise self.give_up(Code.QUEUE_BUSY, f"Redis at {self.address} serves a crawl of {holder}")
        self.leads = True
        arguments = {name: text for name, text in spider.crawl_state.arguments.items() if not name.startswith("_")}
        what = {"arguments": arguments, "api": spider.api_url, "site": spider.site_url}
        resumed = await self.ask(self.tasks.begin, json.dumps(what), spider.max_age.total_seconds())
        self.start_beating()
        spider.logger.info(
            "%s a crawl that is shared through Redis at %s.", "Going on with" if resumed else "Beginning", self.address
        )

    async def _bots(self) -> AsyncIterator[Bot]:
        """The bots that workers read, as they come in, until none is missing."""
        scheduler = self.crawler.engine.scheduler
        assert isinstance(scheduler, Scheduler)  # noqa: S101 - the spider's settings say so
        await self._all_asked()
        results, alone_since = 0, None
        while scheduler.asked:
            look = await self.ask(self.tasks.look, results)
            results += len(look.results)
            for result in look.results:
                told = json.loads(zlib.decompress(result))
                self._count(told)
                if told["key"] not in scheduler.asked:
                    continue  # no bot's page, or that of one that another publisher asked for
                scheduler.asked.remove(told["key"])
                if told["bot"] is not None:
                    yield self.spider.without_catalog(Bot.model_validate_json(told["bot"]))
            if look.results:
                continue
            missing = len(scheduler.asked)
            if not look.tasks:
                self.is_over = True  # there is nothing to go on with
                raise self.give_up(Code.QUEUE_UNREACHABLE, f"Redis at {self.address} has lost {missing} pages")
            if look.workers:
                alone_since = None
            elif alone_since is None:
                alone_since = monotonic()
                self.spider.logger.info("%d pages wait for a worker: scrapy crawl poe_models -a role=worker", missing)
            elif self.blocked:
                raise self.give_up(Code.SITE_BLOCKS, "all workers were blocked")
            elif monotonic() - alone_since > self.wait:
                message = f"{missing} pages waited {self.wait:.0f} s for a worker, and none came"
                raise self.give_up(Code.NO_WORKER, message)
            await asyncio.sleep(TICK)

    async def _all_asked(self) -> None:
        """Wait until it is known which pages are due."""
        looks = 0
        while (
            looks < 2
        ):  # an answer on its way from one part of the engine to the next is seen by neither, but not twice
            looks = looks + 1 if self._is_idle() else 0
            await asyncio.sleep(TICK / 5)

    def _is_idle(self) -> bool:
        """Whether this process itself has nothing under way that could ask for more pages."""
        engine = self.crawler.engine
        spider = self.spider
        assert engine is not None  # noqa: S101 - it runs
        assert engine.scraper.slot is not None  # noqa: S101
        assert engine.scheduler is not None  # noqa: S101
        return bool(
            spider.crawl_state.catalog_ok
            and not engine.scheduler.has_pending_requests()
            and not engine.downloader.active
            and engine.scraper.slot.is_idle()
        )

    def _count(self, told: dict[str, Any]) -> None:
        """Count what a worker did."""
        for name, count in told["stats"].items():
            self.crawler.stats.inc_value(name, count)
        for problem in map(BotError.model_validate, told["problems"]):
            self.blocked = self.blocked or problem.code == Code.SITE_BLOCKS
            problems = self.spider.crawl_state.problems
            if not any((each.code, each.message) == (problem.code, problem.message) for each in problems):
                problems.append(problem)

    async def give_sign(self) -> None:
        """Say that this process is alive, and give back what dead workers had leased."""
        if not await self.ask(self.tasks.still_leads):
            raise self.give_up(Code.QUEUE_BUSY, f"another process publishes the crawl of Redis at {self.address} now")
        if back := await self.ask(self.tasks.beat):
            self.spider.logger.warning("%d pages of a worker that died wait for another one.", back)

    def _note_reason(self, reason: str) -> None:
        self.is_over = self.is_over or reason == "finished"

    async def _leave(self) -> None:
        """Forget a crawl that is over. One that was interrupted stays, for another publisher to go on with."""
        if not self.leads:
            return
        try:
            if self.is_over:
                await asyncio.to_thread(self.tasks.clear)
            await asyncio.to_thread(self.tasks.resign)
        except RedisError as error:
            self.lost(error)
