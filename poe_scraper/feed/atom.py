"""The Atom feed of changes (RFC 4287): one entry for each version that brought any."""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import NAMESPACE_OID, uuid5
from xml.etree import ElementTree as ET

from poe_scraper import clock
from poe_scraper.feed.history import rate_changes
from poe_scraper.items import Change, Per, Rate
from poe_scraper.pricing import amounts
from poe_scraper.pricing.prices import Identity, identity
from poe_scraper.untrusted import safe

ENTRIES = 50
"""Number of versions that are listed, the newest."""

LINES = 200
"""Number of changes of one version that are listed."""

_NAMESPACE = "http://www.w3.org/2005/Atom"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MILLION = Decimal(1_000_000)
_KINDS = ("added", "gone", "back", "changed")
_CONSEQUENCES = {"pricing.primary", "pricing.checks", "pricing.rate_card", "pricing.initial_points"}
"""Fields that change whenever a price does. They are told of where no price changed."""


def atom(first: Change, changes: Iterable[Change], page_of: Callable[[str], str | None]) -> bytes:
    """The document. Its links to files are relative: it may be copied anywhere, together with the feed.

    Args:
        first: the first change ever. It names the feed for good, so that the feeds of two crawlers stay apart.
        changes: the changes of the newest versions, oldest first, and at least one.
        page_of: the address of a bot's page by the bot's id; None if it is not known.
    """
    groups = groupby(changes, lambda change: change.version)
    versions = deque((list(group) for _, group in groups), maxlen=ENTRIES)
    last = versions[-1][0]
    name = f"{first.at.isoformat()} {first.bot}"
    ET.register_namespace("", _NAMESPACE)
    root = ET.Element(f"{{{_NAMESPACE}}}feed")
    _add(root, "id", uuid5(NAMESPACE_OID, name).urn)
    _add(root, "title", "Changes of Poe's models and prices")
    _add(root, "updated", _time(last))
    _add(_add(root, "author"), "name", "Poe Scraper")
    _add(root, "link", rel="self", type="application/atom+xml", href="changes.atom")
    for version in reversed(versions):
        entry = _add(root, "entry")
        _add(entry, "id", uuid5(NAMESPACE_OID, f"{name} {version[0].version}").urn)
        _add(entry, "title", _title(version))
        _add(entry, "updated", _time(version[0]))
        number = version[0].version
        _add(entry, "link", rel="alternate", type="application/gzip", href=f"versions/{number:06}.json.gz")
        for bot in list(dict.fromkeys(change.bot for change in version))[:LINES]:
            if (page := page_of(bot)) is not None:
                _add(entry, "link", rel="related", title=bot, href=page)
        _add(entry, "content", "\n".join(_lines(version)), type="text")
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _add(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    valid = {name: _NOT_XML.sub("\ufffd", value) for name, value in attributes.items()}
    element = ET.SubElement(parent, f"{{{_NAMESPACE}}}{tag}", valid)
    if text is not None:
        element.text = _NOT_XML.sub("\ufffd", text)
    return element


def _time(change: Change) -> str:
    return clock.text(change.at)


def _title(changes: list[Change]) -> str:
    bots = {kind: {change.bot for change in changes if change.kind == kind} for kind in _KINDS}
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in bots.items() if names)
    return f"Version {changes[0].version}: {counts}"


def _lines(changes: list[Change]) -> list[str]:
    groups = groupby(changes, lambda change: change.bot)
    lines = [line for bot, group in groups for line in _lines_of(bot, list(group))]
    if len(lines) > LINES:
        lines[LINES:] = [f"and {len(lines) - LINES} more; see changes.jsonl"]
    return lines


def _lines_of(bot: str, changes: list[Change]) -> Iterator[str]:
    """The lines of one bot: first what happened to its prices."""
    prices = [f"{bot}: {line}" for change in changes for line in _price_lines(change)]
    yield from prices
    for change in changes:
        if change.kind != "changed":
            yield f"{bot}: {change.kind}"
        elif not (_is_price(change) or (prices and change.field in _CONSEQUENCES)):
            yield f"{bot}: {_said(change)}"


def _is_price(change: Change) -> bool:
    return change.field == "pricing.rates" or (change.field or "").startswith("pricing.api.")


def _price_lines(change: Change) -> list[str]:
    """What a change says of prices; the field alone, if they are in another order, or cannot be read."""
    if not _is_price(change):
        return []
    try:
        lines = list(_card_lines(change) if change.field == "pricing.rates" else _api_lines(change))
    except (ArithmeticError, TypeError, ValueError):  # the log may be damaged, and that must not stop a publication
        lines = []
    return lines or [f"{change.field}"]


def _api_lines(change: Change) -> Iterator[str]:
    name = (change.field or "").removeprefix("pricing.api.")
    per = Per(unit="message") if name == "request" else Per(quantity=_MILLION, unit="token")
    old, new = (
        value and f"${amounts.number((Decimal(value) * per.quantity).normalize())}{_in_words(per)}"
        for value in (change.old, change.new)
    )
    yield f"{name} of the models API {_moved(old, new)}"


def _rates(values: list[dict[str, Any]]) -> list[Rate]:
    return [Rate.model_validate(value) for value in values]


def _card_lines(change: Change) -> Iterator[str]:
    """A line for each price of a card that changed: in points only if it does not move in dollars as well."""
    changes = list(rate_changes(_rates(change.old), _rates(change.new)))
    in_dollars = {identity(change.rate) for change in changes if change.rate.currency == "USD"}
    for moved in changes:
        if moved.rate.currency == "USD" or identity(moved.rate) not in in_dollars:
            yield f"{_name(identity(moved.rate))} {_moved(_price(moved.old), _price(moved.new))}"


def _name(price: Identity) -> str:
    section, label, attributes, _, _ = price
    return safe(", ".join([*([section] if section else []), label, *(value for _, value in attributes)]))


def _price(rate: Rate | None) -> str | None:
    if rate is None:
        return None
    return amounts.money(rate.currency, rate.amount, rate.max_amount, rate.bound) + _in_words(rate.per)


def _in_words(per: Per) -> str:
    """What a price pays for: ` per 1M tokens`, ` per second`."""
    return amounts.per(per.model_dump()).replace("/", " per ", 1)


def _moved(old: str | None, new: str | None) -> str:
    if old is None:
        return f"now {new}"
    return f"was {old}, now gone" if new is None else f"was {old}, now {new}"


def _said(change: Change) -> str:
    """A change that is not of a price."""
    if change.field == "pricing.primary":
        return f"main price {_moved(_primary(change.old), _primary(change.new))}"
    scalar = all(isinstance(value, str | int | None) and len(str(value)) <= 80 for value in (change.old, change.new))
    if scalar:
        return f"{change.field} was {_scalar(change.old)}, now {_scalar(change.new)}"
    return f"{change.field}"


def _scalar(value: str | int | None) -> str:
    return "nothing" if value is None else str(value)


def _primary(price: dict[str, Any] | None) -> str | None:
    if price is None:
        return None
    known = [(currency, price[key]) for currency, key in (("USD", "usd"), ("points", "points")) if price[key]]
    figures = " or ".join(amounts.money(currency, amount) for currency, amount in known)
    return figures + _in_words(Per.model_validate(price["per"]))
