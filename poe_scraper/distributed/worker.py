"""A worker of a shared crawl: leases pages, renders them, and reports the results."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from time import monotonic
from typing import TYPE_CHECKING, Self

from redis.exceptions import RedisError
from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider, NotConfigured
from scrapy.http import Response

from poe_scraper.distributed.member import TICK, Member
from poe_scraper.distributed.messages import Result, pack
from poe_scraper.distributed.scheduler import RefusedTaskError, TaskQueue
from poe_scraper.failures import Code
from poe_scraper.items import Bot
from poe_scraper.middlewares import BackoffMiddleware
from poe_scraper.untrusted import safe

if TYPE_CHECKING:
    from poe_scraper.spiders.poe_models import PoeModelsSpider


class Worker(Member):
    """A process of a shared crawl that renders pages. It has no feed."""

    def __init__(self, spider: "PoeModelsSpider", crawler: Crawler) -> None:
        super().__init__(spider, crawler)
        crawler.settings.set("ITEM_PIPELINES", {ReportPipeline: 400}, priority="spider")
        crawler.settings.set("POE_MONITORS", False, priority="cmdline")  # monitors check a feed, and a worker has none
        # the pages in progress and as many ahead; if it leased more, other workers would lack them
        self._slots = asyncio.Semaphore(2 * crawler.settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN"))
        self._held: set[str] = set()
        """`Bot.key` of the leased pages that have no result yet."""
        self._lease_lock = asyncio.Lock()
        self._reported: dict[str, int] = {}
        self._problems_reported = 0
        self._report_lock = asyncio.Lock()
        self._failed: set[asyncio.Task[None]] = set()
        crawler.signals.connect(self._on_spider_error, signals.spider_error)
        crawler.signals.connect(self._leave, signals.spider_closed)

    async def start(self, catalog: Request) -> AsyncIterator[Bot | Request]:  # noqa: ARG002 - used by the publisher
        """Yield the pages to render until the crawl is over. Waits up to `POE_REDIS_WAIT` for a crawl to start."""
        spider = self.spider
        queue = TaskQueue(self.tasks.server, spider, self.tasks.waiting)
        await self.run(self.tasks.server.ping)
        self.start_heartbeat()
        started, joined = monotonic(), False
        while True:
            if not await self._has_slot():
                await self._report_dropped()
                continue
            await self._share_backoff()
            request = await self._lease(queue)
            if request is not None:
                joined = True
                spider.crawl_state.pages += 1
                yield request
                continue
            self._slots.release()
            await self._report_dropped()
            state = await self.run(self.tasks.state, most=1)
            if state.is_foreign:
                message = f"the publisher of the crawl in Redis at {self.address} is another version of poe-scraper"
                raise self.give_up(Code.QUEUE_GARBLED, message)
            if state.publisher or state.tasks:
                joined = True
            elif joined:
                return
            elif monotonic() - started > self.wait:
                spider.logger.info("There is no crawl at %s.", self.address)
                return
            await asyncio.sleep(TICK)

    async def _has_slot(self) -> bool:
        """Take a slot for a page; False if none is free for a while."""
        try:
            async with asyncio.timeout(TICK):
                await self._slots.acquire()
        except TimeoutError:
            return False
        return True

    async def _lease(self, queue: TaskQueue) -> Request | None:
        """Lease a page; None if nothing is queued or leasing is paused. A task that cannot be used is refused."""
        async with self._lease_lock:
            try:
                request = await self.run(queue.pop)
            except RefusedTaskError as error:
                result = Result(id=secrets.token_hex(8), key=error.key, refused=str(error))
                await self.run(self.tasks.finish, error.key, pack(result))
                self.spider.logger.warning("The task of %s in Redis was refused: %s", safe(error.key), safe(str(error)))
                return None
            if request is not None:
                self._held.add(_key(request))
            return request

    async def _share_backoff(self) -> None:
        """If the site asked this worker to wait, make all workers wait."""
        backoff = self.crawler.get_downloader_middleware(BackoffMiddleware)
        left = max(backoff.resume_at.values(), default=0.0) - monotonic() if backoff else 0.0
        if left > 0:
            await self.run(self.tasks.pause, left)

    async def report(self, key: str, bot: Bot | None) -> None:
        """Report the result of a page to the publisher.

        Args:
            key: `Bot.key` of the bot.
            bot: the bot as read from the page; None if reading it failed.
        """
        try:
            async with self._report_lock:
                result, stats = self._result(key, bot)
                if await self.run(self.tasks.finish, key, pack(result)):
                    self._mark_reported(stats)
                else:
                    self.spider.logger.info("%s was read by another worker, or its crawl is over.", key)
        except CloseSpider as error:
            self.end(error)
        finally:
            if key in self._held:
                self._held.discard(key)
                self._slots.release()

    def _result(self, key: str = "", bot: Bot | None = None, left: str = "") -> tuple[Result, dict[str, int]]:
        """The result to send, with the statistics and problems since the last one; and the total statistics so far."""
        ours = {name: value for name, value in self.crawler.stats.get_stats().items() if name.startswith("poe/")}
        stats = {name: value for name, value in ours.items() if isinstance(value, int)}
        result = Result(
            id=secrets.token_hex(8),
            key=key,
            bot=None if bot is None else Bot.model_validate_json(bot.as_json()),
            left=left,
            stats={name: more for name, count in stats.items() if (more := count - self._reported.get(name, 0))},
            script_hosts=ours.get("poe/script_hosts", ()),
            problems=tuple(self.spider.crawl_state.problems[self._problems_reported :]),
        )
        return result, stats

    def _mark_reported(self, stats: dict[str, int]) -> None:
        self._reported = stats
        self._problems_reported = len(self.spider.crawl_state.problems)

    def _on_spider_error(self, response: Response) -> None:
        """Report a page whose callback raised an unexpected exception."""
        request = response.request
        if request is not None and "seen" in request.cb_kwargs:
            task = asyncio.ensure_future(self.report(_key(request), None))
            self._failed.add(task)
            task.add_done_callback(self._failed.discard)

    async def _report_dropped(self) -> None:
        """Report the pages that this process leased and no longer works on: a component of Scrapy dropped them."""
        if self._held and await self.is_idle() and not self._failed:
            for key in tuple(self._held):
                self.spider.logger.error("%s was dropped by a component of Scrapy before it was read.", key)
                self.spider.reading_broke()
                await self.report(key, None)

    async def heartbeat(self) -> None:
        """Record that this process is alive, and requeue the pages that nobody works on."""
        async with self._lease_lock:  # a page that is being leased is not held yet
            requeued = await self.run(self.tasks.heartbeat, self.name, tuple(self._held))
        self.note_requeued(requeued)

    async def _leave(self, reason: str) -> None:
        """Report what has not been reported yet, and return the unfinished pages."""
        await asyncio.gather(*self._failed)
        self._stop_heartbeat()
        try:
            result, _ = self._result(left=reason)
            await self.call(self.tasks.report, pack(result))
            await self.call(self.tasks.leave, self.name)
        except RedisError as error:
            self.redis_failed(error)

    def summary(self) -> str:
        """One line about what the worker did."""
        stats = self.crawler.stats.get_stats()
        read = stats.get("poe/pages/rendered", 0)
        failed = sum(count for name, count in stats.items() if name.startswith("poe/failures/"))
        return f"{read} pages read, {failed} failed, for the crawl that is shared through Redis at {self.address}."


def _key(request: Request) -> str:
    """`Bot.key` of the bot whose page a request is for."""
    return Bot.model_validate_json(request.cb_kwargs["seen"]).key


class ReportPipeline:
    """A worker's only pipeline: reports each bot to the publisher.

    https://docs.scrapy.org/en/latest/topics/item-pipeline.html
    """

    def __init__(self, worker: Worker) -> None:
        self.worker = worker

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Create the pipeline for a crawler."""
        worker = getattr(crawler.spider, "member", None)
        if not isinstance(worker, Worker):
            raise NotConfigured
        return cls(worker)

    async def process_item(self, item: Bot) -> Bot:
        """Report a bot to the publisher."""
        await self.worker.report(item.key, item)
        return item
