"""An SQLite database of bots, rates, adjustments, changes and versions, as Datasette opens it.

Money is exact as text; `usd_per_unit` is a number to compute with. Lists and objects are JSON text.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from poe_scraper import clock
from poe_scraper.exports import Export
from poe_scraper.exports.periods import changes_until
from poe_scraper.exports.rows import rated, row
from poe_scraper.feed.reader import FeedReader
from poe_scraper.feed.store import FeedStore
from poe_scraper.items import Bot

_SCHEMA = """
CREATE TABLE bots (
    id TEXT PRIMARY KEY, handle TEXT, display_name TEXT, url TEXT NOT NULL, status TEXT NOT NULL,
    first_seen TEXT NOT NULL, last_seen TEXT NOT NULL, gone_since TEXT, created TEXT,
    owned_by TEXT, creator TEXT, description TEXT, powered_by TEXT, is_down INTEGER,
    input_modalities TEXT NOT NULL, output_modalities TEXT NOT NULL, supported_features TEXT NOT NULL,
    context_length INTEGER, max_output_tokens INTEGER,
    price_usd TEXT, price_points TEXT, price_per_quantity TEXT, price_per_unit TEXT, price_bound TEXT,
    price_suspect INTEGER, rate_card TEXT, unparsed TEXT NOT NULL, page_seen TEXT, catalog_seen TEXT
);
CREATE TABLE rates (
    id INTEGER PRIMARY KEY, bot TEXT NOT NULL REFERENCES bots (id), source TEXT NOT NULL,
    section TEXT, label TEXT NOT NULL, attributes TEXT NOT NULL, currency TEXT NOT NULL,
    amount TEXT NOT NULL, max_amount TEXT, list_amount TEXT,
    per_quantity TEXT NOT NULL, per_unit TEXT, per_qualifier TEXT, bound TEXT NOT NULL, usd_per_unit REAL
);
CREATE TABLE adjustments (
    id INTEGER PRIMARY KEY, bot TEXT NOT NULL REFERENCES bots (id), kind TEXT NOT NULL, details TEXT NOT NULL
);
CREATE TABLE versions (
    version INTEGER PRIMARY KEY, published_at TEXT NOT NULL,
    added INTEGER NOT NULL, gone INTEGER NOT NULL, back INTEGER NOT NULL, changed INTEGER NOT NULL
);
CREATE TABLE changes (
    id INTEGER PRIMARY KEY, version INTEGER NOT NULL REFERENCES versions (version), at TEXT NOT NULL,
    bot TEXT NOT NULL, kind TEXT NOT NULL, field TEXT, old TEXT, new TEXT
);
CREATE INDEX rates_bot ON rates (bot);
CREATE INDEX adjustments_bot ON adjustments (bot);
CREATE INDEX changes_bot ON changes (bot);
CREATE INDEX changes_version ON changes (version);
"""


_BOT_FIELDS = (
    *("id", "handle", "display_name", "url", "status", "first_seen", "last_seen", "gone_since", "created"),
    *("owned_by", "description", "powered_by", "is_down", "supported_features"),
)
_RATE_FIELDS = (
    *("source", "section", "label", "attributes", "currency", "amount", "max_amount", "list_amount"),
    *("per_quantity", "per_unit", "per_qualifier", "bound"),
)


def export(feed: FeedReader, store: FeedStore) -> Export:
    """The database. `changes.bot` may name a bot that was dropped since.

    Raises:
        FeedError: a bot or the log cannot be read.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.executescript(f"BEGIN; {_SCHEMA}")
        _fill(database, "bots", map(_bot, feed.values()))
        _fill(database, "rates", _rates(feed))
        _fill(database, "adjustments", _adjustments(feed))
        _fill_log(database, feed, store)
        database.execute("COMMIT")
        return Export({"poe.db": database.serialize()}, bots=len(feed))


def _fill(database: sqlite3.Connection, name: str, lines: Iterator[dict[str, Any]]) -> None:
    for line in lines:
        columns, places = ", ".join(line), ", ".join("?" * len(line))
        values = [_value(value) for value in line.values()]
        database.execute(f"INSERT INTO {name} ({columns}) VALUES ({places})", values)  # noqa: S608 - our own names


def _value(value: object) -> object:
    match value:
        case Decimal():
            return format(value, "f")
        case datetime():
            return clock.text(value)
        case dict() | list() | tuple():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return value


def _bot(bot: Bot) -> dict[str, Any]:
    architecture, window, primary = bot.architecture, bot.context_window, bot.pricing.primary
    return {
        **{name: getattr(bot, name) for name in _BOT_FIELDS},
        "creator": bot.creator and bot.creator.handle,
        "input_modalities": architecture.input_modalities if architecture else (),
        "output_modalities": architecture.output_modalities if architecture else (),
        "context_length": window and window.context_length,
        "max_output_tokens": window and window.max_output_tokens,
        "price_usd": primary and primary.usd,
        "price_points": primary and primary.points,
        "price_per_quantity": primary and primary.per.quantity,
        "price_per_unit": primary and primary.per.unit,
        "price_bound": primary and primary.bound,
        "price_suspect": primary and primary.suspect,
        "rate_card": bot.pricing.rate_card,
        "unparsed": bot.pricing.unparsed,
        "page_seen": bot.observed.page and bot.observed.page.at,
        "catalog_seen": bot.observed.catalog and bot.observed.catalog.at,
    }


def _rates(feed: FeedReader) -> Iterator[dict[str, Any]]:
    for bot in feed.values():
        for source, rate in rated(bot):
            price = row(bot, source, rate, feed.points_per_usd)
            usd = price.usd_per_unit
            columns = {name: getattr(price, name) for name in _RATE_FIELDS}
            yield {"bot": bot.id, **columns, "usd_per_unit": None if usd is None else float(usd)}


def _adjustments(feed: FeedReader) -> Iterator[dict[str, Any]]:
    for bot in feed.values():
        for adjustment in bot.pricing.adjustments:
            details = adjustment.model_dump(mode="json", exclude={"kind"})
            yield {"bot": bot.id, "kind": adjustment.kind, "details": details}


def _fill_log(database: sqlite3.Connection, feed: FeedReader, store: FeedStore) -> None:
    """Changes and versions. A version without changes, as one that only drops bots, is listed if it is the feed's."""
    last = 0
    for last, group in groupby(changes_until(feed, store), lambda change: change.version):
        changes = list(group)
        bots = Counter(kind for _, kind in {(change.bot, change.kind) for change in changes})
        counts = {kind: bots[kind] for kind in ("added", "gone", "back", "changed")}
        _fill(database, "versions", iter([{"version": last, "published_at": changes[0].at, **counts}]))
        _fill(database, "changes", ({**dict(change), **_json(change.old, change.new)} for change in changes))
    if last < feed.version:
        none = dict.fromkeys(("added", "gone", "back", "changed"), 0)
        _fill(database, "versions", iter([{"version": feed.version, "published_at": feed.generated_at, **none}]))


def _json(old: Any, new: Any) -> dict[str, str | None]:
    return {name: None if value is None else json.dumps(value) for name, value in (("old", old), ("new", new))}
