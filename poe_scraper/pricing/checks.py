"""The second opinion: every price is compared with what else is known of it.

Dollars are compared with points, the models API with the card, the prices of a card with each other, and each price
with what such a price costs on other cards. A contradiction by a factor of 10 or more makes a price `suspect`.

What rounding explains was worked out from real cards: dollars are rounded to the last digit shown, points are
rounded up to the last digit shown.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from statistics import median
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
from poe_scraper.pricing.kinds import TokenKind, modalities
from poe_scraper.pricing.prices import Price, api_prices, page_prices

CHECK_KINDS = {
    "usd_points": "dollars against points",
    "api_page": "API against card",
    "neighbours": "against the card's other prices",
    "range": "against other cards",
}
"""The kinds of checks, in words."""

SUSPECT_FACTOR = 10
"""A price that other evidence contradicts by this factor is suspect."""

OTHER_POINTS_PER_USD = Fraction(100_000, 3)
"""What some creators take a dollar for: 0.003 cents per point."""

_33_333 = "the card counts 33,333 points to the dollar"
_ROUNDED_DOWN = "the card rounds points down"


class Examined(NamedTuple):
    """The prices of a bot after all checks."""

    checks: tuple[Check, ...]
    page: list[Price]
    """Prices of the card; those that a check calls suspect are marked."""
    api: list[Price]
    """Prices of the models API, likewise."""


def checks(reading: Reading, api: ApiPricing | None) -> tuple[Check, ...]:
    """Compare a bot's prices with each other.

    Args:
        reading: what the rate card says.
        api: prices of the models API, if any.

    Returns:
        A `usd_points` check for every price of the card, in the card's order; an `api_page` check for every price of
        the API, or one that says why nothing can be compared; a `neighbours` or `range` check for every price that
        the card's other prices, or other cards, make suspect.
    """
    return examined(reading, api).checks


def examined(reading: Reading, api: ApiPricing | None) -> Examined:
    """All checks, as `checks` returns them, and the prices with the suspect ones marked."""
    prices, of_api = page_prices(reading.rates), api_prices(api)
    found: list[tuple[Check, Price | None]] = [(_usd_against_points(price), price) for price in prices]
    found += _api_against_page(prices, reading.adjustments, of_api)
    found += _against_neighbours(prices)
    found += _against_other_cards(prices or of_api)
    suspects = {id(price) for check, price in found if check.result == "suspect"}
    page, of_api = (
        [replace(price, is_suspect=True) if id(price) in suspects else price for price in each]
        for each in (prices, of_api)
    )
    return Examined(tuple(check for check, _ in found), page, of_api)


class _Verdict(NamedTuple):
    result: str
    reason: str | None

    def check(self, kind: str, subject: str, figures: dict[str, Decimal]) -> Check:
        return Check.model_validate(
            {"kind": kind, "subject": subject, "result": self.result, "reason": self.reason, "figures": figures}
        )


_AGREES = _Verdict("agrees", None)


def _differs(factor: Fraction, reason: str) -> _Verdict:
    contradicted = factor >= SUSPECT_FACTOR or factor * SUSPECT_FACTOR <= 1
    return _Verdict("suspect" if contradicted else "differs", reason)


# --- dollars against points ---------------------------------------------------------------------


def _usd_against_points(price: Price) -> Check:
    usd, points = price.usd, price.points
    if usd is None or points is None:
        missing = "the card gives no points" if points is None else "the card gives no dollars"
        return Check(kind="usd_points", subject=price.subject, result="not_comparable", reason=missing)
    figures = {"usd": usd.amount, "points": points.amount}
    if (usd.max_amount is None) != (points.max_amount is None):
        reason = "one of the two is a range"
        return Check(kind="usd_points", subject=price.subject, result="not_comparable", figures=figures, reason=reason)
    scale = Fraction(points.per.quantity) / Fraction(usd.per.quantity)
    verdict = _compared(usd.amount, points.amount, scale)
    if usd.max_amount is not None and points.max_amount is not None:
        figures = {**figures, "usd_max": usd.max_amount, "points_max": points.max_amount}
        upper = _compared(usd.max_amount, points.max_amount, scale)
        verdict = max(verdict, upper, key=lambda each: ("agrees", "differs", "suspect").index(each.result))
    return verdict.check("usd_points", price.subject, figures)


def _compared(usd: Decimal, points: Decimal, scale: Fraction) -> _Verdict:
    """Whether posted points are what the posted dollars give; conventions of cards agree, and are named."""
    low, high = (bound * scale * Fraction(POINTS_PER_USD) for bound in _rounded_from(usd))
    step = _last_digit(points)
    posted = Fraction(points)
    if usd == 0 or points == 0:
        if usd == points:
            return _AGREES
        explained = posted - step < high if usd == 0 else low <= step
        return _Verdict("differs" if explained else "suspect", "one of the two is free")
    if low <= posted and posted - step < high:
        return _AGREES
    if low - step < posted < low:
        return _Verdict("agrees", _ROUNDED_DOWN)
    other = OTHER_POINTS_PER_USD / Fraction(POINTS_PER_USD)
    if low * other - step < posted < high * other + step:
        return _Verdict("agrees", _33_333)
    factor = posted / (Fraction(usd) * scale * Fraction(POINTS_PER_USD))
    return _differs(factor, f"the points are {_written(factor)} times what the dollars give")


def _last_digit(amount: Decimal) -> Fraction:
    exponent = amount.as_tuple().exponent
    return Fraction(10) ** (exponent if isinstance(exponent, int) and exponent < 0 else 0)


def _rounded_from(amount: Decimal) -> tuple[Fraction, Fraction]:
    """Lowest and highest figure that is `amount` when rounded to its last digit."""
    half = _last_digit(amount) / 2
    return Fraction(amount) - half, Fraction(amount) + half


def _written(factor: Fraction) -> str:
    """A factor with two decimals, or with two significant digits where it is small."""
    return f"{float(factor):,.2f}" if factor >= 1 else f"{float(factor):.2g}"


# --- the API against the card -------------------------------------------------------------------


class _Posted(NamedTuple):
    """A price of the card in dollars per unit: as posted, and what it may have been rounded from."""

    amount: Fraction
    low: Fraction
    high: Fraction
    price: Price

    def times(self, factor: Fraction) -> "_Posted":
        return _Posted(self.amount * factor, self.low * factor, self.high * factor, self.price)


def _api_against_page(
    prices: Sequence[Price], adjustments: Sequence[Adjustment], of_api: Sequence[Price]
) -> Iterator[tuple[Check, Price | None]]:
    if not of_api and not prices:
        return
    if not of_api:
        yield _nothing_to_compare("API price", "the API gives no price")
    elif not prices:
        yield _nothing_to_compare("card price", "there is no price on the card")
    for asked in of_api if prices else ():
        if candidates := _same_as_api(asked.label, prices, adjustments):
            yield _api_against_posted(asked.first, candidates)
        else:
            yield _nothing_to_compare(asked.label, "the card gives no such price")


def _nothing_to_compare(subject: str, reason: str) -> tuple[Check, None]:
    return Check(kind="api_page", subject=subject, result="not_comparable", reason=reason), None


def _api_against_posted(rate: Rate, candidates: Sequence[_Posted]) -> tuple[Check, Price]:
    """The API's price against the card's. If several prices of the card fit, the nearest one counts."""
    api = Fraction(rate.amount)
    low, high = _rounded_from(rate.amount)
    posted = min(candidates, key=lambda each: _distance(each.amount, api))
    verdict = _AGREES
    if api == 0 or posted.amount == 0:
        if api != posted.amount:
            explained = posted.low <= api <= posted.high or low <= posted.amount <= high
            verdict = _Verdict("differs" if explained else "suspect", "one of the two is free")
    elif high < posted.low or posted.high < low:
        factor = posted.amount / api
        verdict = _differs(factor, f"the card's price is {_written(factor)} times the API's")
    figures = {"api": rate.amount, "page": _decimal(posted.amount)}
    return verdict.check("api_page", rate.label, figures), posted.price


def _distance(one: Fraction, other: Fraction) -> Fraction:
    """By which factor two amounts differ; from nothing to something it is the largest there is."""
    if one == other:
        return Fraction(1)
    if one == 0 or other == 0:
        return Fraction(10**40)
    return max(one / other, other / one)


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def _same_as_api(name: str, prices: Sequence[Price], adjustments: Sequence[Adjustment]) -> list[_Posted]:
    """The prices of the card that the API calls `name`; prices of cached tokens also by way of an adjustment."""
    found = [_posted(price) for price in prices if _is_the_apis(name, price)]
    if found or name not in {"input_cache_read", "input_cache_write"}:
        return found
    factors = [factor for item in adjustments if (factor := _cache_factor(name, item)) is not None]
    return [posted.times(factor) for factor in factors for posted in _same_as_api("prompt", prices, ())]


_KIND: dict[str, TokenKind] = {
    "prompt": "input",
    "completion": "output",
    "input_cache_read": "cached",
    "input_cache_write": "cache_write",
}


def _is_the_apis(name: str, price: Price) -> bool:
    if name in _KIND:
        return price.unit == "token" and _KIND[name] in price.kinds and price.is_about_text
    if name == "image":
        return (
            price.unit in {"image", "token"}
            and (price.unit == "image" or "image" in modalities(price.label))
            and not price.is_given
        )
    return name == "request" and price.unit in {"message", "request"} and not price.is_service


def _posted(price: Price) -> _Posted:
    if price.usd is not None:
        quantity = Fraction(price.usd.per.quantity)
        low, high = _rounded_from(price.usd.amount)
        return _Posted(Fraction(price.usd.amount) / quantity, low / quantity, high / quantity, price)
    points = price.first
    per_usd = Fraction(points.per.quantity) * Fraction(POINTS_PER_USD)
    amount = Fraction(points.amount)
    lowest = (amount - _last_digit(points.amount)) * Fraction(POINTS_PER_USD) / OTHER_POINTS_PER_USD
    return _Posted(amount / per_usd, lowest / per_usd, amount / per_usd, price)


def _cache_factor(name: str, adjustment: Adjustment) -> Fraction | None:
    """What input read from or written to the cache costs, as a share of input."""
    if name == "input_cache_read" and isinstance(adjustment, CacheDiscount):
        return 1 - Fraction(adjustment.percent) / 100
    if name == "input_cache_write" and isinstance(adjustment, CacheWriteSurcharge):
        return 1 + Fraction(adjustment.percent) / 100
    return None


# --- the card's prices against each other -------------------------------------------------------

_USUAL_TOKENS: dict[TokenKind, tuple[Fraction, Fraction]] = {
    "output": (Fraction(1, 20), Fraction(100)),
    "cached": (Fraction(1, 200), Fraction(10)),
    "cache_write": (Fraction(1, 10), Fraction(20)),
    "cache_write_surcharge": (Fraction(1, 100), Fraction(10)),
}
"""What a token of text or audio costs in its input tokens, at least and at most: ten times beyond what cards show.

