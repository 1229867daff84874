"""A feed over time: the version in force at a moment, a bot's prices through the versions."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from poe_scraper.failures import FeedError, UsageError
from poe_scraper.feed.reader import FeedReader, read_feed
from poe_scraper.feed.store import FeedStore
from poe_scraper.items import Bot, Rate
from poe_scraper.pricing.prices import api_rates, identity


@dataclass(frozen=True)
class Snapshot:
    """A bot as a version of the feed has it.

    Args:
        version: the version's number.
        at: when it was published.
        bot: the bot.
    """

    version: int
    at: datetime
    bot: Bot


@dataclass(frozen=True)
class PriceChange:
    """A price that appeared, went, or moved. Old or new is None where there was or is none.

    Args:
        old: the rate before.
        new: the rate now.
        source: `page`, or `api` for a price of the models API in USD a unit.
    """

    old: Rate | None
    new: Rate | None
    source: str = "page"

    @property
    def rate(self) -> Rate:
        """The rate now, or the one that went."""
        rate = self.new or self.old
        assert rate is not None  # noqa: S101 - there is no change of nothing
        return rate

    @property
    def percent(self) -> Decimal | None:
        """By how much the price for one unit moved, to a tenth of a per cent; None from or to nothing."""
        if self.old is None or self.new is None or self.old.amount == 0:
            return None
        old = self.old.amount / self.old.per.quantity
        new = self.new.amount / self.new.per.quantity
        return ((new - old) / old * 100).quantize(Decimal("0.1"))


def feed_at(store: FeedStore, current: FeedReader, at: date | datetime) -> FeedReader:
    """The version that was in force at a moment.

    Args:
        store: the feed's folder.
        current: the current feed.
        at: the moment, aware; of a date, its end in UTC.

    Raises:
        UsageError: the moment has no time zone.
        FeedError: no version was in force then, or it cannot be read.
    """
    moment = _moment(at)
    numbers = store.versions()
    if current.generated_at <= moment and (not numbers or current.version > numbers[-1]):
        return current
    place = bisect_right(numbers, moment, key=lambda number: read_feed(store.version_file(number)).generated_at)
    if place == 0:
        oldest = read_feed(store.version_file(numbers[0])) if numbers else current
        message = (
            f"No version of the feed was in force at {moment:%Y-%m-%d %H:%M} UTC: the oldest here, version "
            f"{oldest.version}, is of {oldest.generated_at:%Y-%m-%d %H:%M} UTC."
        )
        raise FeedError(message)
    return read_feed(store.version_file(numbers[place - 1]))


def _moment(at: date | datetime) -> datetime:
    if not isinstance(at, datetime):
        return datetime(at.year, at.month, at.day, tzinfo=UTC) + timedelta(days=1, microseconds=-1)
    if at.tzinfo is None:
        message = f"the time {at} has no time zone"
        raise UsageError(message)
    return at


def snapshots(store: FeedStore, current: FeedReader, name: str) -> list[Snapshot]:
    """A bot through the versions, oldest first: every one in which its prices or its status changed.

    Args:
        store: the feed's folder.
        current: the current feed.
        name: id or handle in any case.

    Raises:
        FeedError: a version cannot be read.
    """
    numbers = store.versions()
    key = current[name].key if name in current else name.casefold()
    told = {change.version for change in store.changes() if change.bot.casefold() == key}
    wanted = [number for number in numbers if number in told or number == numbers[0]]
    feeds = [read_feed(store.version_file(number)) for number in wanted]
    if not numbers or current.version not in numbers:
        feeds.append(current)
    found: list[Snapshot] = []
    for feed in feeds:
        bot = feed.get(key)
        if bot is not None and (not found or _telling(bot) != _telling(found[-1].bot)):
            found.append(Snapshot(feed.version, feed.generated_at, bot))
    return found


def _telling(bot: Bot) -> tuple[object, ...]:
    return bot.status, bot.pricing.rates, bot.pricing.adjustments, bot.pricing.api


def price_changes(old: Bot, new: Bot) -> list[PriceChange]:
    """The prices that differ between two states of a bot, in the order of the newer card."""
    page = _changes(old.pricing.rates, new.pricing.rates, "page")
    return [*page, *_changes(api_rates(old.pricing.api), api_rates(new.pricing.api), "api")]


def _changes(old: Iterable[Rate], new: Iterable[Rate], source: str) -> Iterator[PriceChange]:
    before: dict[tuple[object, ...], list[Rate]] = {}
    for rate in old:
        before.setdefault((rate.currency, *identity(rate)), []).append(rate)
    for rate in new:
        same = before.get((rate.currency, *identity(rate)))
        was = same.pop(0) if same else None
        if was != rate:
            yield PriceChange(was, rate, source)
    for rates in before.values():
        for rate in rates:
            yield PriceChange(rate, None, source)
