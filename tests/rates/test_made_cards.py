"""150 and more made cards, annotated by hand from the contract before they were read: how many are read right."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from poe_scraper.items import Reading
from poe_scraper.rates import read_card

CARDS = json.loads(Path(__file__).with_name("made_cards.json").read_text(encoding="utf-8"))
BEYOND_ANY_PRICE = {"2025-huge-number"}
"""A price of 21 digits is left unparsed."""


def folded(text: str | None) -> str:
    return " ".join((text or "").casefold().split())


def rate_key(rate: Mapping[str, Any]) -> tuple[object, ...]:
    """What must agree, as the contract's score has it."""
    return (
        folded(rate["label"]),
        tuple(sorted(map(folded, rate["attributes"].values()))),
        rate["currency"],
        Decimal(rate["amount"]),
        *(None if rate.get(name) is None else Decimal(rate[name]) for name in ("max_amount", "list_amount")),
        Decimal(rate["per"].get("quantity", "1")),
        folded(rate["per"]["unit"]),
        rate.get("bound", "exact"),
    )


def fair_keys(rate: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    """The keys of a rate and of its other fair readings."""
    yield rate_key(rate)
    for other in rate.get("or", ()):
        yield rate_key({**rate, **other})


def adjustment_key(adjustment: Mapping[str, Any]) -> tuple[object, ...]:
    return tuple(
        sorted(
            (name, folded(value) if name in {"kind", "unit"} else str(Decimal(value)))
            for name, value in adjustment.items()
            if value is not None and name not in {"optional", "label"}
        )
    )


def wrong(card: Mapping[str, Any], reading: Reading) -> list[object]:
    """The rates and adjustments that are missing from a reading, or that are in it without being on the card."""
    read = reading.model_dump(mode="json")
    left, missing = [rate_key(rate) for rate in read["rates"]], []
    for rate in card["rates"]:
        hit = next((key for key in fair_keys(rate) if key in left), None)
        if hit is not None:
            left.remove(hit)
        elif not rate.get("optional"):
            missing.append(rate)
    changes = list(map(adjustment_key, read["adjustments"]))
    for adjustment in card["adjustments"]:
        if adjustment_key(adjustment) in changes:
            changes.remove(adjustment_key(adjustment))
        elif not adjustment.get("optional"):
            missing.append(adjustment)
    return [*missing, *left, *changes]


@pytest.mark.parametrize("card", CARDS, ids=[card["id"] for card in CARDS])
def test_made_card_is_read_right(card: Mapping[str, Any]) -> None:
    if card["id"] in BEYOND_ANY_PRICE:
        assert read_card(card["card"]).unparsed
    else:
        assert wrong(card, read_card(card["card"])) == []
