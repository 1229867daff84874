"""Who can use the catalogue, from where, and what hostile text may do to it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from poe_scraper.feed.reader import open_feed
from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter
from poe_scraper.items import Bot
from poe_scraper.site import build
from poe_scraper.site.build import page_name
from poe_scraper.untrusted import safe
from tests.made_feed import SECOND, bots, run
from tests.site.conftest import Open, served

PHONE = {"width": 390, "height": 844}
WIDE = {"width": 1280, "height": 900}

PAGES = {
    "table": "index.html",
    "table in use": "index.html?sort=price&input=9000&output=10&bot=grok-4.7&unit=token",
    "nothing found": "index.html?q=nothing",
    "bot": "bots/gpt-4.1.html?input=1000",
    "bot with variants": "bots/demo-movies.html?seconds=3",
    "gone bot": "bots/github.html",
    "compare": "compare.html?bot=grok-4.7&bot=gpt-4.1&bot=kling-omni&input=1000",
    "nothing to compare": "compare.html",
    "changes": "changes.html",
    "about": "about.html",
}


AXE = {"preload": False}  # it would ask for the style sheet anew, which a page from a file may not


def no_sideways_scrolling(page: Page) -> bool:
    return bool(page.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


# --- accessibility -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PAGES)
def test_axe_finds_nothing(open_page: Open, kind: str) -> None:
    for scheme, viewport in (("light", WIDE), ("dark", PHONE)):
        page = open_page(PAGES[kind], color_scheme=scheme, viewport=viewport, bypass_csp=True)
        if kind.startswith("table"):
            page.get_by_text("Filters").click()
            page.locator("#use-panel > summary").click()
        results = Axe().run(page, options=AXE)
        assert [(each["id"], each["nodes"][0]["html"]) for each in results.response["violations"]] == []
        assert no_sideways_scrolling(page)
        page.context.close()


def test_axe_finds_nothing_in_an_itemised_cost(open_page: Open) -> None:
    page = open_page(PAGES["table in use"], bypass_csp=True)
    page.get_by_role("button", name="item by item").first.click()
    assert Axe().run(page, options=AXE).violations_count == 0


def test_axe_looks(open_page: Open) -> None:
    page = open_page("about.html", bypass_csp=True)
    page.evaluate("() => document.querySelector('main').append(document.createElement('img'))")
    assert "image-alt" in [each["id"] for each in Axe().run(page, options=AXE).response["violations"]]


def test_other_pages_by_keyboard(open_page: Open) -> None:
    page = open_page("bots/demo-movies.html")
    panel = page.locator("#use-panel > summary")
    for _ in range(12):
        page.keyboard.press("Tab")
        if panel.evaluate("(each) => each === document.activeElement"):
            break
    page.keyboard.press("Enter")
    page.get_by_role("button", name="10 seconds of video").focus()
    page.keyboard.press("Space")
    variant = page.locator("#bill-body summary").first
    variant.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#bill-body").get_by_text("Together").first).to_be_visible()
    page.goto(page.url.split("bots/")[0] + "compare.html")
    page.get_by_label("Add a bot").focus()
    page.keyboard.type("grok-4.7")
    page.keyboard.press("Enter")
    remove = page.get_by_role("button", name="Remove Grok-4.7")
    remove.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Add a bot")).to_be_focused()


# --- from where --------------------------------------------------------------------------------


def test_it_works_in_a_sub_folder_of_a_server(open_page: Open, catalogue: Path) -> None:
    with served(catalogue.parent) as address:
        page = open_page("index.html?q=grok-4.7", base=f"{address}/{catalogue.name}")
        page.locator("#bots").get_by_role("link", name="Grok-4.7").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Grok-4.7")
        page.get_by_role("link", name="Compare", exact=True).last.click()
        expect(page.get_by_role("columnheader", name="Grok-4.7")).to_be_visible()
        for name in ("Changes", "About the data", "Bots"):
            page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
            expect(page.locator("[aria-current=page]")).to_have_text(name)
        expect(page.locator("#count")).to_have_text("15 bots")


def test_it_reads_without_scripts(open_page: Open) -> None:
    page = open_page(java_script_enabled=False, viewport=PHONE)
    expect(page.locator("#bots tbody tr")).to_have_count(16)
    expect(page.locator("#filters")).to_be_hidden()
    expect(page.get_by_text("need JavaScript")).to_be_visible()
    page.locator("#bots").get_by_role("link", name="GPT-4.1").click()
    expect(page.get_by_role("cell", name="$0.91 /1M tokens")).to_be_visible()
    expect(page.get_by_role("img", name="Step chart")).to_be_visible()


def test_it_prints_all_that_was_found(open_page: Open, tmp_path: Path) -> None:
    page = open_page("index.html?unit=token")
    page.emulate_media(media="print")
    page.pdf(path=tmp_path / "table.pdf")
    for control in ("#filters", "#use-panel", "nav", ".pick >> nth=0"):
        expect(page.locator(control)).to_be_hidden()
    expect(page.locator("#bots tbody tr")).to_have_count(4)


def many(count: int) -> list[Bot]:
    template = bots(SECOND)[0]
    return [
        template.model_copy(update={"id": f"bot-{place:04}", "handle": f"Bot-{place:04}", "display_name": None})
        for place in range(count)
    ]


def test_a_long_table_is_laid_out_as_it_is_read(open_page: Open, tmp_path: Path) -> None:
    with FeedWriter(FeedStore(tmp_path / "feed"), "a test") as writer:
        writer.publish(many(350), run(SECOND), now=SECOND)
    build(open_feed(tmp_path / "feed"), FeedStore(tmp_path / "feed"), tmp_path / "site")
    page = open_page(folder=tmp_path / "site")
    expect(page.locator("#count")).to_have_text("350 bots")
    rows = page.locator("#bots tbody tr")
    expect(rows).to_have_count(100)
    page.get_by_role("link", name="Bot-0099").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="Bot-0100")).to_be_focused()
    page.locator("#show-rest").evaluate("(button) => button.click()")
    expect(rows).to_have_count(350)
    page.locator("#q").fill("bot-0349")
    expect(rows).to_have_count(1)
    page.locator("#q").fill("")
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    expect(rows).to_have_count(350)


# --- hostile text ------------------------------------------------------------------------------

PAYLOADS = (
    "<script>window.hit=1</script>",
    '"><img src=x onerror="window.hit=1">',
    "' onmouseover='window.hit=1' x='",
    "javascript:window.hit=1",
    "</script><script>window.hit=1</script><!--",
    "{{ 7*7 }}{% for x in y %}${window.hit=1}",
    "\u202egnp.exe\u2066\u0000\x1b[31m",
    "__proto__",
    "\u05e9\u05dc\u05d5\u05dd " + "e\u0301" + "\u0302" * 60,
    "W" * 3000,
    "]]>\n\n<b>bold\u2028</b>&lt;i&gt;",
)
_OURS = {
    *("object", "status", "kind", "currency", "bound", "stage", "code", "via", "source", "result"),
    *("discovered_by", "amount", "max_amount", "list_amount", "quantity", "percent", "min_tokens", "usd", "points"),
    *("at", "first_seen", "last_seen", "gone_since", "created", "max_tokens"),
    *("input_multiplier", "output_multiplier", "prompt", "completion", "default_value", "schema"),
}
"""Fields that hold no text of Poe's."""


