"""Merging feeds that were crawled with `shard=i/n`, each into its own folder."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from poe_scraper.failures import FeedError
from poe_scraper.feed.merge import KEEP_GONE, carry_over
from poe_scraper.feed.reader import current_feed
from poe_scraper.feed.shard import Shard
from poe_scraper.feed.site import is_same_site
from poe_scraper.feed.spool import BotSpool, KnownBots
from poe_scraper.feed.store import FeedStore, load_feed
from poe_scraper.items import Bot, RunReport, Site


@dataclass(frozen=True)
class Part:
    """The feed of one shard.

    Args:
        store: its folder.
        shard: which bots it is about.
        run: the crawl that wrote it.
        site: the site that it belongs to; None if it does not say.
    """

    store: FeedStore
    shard: Shard
    run: RunReport
    site: Site | None


def find_parts(folders: Iterable[Path], *, now: datetime, max_age: timedelta) -> list[Part]:
    """The feeds in these folders, if together they are the whole catalog.

    Args:
        folders: one per shard, in any order.
        now: the time.
        max_age: how long ago a part may have been crawled.

    Raises:
        FeedError: a folder has no feed of a shard, its last crawl failed or is too long ago, the shards belong to
            different sites, or have a gap or overlap. The text names every folder with what is wrong.
    """
    parts: list[Part] = []
    wrong: list[str] = []
    for folder in folders:
        try:
            parts.append(_find_part(FeedStore(folder), now - max_age))
        except FeedError as error:
            wrong.append(str(error))
    parts.sort(key=lambda part: part.shard)
    wrong += [] if wrong else _misfits(parts)
    if wrong:
        message = "These parts cannot be merged:\n  " + "\n  ".join(wrong)
        raise FeedError(message)
    return parts


def _find_part(store: FeedStore, oldest: datetime) -> Part:
    run = next((run for run in store.runs() if run.finish_reason != "reread"), None)
    feed = current_feed(store.folder)
    if run is None or feed is None:
        message = f"{store.folder} has no crawled feed."
        raise FeedError(message)
    shard = run.arguments.get("shard", "")
    if not shard:
        message = f"{store.folder} is not a part: its last crawl ({run.id}) had no shard=i/n."
        raise FeedError(message)
    if run.outcome not in {"published", "unchanged"}:
        message = f"The last crawl of {store.folder} ({run.id}, shard {shard}) was {run.outcome}: crawl it again."
        raise FeedError(message)
    if run.finished_at < oldest:
        message = (
            f"{store.folder} is stale: its last crawl ({run.id}, shard {shard}) ended at "
            f"{run.finished_at:%Y-%m-%d %H:%M} UTC, longer ago than POE_MAX_AGE. Crawl it again."
        )
        raise FeedError(message)
    part, _, parts = shard.partition("/")
    return Part(store, Shard(int(part), int(parts)), run, feed.site)


def _misfits(parts: list[Part]) -> list[str]:
    """Why these parts are not all shards of one split of one site, each once."""
    first = parts[0]
    elsewhere = [
        f"{first.store.folder} is of {first.site.url}, {part.store.folder} is of {part.site.url}."
        for part in parts[1:]
        if first.site and part.site and not is_same_site(first.site.url, part.site.url)
    ]
    if elsewhere:
        return elsewhere
    others = [part for part in parts if part.shard.parts != first.shard.parts]
    if others:
        return [
            f"{first.store.folder} is shard {first.shard}, {part.store.folder} is shard {part.shard}: "
            "these are parts of different splits."
            for part in others
        ]
    twice = [
        f"{one.store.folder} and {other.store.folder} are both shard {one.shard}."
        for one, other in pairwise(parts)
        if one.shard == other.shard
    ]
    there = {part.shard.part for part in parts}
    missing = [number for number in range(1, first.shard.parts + 1) if number not in there]
    return twice + [f"Shard {number}/{first.shard.parts} is missing." for number in missing]


def merge_shards(
    known: KnownBots, parts: Iterable[Part], *, now: datetime, keep_gone: timedelta = KEEP_GONE
) -> KnownBots:
    """All bots of the next feed, from its parts and from what the feed knows.

    A bot's facts are from its part, its history is from the feed. Bots of other shards that a part has, as after a new
    split, are ignored. Bots that no part has are gone if their shard's last crawl was complete.

    Args:
        known: the bots of the feed.
        parts: all shards, as `find_parts` gives them.
        now: the time.
        keep_gone: how long gone bots stay.

    Raises:
        FeedError: a part cannot be read.
    """
    bots = KnownBots()
    complete: list[Shard] = []
    for part in parts:
        crawled = BotSpool()
        load_feed(part.store.models, crawled)
        for key, bot in crawled.items():
            if part.shard.holds(key):
                bots[key] = _with_history(known.find(bot), bot)
        if part.run.complete:
            complete.append(part.shard)
    carry_over(
        known,
        bots,
        complete=bool(complete),
        in_scope=lambda key: any(shard.holds(key) for shard in complete),
        now=now,
        keep_gone=keep_gone,
    )
    return bots


def _with_history(known: Bot | None, bot: Bot) -> Bot:
    if known is None:
        return bot
    if known.last_seen > bot.last_seen:
        return known  # a crawl into the feed itself saw it later
    return bot.model_copy(update={"first_seen": min(known.first_seen, bot.first_seen)})
