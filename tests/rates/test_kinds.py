"""Kinds of prices that cards have got wrong before, each with variants: what a card says, and what is read."""

import pytest

from poe_scraper.rates import read_card, read_dialog
from tests.rates.test_layouts import lines


def table(header: str, *rows: str) -> str:
    """A markdown table."""
    columns = header.count("|") + 1
    return "\n".join([f"| {header} |", "|---" * columns + "|", *(f"| {row} |" for row in rows)])


def read(card: str) -> list[str]:
    """What is read, one line per rate, adjustment or unparsed piece."""
    return [line.strip() for line in lines(read_card(card))]


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (table("Item | Rate", "Draft | 160 per 1,000 words"), ["Draft = 160 points / 1000 word"]),
        (table("Action | Cost", "Chat | 20", "Song | ~900"), ["Chat = 20 points", "Song = 900 points [about]"]),
        (table("Tool | Fee", "Scan | 5-10 / page"), ["Scan = 5 to 10 points / page"]),
        (table("Mode | Turbo price", "Fast | up to 2,000"), ["Fast = 2000 points [up_to]"]),
        (table("Fee | Amount", "Base | 100"), ["Base = 100 points"]),
        ("**Pricing**\n\n" + table("Model | In | Out", "A-1 | 10 | 20"),
         ["A-1 § Pricing {column: In} = 10 points", "A-1 § Pricing {column: Out} = 20 points"]),
        ("Price: 50 per image", ["Price = 50 points / image"]),
        (table(" | Small | Large", "Cost per image | 500 | 900"),
         ["Cost per image {column: Small} = 500 points / image",
         "Cost per image {column: Large} = 900 points / image"]),
    ],
)  # fmt: skip
def test_bare_numbers_of_a_price_column_are_points(card: str, expected: list[str]) -> None:
    assert read(card) == expected


@pytest.mark.parametrize(
    ("card", "left"),
    [
        (table("Item | Rate", "Draft | 20 credits / 1000 tokens"), "Draft | 20 credits / 1000 tokens"),
        (table("Item | Rate", "Draft | €0.02"), "Draft | €0.02"),
        (table("Item | Price", "Draft | C$5", "Final | 300 points"), "Draft | C$5"),
        (table("Item | Price", "Draft | 7 zorkmids"), "Draft | 7 zorkmids"),
        (table("Item | Price", "Draft | 0,5 EUR / image"), "Draft | 0,5 EUR / image"),
        ("- Draft: 20 credits per image", "Draft: 20 credits per image"),
        ("A page costs ¥12.", "A page costs ¥12."),
    ],
)
def test_other_money_is_left_with_its_row(card: str, left: str) -> None:
    assert read_card(card).unparsed == (left,)


