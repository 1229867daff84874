"""What holds for every text, and for every card that is built from the contract's words."""

import re
from collections.abc import Sequence
from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from poe_scraper.items import Bound, Currency, Per, Rate, Reading
from poe_scraper.rates import read_card, read_dialog

# --- any text -----------------------------------------------------------------------------------

PIECES = [
    "$", "5", "1,000", "0.03", " ", "\n", "\n\n", "|", "-", "points", "point", "pts", "/", "per", "image", "(", ")",
    ":", "=", "*", "**", "~~", "_", "`", "```", "[", "](", "]", ">", "<", "# ", "- ", "1. ", "&", "&#36;", "\\", "!",
    ",", ".", "to", "+", "cost", "costs", "free", "first", "%", "x", "$5", "$0.03", "10 points", "100 points",
    "|---|---|", "| Type | Rate |\n|---|---|\n", "Rate (USD)", "a", "Ünï", "输入", "\u200b", "\u202e", "\0", "'",
    '"', "<b>", "</b>", "<br>", "<!--", "-->", "<del>", "&nbsp;", "from", "and", "between", "up to", "7.5",
    "1.234,56", "e", "-7", "USD", "cents", "€", "[usd_milli_cents=5]", "tokens", "1M", "1k", "2x", "context",
    "cache", "90%", "discount", "creator", "additional", "bots", "it", "calls", "plus",
]  # fmt: skip
AMOUNTS = st.sampled_from(["$5", "$0.03", "$1,234.50", "10 points", "1,500 pts", "1 point", "$7-9", "$ 8"])
ANY_TEXT = st.one_of(
    st.text(),
    st.lists(st.tuples(st.one_of(st.text(max_size=8), st.sampled_from(PIECES)), AMOUNTS), max_size=12).map(
        lambda pairs: " ".join(f"{text} {amount}" for text, amount in pairs)
    ),
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join),
)

_HIDDEN = r"(?:[*_~`\\\[\]!]|<[^<>\n]*>|&#?\w+;|[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069])*"
"""Markup that may stand inside a number: what `$5` is a part of is another number then."""

_AMOUNT = re.compile(
    rf"\$[ ]?(\d(?:[\d.,]*\d)?)(?!{_HIDDEN}[\w\ufffd\0]|[.,'’\u00a0\u2009\u202f]\d)"
    r"|(?<![\w.,$'’\u00a0])(\d(?:[\d.,]*\d)?)[ ]?(?:points?|pts)\b"
)


def carried(reading: Reading) -> set[Decimal]:
    """Every number of the rates and adjustments."""
    numbers = {amount for rate in reading.rates for amount in (rate.amount, rate.max_amount, rate.list_amount)}
    for adjustment in reading.adjustments:
        numbers.update(value for _, value in adjustment if isinstance(value, Decimal))
    return {number for number in numbers if number is not None}


def missing(card: str, reading: Reading) -> list[str]:
    """Amounts of a text that are in none of the three lists, found without the reader's own lexer."""
    known, left = carried(reading), " ".join(" ".join(reading.unparsed).split())
    amounts = ["".join(found) for found in _AMOUNT.findall(card)]
    return [amount for amount in amounts if amount not in left and _value(amount) not in known]


def _value(amount: str) -> Decimal | None:
    plain = amount.replace(",", "")
    return Decimal(plain) if plain.count(".") < 2 and plain.isascii() else None


@given(ANY_TEXT)
@example("1M *points* 5 points\n7 points-")
@example("`5 points`x")
@example("10 points\u200b输入")
@example("x<b>10 points</b>")
@example("100 points~~1k")
@example("input 2x context 7.5 - 10 points")
@example("input 2x context >10 points free")
@example("$2x context input")
@example("**1,000\npoints**")
def test_every_amount_of_any_text_is_found_again(card: str) -> None:
    assert missing(card, read_card(card)) == []


@given(ANY_TEXT)
def test_any_html_gives_a_reading(html: str) -> None:
    reading = read_dialog(html)

    assert Reading.model_validate_json(reading.model_dump_json()) == reading


# --- cards that are built -----------------------------------------------------------------------

LABELS = st.sampled_from(["Input (text)", "Output", "Web search", "720p", "1080p, audio", "Total cost", "Low, 2K"])
SECTIONS = st.one_of(st.none(), st.sampled_from(["Standard mode", "Image generation (beta)", "5 seconds"]))
UNITS = {"token": "tokens", "image": "images", "second": "sec", "message": "messages", "kilobyte": "KB", "url": "URLs"}
QUANTITIES = {1: "", 5: "5 ", 1000: "1k ", 1_000_000: "1M "}
BOUNDS: dict[Bound, str] = {"exact": "", "up_to": "Up to ", "about": "~", "from": "from "}


