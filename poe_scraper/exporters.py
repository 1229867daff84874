"""Scrapy item exporters: `scrapy crawl -o items.csv` and other formats hold the values that the feed holds.

Scrapy's own write models as their `repr` in CSV, and times without their zone.
https://docs.scrapy.org/en/latest/topics/exporters.html
"""

import json
from typing import Any

from pydantic import BaseModel
from scrapy import exporters

from poe_scraper.untrusted import cell


def plain(item: Any) -> Any:
    """The item as JSON values if it is one of our models, else as it is."""
    return item.model_dump(mode="json", by_alias=True) if isinstance(item, BaseModel) else item


class JsonItemExporter(exporters.JsonItemExporter):
    """Writes a JSON array."""

    def export_item(self, item: Any) -> None:
        """Write one item."""
        super().export_item(plain(item))


class JsonLinesItemExporter(exporters.JsonLinesItemExporter):
    """Writes one JSON object per line."""

    def export_item(self, item: Any) -> None:
        """Write one item."""
        super().export_item(plain(item))


class XmlItemExporter(exporters.XmlItemExporter):
    """Writes XML."""

    def export_item(self, item: Any) -> None:
        """Write one item."""
        super().export_item(plain(item))


class CsvItemExporter(exporters.CsvItemExporter):
    """Writes CSV with one column per field; lists and objects are JSON text, and no text is a formula."""

    def export_item(self, item: Any) -> None:
        """Write one item."""
        if isinstance(item, BaseModel):
            item = {name: _written(value) for name, value in plain(item).items()}
        super().export_item(item)


def _written(value: object) -> object:
    """A value as a cell."""
    match value:
        case dict() | list():
            return cell(json.dumps(value, ensure_ascii=False))
        case str():
            return cell(value)
        case _:
            return value