def poisoned(value: Any, payload: str) -> Any:
    """The same bot with a payload for every text, keys of free mappings included."""
    if isinstance(value, str):
        return payload
    if isinstance(value, list):
        return [poisoned(each, payload) for each in value]
    if isinstance(value, dict):
        return {
            key: {payload: payload}
            if key == "attributes"
            else {payload: "1"}
            if key == "figures"
            else each
            if key in _OURS
            else poisoned(each, payload)
            for key, each in value.items()
        }
    return value


def hostile(number: int, payload: str) -> Bot:
    entry: dict[str, Any] = json.loads(bots(SECOND)[0].model_dump_json(by_alias=True))
    error = {"stage": "page", "code": "timeout", "message": "x", "at": entry["last_seen"]}
    extras = {
        "adjustments": [{"kind": "variable", "label": "x"}, {"kind": "free_allowance", "quantity": "1", "unit": "x"}]
    }
    entry["pricing"] |= {**extras, "unparsed": ["x"], "initial_points": {"text": "x"}}
    entry |= {"powered_by": "x", "errors": [error], "creator": {"handle": "x", "name": "x"}}
    entry = poisoned(entry, payload)
    return Bot.model_validate({**entry, "id": f"{payload}{number}", "handle": f"{payload}{number}"})


def with_fewer_prices(bot: Bot) -> Bot:
    return bot.model_copy(update={"pricing": bot.pricing.model_copy(update={"rates": bot.pricing.rates[:1]})})


