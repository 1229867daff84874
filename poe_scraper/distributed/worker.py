"""A worker of a shared crawl: renders the pages that it leases, and tells what it read."""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from time import monotonic
from typing import TYPE_CHECKING, Self

from redis.exceptions import RedisError
from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider, NotConfigured
from scrapy.http import Response

from poe_scraper.distributed.member import TICK, Member
from poe_scraper.distributed.scheduler import TaskQueue
from poe_scraper.items import Bot
from poe_scraper.middlewares import BackoffMiddleware

if TYPE_CHECKING:
    from poe_scraper.spiders.poe_models import PoeModelsSpider


class Worker(Member):
    """A process of a shared crawl that has a browser and no feed."""

    def __init__(self, spider: "PoeModelsSpider", crawler: Crawler) -> None:
        super().__init__(spider, crawler)
        crawler.settings.set("ITEM_PIPELINES", {TellPipeline: 400}, priority="spider")
        crawler.settings.set("POE_MONITORS", False, priority="cmdline")  # they watch a feed, which it has none of
        # as many as it works on, and the next ones: what it holds longer, others could do sooner
        self._room = asyncio.Semaphore(2 * crawler.settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN"))
        self._told: dict[str, int] = {}
        self._problems_told = 0
        self._telling = asyncio.Lock()
        self._broken: set[asyncio.Task[None]] = set()
        crawler.signals.connect(self._reading_broke, signals.spider_error)
        crawler.signals.connect(self._leave, signals.spider_closed)

    async def start(self, catalog: Request) -> AsyncIterator[Bot | Request]:  # noqa: ARG002 - the publisher's
        """The pages to render, until the crawl is over. Where none is on, it waits for one, `POE_REDIS_WAIT` long."""
        spider = self.spider
        queue = TaskQueue(self.tasks.server, spider, self.tasks.waiting)
        await self.ask(self.tasks.server.ping)
        self.start_beating()
        started, joined = monotonic(), False
        while True:
            await self._room.acquire()
            await self._pass_on_patience()
            request = await self.ask(queue.pop)
            if request is not None:
                joined = True
                spider.crawl_state.pages += 1
                yield request
                continue
            self._room.release()
            look = await self.ask(self.tasks.look, most=1)
            if look.published or look.tasks:
                joined = True
            elif joined:
                return
            elif monotonic() - started > self.wait:
                spider.logger.info("No crawl is on at %s.", self.address)
                return
            await asyncio.sleep(TICK)

    async def _pass_on_patience(self) -> None:
        """Where the site asked this worker to wait, let all workers."""
        backoff = self.crawler.get_downloader_middleware(BackoffMiddleware)
        left = max(backoff.resume_at.values(), default=0.0) - monotonic() if backoff else 0.0
        if left > 0:
            await self.ask(self.tasks.pause, left)

    async def tell(self, key: str, bot: Bot | None) -> None:
        """Finish a page.

        Args:
            key: of the bot that it was asked for.
            bot: as it was seen; None where nobody knows.
        """
        try:
            async with self._telling:
                result, stats = self._result(key, bot)
                if await self.ask(self.tasks.finish, key, result):
                    self._note_told(stats)
                else:
                    self.spider.logger.info("%s was read by another worker meanwhile.", key)
        except CloseSpider as error:
            self.end(error)
        finally:
            self._room.release()

    def _result(self, key: str, bot: Bot | None) -> tuple[bytes, dict[str, int]]:
        """What to tell, and the figures up to now, which are told as what has come since the last time."""
        stats = {name: count for name, count in self.crawler.stats.get_stats().items() if name.startswith("poe/")}
        problems = self.spider.crawl_state.problems[self._problems_told :]
        told = {
            "key": key,
            "bot": None if bot is None else bot.model_dump_json(by_alias=True),
            "stats": {name: more for name, count in stats.items() if (more := count - self._told.get(name, 0))},
            "problems": [problem.model_dump(mode="json") for problem in problems],
        }
        return zlib.compress(json.dumps(told).encode()), stats

    def _note_told(self, stats: dict[str, int]) -> None:
        self._told = stats
        self._problems_told = len(self.spider.crawl_state.problems)

    def _reading_broke(self, response: Response) -> None:
        """Finish a page whose reading raised what nobody expected."""
        request = response.request
        if request is not None and "seen" in request.cb_kwargs:
            key = Bot.model_validate_json(request.cb_kwargs["seen"]).key
            task = asyncio.ensure_future(self.tell(key, None))
            self._broken.add(task)
            task.add_done_callback(self._broken.discard)

    async def give_sign(self) -> None:
        """Say that this process is alive, and give back what dead workers had leased."""
        if back := await self.ask(self.tasks.beat, self.name):
            self.spider.logger.warning("%d pages of a worker that died wait for another one.", back)

    async def _leave(self) -> None:
        """Give back what is not done, and tell what was not told."""
        await asyncio.gather(*self._broken)
        self._stop_beating()
        try:
            result, _ = self._result("", None)
            await asyncio.to_thread(self.tasks.tell, result)
            await asyncio.to_thread(self.tasks.leave, self.name)
        except RedisError as error:
            self.lost(error)

    def summary(self) -> str:
        """What it did, for a person."""
        stats = self.crawler.stats.get_stats()
        read = stats.get("poe/pages/rendered", 0)
        failed = sum(count for name, count in stats.items() if name.startswith("poe/failures/"))
        return f"{read} pages read, {failed} failed, for the crawl that is shared through Redis at {self.address}."


class TellPipeline:
    """A worker's only pipeline: what it read goes to the publisher.

    https://docs.scrapy.org/en/latest/topics/item-pipeline.html
    """

    def __init__(self, worker: Worker) -> None:
        self.worker = worker

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the pipeline for a crawler."""
        worker = getattr(crawler.spider, "member", None)
        if not isinstance(worker, Worker):
            raise NotConfigured
        return cls(worker)

    async def process_item(self, item: Bot) -> Bot:
        """Tell the publisher."""
        await self.worker.tell(item.key, item)
        return item
