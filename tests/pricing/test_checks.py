"""Dollars against points, and the API against the card."""

from decimal import Decimal

import pytest

from poe_scraper.items import ApiPricing, Check, Reading
from poe_scraper.pricing.checks import checks
from poe_scraper.rates import read_card


def usd_points(cell: str) -> Check:
    (check, *_) = checks(read_card(f"| Type | USD | Points |\n|---|---|---|\n| Image | {cell} |"), None)
    assert check.kind == "usd_points"
    return check


def api_page(card: str, **prices: str) -> dict[str, Check]:
    api = ApiPricing(**{name: Decimal(value) for name, value in prices.items()})
    return {check.subject: check for check in checks(read_card(card), api) if check.kind == "api_page"}


@pytest.mark.parametrize(
    "cell",
    [
        "$0.25/1M tokens | 9 points/1k tokens",  # 8.25, rounded up
        "$1.52/1M tokens | 50 points/1k tokens",  # 50.16: the dollars were rounded up
        "$0.0030 | 100 points",
        "$0.00014/second | 5 points/second",
        "$0.00 | 0 points",
        "$1 | 33,000 points",
        "$0.03-$0.06 | 1,000-2,000 points",
        "$0.005 per 5 images | 33 points per image",
    ],
)
def test_rounding_explains(cell: str) -> None:
    check = usd_points(cell)

    assert (check.result, check.reason) == ("agrees", None)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("$1.00/1M tokens | 50 points/1k tokens", "the points are 1.52 times what the dollars give"),
        ("$0.0030/message | 200 points/message", "the points are 2.02 times what the dollars give"),
        ("$3.00/1M tokens | 10 points/1k tokens", "the points are 0.1 times what the dollars give"),
        ("$0.00 | 50 points", "one of the two is free"),
        ("$0.03-$0.06 | 1,000-3,000 points", "the points are 1.52 times what the dollars give"),
    ],
)
def test_more_than_rounding(cell: str, reason: str) -> None:
    check = usd_points(cell)

    assert (check.result, check.reason) == ("differs", reason)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("$0.180/sec | 6,000 pts/sec", "the card counts 33,333 points to the dollar"),
        ("$0.0300/image | 1,000 points/image", "the card counts 33,333 points to the dollar"),
        ("$0.40/1M tokens | 13 points/1k tokens", "the card rounds points down"),
        ("$0.50/1M tokens | 16 points/1k tokens", "the card rounds points down"),
    ],
)
def test_a_convention_of_cards_agrees_and_is_named(cell: str, reason: str) -> None:
    check = usd_points(cell)

    assert (check.result, check.reason) == ("agrees", reason)


@pytest.mark.parametrize(
    "cell",
    [
        "$0.0006/message | 200 points/message",
        "$1.25/1M tokens | 42 points/1M tokens",
        "$1.25/1k tokens | 42 points/1k tokens",
        "$0.035 | 1.167 points",
        "$35 | 1,167 points",
        "$0.00 | 5,000 points",
        "$2.00 | 0 points",
        "$0.03-$0.06 | 1,000-2,000,000 points",
    ],
)
def test_a_factor_of_ten_is_suspect(cell: str) -> None:
    assert usd_points(cell).result == "suspect"


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("| 100 points", "the card gives no dollars"),
        ("$0.03 |", "the card gives no points"),
        ("$0.03/image | 100 points/second", "the card gives no points"),
        ("$0.03-$0.05 | 1,000 points", "one of the two is a range"),
    ],
)
def test_what_cannot_be_compared(cell: str, reason: str) -> None:
    check = usd_points(cell)

    assert (check.result, check.reason) == ("not_comparable", reason)


def test_figures_are_the_posted_ones() -> None:
    check = usd_points("$2.02/1M tokens | 67 points/1k tokens")

    assert check.subject == "Image"
    assert check.figures == {"usd": Decimal("2.02"), "points": Decimal(67)}


def test_variants_are_told_apart() -> None:
    card = "| Size | Low | High |\n|---|---|---|\n| 1K | 33 ($0.001) | 99 ($0.001) |"

    assert [(check.subject, check.result) for check in checks(read_card(card), None)[:2]] == [
        ("1K, Low", "agrees"),
        ("1K, High", "differs"),
    ]


TOKENS = """
| Type | Rate (USD) | Rate (Points) |
|---|---|---|
| Input (image) | $9.00/1M tokens | 297 points/1k tokens |
| Input (text) | $2.02/1M tokens | 67 points/1k tokens |
| Output (text) | $12.12/1M tokens | 400 points/1k tokens |
| Output (image) | $60.61/1M tokens | 2000 points/1k tokens |
| Cache discount | 90% discount on cached chat | |

When new content is written to the cache, it costs 25% more points and stays stored for 5 minutes.
"""


def test_api_prices_agree_with_the_card() -> None:
    found = api_page(
        TOKENS,
        prompt="0.0000020202",
        completion="1.21212E-5",
        image="0.0000606061",
        input_cache_read="0.00000020202",
        input_cache_write="0.00000252525",
    )

    assert {name: check.result for name, check in found.items()} == {
        "prompt": "agrees",
        "completion": "agrees",
        "image": "agrees",
        "input_cache_read": "agrees",
        "input_cache_write": "agrees",
    }
    assert found["prompt"].figures == {"api": Decimal("0.0000020202"), "page": Decimal("0.00000202")}


def test_api_price_differs() -> None:
    found = api_page(TOKENS, prompt="0.00000101")

    assert (found["prompt"].result, found["prompt"].reason) == (
        "differs",
        "the card's price is 2.00 times the API's",
    )


def test_flat_prices() -> None:
    card = "| Type | Rate |\n|---|---|\n| Total cost | $0.0059/message |"

    assert api_page(card, request="0.0059")["request"].result == "agrees"
    assert api_page(card, request="0.00")["request"].reason == "one of the two is free"
    assert api_page(card, prompt="0.0000020202")["prompt"].result == "not_comparable"


@pytest.mark.parametrize(
    ("reading", "api", "subjects"),
    [
        (Reading(), None, []),
        (Reading(), ApiPricing(), []),
        (Reading(), ApiPricing(request=Decimal("0.01")), ["card price"]),
    ],
)
def test_one_side_missing(reading: Reading, api: ApiPricing | None, subjects: list[str]) -> None:
    assert [check.subject for check in checks(reading, api)] == subjects


def test_without_api_prices_one_check_says_so() -> None:
    found = [check for check in checks(read_card(TOKENS), None) if check.kind == "api_page"]

    assert [(check.subject, check.result) for check in found] == [("API price", "not_comparable")]
