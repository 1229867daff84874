"""Costs on hand-worked cases, to the last digit."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe_scraper.failures import UnpricedError, UsageError
from poe_scraper.items import POINTS_PER_USD, Architecture, Bot, CacheDiscount, ContextTier, Pricing, Rate
from poe_scraper.pricing.costs import Cost, cost, variants

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
    assert told["assumptions"] == case.get("assumptions", [])
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
        "multiplier",
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


# --- rules that a change must not break unnoticed -----------------------------------------------


def rate(label: str, amount: str, unit: str | None, currency: str = "points", **more: Any) -> Rate:
    quantity = more.pop("quantity", 1)
    per = {"quantity": quantity, "unit": unit, "qualifier": more.pop("qualifier", None)}
    return Rate.model_validate({"label": label, "currency": currency, "amount": amount, "per": per, **more})


def priced(*rates: Rate, adjustments: Sequence[dict[str, Any]] = (), makes: Sequence[str] = (), **more: Any) -> Bot:
    pricing = Pricing.model_validate({"rates": rates, "adjustments": adjustments, **more})
    return bot(pricing).model_copy(update={"architecture": Architecture(output_modalities=tuple(makes))})


TOKENS = (rate("Input", "10", "token"), rate("Output", "40", "token"))


def test_of_two_open_tiers_the_higher_one_counts() -> None:
    tiers = [
        {"kind": "context_tier", "min_tokens": "100", "input_multiplier": "2"},
        {"kind": "context_tier", "min_tokens": "200", "input_multiplier": "3"},
    ]
    for order in (tiers, tiers[::-1]):
        found = priced(*TOKENS, adjustments=order)
        assert cost(found, input_tokens=201).points.amount == 201 * 10 * 3
        assert cost(found, input_tokens=200).points.amount == 200 * 10 * 2


def test_a_surcharge_row_is_in_the_tier_too() -> None:
    tier = {"kind": "context_tier", "min_tokens": "100", "input_multiplier": "2"}
    found = priced(*TOKENS, rate("Cache write surcharge", "3", "token"), adjustments=[tier])

    bill = cost(found, cache_write_tokens=101)
    assert bill.points.amount == 101 * (10 + 3) * 2
    assert [line.applied for line in bill.lines] == [found.pricing.adjustments] * 2


@pytest.mark.parametrize(
    ("adjustment", "bound", "note"),
    [
        ({"kind": "discount", "percent": "25", "label": "Batch"}, "up_to", "not applied: Batch: 25 % off"),
        ({"kind": "multiplier", "factor": "2", "label": "Peak"}, "from", "not applied: Peak: 2 times the price"),
        ({"kind": "multiplier", "factor": "0.5", "label": "Night"}, "up_to", "not applied: Night: 0.5 times the price"),
        ({"kind": "markup", "percent": "20", "label": "provider"}, "from", "not applied: provider: plus 20 %"),
        (
            {"kind": "volume_discount", "percent": "5"},
            "about",
            "not applied: an adjustment that this version does not know: volume_discount",
        ),
    ],
)
def test_an_adjustment_that_is_not_applied_is_said(adjustment: dict[str, Any], bound: str, note: str) -> None:
    bill = cost(priced(*TOKENS, adjustments=[adjustment]), input_tokens=5)

    assert bill.points.amount == 50
    assert (bill.points.bound, bill.usd.bound) == (bound, bound)
    assert bill.notes == (note,)


def test_a_suspect_price_is_not_exact() -> None:
    contradicted = (rate("Image", "1000", "image"), rate("Image", "300", "image", "USD"))

    bill = cost(priced(*contradicted), images=2)
    assert bill.points.amount == 2000
    assert bill.points.bound == "about"
    assert bill.notes == ("unsure: other evidence contradicts the price of Image (see checks)",)


def test_prices_count_from_their_date_on() -> None:
    found = priced(rate("Image", "100", "image"), rate("Image", "200", "image", attributes={"effective": "from Dec 1"}))

    assert cost(found, images=1, on=date(2026, 11, 30)).points.amount == 100
    assert cost(found, images=1, on=date(2026, 12, 1)).points.amount == 200
    assert cost(found, images=1).points.amount == 100, "by default, on the day the card was read"


@pytest.mark.parametrize(
    ("rates", "makes", "usage", "points", "assumptions"),
    [
        ([rate("Image Output", "100", "message")], [], {"images": 4}, 400, ["one message makes one image"]),
        ([rate("Total Cost", "100", "message")], ["image"], {"images": 4}, 400, ["one message makes one image"]),
        ([rate("1024x1024", "100", None)], ["image"], {"images": 2}, 200, ["one use makes one image"]),
        ([rate("Image", "50", "megapixel")], [], {"images": 2}, 100, ["one image is one megapixel"]),
        (
            [
                rate("Image", "50", "megapixel", qualifier="first"),
                rate("Image", "20", "megapixel", qualifier="additional"),
            ],
            [],
            {"images": 2},
            100,
            ["one image is one megapixel"],
        ),
        ([rate("Video", "900", "video")], [], {"seconds": 5}, 900, ["one video makes a clip of 5 s"]),
        (
            [
                rate("Video", "500", None, attributes={"Length": "5s"}),
                rate("Video", "900", None, attributes={"Length": "10s"}),
            ],
            [],
            {"seconds": 5},
            500,
            ["5 s are 1 clip of 5 s"],
        ),
        (
            [
                rate("Video", "500", None, attributes={"Duration": "5"}),
                rate("Video", "900", None, attributes={"Duration": "10"}),
            ],
            [],
            {"seconds": 7},
            900,
            ["7 s are 1 clip of 10 s"],
        ),
        ([rate("Video (5 seconds)", "500", "message")], [], {"seconds": 12}, 1500, ["12 s are 3 clips of 5 s"]),
        ([rate("Video", "10", "second")], [], {"seconds": 5}, 50, []),
        (
            [rate("Upscale", "10", None), rate("Video 720p", "70", None)],
            ["image", "video"],
            {"seconds": 5},
            70,
            ["one use makes a clip of 5 s"],
        ),
    ],
)
def test_media_on_bots_that_price_another_unit(
    rates: list[Rate], makes: list[str], usage: dict[str, Any], points: int, assumptions: list[str]
) -> None:
    bill = cost(priced(*rates, makes=makes), **usage)

    assert bill.points.amount == points
    assert bill.points.bound == "exact"
    assert list(bill.assumptions) == assumptions


@pytest.mark.parametrize(
    ("rates", "usage", "reason"),
    [
        ([rate("Image input", "5", "image"), rate("Video", "100", "second")], {"images": 4}, "given to it"),
        ([rate("Reference images", "5", "image"), rate("Output", "1", "token")], {"images": 4}, "given to it"),
        ([rate("Audio input", "5", "second"), rate("Image", "9", "image")], {"images": 1, "seconds": 3}, "given to it"),
        ([rate("Total Cost", "100", "message")], {"images": 4}, "charges by the message"),
        ([rate("Web search", "5", None), rate("Output", "1", "token")], {"images": 4}, "no price for images"),
        ([rate("Image to video", "5", None), rate("Output", "1", "token")], {"images": 4}, "no price for images"),
    ],
)
def test_an_input_price_never_answers_for_what_is_made(rates: list[Rate], usage: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnpricedError, match=reason):
        cost(priced(*rates, makes=["text", "video"]), **usage)


def test_an_input_price_can_be_chosen_by_its_label() -> None:
    found = priced(rate("Image input", "5", "image"), rate("Video", "100", "second"), makes=["video"])

    assert cost(found, images=4, attributes={"label": "image input"}).points.amount == 20


def test_seconds_of_a_bot_that_transcribes_are_those_given_to_it() -> None:
    found = priced(rate("Audio input", "5", "second"), makes=["text"])

    assert cost(found, seconds=10).points.amount == 50


def test_variants_are_sorted_by_cost() -> None:
    found = priced(rate("720p", "10", "second"), rate("1080p", "5", "second"), makes=["video"])

    assert [(chosen, str(bill.points.amount)) for chosen, bill in variants(found, seconds=2)] == [
        ({"label": ["1080p"]}, "10"),
        ({"label": ["720p"]}, "20"),
    ]


def test_without_a_choice_to_make_there_is_one_variant() -> None:
    ((chosen, bill),) = variants(priced(*TOKENS), input_tokens=3)

    assert not chosen
    assert bill.points.amount == 30


def test_no_variant_answers() -> None:
    with pytest.raises(UnpricedError):
        variants(priced(*TOKENS), images=3)
