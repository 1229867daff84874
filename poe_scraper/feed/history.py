"""A feed over time: the version in force at a moment, a bot's prices through the versions."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby

from poe_scraper.failures import FeedError, UsageError
from poe_scraper.feed.reader import FeedReader, read_feed
from poe_scraper.feed.store import FeedStore
from poe_scraper.items import Bot, Change, Pricing, Rate
from poe_scraper.pricing.conclusions import with_conclusions
from poe_scraper.pricing.prices import api_rates, identity

_PRICES = ("pricing.rates", "pricing.adjustments", "pricing.api")
"""The fields of a bot that its snapshots follow."""


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
    """A price that appeared, disappeared or moved.

    Args:
        old: the rate before; None if there was none.
        new: the rate now; None if there is none.
        source: `page`, or `api` for a price of the models API in USD per unit.
    """

    old: Rate | None
    new: Rate | None
    source: str = "page"

    @property
    def rate(self) -> Rate:
        """The rate now, or the one that disappeared."""
        rate = self.new or self.old
        assert rate is not None  # noqa: S101 - one of both is given
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
    """A bot through the versions, oldest first: each version in which its prices or its status changed.

    Args:
        store: the feed's folder.
        current: the current feed.
        name: id or handle in any case.

    Returns:
        The snapshots; empty if the feed has no such bot.

    Raises:
        FeedError: the bot or the log cannot be read.
    """
    if name not in current:
        return []
    bot = current[name]
    changes = (change for change in store.changes() if change.bot.casefold() == bot.key)
    return bot_snapshots(bot, [change for change in changes if change.version <= current.version])


def bot_snapshots(bot: Bot, changes: Sequence[Change]) -> list[Snapshot]:
    """A bot's states of price and status, oldest first.

    The changes are undone one version after the other: this reads one file, where reading the versions would read
    thousands, and reaches back to versions that are no longer on disk. If the log does not reach back to the version
    that added the bot, the first snapshot has version 0.

    Args:
        bot: the bot as it is now.
        changes: all changes of this bot, oldest first.
    """
    found: list[Snapshot] = []
    state = bot
    for version, group in groupby(reversed(changes), lambda change: change.version):
        brought = list(group)
        added = any(change.kind == "added" for change in brought)
        before = state
        for change in brought:
            before = _undone(before, change)
        if added or before != state:
            found.append(Snapshot(version, brought[0].at, with_conclusions(state)))
        if added:
            return found[::-1]
        state = before
    found.append(Snapshot(0, bot.first_seen, with_conclusions(state)))
    return found[::-1]


def _undone(bot: Bot, change: Change) -> Bot:
    """The bot as it was before a change."""
    if change.kind == "gone":
        return bot.model_copy(update={"status": "active"})
    if change.kind == "back":
        return bot.model_copy(update={"status": "gone"})
    path = (change.field or "").split(".")
    if ".".join(path[:2]) not in _PRICES:
        return bot
    if len(path) == 2:
        old = {path[1]: change.old}
    else:
        api = bot.pricing.api.model_dump() if bot.pricing.api else {}
        old = {"api": {**api, path[2]: change.old}}
    read = Pricing.model_validate(old)
    pricing = bot.pricing.model_copy(update={name: getattr(read, name) for name in old})
    return bot.model_copy(update={"pricing": pricing})


def price_changes(old: Bot, new: Bot) -> list[PriceChange]:
    """The prices that differ between two states of a bot, in the order of the newer card."""
    page = rate_changes(old.pricing.rates, new.pricing.rates)
    return [*page, *rate_changes(api_rates(old.pricing.api), api_rates(new.pricing.api), "api")]


def rate_changes(old: Iterable[Rate], new: Iterable[Rate], source: str = "page") -> Iterator[PriceChange]:
    """The prices that differ between two lists, in the order of the newer one; then those that disappeared."""
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