The cards: 389 of October 2026. Output is 1 to 10.1 times the input there, cached input 0.1 to 1, a write 1 to 2.
"""

_USUAL_MODALITIES = (Fraction(1, 200), Fraction(1000))
"""The same for other tokens: an image that is made costs up to 121 times the text or image that is given."""

_USUAL_SIBLINGS = Fraction(100)
"""How far a price may be from the median of the card's prices of the same unit: 25 times is the most there."""

_ENOUGH_SIBLINGS = 3


def _against_neighbours(prices: Sequence[Price]) -> Iterator[tuple[Check, Price]]:
    found = {id(price): (price, reason) for price, reason in _odd_tokens(prices)}
    for price, reason in _odd_siblings(prices):
        found.setdefault(id(price), (price, reason))
    for price, reason in found.values():
        yield _suspect("neighbours", price, reason)


def _suspect(kind: str, price: Price, reason: str) -> tuple[Check, Price]:
    rate = price.first
    figures = {"usd" if rate.currency == "USD" else "points": rate.amount}
    return _Verdict("suspect", reason).check(kind, price.subject, figures), price


def _odd_tokens(prices: Sequence[Price]) -> Iterator[tuple[Price, str]]:
    """Prices of tokens that are out of all proportion to the card's prices of input tokens.

    Of two prices nobody knows which one is wrong: both are suspect. If the card's other prices are in proportion to
    the one and not to the other, only the other is.
    """
    tokens = [price for price in prices if price.unit == "token" and _usd(price)]
    conflicts: dict[int, list[Price]] = {id(price): [] for price in tokens}
    agreeing = dict.fromkeys(conflicts, 0)
    for price in tokens:
        for base in tokens:
            if price is base or base.kinds != {"input"} or price.section != base.section:
                continue
            low, high = _usual(price, base)
            if low <= _usd(price) / _usd(base) <= high:
                agreeing[id(price)] += 1
                agreeing[id(base)] += 1
            else:
                conflicts[id(price)].append(base)
                conflicts[id(base)].append(price)

    def doubt(price: Price) -> int:
        return len(conflicts[id(price)]) - agreeing[id(price)]

    for price in tokens:
        other = min(conflicts[id(price)], key=doubt, default=None)
        if other is not None and doubt(other) <= doubt(price):
            factor = _usd(price) / _usd(other)
            yield price, f"it is {_written(factor)} times the card's price of {other.subject!r}"