@pytest.fixture(scope="module")
def hostile_site(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("hostile")
    kind = [each for each in bots(SECOND) if each.id in {"gpt-test", "flat-chat", "video-maker"}]
    store = FeedStore(folder / "feed")
    with FeedWriter(store, "a test") as writer:
        writer.publish(kind, run(SECOND), now=SECOND)
        evil = [hostile(number, payload) for number, payload in enumerate(PAYLOADS)]
        later = SECOND + timedelta(days=1)
        writer.publish([*kind, *evil], run(later), now=later, accept=True)
        dearer = [
            bot.model_copy(update={"pricing": bot.pricing.model_copy(update={"rates": bot.pricing.rates[:1]})})
            for bot in evil
        ]
        last = later + timedelta(days=1)
        writer.publish([*kind, *dearer], run(last), now=last, accept=True)
    build(open_feed(folder / "feed"), store, folder / "site")
    return folder / "site", [bot.id for bot in evil]


TAME = ["GPT-Test", "Flat-Chat", "Video-Maker"]
SHAPE = """(tame) => {
    const rows = [...document.querySelectorAll("#bots tbody tr")];
    const others = rows.filter((row) => tame.includes(row.querySelector("a").textContent));
    const frame = document.querySelectorAll("body, header, main, nav, #filters, #use-panel, #bots, #bots thead th");
    return [...frame, ...others.flatMap((row) => [...row.cells])].map((each) => {
        const box = each.getBoundingClientRect();
        return [each.tagName, Math.round(box.left), Math.round(box.width)];
    });
}"""
LEAVE = """(tame) => {
    for (const row of document.querySelectorAll("#bots tbody tr")) {
        if (!tame.includes(row.querySelector("a").textContent)) row.remove();
    }
}"""


@pytest.mark.parametrize("viewport", [PHONE, WIDE], ids=["phone", "wide"])
def test_hostile_text_runs_nothing_and_stays_in_its_cell(
    open_page: Open, hostile_site: tuple[Path, list[str]], viewport: Any
) -> None:
    folder, evil = hostile_site
    page = open_page("index.html?input=1000", folder=folder, viewport=viewport)
    heights = page.locator("#bots tbody tr").evaluate_all("(rows) => rows.map((row) => row.offsetHeight)")
    assert max(heights) < viewport["height"]
    shape = page.evaluate(SHAPE, TAME)
    page.evaluate(LEAVE, TAME)
    assert shape == page.evaluate(SHAPE, TAME)
    places = ["index.html?sort=price&input=1000", "changes.html", "about.html"]
    places += [f"bots/{page_name(bot_id)}.html?input=1000&output=5" for bot_id in evil]
    for place in places:
        page.goto(f"{folder.as_uri()}/{place}")
        check_inert(page)
    page.goto(f"{folder.as_uri()}/index.html?input=1000")
    template = page.locator("#bots").get_by_text("{{ 7*7 }}{% for x in y %}${window.hit=1}").first
    expect(template).to_be_visible()
    buttons = page.get_by_role("button", name="item by item")
    for number in range(buttons.count()):
        buttons.nth(number).click()
        check_inert(page)
        page.get_by_role("button", name="Close").click()
    for start in range(0, len(evil), 5):
        chosen = [("bot", safe(bot_id)) for bot_id in evil[start : start + 5]]
        page.goto(f"{folder.as_uri()}/compare.html?{urlencode([*chosen, ('input', '1000')])}")
        expect(page.get_by_role("columnheader")).to_have_count(len(chosen))
        check_inert(page)


def check_inert(page: Page) -> None:
    assert page.evaluate("() => window.hit") is None
    assert page.locator("img, iframe, object, embed, main b b, base").count() == 0
    assert page.locator("script:not([src]):not([type='application/json'])").count() == 0
    assert (
        page.evaluate(
            "() => [...document.querySelectorAll('*')].flatMap((each) => [...each.attributes]).filter("
            "(each) => each.name.startsWith('on')).length"
        )
        == 0
    )
    for link in page.locator("a").evaluate_all("(links) => links.map((link) => link.protocol)"):
        assert link in {"file:", "https:", "http:"}
    assert not set(page.locator("body").inner_text()) & set("\u202e\u2066\x00\x1b")
    assert no_sideways_scrolling(page)
