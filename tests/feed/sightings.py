"""What a crawl sees of a bot, step by step: `visited(listed("GPT-Test", at), at)`."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from poe_scraper.items import (
    ApiPricing,
    Architecture,
    Bot,
    BotError,
    CatalogSighting,
    Creator,
    InitialPoints,
    Observed,
    PageSighting,
    Rate,
    Run,
)

T0 = datetime(2026, 10, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)

CARD = "Input: 75 points/1k tokens"


def rates(points: str = "75") -> tuple[Rate, ...]:
    per = {"quantity": "1000", "unit": "token"}
    return (Rate.model_validate({"label": "Input", "currency": "points", "amount": points, "per": per}),)


def named(handle: str, at: datetime, how: str = "handle") -> Bot:
    """A bot of which nothing but the name is known."""
    return Bot.model_validate(
        {
            "id": handle.lower(),
            "url": f"https://poe.com/{handle.lower()}",
            "first_seen": at,
            "last_seen": at,
            "discovered_by": (how,),
        }
    )


def listed(handle: str, at: datetime, price: str | None = "0.000002", **facts: Any) -> Bot:
    """A bot with its entry in the models API."""
    bot = named(handle, at, "api")
    known: dict[str, Any] = {
        "display_name": f"{handle} (API)",
        "description": "As the API says.",
        "owned_by": "Acme",
        "architecture": Architecture(input_modalities=("text",)),
        "observed": Observed(catalog=CatalogSighting(at=at, url="https://api.poe.com/v1/models")),
    }
    api = None if price is None else ApiPricing(prompt=Decimal(price))
    return bot.model_copy(update={**known, **facts, "pricing": bot.pricing.model_copy(update={"api": api})})


def malformed(handle: str, at: datetime) -> Bot:
    """A bot that the models API lists with a value of a wrong type."""
    bot = named(handle, at, "api")
    error = BotError(stage="catalog", code="entry_malformed", message="created is no number", at=at)
    return bot.model_copy(update={"errors": (error,)})


def visited(bot: Bot, at: datetime, points: str | None = "75", **facts: Any) -> Bot:
    """The bot with what its page shows; without a rate card where `points` is None."""
    handle = bot.id.title()
    known: dict[str, Any] = {
        "handle": handle,
        "display_name": handle,
        "url": f"https://poe.com/{handle}",
        "creator": Creator(handle="acme"),
        "description": "As the page says.",
        "powered_by": "Powered by a server.",
        "is_down": False,
        "observed": bot.observed.model_copy(
            update={"page": PageSighting(at=at, url=f"https://poe.com/{handle}", via=points and "graphql")}
        ),
    }
    prices = {
        "rates": rates(points) if points else (),
        "rate_card": CARD if points else None,
        "initial_points": InitialPoints(text="75+ points") if points else None,
    }
    return bot.model_copy(update={**known, **facts, "pricing": bot.pricing.model_copy(update=prices)})


def failed(bot: Bot, at: datetime, code: str = "timeout") -> Bot:
    """The bot with a page that could not be read."""
    error = BotError(stage="page", code=code, message="it failed", at=at)
    return bot.model_copy(update={"errors": (*bot.errors, error)})


def run(at: datetime) -> Run:
    return Run(id=f"{at:%Y%m%dT%H%M%SZ}-test", started_at=at, finished_at=at)
