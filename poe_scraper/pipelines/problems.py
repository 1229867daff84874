"""Problems that are no bot's own, for the run report."""

from scrapy.crawler import Crawler

from poe_scraper.clock import now
from poe_scraper.failures import Code
from poe_scraper.items import BotError


def note(crawler: Crawler, code: Code, message: str) -> None:
    """Add a problem with an item to those that the spider collects."""
    note_errors(crawler, (BotError(stage="catalog", code=code, message=message, at=now()),))


def note_errors(crawler: Crawler, errors: tuple[BotError, ...]) -> None:
    """Add the errors of a bot that is left out."""
    crawler.spider.problems.extend(errors)  # type: ignore[union-attr]
