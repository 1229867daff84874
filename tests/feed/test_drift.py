"""Gaps in the models API's answers: filled with the last known values, counted, and never mistaken for facts."""

import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe_scraper.failures import Code
from poe_scraper.feed.drift import CATALOG_FACTS, CatalogDrift, with_kept
from poe_scraper.feed.due import is_due, is_news
from poe_scraper.feed.merge import join, merge
from poe_scraper.items import Bot, BotError, PageSighting
from poe_scraper.pages.catalog import read_catalog
from tests.made_entries import AT, ENTRY, URL, json_values

LATER = AT + timedelta(hours=1)


def entry(number: int = 0, **changes: object) -> dict[str, object]:
    fields = {**ENTRY, "id": f"bot-{number}", **changes}
    return {name: value for name, value in fields.items() if value is not ...}


def crawl(*entries: Mapping[str, object], at: Any = LATER) -> list[Bot]:
    body = json.dumps({"data": entries}).encode()
    return list(read_catalog(body, url=URL, at=at, site_url="https://poe.com").bots)


def known_bots(count: int = 30) -> list[Bot]:
    return [merge(None, bot) for bot in crawl(*map(entry, range(count)), at=AT)]


def problems(known: list[Bot], seen: list[Bot]) -> list[BotError]:
    drift = CatalogDrift(max_lost=0.05)
    for old, new in zip(known, seen, strict=True):
        drift.add(new, old)
    return list(drift.problems(LATER))


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"supported_features": [{"name": "tools"}]}, ["supported_features"]),
        ({"supported_features": ...}, ["supported_features"]),
        ({"owned_by": None}, ["owned_by"]),
        (
            {"architecture": {"input_modalities": None, "output_modalities": ["video"]}},
            ["architecture.input_modalities"],
        ),
        ({"pricing": {"text": {"prompt": "0.1"}}}, ["pricing.api"]),
        ({"pricing": {"prompt": "free", "completion": "0.5", "request": None}}, ["pricing.api.prompt"]),
    ],
)
def test_a_gap_keeps_the_known_value(changes: dict[str, object], fields: list[str]) -> None:
    (known,) = known_bots(1)
    (seen,) = crawl(entry(0, **changes))
    merged = merge(known, seen)
    assert merged.observed.catalog is not None
    assert merged.observed.catalog.at == LATER
    assert set(fields) <= set(merged.observed.catalog.kept)
    assert set(fields) <= {error.field for error in merged.errors}
    for field in fields:
        before, after = known, merged
        for name in field.split("."):
            before, after = getattr(before, name), getattr(after, name)
        assert before == after
        assert before


def test_what_the_entry_does_give_is_taken() -> None:
    (known,) = known_bots(1)
    (seen,) = crawl(entry(0, supported_features=[{}], pricing={**ENTRY["pricing"], "prompt": "0.7"}))
    merged = merge(known, seen)
    assert merged.supported_features == known.supported_features
    assert merged.pricing.api is not None
    assert merged.pricing.api.prompt == Decimal("0.7")


def test_null_takes_a_price_away_where_the_api_says_so() -> None:
    (known,) = known_bots(1)
    (seen,) = crawl(entry(0, pricing={**ENTRY["pricing"], "prompt": None}))
    api = merge(known, seen).pricing.api
    assert api is not None
    assert (api.prompt, api.completion) == (None, Decimal("0.0000060606"))


def test_a_gap_in_a_new_bot_leaves_that_field_empty() -> None:
    (seen,) = crawl(entry(0, supported_features=...))
    merged = merge(None, seen)
    assert merged.supported_features == ()
    assert merged.observed.catalog is not None
    assert merged.observed.catalog.kept == ()


