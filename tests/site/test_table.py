"""The table of all bots, as someone uses it."""

import re
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Page, expect

from poe_scraper.feed.reader import open_feed
from poe_scraper.pricing.costs import cost
from tests.site.conftest import Open


def names(page: Page) -> list[str]:
    return page.locator("#bots tbody th[scope=row] a").all_text_contents()


def address(page: Page) -> dict[str, list[str]]:
    """What the address says; `page.url` learns of it a moment later."""
    return parse_qs(page.evaluate("() => location.search.slice(1)"))


def row(page: Page, name: str) -> list[str]:
    cells = page.locator("#bots tbody tr", has=page.get_by_role("link", name=name, exact=True)).locator("th, td")
    return [" ".join(text.split()) for text in cells.all_inner_texts()]


# --- what it shows -----------------------------------------------------------------------------


def test_prices_in_and_out_with_unit_and_bound(open_page: Open) -> None:
    page = open_page()
    columns = ("pick", "bot", "takes", "given", "made", "points", "per")
    shown = dict(zip(columns, row(page, "GPT-4.1"), strict=False))
    assert shown["bot"].split()[0] == "GPT-4.1"
    assert shown["bot"].split()[-1] == "openai"
    assert (shown["takes"], shown["given"], shown["made"]) == ("text, image → text", "$0.91", "$7.27")
    assert (shown["points"], shown["per"]) == ("30k / 240k", "1M tokens")
    assert "≥ $0.0000303" in row(page, "Search-OSL")
    assert "no unit named" in row(page, "Stable-Audio-2.5")
    assert "price not known" in row(page, "FLUX-pixel-art")
    assert re.search(r"\d (minute|hour)s? ago", page.locator(".lead").inner_text())
    expect(page.locator("#bots td time")).to_have_count(0)


def test_search_as_you_type(open_page: Open) -> None:
    page = open_page()
    expect(page.locator("#count")).to_have_text("15 bots")
    page.locator("#q").press_sequentially("GROK")
    expect(page.locator("#count")).to_have_text("3 of 15 bots")
    assert names(page) == ["Grok-4.20-Multi-Agent", "Grok-4.7", "Grok Imagine Image 2"]
    page.locator("#q").press_sequentially(" xai")
    assert names(page) == ["Grok-4.20-Multi-Agent", "Grok-4.7"]
    page.locator("#q").fill("makes films")
    assert names(page) == ["Demo-Movies"]


def test_no_match_and_clearing_the_filters(open_page: Open) -> None:
    page = open_page("index.html?creator=fal&gone=yes&sort=price")
    page.locator("#q").fill("nothing like this")
    expect(page.get_by_text("No bot matches.")).to_be_visible()
    expect(page.locator("#bots")).to_be_hidden()
    page.get_by_role("button", name="Show all bots").click()
    expect(page.locator("#count")).to_have_text("15 bots")
    expect(page.locator("#q")).to_be_focused()
    assert address(page) == {"sort": ["price"]}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("creator=xAI", "Grok-4.20-Multi-Agent Grok-4.7"),
        ("owner=OpenAI", "GPT-4.1"),
        ("in=audio", "Stable-Audio-2.5"),
        ("out=video", "Demo-Movies Hailuo-Director-01 Kling-Omni"),
        ("unit=second", "Demo-Movies Kling-Omni"),
        ("unit=-", "Stable-Audio-2.5"),
        ("unit=token&min=1&max=1.5", "Grok-4.20-Multi-Agent"),
        ("unit=token&max=0.92", "GPT-4.1"),
        ("min=1&max=1.5&q=grok-4.7", "Grok-4.7"),  # without a unit a range means nothing
        ("changed=7&unsure=no", "Demo-Newcomer"),
        ("changed=30&gone=yes", "Demo-Newcomer GitHub GPT-4.1"),
        ("unsure=yes&creator=fal", "FLUX-pixel-art Kling-Omni"),
        ("free=yes", ""),
        ("free=no&unit=image", "Demo-Newcomer Grok-Imagine-Image-2"),
        ("gone=yes&q=github", "GitHub"),
        ("q=github", ""),
        ("creator=nobody-of-the-catalogue&unit=second", "Demo-Movies Kling-Omni"),
    ],
)
def test_filters_from_the_address(open_page: Open, query: str, found: str) -> None:
    page = open_page(f"index.html?{query}")
    assert [name.replace(" ", "-") for name in names(page)] == found.split()


