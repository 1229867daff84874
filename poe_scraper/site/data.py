"""What the scripts of the catalogue compute with: `data/bots.js`.

A script and not a JSON file, because a page that was opened from a disk may load the one and not the other.
"""

import json
from typing import Any

from poe_scraper.items import Adjustment, Bot, Pricing
from poe_scraper.pricing import amounts
from poe_scraper.untrusted import safe


def pricing(told: Pricing) -> dict[str, Any]:
    """What a cost is computed from, as in the feed; fields at their defaults are left out."""
    kept: dict[str, Any] = told.model_dump(
        mode="json", include={"rates", "api", "unparsed"}, exclude_defaults=True, exclude_none=True
    )
    if "unparsed" in kept:
        kept["unparsed"] = [""] * len(kept["unparsed"])  # that there is something is all that counts
    if told.adjustments:
        kept["adjustments"] = [_adjustment(item) for item in told.adjustments]
    return kept


def _adjustment(item: Adjustment) -> dict[str, Any]:
    told: dict[str, Any] = item.model_dump(mode="json", exclude_none=True)
    return {**told, "words": amounts.in_words(item)}


def bot(told: Bot) -> dict[str, Any]:
    """What a bot's own page computes with."""
    return {"id": told.id, "pricing": pricing(told.pricing)}


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
    return {**kept, "pricing": pricing(told.pricing)}


ABOUT = 120
"""So many characters of a bot's description can be searched: with more, the table would load slowly."""


def readable(entry: dict[str, Any]) -> bytes:
    """A bot's own file: as it stands in the feed, for people too."""
    return (json.dumps(entry, indent=1) + "\n").encode()
