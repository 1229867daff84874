"""The models API's answer, read through `read_catalog`."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe_scraper.failures import Code, ObservationError
from poe_scraper.items import Bot
from poe_scraper.pages.catalog import PRICES, Catalog, bot_url, is_handle, read_catalog
from tests.made_entries import AT, ENTRY, URL, json_values


def read(*entries: object) -> Catalog:
    body = json.dumps({"object": "list", "data": entries}).encode()
    return read_catalog(body, url=URL, at=AT, site_url="https://poe.com/")


def test_an_entry_in_full() -> None:
    catalog = read(ENTRY)
    (bot,) = catalog.bots
    assert (catalog.problems, bot.errors) == ((), ())
    assert bot.observed.catalog is not None
    assert bot.observed.catalog.kept == ()
    assert (bot.id, bot.display_name, bot.owned_by) == ("grok-4.7", "Grok 4.7", "XAI")
    assert bot.handle is None
    assert bot.url == "https://poe.com/grok-4.7"
    assert bot.created == datetime(2026, 9, 21, 17, 49, 23, tzinfo=UTC)
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
    (bot,) = read({**ENTRY, "pricing": pricing}).bots
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


def one(**changes: object) -> Bot:
    """The bot of an entry with some fields changed; `...` leaves a field out."""
    entry = {name: value for name, value in {**ENTRY, **changes}.items() if value is not ...}
    catalog = read(entry)
    assert catalog.problems == ()
    (bot,) = catalog.bots
    return bot


def kept(bot: Bot) -> set[str]:
    assert bot.observed.catalog is not None
    return set(bot.observed.catalog.kept)


ODD_VALUES = [
    ("pricing", {"prompt": "free", "completion": "0.5"}, "pricing.api.prompt"),
    ("pricing", {"prompt": "", "completion": "0.5"}, "pricing.api.prompt"),
    ("pricing", {"prompt": "-2", "completion": "0.5"}, "pricing.api.prompt"),
    ("pricing", {"prompt": "NaN", "completion": "0.5"}, "pricing.api.prompt"),
    ("pricing", {"prompt": "Infinity", "completion": "0.5"}, "pricing.api.prompt"),
    ("pricing", {"prompt": "1e999999", "completion": "0.5"}, "pricing.api.prompt"),
    ("pricing", {"prompt": {"usd": "1"}, "completion": "0.5"}, "pricing.api.prompt"),
    ("pricing", {"prompt": True, "completion": "0.5"}, "pricing.api.prompt"),
    ("pricing", "cheap", "pricing.api"),
    ("pricing", ["0.1"], "pricing.api"),
    ("created", "yesterday", "created"),
    ("created", 0, "created"),
    ("created", -5, "created"),
    ("created", 1e300, "created"),
    ("created", True, "created"),
    ("created", {"ms": 1790012963916}, "created"),
    ("owned_by", 5, "owned_by"),
    ("description", {"en": "x"}, "description"),
    ("metadata", "x", "display_name"),
    ("metadata", {"display_name": ["x"]}, "display_name"),
    ("supported_features", "tools", "supported_features"),
    ("supported_features", [{"name": "tools"}], "supported_features"),
    ("context_window", {"context_length": "many", "max_output_tokens": 5}, "context_window.context_length"),
    ("context_window", {"context_length": 1.5, "max_output_tokens": 5}, "context_window.context_length"),
    ("context_window", 256000, "context_window"),
    ("architecture", {**ENTRY["architecture"], "input_modalities": [1]}, "architecture.input_modalities"),
    ("architecture", "text->text", "architecture"),
    ("reasoning", {**ENTRY["reasoning"], "required": "no"}, "reasoning.required"),
    ("reasoning", {**ENTRY["reasoning"], "budget": {"max_tokens": -1, "min_tokens": 0}}, "reasoning.budget.max_tokens"),
    ("reasoning", [], "reasoning"),
    ("parameters", [{"schema": {}}], "parameters"),
    ("parameters", {"size": 1}, "parameters"),
]


@pytest.mark.parametrize(("name", "value", "field"), ODD_VALUES)
def test_an_odd_value_costs_that_field_alone(name: str, value: object, field: str) -> None:
    bot, whole = one(**{name: value}), one()
    (error,) = bot.errors
    assert (error.stage, error.code, error.field) == ("catalog", Code.FIELD_MALFORMED, field)
    assert error.message.startswith("entry grok-4.7 of the models API: ")
    assert error.message.isprintable()
    assert len(error.message) < 400
    assert field in kept(bot)
    untouched = {"created", "owned_by", "description", "display_name", "supported_features", "parameters"} - {field}
    assert {fact: getattr(bot, fact) for fact in untouched} == {fact: getattr(whole, fact) for fact in untouched}
    if name != "pricing":
        assert bot.pricing == whole.pricing
    elif field != "pricing.api":
        assert bot.pricing.api is not None
        assert (bot.pricing.api.prompt, bot.pricing.api.completion) == (None, Decimal("0.5"))


@pytest.mark.parametrize(
    ("name", "value", "fields"),
    [
        ("supported_features", ..., {"supported_features"}),
        ("supported_features", None, {"supported_features"}),
        ("description", None, {"description"}),
        ("metadata", ..., {"display_name"}),
        ("metadata", None, {"display_name"}),
        ("created", ..., {"created"}),
        ("pricing", ..., {"pricing.api"}),
        ("pricing", {}, {"pricing.api"}),
        ("pricing", {"text": {"prompt": "0.1"}}, {"pricing.api"}),
        ("pricing", {"prompt": "1", "completion": "2"}, {f"pricing.api.{name}" for name in PRICES[2:]}),
        ("context_window", ..., {"context_window"}),
        ("architecture", None, {"architecture"}),
        ("architecture", {**ENTRY["architecture"], "input_modalities": None}, {"architecture.input_modalities"}),
        ("architecture", {"input_modalities": ["text"]}, {"architecture.output_modalities", "architecture.modality"}),
        ("reasoning", ..., {"reasoning"}),
    ],
)
def test_what_an_entry_does_not_give_is_kept_without_an_error(name: str, value: object, fields: set[str]) -> None:
    bot = one(**{name: value})
    assert bot.errors == ()
    assert kept(bot) == fields


@pytest.mark.parametrize("name", ["pricing", "context_window", "reasoning"])
def test_null_is_an_answer_where_poe_documents_it(name: str) -> None:
    bot = one(**{name: None})
    assert (bot.errors, kept(bot)) == ((), set())
    assert (bot.pricing.api if name == "pricing" else getattr(bot, name)) is None


@pytest.mark.parametrize("price", ["-1", -1, "-1.0", " -1 "])
def test_minus_one_is_a_variable_price(price: object) -> None:
    bot = one(pricing={"prompt": price, "completion": "0.5"})
    assert bot.errors == ()
    assert bot.pricing.api is not None
    assert (bot.pricing.api.prompt, bot.pricing.api_variable) == (None, ("prompt",))


def test_unknown_prices_are_kept_as_they_came() -> None:
    other = {
        "input_cache_write_1h": "0.00001",
        "overrides": [{"min_prompt_tokens": 200000, "prompt": "0.000004"}],
        "web_search": 0.01,
        "audio": None,
    }
    bot = one(pricing={**ENTRY["pricing"], **other})
    assert bot.errors == ()
    assert bot.pricing.api == one().pricing.api
    assert bot.pricing.api_other == {
        "input_cache_write_1h": "0.00001",
        "overrides": [{"min_prompt_tokens": 200000, "prompt": "0.000004"}],
        "web_search": "0.01",
    }


def test_nested_prices_are_kept_but_not_guessed() -> None:
    nested = {"text": {"prompt": "0.1"}}
    bot = one(pricing=nested)
    assert (bot.pricing.api, bot.pricing.api_other) == (None, nested)


@pytest.mark.parametrize(
    "created",
    [
        1790012963916,
        1790012963,
        1790012963916000,
        1790012963916000000,
        "1790012963916",
        1790012963916.25,
        "2026-09-21T17:49:23.916Z",
        "2026-09-21T19:49:23+02:00",
    ],
)
def test_the_unit_of_created_follows_from_its_size(created: object) -> None:
    assert one(created=created).created == datetime(2026, 9, 21, 17, 49, 23, tzinfo=UTC)


@pytest.mark.parametrize("created", [0, 1, 10**9 - 1, 10**12 - 1, 4102444800, 4102444800000, "1970-01-01T00:00:00Z"])
def test_an_implausible_time_is_left_out(created: object) -> None:
    bot = one(created=created)
    assert bot.created is None
    assert [error.field for error in bot.errors] == ["created"]


BIG = "7" * 5000
DEEP = "[" * 5000 + "]" * 5000


@pytest.mark.parametrize("huge", [BIG, f"-{BIG}", f"{BIG}.5", f"1e{BIG}", DEEP, '{"a":' * 3000 + "1" + "}" * 3000])
@pytest.mark.parametrize("name", ["created", "owned_by", "pricing", "parameters", "context_window", "surprise"])
def test_a_huge_value_costs_itself_alone(name: str, huge: str) -> None:
    entry = json.dumps({**ENTRY, name: "HERE"}).replace('"HERE"', huge)
    body = f'{{"data": [{entry}, {json.dumps({**ENTRY, "id": "other"})}]}}'.encode()
    first, second = read_catalog(body, url=URL, at=AT, site_url="https://poe.com").bots
    assert second.model_copy(update={"id": first.id, "url": first.url}) == one()
    assert {error.code for error in first.errors} <= {Code.FIELD_MALFORMED}
    assert {str(error.field).partition(".")[0] for error in first.errors} <= {name}
    unread = {"pricing": "pricing.api"}.get(name, name)
    assert name == "surprise" or any(field.startswith(unread) for field in kept(first))


@pytest.mark.parametrize(
    ("entry", "keys"),
    [
        ({"id": "openai/gpt-5"}, {"gpt-5"}),
        ({"id": "gpt-5:free"}, {"gpt-5"}),
        ({"id": "GPT 5"}, {"gpt-5"}),
        ({"id": None, "root": "gpt-5"}, {"gpt-5"}),
        ({"id": 7, "metadata": {"url": "https://poe.com/GPT-5?x=1"}}, {"gpt-5"}),
        ({"metadata": {"display_name": "GPT-5"}}, {"gpt-5"}),
        ({"id": "C++-Helper"}, {"c++-helper"}),
    ],
)
def test_an_entry_left_out_names_the_bots_that_it_may_be(entry: dict[str, object], keys: set[str]) -> None:
    catalog = read(entry, ENTRY)
    assert keys <= catalog.possible_keys
    assert not catalog.has_anonymous


@pytest.mark.parametrize("entry", [{}, {"id": None}, {"id": 5, "root": ""}, [], "text", None])
def test_an_entry_that_names_nothing_may_be_any_bot(entry: object) -> None:
    assert read(entry, ENTRY).has_anonymous


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


@given(st.dictionaries(st.sampled_from([*sorted(ENTRY), "surprise"]), json_values))
def test_any_entry_is_read_or_reported(changes: dict[str, object]) -> None:
    catalog = read({**ENTRY, **changes}, {**ENTRY, "id": "other"})
    assert len(catalog.bots) + len(catalog.problems) == 2
    for bot in catalog.bots:
        json.loads(bot.as_json(), parse_constant=pytest.fail)
    other = catalog.bots[-1]
    assert (other.id, other.errors) == ("other", ())


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
