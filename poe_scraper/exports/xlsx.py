"""An Excel workbook: a sheet of prices, a sheet of bots. Text is never a formula nor a link."""

import io
import json
from collections.abc import Iterable
from dataclasses import astuple, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from poe_scraper.exports import Export
from poe_scraper.exports.rows import Row, rows
from poe_scraper.failures import PoeScraperError
from poe_scraper.feed.reader import FeedReader
from poe_scraper.items import Bot
from poe_scraper.untrusted import cell

_BOT_COLUMNS = (
    "id",
    "handle",
    "display_name",
    "status",
    "creator",
    "owned_by",
    "input",
    "output",
    "context_length",
    "price_usd",
    "price_points",
    "price_per_quantity",
    "price_per_unit",
    "price_bound",
    "page_seen",
    "url",
)


def export(feed: FeedReader) -> Export:
    """The workbook. Amounts are numbers as Excel has them, of 15 digits.

    Raises:
        PoeScraperError: xlsxwriter is not installed.
    """
    try:
        import xlsxwriter
    except ImportError as error:
        message = "XLSX needs the package xlsxwriter: pip install 'poe-scraper[xlsx]'."
        raise PoeScraperError(message) from error
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        formats = {
            "head": book.add_format({"bold": True}),
            "time": book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
        }
        prices = book.add_worksheet("Prices")
        _fill(prices, formats, [field.name for field in fields(Row)], map(astuple, rows(feed)))
        bots = book.add_worksheet("Bots")
        _fill(bots, formats, _BOT_COLUMNS, map(_bot, feed.values()))
    return Export({"poe.xlsx": buffer.getvalue()}, bots=len(feed))


def _fill(sheet: Any, formats: dict[str, Any], columns: Iterable[str], lines: Iterable[tuple[object, ...]]) -> None:
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(columns):
        sheet.write_string(0, place, column, formats["head"])
    count = 0
    for count, line in enumerate(lines, 1):
        for place, value in enumerate(line):
            match value:
                case None:
                    continue
                case Decimal() | int():
                    sheet.write_number(count, place, float(value))
                case datetime():
                    sheet.write_datetime(count, place, value.replace(tzinfo=None), formats["time"])
                case dict():
                    sheet.write_string(count, place, cell(json.dumps(value, ensure_ascii=False)) if value else "")
                case _:
                    sheet.write_string(count, place, cell(value))
    sheet.autofilter(0, 0, count, len(list(columns)) - 1)


def _bot(bot: Bot) -> tuple[object, ...]:
    architecture, primary = bot.architecture, bot.pricing.primary
    return (
        bot.id,
        bot.handle,
        bot.display_name,
        bot.status,
        bot.creator.handle if bot.creator else None,
        bot.owned_by,
        ", ".join(architecture.input_modalities) if architecture else None,
        ", ".join(architecture.output_modalities) if architecture else None,
        bot.context_window.context_length if bot.context_window else None,
        primary.usd if primary else None,
        primary.points if primary else None,
        primary.per.quantity if primary else None,
        primary.per.unit if primary else None,
        primary.bound if primary else None,
        bot.observed.page.at if bot.observed.page else None,
        bot.url,
    )
