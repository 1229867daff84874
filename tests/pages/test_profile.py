"""A rendered profile, read through `read_profile`: pages are saved documents, no browser is needed."""

import html
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poe_scraper.failures import Code, ObservationError
from poe_scraper.pages.catalog import is_handle
from poe_scraper.pages.profile import Profile, read_profile
from poe_scraper.replica.catalog import Catalog
from poe_scraper.replica.documents import HOSTILE_TEXT, PROFILE_PAGE_SIZE, Documents
from poe_scraper.replica.hosts import Hosts
from poe_scraper.replica.release import Release
from tests.pages.made_pages import changed, script_json

AT = datetime(2026, 10, 22, 13, 19, 7, tzinfo=UTC)
SITE = "https://poe.com"
CREATOR = "paperlantern"


def node(handle: str, **more: object) -> dict[str, object]:
    """A bot in the page's data."""
    return {"handle": handle, "description": f"{handle} as the data says.", "deletionState": "not_deleted", **more}


def facts(*nodes: object, count: object = None, **more: object) -> dict[str, object]:
    """The creator in the page's data."""
    edges = [{"node": one} for one in nodes]
    number = len(nodes) if count is None else count
    return {
        "handle": "PaperLantern",
        "fullName": "Paper Lantern Studio",
        "createdBotCount": number,
        "createdBotsConnection": {"edges": edges},
        **more,
    }


def row(handle: str, description: str = "As the panel says.", *, link: str | None = None, mark: str = "x1") -> str:
    """A bot on the panel."""
    target = f"/{handle}" if link is None else link
    return (
        f'<div data-bot-list-item=""><a class="BotListItem_botName__{mark}" href="{html.escape(target)}">'
        f'{html.escape(handle)}</a><p class="BotListItem_botDescription__{mark}">{html.escape(description)}</p></div>'
    )


def page(data: object, *rows: str, panel: bool = True, settled: object = True, deleted: object = ()) -> str:
    """A document as the browser hands it over."""
    scripts = [
        ("__NEXT_DATA__", {"props": {"pageProps": {"data": {"mainQuery": {"user": data}}}}}),
        ("poe-scraper-observation", {"settled": settled, "deleted": deleted}),
    ]
    tags = "".join(
        f'<script id="{name}" type="application/json">{script_json(value)}</script>' for name, value in scripts
    )
    body = f'<div id="profile-created-bots">{"".join(rows)}</div>' if panel else ""
    return f"<!DOCTYPE html><html><body>{body}{tags}</body></html>"


def read(document: str, *, url: str = f"{SITE}/PaperLantern", creator: str = CREATOR) -> Profile:
    return read_profile(document, url=url, at=AT, site_url=SITE, creator=creator)


def handles(profile: Profile) -> list[str | None]:
    return [bot.handle for bot in profile.bots]


def code_of(document: str, **arguments: Any) -> Code:
    with pytest.raises(ObservationError) as raised:
        read(document, **arguments)
    assert str(raised.value).isprintable()
    return raised.value.code


def test_all_facts() -> None:
    found = read(page(facts(node("Amber-1")), row("Amber-1")))
    (bot,) = found.bots
    assert found.shortfall is None
    assert (found.creator.handle, found.creator.name) == ("PaperLantern", "Paper Lantern Studio")
    assert (bot.id, bot.handle, bot.url) == ("amber-1", "Amber-1", f"{SITE}/Amber-1")
    assert (bot.discovered_by, bot.creator) == (("creator",), found.creator)
    assert bot.description == "Amber-1 as the data says."
    assert (bot.first_seen, bot.last_seen) == (AT, AT)
    assert bot.observed.page is None
    assert bot.observed.catalog is None


def test_bots_that_came_while_it_was_scrolled() -> None:
    found = read(page(facts(node("A"), count=2), row("A"), row("B")))
    assert (handles(found), found.shortfall) == (["A", "B"], None)
    assert found.bots[1].description == "As the panel says."


def test_deleted_bots_are_left_out_and_count() -> None:
    data = facts(node("A"), node("B", deletionState="deleted"), count=3)
    found = read(page(data, row("A"), row("B"), row("C"), deleted=("c",)))
    assert (handles(found), found.shortfall) == (["A"], None)


def test_a_profile_without_bots() -> None:
    for panel in (True, False):
        assert read(page(facts(), panel=panel))[1:] == ((), None)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (page(facts(node("A"), count=48), row("A")), "it says that it has 48 bots, and shows 1"),
        (page(None, row("A")), "it does not say how many bots it has, and shows 1"),
        (page(facts(node("A"), count="1"), row("A")), "does not say"),
        (page(facts(node("A"), count=True), row("A")), "does not say"),
        (page(facts(node("A"), count=-1), row("A")), "does not say"),
        (page(facts(node("A"), count=2), row("A"), row("A")), "has 2 bots, and shows 1"),
        (page(facts(node("A")), row("A"), row("no handle")), "shows 1 and 1 without a usable handle"),
    ],
)
def test_a_profile_that_is_short_says_so(document: str, words: str) -> None:
    found = read(document)
    assert handles(found) == ["A"]
    assert found.shortfall is not None
    assert words in found.shortfall


