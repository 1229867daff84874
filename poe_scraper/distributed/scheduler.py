"""The publisher's scheduler: bot pages go to Redis, everything else stays in this process.

https://docs.scrapy.org/en/latest/topics/scheduler.html
"""

import json
from collections import deque
from typing import Any, Self, cast

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.dupefilters import RFPDupeFilter
from scrapy_redis import dupefilter, queue, scheduler

from poe_scraper.distributed.member import Member
from poe_scraper.distributed.messages import GarbledError, Task, pack, unpack
from poe_scraper.items import Bot


class RefusedTaskError(GarbledError):
    """A leased task cannot be used.

    Args:
        key: `Bot.key` that the task was queued under.
        message: why.
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class TaskQueue(queue.Base):  # type: ignore[misc]
    """scrapy-redis's queue, except that requests are leased to a worker until they are finished (`distributed.tasks`).

    A request is stored as a task under its bot's `Bot.key`. Only what a bot's page needs is stored, so that nobody can
    name code to run or a request to send through Redis.
    """

    def __init__(self, server: Any, spider: Any, key: str) -> None:
        super().__init__(server, spider, key, serializer=json)  # its default would be pickle; nothing uses it
        self.member: Member = spider.member

    def __len__(self) -> int:
        return self.member.tasks.state(most=1).tasks

    def push(self, request: Request) -> None:
        """Queue a request."""
        self.push_task(*self.task(request))

    def task(self, request: Request) -> tuple[str, bytes]:
        """Key and task of a request, with the bot as the feed knows it."""
        seen = Bot.model_validate_json(request.cb_kwargs["seen"])
        task = Task(url=request.url, seen=seen, known=self.spider.crawl_state.known.find(seen))
        return seen.key, pack(task)

    def push_task(self, key: str, task: bytes) -> None:
        """Queue a task."""
        self.member.tasks.add(key, task)

    def pop(self, timeout: int = 0) -> Request | None:  # noqa: ARG002 - scrapy-redis's interface
        """Lease a request to this worker; None if nothing is queued or leasing is paused.

        Raises:
            RefusedTaskError: the task is not one of this project's. It stays leased.
        """
        leased = self.member.tasks.lease_next(self.member.name)
        if leased is None:
            return None
        key, data = leased
        try:
            task = unpack(Task, data)
            task.check(key, self.spider.site_url)
        except GarbledError as error:
            raise RefusedTaskError(key, str(error)) from error
        # Redis leases each page once: a page that comes back, or that a later crawl asks for, is no duplicate
        return cast("Request", self.spider.page_request(task.url, task.seen, task.known).replace(dont_filter=True))

    def clear(self) -> None:
        """Remove all requests."""
        self.member.tasks.clear()


class Scheduler(scheduler.Scheduler):  # type: ignore[misc]
    """scrapy-redis's scheduler and duplicates filter for bot pages; a local queue for all other requests.

    The publisher takes no request out of Redis; the workers do.
    """

    outstanding: dict[str, Request]
    """The requests for bot pages that have no result yet, by `Bot.key`. As many wait here in a crawl of one process."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.outstanding = {}
        self.unsent: deque[tuple[Request, str, bytes]] = deque()
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
        """Queue a request; False if it is a duplicate. Bot pages go to Redis with the next `send`."""
        if request.meta.get("poe_page") != "bot":
            if not request.dont_filter and self.local_duplicates.request_seen(request):
                return False
            self.local.append(request)
            return True
        key, task = self.queue.task(request)
        self.outstanding[key] = request
        self.unsent.append((request, key, task))
        return True

    def send(self) -> None:
        """Send bot pages to Redis, except those that an interrupted crawl has sent. May run in a thread.

        Raises:
            redis.exceptions.RedisError: Redis failed. What was not sent is kept.
        """
        while self.unsent:
            request, key, task = self.unsent[0]
            if request.dont_filter or not self.df.request_seen(request):
                self.queue.push_task(key, task)
            self.unsent.popleft()

    def ask_again(self, key: str) -> None:
        """Queue an outstanding page again, with the next `send`."""
        request = self.outstanding[key].replace(dont_filter=True)
        self.unsent.append((request, *self.queue.task(request)))

    def next_request(self) -> Request | None:
        """The next local request; None if there is none."""
        return self.local.popleft() if self.local else None

    def has_pending_requests(self) -> bool:
        """True if there are requests that wait in this process."""
        return bool(self.local or self.unsent)
