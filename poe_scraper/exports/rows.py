"""The prices of a feed as a flat table: one row per price, for CSV, Parquet and XLSX."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from poe_scraper.feed.reader import FeedReader
from poe_scraper.items import Bot, Rate
from poe_scraper.pricing.prices import api_rates


@dataclass(frozen=True)
class Row:
    """One price of a bot; a bot without a price has one row whose `source` is None."""

    id: str
    handle: str | None
    status: str
    creator: str | None
    owned_by: str | None
    source: str | None
    """`page` or `api`."""
    section: str | None
    label: str | None
    attributes: dict[str, str]
    currency: str | None
    amount: Decimal | None
    max_amount: Decimal | None
    list_amount: Decimal | None
    per_quantity: Decimal | None
    per_unit: str | None
    per_qualifier: str | None
    bound: str | None
    observed_at: datetime | None
    """When the price was seen, in UTC."""


def rows(feed: FeedReader) -> Iterator[Row]:
    """A row for every price, by bot: those of the card, then those of the API."""
    for bot in feed.values():
        priced = False
        page, catalog = bot.observed.page, bot.observed.catalog
        for rate in bot.pricing.rates:
            priced = True
            yield _row(bot, "page", rate, page.at if page else None)
        for rate in api_rates(bot.pricing.api):
            priced = True
            yield _row(bot, "api", rate, catalog.at if catalog else None)
        if not priced:
            yield _row(bot, None, None, page.at if page else None)


def _row(bot: Bot, source: str | None, rate: Rate | None, at: datetime | None) -> Row:
    return Row(
        id=bot.id,
        handle=bot.handle,
        status=bot.status,
        creator=bot.creator.handle if bot.creator else None,
        owned_by=bot.owned_by,
        source=source,
        section=rate.section if rate else None,
        label=rate.label if rate else None,
        attributes=rate.attributes if rate else {},
        currency=rate.currency if rate else None,
        amount=rate.amount if rate else None,
        max_amount=rate.max_amount if rate else None,
        list_amount=rate.list_amount if rate else None,
        per_quantity=rate.per.quantity if rate else None,
        per_unit=rate.per.unit if rate else None,
        per_qualifier=rate.per.qualifier if rate else None,
        bound=rate.bound if rate else None,
        observed_at=at,
    )
