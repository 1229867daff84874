"""Was an account billed what the cards say? The usage history, held against the feed.

Each message is held against the prices of the feed's version that was in force when it was sent. The history
tells points and not quantities, so a verdict is one of three: the bill agrees with the card, lies outside
of what the card lets one expect, or cannot be told. `docs/account.md` says what each rests on.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, reduce
from itertools import groupby
from math import ceil, floor
from operator import or_
from typing import Literal

from poe_scraper.account.endpoints import Usage
from poe_scraper.feed.reader import FeedReader, read_feed
from poe_scraper.feed.store import FeedStore
from poe_scraper.items import (
    Amount,
    Bot,
    CacheDiscount,
    CacheWriteSurcharge,
    ContextTier,
    FreeAllowance,
    Item,
    PlusCalledBots,
    UndisclosedCosts,
    Variable,
)
from poe_scraper.pricing import amounts
from poe_scraper.pricing.choice import folded
from poe_scraper.pricing.kinds import token_kinds, words_of
from poe_scraper.pricing.prices import Price, api_prices, page_prices

Verdict = Literal["agrees", "outside", "cannot_tell"]


class Expected(Item):
    """What a card lets one expect of a message, in points."""

    min: Amount
    """The least."""
    max: Amount | None
    """The most; null where the card sets no end."""


class Finding(Item):
    """A message, held against the card."""

    usage: Usage
    """What was billed."""
    verdict: Verdict
    """`outside` where the bill is not what the card lets one expect."""
    expected: Expected | None = None
    """What that is; null where nothing is known of it."""
    version: int | None = None
    """The version of the feed whose prices were in force; null where there was none."""
    reason: str | None = None
    """Why the bill is outside, or cannot be told; null where it agrees. May quote Poe: untrusted text."""


class BotAudit(Item):
    """What a bot's messages were billed."""

    bot: str
    """The bot's id; where the feed does not have it, its name in the history. Untrusted text."""
    verdict: Verdict
    """`outside` where one message is; else `agrees` where one does."""
    messages: int
    """How many messages there were."""
    outside: int
    """Of these, how many were billed outside of what the card lets one expect."""
    undetermined: int
    """And of how many that cannot be told."""
    points: Amount
    """Points billed in all."""
    least: Amount
    """Points billed for the cheapest message."""
    most: Amount
    """Points billed for the dearest message."""
    expected: Expected | None
    """What the card let one expect of a message, over all of them; null where nothing is known of it."""
    reasons: tuple[str, ...] = ()
    """Why messages are outside, or, where none is, cannot be told; the most frequent first."""
    findings: tuple[Finding, ...] = ()
    """Every message, newest first."""


class Audit(Item):
    """An account's messages, bot by bot."""

    bots: tuple[BotAudit, ...] = ()
    """Those billed outside first, then those that cannot be told; by id within each."""

    @property
    def outside(self) -> tuple[BotAudit, ...]:
        """The bots with a message that was billed outside of what its card let one expect."""
        return tuple(bot for bot in self.bots if bot.verdict == "outside")


def audit(usages: Iterable[Usage], store: FeedStore, current: FeedReader) -> Audit:
    """Hold messages against the prices that were in force when they were sent.

    Args:
        usages: the messages.
        store: the feed's folder.
        current: the current feed.

    Raises:
        FeedError: a version cannot be read.
    """
    messages = sorted(usages, key=lambda usage: (usage.bot.casefold(), -usage.at.timestamp()))
    if not messages:
        return Audit()
    names = {usage.bot.casefold() for usage in messages}
    sightings = _sightings(store, current, names, min(usage.at for usage in messages))
    bots = []
    for name, of_bot in groupby(messages, key=lambda usage: usage.bot.casefold()):
        findings = tuple(_finding(usage, sightings.get(name, ())) for usage in of_bot)
        seen = sightings.get(name)
        bots.append(_summed(seen[-1].bot.id if seen else findings[0].usage.bot, findings))
    return Audit(bots=tuple(sorted(bots, key=lambda bot: (_ORDER[bot.verdict], bot.bot))))


_ORDER: dict[Verdict, int] = {"outside": 0, "cannot_tell": 1, "agrees": 2}


def _summed(bot: str, findings: Sequence[Finding]) -> BotAudit:
    told = Counter(finding.verdict for finding in findings)
    verdict: Verdict = "outside" if told["outside"] else "agrees" if told["agrees"] else "cannot_tell"
    named: Verdict = "outside" if verdict == "outside" else "cannot_tell"
    reasons = Counter(finding.reason for finding in findings if finding.verdict == named and finding.reason)
    billed = [finding.usage.points for finding in findings]
    expected = [finding.expected for finding in findings if finding.expected]
    ends = [each.max for each in expected if each.max is not None]
    return BotAudit(
        bot=bot,
        verdict=verdict,
        messages=len(findings),
        outside=told["outside"],
        undetermined=told["cannot_tell"],
        points=sum(billed, Decimal(0)),
        least=min(billed),
        most=max(billed),
        expected=Expected(min=min(each.min for each in expected), max=max(ends) if len(ends) == len(expected) else None)
        if expected
        else None,
        reasons=tuple(reason for reason, _ in reasons.most_common()),
        findings=tuple(findings),
    )


