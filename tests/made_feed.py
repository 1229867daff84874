"""A small feed of two versions, published by the real writer, for tests of what reads it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from poe_scraper.failures import GateRefusedError
from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter
from poe_scraper.items import (
    ApiPricing,
    Architecture,
    Bot,
    BotError,
    CatalogSighting,
    ContextWindow,
    Creator,
    Observed,
    PageSighting,
    Pricing,
    Rate,
    Reading,
    Run,
    RunReport,
    Site,
)
from poe_scraper.pricing.checks import examined
from poe_scraper.pricing.primary import primary_price

FIRST = datetime(2026, 10, 20, 12, tzinfo=UTC)
SECOND = datetime(2026, 10, 27, 12, tzinfo=UTC)

SITE = Site(url="https://poe.com", api_url="https://api.poe.com/v1/models")

HOSTILE = "\x1b[31mred\x1b]0;owned\x07 \u202egnp.exe \x9b2J [bold]markup[/bold] \r\n\x00end"
FORMULA = '=HYPERLINK("http://evil.example","click")'

GPT_CARD = """| Type | Rate (USD) | Rate (Points) |
|------|------|------|
| Input | $2.27/1M tokens | 75 points/1k tokens |
| Output (text) | $13.64/1M tokens | 450 points/1k tokens |

Input rate is 2x and output rate is 1.5x when context is >272k tokens.
"""
TIER = {
    "kind": "context_tier",
    "min_tokens": "272000",
    "input_multiplier": "2",
    "output_multiplier": "1.5",
}


def rate(label: str, currency: str, amount: str, quantity: str, unit: str | None, **more: Any) -> Rate:
    per = {"quantity": quantity, "unit": unit}
    return Rate.model_validate({"label": label, "currency": currency, "amount": amount, "per": per, **more})


def tokens(label: str, usd: str, points: str, **more: Any) -> list[Rate]:
    return [
        rate(label, "USD", usd, "1000000", "token", **more),
        rate(label, "points", points, "1000", "token", **more),
    ]


def both(label: str, usd: str, points: str, unit: str | None, **more: Any) -> list[Rate]:
    return [rate(label, "USD", usd, "1", unit, **more), rate(label, "points", points, "1", unit, **more)]


def pricing(
    rates: list[Rate],
    adjustments: tuple[dict[str, Any], ...] = (),
    *,
    api: ApiPricing | None = None,
    **more: Any,
) -> Pricing:
    reading = Reading.model_validate({"rates": rates, "adjustments": adjustments})
    found = examined(reading, api)
    return Pricing(
        api=api,
        rates=reading.rates,
        adjustments=reading.adjustments,
        primary=primary_price(found.page, found.api, seen=FIRST.date()),
        checks=found.checks,
        **more,
    )


def bot(handle: str, at: datetime, prices: Pricing, **more: Any) -> Bot:
    url = f"https://poe.com/{handle}"
    facts: dict[str, Any] = {
        "display_name": handle,
        "creator": Creator(handle="acme"),
        "architecture": Architecture(input_modalities=("text",), output_modalities=("text",)),
        "observed": Observed(
            catalog=CatalogSighting(at=at, url="https://api.poe.com/v1/models"),
            page=PageSighting(at=at, url=url, via="graphql" if prices.rates else None),
        ),
    }
    return Bot(
        id=handle.lower(),
        handle=handle,
        url=url,
        first_seen=FIRST,
        last_seen=at,
        discovered_by=("api",),
        pricing=prices,
        **(facts | more),
    )


def bots(at: datetime) -> list[Bot]:
    later = at == SECOND
    hostile_rates = both(f"{FORMULA}{HOSTILE}", "0.01", "330", "message", section=HOSTILE)
    hostile_rates += both("@cmd", "0.02", "660", "message", attributes={HOSTILE: FORMULA})
    video = Architecture(input_modalities=("text", "image"), output_modalities=("video",))
    found = [
        bot(
            "GPT-Test",
            at,
            pricing(
                tokens("Input", *(("1.82", "60") if later else ("2.27", "75")))
                + tokens("Output (text)", "13.64", "450"),
                (TIER, {"kind": "cache_discount", "percent": "90"}),
                api=ApiPricing(prompt=Decimal("0.00000227"), completion=Decimal("0.00001364")),
                rate_card=GPT_CARD,
            ),
            owned_by="Acme Labs",
            created=FIRST - timedelta(days=100),
            context_window=ContextWindow(context_length=400_000, max_output_tokens=128_000),
            supported_features=("tools",),
            description="Talks about anything.",
        ),
        bot(
            "Video-Maker",
            at,
            pricing(
                both("720P", "0.09", "3000", "second", list_amount="0.10")[:1]
                + both("720P", "0.09", "3000", "second")[1:]
                + both("1080P", "0.138", "4600", "second")
            ),
            creator=Creator(handle="films"),
            architecture=video,
        ),
        bot("Flat-Chat", at, pricing(both("Total cost", "0.0059", "195", "message"))),
        bot(
            "Free-Chat",
            at,
            pricing(both("Total cost", "0", "0", "message")),
            description="Costs nothing, still." if later else "Costs nothing.",
        ),
        bot("Secretive", at, pricing([], ({"kind": "undisclosed_costs"},))),
        bot(
            "Api-Only",
            at,
            pricing([], api=ApiPricing(prompt=Decimal("0.000001"), completion=Decimal("0.000004"))),
            observed=Observed(catalog=CatalogSighting(at=at, url="https://api.poe.com/v1/models")),
        ),
        bot(
            "Hostile",
            at,
            pricing(hostile_rates, unparsed=(f"plus $5 {HOSTILE}",)),
            display_name=HOSTILE,
            creator=Creator(handle="acme", name=HOSTILE),
            owned_by=FORMULA,
            description=HOSTILE,
            powered_by=HOSTILE,
            errors=(BotError(stage="rates", code="card_unparsed", message=HOSTILE, at=at),),
        ),
        bot(
            "Leaver",
            at if not later else FIRST,
            pricing(both("Total cost", "0.01", "330", "message")),
            status="gone" if later else "active",
            gone_since=SECOND if later else None,
        ),
    ]
    return [*found, bot("Newcomer", at, pricing(both("Image", "0.03", "990", "image")))] if later else found


def run(at: datetime) -> Run:
    return Run(id=f"{at:%Y%m%dT%H%M%SZ}-test", started_at=at - timedelta(minutes=5), finished_at=at, seen=8)


def publish(folder: Path) -> Path:
    """Publish versions 1 and 2 into a folder, with two run reports, and have a third candidate refused."""
    with FeedWriter(FeedStore(folder), "a test", SITE) as writer:
        for at in (FIRST, SECOND):
            writer.publish(bots(at), run(at), now=at)
            report = RunReport(
                id=run(at).id,
                started_at=at,
                finished_at=at,
                finish_reason="finished",
                outcome="published",
                seen=8,
                visited=8,
                failed={"timeout": 1},
            )
            writer.report(report)
        later = SECOND + timedelta(days=1)
        try:
            writer.publish(bots(FIRST)[:2], run(later), now=later)
        except GateRefusedError:
            return folder
    message = "the gate let a candidate of two bots pass"
    raise AssertionError(message)
