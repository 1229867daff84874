"""What every run report says, whatever kind of run it was."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from poe_scraper.items import Change, Feed


def run_id(started_at: datetime) -> str:
    """A new `Run.id`. In the order of their names, runs are in the order of their start."""
    return f"{started_at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def figures(feed: Feed | None, changes: Iterable[Change] = ()) -> dict[str, Any]:
    """Those fields of a `RunReport` that tell of the feed after the run, and of what the run changed in it."""
    bots = feed.data if feed else ()
    changed: dict[str, set[str]] = {"added": set(), "gone": set(), "back": set(), "changed": set()}
    for change in changes:
        changed[change.kind].add(change.bot)
    return {
        "version": feed.version if feed else None,
        "bots": len(bots),
        "with_rates": sum(bool(bot.pricing.rates) for bot in bots),
        "with_unparsed": sum(bool(bot.pricing.unparsed) for bot in bots),
        **{kind: len(names) for kind, names in changed.items()},
    }
