"""Merging what a crawl saw with what the feed knew. Nothing good is ever erased by a bad look.

A scraped item is a `Bot` as seen in one crawl: `observed.catalog` is set where the crawl saw its entry
in the models API, `observed.page` where it read its page, `errors` holds what failed.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any

from poe_scraper.failures import Code
from poe_scraper.feed.due import CATALOG_FACTS
from poe_scraper.items import Bot, BotError, Observed

KEEP_GONE = timedelta(days=90)
"""How long a bot that is gone stays in the feed."""

_PAGE_STAGES = {"page", "rates", "profile"}

_NAMES = ("display_name", "url", "description")
"""What the API tells too. The page knows better, once it was seen."""
_PAGE_FACTS = (*_NAMES, "handle", "creator", "powered_by", "is_down")
_CARD_FACTS = ("rates", "adjustments", "unparsed", "rate_card")
_DISCOVERIES = ("api", "creator", "handle")
_LISTS = {"api", "creator"}


class KnownBots(Mapping[str, Bot]):
    """The bots of a feed, by `Bot.key`."""

    def __init__(self, bots: Iterable[Bot] = ()) -> None:
        self._bots = {bot.key: bot for bot in bots}
        self._by_handle = {bot.handle.casefold(): bot for bot in self._bots.values() if bot.handle}

    def __getitem__(self, key: str) -> Bot:
        return self._bots[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._bots)

    def __len__(self) -> int:
        return len(self._bots)

    def find(self, seen: Bot) -> Bot | None:
        """The known bot that a crawl saw: the one of that key, else the one of that handle.

        Two bots that the models API lists under different ids stay two, whatever their handles.
        """
        if (known := self._bots.get(seen.key)) is not None:
            return known
        known = self._by_handle.get((seen.handle or "").casefold())
        if known is None or (seen.observed.catalog is not None and "api" in known.discovered_by):
            return None
        return known


def merge(known: Bot | None, seen: Bot) -> Bot:
    """One bot as the feed should have it now.

    The models API owns the catalog facts and its prices; the page owns the rest. What was not seen, or
    failed, stays as known, with the time it was last seen. A page that shows no rate card where the feed
    has one counts as failed (`card_missing`) until a later look says the same. No fact gets in without
    the sighting that it rests on.

    `pricing.primary` and `pricing.checks` are not computed here.

    Args:
        known: the bot as the feed has it; None where it does not.
        seen: the bot as the crawl saw it.
    """
    if known is None:
        known = Bot(id=seen.id, url=seen.url, first_seen=seen.first_seen, last_seen=seen.last_seen)

    facts: dict[str, Any] = {}
    prices: dict[str, Any] = {}
    catalog, page = known.observed.catalog, known.observed.page
    errors = _errors(known, seen)
    if seen.observed.catalog is not None:
        catalog = seen.observed.catalog
        facts = {"id": seen.id} | {field: getattr(seen, field) for field in CATALOG_FACTS}
        prices["api"] = seen.pricing.api
        if page is None:
            facts |= {field: getattr(seen, field) for field in _NAMES}
    if seen.observed.page is not None:
        if _lacks_card(known, seen):
            errors += _card_missing(seen)
        else:
            page = seen.observed.page
            facts |= {field: getattr(seen, field) for field in _PAGE_FACTS}
            prices |= {field: getattr(seen.pricing, field) for field in (*_CARD_FACTS, "initial_points")}
    found = {*known.discovered_by, *seen.discovered_by}
    if was_there(seen):
        facts |= {"status": "active", "gone_since": None, "last_seen": max(known.last_seen, seen.last_seen)}
    elif (since := _deleted_since(seen)) is not None:
        facts |= {"status": "gone", "gone_since": known.gone_since or since}
    return known.model_copy(
        update={
            **facts,
            "pricing": known.pricing.model_copy(update=prices),
            "discovered_by": tuple(how for how in _DISCOVERIES if how in found),
            "observed": Observed(catalog=catalog, page=page),
            "errors": errors,
        }
    )


def was_there(seen: Bot) -> bool:
    """Whether a crawl saw a bot at all: listed, with usable facts or without, or on its own page."""
    return seen.observed.page is not None or not _LISTS.isdisjoint(seen.discovered_by)


def join(first: Bot, second: Bot) -> Bot:
    """Two sightings of one bot in the same crawl as one, whichever came first."""
    if first.observed.page is not None and second.observed.page is None:
        first, second = second, first  # what was read from a page is worth more than a page that failed
    joined = merge(first, second)
    return joined.model_copy(update={"first_seen": min(first.first_seen, second.first_seen)})


def settle(
    known: KnownBots,
    seen: Iterable[Bot],
    *,
    listed: AbstractSet[str] = frozenset(),
    complete: bool,
    now: datetime,
    keep_gone: timedelta = KEEP_GONE,
) -> tuple[Bot, ...]:
    """All bots of the next feed, sorted by id.

    Args:
        known: the bots of the feed.
        seen: the bots that this crawl saw, merged.
        listed: `Bot.key` of all that the models API lists. Those that the crawl did not get to are there.
        complete: whether the crawl saw all that the models API lists. Only then are bots gone that were
            found there and not seen now, and only then are bots dropped that are gone for too long.
        now: the time of this crawl.
        keep_gone: how long gone bots stay.
    """
    bots = {bot.key: bot for bot in seen}
    seen_keys = bots.keys() | {old.key for bot in bots.values() if (old := known.find(bot)) is not None}
    for key, bot in known.items():
        if key in seen_keys:
            continue
        if key in listed:
            sighting = Bot(id=bot.id, url=bot.url, first_seen=now, last_seen=now, discovered_by=("api",))
            bots[key] = merge(bot, sighting)
        elif complete and bot.status == "active" and "api" in bot.discovered_by:
            bots[key] = bot.model_copy(update={"status": "gone", "gone_since": now})
        elif not complete or bot.gone_since is None or now - bot.gone_since <= keep_gone:
            bots[key] = bot
    return tuple(sorted(bots.values(), key=lambda bot: bot.id))


def _errors(known: Bot, seen: Bot) -> tuple[BotError, ...]:
    """This crawl's errors for what it looked at, the known ones for what it did not look at."""
    looked: set[str] = {error.stage for error in seen.errors}
    if seen.observed.catalog is not None:
        looked.add("catalog")
    if seen.observed.page is not None or not looked.isdisjoint(_PAGE_STAGES):
        looked |= _PAGE_STAGES
    return tuple(error for error in known.errors if error.stage not in looked) + seen.errors


