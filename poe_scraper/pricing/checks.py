"""Two pieces of evidence for one price, held against each other.

What rounding explains was worked out from real cards: dollars are rounded to the last digit shown, points are
rounded up to the last digit shown.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from poe_scraper.items import (
    POINTS_PER_USD,
    Adjustment,
    ApiPricing,
    CacheDiscount,
    CacheWriteSurcharge,
    Check,
    Rate,
    Reading,
)
from poe_scraper.pricing.pairing import (
    Pair,
    cache_writes,
    cached_tokens,
    input_tokens,
    output_images,
    output_tokens,
    pairs,
    per_message,
)

OTHER_POINTS_PER_USD = Fraction(100_000, 3)
"""What some creators reckon a dollar to be: 0.003 cents a point."""


def checks(reading: Reading, api: ApiPricing | None) -> tuple[Check, ...]:
    """Holds a card's dollars against its points, and the API's dollars against the card's.

    Args:
        reading: what the rate card says.
        api: prices of the models API, if any.

    Returns:
        A `usd_points` check for every price of the card, in the card's order, and an `api_page` check for
        every price of the API. Where only one side has prices, one check says that nothing can be compared.
    """
    found = [_usd_against_points(pair) for pair in pairs(reading.rates)]
    return (*found, *_api_against_page(reading, api))


# --- dollars against points ---------------------------------------------------------------------


def _usd_against_points(pair: Pair) -> Check:
    usd, points = pair.usd, pair.points
    if usd is None or points is None:
        missing = "the card gives no points" if points is None else "the card gives no dollars"
        return Check(kind="usd_points", subject=pair.subject, result="not_comparable", reason=missing)
    figures = {"usd": usd.amount, "points": points.amount}
    if usd.per.unit != points.per.unit or (usd.max_amount is None) != (points.max_amount is None):
        return Check(
            kind="usd_points",
            subject=pair.subject,
            result="not_comparable",
            figures=figures,
            reason="the two are prices of different things",
        )
    scale = Fraction(points.per.quantity) / Fraction(usd.per.quantity)
    reason = _difference(usd.amount, points.amount, scale)
    if reason is None and usd.max_amount is not None and points.max_amount is not None:
        figures = {**figures, "usd_max": usd.max_amount, "points_max": points.max_amount}
        reason = _difference(usd.max_amount, points.max_amount, scale)
    return Check(
        kind="usd_points",
        subject=pair.subject,
        result="agrees" if reason is None else "differs",
        figures=figures,
        reason=reason,
    )


def _difference(usd: Decimal, points: Decimal, scale: Fraction) -> str | None:
    """Why posted points are not what the posted dollars give; None where rounding explains it."""
    if usd == 0 or points == 0:
        return None if usd == points else "one of the two is free"
    low, high = (bound * scale * Fraction(POINTS_PER_USD) for bound in _rounded_from(usd))
    step = _last_digit(points)
    posted = Fraction(points)
    if low <= posted and posted - step < high:
        return None
    if low - step < posted < low:
        return "the card rounds points down"
    other = OTHER_POINTS_PER_USD / Fraction(POINTS_PER_USD)
    if low * other - step < posted < high * other + step:
        return "the card reckons with 33,333 points to the dollar"
    expected = Fraction(usd) * scale * Fraction(POINTS_PER_USD)
    return f"the points are {float(posted / expected):.2f} times what the dollars give"


def _last_digit(amount: Decimal) -> Fraction:
    exponent = amount.as_tuple().exponent
    return Fraction(10) ** (exponent if isinstance(exponent, int) and exponent < 0 else 0)


def _rounded_from(amount: Decimal) -> tuple[Fraction, Fraction]:
    """Lowest and highest figure that is `amount` when rounded to its last digit."""
    half = _last_digit(amount) / 2
    return Fraction(amount) - half, Fraction(amount) + half


# --- the API against the card -------------------------------------------------------------------


class _Posted(NamedTuple):
    """A price of the card in dollars a unit: as posted, and what it may have been rounded from."""

    amount: Fraction
    low: Fraction
    high: Fraction

    def times(self, factor: Fraction) -> "_Posted":
        return _Posted(self.amount * factor, self.low * factor, self.high * factor)


def _api_against_page(reading: Reading, api: ApiPricing | None) -> Iterator[Check]:
    prices = {name: value for name, value in (api or ApiPricing()) if value is not None}
    if not prices and not reading.rates:
        return
    if not prices:
        yield _nothing_to_compare("API price", "the API gives no price")
    elif not reading.rates:
        yield _nothing_to_compare("card price", "there is no price on the card")
    else:
        for name, value in prices.items():
            posted = _posted(name, reading)
            if posted is None:
                yield _nothing_to_compare(name, "the card gives no such price in dollars")
            else:
                yield _api_against_posted(name, value, posted)


def _nothing_to_compare(subject: str, reason: str) -> Check:
    return Check(kind="api_page", subject=subject, result="not_comparable", reason=reason)


def _api_against_posted(name: str, api: Decimal, posted: _Posted) -> Check:
    reason = None
    if api == 0 or posted.amount == 0:
        reason = None if api == posted.amount else "one of the two is free"
    else:
        low, high = _rounded_from(api)
        if high < posted.low or posted.high < low:
            reason = f"the card asks {float(posted.amount / Fraction(api)):.2f} times what the API does"
    return Check(
        kind="api_page",
        subject=name,
        result="agrees" if reason is None else "differs",
        figures={"api": api, "page": _decimal(posted.amount)},
        reason=reason,
    )


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def _posted(name: str, reading: Reading) -> _Posted | None:
    """The card's price in dollars of what the API calls `name`."""
    price = _first(_SAME[name], reading.rates)
    if price is not None or name not in {"input_cache_read", "input_cache_write"}:
        return price
    factor = next((factor for found in reading.adjustments if (factor := _cache_factor(name, found))), None)
    price = _first(input_tokens, reading.rates)
    return None if factor is None or price is None else price.times(factor)


_SAME = {
    "prompt": input_tokens,
    "completion": output_tokens,
    "image": output_images,
    "request": per_message,
    "input_cache_read": cached_tokens,
    "input_cache_write": cache_writes,
}


def _first(is_meant: Callable[[Rate], bool], rates: Sequence[Rate]) -> _Posted | None:
    for rate in rates:
        if rate.currency == "USD" and is_meant(rate):
            quantity = Fraction(rate.per.quantity)
            low, high = _rounded_from(rate.amount)
            return _Posted(Fraction(rate.amount) / quantity, low / quantity, high / quantity)
    return None


def _cache_factor(name: str, adjustment: Adjustment) -> Fraction | None:
    """What input read from or written to the cache costs, as a share of input."""
    if name == "input_cache_read" and isinstance(adjustment, CacheDiscount):
        return 1 - Fraction(adjustment.percent) / 100
    if name == "input_cache_write" and isinstance(adjustment, CacheWriteSurcharge):
        return 1 + Fraction(adjustment.percent) / 100
    return None
