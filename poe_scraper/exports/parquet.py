"""Apache Parquet, one row a price: amounts are decimals, times are UTC, attributes are a map."""

import io
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from poe_scraper.exports import Export
from poe_scraper.exports.rows import Row, rows
from poe_scraper.failures import PoeScraperError
from poe_scraper.feed.reader import FeedReader

if TYPE_CHECKING:
    import pyarrow as pa

_DIGITS, _DECIMALS = 38, 20


def export(feed: FeedReader) -> Export:
    """The prices as a Parquet file.

    Raises:
        PoeScraperError: pyarrow is not installed, or an amount has more than 20 decimals.
    """
    return Export({"prices.parquet": table(feed, map(values, rows(feed)))}, bots=len(feed))


def values(row: Row) -> dict[str, Any]:
    """A row as Parquet's columns have it."""
    usd = row.usd_per_unit
    return {
        **asdict(row),
        "attributes": list(row.attributes.items()),
        "usd_per_unit": None if usd is None else float(usd),
    }


def table(feed: FeedReader, lines: Iterable[dict[str, Any]], **more: str) -> bytes:
    """A Parquet file of prices.

    Args:
        feed: the feed that they are from.
        lines: the values of each line, by column.
        more: further columns, in front, and the name of their type in pyarrow.

    Raises:
        PoeScraperError: pyarrow is not installed, or an amount has more than 20 decimals.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        message = "Parquet needs the package pyarrow: pip install 'poe-scraper[parquet]'."
        raise PoeScraperError(message) from error
    first = [pa.field(name, pa.timestamp("us", tz="UTC") if kind == "time" else kind) for name, kind in more.items()]
    schema = pa.schema([*first, *_columns()], metadata={"poe_scraper.version": str(feed.version)})
    buffer = io.BytesIO()
    try:
        pq.write_table(pa.Table.from_pylist(list(lines), schema=schema), buffer)
    except pa.ArrowInvalid as error:
        message = f"A price does not fit into Parquet's decimals: {error}."
        raise PoeScraperError(message) from error
    return buffer.getvalue()


def _columns() -> "list[pa.Field]":
    import pyarrow as pa

    money = pa.decimal128(_DIGITS, _DECIMALS)
    text = pa.string()
    return [
        pa.field("id", text, nullable=False),
        pa.field("handle", text),
        pa.field("status", text, nullable=False),
        pa.field("creator", text),
        pa.field("owned_by", text),
        pa.field("source", text),
        pa.field("section", text),
        pa.field("label", text),
        pa.field("attributes", pa.map_(text, text)),
        pa.field("currency", text),
        pa.field("amount", money),
        pa.field("max_amount", money),
        pa.field("list_amount", money),
        pa.field("per_quantity", money),
        pa.field("per_unit", text),
        pa.field("per_qualifier", text),
        pa.field("bound", text),
        pa.field("observed_at", pa.timestamp("us", tz="UTC")),
        pa.field("usd_per_unit", pa.float64()),
    ]
