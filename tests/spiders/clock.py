"""A clock that is set back during a crawl, as by an operator or a time server."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta, tzinfo
from typing import Any, Self

from scrapy.http import Response

from poe_scraper import clock


class Earlier(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) - timedelta(days=1)


class SetBackMiddleware:
    async def process_spider_output(self, response: Response, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for found in result:
            clock.datetime = Earlier  # type: ignore[attr-defined]
            yield found
