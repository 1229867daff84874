"""The feed in other formats."""

import builtins
import csv
import io
import json
import tomllib
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest

from poe_scraper.exports import FORMATS, Export
from poe_scraper.exports import export as export_from
from poe_scraper.failures import PoeScraperError
from poe_scraper.feed.reader import FeedReader, open_feed, starter_feed
from poe_scraper.feed.store import FeedStore
from tests.made_feed import publish


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> FeedReader:
    return open_feed(publish(tmp_path_factory.mktemp("feed")))


def export(feed: FeedReader, name: str) -> Export:
    return export_from(feed, name, FeedStore(Path(feed.source).parent))


def only(made: Export) -> bytes:
    (content,) = made.files.values()
    return content


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_takes_the_starter_feed(name: str) -> None:
    made = export(starter_feed(), name)
    assert made.files
    assert all(made.files.values())
    assert made.bots > 30


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.text])
def test_text_formats_are_one_file(feed: FeedReader, name: str) -> None:
    assert len(export(feed, name).files) == 1


# --- tables ------------------------------------------------------------------------------------


def test_csv(feed: FeedReader) -> None:
    rows = list(csv.DictReader(io.StringIO(only(export(feed, "csv")).decode(), newline="")))
    assert {row["id"] for row in rows} == set(feed)
    usd = next(row for row in rows if row["id"] == "video-maker" and row["currency"] == "USD")
    assert usd == {
        "id": "video-maker",
        "handle": "Video-Maker",
        "status": "active",
        "creator": "films",
        "owned_by": "",
        "source": "page",
        "section": "",
        "label": "720P",
        "attributes": "",
        "currency": "USD",
        "amount": "0.09",
        "max_amount": "",
        "list_amount": "0.10",
        "per_quantity": "1",
        "per_unit": "second",
        "per_qualifier": "",
        "bound": "exact",
        "observed_at": "2026-10-27T12:00:00Z",
        "usd_per_unit": "0.09",
    }
    api = [row for row in rows if row["id"] == "api-only"]
    assert [(row["source"], row["label"], row["amount"], row["per_unit"]) for row in api] == [
        ("api", "prompt", "0.000001", "token"),
        ("api", "completion", "0.000004", "token"),
    ]
    assert [row["source"] for row in rows if row["id"] == "secretive"] == [""]


def harmless(text: str) -> bool:
    return text.lstrip()[:1] not in set("=+-@") and text.isprintable()


def test_csv_cells_are_harmless(feed: FeedReader) -> None:
    rows = list(csv.reader(io.StringIO(only(export(feed, "csv")).decode(), newline="")))
    assert all(harmless(cell) for row in rows for cell in row)
    hostile = [row for row in rows if row[0] == "hostile"]
    assert any(cell.startswith("'=HYPERLINK") for row in hostile for cell in row)
    assert any(cell == "'@cmd" for row in hostile for cell in row)


def test_xlsx_cells_are_harmless(feed: FeedReader) -> None:
    book = openpyxl.load_workbook(io.BytesIO(only(export(feed, "xlsx"))))
    assert book.sheetnames == ["Prices", "Bots"]
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert all(cell.data_type != "f" and cell.hyperlink is None for cell in cells)
    assert all(harmless(cell.value) for cell in cells if isinstance(cell.value, str))
    bots = {row[0]: row for row in book["Bots"].iter_rows(min_row=2, values_only=True)}
    assert set(bots) == set(feed)
    assert bots["gpt-test"][8:14] == (400000, 1.82, 60000, 1000000, "token", "exact")
    assert bots["gpt-test"][14] == datetime(2026, 10, 27, 12)  # noqa: DTZ001 - Excel knows no time zones


def test_parquet(feed: FeedReader) -> None:
    table = pq.read_table(io.BytesIO(only(export(feed, "parquet"))))
    rows = table.to_pylist()
    csv_rows = list(csv.DictReader(io.StringIO(only(export(feed, "csv")).decode(), newline="")))
    assert len(rows) == len(csv_rows)
    assert [row["amount"] for row in rows] == [Decimal(row["amount"]) if row["amount"] else None for row in csv_rows]
    gpt = next(row for row in rows if row["id"] == "gpt-test")
    assert gpt["observed_at"] == datetime(2026, 10, 27, 12, tzinfo=UTC)
    assert any(row["attributes"] for row in rows)


