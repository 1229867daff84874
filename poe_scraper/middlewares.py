"""Downloader middlewares.

https://docs.scrapy.org/en/latest/topics/downloader-middleware.html
"""

import asyncio
import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response

MAX_WAIT = 120.0
"""Seconds that a single request is held back at most, whatever `Retry-After` says."""


class BackoffMiddleware:
    """Holds back retries: each waits twice as long as the one before, with jitter; `Retry-After` holds
    back every request to that host.

    Scrapy's `RetryMiddleware` decides what is retried and how often; it knows no waiting.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.base = crawler.settings.getfloat("POE_BACKOFF")
        self.resume_at: dict[str, float] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the middleware for a crawler."""
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Wait until the request may go out."""
        retry = request.meta.get("retry_times", 0)
        wait = self.base * 2 ** (retry - 1) * random.uniform(0.5, 1.5) if retry else 0.0  # noqa: S311
        host_wait = self.resume_at.get(_host(request), 0.0) - monotonic()
        if (wait := min(max(wait, host_wait), MAX_WAIT)) > 0:
            await asyncio.sleep(wait)

    async def process_response(self, request: Request, response: Response) -> Response:
        """Note how long the host asks to be left alone."""
        if response.status in {429, 503} and (asked := _retry_after(response, datetime.now(UTC))):
            self.resume_at[_host(request)] = monotonic() + min(asked, MAX_WAIT)
        return response


def _host(request: Request) -> str:
    return str(request.meta.get("download_slot") or request.url.split("/", 3)[2])


def _retry_after(response: Response, now: datetime) -> float:
    """Seconds that `Retry-After` asks for, given as a number or as a date; 0 where it says nothing."""
    value = (response.headers.get("Retry-After") or b"").decode("latin-1").strip()
    if value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (ValueError, TypeError):
        return 0.0
