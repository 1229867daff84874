"""The Atom feed of changes (RFC 4287): one entry for each version that brought any."""

import re
from collections import deque
from collections.abc import Iterable
from itertools import groupby
from typing import Any
from uuid import NAMESPACE_OID, uuid5
from xml.etree import ElementTree as ET

from poe_scraper.items import Change

ENTRIES = 50
"""Number of versions that are listed, the newest."""

LINES = 200
"""Number of changes of one version that are listed."""

_NAMESPACE = "http://www.w3.org/2005/Atom"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_KINDS = ("added", "gone", "back", "changed")


def atom(first: Change, changes: Iterable[Change]) -> bytes:
    """The document.

    Args:
        first: the first change ever. It names the feed for good, so that the feeds of two crawlers stay apart.
        changes: the changes of the newest versions, oldest first, and at least one.
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
    for version in reversed(versions):
        entry = _add(root, "entry")
        _add(entry, "id", uuid5(NAMESPACE_OID, f"{name} {version[0].version}").urn)
        _add(entry, "title", _title(version))
        _add(entry, "updated", _time(version[0]))
        _add(entry, "content", "\n".join(_lines(version)), type="text")
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _add(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, f"{{{_NAMESPACE}}}{tag}", attributes)
    if text is not None:
        element.text = _NOT_XML.sub("\ufffd", text)
    return element


def _time(change: Change) -> str:
    return change.at.isoformat().replace("+00:00", "Z")


def _title(changes: list[Change]) -> str:
    bots = {kind: {change.bot for change in changes if change.kind == kind} for kind in _KINDS}
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in bots.items() if names)
    return f"Version {changes[0].version}: {counts}"


def _lines(changes: list[Change]) -> list[str]:
    lines = [_line(change) for change in changes[:LINES]]
    if len(changes) > LINES:
        lines.append(f"and {len(changes) - LINES} more; see changes.jsonl")
    return lines


def _line(change: Change) -> str:
    if change.kind != "changed":
        return f"{change.bot}: {change.kind}"
    if change.field == "pricing.primary":
        return f"{change.bot}: price {_price(change.old)}, now {_price(change.new)}"
    scalar = all(isinstance(value, str | int | None) and len(str(value)) <= 80 for value in (change.old, change.new))
    if scalar:
        return f"{change.bot}: {change.field} {_scalar(change.old)}, now {_scalar(change.new)}"
    return f"{change.bot}: {change.field}"


def _scalar(value: str | int | None) -> str:
    return "nothing" if value is None else str(value)


def _price(price: dict[str, Any] | None) -> str:
    if price is None:
        return "unknown"
    per = price["per"]
    amounts = [f"{price[key]} {name}" for key, name in (("usd", "USD"), ("points", "points")) if price[key]]
    quantity = "" if per["quantity"] == "1" else f"{per['quantity']} "
    return f"{' or '.join(amounts)} per {quantity}{per['unit'] or 'use'}"