USD_PER_MILLION = ["A-1 {column: In} = 1.25 USD / 1000000 token", "A-1 {column: Out} = 10 USD / 1000000 token"]


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("All prices are in USD per 1M tokens.\n\n" + table("Model | In | Out", "A-1 | 1.25 | 10"), USD_PER_MILLION),
        (table("Model | In | Out", "A-1 | 1.25 | 10") + "\n\nPrices in USD per 1M tokens.", USD_PER_MILLION),
        ("### Prices (points per 1k tokens)\n\n- Input: 10\n- Output – 20\n- Cached 5",
         [f"{label} § Prices (points per 1k tokens) = {amount} points / 1000 token"
          for label, amount in (("Input", 10), ("Output", 20), ("Cached", 5))]),
        ("**Points per image**\n\n" + table("Size | Low | High", "1K | 100 | $0.02"),
         ["1K § Points per image {column: Low} = 100 points / image",
          "1K § Points per image {column: High} = 0.02 USD / image"]),
        ("All costs in points.\n\n" + table("Item | Cost", "A-1 | 100", "B-1 | $0.02"),
         ["A-1 = 100 points", "B-1 = 0.02 USD"]),
        (table("Prices in points | Silent | Audio", "Clip | 6,000 | 7,800"),
         ["Clip {column: Silent} = 6000 points", "Clip {column: Audio} = 7800 points"]),
    ],
)  # fmt: skip
def test_what_governs_a_table_names_the_currency_and_the_denominator(card: str, expected: list[str]) -> None:
    assert read(card) == expected


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("Image: $0,035 (1.167 points) / image", ["Image = 0.035 USD / image", "Image = 1167 points / image"]),
        ("Image: 0,045 USD", ["Image = 0.045 USD"]),
        ("Image: 0,500 points", ["Image = 0.500 points"]),
        (
            "Text: 0,9 points / 1.000 tokens\nBook: 1.250 points",
            ["Text = 0.9 points / 1000 token", "Book = 1250 points"],
        ),
        ("Image: 12,50 $", ["Image = 12.50 USD"]),
        ("Image: 1.234,56 points", ["Image = 1234.56 points"]),
        ("Text: 0,5 points\nBook: 1 250 points", ["Text = 0.5 points", "Book = 1250 points"]),
        (table("Item | USD | Points", "Clip | 0.045 | 1.500"), ["Clip = 0.045 USD", "Clip = 1500 points"]),
        ("Image: 1.500 points", ["! Image: 1.500 points"]),
        ("Image: $1.438", ["Image = 1.438 USD"]),
    ],
)
def test_decimal_comma(card: str, expected: list[str]) -> None:
    assert read(card) == expected


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (table("Type | Rate", "Input / 1M tokens | $1.25"), ["Input / 1M tokens = 1.25 USD / 1000000 token"]),
        ("Output/1M: $10", ["Output/1M = 10 USD / 1000000"]),
        (table("Model | Input /1M | Output /1M", "A-1 | $1 | $2"),
         ["A-1 {column: Input /1M} = 1 USD / 1000000", "A-1 {column: Output /1M} = 2 USD / 1000000"]),
        (table("Type | Rate", "1K characters | 5 points", "1 Image | 300 points", "4 pages | 80 points"),
         ["1K characters = 5 points / 1000 character", "1 Image = 300 points / image", "4 pages = 80 points / 4 page"]),
        (table("Clip | Rate", "5s | 300 points", "10 seconds | 600 points", "≤ 200k tokens | 5 points"),
         ["5s = 300 points", "10 seconds = 600 points", "≤ 200k tokens = 5 points"]),
        (table("Voice | Price per 1K characters", "Neural | 120"), ["Neural = 120 points / 1000 character"]),
    ],
)  # fmt: skip
def test_denominators_in_labels_and_headers(card: str, expected: list[str]) -> None:
    assert read(card) == expected


