"""Filter and sort the bots of a feed. Works on the raw entries of the file, which is faster than on `Bot` objects."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal, TypeAlias

from poe_scraper.feed.reader import Entry, FeedReader

Order: TypeAlias = Literal["relevance", "name", "price", "newest", "context"]


@dataclass(frozen=True)
class Selection:
    """Filters, order and maximum number of bots. None means no restriction; names are compared without case."""

    text: str = ""
    """Words that must all be in the bot's names, creator, owner, description or powered-by line."""
    creator: str | None = None
    """Handle or name of the creator."""
    owner: str | None = None
    """The organisation that the API names as owner."""
    input_modality: str | None = None
    """A modality that the bot must accept, such as `image`."""
    output_modality: str | None = None
    """A modality that the bot must produce."""
    priced: bool | None = None
    """True for bots with a known price, False for those without."""
    free: bool | None = None
    """True for bots whose prices are all 0, False for the others."""
    unit: str | None = None
    """A unit that the bot has a price for, such as `second`."""
    max_price: Decimal | None = None
    """Maximum primary price in USD per unit, or per million tokens."""
    gone: bool = False
    """True to include bots that are gone."""
    order: Order = "name"
    """`price` sorts by unit, then price, bots without one last; `relevance` sorts by how well names match `text`."""
    limit: int | None = None
    """Maximum number of bots."""


def select(feed: FeedReader, selection: Selection) -> list[Entry]:
    """The entries of a feed that match a selection, in its order.

    Raises:
        FeedError: an entry does not match the schema.
    """
    try:
        return _selected(feed, selection)
    except (AttributeError, KeyError, TypeError, ValueError, InvalidOperation):
        feed.validate()  # its error names the bot and the field
        raise


def unit_price(entry: Entry, points_per_usd: Decimal) -> Decimal | None:
    """The bot's primary price in USD per unit, or per million tokens; None if it has none."""
    primary = entry["pricing"].get("primary")
    if primary is None:
        return None
    points = primary.get("usd") is None
    usd = Decimal(primary["points"]) / points_per_usd if points else Decimal(primary["usd"])
    scale = 1_000_000 if primary["per"].get("unit") == "token" else 1
    return usd * scale / Decimal(primary["per"]["quantity"])


def prices(entry: Entry) -> list[Decimal]:
    """All amounts that the bot charges, in any unit and currency."""
    pricing = entry["pricing"]
    api = pricing.get("api") or {}
    amounts = [rate["amount"] for rate in pricing.get("rates", ())]
    amounts += [amount for amount in api.values() if amount is not None]
    return [Decimal(amount) for amount in amounts]


def _selected(feed: FeedReader, selection: Selection) -> list[Entry]:
    words = selection.text.casefold().split()
    found = [entry for entry in feed.entries if _matches(entry, selection, words, feed.points_per_usd)]
    return _ordered(found, selection, feed)[: selection.limit]


def _matches(entry: Entry, wanted: Selection, words: list[str], points_per_usd: Decimal) -> bool:
    if entry.get("status") == "gone" and not wanted.gone:
        return False
    if words and not _contains(entry, words):
        return False
    if wanted.creator is not None and not _is_by(entry, wanted.creator):
        return False
    if wanted.owner is not None and not _same(entry.get("owned_by"), wanted.owner):
        return False
    return _matches_modalities(entry, wanted) and _matches_prices(entry, wanted, points_per_usd)


def _matches_modalities(entry: Entry, wanted: Selection) -> bool:
    architecture = entry.get("architecture") or {}
    for modality, side in ((wanted.input_modality, "input"), (wanted.output_modality, "output")):
        if modality is not None and modality.casefold() not in architecture.get(f"{side}_modalities", ()):
            return False
    return True


def _matches_prices(entry: Entry, wanted: Selection, points_per_usd: Decimal) -> bool:
    if wanted.priced is not None and bool(prices(entry)) != wanted.priced:
        return False
    if wanted.free is not None and _is_free(entry) != wanted.free:
        return False
    if wanted.unit is not None:
        units = {rate.get("per", {}).get("unit") for rate in entry["pricing"].get("rates", ())}
        if wanted.unit.casefold() not in units:
            return False
    if wanted.max_price is not None:
        price = unit_price(entry, points_per_usd)
        return price is not None and price <= wanted.max_price
    return True


def _is_free(entry: Entry) -> bool:
    amounts = prices(entry)
    costs_extra = {item["kind"] for item in entry["pricing"].get("adjustments", ())} & {
        "plus_called_bots",
        "undisclosed_costs",
        "variable",
    }
    return bool(amounts) and not any(amounts) and not costs_extra


def _is_by(entry: Entry, name: str) -> bool:
    creator = entry.get("creator") or {}
    name = name.removeprefix("@")
    return _same(creator.get("handle"), name) or _same(creator.get("name"), name)


def _same(one: str | None, other: str) -> bool:
    return one is not None and one.casefold() == other.casefold()


def _names(entry: Entry) -> list[str]:
    return [entry[field].casefold() for field in ("id", "handle", "display_name") if entry.get(field)]


def _contains(entry: Entry, words: list[str]) -> bool:
    creator = entry.get("creator") or {}
    texts = [creator.get("handle"), creator.get("name"), entry.get("owned_by")]
    texts += [entry.get("description"), entry.get("powered_by")]
    text = "\n".join([*_names(entry), *(text.casefold() for text in texts if text)])
    return all(word in text for word in words)


def _ordered(found: list[Entry], selection: Selection, feed: FeedReader) -> list[Entry]:
    match selection.order:
        case "name":
            return sorted(found, key=lambda entry: entry["id"])
        case "relevance":
            text = selection.text.casefold().strip()
            return sorted(found, key=lambda entry: _relevance(entry, text))
        case "price":
            return sorted(found, key=lambda entry: _price_key(entry, feed.points_per_usd))
        case "newest":
            return sorted(found, key=lambda entry: entry.get("created") or "", reverse=True)
        case "context":
            return sorted(found, key=_context_length, reverse=True)


def _relevance(entry: Entry, text: str) -> tuple[int, str]:
    names = _names(entry)
    if text in names:
        rank = 0
    elif any(name.startswith(text) for name in names):
        rank = 1
    else:
        rank = 2 if any(text in name for name in names) else 3
    return rank, entry["id"]


def _price_key(entry: Entry, points_per_usd: Decimal) -> tuple[bool, str, Decimal, str]:
    price = unit_price(entry, points_per_usd)
    if price is None:
        return True, "", Decimal(0), entry["id"]
    return False, entry["pricing"]["primary"]["per"].get("unit") or "~", price, entry["id"]


def _context_length(entry: Entry) -> int:
    window = entry.get("context_window") or {}
    return window.get("context_length") or 0
