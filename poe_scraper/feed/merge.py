"""Merging what a crawl saw with what the feed knew. A failed look never erases a good fact.

A scraped item is a `Bot` as seen in one crawl: `observed.catalog` is set if the crawl saw its entry in the models API,
`observed.page` if it read its page, `errors` has what failed.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from poe_scraper.failures import Code
from poe_scraper.feed.drift import API_PRICES, CATALOG_FACTS, NAMES, with_kept
from poe_scraper.feed.spool import BotSpool, BotSummary, KnownBots
from poe_scraper.items import Bot, BotError, CatalogSighting, Observed

KEEP_GONE = timedelta(days=90)
"""How long a bot that is gone stays in the feed."""

_PAGE_STAGES = {"page", "rates", "profile"}

PAGE_FACTS = (*NAMES, "handle", "creator", "powered_by", "is_down")
"""Fields of a bot that its page owns, beside the card's."""

CARD_FACTS = ("rates", "adjustments", "unparsed", "rate_card")
"""Fields of `pricing` that the rate card owns."""

_DISCOVERIES = ("api", "creator", "handle")
_LISTS = {"api", "creator"}


def merge(known: Bot | None, seen: Bot) -> Bot:
    """One bot as the feed should have it now.

    The models API owns the catalog facts and its prices; the page owns the rest. What was not seen, or
    failed, stays as known, with the time it was last seen. A page without a rate card, of a bot that has one in the
    feed, counts as failed (`card_missing`) until a later look confirms it. No fact is taken without the sighting that
    it rests on.

    `pricing.primary` and `pricing.checks` are not computed here.

    Args:
        known: the bot as the feed has it; None if it has not.
        seen: the bot as the crawl saw it.
    """
    seen = with_kept(seen, known)
    if known is None:
        known = Bot(id=seen.id, url=seen.url, first_seen=seen.first_seen, last_seen=seen.last_seen)

    facts: dict[str, Any] = {}
    prices: dict[str, Any] = {}
    catalog, page = known.observed.catalog, known.observed.page
    errors = _errors(known, seen)
    if seen.observed.catalog is not None:
        catalog = seen.observed.catalog
        facts = {"id": seen.id} | {field: getattr(seen, field) for field in CATALOG_FACTS}
        prices |= {name: getattr(seen.pricing, name) for name in API_PRICES}
        if page is None:
            facts |= {field: getattr(seen, field) for field in NAMES}
    if page is None and "creator" in seen.discovered_by:
        told = {field: getattr(seen, field) for field in ("handle", "creator", "description")}
        facts |= {field: fact for field, fact in told.items() if (facts.get(field) or getattr(known, field)) is None}
    if seen.observed.page is not None:
        if _lacks_card(known, seen):
            errors += _card_missing(seen)
        else:
            page = seen.observed.page
            facts |= {field: getattr(seen, field) for field in PAGE_FACTS}
            prices |= {field: getattr(seen.pricing, field) for field in (*CARD_FACTS, "initial_points")}
    found = {*known.discovered_by, *seen.discovered_by}
    if was_there(seen):
        facts |= {"status": "active", "gone_since": None, "last_seen": max(known.last_seen, seen.last_seen)}
    elif (since := _deleted_since(seen)) is not None:
        facts |= {"status": "gone", "gone_since": known.gone_since or since}
    return known.model_copy(
        update={
            **facts,
            "pricing": known.pricing.model_copy(update=prices),
            "discovered_by": (*(how for how in _DISCOVERIES if how in found), *sorted(found.difference(_DISCOVERIES))),
            "observed": Observed(catalog=catalog, page=page),
            "errors": errors,
        }
    )


def was_there(seen: Bot) -> bool:
    """True if a crawl saw a bot at all: listed, with usable facts or without, or on its own page."""
    return seen.observed.page is not None or not _LISTS.isdisjoint(seen.discovered_by)


def join(first: Bot, second: Bot) -> Bot:
    """Two sightings of one bot in the same crawl as one, whichever came first."""
    if first.observed.page is not None and second.observed.page is None:
        first, second = second, first  # a page that was read wins over one that failed
    joined = merge(first, second)
    # what the entry lacked is still to be filled from the feed
    observed = joined.observed.model_copy(update={"catalog": second.observed.catalog or first.observed.catalog})
    first_seen = min(first.first_seen, second.first_seen)
    return joined.model_copy(update={"first_seen": first_seen, "observed": observed})