@pytest.mark.parametrize(
    ("denominator", "expected"),
    [
        ("per started 100 words", "100 started word"),
        ("per additional 10 seconds", "10 additional second"),
        ("per extra 5 images", "5 extra image"),
        ("for each further 1,000 characters", "1000 further character"),
        ("/ next 2 pages", "2 next page"),
    ],
)
def test_adjective_before_the_count(denominator: str, expected: str) -> None:
    assert read(f"Text: 7 points {denominator}") == [f"Text = 7 points / {expected}"]


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("300 points¹", "300 points"),
        ("5kpts", "5000 points"),
        ("100 [points]", "100 points"),
        ("100 (points)", "100 points"),
        ("4️⃣0️⃣ points", "40 points"),
        ("½ point", "0.5 points"),
        ("2½ points", "2.5 points"),
        ("[USD_MILLI_CENTS=1500]", "0.015 USD"),
        ("**300**_points_*", "300 points"),
    ],
)
def test_glued_signs(amount: str, expected: str) -> None:
    reading = read_card(f"Image: {amount}")

    assert [f"{rate.amount:f} {rate.currency}" for rate in reading.rates] == [expected] or reading.unparsed


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("Standard/HD/4K: 100/200/400 points per image",
         [f"Standard/HD/4K {{variant: {name}}} = {amount} points / image"
          for name, amount in (("Standard", 100), ("HD", 200), ("4K", 400))]),
        ("- Video: 1000 / 2000 points", ["Video = 1000 points", "Video = 2000 points"]),
        ("Image: 100/200 points (low/high)",
         ["Image {variant: low} = 100 points", "Image {variant: high} = 200 points"]),
        (table("Model | Rate", "Lite (in / out) | $0.10 / $0.40 per 1M tokens"),
         ["Lite (in / out) {variant: in} = 0.10 USD / 1000000 token",
          "Lite (in / out) {variant: out} = 0.40 USD / 1000000 token"]),
        ("It costs 20 points for text, 100 for images and 500 for videos.",
         ["text = 20 points", "images = 100 points", "videos = 500 points"]),
        ("- Image: 500 points (400 for subscribers)",
         ["Image = 500 points", "Image {variant: subscribers} = 400 points"]),
        (table("Item | Points", "Image | 600 (first), 700 (next)"),
         ["Image {variant: first} = 600 points", "Image {variant: next} = 700 points"]),
        (table("Item | Rate", "Mix | Text: 10 points, Image: 20 points"),
         ["Mix {variant: Text} = 10 points", "Mix {variant: Image} = 20 points"]),
        ("Low 100, medium 200, high 400 points", ["! Low 100, medium 200, high 400 points"]),
        ("Each image costs 500 points; each upscale costs 250.",
         ["Each image = 500 points / image", "each upscale = 250 points"]),
    ],
)  # fmt: skip
def test_alternatives_are_read_all_or_left_all(card: str, expected: list[str]) -> None:
    assert read(card) == expected


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("$0.10 (3,300 points) - $0.30 (9,900 points)", ["0.10 to 0.30 USD", "3300 to 9900 points"]),
        ("[usd_milli_cents=100] - [usd_milli_cents=300] points", ["0.001 to 0.003 USD"]),
        ("from 2,500 points up to 12,000 points", ["2500 to 12000 points"]),
        ("from 2,500 points ($0.08) to 5,000 points ($0.15)", ["2500 to 5000 points", "0.08 to 0.15 USD"]),
        ("between $0.05 and $0.25", ["0.05 to 0.25 USD"]),
        ("10-23 points", ["10 to 23 points"]),
    ],
)
def test_range_of_complete_prices(card: str, expected: list[str]) -> None:
    assert read(f"Clip: {card}") == [f"Clip = {line}" for line in expected]


@pytest.mark.parametrize(
    "card",
    [
        "Image: 100 → 200 points",
        "Image: 100 points -> 200 points",
        table("Item | Cost", "Image | 100 => 200"),
        "Image: $0.10 ➜ $0.20",
    ],
)
def test_an_arrow_between_amounts_is_left_unparsed(card: str) -> None:
    assert read_card(card).rates == ()
    assert read_card(card).unparsed


@pytest.mark.parametrize(
    "card",
    [
        "You need at least 500 points.",
        "Keep a balance of 2,000 points.",
        "We stop if the cost exceeds 1,000 points.",
        "Nothing is charged when the bill is below 5 points.",
        "Max budget: 5,000 points",
        table("Setting | Points", "Daily limit | 10,000"),
        "A hold of 2,000 points is placed on your account.",
        "1 credit = 10 points",
        "$1 = 33,000 points",
        "10,000 points are about $0.30",
        "With the annual plan you save 20 points per image.",
        "Failed requests are refunded 100 points.",
        "Subscribers earn 300 points per day.",
    ],
)
def test_no_prices(card: str) -> None:
    assert read_card(card).rates == ()


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("Video: 10 points per second, rounded up to the nearest 10 points", ["Video = 10 points / second"]),
        ("Image: was 400 points, now 300", ["Image = 300 points (was 400)"]),
        ("Image: 300 points (was 400)", ["Image = 300 points (was 400)"]),
        ("Image: 300 points instead of 400", ["Image = 300 points (was 400)"]),
        ("Price drop: 2,000 → 1,400 points (old → new)", ["Price drop = 1400 points (was 2000)"]),
        (table("Item | Cost", "Image | 100 points (you save 20 points)"), ["Image = 100 points"]),
    ],
)
def test_prices_beside_no_prices(card: str, expected: list[str]) -> None:
    assert read(card) == expected