def plain(value: Any, name: str = "") -> Any:
    """A value of the feed as JSON Lines have it."""
    if name in {"attributes", "figures", "api_other", "schema", "default_value"}:
        return None if value is None else json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return {key: plain(part, key) for key, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


def test_jsonl_has_every_bot_of_the_feed_in_one_line(feed: FeedReader) -> None:
    lines = only(export(feed, "jsonl")).decode("ascii").splitlines()
    by_id = {bot["id"]: bot for bot in map(json.loads, lines)}
    assert by_id == {entry["id"]: plain(entry) for entry in feed.entries}
    assert len(lines) == len(feed)


@pytest.mark.parametrize(("name", "package"), [("parquet", "pyarrow"), ("xlsx", "xlsxwriter")])
def test_a_missing_extra_is_named(feed: FeedReader, monkeypatch: pytest.MonkeyPatch, name: str, package: str) -> None:
    real = builtins.__import__

    def without(module: str, *arguments: Any, **more: Any) -> ModuleType:
        if module.split(".")[0] == package:
            raise ImportError(module)
        return real(module, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PoeScraperError, match=rf"{package}: pip install 'poe-scraper\[{name}\]'"):
        export(feed, name)


# --- prices of tokens --------------------------------------------------------------------------


def test_litellm(feed: FeedReader) -> None:
    made = export(feed, "litellm")
    assert (made.bots, made.left_out) == (3, 5)
    models = json.loads(only(made))
    assert {name: model["mode"] for name, model in models.items()} == {
        "poe/api-only": "chat",
        "poe/gpt-test": "chat",
        "poe/newcomer": "image_generation",
    }
    assert models["poe/gpt-test"] == {
        "litellm_provider": "poe",
        "mode": "chat",
        "input_cost_per_token": 1.82e-06,
        "output_cost_per_token": 1.364e-05,
        "cache_read_input_token_cost": 1.82e-07,
        "input_cost_per_token_above_272k_tokens": 3.64e-06,
        "output_cost_per_token_above_272k_tokens": 2.046e-05,
        "cache_read_input_token_cost_above_272k_tokens": 3.64e-07,
        "max_input_tokens": 400000,
        "max_output_tokens": 128000,
        "supported_modalities": ["text"],
        "supported_output_modalities": ["text"],
        "supports_vision": False,
        "supports_function_calling": True,
        "supports_prompt_caching": True,
        "source": "https://poe.com/GPT-Test",
    }


def test_llm_prices(feed: FeedReader) -> None:
    told = json.loads(only(export(feed, "llm-prices")))
    assert told["updated_at"] == "2026-10-27"
    assert told["prices"] == [
        {
            "id": "api-only",
            "vendor": "poe",
            "name": "Api-Only",
            "input": 1.0,
            "output": 4.0,
            "input_cached": None,
        },
        {
            "id": "gpt-test",
            "vendor": "poe",
            "name": "GPT-Test",
            "input": 1.82,
            "output": 13.64,
            "input_cached": 0.182,
        },
        {
            "id": "gpt-test-272k",
            "vendor": "poe",
            "name": "GPT-Test over 272k",
            "input": 3.64,
            "output": 20.46,
            "input_cached": 0.364,
        },
    ]


def test_models_dev() -> None:
    made = export(starter_feed(), "models.dev")
    files = {name: tomllib.loads(content.decode()) for name, content in made.files.items()}
    assert files.pop("provider.toml")["env"] == ["POE_API_KEY"]
    assert files["models/openai/gpt-5.4.toml"]["base_model"] == "openai/gpt-5.4"
    (tier,) = files["models/openai/gpt-5.4.toml"]["cost"]["tiers"]
    assert tier["tier"] == {"type": "context", "size": 272000}
    assert tier["input"] == 2 * files["models/openai/gpt-5.4.toml"]["cost"]["input"]
    assert made.reasons["models.dev has no model of its id to inherit from"] > 0
    assert len(files) == made.bots > 30


def test_models_dev_files_fit_its_schema() -> None:
    """The facts of models.dev's schema: which keys there are, of which type."""
    prices = {"input", "output", "cache_read", "cache_write", "tiers"}
    for name, content in export(starter_feed(), "models.dev").files.items():
        if name == "provider.toml":
            continue
        model = tomllib.loads(content.decode())
        keys = {"base_model", "name", "last_updated", "tool_call", "attachment", "cost", "limit", "modalities"}
        assert model.keys() <= keys
        assert model["name"]
        assert date.fromisoformat(model["last_updated"])
        assert {"input", "output"} <= model["cost"].keys() <= prices
        assert set(model.get("limit", {"context": 0, "output": 0})) == {"context", "output"}
        for side in ("input", "output"):
            found = model.get("modalities", {side: ["text"]})[side]
            assert set(found) <= {"text", "audio", "image", "video", "pdf"}
            assert found
        sizes = [tier["tier"]["size"] for tier in model["cost"].get("tiers", ())]
        assert len(sizes) == len(set(sizes))


@pytest.mark.parametrize("identity", ["../../etc/passwd", "a/b", ".hidden", "", "a\x00b"])
def test_models_dev_writes_no_file_of_a_hostile_name(identity: str) -> None:
    entries = [dict(entry) for entry in starter_feed().entries]
    entry = next(entry for entry in entries if entry["id"] == "gpt-5.4")
    entry["id"] = identity
    head = {
        "schema_version": "1.0",
        "version": 1,
        "generated_at": "2026-10-22T00:00:00Z",
        "points_per_usd": "33000",
    }
    feed = FeedReader(json.dumps({**head, "data": [entry]}).encode(), "here")
    assert set(export(feed, "models.dev").files) == {"provider.toml"}


@pytest.mark.parametrize("name", ["litellm", "llm-prices", "models.dev"])
def test_prices_that_are_not_exact_are_left_out(feed: FeedReader, name: str) -> None:
    bots = {bot.id: bot for bot in starter_feed().values()}
    fee = next(bot for bot in bots.values() if {rate.per.unit for rate in bot.pricing.rates} >= {"token", "message"})
    upper = next(
        bot
        for bot in bots.values()
        if any(rate.bound == "up_to" and rate.per.unit == "token" for rate in bot.pricing.rates)
    )
    told = b"".join(export(starter_feed(), name).files.values()).decode()
    names = "".join(export(starter_feed(), name).files) + told
    for bot in (fee, upper):
        assert f'"{bot.id}"' not in names
        assert f"/{bot.id}" not in names


def test_openai(feed: FeedReader) -> None:
    told = json.loads(only(export(feed, "openai")))
    assert told["object"] == "list"
    assert "leaver" not in {model["id"] for model in told["data"]}
    assert next(model for model in told["data"] if model["id"] == "gpt-test") == {
        "id": "gpt-test",
        "object": "model",
        "created": int(datetime(2026, 7, 12, 12, tzinfo=UTC).timestamp()),
        "owned_by": "Acme Labs",
    }


def feed_of(*changes: dict[str, Any]) -> FeedReader:
    """A feed of copies of a bot with exact token prices, each with changes."""
    entry = next(dict(entry) for entry in starter_feed().entries if entry["id"] == "gpt-5.4")
    head = {
        "schema_version": "1.1",
        "version": 1,
        "generated_at": "2026-10-22T00:00:00Z",
        "points_per_usd": "33000",
    }
    data = [{**entry, "id": f"bot-{place}", **change} for place, change in enumerate(changes)]
    return FeedReader(json.dumps({**head, "data": data}, default=str).encode(), "here")


def token_rates(*amounts: tuple[str, str, str]) -> dict[str, Any]:
    rates = [
        {"label": label, "currency": currency, "amount": amount, "per": {"quantity": "1000000", "unit": "token"}}
        for label, currency, amount in amounts
    ]
    return {"pricing": {"rates": rates}}


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "a\"b'c`d", "&lt;b&gt;"])
def test_names_hold_no_markup_for_a_page_that_inserts_them(name: str) -> None:
    told = only(export(feed_of({"display_name": name}), "llm-prices")).decode()
    for price in json.loads(told)["prices"]:
        assert not set("<>&\"'`") & set(price["name"] + price["id"] + price["vendor"])


