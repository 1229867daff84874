"""Exact prices of tokens, for the formats that can say nothing else.

A bot is in them where one input token and one output token have an exact price in dollars of the card
or the API, and nothing else is owed. Bounds, fees by the message and conversions leave it out.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from poe_scraper.failures import UnpricedError
from poe_scraper.feed.reader import FeedReader
from poe_scraper.items import Bot, ContextTier
from poe_scraper.pricing.costs import Cost, cost


@dataclass(frozen=True)
class TokenPrices:
    """Prices in USD a token.

    Args:
        input: of input.
        output: of output.
        cache_read: of input read from the cache; None where not told.
        cache_write: of input written to the cache; None where not told.
    """

    input: Decimal
    output: Decimal
    cache_read: Decimal | None
    cache_write: Decimal | None

    def times(self, tier: ContextTier) -> "TokenPrices":
        """The prices in a context tier."""
        goes_in = tier.input_multiplier if tier.input_multiplier is not None else Decimal(1)
        comes_out = tier.output_multiplier if tier.output_multiplier is not None else Decimal(1)
        return TokenPrices(
            input=self.input * goes_in,
            output=self.output * comes_out,
            cache_read=None if self.cache_read is None else self.cache_read * goes_in,
            cache_write=None if self.cache_write is None else self.cache_write * goes_in,
        )


@dataclass(frozen=True)
class TokenPriced:
    """A bot whose token prices are exact.

    Args:
        bot: the bot.
        base: its prices below every context tier.
        tiers: its context tiers, the lowest first, with the prices in them.
    """

    bot: Bot
    base: TokenPrices
    tiers: tuple[tuple[ContextTier, TokenPrices], ...]


def token_priced(feed: FeedReader) -> list[TokenPriced]:
    """The active bots whose token prices are exact, by id."""
    return list(_found(feed))


def active(feed: FeedReader) -> int:
    """How many bots of a feed are active."""
    return sum(entry["status"] == "active" for entry in feed.entries)


def _found(feed: FeedReader) -> Iterator[TokenPriced]:
    for bot in feed.values():
        if bot.status != "active":
            continue
        goes_in = _exact(partial(cost, bot, input_tokens=1))
        comes_out = _exact(partial(cost, bot, output_tokens=1))
        if goes_in is None or comes_out is None:
            continue
        cache_read = _exact(partial(cost, bot, cached_input_tokens=1))
        cache_write = _exact(partial(cost, bot, cache_write_tokens=1))
        base = TokenPrices(goes_in, comes_out, cache_read, cache_write)
        tiers = sorted(
            (item for item in bot.pricing.adjustments if isinstance(item, ContextTier)),
            key=lambda tier: tier.min_tokens,
        )
        yield TokenPriced(bot, base, tuple((tier, base.times(tier)) for tier in tiers))


def _exact(cost_of_one: Callable[[], Cost]) -> Decimal | None:
    try:
        usd = cost_of_one().usd
    except UnpricedError:
        return None
    exact = usd.bound == "exact" and usd.max_amount is None and not usd.converted
    return usd.amount if exact else None
