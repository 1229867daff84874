"""Downloader middlewares.

https://docs.scrapy.org/en/latest/topics/downloader-middleware.html
"""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares import robotstxt
from scrapy.http import Response
from scrapy.robotstxt import RobotParser

_TICK = 1.0
"""Seconds between two checks whether the crawl is ending."""


class RobotsTxtMiddleware(robotstxt.RobotsTxtMiddleware):
    """Scrapy's, corrected for requests that wait for the same `robots.txt`.

    In Scrapy 2.19, requests that arrive while `robots.txt` is being fetched share one Deferred, and all of them but the
    first get None from it, which allows everything.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.fetching = asyncio.Lock()

    async def robot_parser(self, request: Request) -> RobotParser | None:
        """The rules of the request's host; None if it has none."""
        async with self.fetching:
            return await super().robot_parser(request)


class BackoffMiddleware:
    """Delays retries, and all requests to a host that asks for it.

    Each retry waits twice as long as the one before, with jitter. `Retry-After` and `hold_back` delay every request to
    that host. When the crawl ends, waiting requests go back to the scheduler, which keeps them if there is a `JOBDIR`.

    Scrapy's `RetryMiddleware` and the spiders decide what is retried and how often.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.is_crawl = crawler.crawling  # not in `scrapy shell`, which drives the engine itself
        self.base = crawler.settings.getfloat("POE_BACKOFF")
        self.max_wait = crawler.settings.getfloat("POE_MAX_WAIT")
        self.resume_at: dict[str, float] = {}
        self.strikes: Counter[str] = Counter()
        self.released = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the middleware for a crawler."""
        return cls(crawler)

    async def process_request(self, request: Request) -> Request | None:
        """Wait until the request may be sent."""
        host = _host(request)
        retry = request.meta.get("retry_times", 0)
        wait = min(self.base * 2 ** (retry - 1) * random.uniform(0.5, 1.5), self.max_wait) if retry else 0.0  # noqa: S311
        resume_at = monotonic() + wait
        while (left := max(resume_at, self.resume_at.get(host, 0.0)) - monotonic()) > 0:
            if self.is_ending:
                return request.replace(dont_filter=True)
            await asyncio.sleep(min(left, _TICK))
        return None

    async def process_response(self, request: Request, response: Response) -> Response:
        """Note how long the host asks to wait."""
        if response.status in {429, 503} and (asked := _retry_after(response, datetime.now(UTC))):
            self.resume_at[_host(request)] = monotonic() + min(asked, self.max_wait)
        return response

    def hold_back(self, request: Request) -> None:
        """Delay all requests to a host that is rate-limiting or challenging the crawl.

        Each time in a row, the delay doubles. Requests that were sent before it started count as the same time.
        """
        host = _host(request)
        if self.resume_at.get(host, 0.0) <= monotonic():
            self.resume_at[host] = monotonic() + min(self.base * 2 ** self.strikes[host], self.max_wait)
            self.strikes[host] += 1

    def forgive(self, request: Request) -> None:
        """Reset the delay of a host that has answered as it should."""
        self.strikes.pop(_host(request), None)

    def release(self) -> None:
        """Stop all waiting: the crawl is ending."""
        self.released = True

    @property
    def is_ending(self) -> bool:
        """True if no more requests should be sent, after `release` or an interrupt."""
        return self.released or (self.is_crawl and not self.crawler.crawling)


def _host(request: Request) -> str:
    return str(request.meta.get("download_slot") or request.url.split("/", 3)[2])


def _retry_after(response: Response, now: datetime) -> float:
    """Seconds that `Retry-After` asks for, as a number or as a date; 0 without one."""
    value = (response.headers.get("Retry-After") or b"").decode("latin-1").strip()
    if value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (ValueError, TypeError):
        return 0.0
