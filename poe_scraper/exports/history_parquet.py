"""Every price that ever held as Apache Parquet: the columns of `parquet`, and from when until when."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from poe_scraper.exports import Export
from poe_scraper.exports.parquet import table, values
from poe_scraper.exports.periods import histories, periods
from poe_scraper.exports.rows import rated, row
from poe_scraper.feed.reader import FeedReader
from poe_scraper.feed.store import FeedStore
from poe_scraper.items import Bot, Rate


def export(feed: FeedReader, store: FeedStore) -> Export:
    """The history as a Parquet file.

    Raises:
        PoeScraperError: pyarrow is not installed, or an amount has more than 20 decimals.
        FeedError: a bot or the log cannot be read.
    """
    content = table(feed, _lines(feed, store), since_version="int64", since="time", until="time")
    return Export({"history.parquet": content}, bots=len(feed))


def _lines(feed: FeedReader, store: FeedStore) -> Iterator[dict[str, Any]]:
    for bot, snapshots in histories(feed, store):
        for period in periods(snapshots, _prices):
            source, text = period.value
            price = row(bot, source, Rate.model_validate_json(text), feed.points_per_usd)
            yield {
                "since_version": period.version or None,
                "since": period.since,
                "until": period.until,
                **values(replace(price, observed_at=None)),
            }


def _prices(bot: Bot) -> list[tuple[str, str]]:
    """Source and price. The price is text, which can be compared as a whole."""
    return [(source, rate.model_dump_json()) for source, rate in rated(bot)]
