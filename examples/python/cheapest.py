"""The cheapest bots for a message of 1,000 tokens in and 500 out.

Reads the feed with models that datamodel-code-generator makes of its schema, without any package of Poe Scraper:

    datamodel-codegen --input models.schema.json --output poe_feed.py \
        --output-model-type pydantic_v2.BaseModel --use-annotated
    python cheapest.py models.json
"""

import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from poe_feed import Bot, PoeScraperFeed, Rate


def usd_per_token(rate: Rate) -> Decimal:
    """The price of one token."""
    return Decimal(rate.amount) / Decimal(rate.per.quantity)


def token_prices(bot: Bot, side: str) -> list[Decimal]:
    """Exact prices in dollars per token of input or output."""
    return [
        usd_per_token(rate)
        for rate in bot.pricing.rates
        if rate.currency.value == "USD"
        and rate.per.unit == "token"
        and rate.bound.value == "exact"
        and rate.label.split()[0].lower() == side
    ]


def costs(feed: PoeScraperFeed) -> Iterator[tuple[Decimal, str]]:
    """What a message costs on each active bot that charges for tokens and nothing else, with the bot's id."""
    for bot in feed.data:
        # an adjustment may be of a kind that this program does not know: then the rates are not the whole price
        if bot.status.value != "active" or bot.pricing.adjustments or bot.pricing.unparsed:
            continue
        goes_in, comes_out = token_prices(bot, "input"), token_prices(bot, "output")
        if goes_in and comes_out:
            yield 1000 * goes_in[0] + 500 * comes_out[0], bot.id


def main(path: str) -> None:
    """Print the five cheapest."""
    feed = PoeScraperFeed.model_validate_json(Path(path).read_bytes())
    for usd, identity in sorted(costs(feed))[:5]:
        print(f"{identity:30} ${usd.normalize():f}")


if __name__ == "__main__":
    main(sys.argv[1])
