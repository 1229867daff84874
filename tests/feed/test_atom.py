"""The Atom feed of changes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from poe_scraper.feed.atom import ENTRIES, LINES
from poe_scraper.feed.atom import atom as document
from poe_scraper.items import Change
from tests.feed.sightings import DAY, T0
from tests.made_feed import HOSTILE, publish

NAMESPACE = {"a": "http://www.w3.org/2005/Atom"}


def change(version: int, bot: str, kind: str, field: str | None = None, old: Any = None, new: Any = None) -> Change:
    at = T0 + version * DAY
    return Change.model_validate(
        {"version": version, "at": at, "bot": bot, "kind": kind, "field": field, "old": old, "new": new}
    )


def atom(changes: Iterable[Change]) -> bytes:
    first, *others = changes
    return document(first, [first, *others])


def read(document: bytes) -> ET.Element:
    assert document.startswith(b"<?xml version='1.0' encoding='utf-8'?>")
    root = ET.fromstring(document)
    assert root.tag == "{http://www.w3.org/2005/Atom}feed"
    return root


def texts(root: ET.Element, path: str) -> list[str]:
    return [element.text or "" for element in root.findall(path, NAMESPACE)]


def test_what_the_rfc_demands() -> None:
    root = read(atom([change(1, "a", "added"), change(2, "b", "added")]))
    for parent in (root, *root.findall("a:entry", NAMESPACE)):
        for name in ("id", "title", "updated"):
            (text,) = texts(parent, f"a:{name}")
            assert text
    assert texts(root, "a:author/a:name") == ["Poe Scraper"]
    assert texts(root, "a:updated") == ["2026-10-22T12:00:00Z"]
    ids = texts(root, "a:id") + texts(root, "a:entry/a:id")
    assert len(set(ids)) == 3
    assert all(name.startswith("urn:uuid:") for name in ids)


def test_one_entry_a_version_the_newest_first() -> None:
    changes = [
        change(1, "a", "added"),
        change(1, "b", "added"),
        change(3, "a", "changed", "owned_by", "Acme", "Other"),
        change(3, "a", "changed", "is_down", None, True),
        change(3, "b", "gone"),
    ]
    root = read(atom(changes))
    assert texts(root, "a:entry/a:title") == ["Version 3: 1 gone, 1 changed", "Version 1: 2 added"]
    assert texts(root, "a:entry/a:updated") == ["2026-10-23T12:00:00Z", "2026-10-21T12:00:00Z"]
    assert texts(root, "a:entry/a:content")[0].splitlines() == [
        "a: owned_by Acme, now Other",
        "a: is_down nothing, now True",
        "b: gone",
    ]


def test_an_entry_keeps_its_id_when_others_come() -> None:
    changes = [change(version, "a", "added") for version in range(1, ENTRIES + 10)]
    before = texts(read(atom(changes[:-1])), "a:entry/a:id")
    after = texts(read(atom(changes)), "a:entry/a:id")
    assert len(after) == ENTRIES
    assert after[1:] == before[:-1]
    assert texts(read(atom(changes)), "a:id") == texts(read(atom(changes[:1])), "a:id")


def test_feeds_of_two_crawlers_stay_two() -> None:
    assert texts(read(atom([change(1, "a", "added")])), "a:id") != texts(read(atom([change(1, "b", "added")])), "a:id")


def test_a_long_list_is_cut() -> None:
    root = read(atom([change(1, f"bot-{n}", "added") for n in range(LINES + 7)]))
    lines = texts(root, "a:entry/a:content")[0].splitlines()
    assert len(lines) == LINES + 1
    assert lines[-1] == "and 7 more; see changes.jsonl"


def price(**told: Any) -> dict[str, Any]:
    return {"label": "Input", "usd": None, "points": None, "per": {"quantity": "1", "unit": "message"}, **told}


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (None, price(usd="2"), "a: price unknown, now 2 USD per message"),
        (price(points="75"), None, "a: price 75 points per message, now unknown"),
        (
            price(usd="0", points="0", per={"quantity": "1", "unit": None}),
            price(usd="2.27", points="75000", per={"quantity": "1000000", "unit": "token"}),
            "a: price 0 USD or 0 points per use, now 2.27 USD or 75000 points per 1000000 token",
        ),
    ],
)
def test_prices(old: Any, new: Any, line: str) -> None:
    root = read(atom([change(1, "a", "changed", "pricing.primary", old, new)]))
    assert texts(root, "a:entry/a:content") == [line]


@pytest.mark.parametrize("old", [["a list"], {"an": "object"}, "x" * 81])
def test_values_that_say_too_much_are_left_out(old: Any) -> None:
    root = read(atom([change(1, "a", "changed", "parameters", old, "short")]))
    assert texts(root, "a:entry/a:content") == ["a: parameters"]


def test_hostile_text_is_text() -> None:
    evil = "</content><script>alert(1)</script>&\x00\x1b[31m\ud800\uffff]]>"
    document = atom([change(1, evil[:40], "changed", "owned_by", evil, HOSTILE[:60])])
    assert b"<script>" not in document
    root = read(document)
    (content,) = texts(root, "a:entry/a:content")
    assert "</content><script>alert(1)</script>&\ufffd\ufffd[31m\ufffd\ufffd]]>" in content
    assert "\x1b" not in content
    assert [element.tag for element in root.iter() if element.tag.endswith("script")] == []


def test_it_stands_beside_the_feed(tmp_path: Path) -> None:
    publish(tmp_path)
    root = read((tmp_path / "changes.atom").read_bytes())
    assert texts(root, "a:entry/a:title") == ["Version 2: 1 added, 1 gone, 2 changed", "Version 1: 8 added"]