def test_filters_by_hand(open_page: Open) -> None:
    page = open_page()
    page.get_by_text("Filters").click()
    expect(page.get_by_label("from $")).to_be_disabled()
    page.get_by_label("Makes").select_option("video")
    page.get_by_label("Priced by the").select_option("second")
    expect(page.get_by_text("dollars per second")).to_be_visible()
    page.get_by_label("to $").fill("0.105")
    assert names(page) == ["Demo-Movies"]
    expect(page.locator("#active-filters")).to_have_text("3 active")
    assert address(page) == {"out": ["video"], "unit": ["second"], "max": ["0.105"]}


# --- order -------------------------------------------------------------------------------------


def test_prices_are_ranked_within_a_unit_and_the_page_says_so(open_page: Open) -> None:
    page = open_page()
    page.get_by_role("button", name="Dollars in").click()
    expect(page.get_by_text("Prices of different units cannot be ranked")).to_be_visible()
    rows = page.locator("#bots tbody tr").evaluate_all(
        "(rows) => rows.map((row) => row.classList.contains('unit') ? `= ${row.querySelector('bdi').textContent}`"
        " : row.querySelector('a').textContent)"
    )
    assert rows == [
        "= per message",
        *("Search-OSL", "Mistral-Medium-3.5", "AnimagineXL", "StableDiffusion3-2b", "Hailuo-Director-01"),
        "= per token",
        *("GPT-4.1", "Kimi-K2.7-Code-N", "Grok-4.20-Multi-Agent", "Grok-4.7"),
        "= per image",
        *("Demo-Newcomer", "Grok Imagine Image 2"),
        "= per second",
        *("Demo-Movies", "Kling-Omni"),
        "= no unit named",
        "Stable-Audio-2.5",
        "= no price known",
        "FLUX-pixel-art",
    ]
    page.get_by_role("button", name="Dollars in").click()
    assert names(page)[5:9] == ["Grok-4.7", "Grok-4.20-Multi-Agent", "Kimi-K2.7-Code-N", "GPT-4.1"]
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Dollars in")
    assert address(page) == {"sort": ["-price"]}
    page.get_by_label("Sort by").select_option("changed")
    assert names(page)[:2] == ["Demo-Newcomer", "GPT-4.1"]
    page.goto(page.url.split("?")[0] + "?sort=price&unit=token")
    expect(page.get_by_text("Prices of different units cannot be ranked")).to_be_hidden()


# --- your use ----------------------------------------------------------------------------------


def test_your_use_turns_the_table_into_costs(open_page: Open, crawled: Path) -> None:
    page = open_page("index.html?unit=token")
    page.locator("#use-panel > summary").click()
    page.get_by_label("Tokens in all input").fill("10000")
    page.get_by_label("Tokens out").fill("1000")
    page.get_by_label("Cached share").fill("50")
    expect(page.locator("#use-told")).to_have_text("10,000 tokens in, 1,000 tokens out, 50% cached")
    page.get_by_label("Sort by").select_option("cost")
    feed = open_feed(crawled)
    costs = {
        name: cost(feed[name], input_tokens=5000, cached_input_tokens=5000, output_tokens=1000).usd.amount
        for name in names(page)
    }
    assert len(costs) == 4
    assert [*costs] == sorted(costs, key=lambda name: costs[name])
    page.get_by_label("Sort by").select_option("-cost")
    assert names(page) == [*costs][::-1]
    assert address(page) == {
        "unit": ["token"],
        "sort": ["-cost"],
        "input": ["10000"],
        "output": ["1000"],
        "cached": ["50"],
    }

    page.get_by_role("button", name="GPT-4.1, item by item").click()
    bill = page.get_by_role("dialog")
    expect(bill.get_by_role("heading", name="GPT-4.1")).to_be_visible()
    lines = [" ".join(line.split()) for line in bill.get_by_role("row").all_inner_texts()]
    assert lines == [
        "For Dollars Points",
        "5,000 tokens in Input $0.00455 150 points",
        "5,000 tokens in from the cache Input input read from the cache costs 75 % less $0.0011375 37.5 points",
        "1,000 tokens out Output (text) $0.00727 240 points",
        "Together $0.0129575 427.5 points",
    ]
    bill.get_by_role("button", name="Close").click()
    expect(bill).to_be_hidden()
    page.get_by_role("button", name="Clear").first.click()
    assert address(page) == {"unit": ["token"]}
    expect(page.get_by_role("columnheader", name="Your use")).to_be_hidden()


