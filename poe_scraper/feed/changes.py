"""What changed between two feeds: the lines of `changes.jsonl`."""

from collections.abc import Iterator
from typing import Any

from poe_scraper.feed.merge import KnownBots
from poe_scraper.items import Bot, Change, Feed

TIMES: dict[str, Any] = {
    "first_seen": True,
    "last_seen": True,
    "gone_since": True,
    "observed": {"catalog": {"at"}, "page": {"at"}},
    "errors": {"__all__": {"at"}},
}
"""Fields of a bot that say when something was seen. A new time alone is no change."""

_WHOLE = {"pricing.primary", "pricing.initial_points"}
"""Objects that change as one: their parts say nothing alone."""


def facts(bot: Bot) -> dict[str, Any]:
    """All of a bot but the times, as JSON values."""
    return bot.model_dump(mode="json", by_alias=True, exclude=TIMES)


def same_facts(old: Feed, new: Feed) -> bool:
    """Whether two feeds differ in nothing but times and run figures."""
    return (
        old.schema_version == new.schema_version
        and old.points_per_usd == new.points_per_usd
        and len(old.data) == len(new.data)
        and all(a is b or a == b or facts(a) == facts(b) for a, b in zip(old.data, new.data, strict=True))
    )


def compare(old: Feed | None, new: Feed) -> list[Change]:
    """What the new feed brought, by bot.

    A bot that the new feed no longer has was gone before, and is no change.
    """
    known = KnownBots(old.data if old else ())
    changes: list[Change] = []
    for bot in new.data:
        before = known.find(bot)
        if before is None:
            changes.append(Change(version=new.version, at=new.generated_at, bot=bot.id, kind="added"))
        elif before is not bot:
            changes.extend(_bot_changes(before, bot, new))
    return changes


def _bot_changes(before: Bot, bot: Bot, feed: Feed) -> Iterator[Change]:
    if before.status != bot.status:
        kind = "gone" if bot.status == "gone" else "back"
        yield Change(version=feed.version, at=feed.generated_at, bot=bot.id, kind=kind)
    for field, old, new in _differences(facts(before), facts(bot), ""):
        if field != "status":
            yield Change(
                version=feed.version,
                at=feed.generated_at,
                bot=bot.id,
                kind="changed",
                field=field,
                old=old,
                new=new,
            )


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
