"""The page of a bot, the comparison, the changes, and what is said about the data."""

import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from poe_scraper.feed.reader import open_feed
from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter
from poe_scraper.site import build
from tests.made_feed import FIRST, SECOND, bot, both, pricing, run
from tests.site.conftest import Open


def rows(page: Page, table: str, place: int = 0) -> list[str]:
    """The rows of the table at a place among those that a selector finds."""
    found = page.locator(table).nth(place).locator("tr")
    return [" ".join(text.split()) for text in found.all_inner_texts()]


@pytest.fixture(scope="module")
def made_site(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "site"
    build(open_feed(made), FeedStore(made), out)
    return out


# --- a bot -------------------------------------------------------------------------------------


def test_rates_by_section_and_variant_with_struck_out_prices(open_page: Open) -> None:
    page = open_page("bots/demo-movies.html")
    assert rows(page, ".rates", 0) == [
        "For Dollars Points",
        "720p Sound: With formerly $0.20 $0.10 /second 3,300 /second",
        "720p Sound: Without $0.05 /second 1,650 /second",
    ]
    expect(page.locator("caption").first).to_have_text("Standard mode")
    expect(page.locator("del")).to_have_css("text-decoration-line", "line-through")
    expect(page.get_by_text("The first 5 seconds are free.")).to_be_visible()
    expect(page.get_by_text("Makes films.")).to_be_visible()


def test_what_is_not_sure_checks_card_and_errors(open_page: Open, crawled: Path) -> None:
    page = open_page("bots/gpt-4.1.html")
    expect(page.get_by_text("unsure", exact=True)).to_be_visible()
    expect(page.get_by_text("Two sources give different prices")).to_be_visible()
    checks = rows(page, ".checks")
    assert "Input dollars against points $0.91 30 points agrees" in checks
    assert any(
        check.startswith("prompt API against card $0.0000018182 in the API $0.00000091 on the card differs")
        for check in checks
    )
    card = page.locator("pre")
    expect(card).to_be_hidden()
    page.get_by_text("The rate card as Poe sent it").click()
    assert card.inner_text().split() == (open_feed(crawled)["gpt-4.1"].pricing.rate_card or "").split()

    page.goto(page.url.replace("gpt-4.1", "kling-omni"))
    expect(page.locator("#errors + ul li")).to_contain_text("server_error (page)")
    page.goto(page.url.replace("kling-omni", "github"))
    expect(page.get_by_text("gone", exact=True)).to_be_visible()
    expect(page.get_by_text("Gone since")).to_be_visible()


def test_prices_over_time(open_page: Open) -> None:
    page = open_page("bots/gpt-4.1.html")
    chart = page.get_by_role("img", name="Step chart")
    expect(chart).to_have_count(1)
    expect(chart.locator("circle")).to_have_count(2)
    expect(chart.locator("text").first).to_have_text("$1.82/1M tokens")
    line = chart.locator(".line").get_attribute("d")
    assert line is not None
    assert [step for step in line if step.isalpha()] == [*"MHVH"]
    steps = page.locator(".steps > li h3")
    assert [text.split(",")[0] for text in steps.all_inner_texts()] == ["Changed", "First known"]
    assert rows(page, ".moves") == [
        "Price Was Is Change",
        "Input $1.82/1M tokens 60 points/1k tokens $0.91/1M tokens 30 points/1k tokens -50.0 %",
    ]
    page.goto(page.url.replace("gpt-4.1", "grok-4.7"))
    expect(page.get_by_text("No price of it has changed since")).to_be_visible()


def test_links_of_a_bot(open_page: Open, crawled: Path, catalogue: Path) -> None:
    page = open_page("bots/grok-4.7.html?messages=1")
    feed = open_feed(crawled)
    assert page.get_by_role("link", name="Its page on Poe").get_attribute("href") == feed["grok-4.7"].url
    link = page.get_by_role("link", name="JSON").get_attribute("href")
    assert json.loads((catalogue / "bots" / str(link)).read_bytes()) == feed.entry("grok-4.7")
    page.get_by_role("link", name="Compare", exact=True).last.click()
    expect(page.get_by_role("columnheader", name="Grok-4.7")).to_be_visible()
    expect(page.get_by_label("Messages")).to_have_value("1")


def test_your_use_on_a_bots_page(open_page: Open) -> None:
    page = open_page("bots/grok-4.7.html?input=300000")
    assert rows(page, ".bill")[-1] == "Together $1.212 40,200 points"
    expect(page.locator(".bill")).to_contain_text("context above 200,000 tokens: input x 2")
    page.get_by_label("Images").fill("1")
    expect(page.locator("#bill-body")).to_contain_text("it has no price for images")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#bill-body")).to_be_empty()


def test_facts_that_only_some_bots_have(open_page: Open, made_site: Path) -> None:
    page = open_page("bots/gpt-test.html", folder=made_site)
    expect(page.get_by_text("400,000 tokens")).to_be_visible()
    expect(page.get_by_text("Context above 272,000 tokens: input x 2, output x 1.5.")).to_be_visible()
    assert rows(page, ".rates", 1)[1:] == ["Tokens in $2.27 /1M tokens", "Tokens out $13.64 /1M tokens"]
    page.goto(page.url.replace("gpt-test", "hostile"))
    expect(page.get_by_role("heading", name="Not understood")).to_be_visible()
    page.goto(page.url.replace("hostile", "secretive"))
    expect(page.get_by_text("No price is known")).to_be_visible()
    expect(page.get_by_text("Its creator charges costs that the card does not disclose.").first).to_be_visible()


# --- compare -----------------------------------------------------------------------------------


def test_bots_side_by_side(open_page: Open) -> None:
    page = open_page("compare.html?bot=GPT-4.1&bot=@Grok-4.7&bot=nobody&input=1000")
    comparison = rows(page, ".side > tbody")
    assert comparison[0].startswith("Your use costs $0.00091")
    assert (
        "Input per token $0.91 /1M tokens 30 points /1k tokens cheapest $2.02 /1M tokens 67 points /1k tokens"
        in comparison
    )
    expect(page.get_by_role("status")).to_have_text("There is no bot “nobody”.")
    assert "Takes in text, image text, image" in comparison
    page.get_by_role("button", name="Remove GPT-4.1").click()
    expect(page.get_by_role("columnheader")).to_have_count(1)
    assert page.evaluate("() => location.search") == "?bot=grok-4.7&input=1000"
    page.get_by_role("button", name="Remove Grok-4.7").click()
    expect(page.get_by_text("Choose up to five bots")).to_be_visible()


def test_sections_and_variants_are_told_apart_and_ages_are_right(open_page: Open, tmp_path: Path) -> None:
    seen = datetime.now(UTC) - timedelta(minutes=10, seconds=30)
    rates = both("720p", "0.1", "3300", "second", section="Text to video")
    rates += both("720p", "0.2", "6600", "second", section="Video to video")
    dear = both("720p", "0.3", "9900", "second")
    with FeedWriter(FeedStore(tmp_path / "feed"), "a test") as writer:
        writer.publish([bot("Two", seen, pricing(rates)), bot("One", seen, pricing(dear))], run(seen), now=seen)
    build(open_feed(tmp_path / "feed"), FeedStore(tmp_path / "feed"), tmp_path / "site")
    page = open_page("compare.html?bot=two&bot=one&seconds=5", folder=tmp_path / "site")
    comparison = rows(page, ".side > tbody")
    assert comparison[0] == "Your use costs 2 variants from $0.5 16,500 points cheapest $1.5 49,500 points"
    assert "Text to video / 720p per second $0.1 /second 3,300 points /second –" in comparison
    assert "Video to video / 720p per second $0.2 /second 6,600 points /second –" in comparison
    assert comparison[-1].count("10 minutes ago") == 2


def test_bots_are_added_by_name_up_to_five(open_page: Open) -> None:
    page = open_page("compare.html")
    field = page.get_by_label("Add a bot")
    for name in ("GPT-4.1", "grok-4.7", "Kling-Omni", "animaginexl"):
        field.fill(name)
        field.press("Enter")
    expect(page.get_by_role("columnheader")).to_have_count(4)
    for name, status in (
        ("gpt-4.1", "is there already"),
        ("nobody", "There is no bot “nobody”."),
        ("github", "GitHub was added."),
        ("search-osl", "remove one first"),
    ):
        field.fill(name)
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_role("status")).to_contain_text(status)
    expect(page.get_by_role("columnheader")).to_have_count(5)