def carry_over(
    known: KnownBots,
    seen: BotSpool,
    *,
    unchanged: Mapping[str, CatalogSighting] = MappingProxyType({}),
    listed: AbstractSet[str] = frozenset(),
    unlisted: AbstractSet[str] = frozenset(),
    complete: bool,
    in_scope: Callable[[str], bool] = lambda _: True,
    now: datetime,
    keep_gone: timedelta = KEEP_GONE,
) -> None:
    """Add the bots that a crawl did not see to those that it saw, so that together they are the bots of the next feed.

    Args:
        known: the bots of the feed.
        seen: the bots that this crawl saw, merged.
        unchanged: by `Bot.key`, the sighting in the models API of known bots of which nothing else is new.
        listed: `Bot.key` of all bots that the models API lists. Those that the crawl did not get to are still active.
        unlisted: `Bot.key` of known bots that a creator's profile, read in full, no longer shows.
        complete: True if the crawl saw every bot in its scope that the models API lists. Only then do bots that were
            found there and not seen now become gone, and only then are bots dropped that are gone for too long.
        in_scope: returns True for the `Bot.key` of a bot that the crawl was to see.
        now: the time of this crawl.
        keep_gone: how long gone bots stay.
    """
    matched = {known.find_key(key, seen.summary(key)) for key in seen}
    for key in known:
        if key in matched or key in seen:
            continue
        summary = known.summary(key)
        if key in unchanged:
            bot, catalog = known[key], unchanged[key]
            observed = bot.observed.model_copy(update={"catalog": catalog})
            last_seen = max(bot.last_seen, catalog.at)
            seen[key] = bot.model_copy(update={"last_seen": last_seen, "observed": observed})
        elif key in listed:
            bot = known[key]
            sighting = Bot(id=bot.id, url=bot.url, first_seen=now, last_seen=now, discovered_by=("api",))
            seen[key] = merge(bot, sighting)
        elif summary.active and _is_missed(summary, api=complete and in_scope(key), profile=key in unlisted):
            seen[key] = known[key].model_copy(update={"status": "gone", "gone_since": now})
        elif not (complete and in_scope(key)) or summary.active or _stays(known[key], now, keep_gone):
            seen.take(known, key)


def _is_missed(summary: BotSummary, *, api: bool, profile: bool) -> bool:
    """True if every list that a bot was found on was read in full and no longer has it.

    Args:
        summary: the bot.
        api: True if the models API was read in full and no longer lists the bot.
        profile: True if its creator's profile was read in full and no longer shows the bot.
    """
    found = _LISTS.intersection(summary.found_by)
    return bool(found) and (api or "api" not in found) and (profile or "creator" not in found)


def _stays(gone: Bot, now: datetime, keep_gone: timedelta) -> bool:
    return gone.gone_since is None or now - gone.gone_since <= keep_gone


def _errors(known: Bot, seen: Bot) -> tuple[BotError, ...]:
    """This crawl's errors for the stages it went through, the known ones for the others."""
    looked: set[str] = {error.stage for error in seen.errors}
    if seen.observed.catalog is not None:
        looked.add("catalog")
    if seen.observed.page is not None or not looked.isdisjoint(_PAGE_STAGES):
        looked |= _PAGE_STAGES
    return tuple(error for error in known.errors if error.stage not in looked) + seen.errors


def _deleted_since(seen: Bot) -> datetime | None:
    """When the page of a bot was found not to exist; None if it exists or was not asked for."""
    return next((error.at for error in seen.errors if error.code == Code.NOT_FOUND), None)


def _lacks_card(known: Bot, seen: Bot) -> bool:
    """True if the feed has a rate card, and the page just seen is not reason enough to give it up."""
    if not has_card(known):
        return False
    if any(error.stage == "rates" and error.code != Code.CARD_UNPARSED for error in seen.errors):
        return True
    return not has_card(seen) and not _missed_before(known, seen)


def has_card(bot: Bot) -> bool:
    """True if anything is known of the bot's rate card."""
    return any(getattr(bot.pricing, field) not in (None, ()) for field in CARD_FACTS)


def _missed_before(known: Bot, seen: Bot) -> bool:
    """True if an earlier look already missed the card."""
    page = seen.observed.page
    return page is not None and any(error.code == Code.CARD_MISSING and error.at < page.at for error in known.errors)


def _card_missing(seen: Bot) -> tuple[BotError, ...]:
    page = seen.observed.page
    if page is None or any(error.stage == "rates" for error in seen.errors):
        return ()  # the crawl itself says why there is no card
    message = "The page shows no rate card. The known one is kept until a second look confirms it."
    return (BotError(stage="rates", code=Code.CARD_MISSING, message=message, at=page.at),)
