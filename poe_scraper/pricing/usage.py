"""What is used: tokens, messages, images and so on, by the names that cost functions and the command line share."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

from poe_scraper.failures import UsageError
from poe_scraper.pricing.kinds import TokenKind

Quantity: TypeAlias = int | float | Decimal
Usage: TypeAlias = dict[str, Fraction]
"""Quantity by usage: a name below, or any unit of a price such as `megapixel`."""

TOKENS: dict[str, TokenKind] = {
    "input_tokens": "input",
    "cached_input_tokens": "cached",
    "cache_write_tokens": "cache_write",
    "output_tokens": "output",
}
"""Usages that count tokens, and which tokens."""

UNITS: dict[str, str] = {
    "messages": "message",
    "images": "image",
    "seconds": "second",
    "characters": "character",
    "searches": "search",
}
"""Usages that count a unit of prices, and which unit."""


def unit_of(name: str) -> str:
    """The unit that a usage counts."""
    return "token" if name in TOKENS else UNITS.get(name, name)


def usage_of(named: Mapping[str, Quantity], units: Mapping[str, Quantity]) -> Usage:
    """The usage as exact fractions, without what is 0.

    Args:
        named: quantities by the names of `TOKENS` and `UNITS`.
        units: quantities by any other unit, in any case.

    Raises:
        UsageError: a quantity is negative or not a number, a unit has an argument of its own, or nothing is used.
    """
    for unit in units:
        for name, same in UNITS.items():
            if unit.casefold() == same:
                message = f"give {name} its own argument, not the unit {unit!r}"
                raise UsageError(message)
    quantities = {**named, **{unit.casefold(): quantity for unit, quantity in units.items()}}
    usage = {name: exact for name, quantity in quantities.items() if (exact := _fraction(name, quantity))}
    if not usage:
        message = f"nothing is used: give at least one of {', '.join(named)} or units"
        raise UsageError(message)
    return usage


def _fraction(name: str, quantity: object) -> Fraction:
    if isinstance(quantity, int | float | Decimal) and not isinstance(quantity, bool):
        exact = Decimal(str(quantity))
        if exact.is_finite() and exact >= 0:
            return Fraction(exact)
    message = f"{name} must be a number of at least 0, got {quantity!r}"
    raise UsageError(message)