# --- the price in force ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sighting:
    """A bot's prices from one version on, until the next sighting.

    Args:
        version: the first version that has them.
        since: when it was published.
        confirmed: when they were last seen on Poe.
        bot: the bot.
        points_per_usd: what Poe charged for a dollar.
    """

    version: int
    since: datetime
    confirmed: datetime
    bot: Bot
    points_per_usd: Decimal

    @cached_property
    def card(self) -> "_Card":
        return _Card(self.bot, Fraction(self.points_per_usd))

    def says_the_same(self, other: "_Sighting") -> bool:
        return self._telling == other._telling

    @property
    def _telling(self) -> tuple[object, ...]:
        pricing = self.bot.pricing
        facts = (pricing.rates, pricing.adjustments, pricing.api, pricing.unparsed)
        return (*facts, self.bot.context_window, self.points_per_usd)


def _sightings(
    store: FeedStore, current: FeedReader, names: Iterable[str], oldest: datetime
) -> dict[str, list[_Sighting]]:
    """The prices of some bots from a moment on, oldest first. Reads each version that is needed once."""
    # The current feed says when the newest version's prices were last seen.
    found = {name: [_sighting(current, bot)] for name in names if (bot := current.get(name))}
    for number in reversed([number for number in store.versions() if number <= current.version]):
        feed = read_feed(store.version_file(number))
        for name in names:
            if bot := feed.get(name):
                found.setdefault(name, []).append(_sighting(feed, bot))
        if feed.generated_at <= oldest:
            break
    return {name: _merged(seen[::-1]) for name, seen in found.items()}


def _sighting(feed: FeedReader, bot: Bot) -> _Sighting:
    page, catalog = bot.observed.page, bot.observed.catalog
    evidence = page if bot.pricing.rates and page else catalog or page
    confirmed = evidence.at if evidence else feed.generated_at
    return _Sighting(feed.version, feed.generated_at, confirmed, bot, feed.points_per_usd)


def _merged(sightings: Sequence[_Sighting]) -> list[_Sighting]:
    """Sightings in a row that say the same, as one."""
    merged: list[_Sighting] = []
    for sighting in sightings:
        if merged and merged[-1].says_the_same(sighting):
            merged[-1] = replace(merged[-1], confirmed=max(merged[-1].confirmed, sighting.confirmed))
        else:
            merged.append(sighting)
    return merged


_STALE = timedelta(days=1)
"""A message this much younger than the last look at a price may have met another price."""


def _finding(usage: Usage, sightings: Sequence[_Sighting]) -> Finding:
    if not sightings:
        return Finding(usage=usage, verdict="cannot_tell", reason="the feed has no such bot")
    in_force = [sighting for sighting in sightings if sighting.since <= usage.at]
    if not in_force:
        first = sightings[0]
        reason = f"the feed has its prices only from {first.since:%Y-%m-%d %H:%M} UTC on (version {first.version})"
        return Finding(usage=usage, verdict="cannot_tell", reason=reason)
    sighting = in_force[-1]
    judged = sighting.card.judge(usage)
    if judged.verdict == "outside" and len(in_force) < len(sightings):
        later = sightings[len(in_force)]
        unseen = usage.at > sighting.confirmed
        if unseen and later.card.judge(usage).verdict != "outside":
            reason = f"it fits the prices of version {later.version}: when they changed, nobody saw"
            judged = replace(judged, verdict="cannot_tell", reason=reason)
    elif judged.verdict == "outside" and usage.at - sighting.confirmed > _STALE:
        judged = replace(judged, reason=f"{judged.reason}; prices last seen {sighting.confirmed:%Y-%m-%d}")
    return Finding(
        usage=usage,
        verdict=judged.verdict,
        expected=judged.expected,
        version=sighting.version,
        reason=judged.reason,
    )


# --- a card against a bill ---------------------------------------------------------------------


@dataclass(frozen=True)
class _Span:
    """Points from least to most; no end where most is None."""

    least: int
    most: int | None

    def __add__(self, other: "_Span") -> "_Span":
        most = None if self.most is None or other.most is None else self.most + other.most
        return _Span(self.least + other.least, most)

    def __or__(self, other: "_Span") -> "_Span":
        most = None if self.most is None or other.most is None else max(self.most, other.most)
        return _Span(min(self.least, other.least), most)

    def __contains__(self, points: object) -> bool:
        return isinstance(points, Decimal) and self.least <= points and (self.most is None or points <= self.most)


