"""Exact prices of tokens, for the formats that can say nothing else.

A bot is exported if one input token and one output token have an exact price in dollars on the card or in the API,
and nothing else is owed. A bot with bounds, fees per message, converted or contradicted prices is left out, and
counted by reason.
"""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from poe_scraper.failures import UnpricedError
from poe_scraper.feed.reader import FeedReader
from poe_scraper.items import Bot, ContextTier
from poe_scraper.pricing.costs import Cost, cost


class LeftOutError(Exception):
    """A format cannot say what a bot costs. The text is the reason, the same for all such bots."""


@dataclass(frozen=True)
class TokenPrices:
    """Prices in USD per token.

    Args:
        input: of input.
        output: of output.
        cache_read: of input read from the cache; None if not known.
        cache_write: of input written to the cache; None if not known.
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


@dataclass(frozen=True)
class Sorted:
    """The active bots of a feed: those that a format can have, and why it cannot have the others.

    Args:
        priced: those whose token prices are exact, by id.
        left_out: how many of the others there are, by reason.
    """

    priced: list[TokenPriced] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def token_priced(feed: FeedReader) -> Sorted:
    """Sort the active bots of a feed into those whose token prices are exact, and the others by reason."""
    found = Sorted()
    for bot in feed.values():
        if bot.status == "active":
            try:
                found.priced.append(priced_by_token(bot))
            except LeftOutError as error:
                found.left_out[str(error)] += 1
    return found


def priced_by_token(bot: Bot) -> TokenPriced:
    """The exact token prices of a bot.

    Raises:
        LeftOutError: it has none.
    """
    tiers = sorted(
        (item for item in bot.pricing.adjustments if isinstance(item, ContextTier)), key=lambda tier: tier.min_tokens
    )
    base = TokenPrices(
        input=exact(bot, input_tokens=1),
        output=exact(bot, output_tokens=1),
        cache_read=_if_known(bot, cached_input_tokens=1),
        cache_write=_if_known(bot, cache_write_tokens=1),
    )
    return TokenPriced(bot, base, tuple((tier, base.times(tier)) for tier in tiers))


def exact(bot: Bot, **usage: Any) -> Decimal:
    """What a usage costs on a bot, in dollars.

    Raises:
        LeftOutError: it is not known, or not exactly.
    """
    try:
        bill = cost(bot, **usage)
    except UnpricedError as error:
        reason = "several prices fit" if error.choices else f"no price per {_UNITS.get(next(iter(usage)), 'token')}"
        raise LeftOutError(reason) from None
    doubt = _doubt(bill)
    if doubt is not None:
        raise LeftOutError(doubt)
    return bill.usd.amount


_UNITS = {"images": "image", "seconds": "second", "searches": "search"}


def _doubt(bill: Cost) -> str | None:
    if any(note.startswith("unsure") for note in bill.notes):
        return "other evidence contradicts its price"
    if bill.usd.bound != "exact" or bill.usd.max_amount is not None:
        return "its price is a bound, a range, or incomplete"
    return "its price is known in points only" if bill.usd.converted else None


def _if_known(bot: Bot, **usage: Any) -> Decimal | None:
    try:
        return exact(bot, **usage)
    except LeftOutError:
        return None
