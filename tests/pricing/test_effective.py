"""Prices that hold from or until a date."""

from datetime import date

import pytest

from poe_scraper.items import Rate
from poe_scraper.pricing.effective import Period, in_force, period
from poe_scraper.pricing.prices import page_prices
from poe_scraper.pricing.primary import primary_price

SEEN = date(2026, 11, 25)
MAX = date.max


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("from Dec 1", date(2026, 12, 1), None),
        ("From 1 December 2026", date(2026, 12, 1), None),
        ("starting January 15th", date(2027, 1, 15), None),
        ("since Oct. 3", date(2026, 10, 3), None),
        ("from 2027-02-01", date(2027, 2, 1), None),
        ("effective Feb 2027", date(2027, 2, 1), None),
        ("until Dec 1", None, date(2026, 12, 1)),
        ("through December", None, date(2026, 12, 31)),
        ("before 2027-01-01", None, date(2026, 12, 31)),
        ("until the 5th of May", None, date(2027, 5, 5)),
        ("from Dec 1 to Dec 24", date(2026, 12, 1), date(2026, 12, 24)),
        ("from next month", MAX, None),
        ("until further notice", None, None),
        ("until Feb 30", None, None),
    ],
)
def test_periods(text: str, start: date | None, end: date | None) -> None:
    assert period(text, SEEN) == Period(start, end)


def rates(*of: tuple[str, str | None]) -> list[Rate]:
    return [
        Rate.model_validate(
            {
                "label": "Image",
                "currency": "points",
                "amount": amount,
                "per": {"unit": "image"},
                "attributes": {"effective": words} if words else {},
            }
        )
        for amount, words in of
    ]


def amounts(on: date, *of: tuple[str, str | None]) -> list[str]:
    return [str(price.first.amount) for price in in_force(page_prices(rates(*of)), SEEN, on)]


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (date(2026, 11, 30), ["100"]),
        (date(2026, 12, 1), ["200"]),
        (date(2027, 6, 1), ["200"]),
    ],
)
def test_the_price_that_began_last_holds(on: date, expected: list[str]) -> None:
    assert amounts(on, ("100", None), ("200", "from Dec 1")) == expected
    assert amounts(on, ("200", "from Dec 1"), ("100", "until Nov 30")) == expected


@pytest.mark.parametrize(
    ("on", "amount"), [(date(2026, 11, 30), 100), (date(2026, 12, 1), 200)], ids=["before", "from then on"]
)
def test_a_price_is_not_primary_before_its_date(on: date, amount: int) -> None:
    prices = page_prices(rates(("200", "from Dec 1"), ("100", None)))
    found = primary_price(prices, seen=SEEN, on=on)

    assert found is not None
    assert found.points == amount


def test_a_price_of_the_future_alone_is_not_primary() -> None:
    assert primary_price(page_prices(rates(("200", "from next month"))), seen=SEEN) is None
