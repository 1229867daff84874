"""OpenAI's list of models, the answer of `GET /v1/models`: id, time of creation and owner.

Shape: https://platform.openai.com/docs/api-reference/models/list
"""

import json
from typing import Any

from poe_scraper.exports import Export
from poe_scraper.feed.reader import FeedReader
from poe_scraper.items import Bot


def export(feed: FeedReader) -> Export:
    """The active bots. Where the API does not tell when one was created, it is when it was first seen."""
    data = [_model(bot) for bot in feed.values() if bot.status == "active"]
    text = json.dumps({"object": "list", "data": data}, indent=2) + "\n"
    return Export({"models.json": text.encode()}, bots=len(data))


def _model(bot: Bot) -> dict[str, Any]:
    creator = bot.creator.handle if bot.creator else "poe"
    return {
        "id": bot.id,
        "object": "model",
        "created": int((bot.created or bot.first_seen).timestamp()),
        "owned_by": bot.owned_by or creator,
    }
