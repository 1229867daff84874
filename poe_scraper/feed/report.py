"""What the reports of all kinds of runs have in common."""

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from poe_scraper.items import Change


def new_run_id() -> str:
    """Make a `Run.id` that sorts by time.

    It holds microseconds: of two runs within one second, the later one still sorts last.
    """
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(2)}"


def figures(version: int | None, bots: Iterable[Mapping[str, Any]], changes: Iterable[Change] = ()) -> dict[str, Any]:
    """The fields of a `RunReport` about the feed after the run, and about what the run changed in it.

    Args:
        version: the version of the feed; None if there is no feed.
        bots: the bots of the feed, as JSON values.
        changes: the changes of the run.
    """
    counts: Counter[str] = Counter()
    oldest: datetime | None = None
    for bot in bots:
        pricing, page = bot["pricing"], bot["observed"]["page"]
        counts["bots"] += 1
        counts["with_rates"] += bool(pricing["rates"])
        counts["with_unparsed"] += bool(pricing["unparsed"])
        results = {check["result"] for check in pricing["checks"]}
        counts["with_differences"] += not results.isdisjoint({"differs", "suspect"})
        counts["with_suspects"] += "suspect" in results
        if bot["status"] == "active":
            counts["active"] += 1
            counts["active_with_rates"] += bool(pricing["rates"])
            if page is not None:
                seen = datetime.fromisoformat(page["at"])
                oldest = min(oldest or seen, seen)
    changed: dict[str, set[str]] = {"added": set(), "gone": set(), "back": set(), "changed": set()}
    for change in changes:
        changed[change.kind].add(change.bot)
    return {
        "version": version,
        **counts,
        "oldest_page": oldest,
        **{kind: len(names) for kind, names in changed.items()},
    }
