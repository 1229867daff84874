"""The publisher's scheduler: bot pages go to Redis, everything else stays in this process.

https://docs.scrapy.org/en/latest/topics/scheduler.html
"""

from collections import deque
from typing import Any, Self, cast

from redis.exceptions import RedisError
from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.dupefilters import RFPDupeFilter
from scrapy_redis import dupefilter, queue, scheduler

from poe_scraper.distributed import serializer
from poe_scraper.distributed.member import Member
from poe_scraper.items import Bot


class TaskQueue(queue.Base):  # type: ignore[misc]
    """scrapy-redis's queue, whose requests are leased to a worker until they are finished (`shared.tasks`).

    A request is a task under the `Bot.key` of the bot that it is about.
    """

    def __init__(self, server: Any, spider: Any, key: str, serializer: Any = serializer) -> None:
        super().__init__(server, spider, key, serializer)
        self.member: Member = spider.member

    def __len__(self) -> int:
        return self.member.tasks.look(most=1).tasks

    def push(self, request: Request) -> None:
        """Let a request wait for a worker. It takes along what the feed knows: workers have no feed."""
        seen = Bot.model_validate_json(request.cb_kwargs["seen"])
        if (known := self.spider.crawl_state.known.find(seen)) is not None:
            known_text = known.model_dump_json(by_alias=True, exclude_defaults=True)
            request = request.replace(cb_kwargs=request.cb_kwargs | {"known": known_text})
        self.member.tasks.add(seen.key, self._encode_request(request))

    def pop(self, timeout: int = 0) -> Request | None:  # noqa: ARG002 - scrapy-redis's interface
        """Lease a request to this worker; None where none waits."""
        task = self.member.tasks.take(self.member.name)
        return None if task is None else cast("Request", self._decode_request(task[1]))

    def clear(self) -> None:
        """Forget all requests."""
        self.member.tasks.clear()


class Scheduler(scheduler.Scheduler):  # type: ignore[misc]
    """scrapy-redis's scheduler for bot pages, with its duplicates filter; a plain queue for the rest.

    The publisher fetches nothing from Redis: that is the workers' part.
    """

    asked: set[str]
    """`Bot.key` of every bot whose page was asked for."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.asked = set()
        self.own: deque[Request] = deque()
        self.own_duplicates = RFPDupeFilter()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the scheduler with the publisher's connection, which is not tried yet."""
        spider: Any = crawler.spider
        server = spider.member.tasks.server
        # it goes without statistics: scrapy-redis 0.9.1 counts in a way that Scrapy has deprecated
        return cls(
            server=server,
            persist=True,
            dupefilter=dupefilter.RFPDupeFilter(server, spider.member.tasks.duplicates),
        )

    def open(self, spider: Spider) -> None:
        """Get ready. The publisher decides whether what Redis holds is taken up or forgotten."""
        self.spider = spider
        self.queue = TaskQueue(self.server, spider, self.queue_key)

    def enqueue_request(self, request: Request) -> bool:
        """Take a request in; False for one that was taken in before."""
        if request.meta.get("poe_page") != "bot":
            if not request.dont_filter and self.own_duplicates.request_seen(request):
                return False
            self.own.append(request)
            return True
        self.asked.add(Bot.model_validate_json(request.cb_kwargs["seen"]).key)
        try:
            return bool(super().enqueue_request(request))
        except RedisError as error:
            self.spider.member.end(error)  # type: ignore[attr-defined]
            return False

    def next_request(self) -> Request | None:
        """The next request that this process is to send itself."""
        return self.own.popleft() if self.own else None

    def has_pending_requests(self) -> bool:
        """Whether this process is to send any more requests itself."""
        return bool(self.own)
