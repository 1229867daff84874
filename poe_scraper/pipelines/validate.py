"""The first pipeline: is it a bot at all?"""

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
        """The item as the `Bot` that a reader of the feed would get.

        Raises:
            DropItem: it is none; what was wrong stands in the run report.
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
        message = f"item {who} is no bot: {misfits[0]}"
        note(self.crawler, Code.ENTRY_MALFORMED, message)
        raise DropItem(message)
