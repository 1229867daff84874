"""Apache Parquet, one row a price: amounts are decimals, times are UTC, attributes are a map."""

import io
from dataclasses import asdict

from poe_scraper.exports import Export
from poe_scraper.exports.rows import rows
from poe_scraper.failures import PoeScraperError
from poe_scraper.feed.reader import FeedReader

_DIGITS, _DECIMALS = 38, 20


def export(feed: FeedReader) -> Export:
    """The prices as a Parquet file.

    Raises:
        PoeScraperError: pyarrow is not installed, or an amount has more than 20 decimals.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        message = "Parquet needs the package pyarrow: pip install 'poe-scraper[parquet]'."
        raise PoeScraperError(message) from error
    money = pa.decimal128(_DIGITS, _DECIMALS)
    text = pa.string()
    schema = pa.schema(
        [
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
        ],
        metadata={"poe_scraper.version": str(feed.version)},
    )
    table_rows = [{**asdict(row), "attributes": list(row.attributes.items())} for row in rows(feed)]
    buffer = io.BytesIO()
    try:
        pq.write_table(pa.Table.from_pylist(table_rows, schema=schema), buffer)
    except pa.ArrowInvalid as error:
        message = f"A price does not fit into Parquet's decimals: {error}."
        raise PoeScraperError(message) from error
    return Export({"prices.parquet": buffer.getvalue()}, bots=len(feed))
