"""The Atom feed of changes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import feedparser
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
    return document(first, [first, *others], {"a": "https://poe.com/A"}.get)


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
        "a: owned_by was Acme, now Other",
        "a: is_down was nothing, now True",
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
        (None, price(usd="2"), "a: main price now $2 per message"),
        (price(points="75"), None, "a: main price was 75 points per message, now gone"),
        (
            price(usd="0", points="0", per={"quantity": "1", "unit": None}),
            price(usd="2.27", points="75000", per={"quantity": "1000000", "unit": "token"}),
            "a: main price was $0 or 0 points, now $2.27 or 75,000 points per 1M tokens",
        ),
    ],
)
def test_prices(old: Any, new: Any, line: str) -> None:
    root = read(atom([change(1, "a", "changed", "pricing.primary", old, new)]))
    assert texts(root, "a:entry/a:content") == [line]


def rates(*amounts: tuple[str, str, str]) -> list[dict[str, Any]]:
    per = {"quantity": "1000000", "unit": "token", "qualifier": None}
    return [
        {"label": label, "section": None, "attributes": {}, "currency": currency, "amount": amount, "per": per}
        for label, currency, amount in amounts
    ]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (
            rates(("Input", "USD", "2.27"), ("Input", "points", "75000"), ("Old", "points", "5")),
            rates(("Input", "USD", "1.82"), ("Input", "points", "60000"), ("Evil\nb: gone", "points", "7")),
            [
                "a: Input was $2.27 per 1M tokens, now $1.82 per 1M tokens",
                "a: Evil b: gone now 7 points per 1M tokens",
                "a: Old was 5 points per 1M tokens, now gone",
            ],
        ),
        (
            rates(("A", "USD", "1"), ("B", "USD", "2")),
            rates(("B", "USD", "2"), ("A", "USD", "1")),
            ["a: pricing.rates"],
        ),
        ("damaged", [{"label": 1}], ["a: pricing.rates"]),
    ],
)
def test_prices_of_a_card(old: Any, new: Any, lines: list[str]) -> None:
    changes = [
        change(1, "a", "changed", "pricing.rates", old, new),
        change(1, "a", "changed", "pricing.primary", price(usd="2"), price(usd="1")),
        change(1, "a", "changed", "pricing.rate_card", "an old card", "a new card"),
    ]
    assert texts(read(atom(changes)), "a:entry/a:content")[0].splitlines() == lines


@pytest.mark.parametrize(
    ("name", "old", "new", "line"),
    [
        (
            "prompt",
            "0.00000227",
            "0.00000182",
            "a: prompt of the models API was $2.27 per 1M tokens, now $1.82 per 1M tokens",
        ),
        ("request", None, "0.5", "a: request of the models API now $0.5 per message"),
        ("completion", "0.1", "much", "a: pricing.api.completion"),
    ],
)
def test_prices_of_the_api(name: str, old: Any, new: Any, line: str) -> None:
    root = read(atom([change(1, "a", "changed", f"pricing.api.{name}", old, new)]))
    assert texts(root, "a:entry/a:content") == [line]


def test_a_reader_finds_its_way(tmp_path: Path) -> None:
    """With feedparser, from where the feed is published."""
    publish(tmp_path)
    text = (tmp_path / "changes.atom").read_bytes()
    headers = {"content-location": "https://prices.example/poe/changes.atom", "content-type": "application/atom+xml"}
    found = feedparser.parse(text, response_headers=headers)
    assert not found.bozo, found.get("bozo_exception")
    assert found.version == "atom10"
    assert [(link.rel, link.href) for link in found.feed.links] == [("self", "https://prices.example/poe/changes.atom")]
    newest = found.entries[0]
    (version,) = (link.href for link in newest.links if link.rel == "alternate")
    assert version == "https://prices.example/poe/versions/000002.json.gz"
    pages = {link.title: link.href for link in newest.links if link.rel == "related"}
    assert pages["gpt-test"] == "https://poe.com/GPT-Test"
    assert "gpt-test: Input was $2.27 per 1M tokens, now $1.82 per 1M tokens" in newest.content[0].value.splitlines()


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
