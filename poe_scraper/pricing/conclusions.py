"""What follows from the evidence for a bot's prices: its primary price, and whether the evidence agrees."""

from poe_scraper.items import Bot, Reading
from poe_scraper.pricing.checks import checks
from poe_scraper.pricing.primary import primary_price


def with_conclusions(bot: Bot) -> Bot:
    """The bot with its primary price and its checks computed from its evidence."""
    pricing = bot.pricing
    reading = Reading(rates=pricing.rates, adjustments=pricing.adjustments, unparsed=pricing.unparsed)
    conclusions = {
        "primary": primary_price(pricing.rates, pricing.api),
        "checks": checks(reading, pricing.api),
    }
    return bot.model_copy(update={"pricing": pricing.model_copy(update=conclusions)})
