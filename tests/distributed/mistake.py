"""Mistakes that nobody expected, in the reading of one page."""

from collections.abc import AsyncIterator
from typing import Any

from scrapy.http import Response


class MistakeMiddleware:
    made = False

    async def process_spider_output(self, response: Response, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for found in result:
            if not self.made:
                self.made = True
                raise ZeroDivisionError
            yield found


class SwallowMiddleware:
    """Passes nothing on of what one page says."""

    swallowed = False

    async def process_spider_output(self, response: Response, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for found in result:
            if self.swallowed:
                yield found
            self.swallowed = True
