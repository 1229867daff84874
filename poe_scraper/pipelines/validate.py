"""The first pipeline: checks that an item is a bot."""

import json
from collections.abc import Mapping
from typing import Self

from itemadapter import ItemAdapter
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError
from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from poe_scraper.failures import Code
from poe_scraper.feed.schema import bot_misfits
from poe_scraper.items import Bot
from poe_scraper.spiders.state import CrawlState, state_of


class ValidatePipeline:
    """Drops every item that is not a `Bot`, cannot be converted to one, or does not fit the published JSON Schema."""

    def __init__(self, state: CrawlState) -> None:
        self.state = state

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the pipeline for a crawler."""
        return cls(state_of(crawler))

    def process_item(self, item: Bot | Mapping[str, object]) -> Bot:
        """The item as the `Bot` that a reader of the feed would get.

        Raises:
            DropItem: it is not a bot; the run report says what is wrong.
        """
        try:
            text = (item if isinstance(item, Bot) else Bot.model_validate(ItemAdapter(item).asdict())).as_json()
            bot = Bot.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            misfits = [f"{'.'.join(map(str, first['loc']))}: {first['msg']}"]
        except PydanticSerializationError as error:
            misfits = [str(error)]
        else:
            misfits = bot_misfits(json.loads(text))
            if not misfits:
                return bot
        who = ascii(ItemAdapter(item).get("id"))[:100]
        message = f"item {who} is not a bot: {misfits[0]}"
        self.state.note("catalog", Code.ENTRY_MALFORMED, message)
        raise DropItem(message)