TIER = "* context_tier min_tokens 200000, max_tokens None, input_multiplier 2, output_multiplier "


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (table("Type | USD | Points", "Cache discount | 90% | 90%"), ["* cache_discount percent 90"]),
        (table("Type | Rate", "Cached input | -75%"), ["* cache_discount percent 75"]),
        (table("Type | Rate", "Cached input | −80 %"), ["* cache_discount percent 80"]),
        (table("Type | Rate", "Cache write | +25%"), ["* cache_write_surcharge percent 25, ttl_seconds None"]),
        (table("Type | Rate", "Input | $1.25/1M (2x when context > 200k tokens)"),
         ["Input = 1.25 USD / 1000000", f"{TIER}None"]),
        ("Rates double for prompts over 200k tokens.", [f"{TIER}2"]),
        ("- Image: 100 points, first 5 images free",
         ["Image = 100 points", "* free_allowance quantity 5, unit image"]),
        ("5 messages per day are free.", ["* free_allowance quantity 5, unit message"]),
        ("25% off for subscribers", ["* discount percent 25, label subscribers"]),
        ("Batch: 50% discount", ["* discount percent 50, label Batch"]),
        (table("Item | Cost", "Night | 20% off", "Image | 100 points (10% off)"),
         ["Image = 100 points", "* discount percent 20, label Night", "* discount percent 10, label 100 points"]),
        ("Peak hours: x2", ["* multiplier factor 2, label Peak hours"]),
        ("4K costs 1.5x", ["* multiplier factor 1.5, label 4K"]),
        (table("Item | USD | Points", "Audio | ×1.5 | ×1.5"), ["* multiplier factor 1.5, label Audio"]),
        ("Weekends: x1.5", ["* multiplier factor 1.5, label Weekends"]),
        ("You pay the provider's cost + 20 %.", ["* markup percent 20, label the provider's cost"]),
        ("Voices: the vendor's price + 8%", ["* markup percent 8, label Voices"]),
        ("A 15% markup applies to all models.", ["* markup percent 15, label markup applies to all models"]),
        ("Cost = 100 + 0.5 × (tokens / 1000) points", ["! Cost = 100 + 0.5 × (tokens / 1000) points"]),
        ("Save 10% on 720P compared to the API.", []),
        ("Upscale 2x is 2x faster.", []),
        ("The bot costs 8 points, plus the rates of any other bots.", ["bot = 8 points [from]", "* plus_called_bots"]),
    ],
)  # fmt: skip
def test_adjustments(card: str, expected: list[str]) -> None:
    assert read(card) == expected


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("A message usually costs between 10-23 points.", ["message = 10 to 23 points [about]"]),
        ("Videos normally cost 900 points.", ["Videos = 900 points [about]"]),
        ("Picture: max. 1,100 points", ["Picture = 1100 points [up_to]"]),
        (table("Model | In (pts/1K) | Out (pts/1K)", "A-1 | 10 | 20"),
         ["A-1 {column: In (pts/1K)} = 10 points / 1000", "A-1 {column: Out (pts/1K)} = 20 points / 1000"]),
        (table("Tier | Base fee | Total", "A-1 | 100 points | 200 points", "B-1 | 100 points | included"),
         ["A-1 {column: Base fee} = 100 points", "A-1 {column: Total} = 200 points",
         "B-1 {column: Base fee} = 100 points"]),
        (table("Feature | Basic | Pro", "Chat | 90 points | included", "Live | — | 120 points", "Old | — | N/A"),
         ["Chat {column: Basic} = 90 points", "Live {column: Pro} = 120 points"]),
        ("Fee: 50 points + 2 points per 1k input tokens", ["Fee = 50 points", "Fee = 2 points / 1000 input token"]),
        ("Audio (per minute): 300 points · Video (per minute): 900 points",
         ["Audio (per minute) = 300 points / minute", "Video (per minute) = 900 points / minute"]),
    ],
)  # fmt: skip
def test_bounds_and_labels(card: str, expected: list[str]) -> None:
    assert read(card) == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("<tr><td rowspan=2>Pro</td><td>Fast</td><td>5 points</td></tr><tr><td>Slow</td><td>3 points</td></tr>",
         [("Pro", {"Mode": "Fast"}, 5), ("Pro", {"Mode": "Slow"}, 3)]),
        ("<tr><td>Pro</td><td rowspan=2>Fast</td><td>5 points</td></tr><tr><td>Lite</td><td>3 points</td></tr>",
         [("Pro", {"Mode": "Fast"}, 5), ("Lite", {"Mode": "Fast"}, 3)]),
        ("<tr><td>Pro</td><td>Fast</td><td rowspan='2'>5 points</td></tr><tr><td>Lite</td><td>Slow</td></tr>",
         [("Pro", {"Mode": "Fast"}, 5), ("Lite", {"Mode": "Slow"}, 5)]),
        ("<tr><td colspan=2>Pro</td><td>5 points</td></tr>", [("Pro", {"Mode": "Pro"}, 5)]),
        ("<tr><td rowspan=x>Pro</td><td colspan=''>Fast</td><td>5 points</td></tr>", [("Pro", {"Mode": "Fast"}, 5)]),
    ],
)  # fmt: skip
def test_cells_that_span_rows_and_columns(rows: str, expected: list[tuple[str, dict[str, str], int]]) -> None:
    html = f"<table><tr><th>Tier</th><th>Mode</th><th>Cost</th></tr>{rows}</table>"

    assert [(rate.label, rate.attributes, int(rate.amount)) for rate in read_dialog(html).rates] == expected
    assert read_card(html) == read_dialog(html)


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("- Image: 300 points (from Dec 1)", ["Image {effective: from Dec 1} = 300 points"]),
        ("- Image: 200 points until Nov 30, 2026, then 250 points",
         ["Image {effective: until Nov 30, 2026} = 200 points", "Image = 250 points"]),
        ("Starting December 15, images cost 80 points.", ["images {effective: Starting December 15} = 80 points"]),
        (table("Model | Until Nov 30 | From Dec 1", "A-1 | 100 points | 200 points"),
         ["A-1 {effective: Until Nov 30} = 100 points", "A-1 {effective: From Dec 1} = 200 points"]),
        (table("Item | Price", "Song | 300 points (valid until 2026-12-31)"),
         ["Song {effective: valid until 2026-12-31} = 300 points"]),
        ("**From January 1, 2027**\n\n" + table("Item | Price", "Song | 400 points"),
         ["Song § From January 1, 2027 {effective: From January 1, 2027} = 400 points"]),
        ("A song costs from 100 points.", ["song = 100 points [from]"]),
    ],
)  # fmt: skip
def test_dates_from_and_until_which_a_price_holds(card: str, expected: list[str]) -> None:
    assert read(card) == expected


@pytest.mark.parametrize(
    "card",
    [
        "| Request ||Cost |\u2028\n\n|  |\n",
        "| Request ||Cost |\n|   |\n||",
        "|\u2028| $5 |\n|\u2028|",
        "||||\n|-|\n||5 points|",
        "<table><tr></tr><tr><td rowspan=99999 colspan=99999>5 points</td></tr></table>",
        "\u2028\n$5\n\u2029points",
        "cost x2.1.500 points between",
        "0,035 USD and $ 100/200 plus 5 100 points",
        "0,5 points and 1M 100/200 200 points",
        "| Cost |\n|---|\n| \u200b |\n| ½ |\n| 1e5,5 |",
    ],
)
def test_odd_tables_are_read_without_an_error(card: str) -> None:
    reading = read_card(card)

    assert reading.rates or reading.unparsed or not any(character.isdigit() for character in card.replace("99999", ""))
