"""CSV, as RFC 4180 has it: a header, then one line a price. Cells are `untrusted.cell`s."""

import csv
import io
import json
from dataclasses import asdict, fields
from datetime import datetime
from decimal import Decimal

from poe_scraper import clock
from poe_scraper.exports import Export
from poe_scraper.exports.rows import Row, rows
from poe_scraper.feed.reader import FeedReader
from poe_scraper.untrusted import cell


def export(feed: FeedReader) -> Export:
    """The prices as CSV in UTF-8. `attributes` is JSON, amounts are plain decimals, times RFC 3339."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([field.name for field in fields(Row)])
    writer.writerows([written(value) for value in asdict(row).values()] for row in rows(feed))
    return Export({"prices.csv": text.getvalue().encode()}, bots=len(feed))


def written(value: object) -> str:
    """A value as a cell."""
    match value:
        case None:
            return ""
        case Decimal():
            return format(value, "f")
        case datetime():
            return clock.text(value)
        case dict():
            return cell(json.dumps(value, ensure_ascii=False)) if value else ""
        case _:
            return cell(value)
