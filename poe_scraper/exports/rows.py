"""The prices of a feed as a flat table: one row per price, for CSV, Parquet, XLSX and SQLite."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal

from poe_scraper.feed.reader import FeedReader
from poe_scraper.items import Bot, Rate
from poe_scraper.pricing.prices import api_rates

_FIFTEEN_DIGITS = Context(prec=15)
"""What a binary float holds of any decimal."""


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
    usd_per_unit: Decimal | None
    """`amount` in USD for one `per_unit`, of 15 digits; points are converted with the feed's `points_per_usd`."""


def rows(feed: FeedReader) -> Iterator[Row]:
    """A row for every price, by bot: those of the card, then those of the API."""
    for bot in feed.values():
        found = rated(bot)
        yield from (row(bot, source, rate, feed.points_per_usd) for source, rate in found)
        if not found:
            yield row(bot, None, None, feed.points_per_usd)


def rated(bot: Bot) -> list[tuple[str, Rate]]:
    """Every price of a bot with its source, `page` or `api`."""
    page = [("page", rate) for rate in bot.pricing.rates]
    return page + [("api", rate) for rate in api_rates(bot.pricing.api)]


def row(bot: Bot, source: str | None, rate: Rate | None, points_per_usd: Decimal) -> Row:
    """The row of one price of a bot; of none, if `rate` is None."""
    sighting = bot.observed.catalog if source == "api" else bot.observed.page
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
        observed_at=sighting.at if sighting else None,
        usd_per_unit=_usd_per_unit(rate, points_per_usd) if rate else None,
    )


def _usd_per_unit(rate: Rate, points_per_usd: Decimal) -> Decimal | None:
    """None if the card says that the price pays for nothing."""
    per = rate.per.quantity * (points_per_usd if rate.currency == "points" else 1)
    return _FIFTEEN_DIGITS.divide(rate.amount, per).normalize() if per else None
