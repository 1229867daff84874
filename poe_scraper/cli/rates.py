"""`rates`: read a rate card."""

from typing import TYPE_CHECKING, BinaryIO

import click
from pydantic import BaseModel, TypeAdapter, ValidationError

from poe_scraper.cli.options import as_json, examples
from poe_scraper.cli.terminal import console, echo_json, safe, table
from poe_scraper.pricing import amounts

if TYPE_CHECKING:
    from poe_scraper.items import Rate, Reading


class _Card(BaseModel):
    id: str
    card: str


@click.command(epilog=examples("rates card.md", "rates - --json < card.md", "rates --batch cards.json"))
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--html", "is_html", is_flag=True, help="FILE is the HTML of the Rates dialog.")
@click.option(
    "--batch",
    type=click.File("rb"),
    metavar="CARDS.json",
    help='Read a list of {"id", "card"} and print {id: reading} as JSON.',
)
@as_json
def rates(file: BinaryIO | None, is_html: bool, batch: BinaryIO | None, as_json: bool) -> None:
    """Read the rate card in FILE, or on stdin where FILE is `-`."""
    from poe_scraper.rates import read_card, read_dialog

    read = read_dialog if is_html else read_card
    if batch is not None and file is None:
        echo_json({card.id: read(card.card).model_dump(mode="json") for card in _cards(batch)})
    elif file is not None and batch is None:
        reading = read(_text(file))
        if as_json:
            echo_json(reading.model_dump(mode="json"))
        else:
            _show(reading)
    else:
        message = "Give a FILE (or `-`) or --batch CARDS.json, one of the two."
        raise click.UsageError(message)


def _text(file: BinaryIO) -> str:
    try:
        return file.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"The card is not UTF-8 text (byte {error.start}). Save it as UTF-8."
        raise click.UsageError(message) from None


def _cards(file: BinaryIO) -> list[_Card]:
    """The cards of a batch; wrong usage where the file is something else, with the first thing wrong in it."""
    try:
        return TypeAdapter(list[_Card]).validate_json(file.read())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "".join(f"[{part!r}]" for part in first["loc"]) or "the file"
        message = f'CARDS.json is no list of {{"id": text, "card": text}}. At {where}: {first["msg"]}.'
        raise click.UsageError(message) from None


def _show(reading: "Reading") -> None:
    out = console()
    if reading.rates:
        rows = table("Price of", "Dollars", "Points", "Per", right=("Dollars", "Points"))
        section: str | None = None
        for row in _rows(reading.rates):
            if row[0].section != section:
                section = row[0].section
                rows.add_section()
                rows.add_row(safe(section or ""), style="bold")
            rows.add_row(*_cells(row))
        out.print(rows)
    else:
        out.print("No price on this card.")
    for adjustment in reading.adjustments:
        out.print(f"* {safe(amounts.in_words(adjustment))}")
    for piece in reading.unparsed:
        out.print(f"! not understood: {safe(piece)}")


def _rows(found: "tuple[Rate, ...]") -> "list[list[Rate]]":
    """Rates over one denominator in two currencies on one line."""
    rows: list[list[Rate]] = []
    for rate in found:
        last = rows[-1] if rows else []
        if len(last) == 1 and last[0].currency != rate.currency and _thing(last[0]) == _thing(rate):
            last.append(rate)
        else:
            rows.append([rate])
    return rows


def _thing(rate: "Rate") -> tuple[object, ...]:
    return rate.label, rate.section, rate.attributes


def _cells(row: "list[Rate]") -> list[str]:
    first = row[0]
    label = ", ".join((first.label, *(f"{name}: {value}" for name, value in first.attributes.items())))
    sums = {rate.currency: _sum(rate) for rate in row}
    denominators = dict.fromkeys(amounts.per(rate.per.model_dump(mode="json")).removeprefix("/") for rate in row)
    return [
        safe(label),
        sums.get("USD", "-"),
        sums.get("points", "-"),
        safe(" | ".join(filter(None, denominators))),
    ]


def _sum(rate: "Rate") -> str:
    shown = amounts.sum_of(rate.amount, rate.max_amount, rate.bound)
    return shown if rate.list_amount is None else f"{shown} (was {amounts.number(rate.list_amount)})"
