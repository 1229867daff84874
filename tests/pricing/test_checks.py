"""Dollars against points, and the API against the card."""

from decimal import Decimal
from typing import Any

import pytest

from poe_scraper.items import ApiPricing, Check, Per, Rate, Reading
from poe_scraper.pricing.checks import checks, examined
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
        "$0.035 | 1.2 points",
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


# --- a price against its neighbours, and against other cards ------------------------------------


def tokens(label: str, usd: str, quantity: int = 1_000_000, **more: Any) -> Rate:
    per = {"quantity": quantity, "unit": "token"}
    return Rate.model_validate({"label": label, "currency": "USD", "amount": usd, "per": per, **more})


def media(label: str, amount: str, unit: str | None, currency: str = "points") -> Rate:
    return Rate.model_validate({"label": label, "currency": currency, "amount": amount, "per": {"unit": unit}})


def suspects(*rates: Rate, api: ApiPricing | None = None) -> list[tuple[str, str]]:
    return [(check.kind, check.subject) for check in checks(Reading(rates=rates), api) if check.result == "suspect"]


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ((tokens("Input", "1.25"), tokens("Output", "10.00", 1000)), ["Input", "Output"]),
        ((tokens("Input", "1.25", 1000), tokens("Output", "10.00")), ["Input", "Output"]),
        ((tokens("Input", "1.25"), tokens("Cached input", "0.125", 1000)), ["Input", "Cached input"]),
        ((tokens("Input", "1.25"), tokens("Cache writes", "1.56", 1000)), ["Input", "Cache writes"]),
        (
            (tokens("Input", "1.25"), tokens("Cached input", "0.125"), tokens("Output", "10.00", 1000)),
            ["Output"],
        ),
        (
            (tokens("Input", "1.25", 1000), tokens("Cached input", "0.125"), tokens("Output", "10.00")),
            ["Input"],
        ),
        ((tokens("Prompts", "0.10"), tokens("Completions", "0.40", 1000)), ["Prompts", "Completions"]),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else None,
)
def test_tokens_out_of_proportion_are_suspect(rates: tuple[Rate, ...], expected: list[str]) -> None:
    found = [subject for kind, subject in suspects(*rates) if kind == "neighbours"]

    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    "rates",
    [
        (tokens("Input", "0.25"), tokens("Output", "2.53")),
        (tokens("Input (text)", "0.51"), tokens("Output (image)", "60.61")),
        (tokens("Input (image)", "0.51"), tokens("Output (image)", "60.61")),
        (tokens("Input", "1.25"), tokens("Cached input", "0.03"), tokens("Cache creation", "2.50")),
        (tokens("Input", "0.00"), tokens("Output", "10.00")),
        (media("720p", "100", "second"), media("1080p", "250", "second"), media("4K", "2700", "second")),
        (media("Image", "100", "image"), media("Upscale", "7", "image")),
        (media("Message", "1", "message"),),
    ],
)
def test_usual_prices_are_not_suspect(rates: tuple[Rate, ...]) -> None:
    assert suspects(*rates) == []


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ((media("480p", "100", "second"), media("720p", "150", "second"), media("4K", "300000", "second")), "4K"),
        ((media("A", "1500", "image"), media("B", "1.5", "image"), media("C", "2000", "image")), "B"),
    ],
)
def test_a_price_far_from_its_siblings_is_suspect(rates: tuple[Rate, ...], expected: str) -> None:
    assert suspects(*rates) == [("neighbours", expected)]


@pytest.mark.parametrize(
    "rate",
    [
        tokens("Input", "1250.00"),
        tokens("Input", "2.50", 1000),
        tokens("Output", "0.0001"),
        media("Image", "3300000", "image"),
        media("Clip", "2000", "second", "USD"),
        media("Speech", "1", "character", "USD"),
    ],
)
def test_a_single_price_beyond_all_known_cards_is_suspect(rate: Rate) -> None:
    assert suspects(rate) == [("range", rate.label)]


def test_a_card_in_one_currency_is_compared_with_the_api() -> None:
    points = [media("Input", "42", "token"), media("Output", "330", "token")]
    per_thousand = [rate.model_copy(update={"per": Per(quantity=Decimal(1000), unit="token")}) for rate in points]
    per_million = [rate.model_copy(update={"per": Per(quantity=Decimal(10**6), unit="token")}) for rate in points]
    api = ApiPricing(prompt=Decimal("0.00000125"), completion=Decimal("0.00001"))

    assert suspects(*per_thousand, api=api) == []
    assert suspects(*per_million, api=api) == [("api_page", "prompt"), ("api_page", "completion")]


def test_of_several_prices_that_the_api_may_mean_the_nearest_counts() -> None:
    rates = (tokens("Input", "40.00", section="Batch"), tokens("Input", "1.25"))

    found = {
        check.subject: check.result for check in checks(Reading(rates=rates), ApiPricing(prompt=Decimal("1.25e-6")))
    }
    assert found["prompt"] == "agrees"


def test_without_a_card_the_apis_own_price_is_checked() -> None:
    assert suspects(api=ApiPricing(prompt=Decimal("0.00125"))) == [("range", "prompt")]


def test_an_input_price_is_not_compared_with_the_apis_image_price() -> None:
    found = api_page("- Image input: $0.001 / image", image="0.06")

    assert found["image"].result == "not_comparable"


@pytest.mark.parametrize("label", ["Cache creation", "Cache writes", "Written to the cache"])
def test_cache_writes_of_any_name_are_checked(label: str) -> None:
    card = f"| Type | USD |\n|---|---|\n| Input | $1.00/1M tokens |\n| {label} | $1.25/1M tokens |"

    assert api_page(card, input_cache_write="0.00000125")["input_cache_write"].result == "agrees"


def test_suspect_prices_are_marked() -> None:
    found = examined(
        Reading(rates=(tokens("Input", "1.25"), tokens("Output", "10.00", 1000), tokens("Input (file)", "2"))), None
    )

    assert {price.label: price.is_suspect for price in found.page} == {
        "Input": False,
        "Output": True,
        "Input (file)": False,
    }
