"""What the scripts of the catalogue compute with: `data/bots.js`.

A script and not a JSON file, because a page that was opened from a disk may load the one and not the other.
"""

import json
from typing import Any

from poe_scraper.items import Adjustment, Bot, Rate
from poe_scraper.pricing import amounts, media
from poe_scraper.pricing.bill import caveat, decimal, is_fee
from poe_scraper.pricing.conclusions import card_seen, examine
from poe_scraper.pricing.effective import in_force
from poe_scraper.pricing.kinds import words_of
from poe_scraper.pricing.prices import Price
from poe_scraper.untrusted import safe


def pricing(told: Bot) -> dict[str, Any]:
    """What a cost is computed from: prices in force when the card was read, with what their labels mean worked out.

    The script has no vocabulary of its own. What is empty, 0 or false is left out.
    """
    seen = card_seen(told)
    found = examine(told.pricing)
    page = in_force(found.page, seen, seen)
    facts = {
        "prices": [_price(price) for price in (*page, *found.api)],
        "makes": sorted(media.makes(told, page)),
        "api": told.pricing.api and told.pricing.api.model_dump(mode="json", exclude_none=True),
        "unparsed": int(bool(told.pricing.unparsed)),
        "adjustments": [_adjustment(item) for item in told.pricing.adjustments],
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
    told: dict[str, Any] = rate.model_dump(mode="json", include={"amount", "max_amount", "list_amount", "bound"})
    facts = {**told, "quantity": format(rate.per.quantity, "f")}
    defaults = {"max_amount": None, "list_amount": None, "bound": "exact", "quantity": "1"}
    return {name: value for name, value in facts.items() if name not in defaults or value != defaults[name]}


def _kept(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value}


def _adjustment(item: Adjustment) -> dict[str, Any]:
    told: dict[str, Any] = item.model_dump(mode="json", exclude_none=True)
    found = caveat(item)
    return {**told, "words": amounts.in_words(item), **({"caveat": found} if found else {})}


def bot(told: Bot) -> dict[str, Any]:
    """What a bot's own page computes with."""
    return {"id": told.id, "pricing": pricing(told)}


def json_text(value: Any) -> str:
    """JSON that may stand inside a `script` element: nothing in it ends one, and its texts are inert."""
    text = json.dumps(_inert(value), separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _inert(value: Any) -> Any:
    """The same without control characters and bidirectional overrides: what scripts show is text of Poe's."""
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
    """A script that gives `Data` a value.

    It is parsed as JSON: that is faster than a literal, and a key `__proto__` is a key like any other.
    """
    text = json_text(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"const Data = JSON.parse('{text}');\n".encode()


def listing(told: Bot, row: dict[str, Any]) -> dict[str, Any]:
    """What the table and the comparison filter, sort and compute with; what is empty is left out.

    Args:
        told: the bot.
        row: what the table says of it beyond the feed.
    """
    architecture = told.architecture
    window = told.context_window
    facts = {
        "id": told.id,
        "name": told.display_name or told.handle or told.id,
        "handle": told.handle,
        "creator": told.creator and told.creator.handle,
        "creator_name": told.creator and told.creator.name,
        "owner": told.owned_by,
        "in": architecture and architecture.input_modalities,
        "out": architecture and architecture.output_modalities,
        "window": window and window.context_length,
        "about": told.description and told.description[:ABOUT],
        **row,
    }
    kept = {name: value for name, value in facts.items() if value}
    if kept.get("handle") == kept["name"]:
        del kept["handle"]
    return {**kept, "pricing": pricing(told)}


ABOUT = 120
"""So many characters of a bot's description can be searched: with more, the table would load slowly."""


def readable(entry: dict[str, Any]) -> bytes:
    """A bot's own file: as it stands in the feed, for people too."""
    return (json.dumps(entry, indent=1) + "\n").encode()