# --- changes and about -------------------------------------------------------------------------


def test_changes_by_version(open_page: Open, catalogue: Path) -> None:
    page = open_page("changes.html")
    versions = page.get_by_role("heading", level=2).all_inner_texts()
    assert [version[:9] for version in versions] == ["Version 2", "Version 1"]
    newest = page.locator(".version").first
    for text in ("New: 1 bot", "Gone: 1 bot", "Demo-Newcomer", "GitHub", "Demo-Movies: description"):
        expect(newest).to_contain_text(text)
    assert rows(page, ".version .moves")[1:] == [
        "Input $1.82/1M tokens 60 points/1k tokens $0.91/1M tokens 30 points/1k tokens -50.0 %",
    ]
    newest.get_by_role("link", name="GPT-4.1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("GPT-4.1")
    page.go_back()
    assert page.get_by_role("link", name="Atom feed").get_attribute("href") == "changes.atom"
    entries = ET.parse(catalogue / "changes.atom").getroot().findall("{http://www.w3.org/2005/Atom}entry")
    assert len(entries) == 2


def test_200_versions_make_no_page_too_large(open_page: Open, tmp_path: Path) -> None:
    store = FeedStore(tmp_path / "feed")
    prices = [
        pricing([rate for place in range(8) for rate in both(f"Quality {place}", usd, points, "image")])
        for usd, points in (("1", "33000"), ("2", "66000"))
    ]
    with FeedWriter(store, "a test") as writer:
        for at, each in zip((FIRST, SECOND), prices, strict=True):
            found = [bot(f"Painter-{place}", at, each) for place in range(8)]
            writer.publish(found, run(at), now=at, accept=True)
    # publishing 200 versions would take minutes: the log says that prices went up and down again
    log = [json.loads(line) for line in store.change_log.read_text().splitlines()]
    added, changed = ([change for change in log if change["version"] == version] for version in (1, 2))
    lines = list(added)
    for version in range(2, 201):
        at = SECOND - timedelta(hours=200 - version)
        for change in changed:
            up = {**change, "version": version, "at": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
            lines.append(up if version % 2 == 0 else {**up, "old": up["new"], "new": up["old"]})
    store.change_log.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    feed = json.loads(store.models.read_text()) | {"version": 200}
    store.models.write_text(json.dumps(feed))
    build(open_feed(tmp_path / "feed"), store, tmp_path / "site")
    pages = [*(tmp_path / "site").rglob("*.html")]
    assert max(path.stat().st_size for path in pages) < 300_000
    for address in ("changes.html", "bots/painter-0.html"):
        for width in (390, 1280):
            page = open_page(address, folder=tmp_path / "site", viewport={"width": width, "height": 800})
            assert page.evaluate("() => document.documentElement.scrollHeight") < 12_000
    page = open_page("changes.html", folder=tmp_path / "site")
    expect(page.locator("main > .version")).to_have_count(10)
    expect(page.get_by_text("40 older versions")).to_be_visible()
    expect(page.get_by_text("150 older versions are in")).to_be_visible()


def test_about_the_data(open_page: Open, made_site: Path) -> None:
    page = open_page("about.html")
    assert rows(page, "table", 0)[0].startswith("Active bots 15 1 more")
    assert rows(page, "table", 1)[:2] == ["up to a day 15", "up to a week 0"]
    expect(page.get_by_text("the data was published")).to_be_visible()
    (failure,) = rows(page, "table", 2)[1:]
    assert failure.startswith("server_error 1 Poe answered with a server error")
    page.get_by_role("link", name="Kling-Omni").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Kling-Omni")
    page.go_back()
    for name in ("models.json", "models.json.gz", "slim.json", "version.json", "changes.jsonl", "changes.atom"):
        assert page.get_by_role("link", name=name, exact=True).get_attribute("href") == name

    page = open_page("about.html", folder=made_site)
    expect(page.get_by_text("A newer candidate")).to_be_visible()
