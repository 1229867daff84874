"""The third pipeline: merges what this crawl saw with what the feed knew."""

from typing import Self

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from poe_scraper.feed.merge import merge, was_there
from poe_scraper.items import Bot
from poe_scraper.pricing.conclusions import with_conclusions
from poe_scraper.spiders.state import CrawlState, state_of


class MergePricingPipeline:
    """Merges a bot with the feed's, and compares the evidence for its prices again."""

    def __init__(self, state: CrawlState) -> None:
        self.state = state

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the pipeline for a crawler."""
        return cls(state_of(crawler))

    def process_item(self, item: Bot) -> Bot:
        """The bot as the feed should have it.

        Raises:
            DropItem: it was asked for by name, and neither this crawl nor an earlier one saw it.
        """
        known = self.state.known.find(item)
        if known is None and not was_there(item):
            self.state.problems.extend(item.errors)
            message = f"{item.id} is not known, and its page could not be read"
            raise DropItem(message)
        return with_conclusions(merge(known, item))
