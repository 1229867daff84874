"""Bots on disk while a crawl lasts, so that memory does not grow with the catalog."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, MutableMapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from poe_scraper.items import Bot
from poe_scraper.untrusted import public_url

_RECENT = 128
"""Number of bots of a feed that are kept in memory as objects."""


class BotSummary(NamedTuple):
    """What a spool keeps in memory of a bot."""

    handle: str
    """The handle in lower case; empty if it is not known."""
    active: bool
    """True if the bot is not gone."""
    found_by: tuple[str, ...]
    """`Bot.discovered_by`."""
    in_catalog: bool
    """True if its catalog facts were seen."""
    last_time: datetime
    """The latest time that the bot carries."""


class BotSpool(MutableMapping[str, Bot]):
    """Bots by `Bot.key`, in a temporary database that SQLite keeps on disk and removes.

    A bot is stored as the line of JSON that `models.json` gets, and built again when it is asked for. Its URLs are
    stored without user, password, query and fragment.
    """

    def __init__(self, bots: Iterable[Bot] = ()) -> None:
        # used by one thread after the other: the crawl's, and the one that publishes
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE bots (key TEXT PRIMARY KEY, id TEXT, line BLOB)")
        self._summaries: dict[str, BotSummary] = {}
        for bot in bots:
            self[bot.key] = bot

    def __setitem__(self, key: str, bot: Bot) -> None:
        bot = _with_public_urls(bot)
        self._put(key, bot.id, bot.model_dump_json(by_alias=True).encode(), summary_of(bot))

    def __getitem__(self, key: str) -> Bot:
        return Bot.model_validate_json(self.line(key))

    def __delitem__(self, key: str) -> None:
        del self._summaries[key]
        self._database.execute("DELETE FROM bots WHERE key = ?", (key,))

    def __contains__(self, key: object) -> bool:
        return key in self._summaries

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._summaries))

    def __len__(self) -> int:
        return len(self._summaries)

    def line(self, key: str) -> bytes:
        """The bot as JSON. Raises `KeyError`."""
        row = self._database.execute("SELECT line FROM bots WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        line: bytes = row[0]
        return line

    def lines(self) -> Iterator[tuple[str, bytes]]:
        """Keys and bots as JSON, in the order of the feed: by id. Do not modify the spool meanwhile."""
        yield from self._database.execute("SELECT key, line FROM bots ORDER BY id")

    def entries(self) -> Iterator[dict[str, Any]]:
        """The bots as JSON values, in the order of the feed."""
        for _, line in self.lines():
            yield json.loads(line)

    def take(self, other: "BotSpool", key: str) -> None:
        """Copy a bot from another spool unchanged."""
        summary = other.summary(key)
        (bot_id,) = other._database.execute("SELECT id FROM bots WHERE key = ?", (key,)).fetchone()
        self._put(key, bot_id, other.line(key), summary)

    def active(self, found_by: str | None = None) -> int:
        """The number of active bots, of all or of those discovered in one way."""
        return sum(
            summary.active and (found_by is None or found_by in summary.found_by)
            for summary in self._summaries.values()
        )

    def summary(self, key: str) -> BotSummary:
        """The summary of a bot. Raises `KeyError`."""
        return self._summaries[key]

    def _put(self, key: str, bot_id: str, line: bytes, summary: BotSummary) -> None:
        self._database.execute("INSERT OR REPLACE INTO bots VALUES (?, ?, ?)", (key, bot_id, line))
        self._summaries[key] = summary


class KnownBots(BotSpool):
    """The bots of a feed."""

    def __init__(self, bots: Iterable[Bot] = ()) -> None:
        self._by_handle: dict[str, str] = {}
        # a crawl asks for the same bot several times in a row
        self._recent = lru_cache(_RECENT)(super().__getitem__)
        super().__init__(bots)

    def __getitem__(self, key: str) -> Bot:
        return self._recent(key)

    def page_of(self, bot: str) -> str | None:
        """The address of a bot's page by the bot's id in any case; None if there is no such bot."""
        key = bot.casefold()
        return json.loads(self.line(key))["url"] if key in self else None

    def _put(self, key: str, bot_id: str, line: bytes, summary: BotSummary) -> None:
        super()._put(key, bot_id, line, summary)
        self._recent.cache_clear()
        if summary.handle:
            self._by_handle[summary.handle] = key

    def find(self, seen: Bot) -> Bot | None:
        """The known bot that a crawl saw: the one of that key, else the one of that handle.

        Two bots that the models API lists under different ids stay two, whatever their handles.
        """
        key = self.find_key(seen.key, summary_of(seen))
        return None if key is None else self[key]

    def find_key(self, key: str, summary: BotSummary) -> str | None:
        """The key of the known bot that is the same as a bot of another spool; None if there is none."""
        if key in self:
            return key
        known = self._by_handle.get(summary.handle) if summary.handle else None
        if known is None or (summary.in_catalog and "api" in self.summary(known).found_by):
            return None
        return known


def summary_of(bot: Bot) -> BotSummary:
    """Summarise a bot."""
    return BotSummary(
        handle=(bot.handle or "").casefold(),
        active=bot.status == "active",
        found_by=bot.discovered_by,
        in_catalog=bot.observed.catalog is not None,
        last_time=max(_times(bot)),
    )


def not_later_than(bot: Bot, now: datetime) -> Bot:
    """The bot with every time that is later than `now`, as a wrong clock left it, set to `now`."""
    observed = bot.observed
    sightings = {
        name: sighting.model_copy(update={"at": min(sighting.at, now)})
        for name, sighting in (("catalog", observed.catalog), ("page", observed.page))
        if sighting is not None
    }
    return bot.model_copy(
        update={
            "first_seen": min(bot.first_seen, now),
            "last_seen": min(bot.last_seen, now),
            "gone_since": bot.gone_since and min(bot.gone_since, now),
            "observed": observed.model_copy(update=sightings),
            "errors": tuple(error.model_copy(update={"at": min(error.at, now)}) for error in bot.errors),
        }
    )


def _times(bot: Bot) -> Iterator[datetime]:
    yield from (bot.first_seen, bot.last_seen)
    if bot.gone_since is not None:
        yield bot.gone_since
    for sighting in (bot.observed.catalog, bot.observed.page, *bot.errors):
        if sighting is not None:
            yield sighting.at


def _with_public_urls(bot: Bot) -> Bot:
    """The bot with its addresses as they may be published."""
    observed = bot.observed
    sightings = {
        name: sighting.model_copy(update={"url": public_url(sighting.url)})
        for name, sighting in (("catalog", observed.catalog), ("page", observed.page))
        if sighting is not None and sighting.url != public_url(sighting.url)
    }
    if not sightings and bot.url == public_url(bot.url):
        return bot
    return bot.model_copy(update={"url": public_url(bot.url), "observed": observed.model_copy(update=sightings)})
