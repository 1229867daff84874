"""The models API's answer, read through `read_catalog`."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe_scraper.failures import Code, ObservationError
from poe_scraper.pages.catalog import Catalog, bot_url, is_handle, read_catalog

AT = datetime(2026, 10, 22, 13, 19, 4, tzinfo=UTC)
URL = "https://api.poe.com/v1/models"

ENTRY: dict[str, Any] = {
    "id": "grok-4.7",
    "object": "model",
    "created": 1790012963916,
    "description": "Made for this test.",
    "owned_by": "XAI",
    "permission": [],
    "root": "grok-4.7",
    "parent": None,
    "architecture": {
        "input_modalities": ["text", "image"],
        "output_modalities": ["text"],
        "modality": "text,image->text",
    },
    "supported_features": ["tools"],
    "pricing": {
        "prompt": "0.0000020202",
        "completion": "6.0606e-06",
        "image": None,
        "request": None,
        "input_cache_read": "2.6e-07",
        "input_cache_write": None,
    },
    "context_window": {"context_length": 256000, "max_output_tokens": 32768},
    "context_length": 256000,
    "metadata": {
        "display_name": "Grok 4.7",
        "image": {"url": "https://example.org/grok.png", "alt": "", "width": 64, "height": 64},
        "url": "https://poe.com/grok-4.7",
    },
    "reasoning": {
        "budget": {"max_tokens": 1024, "min_tokens": 0},
        "required": False,
        "supports_reasoning_effort": True,
    },
    "parameters": [{"name": "size", "schema": {"type": "string"}, "default_value": "1k", "description": "Size."}],
}


def read(*entries: object) -> Catalog:
    body = json.dumps({"object": "list", "data": entries}).encode()
    return read_catalog(body, url=URL, at=AT, site_url="https://poe.com/")


def test_an_entry_in_full() -> None:
    (bot,), problems = read(ENTRY)
    assert problems == ()
    assert (bot.id, bot.display_name, bot.owned_by) == ("grok-4.7", "Grok 4.7", "XAI")
    assert bot.handle is None
    assert bot.url == "https://poe.com/grok-4.7"
    assert bot.created == datetime(2026, 9, 21, 17, 49, 23, 916000, tzinfo=UTC)
    assert bot.architecture is not None
    assert bot.architecture.input_modalities == ("text", "image")
    assert bot.context_window is not None
    assert bot.context_window.max_output_tokens == 32768
    assert bot.supported_features == ("tools",)
    assert bot.reasoning is not None
    assert bot.reasoning.budget is not None
    assert bot.reasoning.budget.max_tokens == 1024
    assert bot.parameters[0].json_schema == {"type": "string"}
    assert bot.pricing.api is not None
    assert bot.pricing.api.prompt == Decimal("0.0000020202")
    assert bot.pricing.api.completion == Decimal("0.0000060606")
    assert bot.pricing.api.input_cache_read == Decimal("0.00000026")
    assert bot.pricing.api.request is None
    assert bot.observed.catalog is not None
    assert (bot.observed.catalog.at, bot.observed.catalog.url) == (AT, URL)
    assert bot.observed.page is None
    assert bot.discovered_by == ("api",)


@pytest.mark.parametrize(
    ("pricing", "expected"),
    [
        (None, None),
        ({"prompt": None, "completion": None}, None),
        ({"prompt": None, "request": "0.0051"}, {"request": "0.0051"}),
        ({"prompt": "0", "completion": "0"}, {"prompt": "0", "completion": "0"}),
        ({"prompt": 0.5, "per_moon": "3"}, {"prompt": "0.5"}),
    ],
)
def test_api_prices(pricing: object, expected: dict[str, str] | None) -> None:
    (bot,), _ = read({**ENTRY, "pricing": pricing})
    api = bot.pricing.api
    assert (api and api.model_dump(mode="json", exclude_none=True)) == expected


def test_unknown_keys_are_ignored() -> None:
    known, more = read(ENTRY), read({**ENTRY, "surprise": {"deep": [1]}})
    assert (list(more.bots), more.problems) == (list(known.bots), known.problems)


@pytest.mark.parametrize(
    "identity",
    [None, 7, "", "a/b", "..", "a..b", ".a", "a\x00b", "a\nb", "a b", "x" * 101, "\u202eabc", "a%2fb", []],
)
def test_an_entry_without_a_usable_id_is_left_out_and_reported(identity: object) -> None:
    catalog = read({**ENTRY, "id": identity}, ENTRY)
    assert [bot.id for bot in catalog.bots] == ["grok-4.7"]
    (problem,) = catalog.problems
    assert problem.code == Code.ENTRY_MALFORMED
    assert "entry 0" in problem.message
    assert problem.message.isprintable()


def test_half_an_emoji_costs_no_entry() -> None:
    """A text cut by UTF-16 units ends so, and JSON can say it."""
    catalog = read({**ENTRY, "owned_by": "cut \ud83d"}, ENTRY)
    assert [bot.owned_by for bot in catalog.bots] == ["cut \ufffd", ENTRY["owned_by"]]


@pytest.mark.parametrize("entry", [None, 3, "text", []])
def test_an_entry_that_is_no_object_is_left_out(entry: object) -> None:
    catalog = read(entry, ENTRY)
    assert len(catalog.bots) == len(catalog.problems) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pricing", {"prompt": "free"}),
        ("pricing", {"prompt": "-1"}),
        ("pricing", {"prompt": "NaN"}),
        ("pricing", {"prompt": "1e999999"}),
        ("pricing", "cheap"),
        ("created", "yesterday"),
        ("created", 1e300),
        ("created", True),
        ("owned_by", 5),
        ("supported_features", "tools"),
        ("context_window", {"context_length": "many"}),
        ("architecture", {"input_modalities": [1]}),
        ("parameters", [{"schema": {}}]),
    ],
)
def test_a_wrong_value_costs_the_entry_its_facts_but_not_its_place(field: str, value: object) -> None:
    """So the bot does not look gone, and what the feed knows of it is kept."""
    (bot,), problems = read({**ENTRY, field: value})
    assert problems == ()
    assert bot.id == "grok-4.7"
    assert bot.observed.catalog is None
    assert bot.pricing.api is None
    (error,) = bot.errors
    assert (error.stage, error.code) == ("catalog", Code.ENTRY_MALFORMED)
    assert "grok-4.7" in error.message
    assert len(error.message) < 400


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", Code.CATALOG_GARBLED),
        (b"<html>", Code.CATALOG_GARBLED),
        (b'{"data": [', Code.CATALOG_GARBLED),
        (b"[]", Code.CATALOG_GARBLED),
        (b'{"object": "list"}', Code.CATALOG_GARBLED),
        (b'{"data": {}}', Code.CATALOG_GARBLED),
        (b"\xff\xfe\x00", Code.CATALOG_GARBLED),
        (b"[" * 100_000, Code.CATALOG_GARBLED),
        (b'{"data": []}', Code.CATALOG_EMPTY),
        (b'{"data": [{"id": 1}]}', Code.CATALOG_EMPTY),
    ],
)
def test_an_answer_that_is_no_list_of_models(body: bytes, code: Code) -> None:
    with pytest.raises(ObservationError) as raised:
        read_catalog(body, url=URL, at=AT, site_url="https://poe.com")
    assert raised.value.code == code


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(sorted(ENTRY)), json_values))
def test_any_entry_is_read_or_reported(changes: dict[str, object]) -> None:
    catalog = read({**ENTRY, **changes}, {**ENTRY, "id": "other"})
    assert len(catalog.bots) + len(catalog.problems) == 2
    for bot in catalog.bots:
        bot.model_dump_json()


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with pytest.raises(ObservationError):
        read_catalog(body, url=URL, at=AT, site_url="https://poe.com")


@given(st.text(max_size=20))
def test_a_handle_is_one_segment_of_an_address(text: str) -> None:
    if is_handle(text):
        url = bot_url("https://poe.com", text)
        assert url.isascii()
        assert url.removeprefix("https://poe.com/").count("/") == 0
        assert text not in {".", ".."}


@pytest.mark.parametrize("handle", ["Grok-4.7", "a", "GPT_4o", "机器人", "Ünïcode"])
def test_handles(handle: str) -> None:
    assert is_handle(handle)
