"""Many bots that lose the same thing in one crawl: then the site has changed, not the bots.

A single bot that no longer shows its card gives it up after two looks (`merge`). If many lose theirs in one crawl, all
of them keep what they had, and the crawl does not count as a look.
"""

from datetime import datetime

from poe_scraper.failures import Code
from poe_scraper.feed.gate import too_many_lost
from poe_scraper.feed.merge import CARD_FACTS, PAGE_FACTS, has_card
from poe_scraper.feed.spool import BotSpool, KnownBots
from poe_scraper.items import Bot, BotError
from poe_scraper.pricing.conclusions import with_conclusions


def carry_lost_cards(known: KnownBots, seen: BotSpool, *, max_lost: float, now: datetime) -> BotError | None:
    """Give their known cards back to the bots of a crawl, if too many of them lost their card or its prices.

    Args:
        known: the bots of the feed.
        seen: the bots that this crawl saw, merged.
        max_lost: the largest share of the bots that may lose theirs, of those that had one and whose page was read.
        now: the time of this crawl.

    Returns:
        The problem for the run report; None if no more bots than usual lost their card.
    """
    had = 0
    lost: list[str] = []
    for key, bot in seen.items():
        before = known.find(bot)
        if before is not None and has_card(before) and _was_read(before, bot):
            had += 1
            if _lost_card(before, bot):
                lost.append(key)
    if not too_many_lost(len(lost), had, max_lost):
        return None
    for key in lost:
        bot = seen[key]
        before = known.find(bot)
        if before is not None:
            seen[key] = _restored(before, bot, now)
    message = (
        f"{len(lost)} of {had} bots that had a rate card no longer show it or its prices: the site has changed. "
        "All of them keep what they had."
    )
    return BotError(stage="page", code=Code.SITE_CHANGED, message=message, at=now)


def _was_read(before: Bot, bot: Bot) -> bool:
    return bot.observed.page != before.observed.page or _newly_missing(before, bot)


def _lost_card(before: Bot, bot: Bot) -> bool:
    gave_up = not has_card(bot) or (bool(before.pricing.rates) and not bot.pricing.rates)
    return gave_up or _newly_missing(before, bot)


def _newly_missing(before: Bot, bot: Bot) -> bool:
    """True if this crawl missed the card for the first time, so that `merge` kept it."""
    return any(error.code == Code.CARD_MISSING and error not in before.errors for error in bot.errors)


def _restored(before: Bot, bot: Bot, now: datetime) -> Bot:
    """The bot with the facts of its page as they were known, and an error that says why."""
    prices = {name: getattr(before.pricing, name) for name in (*CARD_FACTS, "initial_points")}
    # earlier looks that missed the card still count; this one does not
    errors = [error for error in bot.errors if error.code not in {Code.CARD_MISSING, Code.CARD_UNPARSED}]
    errors += [error for error in before.errors if error.code in {Code.CARD_MISSING, Code.CARD_UNPARSED}]
    message = "The page shows no rate card or no prices, as in many bots of this crawl. The known ones are kept."
    errors.append(BotError(stage="rates", code=Code.SITE_CHANGED, message=message, at=now))
    return with_conclusions(
        bot.model_copy(
            update={
                **{name: getattr(before, name) for name in PAGE_FACTS},
                "pricing": bot.pricing.model_copy(update=prices),
                "observed": bot.observed.model_copy(update={"page": before.observed.page}),
                "errors": tuple(errors),
            }
        )
    )