@dataclass(frozen=True)
class _Judged:
    verdict: Verdict
    span: _Span | None = None
    reason: str | None = None

    @property
    def expected(self) -> Expected | None:
        if self.span is None:
            return None
        most = None if self.span.most is None else Decimal(self.span.most)
        return Expected(min=Decimal(self.span.least), max=most)


_MEASURED = frozenset(
    {"token", "character", "word", "second", "minute", "hour", "megapixel", "kilobyte", "megabyte", "step"}
)
"""Units that a message uses any amount of. Others are counted in whole numbers."""


@dataclass(frozen=True)
class _Charge:
    """What one price can come to in a message.

    Args:
        price: of the card or the API.
        low: the least that one unit costs, in points, before rounding.
        high: the most; None where the card sets no end.
        above_low: whether a unit costs more than `low`, not just as much.
        units: the most units that a message can use; None where nobody knows.
    """

    price: Price
    low: Fraction
    high: Fraction | None
    above_low: bool
    units: Fraction | None

    @property
    def measured(self) -> bool:
        return self.price.unit in _MEASURED

    @property
    def bounded(self) -> bool:
        """Whether a bill can be too high for it."""
        return self.high is not None and (self.high == 0 or not self.measured or self.units is not None)

    @property
    def told(self) -> str:
        """What one message, or one counted unit, costs."""
        each = _figures(self.span())
        return each if self.measured or self.units is not None else f"{each} per {self.price.unit}"

    def span(self, count: int = 1) -> _Span:
        """What so many units come to; for a measured unit, what any amount does."""
        if self.high == 0:
            return _Span(0, 0)
        if self.measured:
            most = ceil(self.high * self.units) if self.high is not None and self.units is not None else None
            return _Span(floor(self.low) if self.price.unit == "token" else 0, most)
        least = self.low * count
        exact = floor(least) + 1 if self.above_low else ceil(least)
        return _Span(exact, None if self.high is None else ceil(self.high * count))

    def whole(self) -> _Span:
        """What any number of units comes to."""
        if self.measured or self.units is not None:
            return self.span()
        return replace(self.span(), most=0 if self.high == 0 else None)

    def nearest(self, points: Decimal) -> _Span:
        """What the number of units comes to that fits a bill best."""
        if self.measured or not self.high or points <= 1:
            return self.span()
        # n units cost at most n * high, rounded up: this is the smallest n that is enough
        count = floor((Fraction(points) - 1) / self.high) + 1
        return self.span(max(1, count if self.units is None else min(count, int(self.units))))


