"""Prices that hold from or until a date, such as `{"effective": "from Dec 1"}`."""

import re
from calendar import monthrange
from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from poe_scraper.items import Rate
from poe_scraper.pricing.prices import Price, identity

ATTRIBUTE = "effective"
"""The attribute of a rate that says from or until when it holds."""

_MONTHS = {
    name[:length]: number
    for number, name in enumerate(
        (
            "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
            "november", "december",
        ),
        start=1,
    )
    for length in {3, len(name), 4 if name == "september" else 3}
}  # fmt: skip
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DATE = re.compile(
    rf"""
    (?P<iso> \d{{4}}-\d{{1,2}}-\d{{1,2}} )
    | (?: (?P<day> \d{{1,2}} ) (?:st|nd|rd|th)? \s+ (?:of\s+)? )?
      \b (?P<month> {_MONTH} ) \b \.?
      (?: \s* (?P<day_after> \d{{1,2}} ) (?:st|nd|rd|th)? \b )?
      (?: ,?\s* (?P<year> \d{{4}} ) )?
    """,
    re.VERBOSE,
)
_END = re.compile(r"\b(until|till|through|thru|before|up to|ends?|ending|expires?)\b")


class Period(NamedTuple):
    """When a price holds: from `start` to `end`, both included; None for no limit."""

    start: date | None
    end: date | None


def period(text: str, seen: date) -> Period:
    """When a price holds, as its attribute says.

    A month without a year is the one nearest to the day the card was read. A start that is not a date
    (`from next month`) is `date.max`: such a price does not hold yet. An end that is not a date is no limit.

    Args:
        text: the attribute, such as `from Dec 1` or `until 2026-12-31`.
        seen: the day the card was read.
    """
    text = text.casefold()
    dates = list(_DATE.finditer(text))
    if len(dates) > 1:
        return Period(_day(dates[0], seen, last=False), _day(dates[1], seen, last=True))
    ending = _END.search(text)
    if not dates:
        return Period(None if ending else date.max, None)
    if ending and ending.start() < dates[0].start():
        end = _day(dates[0], seen, last=ending[1] != "before")
        return Period(None, end - timedelta(days=1) if end and ending[1] == "before" else end)
    return Period(_day(dates[0], seen, last=False), None)


def _day(found: re.Match[str], seen: date, *, last: bool) -> date | None:
    """The date; of a month without a day, its first or last day. None if there is no such day."""
    try:
        if found["iso"]:
            return date(*map(int, found["iso"].split("-")))
        month = _MONTHS[found["month"]]
        years = [int(found["year"])] if found["year"] else [seen.year - 1, seen.year, seen.year + 1]
        day = found["day"] or found["day_after"]
        dates = [date(year, month, int(day) if day else monthrange(year, month)[1] if last else 1) for year in years]
    except ValueError:
        return None
    return min(dates, key=lambda each: abs(each - seen))


def holds(rate: Rate, seen: date, on: date) -> bool:
    """True if a rate, read from its card on the day `seen`, holds on the day `on`."""
    start, end = _period_of(rate, seen)
    return (start is None or start <= on) and (end is None or on <= end)


def in_force(prices: Iterable[Price], seen: date, on: date) -> list[Price]:
    """The prices that hold on a day, in their order.

    Of several prices that differ in nothing but their dates, the one that began last holds.

    Args:
        prices: of a card.
        seen: the day the card was read.
        on: the day.
    """
    holding = [price for price in prices if holds(price.first, seen, on)]
    if not any(_effective(price.first) for price in holding):
        return holding
    newest: dict[object, date] = {}
    for price in holding:
        key = _timeless(price)
        newest[key] = max(newest.get(key, date.min), _start(price, seen))
    return [price for price in holding if _start(price, seen) == newest[_timeless(price)]]


def _start(price: Price, seen: date) -> date:
    return _period_of(price.first, seen).start or date.min


def _period_of(rate: Rate, seen: date) -> Period:
    text = _effective(rate)
    return Period(None, None) if text is None else period(text, seen)


def _effective(rate: Rate) -> str | None:
    return next((value for name, value in rate.attributes.items() if name.casefold() == ATTRIBUTE), None)


def _timeless(price: Price) -> object:
    rate = price.first
    attributes = {name: value for name, value in rate.attributes.items() if name.casefold() != ATTRIBUTE}
    return identity(rate.model_copy(update={"attributes": attributes}))
