"""What the publisher and the workers of a shared crawl have in common: the connection and the heartbeat."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry
from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider
from scrapy_redis.connection import get_redis

from poe_scraper.distributed.tasks import Tasks, address
from poe_scraper.failures import FAILURES, Code
from poe_scraper.items import Bot
from poe_scraper.untrusted import safe

if TYPE_CHECKING:
    from poe_scraper.spiders.poe_models import PoeModelsSpider

TICK = 0.5
"""Seconds between two polls of Redis."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Member:
    """A process that takes part in a shared crawl.

    Args:
        spider: the process's spider.
        crawler: the spider's crawler.
    """

    def __init__(self, spider: "PoeModelsSpider", crawler: Crawler) -> None:
        settings = crawler.settings
        url = str(settings["POE_REDIS_URL"])
        self.spider = spider
        self.crawler = crawler
        self.wait = settings.getfloat("POE_REDIS_WAIT")
        self.lease = settings.getfloat("POE_REDIS_LEASE")
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.address = address(url)
        # `call` repeats what fails, for as long as a lease lasts
        self.tasks = Tasks(get_redis(url=url, retry=Retry(NoBackoff(), 0)), crawler.spidercls.name, self.lease)
        self._heartbeats: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._redis_answers = False
        crawler.signals.connect(self._stop_heartbeat, signals.engine_stopped)

    def start(self, catalog: Request) -> AsyncIterator[Bot | Request]:
        """Yield the spider's start requests and items.

        Args:
            catalog: the request for the models API.

        Raises:
            CloseSpider: Redis fails, no worker is alive or makes progress, or another process is the publisher.
        """
        raise NotImplementedError

    async def call(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Call a function that uses Redis in a thread, so that the event loop is not blocked.

        If Redis has answered before and cannot be reached now, the call is repeated until a lease would have ended.

        Raises:
            redis.exceptions.RedisError: Redis cannot be reached, or returned an error.
        """
        lost_since = None
        while True:
            try:
                result = await asyncio.to_thread(function, *args, **kwargs)
            except (RedisConnectionError, RedisTimeoutError) as error:
                if not self._redis_answers or isinstance(error, AuthenticationError):
                    raise
                if lost_since is None:
                    lost_since = monotonic()
                    self.spider.logger.warning("Redis at %s cannot be reached: trying again.", self.address)
                elif monotonic() - lost_since > self.lease:
                    self._redis_answers = False
                    raise
                await asyncio.sleep(TICK / 2)
            else:
                self._redis_answers = True
                return result

    async def run(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Like `call`, but closes the spider if Redis fails.

        Raises:
            CloseSpider: Redis cannot be reached, or returned an error.
        """
        try:
            return await self.call(function, *args, **kwargs)
        except RedisError as error:
            raise self.redis_failed(error) from error

    def redis_failed(self, error: RedisError) -> CloseSpider:
        """Record an error of Redis, and return the exception to raise."""
        return self.give_up(Code.QUEUE_UNREACHABLE, f"Redis at {self.address}: {error}")

    def give_up(self, code: Code, message: str) -> CloseSpider:
        """Record why this process leaves the crawl, once per code, and return the exception to raise."""
        if not self.spider.crawl_state.has_problem(code):
            self.spider.crawl_state.note("page", code, safe(message))
            self.spider.logger.error("%s. %s", safe(message).rstrip("."), FAILURES[code].remedy)
        return CloseSpider(code)

    def end(self, error: CloseSpider) -> None:
        """Close the spider, from a place that cannot raise `CloseSpider`."""
        if self._ending is None:
            engine = self.crawler.engine
            assert engine is not None  # noqa: S101 - the engine is running
            self._ending = asyncio.ensure_future(engine.close_spider_async(reason=error.reason))

    async def is_idle(self) -> bool:
        """True if no request is in progress in this process."""
        # look twice: a response that is passed from one part of the engine to the next is briefly in neither
        if self._works_on_nothing():
            await asyncio.sleep(TICK / 5)
            return self._works_on_nothing()
        return False

    def _works_on_nothing(self) -> bool:
        engine = self.crawler.engine
        assert engine is not None  # noqa: S101 - the engine is running
        assert engine.scraper.slot is not None  # noqa: S101
        assert engine.scheduler is not None  # noqa: S101
        return (
            not engine.scheduler.has_pending_requests()
            and not engine.downloader.active
            and engine.scraper.slot.is_idle()
        )

    def start_heartbeat(self) -> None:
        """Send heartbeats from now on."""
        self._heartbeats = asyncio.ensure_future(self._send_heartbeats())

    async def _send_heartbeats(self) -> None:
        while True:
            try:
                await self.heartbeat()
            except CloseSpider as error:
                self.end(error)
                return
            await asyncio.sleep(self.lease / 3)

    async def heartbeat(self) -> None:
        """Record that this process is alive."""
        raise NotImplementedError

    def note_requeued(self, count: int) -> None:
        """Log that pages were put back into the queue."""
        if count:
            self.spider.logger.warning("%d pages of a dead worker were put back into the queue.", count)

    def _stop_heartbeat(self) -> None:
        if self._heartbeats is not None:
            self._heartbeats.cancel()
