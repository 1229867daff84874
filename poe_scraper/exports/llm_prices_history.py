"""The history of llm-prices, `historical-v1.json`: the prices of `current-v1.json`, and from which day to which.

`from_date` is the first day of a price, null if it is older than the log of changes; `to_date` is the day of the next
price, null if it still holds. Of several prices on one day, the last counts.
"""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from poe_scraper.exports import Export
from poe_scraper.exports.llm_prices import prices
from poe_scraper.exports.periods import histories, periods
from poe_scraper.exports.tokens import LeftOutError, priced_by_token
from poe_scraper.feed.history import Snapshot
from poe_scraper.feed.reader import FeedReader
from poe_scraper.feed.store import FeedStore
from poe_scraper.items import Bot


def export(feed: FeedReader, store: FeedStore) -> Export:
    """Bots whose token prices are exact, or were. Raises `FeedError` if a bot or the log cannot be read."""
    found: list[dict[str, Any]] = []
    reasons: Counter[str] = Counter()
    bots = 0
    for bot, snapshots in histories(feed, store):
        dated = _dated(snapshots)
        found += dated
        bots += bool(dated)
        if not dated and bot.status == "active":
            reasons["its token prices were never exact"] += 1
    text = json.dumps({"prices": found}, indent=2) + "\n"
    return Export({"historical-v1.json": text.encode()}, bots, reasons)


def _dated(snapshots: Sequence[Snapshot]) -> list[dict[str, Any]]:
    dated = []
    for period in periods(snapshots, _exact):
        first, last = _day(period.since), _day(period.until)
        if first is None or last is None or first < last:
            span = {"from_date": first and first.isoformat(), "to_date": last and last.isoformat()}
            dated.append({**json.loads(period.value), **span})
    return dated


def _exact(bot: Bot) -> list[str]:
    """The prices of a bot as text, which can be compared as a whole; none if they are not exact."""
    try:
        return [json.dumps(price) for price in prices(priced_by_token(bot))]
    except LeftOutError:
        return []


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()
