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
    """scrapy-redis's queue, except that requests are leased to a worker until they are finished (`distributed.tasks`).

    A request is stored as a task under its bot's `Bot.key`.
    """

    def __init__(self, server: Any, spider: Any, key: str, serializer: Any = serializer) -> None:
        super().__init__(server, spider, key, serializer)
        self.member: Member = spider.member

    def __len__(self) -> int:
        return self.member.tasks.state(most=1).tasks

    def push(self, request: Request) -> None:
        """Queue a request, with the bot as the feed knows it, because workers have no feed."""
        seen = Bot.model_validate_json(request.cb_kwargs["seen"])
        if (known := self.spider.crawl_state.known.find(seen)) is not None:
            known_text = known.model_dump_json(by_alias=True, exclude_defaults=True)
            request = request.replace(cb_kwargs=request.cb_kwargs | {"known": known_text})
        self.member.tasks.add(seen.key, self._encode_request(request))

    def pop(self, timeout: int = 0) -> Request | None:  # noqa: ARG002 - scrapy-redis's interface
        """Lease a request to this worker; None if nothing is queued or leasing is paused."""
        task = self.member.tasks.lease_next(self.member.name)
        return None if task is None else cast("Request", self._decode_request(task[1]))

    def clear(self) -> None:
        """Remove all requests."""
        self.member.tasks.clear()


class Scheduler(scheduler.Scheduler):  # type: ignore[misc]
    """scrapy-redis's scheduler and duplicates filter for bot pages; a local queue for all other requests.

    The publisher takes no request out of Redis; the workers do.
    """

    outstanding: set[str]
    """`Bot.key` of every bot whose page was queued and has no result yet."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.outstanding = set()
        self.local: deque[Request] = deque()
        self.local_duplicates = RFPDupeFilter()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Create the scheduler with the publisher's connection, which is not opened yet."""
        spider: Any = crawler.spider
        server = spider.member.tasks.server
        # no statistics: scrapy-redis 0.9.1 counts in a way that Scrapy has deprecated
        return cls(
            server=server,
            persist=True,
            dupefilter=dupefilter.RFPDupeFilter(server, spider.member.tasks.duplicates),
        )

    def open(self, spider: Spider) -> None:
        """Open the queue. It is neither cleared nor loaded here: the publisher decides whether to resume a crawl."""
        self.spider = spider
        self.queue = TaskQueue(self.server, spider, self.queue_key)

    def enqueue_request(self, request: Request) -> bool:
        """Queue a request; False if it is a duplicate or Redis failed."""
        if request.meta.get("poe_page") != "bot":
            if not request.dont_filter and self.local_duplicates.request_seen(request):
                return False
            self.local.append(request)
            return True
        self.outstanding.add(Bot.model_validate_json(request.cb_kwargs["seen"]).key)
        try:
            return bool(super().enqueue_request(request))
        except RedisError as error:
            self.spider.member.end(error)  # type: ignore[attr-defined]
            return False

    def next_request(self) -> Request | None:
        """The next local request; None if there is none."""
        return self.local.popleft() if self.local else None

    def has_pending_requests(self) -> bool:
        """True if there are local requests."""
        return bool(self.local)