class _Card:
    """What a bot's prices let one expect of a bill."""

    def __init__(self, bot: Bot, points_per_usd: Fraction) -> None:
        self._bot = bot
        self._points_per_usd = points_per_usd
        self._adjustments = bot.pricing.adjustments
        self._page = [self._charge(price) for price in page_prices(bot.pricing.rates)]
        self._api = [self._charge(price) for price in api_prices(bot.pricing.api)]

    def judge(self, usage: Usage) -> _Judged:
        """Hold a bill against the prices."""
        if unknown := self._unknown():
            return _Judged("cannot_tell", reason=unknown)
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

    def _softened(self, judged: _Judged, points: Decimal) -> _Judged:
        """What adjustments that no figure bounds leave of a verdict."""
        kinds = {type(adjustment) for adjustment in self._adjustments}
        span, reason = judged.span, None
        if span and FreeAllowance in kinds and judged.verdict != "agrees":
            span, reason = replace(span, least=0), "some of it may have been free"
        if span and PlusCalledBots in kinds:
            span, reason = replace(span, most=None), "the bots that it calls cost extra"
        if span is None or reason is None:
            return judged
        if points not in span:
            return replace(judged, span=span)
        return _Judged("cannot_tell", span, reason)

    # --- with a breakdown

    def _of_parts(self, usage: Usage) -> _Judged:
        parts = {label: points for label, points in usage.parts.items() if points is not None}
        if len(parts) < len(usage.parts):
            return _Judged("cannot_tell", reason="its breakdown is not understood")
        if not any(parts.values()):
            return self._of_whole(usage.points)
        span = _Span(0, 0)
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
        if abs(total - usage.points) > len(parts) - 1:  # each is a rounded figure
            wrong = wrong or f"its parts come to {amounts.number(total)}"
        if wrong:
            return _Judged("outside", span, wrong)
        if doubts:
            return _Judged("cannot_tell", span, doubts[0])
        return _Judged("agrees", span)

    def _charges_for(self, label: str) -> list[_Charge]:
        """The prices that a part may have been billed with: of the card, else of the API."""
        for adjustment in self._adjustments:
            if isinstance(adjustment, Variable) and folded(adjustment.label) == folded(label):
                return []
        return _named(label, self._page) or _named(label, self._api)

    # --- without one

    def _of_whole(self, points: Decimal) -> _Judged:
        charges = self._page or self._api
        if any(charge.measured for charge in charges):
            return self._of_measured(charges, points)
        span = _any_of(charges)
        if len(charges) > 1 and span.most is not None:  # each may have been billed once
            span = replace(span, most=sum(charge.span().most or 0 for charge in charges))
        judged = _of_one(charges, points)
        if judged.verdict == "outside" and len(charges) > 1:
            if points in span:
                return _Judged("cannot_tell", span, f"which of its {len(charges)} prices were billed is not told")
            return _Judged("outside", span, f"expected {_figures(span)}")
        return judged

    def _of_measured(self, charges: Sequence[_Charge], points: Decimal) -> _Judged:
        spans: dict[bool, _Span] = {}  # what goes in and what comes out have limits of their own
        extra = _Span(0, 0)
        for charge in charges:
            if charge.price.unit == "token":
                comes_out = "output" in charge.price.kinds
                spans[comes_out] = spans[comes_out] | charge.span() if comes_out in spans else charge.span()
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
            return _Judged("outside", span, f"expected {_figures(span)}")
        if span.most is None:
            return _Judged("cannot_tell", span, _endless(charges))
        return _Judged("agrees", span)

    # --- prices

    def _charge(self, price: Price) -> _Charge:
        low, high, above_low = self._each(price)
        if price.unit != "token":
            return _Charge(price, low, high, above_low, Fraction(1) if price.unit == "message" else None)
        units = self._most_tokens(price)
        cheaper, dearer = self._factors(price)
        return _Charge(price, low * cheaper, None if high is None else high * dearer, above_low, units)

    def _each(self, price: Price) -> tuple[Fraction, Fraction | None, bool]:
        """What one unit costs before rounding, in points: least and most, and whether it is more than the least.

        Points are posted rounded up to their last digit, dollars are rounded to theirs.
        """
        rate = price.points or price.usd
        assert rate is not None  # noqa: S101 - a price is known in one currency at least
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
        """The least and the most that adjustments can multiply a price of tokens with."""
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


def _of_one(charges: Sequence[_Charge], points: Decimal) -> _Judged:
    """Points that one of several prices was billed with."""
    fitting = [(charge, span) for charge in charges if points in (span := charge.nearest(points))]
    for charge, span in fitting:
        if charge.bounded:
            return _Judged("agrees", span)
    if fitting:
        charge, span = fitting[0]
        return _Judged("cannot_tell", span, _endless([charge]))
    span = _any_of(charges)
    if any(charge.price.unit is None for charge in charges):
        return _Judged("cannot_tell", span, "its card does not say what its price is for")
    return _Judged("outside", span, "expected " + " or ".join(dict.fromkeys(charge.told for charge in charges)))


def _any_of(charges: Sequence[_Charge]) -> _Span:
    """What any number of units comes to, with one of several prices."""
    return reduce(or_, (charge.whole() for charge in charges))


def _endless(charges: Iterable[_Charge]) -> str:
    """Why no bill can be too high for these prices."""
    for charge in charges:
        if charge.high is None:
            return "its card gives the least price only"
        if charge.units is None and charge.high != 0:
            known = ", and the feed has no length of its context" if charge.price.unit == "token" else ""
            return f"how many {charge.price.unit or 'use'}s were billed is not told{known}"
    return "its card calls a price variable"


def _named(label: str, charges: Sequence[_Charge]) -> list[_Charge]:
    """The charges that the label of a part names: by theirs, by a counted unit, or by a kind of tokens."""
    same = [charge for charge in charges if folded(charge.price.label) == folded(label)]
    if same:
        return same
    words = {word.removesuffix("s") for word in words_of(label)}
    by_unit = [charge for charge in charges if charge.price.unit not in {None, "token"} and charge.price.unit in words]
    if by_unit:
        return by_unit
    kinds = token_kinds(label)
    tokens = [charge for charge in charges if charge.price.unit == "token"]
    # where the card has no price of its own for cached input, input's and the adjustments say what it is
    return [charge for charge in tokens if kinds & charge.price.kinds] or [
        charge for charge in tokens if kinds - {"output"} and "input" in charge.price.kinds
    ]


def _last_digit(amount: Decimal) -> Fraction:
    exponent = amount.as_tuple().exponent
    return Fraction(10) ** min(exponent, 0) if isinstance(exponent, int) else Fraction(1)


def _figures(span: _Span) -> str:
    if span.most is None:
        return f"from {span.least:,}"
    return f"{span.least:,}" if span.least == span.most else f"{span.least:,}-{span.most:,}"
