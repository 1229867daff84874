"""Every number of a price column, and of a governed table or list, is in a rate, an adjustment or `unparsed`.

The cards are built from the contract's vocabulary and from words outside of it. The check knows the numbers that
it put into each cell, and looks for them in what was read of that row, without the reader's lexer.
"""

import re
from collections.abc import Iterable
from decimal import Decimal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from poe_scraper.items import Reading
from poe_scraper.rates import read_card

TITLES = st.sampled_from(
    [
        "",
        "**Pricing**",
        "**Points per image**",
        "### Prices (points per 1k tokens)",
        "Prices in points:",
        "All prices are in USD per 1M tokens.",
        "All costs in points.",
        "Everything is in zorkmids.",
        "Prices in credits:",
        "Cost overview:",
    ]
)
PRICE_HEADERS = st.sampled_from(
    ["Rate", "Cost", "Price (USD)", "Points", "Cost per image", "Turbo price", "Fee", "In (pts/1K)", "Base charge",
     "USD", "Price per second (USD / points)", "Costs", "费用", "Preis", "Surcharge", "Rate /1M"],
)  # fmt: skip
PLAIN_HEADERS = st.sampled_from(["Low", "High", "With audio", "720p", "Input", "Output", "Glorp"])
NUMBERS = st.sampled_from(
    ["160", "1,250", "0.035", "0,035", "1.500", "12k", "½", "100/200/400", "100-200", "1 500", "100 → 200", "-5", "5-3",
     "1e99", "1.234,56", "1,00,000", "20", "3.5", "7", "~40", "50+", "12,5", "1000 / 2000", "0", "+30",
     "12345678901234567"],
)  # fmt: skip
CURRENCIES = st.sampled_from(
    ["{}", "{}", "{}", "${}", "{} points", "{} pts", "{}pts", "{} USD", "€{}", "{} credits", "{} zorkmids",
    "{} points¹",
     "{} [points]", "C${}", "{}¢", "up to {}", "from {} points", "{} Punkte", "{} glorps", "≈ ${}", "{} ($0.02)",
     "was 900, now {}", "~~900~~ {}", "{} stars", "{}*", "**{}** points"],
)  # fmt: skip
TAILS = st.sampled_from(
    ["", "", "", " / image", " per 1k tokens", " per started 100 words", " (from Dec 1)", " (min 10)", " each",
    " glorps",
     ", first 5 images free", " (2x when context > 200k tokens)", " plus 3", " (300 for subscribers)",
     " + 2 points per page",
     " / 1.000 Tokens", " (25% off)", " or 77", " - 90", ", then 8", " x 4", " per glorp 9", " on Mars"],
)  # fmt: skip
CELLS = st.builds(lambda number, currency, tail: currency.format(number) + tail, NUMBERS, CURRENCIES, TAILS)
NUMBER = re.compile(r"1 500|\d+[½]?(?:[.,]\d+)*(?:e\d+)?|½")


def values(text: str) -> set[Decimal]:
    """All that a number may mean: `1.500` and `1,500` one and a half or fifteen hundred."""
    text = text.replace("½", ".5").replace(" ", "")
    plain = {
        text,
        text.replace(",", ""),
        text.replace(".", ""),
        text.replace(",", "."),
        text.replace(".", "").replace(",", "."),
    }
    return {Decimal(form) for form in plain if re.fullmatch(r"\d*\.?\d+(?:e\d+)?", form)}


def numbers_in(value: object) -> Iterable[Decimal]:
    """Every number of a part of a reading."""
    if isinstance(value, Decimal):
        yield value
    elif isinstance(value, str):
        for number in NUMBER.findall(value):
            yield from values(number)
    elif isinstance(value, dict):
        for part in value.values():
            yield from numbers_in(part)


def carried(reading: Reading, label: str) -> set[Decimal]:
    """The numbers that the rates of a label and all adjustments carry, with those of their attributes."""
    found = {
        number
        for rate in reading.rates
        if rate.label == label
        for number in numbers_in(rate.model_dump(include={"amount", "max_amount", "list_amount", "per", "attributes"}))
    }
    return found.union(*(numbers_in(adjustment.model_dump()) for adjustment in reading.adjustments))


def is_accounted(cell: str, known: set[Decimal]) -> bool:
    """True if each number of a cell, or what its sign makes of it, is among the known ones."""
    factors = [Decimal(1), Decimal(1000), Decimal("0.01"), Decimal(10), Decimal(1_000_000)]
    for number in NUMBER.findall(cell.replace("¹", "")):
        if not any(value * factor in known or value == known for value in values(number) for factor in factors):
            return False
    return True


def unaccounted(rows: Iterable[tuple[str, Iterable[str]]], reading: Reading) -> list[str]:
    """The labels of rows with a number that is nowhere in the reading."""
    left = "\n".join(reading.unparsed)
    return [
        label
        for label, cells in rows
        if label not in left and not all(is_accounted(cell, carried(reading, label)) for cell in cells)
    ]


@given(
    TITLES,
    st.lists(PRICE_HEADERS, min_size=1, max_size=2, unique=True),
    st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=3),
)
@settings(max_examples=300, deadline=None)
@example("", ["Rate"], [["160 per 1,000 words", ""], ["20 credits / 1000 tokens", ""]])
def test_price_columns_are_accounted_for(title: str, headers: list[str], cells: list[list[str]]) -> None:
    rows = [(f"Row{chr(65 + i)}", row[: len(headers)]) for i, row in enumerate(cells)]
    lines = ["| Item | " + " | ".join(headers) + " |", "|---" * (len(headers) + 1) + "|"]
    lines += [f"| {label} | " + " | ".join(row) + " |" for label, row in rows]
    card = f"{title}\n\n" + "\n".join(lines)

    assert unaccounted(rows, read_card(card)) == []


GOVERNING = st.sampled_from(
    ["**Points per image**", "### Prices (points per 1k tokens)", "Prices in points:",
    "All prices are in USD per 1M tokens.",
     "All costs in points."],
)  # fmt: skip


@given(
    GOVERNING,
    st.lists(PLAIN_HEADERS, min_size=1, max_size=2, unique=True),
    st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=3),
)
@settings(max_examples=200, deadline=None)
def test_governed_tables_are_accounted_for(title: str, headers: list[str], cells: list[list[str]]) -> None:
    rows = [(f"Row{chr(65 + i)}", row[: len(headers)]) for i, row in enumerate(cells)]
    lines = ["| Item | " + " | ".join(headers) + " |", "|---" * (len(headers) + 1) + "|"]
    lines += [f"| {label} | " + " | ".join(row) + " |" for label, row in rows]

    assert unaccounted(rows, read_card(f"{title}\n\n" + "\n".join(lines))) == []


@given(GOVERNING, st.lists(CELLS, min_size=1, max_size=4), st.sampled_from([": ", " - ", " = ", " – "]))
@settings(max_examples=200, deadline=None)
def test_governed_lists_are_accounted_for(title: str, cells: list[str], sign: str) -> None:
    rows = [(f"Row{chr(65 + i)}", [cell]) for i, cell in enumerate(cells)]
    card = f"{title}\n\n" + "\n".join(f"- {label}{sign}{cell}" for label, (cell,) in rows)

    assert unaccounted(rows, read_card(card)) == []
