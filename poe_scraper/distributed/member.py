"""What publisher and workers of a shared crawl have in common: the connection, and signs of life."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from redis.exceptions import RedisError
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
"""Seconds between two looks at Redis."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Member:
    """A process that takes part in a shared crawl.

    Args:
        spider: the spider that takes part.
        crawler: the one that runs the spider.
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
        self.tasks = Tasks(get_redis(url=url), crawler.spidercls.name, self.lease)
        self._beating: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        crawler.signals.connect(self._stop_beating, signals.engine_stopped)

    def start(self, catalog: Request) -> AsyncIterator[Bot | Request]:
        """What the spider starts with.

        Args:
            catalog: the request for the models API.

        Raises:
            CloseSpider: Redis cannot be asked, or there is nobody to share the crawl with.
        """
        raise NotImplementedError

    async def ask(self, question: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Ask Redis beside the event loop.

        Raises:
            CloseSpider: it does not answer, or refuses to.
        """
        try:
            return await asyncio.to_thread(question, *args, **kwargs)
        except RedisError as error:
            raise self.lost(error) from error

    def lost(self, error: RedisError) -> CloseSpider:
        """What to raise where Redis cannot be asked."""
        return self.give_up(Code.QUEUE_UNREACHABLE, f"Redis at {self.address}: {error}")

    def give_up(self, code: Code, message: str) -> CloseSpider:
        """Note why this process leaves the crawl, once, and give what to raise."""
        if not self.spider.crawl_state.has_problem(code):
            self.spider.crawl_state.note("page", code, safe(message))
            self.spider.logger.error("%s. %s", safe(message).rstrip("."), FAILURES[code].remedy)
        return CloseSpider(code)

    def end(self, error: RedisError | CloseSpider) -> None:
        """Leave the crawl from where nothing can be raised."""
        reason = (self.lost(error) if isinstance(error, RedisError) else error).reason
        if self._ending is None:
            engine = self.crawler.engine
            assert engine is not None  # noqa: S101 - it runs
            self._ending = asyncio.ensure_future(engine.close_spider_async(reason=reason))

    def start_beating(self) -> None:
        """Give signs of life from now on."""
        self._beating = asyncio.ensure_future(self._beat())

    async def _beat(self) -> None:
        while True:
            try:
                await self.give_sign()
            except CloseSpider as error:
                self.end(error)
                return
            await asyncio.sleep(self.lease / 3)

    async def give_sign(self) -> None:
        """Say that this process is alive."""
        raise NotImplementedError

    def _stop_beating(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
