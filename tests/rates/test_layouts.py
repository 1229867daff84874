"""Cards in many layouts, each with its reading.

`layouts.txt` has made-up cards, `recorded_layouts.txt` the tables and titles of cards that bots of October 2026 had,
without their prose. Each file holds the card, `----`, then one line per rate, adjustment or unparsed piece; a line
`====` separates cards.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import mistune
import pytest
from markdown_it import MarkdownIt

from poe_scraper.items import Per, Rate, Reading
from poe_scraper.rates import read_card, read_dialog

LAYOUTS = [
    tuple(part.strip("\n") for part in layout.split("\n----\n"))
    for name in ("layouts.txt", "recorded_layouts.txt")
    for layout in Path(__file__).with_name(name).read_text(encoding="utf-8").split("\n====\n")
]
RENDERERS: dict[str, Callable[[str], object]] = {
    "markdown-it": MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render,
    "markdown-it with breaks": MarkdownIt("commonmark", {"html": True, "breaks": True})
    .enable(["table", "strikethrough"])
    .render,
    "mistune": mistune.create_markdown(escape=False, plugins=["table", "strikethrough"]),
}


def _per(per: Per) -> str:
    words = [str(per.quantity) if per.quantity != 1 or per.unit is None else "", per.qualifier, per.unit]
    return "" if per.unit is None and per.quantity == 1 else " / " + " ".join(filter(None, words))


def _line(rate: Rate) -> str:
    amount = f"{rate.amount:f}" if rate.max_amount is None else f"{rate.amount:f} to {rate.max_amount:f}"
    was = "" if rate.list_amount is None else f" (was {rate.list_amount:f})"
    bound = "" if rate.bound == "exact" else f" [{rate.bound}]"
    where = "".join(
        [
            f" § {rate.section}" if rate.section is not None else "",
            "".join(f" {{{name}: {value}}}" for name, value in rate.attributes.items()),
        ]
    )
    return f"{rate.label}{where} = {amount} {rate.currency}{was}{_per(rate.per)}{bound}"


def lines(reading: Reading) -> Iterator[str]:
    yield from map(_line, reading.rates)
    for adjustment in reading.adjustments:
        fields = adjustment.model_dump(mode="json", exclude={"kind"})
        yield f"* {adjustment.kind} " + ", ".join(f"{name} {value}" for name, value in fields.items())
    for piece in reading.unparsed:
        yield f"! {piece}"


@pytest.mark.parametrize(("card", "expected"), LAYOUTS, ids=[layout[0][:40] for layout in LAYOUTS])
def test_layout_is_read(card: str, expected: str) -> None:
    assert "\n".join(lines(read_card(card))) == expected


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize("card", [layout[0] for layout in LAYOUTS], ids=[layout[0][:40] for layout in LAYOUTS])
def test_dialog_reads_as_its_markdown(card: str, renderer: str) -> None:
    html = RENDERERS[renderer](card)
    assert isinstance(html, str)

    assert read_dialog(html) == read_card(card)