def _usual(price: Price, base: Price) -> tuple[Fraction, Fraction]:
    """How many times the price of input tokens a price of tokens may be."""
    named = modalities(price.label) - {"text"}
    if len(price.kinds) == 1 and named == modalities(base.label) - {"text"} and named <= {"audio"}:
        (kind,) = price.kinds
        return _USUAL_TOKENS.get(kind, _USUAL_MODALITIES)
    return _USUAL_MODALITIES


def _odd_siblings(prices: Sequence[Price]) -> Iterator[tuple[Price, str]]:
    """Prices that are far from the median of the card's prices of their unit."""
    by_unit: dict[str | None, list[Price]] = {}
    for price in prices:
        if price.unit != "token" and _usd(price):
            by_unit.setdefault(price.unit, []).append(price)
    for unit, siblings in by_unit.items():
        if len(siblings) < _ENOUGH_SIBLINGS:
            continue
        middle = median(map(_usd, siblings))
        for price in siblings:
            factor = _usd(price) / middle
            if not 1 / _USUAL_SIBLINGS <= factor <= _USUAL_SIBLINGS:
                yield price, f"it is {_written(factor)} times the median of the card's prices per {unit or 'use'}"


def _usd(price: Price) -> Fraction:
    """Dollars per unit, converted where only points are known."""
    rate = price.first
    amount = Fraction(rate.amount) / Fraction(rate.per.quantity)
    return amount if rate.currency == "USD" else amount / Fraction(POINTS_PER_USD)


