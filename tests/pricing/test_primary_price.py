"""The price that a list shows."""

from datetime import date
from decimal import Decimal

import pytest

from poe_scraper.items import ApiPricing, PrimaryPrice
from poe_scraper.pricing.checks import examined
from poe_scraper.pricing.primary import primary_price
from poe_scraper.rates import read_card

TODAY = date(2026, 11, 25)


def primary(card: str, api: ApiPricing | None = None) -> PrimaryPrice | None:
    found = examined(read_card(card), api)
    return primary_price(found.page, found.api, seen=TODAY)


TOKENS = """| Type | Rate (USD) | Rate (Points) |
|---|---|---|
| Bot message | $0.0051/message | 167 points/message |
| Input (image) | $9.00/1M tokens | 297 points/1k tokens |
| Input (text) | $2.02/1M tokens | 67 points/1k tokens |
| Output (text) | $12.12/1M tokens | 400 points/1k tokens |
"""


def test_input_tokens_come_first_and_both_currencies_share_a_denominator() -> None:
    found = primary(TOKENS)

    assert found is not None
    assert (found.label, found.per.quantity, found.per.unit) == ("Input (text)", Decimal(1_000_000), "token")
    assert (found.usd, found.points, found.source) == (Decimal("2.02"), Decimal(67_000), "page")


@pytest.mark.parametrize(
    ("card", "label"),
    [
        ("- Image input: 5 points / image\n- Image output: 100 points / image", "Image output"),
        ("- Web search: 5 points\n- Video: 100 points", "Video"),
        ("- Cached input: 1 point / 1k tokens\n- Message: 100 points", "Message"),
        ("- Image input: 5 points / image\n- Web search: 7 points", "Image input"),
        ("# A\n- Low: 5 points\n# B\n- High: 7 points", "Low"),
    ],
)
def test_order(card: str, label: str) -> None:
    found = primary(card)

    assert found is not None
    assert found.label == label


def test_bound_section_and_attributes_are_the_rates() -> None:
    found = primary("## Video\n\n| Type | Length | Rate |\n|---|---|---|\n| HD | 5s | Up to $0.20 / video |")

    assert found is not None
    assert (found.section, found.attributes, found.bound) == ("Video", {"Length": "5s"}, "up_to")


@pytest.mark.parametrize(
    ("cells", "quantity", "usd", "points"),
    [
        ("$0.10 / 5 images | 660 points / image", 5, "0.10", "3300"),
        ("$0.10 / 3 images | 330 points / 2 images", 6, "0.20", "990"),
        ("$0.10 | 3,300 points", 1, "0.10", "3300"),
        ("$0.10 / image | 3,300 points / video", 1, "0.10", None),
        ("| 3,300 points / 1k tokens", 1000, None, "3300"),
    ],
)
def test_currencies_are_brought_together_exactly(
    cells: str, quantity: int, usd: str | None, points: str | None
) -> None:
    found = primary(f"| Type | USD | Points |\n|---|---|---|\n| Image | {cells} |")

    assert found is not None
    assert found.per.quantity == quantity
    assert found.usd == (None if usd is None else Decimal(usd))
    assert found.points == (None if points is None else Decimal(points))


def test_denominators_without_a_handy_multiple_are_not_brought_together() -> None:
    found = primary(
        "| Type | USD | Points |\n|---|---|---|\n| A | $1/999999999999 tokens | 1 point/999999999998 tokens |"
    )

    assert found is not None
    assert (found.usd, found.points) == (Decimal(1), None)


@pytest.mark.parametrize(
    ("api", "label", "usd", "unit"),
    [
        (ApiPricing(prompt=Decimal("2.6e-07"), request=Decimal(1)), "prompt", "0.26", "token"),
        (ApiPricing(request=Decimal("0.0059"), image=Decimal(1)), "request", "0.0059", "message"),
        (ApiPricing(image=Decimal("0.00006")), "image", "60", "token"),
    ],
)
def test_without_a_card_the_api_serves(api: ApiPricing, label: str, usd: str, unit: str) -> None:
    found = primary("", api)

    assert found is not None
    assert (found.label, found.usd, found.per.unit, found.points) == (label, Decimal(usd), unit, None)
    assert (found.source, found.bound) == ("api", "exact")


@pytest.mark.parametrize("api", [None, ApiPricing()])
def test_no_price_at_all(api: ApiPricing | None) -> None:
    assert primary("", api) is None
