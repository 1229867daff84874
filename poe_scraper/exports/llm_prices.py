"""The JSON of llm-prices, `current-v1.json`: USD a million tokens.

Shape: `{"updated_at", "prices": [{"id", "vendor", "name", "input", "output", "input_cached"}]}`. A
context tier is an entry of its own: `gpt-5.4-272k`, named `gpt-5.4 over 272k`. Its page puts `id`, `vendor` and `name`
into `innerHTML`, so no character of markup is in them.
https://github.com/simonw/llm-prices
"""

import json
from collections.abc import Iterator
from typing import Any

from poe_scraper.exports import Export
from poe_scraper.exports.tokens import TokenPriced, TokenPrices, token_priced
from poe_scraper.feed.reader import FeedReader
from poe_scraper.untrusted import safe

_MILLION = 1_000_000


def export(feed: FeedReader) -> Export:
    """Bots whose token prices are exact."""
    found = token_priced(feed)
    content = {
        "updated_at": f"{feed.generated_at:%Y-%m-%d}",
        "prices": [price for priced in found.priced for price in prices(priced)],
    }
    text = json.dumps(content, indent=2) + "\n"
    return Export({"current-v1.json": text.encode()}, len(found.priced), found.left_out)


def prices(priced: TokenPriced) -> Iterator[dict[str, Any]]:
    """The entries of a bot: below every context tier, and in each."""
    name = _inert(priced.bot.display_name or priced.bot.handle or priced.bot.id)
    identity = _inert(priced.bot.id)
    yield _price(identity, name, priced.base)
    for tier, costs in priced.tiers:
        above = f"{tier.min_tokens / 1000:f}k"
        yield _price(f"{identity}-{above}", f"{name} over {above}", costs)


def _inert(text: str) -> str:
    """Text for a page that puts it into `innerHTML`: without characters that markup needs.

    They are replaced, not escaped: the same text is also shown as it is, in tables and by other programs.
    """
    return safe(text).translate(_MARKUP)


_MARKUP = {
    ord("<"): "\u2039",
    ord(">"): "\u203a",
    ord("&"): "+",
    ord('"'): "\u201d",
    ord("'"): "\u2019",
    ord("`"): "\u2019",
}


def _price(identity: str, name: str, prices: TokenPrices) -> dict[str, Any]:
    return {
        "id": identity,
        "vendor": "poe",
        "name": name,
        "input": float(prices.input * _MILLION),
        "output": float(prices.output * _MILLION),
        "input_cached": None if prices.cache_read is None else float(prices.cache_read * _MILLION),
    }
