"""The questions that docs/costs.md answers: page, command line and Python API say the same, and their layout holds."""

import json
import re
import shlex
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner
from playwright.sync_api import Page, expect

from poe_scraper import api
from poe_scraper.cli import cli
from poe_scraper.feed.reader import starter_feed
from poe_scraper.feed.store import FeedStore
from poe_scraper.pricing.questions import QUESTIONS
from poe_scraper.site import build
from tests.site.conftest import ROOT, Open

DOCUMENT = (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")
TABLE = re.search(r"<!-- questions -->\n(.*)<!-- /questions -->", DOCUMENT, re.DOTALL)
ROWS = re.findall(r"^\| (.+?) \| `(.+?)` \| (\S+): (.*?)\$(\S+) \|$", TABLE[1] if TABLE else "", re.MULTILINE)
WORDS = {"exact": "", "up_to": "up to ", "from": "from ", "about": "about "}
FIELDS = {"input_tokens": "input", "output_tokens": "output"}


@pytest.fixture(scope="module")
def starter_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("starter")
    build(starter_feed(), FeedStore(folder / "none"), folder / "site")
    return folder / "site"


def asked(command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[list[str], dict[str, Any], Any]:
    """What a command compares or prices, its usage, and its answer."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POE_OUTPUT_DIR", raising=False)
    words = shlex.split(command)
    result = CliRunner().invoke(cli, [*words, "--json"], catch_exceptions=False)
    options = dict(pairwise(words))
    usage = {
        name[2:].replace("-", "_"): Decimal(value.replace("k", "000").replace("M", "000000"))
        for name, value in options.items()
        if name.startswith("--") and name not in {"--for", "--attribute"}
    }
    return words, usage, json.loads(result.stdout)


def in_address(usage: dict[str, Decimal]) -> str:
    """A usage as the pages' address has it: one number of tokens in, and the share of them that is cached."""
    cached = usage.pop("cached_input_tokens", Decimal(0))
    given = usage.get("input_tokens", Decimal(0)) + cached
    fields = {FIELDS.get(name, name): f"{count:f}" for name, count in usage.items()}
    if cached:
        fields |= {"input": f"{given:f}", "cached": f"{cached / given * 100:f}"}
    return urlencode(fields)


def test_there_are_twenty() -> None:
    assert len(ROWS) == 20


@pytest.mark.parametrize(("question", "command", "bot", "bound", "usd"), ROWS, ids=[row[0] for row in ROWS])
def test_page_command_line_and_api_give_the_same_answer(
    open_page: Open,
    starter_site: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    question: str,
    command: str,
    bot: str,
    bound: str,
    usd: str,
) -> None:
    words, usage, answer = asked(command, monkeypatch, tmp_path)
    if words[0] == "compare":
        purpose: Any = words[2]
        ((found, _), *_) = api.cheapest(purpose, dict(usage) or None).costs
        usage = usage or dict(QUESTIONS[purpose].usage)
        page = open_page(f"index.html?for={purpose}&sort=cost&{in_address(usage)}", folder=starter_site)
        first = page.locator("#bots tbody tr").first
        assert first.locator("th a").get_attribute("href") == f"bots/{bot}.html"
        first.get_by_role("button", name="item by item").click()
        answer = answer["costs"][0]
    else:
        attributes = dict([words[-1].split("=")]) if "--attribute" in words else {}
        found = api.cost(bot, **usage, attributes=attributes)
        page = open_page(f"bots/{bot}.html?{in_address(usage)}", folder=starter_site)
    told = page.locator("#bill-body b, #bill-body tfoot td").all_inner_texts()
    assert (found.bot, WORDS[found.usd.bound], f"{found.usd.amount:f}") == (bot, bound, usd)
    assert (answer["bot"], WORDS[answer["usd"]["bound"]], answer["usd"]["amount"]) == (bot, bound, usd)
    shown = [text.replace("≈ ", "").replace(",", "") for text in told]
    assert f"{bound}${usd}" in shown


# --- the buttons -------------------------------------------------------------------------------


def test_a_button_filters_sorts_and_says_who_is_left_out(open_page: Open, starter_site: Path) -> None:
    page = open_page(folder=starter_site)
    page.get_by_role("button", name="Image", exact=True).click()
    names = page.locator("#bots tbody th a").all_text_contents()
    assert names[:4] == ["AnimagineXL", "pixel-artist-bot", "RealVisXL", "flux-2-flash"]
    assert not {"AuraSR", "remove-background", "face-retoucher", "seedvr2", "grok-imagine-video"} & {*names}
    expect(page.locator("#use-told")).to_have_text("1 image")
    left = page.locator("#unfit")
    expect(left.locator("summary")).to_have_text(f"{408 - len(names)} bots do not fit: why")
    left.locator("summary").click()
    expect(left.locator("li", has_text="it works on what you give it")).to_contain_text("AuraSR")
    assert page.evaluate("() => location.search") == "?for=image&sort=cost&images=1"
    page.get_by_role("button", name="Image", exact=True).click()
    expect(page.locator("#count")).to_have_text("408 bots")
    assert page.evaluate("() => location.search") == ""


def test_what_a_bot_makes_is_what_its_card_says_too(open_page: Open, starter_site: Path) -> None:
    page = open_page("index.html?out=image&q=qwen-image-2", folder=starter_site)
    cells = page.locator("#bots tbody tr").first.locator("td")
    expect(cells.nth(1)).to_have_text("text → image")  # the API says text to text


# --- the search --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "first"),
    [("gpt5", "gpt-5"), ("@grok 4.7", "grok-4.7"), ("GPT-5.4", "gpt-5.4"), ("sonnet5.5", "claude-sonnet-5.5")],
)
def test_the_search_ignores_hyphens_and_ranks(open_page: Open, starter_site: Path, query: str, first: str) -> None:
    page = open_page(f"index.html?{urlencode({'q': query})}", folder=starter_site)
    assert page.locator("#bots tbody th a").first.inner_text().casefold() == first


def test_the_search_offers_gone_bots_and_finds_creators_and_free_bots(open_page: Open) -> None:
    page = open_page("index.html?q=github")
    expect(page.locator("#bots")).to_be_hidden()
    expect(page.get_by_text("1 bot that is gone matches.")).to_be_visible()
    page.get_by_role("button", name="Show", exact=True).click()
    assert page.locator("#bots tbody th a").all_text_contents() == ["GitHub"]
    expect(page.locator("#gone-too")).to_be_hidden()
    page.locator("#q").fill("@fal")
    assert "Kling-Omni" in page.locator("#bots tbody th a").all_text_contents()


# --- what is typed -----------------------------------------------------------------------------


TYPED = {"20k": "20000", "1,000": "1000", "1.5M": "1500000", "12K": "12000", "1_000": "1000", ".5k": "500"}
REJECTED = ("20x", "-3", "1e9", "many", "1,5", "1,00", ".", "k", "9999999999999")


def test_numbers_as_people_write_them(open_page: Open, starter_site: Path) -> None:
    page = open_page("bots/grok-4.7.html?input=2k", folder=starter_site)
    for typed, value in TYPED.items():
        page.get_by_label("Tokens in all input").fill(typed)
        assert page.evaluate("() => location.search") == f"?input={value}", typed


def test_a_rejected_number_says_so_in_words(open_page: Open, starter_site: Path) -> None:
    page = open_page("bots/grok-4.7.html", folder=starter_site)
    page.locator("#use-panel > summary").click()
    field = page.get_by_label("Tokens out")
    alert = page.locator("#usage [role=alert]")
    for typed in REJECTED:
        field.fill(typed)
        expect(alert).to_contain_text("Tokens out: ")
        expect(alert).to_contain_text(typed)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(page.locator("#bill-body")).to_be_empty()
    field.fill("20k")
    expect(alert).to_be_empty()
    expect(page.locator("#bill-body")).to_contain_text("Together")


# --- the layout --------------------------------------------------------------------------------

SPLIT = r"""() => {
    const split = [];
    const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        if (!node.parentElement.checkVisibility()) continue;
        for (const found of node.textContent.matchAll(/[\d.,]*\d[\d.,]*/g)) {
            range.setStart(node, found.index);
            range.setEnd(node, found.index + found[0].length);
            if (new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1) split.push(found[0]);
        }
    }
    return split;
}"""
CUT = """() => [...document.querySelectorAll("#bots td.n")].filter(
    (cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.textContent)"""
ROWS_SEEN = """() => [...document.querySelectorAll("#bots tbody tr")].filter(
    (row) => row.getBoundingClientRect().bottom <= innerHeight).length"""
ADDRESSES = (
    "index.html",
    "index.html?for=chat&sort=cost&input=123456&output=3000&messages=10",
    "index.html?for=video&sort=cost&seconds=5",
    "compare.html?bot=pixverse-v5.6&bot=kling-2.6-pro&bot=gpt-5.4&seconds=8",
    "bots/pixverse-v5.6.html?seconds=8",
    "about.html",
)


def sideways(page: Page) -> bool:
    return bool(page.evaluate("() => document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_number_is_split_and_no_page_scrolls_sideways(open_page: Open, starter_site: Path, address: str) -> None:
    page = open_page(address, folder=starter_site)
    for width in (390, 738, 768, 1024, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        assert not sideways(page), width
        assert page.evaluate(SPLIT) == [], width
        assert page.evaluate(CUT) == [], width


@pytest.mark.parametrize("address", ADDRESSES[:3])
@pytest.mark.parametrize(("width", "height", "least"), [(1280, 720, 12), (390, 844, 4)])
def test_enough_rows_fit_a_screen(
    open_page: Open, starter_site: Path, address: str, width: int, height: int, least: int
) -> None:
    page = open_page(address, folder=starter_site, viewport={"width": width, "height": height})
    assert page.evaluate(ROWS_SEEN) >= least
    if width > 1000:
        heights = page.locator("#bots tbody tr").evaluate_all("(rows) => rows.map((row) => row.offsetHeight)")
        assert {36 <= each <= 40 for each in heights} == {True}