def test_a_gap_is_neither_news_nor_a_reason_to_visit_the_page() -> None:
    (known,) = known_bots(1)
    (seen,) = crawl(entry(0, supported_features=..., created=1790012963))
    kept = merge(known, seen)
    assert not is_news(kept, seen)
    sighting = PageSighting(at=LATER, url="https://poe.com/x")
    page = kept.model_copy(update={"observed": kept.observed.model_copy(update={"page": sighting})})
    assert not is_due(page, seen, now=LATER, max_age=timedelta(days=1))


def test_a_bot_on_a_profile_too_keeps_its_known_facts() -> None:
    (known,) = known_bots(1)
    (listed,) = crawl(entry(0, supported_features=...))
    profile = Bot(id="bot-0", url=listed.url, first_seen=LATER, last_seen=LATER, discovered_by=("creator",))
    for joined in (join(profile, listed), join(listed, profile)):
        assert merge(known, joined).supported_features == ("tools",)


def test_one_problem_per_field_says_how_many() -> None:
    known = known_bots(30)
    seen = crawl(*(entry(n, supported_features=[{}], owned_by=... if n < 2 else "XAI") for n in range(30)))
    drift, odd = sorted(problems(known, seen), key=lambda problem: str(problem.code))
    assert (drift.code, drift.field) == (Code.CATALOG_DRIFT, "supported_features")
    assert "supported_features could not be read in 30 of 30 entries" in drift.message
    assert (odd.code, odd.field) == (Code.FIELD_MALFORMED, "owned_by")
    assert "owned_by is missing from 2 of 30 entries that had it" in odd.message


@pytest.mark.parametrize(("nulls", "withdrawn"), [(1, False), (2, False), (3, True), (30, True)])
def test_many_nulls_at_once_are_a_change_of_the_api(nulls: int, *, withdrawn: bool) -> None:
    known = known_bots(30)
    seen = crawl(*(entry(n, **({"pricing": None} if n < nulls else {})) for n in range(30)))
    drift = CatalogDrift(max_lost=0.05)
    for old, new in zip(known, seen, strict=True):
        drift.add(new, old)
    assert (drift.withdrawn() == {"pricing.api"}) is withdrawn
    assert [problem.code for problem in drift.problems(LATER)] == ([Code.CATALOG_DRIFT] if withdrawn else [])
    first = merge(known[0], drift.keep_withdrawn(seen[0]))
    assert (first.pricing.api == known[0].pricing.api) is withdrawn
    assert merge(known[29], drift.keep_withdrawn(seen[29])).pricing.api == (
        known[29].pricing.api if nulls < 30 or withdrawn else None
    )


def test_unknown_price_keys_are_said_once() -> None:
    pricing = {**ENTRY["pricing"], "web_search": "0.01"}
    seen = crawl(*(entry(n, pricing=pricing) for n in range(30)))
    (problem,) = problems(known_bots(30), seen)
    assert problem.code == Code.PRICE_KEY_UNKNOWN
    assert "web_search" in problem.message


def test_an_answer_that_is_mostly_unreadable_is_not_understood() -> None:
    odd = {"supported_features": 1, "owned_by": 1, "description": 1}
    found = problems(known_bots(10), crawl(*(entry(n, **odd) for n in range(10))))
    assert [problem.code for problem in found].count(Code.CATALOG_DRIFT) == 3
    assert found[-1].code == Code.CATALOG_GARBLED


@given(st.dictionaries(st.sampled_from(sorted(set(ENTRY) - {"id"})), json_values))
def test_no_value_of_any_kind_erases_or_falsifies(changes: dict[str, object]) -> None:
    (known,) = known_bots(1)
    (seen,) = crawl(entry(0, **changes))
    merged = merge(known, seen)
    nulls = {name for name, value in changes.items() if value is None}
    for fact in {*CATALOG_FACTS, "display_name", "description"} - nulls:
        if getattr(known, fact):
            assert getattr(merged, fact) is not None
    if "pricing" not in changes:
        assert merged.pricing.api == known.pricing.api
    assert with_kept(merged, known).observed == merged.observed
    json.loads(merged.as_json(), parse_constant=pytest.fail)
