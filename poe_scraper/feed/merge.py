"""Merging what a crawl saw with what the feed knew. Nothing good is ever erased by a bad look.

A scraped item is a `Bot` as seen in one crawl: `observed.catalog` is set where the crawl saw its entry
in the models API, `observed.page` where it read its page, `errors` holds what failed.
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

_PAGE_FACTS = (*NAMES, "handle", "creator", "powered_by", "is_down")
_CARD_FACTS = ("rates", "adjustments", "unparsed", "rate_card")
_DISCOVERIES = ("api", "creator", "handle")
_LISTS = {"api", "creator"}


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
    """Add to the bots that a crawl saw those that it did not see, so that they are all bots of the next feed.

    Args:
        known: the bots of the feed.
        seen: the bots that this crawl saw, merged.
        unchanged: when and where known bots were seen in the models API of which nothing else is new, by `Bot.key`.
        listed: `Bot.key` of all that the models API lists. Those that the crawl did not get to are there.
        unlisted: `Bot.key` of known bots that a creator's profile, read in full, no longer shows.
        complete: whether the crawl saw all in its scope that the models API lists. Only then are bots gone
            that were found there and not seen now, and only then are bots dropped that are gone for too long.
        in_scope: tells by `Bot.key` which bots the crawl was to see.
        now: the time of this crawl.
        keep_gone: how long gone bots stay.
    """
    matched = {known.find_key(key, seen.summary(key)) for key in seen}
    for key in known:
        if key in matched or key in seen:
            continue
        card = known.summary(key)
        if key in unchanged:
            bot, catalog = known[key], unchanged[key]
            observed = bot.observed.model_copy(update={"catalog": catalog})
            last_seen = max(bot.last_seen, catalog.at)
            seen[key] = bot.model_copy(update={"last_seen": last_seen, "observed": observed})
        elif key in listed:
            bot = known[key]
            sighting = Bot(id=bot.id, url=bot.url, first_seen=now, last_seen=now, discovered_by=("api",))
            seen[key] = merge(bot, sighting)
        elif card.active and _is_missed(card, api=complete and in_scope(key), profile=key in unlisted):
            seen[key] = known[key].model_copy(update={"status": "gone", "gone_since": now})
        elif not (complete and in_scope(key)) or card.active or _stays(known[key], now, keep_gone):
            seen.take(known, key)


def _is_missed(card: BotSummary, *, api: bool, profile: bool) -> bool:
    """Whether every list that a bot was found on was read and lacks it.

    Args:
        card: the bot's.
        api: whether the models API was, and does.
        profile: whether its creator's profile was, and does.
    """
    found = _LISTS.intersection(card.found_by)
    return bool(found) and (api or "api" not in found) and (profile or "creator" not in found)


def _stays(gone: Bot, now: datetime, keep_gone: timedelta) -> bool:
    return gone.gone_since is None or now - gone.gone_since <= keep_gone


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
