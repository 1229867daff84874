"""The charges that a bot's prices allow for a message, and the verdict on an actual charge."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from math import ceil, floor
from operator import or_
from typing import Literal

from poe_scraper.account.endpoints import Usage
from poe_scraper.items import (
    Amount,
    Bot,
    CacheDiscount,
    CacheWriteSurcharge,
    ContextTier,
    FreeAllowance,
    Item,
    UndisclosedCosts,
    Variable,
)
from poe_scraper.pricing import amounts
from poe_scraper.pricing.bill import caveat
from poe_scraper.pricing.choice import folded
from poe_scraper.pricing.kinds import token_kinds, words_of
from poe_scraper.pricing.prices import Price, api_prices, page_prices

Verdict = Literal["agrees", "outside", "cannot_tell"]


class Expected(Item):
    """The range of points that a card allows for a message."""

    min: Amount
    """The minimum."""
    max: Amount | None
    """The maximum; null if the card sets no limit."""


@dataclass(frozen=True)
class Span:
    """A range of points, both ends included; unlimited if `most` is None."""

    least: int
    most: int | None

    def __add__(self, other: "Span") -> "Span":
        most = None if self.most is None or other.most is None else self.most + other.most
        return Span(self.least + other.least, most)

    def __or__(self, other: "Span") -> "Span":
        most = None if self.most is None or other.most is None else max(self.most, other.most)
        return Span(min(self.least, other.least), most)

    def __contains__(self, points: object) -> bool:
        return isinstance(points, Decimal) and self.least <= points and (self.most is None or points <= self.most)


@dataclass(frozen=True)
class Judgement:
    """The result of comparing a charge with the prices.

    Args:
        verdict: the verdict.
        span: the range that the prices allow; None if unknown.
        reason: why the charge is outside or cannot be judged.
    """

    verdict: Verdict
    span: Span | None = None
    reason: str | None = None

    @property
    def expected(self) -> Expected | None:
        """The span as it is published."""
        if self.span is None:
            return None
        most = None if self.span.most is None else Decimal(self.span.most)
        return Expected(min=Decimal(self.span.least), max=most)


_MEASURED = frozenset(
    {"token", "character", "word", "second", "minute", "hour", "megapixel", "kilobyte", "megabyte", "step"}
)
"""Units of which a message can use any amount. Others are counted in whole numbers."""


@dataclass(frozen=True)
class Charge:
    """The charges that one price allows for a message.

    Args:
        price: a price from the card or the API.
        low: minimum cost of one unit in points, before rounding.
        high: maximum cost of one unit; None if the card sets no limit.
        above_low: True if a unit costs strictly more than `low`.
        units: maximum number of units in a message; None if unknown.
    """

    price: Price
    low: Fraction
    high: Fraction | None
    above_low: bool
    units: Fraction | None

    @property
    def measured(self) -> bool:
        """True if a message can use any amount of the unit, False if only whole numbers."""
        return self.price.unit in _MEASURED

    @property
    def bounded(self) -> bool:
        """True if there is a maximum charge."""
        return self.high is not None and (self.high == 0 or not self.measured or self.units is not None)

    @property
    def text(self) -> str:
        """The cost of one message or one counted unit, as text."""
        each = _figures(self.span())
        return each if self.measured or self.units is not None else f"{each} per {self.price.unit}"

    def span(self, count: int = 1) -> Span:
        """The charge for a number of units; for a measured unit, for any amount."""
        if self.high == 0:
            return Span(0, 0)
        if self.measured:
            most = ceil(self.high * self.units) if self.high is not None and self.units is not None else None
            return Span(floor(self.low) if self.price.unit == "token" else 0, most)
        least = self.low * count
        exact = floor(least) + 1 if self.above_low else ceil(least)
        return Span(exact, None if self.high is None else ceil(self.high * count))

    def whole(self) -> Span:
        """The charge for any number of units."""
        if self.measured or self.units is not None:
            return self.span()
        return replace(self.span(), most=0 if self.high == 0 else None)

    def nearest(self, points: Decimal) -> Span:
        """The charge for the number of units that fits an actual charge best."""
        if self.measured or not self.high or points <= 1:
            return self.span()
        # n units cost at most n * high, rounded up: this is the smallest n that reaches the charge
        count = floor((Fraction(points) - 1) / self.high) + 1
        return self.span(max(1, count if self.units is None else min(count, int(self.units))))


class BillExpectations:
    """The charges that a bot's prices allow."""

    def __init__(self, bot: Bot, points_per_usd: Fraction) -> None:
        self._bot = bot
        self._points_per_usd = points_per_usd
        self._adjustments = bot.pricing.adjustments
        self._page = [self._charge(price) for price in page_prices(bot.pricing.rates)]
        self._api = [self._charge(price) for price in api_prices(bot.pricing.api)]

    def judge(self, usage: Usage) -> Judgement:
        """Compare an actual charge with the prices."""
        if unknown := self._unknown():
            return Judgement("cannot_tell", reason=unknown)
        judged = self._of_parts(usage) if usage.parts else self._of_whole(usage.points)
        judged = self._softened(judged, usage.points)
        if judged.verdict != "outside":
            return judged
        return replace(judged, reason=f"billed {amounts.number(usage.points)}: {judged.reason}")

    def _unknown(self) -> str | None:
        if any(isinstance(adjustment, UndisclosedCosts) for adjustment in self._adjustments):
            return "its creator charges costs that the card does not disclose"
        if self._bot.pricing.unparsed:
            return "its card holds an amount that could not be read"
        if not self._page and not self._api:
            return "no price of it is known"
        if any(rate.bound == "about" for rate in self._bot.pricing.rates):
            return "its card gives typical prices only"
        return None

    def _softened(self, judged: Judgement, points: Decimal) -> Judgement:
        """Weaken a verdict if the bot has adjustments whose effect is unknown."""
        span, reason = judged.span, None
        if span and judged.verdict != "agrees" and any(isinstance(item, FreeAllowance) for item in self._adjustments):
            span, reason = replace(span, least=0), "some of it may have been free"
        for item in self._adjustments if span else ():
            if span and (found := caveat(item)):
                bound, reason = found
                span = replace(
                    span,
                    least=span.least if bound == "from" else 0,
                    most=span.most if bound == "up_to" else None,
                )
        if span is None or reason is None:
            return judged
        if points not in span:
            return replace(judged, span=span)
        return Judgement("cannot_tell", span, reason)

    # --- with a breakdown

    def _of_parts(self, usage: Usage) -> Judgement:
        parts = {label: points for label, points in usage.parts.items() if points is not None}
        if len(parts) < len(usage.parts):
            return Judgement("cannot_tell", reason="its breakdown cannot be parsed")
        if not any(parts.values()):
            return self._of_whole(usage.points)
        span = Span(0, 0)
        doubts = []
        wrong = None
        for label, points in parts.items():
            if points == 0:
                continue
            charges = self._charges_for(label)
            if not charges:
                if all(charge.price.unit == "message" for charge in self._page or self._api):
                    return self._of_whole(usage.points)
                doubts.append(f"its card has no price for the part {label!r}")
                span = replace(span, most=None)
                continue
            judged = _of_one(charges, points)
            span = span + judged.span if judged.span else replace(span, most=None)
            if judged.verdict == "outside":
                wrong = wrong or f"{amounts.number(points)} for the part {label!r}, {judged.reason}"
            elif judged.reason:
                doubts.append(judged.reason)
        total = sum(parts.values(), Decimal(0))
        if abs(total - usage.points) > len(parts) - 1:  # each part is rounded
            wrong = wrong or f"its parts add up to {amounts.number(total)}"
        if wrong:
            return Judgement("outside", span, wrong)
        if doubts:
            return Judgement("cannot_tell", span, doubts[0])
        return Judgement("agrees", span)

    def _charges_for(self, label: str) -> list[Charge]:
        """The prices that a part may have been billed at: from the card, else from the API."""
        for adjustment in self._adjustments:
            if isinstance(adjustment, Variable) and folded(adjustment.label) == folded(label):
                return []
        return _named(label, self._page) or _named(label, self._api)

    # --- without a breakdown

    def _of_whole(self, points: Decimal) -> Judgement:
        charges = self._page or self._api
        if any(charge.measured for charge in charges):
            return self._of_measured(charges, points)
        span = _any_of(charges)
        if len(charges) > 1 and span.most is not None:  # each may have been billed once
            span = replace(span, most=sum(charge.span().most or 0 for charge in charges))
        judged = _of_one(charges, points)
        if judged.verdict == "outside" and len(charges) > 1:
            if points in span:
                return Judgement("cannot_tell", span, f"it is not known which of its {len(charges)} prices were billed")
            return Judgement("outside", span, f"expected {_figures(span)}")
        return judged

    def _of_measured(self, charges: Sequence[Charge], points: Decimal) -> Judgement:
        spans: dict[bool, Span] = {}  # input and output have separate limits
        extra = Span(0, 0)
        for charge in charges:
            if charge.price.unit == "token":
                is_output = "output" in charge.price.kinds
                spans[is_output] = spans[is_output] | charge.span() if is_output in spans else charge.span()
            else:
                extra += replace(charge.whole(), least=0)
        span = extra
        for side in spans.values():
            span += side
        if any(isinstance(adjustment, Variable) for adjustment in self._adjustments):
            span = replace(span, most=None)
        if all(charge.low > 0 for charge in charges):
            span = replace(span, least=max(1, span.least))  # charges are rounded up
        if points not in span:
            return Judgement("outside", span, f"expected {_figures(span)}")
        if span.most is None:
            return Judgement("cannot_tell", span, _unlimited(charges))
        return Judgement("agrees", span)

    # --- prices

    def _charge(self, price: Price) -> Charge:
        low, high, above_low = self._each(price)
        if price.unit != "token":
            return Charge(price, low, high, above_low, Fraction(1) if price.unit == "message" else None)
        units = self._most_tokens(price)
        cheaper, dearer = self._factors(price)
        return Charge(price, low * cheaper, None if high is None else high * dearer, above_low, units)

    def _each(self, price: Price) -> tuple[Fraction, Fraction | None, bool]:
        """The cost of one unit in points before rounding: minimum, maximum, and True if it exceeds the minimum.

        Prices in points are rounded up to their last digit, prices in dollars to the nearest.
        """
        rate = price.points or price.usd
        assert rate is not None  # noqa: S101 - a price has at least one currency
        factor = 1 / Fraction(rate.per.quantity)
        if rate.currency == "points":
            below, above = _last_digit(rate.amount), Fraction(0)
        else:
            below = above = _last_digit(rate.amount) / 2
            factor *= self._points_per_usd
        top = Fraction(rate.amount if rate.max_amount is None else rate.max_amount)
        bottom = rate.bound == "up_to" or rate.amount == 0
        low = Fraction(0) if bottom else max(Fraction(rate.amount) - below, Fraction(0))
        high = None if rate.bound == "from" else (top + above if top else Fraction(0)) * factor
        return low * factor, high, rate.currency == "points" and not bottom

    def _most_tokens(self, price: Price) -> Fraction | None:
        window = self._bot.context_window
        if window is None:
            return None
        most = window.context_length
        if "output" in price.kinds and "input" not in price.kinds:
            most = window.max_output_tokens or window.context_length
        return None if most is None else Fraction(most)

    def _factors(self, price: Price) -> tuple[Fraction, Fraction]:
        """The smallest and the largest factor that adjustments can apply to a price for tokens."""
        context = self._bot.context_window.context_length if self._bot.context_window else None
        tiers = [Fraction(1)]
        cheapest, dearest = Fraction(1), Fraction(1)
        for item in self._adjustments:
            match item:
                case ContextTier() if context is None or context > item.min_tokens:
                    if "output" in price.kinds and item.output_multiplier is not None:
                        tiers.append(Fraction(item.output_multiplier))
                    if price.kinds - {"output"} and item.input_multiplier is not None:
                        tiers.append(Fraction(item.input_multiplier))
                case CacheDiscount() if "input" in price.kinds:
                    factor = 1 - Fraction(item.percent) / 100
                    cheapest = min(cheapest, factor)
                case CacheWriteSurcharge() if "input" in price.kinds:
                    factor = 1 + Fraction(item.percent) / 100
                    dearest = max(dearest, factor)
        return cheapest * min(tiers), dearest * max(tiers)


