"""Check that the annotations of `made_cards.json` are well formed. No card is parsed here."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

CARDS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("made_cards.json").read_text(encoding="utf-8"))

RATE_FIELDS = {"label", "section", "attributes", "currency", "amount", "max_amount", "list_amount", "per", "bound"}
ADJUSTMENT_FIELDS = {
    "cache_discount": {"percent"},
    "cache_write_surcharge": {"percent", "ttl_seconds"},
    "context_tier": {"min_tokens", "max_tokens", "input_multiplier", "output_multiplier"},
    "free_allowance": {"quantity", "unit"},
    "plus_called_bots": set(),
    "undisclosed_costs": set(),
    "variable": {"label"},
    "discount": {"percent", "label"},
    "multiplier": {"factor", "label"},
    "markup": {"percent", "label"},
}
TEXT_FIELDS = {"kind", "label", "unit"}


def decimals(rate: dict[str, Any]) -> list[str]:
    numbers = [rate.get(field) for field in ("amount", "max_amount", "list_amount")]
    if "per" in rate:
        numbers.append(rate["per"]["quantity"])
    return [number for number in numbers if number is not None]


def test_ids_and_cards_are_unique() -> None:
    assert len({card["id"] for card in CARDS}) == len(CARDS)
    assert len({card["card"] for card in CARDS}) == len(CARDS)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card["id"])
def test_annotation_is_well_formed(card: dict[str, Any]) -> None:
    assert set(card) - {"unparsed"} == {"id", "card", "rates", "adjustments"}
    assert card["id"].startswith(("2025-", "2026-"))
    assert card["rates"] or card["unparsed"]
    for rate in card["rates"]:
        assert set(rate) - {"or", "optional"} == RATE_FIELDS
        assert rate["currency"] in ("USD", "points")
        assert rate["max_amount"] is None or Decimal(rate["amount"]) < Decimal(rate["max_amount"])
        for reading in [rate, *rate.get("or", [])]:
            assert set(reading) <= RATE_FIELDS | {"or", "optional"}
            assert reading.get("bound", "exact") in ("exact", "up_to", "from", "about")
            assert all(isinstance(number, str) and Decimal(number) >= 0 for number in decimals(reading))
    for adjustment in card["adjustments"]:
        fields = {field: value for field, value in adjustment.items() if field not in ("kind", "optional")}
        assert set(fields) == ADJUSTMENT_FIELDS[adjustment["kind"]]
        assert all(
            Decimal(value) > 0 for field, value in fields.items() if field not in TEXT_FIELDS and value is not None
        )
    for piece in card.get("unparsed", []):
        assert piece in card["card"]
