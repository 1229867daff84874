"""The second pipeline: one bot, one item."""

from typing import Self

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from poe_scraper.failures import Code
from poe_scraper.feed.merge import join
from poe_scraper.feed.spool import BotSpool
from poe_scraper.items import Bot
from poe_scraper.spiders.state import CrawlState, state_of


class DedupePipeline:
    """Drops a bot that was seen before in this crawl. Ids compare without case.

    Two sightings of different kinds, one in the API and one on a creator's profile, are joined.
    """

    def __init__(self, state: CrawlState) -> None:
        self.state = state
        self.seen = BotSpool()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the pipeline for a crawler."""
        return cls(state_of(crawler))

    def process_item(self, item: Bot) -> Bot:
        """The bot, joined with an earlier sighting of another kind.

        Raises:
            DropItem: it was seen before; the run report says so.
        """
        before = self.seen.get(item.key)
        if before is not None:
            if set(item.discovered_by) <= set(before.discovered_by):
                message = f"{item.id} was seen twice in this crawl; the first is kept"
                self.state.note("catalog", Code.ENTRY_DUPLICATE, message)
                raise DropItem(message)
            item = join(before, item)
        self.seen[item.key] = item
        return item