def _deleted_since(seen: Bot) -> datetime | None:
    """When the page of a bot was found not to exist; None where it was not."""
    return next((error.at for error in seen.errors if error.code == Code.NOT_FOUND), None)


def _lacks_card(known: Bot, seen: Bot) -> bool:
    """Whether the feed has a rate card that the page just seen gives no reason to give up."""
    if not _has_card(known):
        return False
    if any(error.stage == "rates" and error.code != Code.CARD_UNPARSED for error in seen.errors):
        return True
    return not _has_card(seen) and not _missed_before(known, seen)


def _has_card(bot: Bot) -> bool:
    return any(getattr(bot.pricing, field) not in (None, ()) for field in _CARD_FACTS)


def _missed_before(known: Bot, seen: Bot) -> bool:
    """Whether an earlier look than this one already missed the card."""
    page = seen.observed.page
    return page is not None and any(error.code == Code.CARD_MISSING and error.at < page.at for error in known.errors)


def _card_missing(seen: Bot) -> tuple[BotError, ...]:
    page = seen.observed.page
    if page is None or any(error.stage == "rates" for error in seen.errors):
        return ()  # the crawl said itself why there is no card
    message = "The page shows no rate card. The known one is kept until a second look says the same."
    return (BotError(stage="rates", code=Code.CARD_MISSING, message=message, at=page.at),)