def money(digits: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(min_value=0, max_value=100_000, places=digits, allow_nan=False)


@st.composite
def prices(draw: st.DrawFn, currency: Currency) -> Rate:
    amount = draw(money(0 if currency == "points" else draw(st.integers(0, 6))))
    high = amount + draw(st.integers(1, 500)) if draw(st.booleans()) and draw(st.booleans()) else None
    former = amount + 1 if high is None and draw(st.integers(0, 4)) == 0 else None
    bound = draw(st.sampled_from(["exact", "exact", "exact", "up_to", "about"] if high else list(BOUNDS)))
    return Rate(label="", currency=currency, amount=amount, max_amount=high, list_amount=former, bound=bound)


@st.composite
def rows(draw: st.DrawFn) -> list[Rate]:
    """A row's price in one or both currencies."""
    label, attributes = draw(LABELS), draw(st.dictionaries(st.just("Duration"), st.sampled_from(["5s", "10s"])))
    unit = draw(st.one_of(st.none(), st.sampled_from(list(UNITS))))
    quantity = draw(st.sampled_from(list(QUANTITIES))) if unit else 1
    per = Per(quantity=Decimal(quantity), unit=unit, qualifier=None)
    currencies: list[Currency] = draw(st.sampled_from([["USD"], ["points"], ["USD", "points"]]))
    return [
        draw(prices(currency)).model_copy(update={"label": label, "attributes": attributes, "per": per})
        for currency in currencies
    ]


def written(rate: Rate) -> str:
    """A price as a card writes it."""

    def amount(value: Decimal) -> str:
        return f"${value:,f}" if rate.currency == "USD" else f"{value:,f}"

    figures = amount(rate.amount) if rate.max_amount is None else f"{amount(rate.amount)}-{amount(rate.max_amount)}"
    figures = BOUNDS[rate.bound] + figures
    if rate.list_amount is not None:
        figures = f"~~{amount(rate.list_amount)}~~ **{figures}**"
    points = " points" if rate.currency == "points" else ""
    unit = f" / {QUANTITIES[int(rate.per.quantity)]}{UNITS[rate.per.unit]}" if rate.per.unit else ""
    return figures + points + unit


def table(found: Sequence[list[Rate]]) -> str:
    """A table with a column for each currency."""
    lines = ["| Type | Duration | Rate (USD) | Rate (Points) |", "|---|:---:|--:|--:|"]
    for row in found:
        cells = {rate.currency: written(rate) for rate in row}
        duration = row[0].attributes.get("Duration", "")
        lines.append(f"| {row[0].label} | {duration} | {cells.get('USD', '')} | {cells.get('points', '')} |")
    return "\n".join(lines)


def bullets(found: Sequence[list[Rate]]) -> str:
    """A list with both currencies on a line."""
    return "\n".join(f"- {row[0].label}: {', '.join(map(written, row))}" for row in found)


@given(st.lists(st.tuples(SECTIONS, st.lists(rows(), min_size=1, max_size=4)), min_size=1, max_size=3))
def test_tables_come_back_as_they_were_built(parts: list[tuple[str | None, list[list[Rate]]]]) -> None:
    card, expected, governing = [], [], None
    for section, found in parts:
        governing = section or governing
        card += [f"**{section}**\n" if section else "", table(found), ""]
        expected += [rate.model_copy(update={"section": governing}) for row in found for rate in row]

    assert read_card("\n".join(card)) == Reading(rates=tuple(expected))


@given(st.sampled_from(["Standard mode", "Image generation"]), st.lists(rows(), min_size=1, max_size=5))
def test_lists_come_back_as_they_were_built(section: str, found: list[list[Rate]]) -> None:
    expected = tuple(rate.model_copy(update={"section": section, "attributes": {}}) for row in found for rate in row)

    assert read_card(f"## {section}\n\n{bullets(found)}") == Reading(rates=expected)


@given(
    st.integers(0, 99),
    st.integers(1, 60),
    st.integers(1, 999),
    st.sampled_from(["1.5", "2", "3.33"]),
    st.sampled_from(["2", "6.15"]),
    st.integers(1, 99_999),
)
def test_adjustments_come_back_as_they_were_built(
    percent: int, minutes: int, thousands: int, factor: str, other: str, allowance: int
) -> None:
    reading = read_card(
        f"| Type | Rate |\n|---|---|\n| Cache discount | {percent}% discount on [cached chat](https://example.com) |\n"
        f"| Input (file) | Variable |\n\n"
        f"When new content is written to the cache, it costs {percent}% more points than the original input and "
        f"stays stored for {minutes} minutes before automatically expiring.\n\n"
        f"Input rate is {factor}x and output rate is {other}x when context is >{thousands}k tokens.\n\n"
        f"**First {allowance:,} points worth of generations are free!**\n\n"
        "The creator defined additional costs."
    )

    assert [adjustment.model_dump(mode="json") for adjustment in reading.adjustments] == [
        {"kind": "cache_discount", "percent": str(percent)},
        {"kind": "variable", "label": "Input (file)"},
        {"kind": "cache_write_surcharge", "percent": str(percent), "ttl_seconds": str(minutes * 60)},
        {
            "kind": "context_tier",
            "min_tokens": str(thousands * 1000),
            "max_tokens": None,
            "input_multiplier": factor,
            "output_multiplier": other,
        },
        {"kind": "free_allowance", "quantity": str(allowance), "unit": "point"},
        {"kind": "undisclosed_costs"},
    ]
    assert (reading.rates, reading.unparsed) == ((), ())
