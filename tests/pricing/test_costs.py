"""Costs on hand-worked cases, to the last digit."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe_scraper.failures import UnpricedError, UsageError
from poe_scraper.items import POINTS_PER_USD, Bot, CacheDiscount, ContextTier, Pricing, Rate
from poe_scraper.pricing.costs import Cost, cost

CASES = json.loads(Path(__file__).with_name("costs_cases.json").read_text(encoding="utf-8"))
SEEN = datetime(2026, 10, 22, tzinfo=UTC)


def bot(pricing: Pricing) -> Bot:
    return Bot(id="a-bot", url="https://poe.com/a-bot", first_seen=SEEN, last_seen=SEEN, pricing=pricing)


def run(case: dict[str, Any]) -> Cost:
    pricing = Pricing.model_validate(case["pricing"])
    points_per_usd = Decimal(case.get("points_per_usd", POINTS_PER_USD))
    attributes = case.get("attributes")
    return cost(bot(pricing), attributes=attributes, points_per_usd=points_per_usd, **case["usage"])


def money(told: dict[str, Any]) -> dict[str, Any]:
    return {"max_amount": None, "bound": "exact", "converted": False, **told}


@pytest.mark.parametrize("case", [case for case in CASES if "refused" not in case], ids=lambda case: case["case"])
def test_costs(case: dict[str, Any]) -> None:
    bill = run(case)
    told = bill.model_dump(mode="json")
    assert told["points"] == money(case["points"])
    assert told["usd"] == money(case["usd"])
    assert told["notes"] == case.get("notes", told["notes"])
    lines = [[line["usage"], line["label"], line["points"]["amount"], line["usd"]["amount"]] for line in told["lines"]]
    assert lines == case.get("lines", lines)


@pytest.mark.parametrize("case", [case for case in CASES if "refused" in case], ids=lambda case: case["case"])
def test_honest_refusals(case: dict[str, Any]) -> None:
    with pytest.raises(UnpricedError) as refusal:
        run(case)
    assert case["refused"] in str(refusal.value)
    if "choices" in case:
        assert list(refusal.value.choices) == case["choices"]


def test_every_choice_offered_can_be_taken() -> None:
    offered = [case for case in CASES if "choices" in case]
    assert offered
    for case in offered:
        for choice in case["choices"]:
            run({**case, "attributes": {**case.get("attributes", {}), **choice}})


def test_the_cases_have_every_unit_and_adjustment_of_the_contract() -> None:
    pricing = [case["pricing"] for case in CASES]
    units = {rate["per"]["unit"] for prices in pricing for rate in prices["rates"]}
    kinds = {item["kind"] for prices in pricing for item in prices.get("adjustments", ())}
    contract = "token character word second minute image megapixel message request search call video song page url"
    assert units >= {None, "kilobyte", *contract.split()}
    assert kinds == {
        "cache_discount",
        "cache_write_surcharge",
        "context_tier",
        "free_allowance",
        "plus_called_bots",
        "undisclosed_costs",
        "variable",
    }


def test_a_line_tells_which_adjustments_changed_it() -> None:
    tier = ContextTier(min_tokens=Decimal(10), input_multiplier=Decimal(2))
    discount = CacheDiscount(percent=Decimal(90))
    rates = [Rate.model_validate(rate) for rate in CASES[0]["pricing"]["rates"]]
    pricing = Pricing(rates=tuple(rates), adjustments=(tier, discount))
    bill = cost(bot(pricing), input_tokens=1, cached_input_tokens=10, output_tokens=1)
    assert {line.usage: line.applied for line in bill.lines} == {
        "input_tokens": (tier,),
        "cached_input_tokens": (discount, tier),
        "output_tokens": (),
    }
    assert {line.source for line in bill.lines} == {"page"}


@pytest.mark.parametrize(
    ("usage", "message"),
    [
        ({}, "nothing is used"),
        ({"input_tokens": 0}, "nothing is used"),
        ({"messages": -1}, "messages must be a number of at least 0, got -1"),
        ({"seconds": float("nan")}, "seconds must be a number of at least 0, got nan"),
        ({"seconds": Decimal("Infinity")}, r"seconds must be a number of at least 0, got Decimal\('Infinity'\)"),
        ({"units": {"Second": 3}}, "give seconds its own argument"),
        ({"messages": 1, "points_per_usd": Decimal(0)}, "points_per_usd must be more than 0"),
    ],
)
def test_wrong_usage(usage: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        cost(bot(Pricing.model_validate(CASES[0]["pricing"])), **usage)


AMOUNTS = st.decimals(min_value="0", max_value="1000", places=6)
COUNTS = st.integers(min_value=1, max_value=10**9)


@given(price=AMOUNTS, quantity=st.sampled_from([1, 1000, 1_000_000]), first=COUNTS, second=COUNTS)
def test_costs_of_parts_add_up_exactly(price: Decimal, quantity: int, first: int, second: int) -> None:
    rates = [
        Rate.model_validate(
            {
                "label": "Input",
                "currency": currency,
                "amount": price,
                "per": {"quantity": quantity, "unit": "token"},
            }
        )
        for currency in ("USD", "points")
    ]
    priced = bot(Pricing(rates=tuple(rates)))
    parts = [cost(priced, input_tokens=count).usd.amount for count in (first, second)]
    assert cost(priced, input_tokens=first + second).usd.amount == sum(parts)
    assert cost(priced, input_tokens=first).usd == cost(priced, input_tokens=first).points
