"""Builds the starter feed from recorded observations: `python -m poe_scraper.starter.build OBSERVED.json`.

OBSERVED.json is a list of bots as `poe-scraper replica --data` takes them. Facts and figures go into the feed; what
creators wrote does not: descriptions are made here from modalities, owner and price, and cards are read but not kept.
"""

import gzip
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from poe_scraper.items import (
    ApiPricing,
    Architecture,
    Bot,
    CatalogSighting,
    Creator,
    Feed,
    Observed,
    PageSighting,
    Pricing,
    Run,
    Site,
)
from poe_scraper.pages.catalog import bot_url
from poe_scraper.pricing.abilities import Ability, said
from poe_scraper.pricing.conclusions import with_conclusions
from poe_scraper.rates import read_card

SITE = Site(url="https://poe.com", api_url="https://api.poe.com/v1/models")
"""Where the observations were made."""

_ABILITIES: dict[Ability, str] = {
    "edits": "Works on media that you give it.",
    "speaks": "Text-to-speech.",
    "composes": "Makes music.",
    "transcribes": "Speech-to-text.",
    "searches": "Searches the web.",
}
"""What descriptions say that a bot does, in our own words, as `pricing.abilities` reads them."""

FEED = Path(__file__).with_name("models.json.gz")


def build(observations: list[dict[str, Any]]) -> Feed:
    """The feed that holds these observations.

    Args:
        observations: recorded bots.
    """
    listed_at = max(_time(seen) for seen in observations if seen["observed_at"])
    bots = sorted((_bot(seen, listed_at) for seen in observations), key=lambda bot: bot.id)
    times = sorted(bot.last_seen for bot in bots)
    run = Run(
        id="starter",
        started_at=times[0],
        finished_at=times[-1],
        seen=len(bots),
        visited=sum(bot.observed.page is not None for bot in bots),
    )
    return Feed(version=1, generated_at=times[-1], site=SITE, run=run, data=tuple(bots))


def _time(seen: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(seen["observed_at"]).replace(tzinfo=UTC, microsecond=0)


def _bot(seen: dict[str, Any], listed_at: datetime) -> Bot:
    visited = seen["observed_at"] is not None
    at = _time(seen) if visited else listed_at
    listed = bool(seen["listed_by_api"])
    handle = seen["handle"]
    url = bot_url(SITE.url, handle)
    card = read_card(seen["rate_card"] or "")
    bot = with_conclusions(
        Bot(
            id=handle.casefold(),
            handle=handle,
            display_name=handle,
            url=url,
            first_seen=at,
            last_seen=at,
            discovered_by=("api",) if listed else ("creator",),
            created=_created(seen["created"]),
            owned_by=seen["owned_by"],
            creator=Creator(handle=seen["creator"]) if seen["creator"] else None,
            architecture=Architecture.model_validate(seen["architecture"]) if seen["architecture"] else None,
            pricing=Pricing(
                api=ApiPricing.model_validate(seen["api_pricing"]) if seen["api_pricing"] else None,
                rates=card.rates,
                adjustments=card.adjustments,
                unparsed=(),
            ),
            observed=Observed(
                catalog=CatalogSighting(at=at, url=SITE.api_url) if listed else None,
                page=PageSighting(at=at, url=url, via="graphql" if seen["rate_card"] else None) if visited else None,
            ),
        )
    )
    return bot.model_copy(update={"description": _description(bot, seen["description"])})


def _created(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds // 1000, UTC)


def _description(bot: Bot, observed: str | None) -> str:
    """What the bot does and costs, in our own words."""
    able = said((bot.id, bot.handle, bot.display_name), observed)
    sentences = [sentence for ability, sentence in _ABILITIES.items() if ability in able]
    if bot.architecture and bot.architecture.output_modalities:
        given = _list(bot.architecture.input_modalities) or "nothing"
        sentences.append(f"Takes {given}, gives {_list(bot.architecture.output_modalities)}.")
    elif bot.pricing.primary and bot.pricing.primary.label:
        sentences.append(f"Charges for: {bot.pricing.primary.label}.")
    maker = bot.owned_by or (f"@{bot.creator.handle}" if bot.creator else None)
    if maker:
        sentences.append(f"Made available by {maker}.")
    price = bot.pricing.primary
    if price is not None and price.points is not None:
        unit = f" per {price.per.quantity:,} {price.per.unit}s" if price.per.quantity != 1 else f" per {price.per.unit}"
        sentences.append(f"About {price.points:,f} points{unit if price.per.unit else ''}.")
    return " ".join(sentences)


def _list(words: tuple[str, ...]) -> str:
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


def main() -> None:
    """Read the observations named on the command line, and write the starter feed."""
    feed = build(json.loads(Path(sys.argv[1]).read_bytes()))
    text = feed.model_dump_json(by_alias=True)
    FEED.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{len(feed.data)} bots, {sum(bool(bot.pricing.rates) for bot in feed.data)} with prices: {FEED}")


if __name__ == "__main__":
    main()
