"""Bad input: a right reading or an honest `unparsed`, never a wrong number."""

import pytest

from poe_scraper.items import Reading
from poe_scraper.rates import read_card, read_dialog

NOTHING = Reading()


def amounts(card: str) -> list[str]:
    return [f"{rate.amount:f} {rate.currency}" for rate in read_card(card).rates]


@pytest.mark.parametrize(
    "card",
    [
        "",
        "  \n\t\n",
        "no numbers here",
        "$",
        "points",
        "| Type | Rate |\n|---",
        "| Type | Rate |\n|---|---|",
        "|",
        "\ufeff",
        "Steps: 20\nPoints are charged on delivery.",
        "16x16 <-> 24x24, 720p, 5s, 2x, 64 est. tokens, 30 steps",
    ],
)
def test_no_amount_gives_nothing(card: str) -> None:
    assert read_card(card) == NOTHING


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("Image: $1e-7 per token", "0.0000001 USD"),
        ("Image: $2.6E-07/token", "0.00000026 USD"),
        ("Image: $.05", "0.05 USD"),
        ("Image: $0", "0 USD"),
        ("Image: 0 points", "0 points"),
        ("Image: 1,234.5 points", "1234.5 points"),
        ("Image: 1\u00a0000 points", "1000 points"),
        ("Image: 1\u202f000 points", "1000 points"),
        ("Image: 1'000 points", "1000 points"),
        ("Image: 12k points", "12000 points"),
        ("Image: $1.5M", "1500000.0 USD"),
        ("Image: 2 million points", "2000000 points"),
        ("Image: $123456789012345", "123456789012345 USD"),
        ("Image: ＄１２ per image", "12 USD"),
        ("Image: １００ points", "100 points"),
        ("Image: $1\u200b2", "12 USD"),
        ("Image: \u200f$12\u200f", "12 USD"),
        ("Image: 100\u200e points", "100 points"),
        ("Image: &#36;5", "5 USD"),
        ("Image: \\$5", "5 USD"),
        ("Image: 5&nbsp;points", "5 points"),
        ("Image: **5** points", "5 points"),
        ("Image: $1.234,56", "1234.56 USD"),
        ("Image: 1.234.567 points", "1234567 points"),
        ("Image: 0,05 points", "0.05 points"),
        ("Image: [usd_milli_cents=1000]", "0.01 USD"),
        ("Image: [usd_milli_cents=300000]", "3 USD"),
        ("Steps: 20\npoints per image: 5", "5 points"),
        ("Point cost: 500\nUSD cost: 0.015", "500 points"),
        ("Veo 3 - 500 points", "500 points"),
        ("16:9 – 500 points", "500 points"),
    ],
)
def test_unusual_forms_are_read_right(card: str, expected: str) -> None:
    reading = read_card(card)

    assert f"{reading.rates[0].amount:f} {reading.rates[0].currency}" == expected
    assert reading.unparsed == ()


@pytest.mark.parametrize(
    "card",
    [
        "Image: 1 000 points",
        "Image: 1.500 points",
        "Image: 1.500 USD",
        "Image: $1,2345",
        "Image: $1,00,000",
        "Image: 5-3 points",
        "Image: 1-2k points",
        "Image: -$5",
        "Image: $-5",
        "Image: −5 points",
        "Image: 1234567890123456 points",
        "Image: $0.1234567890123456",
        "Image: $1e99",
        "Image: $1e999999999",
        "Image: $5e1,000",
        "Image: $٣",
        "Image: ٣ points",
        "Image: \u202e$21\u202c",
        "Image: $1\0 2",
        "Image: 5\0 points",
        "Image: (5) points",
        "Image: €5",
        "Image: ~~$5~~",
        "Image: 20 points: 100",
        "Image: 5 points / 9999999999999 tokens",
        "Image: [usd_milli_cents=1.000,5]",
        "$5",
        "5 points",
        "Per 100 points you get 5 images",
        "Get 1,000,000 points for $20/month",
    ],
)
def test_what_cannot_be_trusted_is_left_unparsed(card: str) -> None:
    reading = read_card(card)

    assert reading.rates == ()
    assert reading.unparsed


@pytest.mark.parametrize(
    "card",
    [
        "<!-- Image: $5 -->",
        "<script>$5</script>",
        "<b title='$5'>Image</b>",
        "[a]: $5",
        '[a](b "$5")',
        "![5 points](x)",
        "```$5\nx\n```",
        "| a | b |\n|---|---|\n| x | y | $5 |",
        "Image: 5 points**per image**",
        ">" * 300 + " Image: $5",
    ],
)
def test_amounts_that_the_page_would_not_show_are_not_lost(card: str) -> None:
    reading = read_card(card)

    assert any("5" in piece for piece in reading.unparsed) or amounts(card) == ["5 USD"]


def test_bare_number_beside_another_currency_is_left_unparsed() -> None:
    card = "| Type | Cost |\n|---|---|\n| Image | 100 |\n| Video | $0.5 |"

    assert amounts(card) == ["0.5 USD"]
    assert read_card(card).unparsed == ("Image | 100",)


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("Image: 1,000\npoints per image", "1000 points"),
        ("**Image: 1,000\npoints**", "1000 points"),
        ("Each image costs\n100 points", "100 points"),
        ("Up to\n100\npoints per image", "100 points"),
        ("Image:\n$\n0.05", "0.05 USD"),
        ("Something else.\n\nImage: 1,000\npoints per image", "1000 points"),
    ],
)
def test_wrapped_lines_go_on(card: str, expected: str) -> None:
    assert amounts(card) == [expected]
    assert read_card(card).unparsed == ()


def test_an_amount_is_no_context_length() -> None:
    assert read_card("Input 2x when the context is >10 points.").adjustments == ()
    assert read_card("Input 2x when the context is 7 - 10 points.").adjustments == ()


def test_lone_surrogates_do_not_raise() -> None:
    assert amounts("Image\ud800: $5") == ["5 USD"]
    assert read_dialog("<p>Image\udfff: $5</p>").rates[0].amount == 5


@pytest.mark.parametrize(
    "card",
    [
        "| a | b |\n|---|---|\n" + "| Image | 5 points |\n" * 20_000,
        "x" * 500_000 + ": 5 points",
        "[" * 100_000,
        "~~$5~~ $4. " * 20_000,
        "<b>" * 20_000 + "5 points",
        "- " * 20_000 + "5 points",
        "|5 points" * 20_000,
    ],
    ids=["rows", "label", "brackets", "struck", "nested", "lists", "cells"],
)
def test_long_cards_are_read_or_left_unparsed(card: str) -> None:
    reading = read_card(card)

    assert "5" not in card or reading.rates or reading.unparsed


def test_five_megabytes() -> None:
    filler = "x" * 4_999 + "\n"

    reading = read_card(filler * 1_000 + "\n- Image: 100 points ($0.003) / image\n")

    assert [f"{rate.amount:f} {rate.currency}" for rate in reading.rates] == ["100 points", "0.003 USD"]
    assert reading.unparsed == ()