# --- a price against other cards ----------------------------------------------------------------

_CHEAPEST_AND_DEAREST: dict[str, tuple[str, str]] = {
    "token": ("0.000000001", "0.001"),
    "character": ("0.000001", "0.002"),
    "word": ("0.000005", "0.01"),
    "second": ("0.000001", "30"),
    "minute": ("0.00006", "100"),
    "image": ("0.00001", "30"),
    "megapixel": ("0.00001", "30"),
    "video": ("0.0005", "300"),
    "message": ("0.000001", "100"),
    "request": ("0.000001", "100"),
    "search": ("0.00005", "5"),
    "page": ("0.000001", "10"),
}
"""Dollars per unit that a price may be, at least and at most: ten times beyond the cheapest and dearest of 389 cards
of October 2026, where these had the unit; for words and pages, what follows from characters and messages."""


def _against_other_cards(prices: Sequence[Price]) -> Iterator[tuple[Check, Price]]:
    for price in prices:
        low, high = _CHEAPEST_AND_DEAREST.get(price.unit or "", ("0", "1000"))
        usd = _usd(price)
        if usd and not Fraction(low) <= usd <= Fraction(high):
            bound, word = (high, "more") if usd > Fraction(high) else (low, "less")
            unit = f" per {price.unit}" if price.unit else ""
            yield _suspect("range", price, f"no known card asks {word} than ${bound}{unit}")
