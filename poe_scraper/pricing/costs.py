"""What a usage costs on a bot, in points and dollars.

A pure function of a bot's prices and a usage. It computes with exact fractions and rounds once, at the
very end, and only what has no finite decimal expansion: to 12 decimals, half up. Poe posts points
rounded up and charges whole points; sums are not rounded here, so that many small costs can be added.

If the evidence does not say what a usage costs, it says so (`UnpricedError`) and never guesses.
`docs/costs.md` has the rules one by one; `tests/pricing/costs_cases.json` shows them on hand-worked cases.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias, TypeVar

from poe_scraper.failures import UnpricedError, UsageError
from poe_scraper.items import POINTS_PER_USD, Bot
from poe_scraper.pricing.bill import Bill, Cost, Line, Money
from poe_scraper.pricing.choice import Attributes, Choice
from poe_scraper.pricing.usage import Quantity, usage_of

__all__ = ["Attributes", "Chosen", "Cost", "Line", "Money", "Quantity", "Ranking", "cost", "ranked", "variants"]

Chosen: TypeAlias = dict[str, list[str]]
_Bot = TypeVar("_Bot", Bot, str)

_MOST_CHOICES = 40
_DEEPEST = 3


def cost(
    bot: Bot,
    *,
    input_tokens: Quantity = 0,
    output_tokens: Quantity = 0,
    cached_input_tokens: Quantity = 0,
    cache_write_tokens: Quantity = 0,
    messages: Quantity = 0,
    images: Quantity = 0,
    seconds: Quantity = 0,
    characters: Quantity = 0,
    searches: Quantity = 0,
    units: Mapping[str, Quantity] | None = None,
    attributes: Attributes | None = None,
    points_per_usd: Decimal = POINTS_PER_USD,
    on: date | None = None,
) -> Cost:
    """What a usage costs on a bot.

    The three kinds of input tokens are counted apart, none within another; their sum is the context
    that a context tier looks at.

    Args:
        bot: whose prices to use.
        input_tokens: tokens of input that are neither read from the cache nor written to it.
        output_tokens: tokens of output.
        cached_input_tokens: tokens of input read from the cache.
        cache_write_tokens: tokens of input written to the cache.
        messages: messages sent to the bot.
        images: images made.
        seconds: seconds of audio or video made.
        characters: characters of text.
        searches: web searches made.
        units: usage in any other unit of the bot's prices, such as `{"megapixel": 2}`; `use` counts
            the uses of prices that name no unit.
        attributes: which price to take if several fit: values of `label`, `section` or any
            attribute of a rate, compared without case. A list chooses one price for each usage.
        points_per_usd: what converts a price that is known in one currency alone.
        on: the day whose prices count, for cards with prices that hold from or until a date; by default the day
            the card was read.

    Raises:
        UnpricedError: the bot's prices do not say what this usage costs.
        UsageError: a quantity is negative or not a number, or nothing is used.
    """
    named = {
        "input_tokens": input_tokens,
        "cached_input_tokens": cached_input_tokens,
        "cache_write_tokens": cache_write_tokens,
        "output_tokens": output_tokens,
        "messages": messages,
        "images": images,
        "seconds": seconds,
        "characters": characters,
        "searches": searches,
    }
    usage = usage_of(named, units or {})
    if points_per_usd <= 0:
        message = f"points_per_usd must be more than 0, got {points_per_usd}"
        raise UsageError(message)
    return Bill(bot, usage, Choice(attributes or {}), Fraction(points_per_usd), on).total()


def variants(
    bot: Bot | str, *, attributes: Attributes | None = None, cost: Callable[..., Cost] = cost, **usage: Any
) -> list[tuple[Chosen, Cost]]:
    """What a usage costs with each price that fits it, the cheapest first, with the attributes that choose it.

    Args:
        bot: whose prices to use; what `cost` takes.
        attributes: which prices to take, as for `cost`.
        cost: computes a cost from the bot, attributes and usage, such as `poe_scraper.api.cost`.
        usage: as for `cost`.

    Raises:
        UnpricedError: with no choice of attributes is it known what this usage costs.
        UsageError: as for `cost`.
    """
    found: list[tuple[Chosen, Cost]] = []

    def attempt(chosen: Chosen, depth: int) -> UnpricedError | None:
        try:
            found.append((chosen, cost(bot, attributes=chosen, **usage)))
        except UnpricedError as error:
            # one choice may leave another open, as with a video of two lengths in two sizes
            for choice in error.choices[:_MOST_CHOICES] if depth < _DEEPEST else ():
                if len(found) < _MOST_CHOICES:
                    attempt(
                        {
                            **chosen,
                            **{key: [*dict.fromkeys((*chosen.get(key, ()), value))] for key, value in choice.items()},
                        },
                        depth + 1,
                    )
            return error
        return None

    given = {key: [value] if isinstance(value, str) else list(value) for key, value in (attributes or {}).items()}
    refused = attempt(given, 0)
    if not found and refused is not None:
        raise refused
    return sorted(found, key=lambda variant: variant[1].usd.amount)


class Ranking(NamedTuple):
    """What one usage costs on several bots."""

    costs: list[tuple[Cost, Chosen]]
    """The cheapest cost of each bot and the attributes that choose it, the cheapest bot first."""
    unfit: list[tuple[str, str]]
    """Ids of the other bots, each with the reason."""


def ranked(
    bots: Iterable[_Bot],
    *,
    misfit: Callable[[_Bot], str | None] = lambda _: None,
    cost: Callable[..., Cost] = cost,
    **usage: Any,
) -> Ranking:
    """Compare what one usage costs on several bots, each with the cheapest price that fits.

    Args:
        bots: to compare; what `cost` takes.
        misfit: why a bot is left out; None if it is not.
        cost: computes a cost from a bot, attributes and usage, such as `poe_scraper.api.cost`.
        usage: as for `cost`, and `attributes` as for `variants`.

    Raises:
        UsageError: as for `cost`.
    """
    found: list[tuple[Cost, Chosen]] = []
    unfit: list[tuple[str, str]] = []
    for bot in bots:
        reason = misfit(bot)
        if reason is None:
            try:
                chosen, bill = variants(bot, cost=cost, **usage)[0]
                found.append((bill, chosen))
            except UnpricedError as error:
                reason = error.reason
        if reason is not None:
            unfit.append((bot if isinstance(bot, str) else bot.id, reason))
    found.sort(key=lambda each: (each[0].usd.amount, each[0].bot))
    return Ranking(found, unfit)
