"""What a price is: its kind, its identity, and the pairing of dollars and points."""

from decimal import Decimal
from typing import Any

import pytest

from poe_scraper.items import ApiPricing, Rate
from poe_scraper.pricing.kinds import is_given, token_kinds
from poe_scraper.pricing.prices import Price, api_rates, identity, page_prices
from poe_scraper.rates import read_card


def rate(label: str, currency: str = "USD", amount: str = "1", **more: Any) -> Rate:
    return Rate.model_validate({"label": label, "currency": currency, "amount": amount, **more})


@pytest.mark.parametrize(
    ("label", "kinds"),
    [
        ("Input (text)", {"input"}),
        ("Inputs", {"input"}),
        ("Prompt", {"input"}),
        ("Outputs", {"output"}),
        ("Completion tokens", {"output"}),
        ("Input/Output", {"input", "output"}),
        ("Cached input", {"cached"}),
        ("Cache read", {"cached"}),
        ("Cache creation", {"cache_write"}),
        ("Cache writes (5 minutes)", {"cache_write"}),
        ("Cache write surcharge", {"cache_write_surcharge"}),
        ("Cache storage", set()),
        ("Cached output", set()),
        ("Reasoning tokens", set()),
    ],
)
def test_kinds_of_tokens(label: str, kinds: set[str]) -> None:
    assert token_kinds(label) == kinds


def test_the_most_specific_text_tells_the_kind() -> None:
    assert token_kinds("Text", "Output", "Input Token Pricing") == {"output"}


@pytest.mark.parametrize(
    ("label", "qualifier", "attributes", "section", "given"),
    [
        ("Image input", None, {}, None, True),
        ("Reference image", None, {}, None, True),
        ("Uploads", None, {}, None, True),
        ("Image", "input", {}, None, True),
        ("Image", None, {}, "Input costs", True),
        ("Image", None, {"Direction": "Input"}, None, True),
        ("Image output", None, {}, "Inputs", False),
        ("Image", None, {}, None, False),
        ("480p", None, {}, "With video input", False),
        ("480p", None, {}, "Video input and output", False),
        ("Video without image input", None, {}, None, False),
    ],
)
def test_what_is_given_to_a_bot(
    label: str, qualifier: str | None, attributes: dict[str, str], section: str | None, given: bool
) -> None:
    assert is_given(label, qualifier, attributes, section) is given


def pairs(*rates: Rate) -> list[tuple[str | None, str | None]]:
    def amount(rate: Rate | None) -> str | None:
        return None if rate is None else str(rate.amount)

    return [(amount(price.usd), amount(price.points)) for price in page_prices(rates)]


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ((rate("A"), rate("A", "points", "33000")), [("1", "33000")]),
        ((rate("A"), rate("B", "points")), [("1", None), (None, "1")]),
        ((rate("A", section="x"), rate("A", "points", section="y")), [("1", None), (None, "1")]),
        ((rate("A", per={"unit": "image"}), rate("A", "points", per={"unit": "second"})), [("1", None), (None, "1")]),
        (
            (rate("A", amount="1"), rate("A", amount="2"), rate("A", "points", "3"), rate("A", "points", "4")),
            [("1", "3"), ("2", "4")],
        ),
        (
            (
                rate("A", attributes={"a": "1", "b": "2"}),
                rate("A", "points", "7", attributes={"b": "2", "a": "1"}),
            ),
            [("1", "7")],
        ),
        (
            (
                rate("A", amount="1", per={"unit": "megapixel", "qualifier": "first"}),
                rate("A", "points", "9", per={"unit": "megapixel", "qualifier": "additional"}),
                rate("A", "points", "8", per={"unit": "megapixel", "qualifier": "first"}),
            ),
            [("1", "8"), (None, "9")],
        ),
    ],
)
def test_dollars_and_points_of_one_price(
    rates: tuple[Rate, ...], expected: list[tuple[str | None, str | None]]
) -> None:
    assert pairs(*rates) == expected


def test_the_identity_outlives_amount_and_quantity_but_not_the_unit() -> None:
    before = rate("A", per={"quantity": 1000, "unit": "token"})

    assert identity(before) == identity(rate("A", amount="9", per={"quantity": 1_000_000, "unit": "token"}))
    assert identity(before) != identity(rate("A", per={"quantity": 1000, "unit": "character"}))
    assert identity(before) != identity(rate("A", per={"quantity": 1000, "unit": "token", "qualifier": "image"}))


def test_api_prices_are_rates() -> None:
    rates = api_rates(ApiPricing(prompt=Decimal("2e-6"), request=Decimal("0.01"), image=Decimal("0.0001")))

    assert [(each.label, each.per.unit, each.per.qualifier) for each in rates] == [
        ("prompt", "token", None),
        ("image", "token", "image"),
        ("request", "message", None),
    ]


@pytest.mark.parametrize(
    ("label", "rank"),
    [
        ("Input", 0),
        ("Input (text)", 0),
        ("Text + audio", 1),
        ("Speech input", 2),
        ("Photos", 2),
        ("Citation tokens", 2),
    ],
)
def test_tokens_of_text_go_first(label: str, rank: int) -> None:
    assert Price(rate(label), None).modality_rank == rank


def test_a_real_table_pairs_by_row() -> None:
    card = "| Type | USD | Points |\n|---|---|---|\n| A | $1.00/image | 33,000 points/image |\n| B | $2.00/image | |"

    assert pairs(*read_card(card).rates) == [("1.00", "33000"), ("2.00", None)]
