"""Bots on disk while a crawl lasts, so that memory does not grow with the catalog."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, MutableMapping
from functools import lru_cache
from typing import Any, NamedTuple

from poe_scraper.items import Bot

_RECENT = 128
"""Bots of a feed that stay built."""


class BotSummary(NamedTuple):
    """What is kept in memory of a bot on a shelf."""

    handle: str
    """In lower case; empty where it is not known."""
    active: bool
    found_by: tuple[str, ...]
    """`Bot.discovered_by`."""
    in_catalog: bool
    """Whether its catalog facts were seen."""


class BotSpool(MutableMapping[str, Bot]):
    """Bots by `Bot.key`, in a temporary database that SQLite keeps on disk and removes.

    A bot is stored as the line of JSON that `models.json` gets, and built again when it is asked for.
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
        """Keys and bots as JSON, in the order of the feed: by id. The shelf must stay as it is meanwhile."""
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
        """How many bots are active, of all or of those that were found so."""
        return sum(card.active and (found_by is None or found_by in card.found_by) for card in self._summaries.values())

    def summary(self, key: str) -> BotSummary:
        """What is known of a bot without building it. Raises `KeyError`."""
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
        """The key of the known bot that a bot on another spool is."""
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
    )
