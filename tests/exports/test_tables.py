"""The exports in the programs that people make tables with: nothing is configured, everything is there."""

import json
import sqlite3
from pathlib import Path

import duckdb
import polars
import pyarrow.compute as pc
import pyarrow.json
import pyarrow.parquet
import pytest

from poe_scraper.exports import export
from poe_scraper.feed.reader import FeedReader, open_feed, starter_feed
from poe_scraper.feed.store import FeedStore
from tests.made_feed import publish


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(tmp_path_factory.mktemp("feed"))


@pytest.fixture(scope="module")
def feeds(folder: Path) -> dict[str, FeedReader]:
    """The prices that ship with the package are hundreds of bots of every kind."""
    return {"made": open_feed(folder), "starter": starter_feed()}


def written(feed: FeedReader, name: str, folder: Path, to: Path) -> str:
    ((file, content),) = export(feed, name, FeedStore(folder)).files.items()
    (to / file).write_bytes(content)
    return str(to / file)


@pytest.mark.parametrize("which", ["made", "starter"])
def test_jsonl(feeds: dict[str, FeedReader], which: str, folder: Path, tmp_path: Path) -> None:
    feed = feeds[which]
    path = written(feed, "jsonl", folder, tmp_path)
    ids = sorted(feed)
    frame = polars.read_ndjson(path)
    assert sorted(frame["id"]) == ids
    dollars = frame.select(polars.col("pricing").struct["primary"].struct["usd"].cast(polars.Float64).sum()).item()
    table = pyarrow.json.read_json(path)
    assert sorted(table["id"].to_pylist()) == ids
    (found,) = duckdb.execute(f"SELECT count(*), sum(pricing.primary.usd::DOUBLE) FROM '{path}'").fetchall()
    assert found[0] == len(feed)
    assert found[1] == pytest.approx(dollars)
    rows = pc.struct_field(table["pricing"].combine_chunks(), ["primary", "usd"])
    assert pc.sum(pc.cast(rows, "float64")).as_py() == pytest.approx(dollars)


@pytest.mark.parametrize("which", ["made", "starter"])
def test_parquet_can_be_computed_with(feeds: dict[str, FeedReader], which: str, folder: Path, tmp_path: Path) -> None:
    feed = feeds[which]
    path = written(feed, "parquet", folder, tmp_path)
    total = (
        sum(
            float(rate.amount / rate.per.quantity)
            for bot in feed.values()
            for rate in bot.pricing.rates
            if rate.currency == "USD" and rate.per.unit == "token"
        )
        * 1_000_000
    )
    frame = polars.read_parquet(path).filter(source="page", currency="USD", per_unit="token")
    assert frame.select((polars.col("usd_per_unit") * 1_000_000).sum()).item() == pytest.approx(total)
    table = pyarrow.parquet.read_table(
        path, filters=[("source", "=", "page"), ("currency", "=", "USD"), ("per_unit", "=", "token")]
    )
    assert pc.sum(pc.multiply(table["usd_per_unit"], 1_000_000.0)).as_py() == pytest.approx(total)
    where = "source = 'page' AND currency = 'USD' AND per_unit = 'token'"
    (found,) = duckdb.execute(f"SELECT sum(usd_per_unit * 1000000) FROM '{path}' WHERE {where}").fetchall()
    assert found[0] == pytest.approx(total)


def test_points_are_converted_per_unit(feeds: dict[str, FeedReader], folder: Path, tmp_path: Path) -> None:
    frame = polars.read_parquet(written(feeds["made"], "parquet", folder, tmp_path))
    prices = frame.filter(id="gpt-test", label="Input", source="page").select("currency", "usd_per_unit").rows()
    assert dict(prices) == {"USD": 1.82e-06, "points": pytest.approx(60 / 1000 / 33_000)}


# --- history -----------------------------------------------------------------------------------


