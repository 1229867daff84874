"""Problems that are no bot's own, for the run report."""

from datetime import UTC, datetime

from scrapy.crawler import Crawler

from poe_scraper.failures import Code
from poe_scraper.items import BotError


def note(crawler: Crawler, code: Code, message: str) -> None:
    """Add a problem to those that the spider collects."""
    at = datetime.now(UTC).replace(microsecond=0)
    crawler.spider.problems.append(BotError(stage="catalog", code=code, message=message, at=at))  # type: ignore[union-attr]
