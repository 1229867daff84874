"""What follows from a bot's evidence: its checks and its primary price."""

from datetime import date

from poe_scraper.items import Bot, Pricing, Reading
from poe_scraper.pricing.checks import Examined, examined
from poe_scraper.pricing.primary import primary_price


def with_conclusions(bot: Bot) -> Bot:
    """The bot with checks and primary price computed anew, for the day it was last seen."""
    pricing = bot.pricing
    found = examine(pricing)
    primary = primary_price(found.page, found.api, seen=card_seen(bot), on=bot.last_seen.date())
    conclusions = {"primary": primary, "checks": found.checks}
    return bot.model_copy(update={"pricing": pricing.model_copy(update=conclusions)})


def examine(pricing: Pricing) -> Examined:
    """All checks of a bot's prices, and the prices with the suspect ones marked."""
    reading = Reading.model_construct(rates=pricing.rates, adjustments=pricing.adjustments, unparsed=pricing.unparsed)
    return examined(reading, pricing.api)


def card_seen(bot: Bot) -> date:
    """The day in UTC on which the bot's rate card was last read."""
    return (bot.observed.page.at if bot.observed.page else bot.last_seen).date()