def test_rows_in_many_guises() -> None:
    rows = [
        row("Shown name", link="/Linked-1"),
        row("Named-2", link="https://evil.test/Linked-2"),
        row("Named-3", link="/about/us"),
        row("Named-4", link="javascript:alert(1)"),
        row("Named-5", link="http://[broken"),
        row("Named-6", link="https://poe.com/Linked-6?from=profile#top"),
        row("PaperLantern", link="/PaperLantern").replace("</a>", '</a><a href="/Linked-7">7</a>'),
        row("Named-8").replace("BotListItem_", "Renamed_").replace("<a ", "<b ").replace("</a>", "</b>"),
        '<a data-bot-list-item href="/Linked-9"><i>no class</i></a>',
        row("%E5%90%8D", link="/%E5%90%8D%E5%89%8D"),
    ]
    names = [
        "Linked-1",
        "Named-2",
        "Named-3",
        "Named-4",
        "Named-5",
        "Linked-6",
        "Linked-7",
        "Named-8",
        "Linked-9",
        "名前",
    ]
    found = read(page(facts(count=len(rows)), *rows))
    assert (handles(found), found.shortfall) == (names, None)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a b?c#d", "", "x" * 200, HOSTILE_TEXT, "..", "a\u202eb"])
def test_what_is_no_handle_is_no_bot(name: str) -> None:
    found = read(page(facts(node("A"), node(name)), row("A"), row(name)))
    assert handles(found) == ["A"]
    assert found.shortfall is not None


def test_rows_outside_of_the_panel_are_others_bots() -> None:
    document = page(facts(node("A")), row("A")).replace("<body>", f"<body>{row('Other')}")
    assert handles(read(document)) == ["A"]


def test_what_is_no_profile_of_the_creator() -> None:
    assert code_of(page({**facts(node("A")), "handle": "other"}, row("A"))) == Code.WRONG_PROFILE
    assert code_of(page(None, row("A")), url=f"{SITE}/Grok-4.7") == Code.WRONG_PROFILE
    assert code_of(page(None, panel=False)) == Code.SITE_CHANGED
    assert code_of(page(None, panel=False, settled=False)) == Code.TIMEOUT
    assert code_of(page(facts(count=3), panel=False)) == Code.SITE_CHANGED
    assert code_of(page(facts(), settled={"a": 1})) == Code.SITE_CHANGED
    assert code_of("") == Code.SITE_CHANGED
    assert code_of("<html></html>") == Code.SITE_CHANGED


# --- pages as the replica serves them, with something in them changed at random ----------------

SERVED = Catalog.load()
SERVED_PROFILE = SERVED.profile(CREATOR)
assert SERVED_PROFILE is not None
BOTS = SERVED_PROFILE.bots
SHELL = Documents(Release(Hosts(8000)), Hosts(8000)).profile_page(SERVED_PROFILE, None).decode()
HYDRATION = re.search(r'<script id="__NEXT_DATA__"[^>]*>(.*?)</script>', SHELL, re.DOTALL)
assert HYDRATION is not None
PARTS: dict[str, Any] = {
    "hydration": json.loads(HYDRATION[1]),
    "observation": {
        "settled": True,
        "deleted": [bot.handle for bot in BOTS[PROFILE_PAGE_SIZE:] if bot.deleted],
    },
}
THERE = {bot.handle for bot in BOTS if not bot.deleted}
DELETED = {bot.handle for bot in BOTS if bot.deleted}


def document(parts: dict[str, Any]) -> str:
    rows = [row(bot.handle, bot.description or "", mark=str(len(THERE))) for bot in BOTS]
    scripts = (("__NEXT_DATA__", parts["hydration"]), ("poe-scraper-observation", parts["observation"]))
    tags = "".join(f'<script id="{name}">{script_json(data)}</script>' for name, data in scripts)
    panel = f'<div id="profile-created-bots">{"".join(rows)}</div>'
    return f"<!DOCTYPE html><html><body><h1>@{CREATOR}</h1>{panel}{tags}</body></html>"


def read_or_none(text: str) -> Profile | None:
    try:
        return read(text, url=f"{SITE}/{CREATOR}")
    except ObservationError:
        return None


def assert_no_wrong_fact(found: Profile) -> None:
    assert found.creator.handle == CREATOR
    for bot in found.bots:
        assert is_handle(bot.handle)
        assert bot.handle in THERE | DELETED
        assert bot.creator == found.creator
    if found.shortfall is None:
        assert set(handles(found)) >= THERE, "it calls itself whole, and lacks a bot"


def test_the_original_is_read() -> None:
    found = read_or_none(document(PARTS))
    assert found is not None
    assert (set(handles(found)), found.shortfall) == (THERE, None)
    assert (len(THERE), len(DELETED)) == (104, 6)


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(["hydration", "observation"]))
def test_a_profile_with_a_change_gives_no_wrong_fact(data: st.DataObject, part: str) -> None:
    parts = {**PARTS, part: data.draw(changed(PARTS[part]))}
    if (found := read_or_none(document(parts))) is not None:
        assert_no_wrong_fact(found)


WHOLE = document(PARTS)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(WHOLE)), st.sampled_from([1, 40, 4000, len(WHOLE)]))
def test_a_profile_that_is_cut_is_read_or_refused(start: int, length: int) -> None:
    read_or_none(WHOLE[:start] + WHOLE[start + length :])
    if (found := read_or_none(WHOLE[:start])) is not None:
        assert_no_wrong_fact(found)


@given(st.text(), st.text())
def test_any_text_in_a_row_is_a_handle_or_no_bot(name: str, link: str) -> None:
    found = read(page(facts(count=1), row(name, link=link)))
    assert all(is_handle(handle) for handle in handles(found))
    assert (found.shortfall is None) == (len(found.bots) == 1)
