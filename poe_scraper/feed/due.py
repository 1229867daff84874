"""Which bot pages are due, that is, have to be visited by a crawl."""

from datetime import datetime, timedelta

from poe_scraper.failures import Code
from poe_scraper.feed.drift import API_PRICES, CATALOG_FACTS, NAMES, with_kept
from poe_scraper.feed.site import is_same_site
from poe_scraper.items import Bot


def is_due(known: Bot | None, seen: Bot, *, now: datetime, max_age: timedelta, force: bool = False) -> bool:
    """True if a bot's page has to be visited.

    Args:
        known: the bot as the feed has it.
        seen: the bot as this crawl found it listed.
        now: the time of this crawl.
        max_age: how long ago the page may have been read.
        force: visit it anyway.
    """
    if force or known is None or known.observed.page is None or known.status == "gone":
        return True
    if not is_same_site(known.observed.page.url, seen.url):
        return True
    age = now - known.observed.page.at
    if age > max_age or age < timedelta(0):  # in the future: some clock was wrong
        return True
    return _failed(known) or _catalog_changed(known, seen)


def is_news(known: Bot | None, seen: Bot) -> bool:
    """True if a sighting changes more of what the feed knows than the time of the sighting.

    Args:
        known: the bot as the feed has it.
        seen: the bot as this crawl saw it.
    """
    if known is None or known.observed.catalog is None or seen.observed.catalog is None:
        return True
    if seen.observed.page or any(error.stage != "catalog" for error in seen.errors):
        return True
    if (known.id, known.status) != (seen.id, seen.status) or not set(seen.discovered_by) <= set(known.discovered_by):
        return True
    filled = with_kept(seen, known)
    if known.observed.page is None and any(getattr(known, name) != getattr(filled, name) for name in NAMES):
        return True
    if _catalog_errors(filled) != _catalog_errors(known):
        return True
    return _catalog_changed(known, seen)


def _catalog_errors(bot: Bot) -> set[tuple[str, str | None]]:
    return {(error.code, error.field) for error in bot.errors if error.stage == "catalog"}


def _failed(known: Bot) -> bool:
    """True if the last visit failed. A card that was read but not understood need not be fetched again."""
    return any(error.stage in {"page", "rates"} and error.code != Code.CARD_UNPARSED for error in known.errors)


def _catalog_changed(known: Bot, seen: Bot) -> bool:
    if known.observed.catalog is None or seen.observed.catalog is None:
        return False  # one of them has no entry to compare
    seen = with_kept(seen, known)
    return any(getattr(known.pricing, name) != getattr(seen.pricing, name) for name in API_PRICES) or any(
        getattr(known, field) != getattr(seen, field) for field in CATALOG_FACTS
    )
