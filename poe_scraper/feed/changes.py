"""Comparing two feeds: the changes that `changes.jsonl` lists."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from poe_scraper.feed.spool import KnownBots
from poe_scraper.items import Bot, Change, Feed

_WHOLE = {"pricing.primary", "pricing.initial_points"}
"""Objects that change as a whole: their parts mean nothing by themselves."""


def facts(bot: Bot) -> dict[str, Any]:
    """A bot as JSON values, without the times."""
    return without_times(bot.model_dump(mode="json", by_alias=True))


def without_times(entry: dict[str, Any]) -> dict[str, Any]:
    """Remove the times from a bot's JSON values: a new time alone is not a change.

    Args:
        entry: the bot; it is modified.
    """
    for name in ("first_seen", "last_seen", "gone_since"):
        entry.pop(name, None)
    for seen in (*entry["observed"].values(), *entry["errors"]):
        if seen is not None:
            seen.pop("at", None)
    return entry


def compare(old: Feed | None, new: Feed) -> list[Change]:
    """The changes from one feed to the next, by bot.

    A bot that the new feed no longer has was gone before, so it is not a change.
    """
    known = KnownBots(old.data if old else ())
    return [change for bot in new.data for change in bot_changes(known.find(bot), bot, new.version, new.generated_at)]


def bot_changes(before: Bot | None, bot: Bot, version: int, at: datetime) -> Iterator[Change]:
    """The changes of one bot in a version.

    Args:
        before: the bot in the version before; None if it is new.
        bot: the bot now.
        version: the number of the version.
        at: when it was published.
    """
    if before is None:
        yield Change(version=version, at=at, bot=bot.id, kind="added")
        return
    if before.status != bot.status:
        yield Change(version=version, at=at, bot=bot.id, kind="gone" if bot.status == "gone" else "back")
    for field, old, new in _differences(facts(before), facts(bot), ""):
        if field != "status":
            yield Change(version=version, at=at, bot=bot.id, kind="changed", field=field, old=old, new=new)


def _differences(old: dict[str, Any], new: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any, Any]]:
    for name in new:
        path = prefix + name
        before, now = old.get(name), new[name]
        if before == now:
            continue
        if isinstance(before, dict) and isinstance(now, dict) and path not in _WHOLE:
            yield from _differences(before, now, f"{path}.")
        else:
            yield path, before, now