def _of_one(charges: Sequence[Charge], points: Decimal) -> Judgement:
    """Compare points with several prices, one of which they were billed at."""
    fitting = [(charge, span) for charge in charges if points in (span := charge.nearest(points))]
    for charge, span in fitting:
        if charge.bounded:
            return Judgement("agrees", span)
    if fitting:
        charge, span = fitting[0]
        return Judgement("cannot_tell", span, _unlimited([charge]))
    span = _any_of(charges)
    if any(charge.price.unit is None for charge in charges):
        return Judgement("cannot_tell", span, "its card does not say what its price is for")
    return Judgement("outside", span, "expected " + " or ".join(dict.fromkeys(charge.text for charge in charges)))


def _any_of(charges: Sequence[Charge]) -> Span:
    """The charge for any number of units at one of several prices."""
    return reduce(or_, (charge.whole() for charge in charges))


def _unlimited(charges: Iterable[Charge]) -> str:
    """Why there is no maximum charge for these prices."""
    for charge in charges:
        if charge.high is None:
            return "its card gives only a minimum price"
        if charge.units is None and charge.high != 0:
            known = ", and the feed does not know its context length" if charge.price.unit == "token" else ""
            return f"the number of {charge.price.unit or 'use'}s billed is not known{known}"
    return "its card says that a price varies"


def _named(label: str, charges: Sequence[Charge]) -> list[Charge]:
    """The charges that a part's label refers to: by their label, by a counted unit, or by a kind of tokens."""
    same = [charge for charge in charges if folded(charge.price.label) == folded(label)]
    if same:
        return same
    words = {word.removesuffix("s") for word in words_of(label)}
    by_unit = [charge for charge in charges if charge.price.unit not in {None, "token"} and charge.price.unit in words]
    if by_unit:
        return by_unit
    kinds = token_kinds(label)
    tokens = [charge for charge in charges if charge.price.unit == "token"]
    # if the card has no price for cached input, its price follows from that of input and the adjustments
    return [charge for charge in tokens if kinds & charge.price.kinds] or [
        charge for charge in tokens if kinds - {"output"} and "input" in charge.price.kinds
    ]


def _last_digit(amount: Decimal) -> Fraction:
    exponent = amount.as_tuple().exponent
    return Fraction(10) ** min(exponent, 0) if isinstance(exponent, int) else Fraction(1)


def _figures(span: Span) -> str:
    if span.most is None:
        return f"from {span.least:,}"
    return f"{span.least:,}" if span.least == span.most else f"{span.least:,}-{span.most:,}"
