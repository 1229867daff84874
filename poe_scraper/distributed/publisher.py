"""The publisher of a shared crawl: queues the pages that are due, and collects the workers' results."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from time import monotonic
from typing import TYPE_CHECKING

from redis.exceptions import RedisError
from scrapy import Request, signals
from scrapy.crawler import Crawler

from poe_scraper.distributed.member import TICK, Member
from poe_scraper.distributed.messages import GarbledError, Result, unpack
from poe_scraper.distributed.scheduler import Scheduler
from poe_scraper.distributed.tasks import QueueState
from poe_scraper.failures import Code
from poe_scraper.items import Bot
from poe_scraper.untrusted import safe

if TYPE_CHECKING:
    from poe_scraper.spiders.poe_models import PoeModelsSpider

_REPEATS = 2
"""How often a page is queued again whose task or result cannot be used."""

_SITE_REASONS = frozenset({Code.SITE_BLOCKS, Code.SITE_CHANGED, Code.BLOCKED_HOST})
"""Why a worker ends that another one would find, too."""


class Publisher(Member):
    """The one process of a shared crawl that writes the feed."""

    def __init__(self, spider: "PoeModelsSpider", crawler: Crawler) -> None:
        super().__init__(spider, crawler)
        crawler.settings.set("SCHEDULER", Scheduler, priority="spider")
        self.is_publisher = False
        self.is_over = False
        self.left_because: Code | None = None
        """Why the last worker ended that ended because of the site, if no page was read since."""
        self._read_results: set[str] = set()
        self._repeats: Counter[str] = Counter()
        self._no_worker_since: float | None = None
        self._no_progress_since: float | None = None
        crawler.signals.connect(self._note_reason, signals.spider_closed)
        crawler.signals.connect(self._leave, signals.engine_stopped)

    @property
    def _scheduler(self) -> Scheduler:
        assert self.crawler.engine is not None  # noqa: S101 - the engine is running
        scheduler = self.crawler.engine.scheduler
        assert isinstance(scheduler, Scheduler)  # noqa: S101 - set in __init__
        return scheduler

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
        if holder := await self.run(self.tasks.acquire_lead):
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
        await self._send_until_queued()
        outstanding, received = self._scheduler.outstanding, 0
        while outstanding:
            state = await self.run(self.tasks.state, received)
            if state.received < received:  # Redis was restarted with older data
                received = 0
                continue
            received += len(state.results)
            for data in state.results:
                bot = self._accept(data)
                if bot is not None:
                    yield self.spider.without_catalog(bot)
            if state.results:
                continue
            if state.tasks < len(outstanding):
                for bot in await self._ask_for_lost(state):
                    yield bot
            self._check_progress(state)
            await asyncio.sleep(TICK)

    async def _send_until_queued(self) -> None:
        """Queue all pages that are due."""
        while not (self.spider.crawl_state.catalog_ok and await self.is_idle()):
            await self.run(self._scheduler.send)
            await asyncio.sleep(TICK / 5)

    def _accept(self, data: bytes) -> Bot | None:
        """The bot that a result is about; None if it has none, is not expected, or cannot be used."""
        try:
            result = unpack(Result, data)
            if result.bot is not None and result.bot.key != result.key:
                message = "its bot is not the one that was asked for"
                raise GarbledError(message)
        except GarbledError as error:
            self._note_garbled(f"A result in Redis was refused: {error}")
            return None
        if result.id in self._read_results:
            return None
        self._read_results.add(result.id)
        self._count(result)
        if result.refused:
            self._note_garbled(f"A worker refused the task of {result.key} in Redis: {result.refused}")
            return None  # it is missing from the tasks now, and will be asked for again
        if self._scheduler.outstanding.pop(result.key, None) is None:
            return None  # not about a bot, or about one that another publisher queued
        self._no_progress_since = None
        if result.bot is not None:
            self.left_because = None
        return result.bot

    def _count(self, result: Result) -> None:
        """Add a worker's statistics and problems to the crawl's."""
        for name, count in result.stats.items():
            self.crawler.stats.inc_value(name, count)
        known = self.crawler.stats.get_value("poe/script_hosts", [])
        self.crawler.stats.set_value("poe/script_hosts", sorted({*known, *result.script_hosts}))
        if result.left in _SITE_REASONS:
            self.left_because = Code(result.left)
        for problem in result.problems:
            problems = self.spider.crawl_state.problems
            if not any((each.code, each.message) == (problem.code, problem.message) for each in problems):
                problems.append(problem)

    def _note_garbled(self, message: str) -> None:
        """Report once, and log each time, that Redis held something that cannot be used."""
        message = safe(message)
        if not self.spider.crawl_state.has_problem(Code.QUEUE_GARBLED):
            self.spider.crawl_state.note("page", Code.QUEUE_GARBLED, message)
        self.spider.logger.warning("%s", message)

    async def _ask_for_lost(self, state: QueueState) -> list[Bot]:
        """Queue the pages again that have neither a task nor a result, and return the bots that are given up.

        Raises:
            CloseSpider: Redis lost all that it held.
        """
        outstanding = self._scheduler.outstanding
        if not state.tasks and not state.received:
            self.is_over = True  # there is nothing to resume
            message = f"Redis at {self.address} lost {len(outstanding)} queued pages"
            raise self.give_up(Code.QUEUE_UNREACHABLE, message)
        unfinished = await self.run(self.tasks.unfinished, state.received)
        if unfinished is None:
            return []
        given_up: list[Bot] = []
        for key in outstanding.keys() - unfinished:
            self._repeats[key] += 1
            if self._repeats[key] <= _REPEATS:
                self._scheduler.ask_again(key)
            else:
                given_up.extend(self._give_up_page(key))
        await self.run(self._scheduler.send)
        return given_up

    def _give_up_page(self, key: str) -> Iterator[Bot]:
        """What is known of a bot whose page was asked for several times, in vain."""
        request = self._scheduler.outstanding.pop(key)
        message = f"its task or its result could not be used {_REPEATS + 1} times"
        yield from self.spider.given_up(request, Code.QUEUE_GARBLED, message)

    def _check_progress(self, state: QueueState) -> None:
        """End the crawl if it makes no progress.

        Raises:
            CloseSpider: no worker is left, or none finished a page for `POE_REDIS_WAIT` seconds.
        """
        now, missing = monotonic(), len(self._scheduler.outstanding)
        if state.paused:
            self._no_progress_since = None
        if state.workers:
            self._no_worker_since = None
            if self._no_progress_since is None:
                self._no_progress_since = now
        elif self.left_because is not None:
            raise self.give_up(self.left_because, f"all workers ended: {self.left_because}")
        elif self._no_worker_since is None:
            self._no_worker_since = now
            self.spider.logger.info(
                "%d pages are waiting for a worker: scrapy crawl poe_models -a role=worker", missing
            )
        elif now - self._no_worker_since > self.wait:
            message = f"{missing} pages waited {self.wait:.0f} s without a worker"
            raise self.give_up(Code.NO_WORKER, message)
        if self._no_progress_since is not None and now - self._no_progress_since > self.wait:
            message = f"none of {missing} pages was finished in {self.wait:.0f} s"
            raise self.give_up(Code.NO_PROGRESS, message)

    async def heartbeat(self) -> None:
        """Renew the lead, and requeue the pages that dead workers had leased."""
        if not await self.run(self.tasks.renew_lead):
            raise self.give_up(Code.QUEUE_BUSY, f"another process now publishes the crawl in Redis at {self.address}")
        self.note_requeued(await self.run(self.tasks.heartbeat))

    def _note_reason(self, reason: str) -> None:
        self.is_over = self.is_over or reason == "finished"

    async def _leave(self) -> None:
        """Delete a finished crawl from Redis. An interrupted one is kept, for another publisher to resume."""
        if not self.is_publisher:
            return
        try:
            if self.is_over:
                await self.call(self.tasks.clear)
            await self.call(self.tasks.resign)
        except RedisError as error:
            self.redis_failed(error)
