"""When which prices were in force: the bots of a feed through its versions."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from poe_scraper.feed.history import Snapshot, bot_snapshots
from poe_scraper.feed.reader import FeedReader
from poe_scraper.feed.store import FeedStore
from poe_scraper.items import Bot, Change

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True)
class Period(Generic[T]):
    """How long something held.

    Args:
        value: what held.
        version: the first version that had it; 0 if the log does not reach back to it.
        since: when that version was published; None if the log does not reach back.
        until: when the first version without it was published; None if it still holds.
    """

    value: T
    version: int
    since: datetime | None
    until: datetime | None


def changes_until(feed: FeedReader, store: FeedStore) -> Iterator[Change]:
    """The changes up to the feed's version, oldest first. Raises `FeedError` if the log cannot be read."""
    if not feed.starter:
        yield from (change for change in store.changes() if change.version <= feed.version)


def histories(feed: FeedReader, store: FeedStore) -> Iterator[tuple[Bot, list[Snapshot]]]:
    """Each bot of a feed with its states of price and status, oldest first.

    Args:
        feed: the current feed, or a version of it.
        store: its folder.

    Raises:
        FeedError: a bot or the log cannot be read.
    """
    changes: dict[str, list[Change]] = defaultdict(list)
    for change in changes_until(feed, store):
        changes[change.bot.casefold()].append(change)
    for bot in feed.values():
        yield bot, bot_snapshots(bot, changes[bot.key])


def periods(snapshots: Sequence[Snapshot], values: Callable[[Bot], Iterable[T]]) -> list[Period[T]]:
    """How long each value held that active states of a bot have, in the order in which they ended.

    Args:
        snapshots: of one bot, oldest first.
        values: what a state has.
    """
    ended: list[Period[T]] = []
    open_since: dict[T, Snapshot] = {}
    for snapshot in snapshots:
        found = dict.fromkeys(values(snapshot.bot) if snapshot.bot.status == "active" else ())
        over = [value for value in open_since if value not in found]
        ended += [_period(value, open_since.pop(value), snapshot.at) for value in over]
        for value in found:
            open_since.setdefault(value, snapshot)
    return ended + [_period(value, since, None) for value, since in open_since.items()]


def _period(value: T, first: Snapshot, until: datetime | None) -> Period[T]:
    return Period(value, first.version, first.at if first.version else None, until)
