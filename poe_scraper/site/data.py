"""The data for the catalogue's scripts: `data/bots.js`.

It is a script, not a JSON file, because browsers do not let a page opened from disk fetch JSON.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from poe_scraper.items import Adjustment, Bot, Rate
from poe_scraper.pricing import amounts, media
from poe_scraper.pricing.bill import caveat, decimal, is_fee
from poe_scraper.pricing.conclusions import card_seen, examine
from poe_scraper.pricing.effective import in_force
from poe_scraper.pricing.kinds import words_of
from poe_scraper.pricing.prices import Price
from poe_scraper.pricing.questions import QUESTIONS, Purpose, misfits
from poe_scraper.untrusted import safe


def pricing(bot: Bot) -> dict[str, Any]:
    """What costs are computed from: the prices in force when the card was read, with their labels interpreted.

    The script has no vocabulary of its own. Fields that are empty, 0 or false are left out.
    """
    seen = card_seen(bot)
    found = examine(bot.pricing)
    page = in_force(found.page, seen, seen)
    facts = {
        "prices": [_price(price) for price in (*page, *found.api)],
        "makes": sorted(media.makes(bot, page)),
        "api": bot.pricing.api and bot.pricing.api.model_dump(mode="json", exclude_none=True),
        "unparsed": int(bool(bot.pricing.unparsed)),
        "adjustments": [_adjustment(item) for item in bot.pricing.adjustments],
    }
    return _kept(facts)


def _price(price: Price) -> dict[str, Any]:
    length = media.duration(price)
    facts = {
        "label": price.label,
        "section": price.section,
        "attributes": price.attributes,
        "unit": price.unit,
        "qualifier": price.first.per.qualifier,
        "api": int(price.source == "api"),
        "kinds": sorted(price.kinds) if price.unit == "token" else None,
        "rank": price.modality_rank,
        "given": int(price.is_given),
        "service": int(price.is_service),
        "search": int("search" in words_of(price.label)),
        "fee": int(is_fee(price)),
        "suspect": int(price.is_suspect),
        "named": sorted(media.named_by(price)),
        "seconds": length and format(decimal(length), "f"),
        "USD": price.usd and _rate(price.usd),
        "points": price.points and _rate(price.points),
    }
    return {**_kept(facts), "label": price.label}


def _rate(rate: Rate) -> dict[str, Any]:
    figures: dict[str, Any] = rate.model_dump(mode="json", include={"amount", "max_amount", "list_amount", "bound"})
    facts = {**figures, "quantity": format(rate.per.quantity, "f")}
    defaults = {"max_amount": None, "list_amount": None, "bound": "exact", "quantity": "1"}
    return {name: value for name, value in facts.items() if name not in defaults or value != defaults[name]}


def _kept(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value}


def _adjustment(item: Adjustment) -> dict[str, Any]:
    facts: dict[str, Any] = item.model_dump(mode="json", exclude_none=True)
    found = caveat(item)
    return {**facts, "words": amounts.in_words(item), **({"caveat": found} if found else {})}


def _makes(made: Iterable[str], reasons: Mapping[Purpose, str | None]) -> list[str]:
    """What a bot makes, by the API and its card; without the text that the API names for bots of other things."""
    found = {*made} - {"file", "citation"}
    if len(found) > 1 and reasons["chat"] is not None:
        found -= {"text"}
    return sorted(found, key=lambda modality: (modality != "text", modality))


def questions() -> dict[str, Any]:
    """The purposes that the table can be asked for: their standard uses, and why most bots do not fit."""
    return {purpose: {"words": question.words, "unfit": question.unfit} for purpose, question in QUESTIONS.items()}


def page_data(bot: Bot) -> dict[str, Any]:
    """The data for the scripts of a bot's page."""
    return {"id": bot.id, "pricing": pricing(bot)}


def json_text(value: Any) -> str:
    """JSON that is safe inside a `script` element: nothing in it closes the element, and all text is made harmless."""
    text = json.dumps(_inert(value), separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _inert(value: Any) -> Any:
    """A value without control characters and bidirectional overrides, because its text comes from Poe."""
    match value:
        case str():
            return safe(value)
        case dict():
            return {safe(key): _inert(each) for key, each in value.items()}
        case list() | tuple():
            return [_inert(each) for each in value]
        case _:
            return value


def script(value: Any) -> bytes:
    """A script that assigns the value to `Data`.

    It calls `JSON.parse`, which is faster than an object literal and treats `__proto__` as an ordinary key.
    """
    text = json_text(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"const Data = JSON.parse('{text}');\n".encode()


def listing(bot: Bot, row: dict[str, Any]) -> dict[str, Any]:
    """The data for the scripts of the table and the comparison. Empty fields are left out.

    Args:
        bot: the bot.
        row: the values of its table row that are not in the feed.
    """
    architecture = bot.architecture
    window = bot.context_window
    reasons = misfits(bot)
    prices = pricing(bot)
    facts = {
        "id": bot.id,
        "name": bot.display_name or bot.handle or bot.id,
        "handle": bot.handle,
        "creator": bot.creator and bot.creator.handle,
        "creator_name": bot.creator and bot.creator.name,
        "owner": bot.owned_by,
        "in": architecture and architecture.input_modalities,
        "out": _makes(prices.get("makes", ()), reasons),
        "fit": [purpose for purpose, reason in reasons.items() if reason is None],
        "why": {
            purpose: reason
            for purpose, reason in reasons.items()
            if reason is not None and reason != QUESTIONS[purpose].unfit
        },
        "window": window and window.context_length,
        "about": bot.description and bot.description[:ABOUT],
        **row,
    }
    kept = {name: value for name, value in facts.items() if value}
    if kept.get("handle") == kept["name"]:
        del kept["handle"]
    return {**kept, "pricing": prices}


ABOUT = 120
"""How many characters of a bot's description can be searched. More would make the table slow to load."""


def readable(entry: dict[str, Any]) -> bytes:
    """A bot's JSON file: its entry in the feed, indented."""
    return (json.dumps(entry, indent=1) + "\n").encode()
