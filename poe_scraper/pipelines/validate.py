"""The first pipeline: is it a bot at all?"""

from collections.abc import Mapping
from typing import Self

from itemadapter import ItemAdapter
from pydantic import ValidationError
from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from poe_scraper.failures import Code
from poe_scraper.feed.schema import bot_misfits
from poe_scraper.items import Bot
from poe_scraper.pipelines.problems import note


class ValidatePipeline:
    """Lets pass what is a `Bot`, or can be made one, and fits the published JSON Schema."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the pipeline for a crawler."""
        return cls(crawler)

    def process_item(self, item: Bot | Mapping[str, object]) -> Bot:
        """The item as a `Bot`.

        Raises:
            DropItem: it is none; what was wrong stands in the run report.
        """
        try:
            bot = item if isinstance(item, Bot) else Bot.model_validate(ItemAdapter(item).asdict())
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            misfits = [f"{'.'.join(map(str, first['loc']))}: {first['msg']}"]
        else:
            misfits = bot_misfits(bot.model_dump(mode="json", by_alias=True))
            if not misfits:
                return bot
        who = ascii(item.id if isinstance(item, Bot) else item.get("id"))[:100]
        message = f"item {who} is no bot: {misfits[0]}"
        note(self.crawler, Code.ENTRY_MALFORMED, message)
        raise DropItem(message)