def test_variants_and_refusals_are_shown(open_page: Open) -> None:
    page = open_page("index.html?seconds=10&q=demo-movies")
    button = page.get_by_role("button", name="item by item")
    expect(button).to_contain_text("2 variants")
    button.click()
    bill = page.get_by_role("dialog")
    titles = [" ".join(text.split()) for text in bill.locator("summary").all_inner_texts()]
    assert titles == ["Without up to $0.5 up to 16,500 points", "With up to $1 up to 33,000 points"]
    page.goto(page.url.split("?")[0] + "?images=1&q=gpt-4.1")
    page.get_by_role("button", name="not known").click()
    expect(bill).to_contain_text("it has no price for images; it has prices per")


def test_examples_and_wrong_figures(open_page: Open) -> None:
    page = open_page("index.html?input=1e999999&messages=-3&images=many")
    expect(page.locator("#use-told")).to_be_empty()
    expect(page.locator("#usage [role=alert]")).to_contain_text("Messages: “-3” is not a number")
    page.get_by_role("button", name="4 images").click()
    assert address(page) == {"images": ["4"]}


# --- sharing and comparing ---------------------------------------------------------------------


def test_a_view_can_be_shared(open_page: Open) -> None:
    first = open_page("index.html?q=grok&sort=-price&input=1000&bot=grok-4.7")
    second = open_page(f"index.html{first.evaluate('() => location.search')}")
    for page in (first, second):
        assert names(page) == ["Grok-4.7", "Grok-4.20-Multi-Agent", "Grok Imagine Image 2"]
        expect(page.get_by_label("Compare Grok-4.7")).to_be_checked()
        expect(page.get_by_role("columnheader", name="Your use")).to_be_visible()


def test_up_to_five_bots_are_chosen(open_page: Open) -> None:
    page = open_page("index.html?messages=2")
    boxes = page.get_by_role("checkbox", name="Compare")
    for place in range(5):
        boxes.nth(place).check()
    expect(boxes.nth(5)).to_be_disabled()
    tray = page.get_by_role("region", name="Bots to compare")
    expect(tray).to_contain_text("5 of 5: AnimagineXL, Demo-Movies, Demo-Newcomer, FLUX-pixel-art, GPT-4.1")
    boxes.nth(0).uncheck()
    expect(boxes.nth(5)).to_be_enabled()
    tray.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("columnheader")).to_have_count(4)
    assert address(page)["messages"] == ["2"]
    page.go_back()
    assert len(address(page)["bot"]) == 4
    page.get_by_role("region", name="Bots to compare").get_by_role("button", name="Clear").click()
    assert address(page) == {"messages": ["2"]}


# --- keys --------------------------------------------------------------------------------------


def test_everything_by_keyboard(open_page: Open) -> None:
    page = open_page()
    press = page.keyboard.press
    press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    press("Enter")
    press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("grok/")
    expect(page.locator("#q")).to_have_value("grok/")
    press("Escape")
    expect(page.locator("#count")).to_have_text("15 bots")
    page.keyboard.type("grok")
    press("ArrowDown")
    press("ArrowDown")
    expect(page.get_by_role("link", name="Grok-4.7")).to_be_focused()
    press("Shift+Tab")
    press("Space")
    assert address(page) == {"q": ["grok"], "bot": ["grok-4.7"]}
    press("ArrowUp")
    expect(page.get_by_role("link", name="Grok-4.20-Multi-Agent")).to_be_focused()
    press("ArrowUp")
    expect(page.locator("#q")).to_be_focused()

    for _ in range(8):
        press("Tab")
    expect(page.get_by_text("Filters")).to_be_focused()
    press("Enter")
    for _ in range(5):
        press("Tab")
    page.keyboard.type("token")
    assert address(page)["unit"] == ["token"]
    page.locator("#use-panel > summary").focus()
    press("Enter")
    for _ in range(7):
        press("Tab")
    page.keyboard.type("5000")
    button = page.get_by_role("button", name="item by item").first
    for _ in range(30):
        press("Tab")
        if button.evaluate("(each) => each === document.activeElement"):
            break
    press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(button).to_be_focused()
    press("ArrowUp")
    press("ArrowDown")
    press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Grok-4.20-Multi-Agent")