def test_every_price_that_ever_held(feeds: dict[str, FeedReader], folder: Path, tmp_path: Path) -> None:
    frame = polars.read_parquet(written(feeds["made"], "history-parquet", folder, tmp_path))

    def spans(**wanted: str) -> list[tuple[object, ...]]:
        found = frame.filter(**wanted).with_columns(polars.col("since", "until").dt.strftime("%m-%d"))
        return found.select("usd_per_unit", "since_version", "since", "until").rows()

    assert spans(id="gpt-test", label="Input", currency="USD", source="page") == [
        (2.27e-06, 1, "10-20", "10-27"),
        (1.82e-06, 2, "10-27", None),
    ]
    assert spans(id="gpt-test", label="Output (text)", currency="USD") == [(1.364e-05, 1, "10-20", None)]
    assert spans(id="leaver", currency="USD") == [(0.01, 1, "10-20", "10-27")]
    assert spans(id="newcomer", currency="USD") == [(0.03, 2, "10-27", None)]


def test_the_history_of_a_feed_without_versions(feeds: dict[str, FeedReader], folder: Path, tmp_path: Path) -> None:
    """Of the feed that ships with the package, nobody knows since when; the log beside is another feed's."""
    frame = polars.read_parquet(written(feeds["starter"], "history-parquet", folder, tmp_path))
    assert frame["since"].null_count() == frame["until"].null_count() == len(frame) > 1000


def test_llm_prices_history(folder: Path, tmp_path: Path) -> None:
    prices = json.loads(Path(written(open_feed(folder), "llm-prices-history", folder, tmp_path)).read_bytes())["prices"]
    assert [(each["id"], each["input"], each["from_date"], each["to_date"]) for each in prices] == [
        ("api-only", 1.0, "2026-10-20", None),
        ("gpt-test", 2.27, "2026-10-20", "2026-10-27"),
        ("gpt-test-272k", 4.54, "2026-10-20", "2026-10-27"),
        ("gpt-test", 1.82, "2026-10-27", None),
        ("gpt-test-272k", 3.64, "2026-10-27", None),
    ]
    assert {*prices[0]} == {"id", "vendor", "name", "input", "output", "input_cached", "from_date", "to_date"}
    older = export(FeedStore(folder).open_version(1), "llm-prices-history", FeedStore(folder))
    (content,) = older.files.values()
    assert {each["to_date"] for each in json.loads(content)["prices"]} == {None}


# --- SQLite ------------------------------------------------------------------------------------


def test_sqlite(feeds: dict[str, FeedReader], folder: Path, tmp_path: Path) -> None:
    feed = feeds["made"]
    path = written(feed, "sqlite", folder, tmp_path)
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        ask = database.execute
        assert ask("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert ask("PRAGMA foreign_key_check").fetchall() == []
        assert {name for (name,) in ask("SELECT id FROM bots")} == set(feed)
        cheapest = (
            "SELECT bot, usd_per_unit FROM rates WHERE per_unit = 'token' AND usd_per_unit > 0 ORDER BY 2 LIMIT 1"
        )
        assert ask(cheapest).fetchall() == [("api-only", 1e-06)]
        amounts = "SELECT amount, typeof(amount) FROM rates WHERE bot = 'video-maker' AND label = '1080P'"
        assert ask(amounts).fetchall() == [("0.138", "text"), ("4600", "text")]
        assert ask(
            "SELECT json_extract(details, '$.percent') FROM adjustments WHERE kind = 'cache_discount'"
        ).fetchall() == [("90",)]
        assert ask("SELECT * FROM versions").fetchall() == [
            (1, "2026-10-20T12:00:00Z", 8, 0, 0, 0),
            (2, "2026-10-27T12:00:00Z", 1, 1, 0, 2),
        ]
        moved = (
            "SELECT json_extract(old, '$.usd'), json_extract(new, '$.usd') FROM changes WHERE field = 'pricing.primary'"
        )
        assert ask(moved).fetchall() == [("2.27", "1.82")]
        (hostile,) = ask("SELECT description FROM bots WHERE id = 'hostile'").fetchone()
        assert hostile == feed["hostile"].description
    database.close()


def test_a_version_without_changes_is_listed_if_it_is_the_feeds(tmp_path: Path) -> None:
    (content,) = export(starter_feed(), "sqlite", FeedStore(tmp_path)).files.values()
    database = sqlite3.connect(":memory:")
    database.deserialize(content)
    assert database.execute("SELECT count(*), max(version) FROM versions").fetchall() == [(1, starter_feed().version)]
    database.close()
