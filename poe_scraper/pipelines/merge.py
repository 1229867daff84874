"""The third pipeline: what was seen now, joined to what the feed knew."""

from typing import Self

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from poe_scraper.feed.merge import merge, was_there
from poe_scraper.items import Bot
from poe_scraper.pipelines.problems import note_errors
from poe_scraper.pricing.conclusions import with_conclusions


class MergePricingPipeline:
    """Merges a bot with the feed's, and holds the evidence for its prices against each other again."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the pipeline for a crawler."""
        return cls(crawler)

    def process_item(self, item: Bot) -> Bot:
        """The bot as the feed should have it.

        Raises:
            DropItem: it was asked for by name, and neither this crawl nor an earlier one saw it.
        """
        known = self.crawler.spider.known.find(item)  # type: ignore[union-attr]
        if known is None and not was_there(item):
            note_errors(self.crawler, item.errors)
            message = f"{item.id} is not known, and its page could not be read"
            raise DropItem(message)
        return with_conclusions(merge(known, item))
