"""The JSON of llm-prices, `current-v1.json`: USD a million tokens.

Shape: `{"updated_at", "prices": [{"id", "vendor", "name", "input", "output", "input_cached"}]}`. A
context tier is an entry of its own: `gpt-5.4-272k`, named `gpt-5.4 >272k`.
https://github.com/simonw/llm-prices
"""

import json
from collections.abc import Iterator
from typing import Any

from poe_scraper.exports import Export
from poe_scraper.exports.tokens import TokenPriced, TokenPrices, active, token_priced
from poe_scraper.feed.reader import FeedReader
from poe_scraper.untrusted import safe

_MILLION = 1_000_000


def export(feed: FeedReader) -> Export:
    """Bots whose token prices are exact."""
    found = token_priced(feed)
    told = {
        "updated_at": f"{feed.generated_at:%Y-%m-%d}",
        "prices": [price for priced in found for price in _prices(priced)],
    }
    text = json.dumps(told, indent=2) + "\n"
    return Export({"current-v1.json": text.encode()}, len(found), active(feed) - len(found))


def _prices(priced: TokenPriced) -> Iterator[dict[str, Any]]:
    name = safe(priced.bot.display_name or priced.bot.handle or priced.bot.id)
    yield _price(priced.bot.id, name, priced.base)
    for tier, prices in priced.tiers:
        above = f"{tier.min_tokens / 1000:f}k"
        yield _price(f"{priced.bot.id}-{above}", f"{name} >{above}", prices)


def _price(identity: str, name: str, prices: TokenPrices) -> dict[str, Any]:
    return {
        "id": identity,
        "vendor": "poe",
        "name": name,
        "input": float(prices.input * _MILLION),
        "output": float(prices.output * _MILLION),
        "input_cached": None if prices.cache_read is None else float(prices.cache_read * _MILLION),
    }
