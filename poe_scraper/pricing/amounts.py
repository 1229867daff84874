"""How prices are written for people."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from poe_scraper.items import Adjustment, Rate

_BOUNDS = {"exact": "", "up_to": "up to ", "from": "from ", "about": "about "}
_SHORT = {1000: "1k", 1_000_000: "1M"}


def number(value: Decimal | str) -> str:
    """A number in plain notation with thousands separators: `47,334`, `0.0059`."""
    return f"{Decimal(value):,f}"


def short(value: Decimal) -> str:
    """A number of 10,000 or more in thousands or millions, exactly: `30k`, `1.5M`; a smaller one as it is."""
    for least, scale, letter in ((1_000_000, 6, "M"), (10_000, 3, "k")):
        if value >= least:
            return f"{number(value.scaleb(-scale).normalize())}{letter}"
    return number(value)


def sum_of(low: Decimal | str | None, high: Decimal | str | None = None, bound: str = "exact") -> str:
    """A sum without its currency: `up to 27`, `0.10-0.20`; `-` if there is none."""
    if low is None:
        return "-"
    return _BOUNDS[bound] + (number(low) if high is None else f"{number(low)}-{number(high)}")


def money(currency: str, low: Decimal | str | None, high: Decimal | str | None = None, bound: str = "exact") -> str:
    """A sum of money: `up to $0.81`, `206 points`, `$0.10-0.20`; `-` if there is none."""
    figures = sum_of(low, high)
    if low is None:
        return figures
    return _BOUNDS[bound] + (f"${figures}" if currency == "USD" else f"{figures} points")


def per(denominator: dict[str, Any]) -> str:
    """What a price pays for: `/1M tokens`, `/second`, empty if the card names nothing.

    Args:
        denominator: `per` of a rate, as in the feed.
    """
    unit = denominator.get("unit")
    quantity = Decimal(denominator.get("quantity", "1"))
    if unit is None:
        return "" if quantity == 1 else f"/{number(quantity)}"
    named = " ".join(filter(None, (denominator.get("qualifier"), unit)))
    if quantity == 1:
        return f"/{named}"
    return f"/{_SHORT.get(int(quantity), number(quantity))} {named}s"


def rate(price: "Rate") -> str:
    """A rate without its label: `up to $0.81/1M tokens`."""
    figures = money(price.currency, price.amount, price.max_amount, price.bound)
    return figures + per(price.per.model_dump())


def in_words(adjustment: "Adjustment") -> str:
    """An adjustment as a sentence without its full stop."""
    from poe_scraper.items import OtherAdjustment

    if isinstance(adjustment, OtherAdjustment):
        return f"an adjustment that this version does not know: {adjustment.kind}"
    match adjustment.kind:
        case "cache_discount":
            return f"input read from the cache costs {number(adjustment.percent)} % less"
        case "cache_write_surcharge":
            kept = f", for {_duration(adjustment.ttl_seconds)}" if adjustment.ttl_seconds else ""
            return f"input written to the cache{kept} costs {number(adjustment.percent)} % more"
        case "context_tier":
            factors = (("input", adjustment.input_multiplier), ("output", adjustment.output_multiplier))
            times = ", ".join(f"{side} x {number(factor)}" for side, factor in factors if factor is not None)
            end = f", up to {number(adjustment.max_tokens)}" if adjustment.max_tokens else ""
            return f"context above {number(adjustment.min_tokens)} tokens{end}: {times}"
        case "free_allowance":
            return f"the first {number(adjustment.quantity)} {adjustment.unit or 'use'}s are free"
        case "plus_called_bots":
            return "the bots that it calls cost extra"
        case "undisclosed_costs":
            return "its creator charges costs that the card does not disclose"
        case "variable":
            return f"{adjustment.label}: variable"
        case "discount":
            return f"{adjustment.label}: {number(adjustment.percent)} % off"
        case "multiplier":
            return f"{adjustment.label}: {number(adjustment.factor)} times the price"
        case "markup":
            return f"{adjustment.label}: plus {number(adjustment.percent)} %"


def _duration(seconds: Decimal) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{number(minutes)} minutes" if minutes and not rest else f"{number(seconds)} seconds"