@pytest.mark.parametrize("name", ["litellm", "llm-prices"])
@pytest.mark.parametrize(
    ("rates", "reason"),
    [
        ([("Input", "USD", "1.25"), ("Output", "USD", "10000")], "other evidence contradicts its price"),
        (
            [("Input", "USD", "1.25"), ("Input", "points", "1"), ("Output", "USD", "10")],
            "other evidence contradicts its price",
        ),
        ([("Input", "points", "40000"), ("Output", "points", "330000")], "its price is known in points only"),
        ([("Input", "USD", "1.25")], "no price per token"),
    ],
)
def test_bots_are_left_out_by_reason(name: str, rates: list[tuple[str, str, str]], reason: str) -> None:
    made = export(feed_of(token_rates(*rates)), name)
    assert (made.bots, dict(made.reasons)) == (0, {reason: 1})


def test_litellm_reads_no_other_tiers() -> None:
    adjustments = [{"kind": "context_tier", "min_tokens": "100500", "input_multiplier": "2"}]
    rates = token_rates(("Input", "USD", "1.25"), ("Output", "USD", "10"))["pricing"]["rates"]
    made = export(feed_of({"pricing": {"rates": rates, "adjustments": adjustments}}), "litellm")
    assert dict(made.reasons) == {"it has a context tier that LiteLLM does not read": 1}


def test_litellm_knows_images_and_searches() -> None:
    image = {"label": "Image", "currency": "USD", "amount": "0.04", "per": {"unit": "image"}}
    search = {"label": "Web search", "currency": "USD", "amount": "0.01", "per": {"unit": "search"}}
    tokens = token_rates(("Input", "USD", "1.25"), ("Output", "USD", "10"))["pricing"]["rates"]
    feed = feed_of({"pricing": {"rates": [image]}}, {"pricing": {"rates": [*tokens, search]}})
    models = json.loads(only(export(feed, "litellm")))
    assert models["poe/bot-0"]["mode"] == "image_generation"
    assert models["poe/bot-0"]["output_cost_per_image"] == 0.04
    assert set(models["poe/bot-1"]["search_context_cost_per_query"].values()) == {0.01}
