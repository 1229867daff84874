"""The site in a real Chromium."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Dialog, Error, Locator, Page, Request, expect

from poe_scraper.replica import Replica
from poe_scraper.replica.faults import FAULTS

pytestmark = pytest.mark.browser

BOT = "Grok-4.7"


def dialog(page: Page) -> Locator:
    return page.locator('div[role="dialog"]')


def open_rates(page: Page) -> None:
    page.locator("button", has_text=re.compile("^Rates$")).evaluate("button => button.click()")


def find(replica: Replica, wanted: Callable[[dict[str, object]], object]) -> str:
    return next(str(bot["handle"]) for bot in replica.catalog()["bots"] if bot["listed"] and wanted(bot))


def plain(bot: dict[str, object]) -> bool:
    return bool(bot["rate_card"] and not bot["hidden_rates"] and not bot["overlay"])


def test_rates_open_a_dialog_that_shows_the_card(replica: Replica, page: Page) -> None:
    page.goto(f"{replica.url}/grok-4.7")
    assert page.url == f"{replica.url}/{BOT}"
    with page.expect_response(lambda answer: "RateCardModalQuery" in (answer.request.post_data or "")) as answer:
        page.get_by_role("button", name="Rates").click()
    card = answer.value.json()["data"]["botById"]["botPricing"]["rateMenuMarkdown"]
    rows = dialog(page).locator("table tr")
    expect(rows).to_have_count(sum(line.startswith("|") for line in card.splitlines()) - 1)
    expect(rows.nth(1).locator("td")).to_have_text(["Input", "$2.02/1M tokens", "67 points/1k tokens"])
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    assert replica.requests()["by_handle"] == {BOT: {"document": 1, "gql": 1}}


def test_struck_out_prices_and_markup_in_cards(replica: Replica, page: Page) -> None:
    card = "| A | B |\n|---|---|\n| ~~$2.50~~ **$2.25** | <img src=x onerror=\"document.title='owned'\"> |"
    replica.change(add=[{"id": "struck", "rate_card": card}])
    page.goto(f"{replica.url}/Struck")
    open_rates(page)
    expect(dialog(page).locator("del")).to_have_text("$2.50")
    expect(dialog(page).locator("td").nth(1)).to_contain_text("<img")
    expect(dialog(page).locator("img")).to_have_count(0)
    replica.change(remove=["struck"])


def test_every_layout_is_rendered(replica: Replica, page: Page) -> None:
    page.goto(f"{replica.url}/{BOT}")
    open_rates(page)
    page.wait_for_function("self.marked")
    cards = {bot["rate_card"] for bot in replica.catalog()["bots"] if bot["rate_card"]}
    wrong = page.evaluate(
        """cards => cards.filter(card => {
            const html = new DOMParser().parseFromString(marked.parse(card), "text/html");
            const tables = card.match(/^\\|? ?:?-+.*\\|/gm) ?? [];
            return html.querySelectorAll("table").length !== tables.length;
        })""",
        list(cards),
    )
    assert wrong == []


def test_the_page_shows_the_bot_after_a_while(replica: Replica, page: Page) -> None:
    handle = find(replica, lambda bot: plain(bot) and bot["cost_label"] and bot["powered_by"])
    bot = next(bot for bot in replica.catalog()["bots"] if bot["handle"] == handle)
    page.goto(f"{replica.url}/{handle}", wait_until="commit")
    expect(page.locator("[class*=BotInfoCardHeader_initialPointsCost__]")).to_have_text(bot["cost_label"])
    creator = page.locator("[class*=UserHandle_creatorHandle__]")
    expect(creator).to_have_text(f"@{bot['creator']}")
    assert creator.get_attribute("href") == f"/{bot['creator']}"
    line = page.locator("[class*=BotDescriptionDisclaimerSection_disclaimerText__]")
    expect(line).to_have_text(f"{bot['powered_by']} Learn more")


def test_long_descriptions_are_cut_until_view_more_is_clicked(replica: Replica, page: Page) -> None:
    long = find(replica, lambda bot: plain(bot) and len(str(bot["description"])) > 400)
    whole = next(bot["description"] for bot in replica.catalog()["bots"] if bot["handle"] == long)
    page.goto(f"{replica.url}/{long}")
    text = page.locator("[class*=BotDescriptionDisclaimerSection_text__]")
    more = page.get_by_role("button", name="View more")
    expect(more).to_have_attribute("aria-expanded", "false")
    assert text.text_content() != whole
    more.click()
    expect(page.get_by_role("button", name="View less")).to_have_attribute("aria-expanded", "true")
    assert text.text_content() == whole


def test_hidden_rates_can_only_be_clicked_by_a_script(replica: Replica, page: Page) -> None:
    page.goto(f"{replica.url}/{find(replica, lambda bot: bot['rate_card'] and bot['hidden_rates'])}")
    button = page.locator("button", has_text="Rates")
    expect(button).to_have_count(1)
    expect(button).to_be_hidden()
    open_rates(page)
    expect(dialog(page)).to_be_visible()


def test_an_overlay_covers_rates_until_it_is_answered(replica: Replica, page: Page) -> None:
    handle = find(replica, lambda bot: bot["rate_card"] and bot["overlay"] and not bot["hidden_rates"])
    page.route(re.compile(r"\.css$"), lambda route: route.fulfill(body="", content_type="text/css"))
    page.goto(f"{replica.url}/{handle}")
    consent = page.get_by_role("button", name="Accept all")
    consent.wait_for()
    covered = page.get_by_role("button", name="Rates").evaluate(
        """button => {
            const box = button.getBoundingClientRect();
            const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
            return !button.contains(top);
        }"""
    )
    assert covered
    consent.click()
    page.get_by_role("button", name="Rates").click()
    expect(dialog(page)).to_be_visible()


def test_bots_without_rates_and_dialogs_without_numbers(replica: Replica, page: Page) -> None:
    page.goto(f"{replica.url}/{find(replica, lambda bot: bot['rate_card'] is None)}")
    page.get_by_role("button", name="Share").wait_for()
    expect(page.locator("button", has_text="Rates")).to_have_count(0)
    page.goto(f"{replica.url}/{find(replica, lambda bot: bot['rate_card'] == '')}")
    open_rates(page)
    expect(dialog(page)).to_contain_text("No rates are known")
    expect(dialog(page)).not_to_contain_text(re.compile(r"\d"))


def test_a_chinese_browser_sees_chinese_labels(replica: Replica, browser: Browser) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(f"{replica.url}/{BOT}")
    open_rates(page)
    expect(dialog(page).locator("td").first).to_have_text("输入")
    context.close()


def test_a_profile_grows_as_it_is_scrolled(replica: Replica, page: Page) -> None:
    page.route(re.compile(r"\.css$"), lambda route: route.abort())
    page.goto(f"{replica.url}/paperlantern")
    items = page.locator("#profile-created-bots [data-bot-list-item]")
    seen = 0
    for expected in (20, 40, 60, 80, 100, 110):
        expect(items).to_have_count(expected)
        assert expected > seen
        seen = expected
        items.last.scroll_into_view_if_needed()
    names = items.locator("[class*=botName]").all_text_contents()
    assert len(set(names)) == 110
    assert replica.requests()["by_handle"] == {"paperlantern": {"document": 1, "gql": 5}}


def hosts_of(page: Page, action: Callable[[], object]) -> set[str]:
    """Hosts of the requests that the page sends meanwhile."""
    hosts: set[str] = set()

    def note(request: Request) -> None:
        hosts.add(re.sub(r"^https?://([^:/]+).*", r"\1", request.url))

    page.on("request", note)
    action()
    page.wait_for_load_state("networkidle")
    return hosts


def test_scripts_come_from_a_second_host_and_a_tracker_from_a_third(replica: Replica, page: Page) -> None:
    assert hosts_of(page, lambda: shows_card(page, replica)) == {"127.0.0.1", "localhost", "analytics.localhost"}
    assert replica.requests()["by_kind"]["third_party"]["count"] == 1


@pytest.mark.parametrize("files", [r"\.css$", r"/chunks/312\.", r"://localhost:"], ids=["style", "chunk", "host"])
def test_without_its_files_there_is_no_dialog(replica: Replica, page: Page, files: str) -> None:
    page.route(re.compile(files), lambda route: route.abort())
    page.goto(f"{replica.url}/{BOT}")
    if files == r"://localhost:":
        expect(page.locator("#__next")).to_be_empty()
        return
    page.get_by_role("button", name="Rates").click()
    with page.expect_event("console", lambda message: "Loading chunk failed" in message.text):
        open_rates(page)
    expect(dialog(page)).to_have_count(0)
    queries = replica.requests()["by_handle"][BOT]
    assert queries == {"document": 1}, "the card is not asked for"


def test_the_dialog_is_loaded_once_and_only_when_it_is_opened(replica: Replica, page: Page) -> None:
    page.goto(f"{replica.url}/{BOT}")
    rates = page.get_by_role("button", name="Rates")
    rates.wait_for()
    before = replica.requests()["by_kind"]
    assert (before["script"]["count"], before["stylesheet"]["count"]) == (3, 1)
    for _ in range(2):
        rates.click()
        expect(dialog(page).locator("td").first).to_be_visible()
        page.keyboard.press("Escape")
        expect(dialog(page)).to_have_count(0)
    after = replica.requests()["by_kind"]
    assert (after["script"]["count"], after["stylesheet"]["count"]) == (4, 2)


# --- faults of the page's own script ---------------------------------------------------------------

PageCheck = Callable[[Page, Replica], None]


def shows_error(page: Page, replica: Replica) -> None:
    with page.expect_event("pageerror"):
        page.goto(f"{replica.url}/{BOT}")
    expect(page.locator("#__next")).to_have_text("Application error: a client-side exception has occurred.")


def shows_card(page: Page, replica: Replica) -> None:
    page.goto(f"{replica.url}/{BOT}")
    page.get_by_role("button", name="Rates").click()
    expect(page.get_by_role("dialog").locator("td").first).to_have_text("Input")


def shows_card_from(*hosts: str) -> PageCheck:
    def check(page: Page, replica: Replica) -> None:
        usual = {"127.0.0.1", "localhost", "analytics.localhost"}
        assert hosts_of(page, lambda: shows_card(page, replica)) == usual | set(hosts)

    return check


def named_host(page: Page, replica: Replica) -> None:
    shows_card_from("assets.localhost")(page, replica)
    sources = page.locator("head script[src], head link[rel=stylesheet]").all()
    addresses = [str(source.get_attribute("src") or source.get_attribute("href")) for source in sources]
    assert any("://assets.localhost:" in address for address in addresses)
    assert not any("://localhost:" in address for address in addresses)


def script_named_host(page: Page, replica: Replica) -> None:
    shows_card_from("chunks.localhost")(page, replica)
    assert "chunks.localhost" not in page.request.get(f"{replica.url}/{BOT}").text()


def webrtc(page: Page, replica: Replica) -> None:
    shows_card(page, replica)
    page.wait_for_function(
        f"fetch('{replica.url}/_replica/requests').then(answer => answer.json()).then(counts => counts.by_kind.stun)"
    )


def chunk_slow(page: Page, replica: Replica) -> None:
    page.goto(f"{replica.url}/{BOT}")
    with page.expect_response(re.compile(r"312\.\w+\.slow\.js$")) as chunk:
        page.get_by_role("button", name="Rates").click()
    expect(dialog(page).locator("td").first).to_have_text("Input")
    assert chunk.value.header_value("cache-control") == "no-store"


def no_dialog(page: Page, replica: Replica) -> None:
    page.goto(f"{replica.url}/{BOT}")
    with page.expect_event("console", lambda message: "Loading chunk failed" in message.text):
        page.get_by_role("button", name="Rates").click()
    expect(dialog(page)).to_have_count(0)


def check_clears(page: Page, replica: Replica) -> None:
    page.goto(f"{replica.url}/{BOT}")
    assert page.title() == "Just a moment..."
    page.get_by_role("button", name="Rates").click()
    expect(page.get_by_role("dialog").locator("td").first).to_have_text("Input")
    answer = page.goto(f"{replica.url}/{BOT}")
    assert answer is not None
    assert answer.status == 200, "the cookie counts for later visits"
    assert replica.faults()["hits"] == {"check_clears": {BOT: 1}} or "check_clears_host" in replica.faults()["hits"]


def check_clears_host(page: Page, replica: Replica) -> None:
    assert "checks.localhost" in hosts_of(page, lambda: check_clears(page, replica))


def trigger(role: Literal["button", "link", "menuitem"], text: str) -> PageCheck:
    def check(page: Page, replica: Replica) -> None:
        page.goto(f"{replica.url}/{BOT}")
        element = page.locator("[class*=BotInfoCardActionBar_actionBar__]").get_by_role(role, name="Rates")
        expect(element).to_have_text(text)
        element.click()
        expect(dialog(page).locator("td").first).to_have_text("Input")

    return check


def label_twice(page: Page, replica: Replica) -> None:
    page.goto(f"{replica.url}/{BOT}")
    expect(page.get_by_role("link", name="Rates")).to_have_attribute("href", "/rates")
    page.get_by_role("button", name="Rates").click()
    expect(dialog(page).locator("td").first).to_have_text("Input")


def label_renamed(page: Page, replica: Replica) -> None:
    page.goto(f"{replica.url}/{BOT}")
    page.get_by_role("button", name="Pricing").click()
    expect(dialog(page).locator("td").first).to_have_text("Input")
    expect(page.get_by_text("Rates", exact=True)).to_have_count(1)  # the dialog's title


CLICKS_AT_ONCE = """
new MutationObserver(() => {
    const button = [...document.querySelectorAll("button")].find((button) => button.textContent === "Rates");
    if (!button || "opened" in self) return;
    button.click();
    self.opened = document.querySelector('link[href*="/css/dialog-"]') !== null;
}).observe(document, { childList: true, subtree: true });
"""


def listener_late(page: Page, replica: Replica) -> None:
    page.add_init_script(CLICKS_AT_ONCE)
    page.goto(f"{replica.url}/{BOT}")
    page.wait_for_function("'opened' in self")
    assert page.evaluate("opened") is False
    page.wait_for_function(
        """() => {
            const button = [...document.querySelectorAll("button")].find((button) => button.textContent === "Rates");
            if (!document.querySelector("[role=dialog]")) button.click();
            return document.querySelector("[role=dialog] td");
        }"""
    )


def older_query(page: Page, replica: Replica) -> None:
    with page.expect_response(
        lambda answer: "MessagePointsOverviewModalQuery" in (answer.request.post_data or "")
    ) as answer:
        shows_card(page, replica)
    pricing = answer.value.json()["data"]["botById"]["botPricing"]
    assert pricing.keys() == {"__typename", "botPricingType", "standardMessagePrice", "rateMenuMarkdown"}


def deleted(page: Page, replica: Replica) -> None:
    page.goto(f"{replica.url}/{BOT}")
    expect(page.locator("main")).to_contain_text("This bot has been deleted.")
    expect(page.get_by_role("button")).to_have_count(0)


def cookies(page: Page, replica: Replica) -> None:
    shows_card(page, replica)
    assert len(page.context.cookies()) == 100
    answer = page.goto(f"{replica.url}/Kimi-K3")
    assert answer is not None
    assert answer.status == 431


def shared_state(page: Page, replica: Replica) -> None:
    replica.set_faults(f"shared_state@{BOT}", "shared_state@Kimi-K3")
    shows_card(page, replica)
    shows_card(page, replica)
    with page.expect_event("pageerror", lambda error: f"found traces of {BOT}" in error.message):
        page.goto(f"{replica.url}/Kimi-K3")
    browser = page.context.browser
    assert browser is not None
    fresh = browser.new_context().new_page()
    fresh.goto(f"{replica.url}/Kimi-K3")
    fresh.get_by_role("button", name="Rates").wait_for()
    fresh.context.close()


def late_page(page: Page, replica: Replica) -> None:
    page.goto(f"{replica.url}/{BOT}")
    assert page.locator("#__next *").count() == 0
    page.get_by_role("button", name="Rates").wait_for()


def cost_label(page: Page, replica: Replica) -> None:
    page.goto(f"{replica.url}/{BOT}")
    expect(page.locator("[class*=BotInfoCardHeader_initialPointsCost__]")).to_have_text(f"{'9' * 50}+ points")


def no_panel(page: Page, replica: Replica) -> None:
    replica.set_faults("profile_no_panel=1")
    page.goto(f"{replica.url}/paperlantern")
    expect(page.locator("[class*=ProfileHeader_count__]")).to_have_text("110 bots")
    expect(page.locator("#profile-created-bots")).to_have_count(0)


def streamed_profile(page: Page, replica: Replica) -> None:
    replica.set_faults("profile_streamed=1")
    page.goto(f"{replica.url}/paperlantern")
    expect(page.locator("[data-bot-list-item]")).to_have_count(20)
    assert page.locator("#__NEXT_DATA__").count() == 0


def flight_data(page: Page, replica: Replica) -> None:
    description = "Straße " * 300
    replica.change(set={"grok-4.7": {"description": description, "powered_by": "$5"}})
    shows_card(page, replica)
    page.get_by_role("button", name="View more").dispatch_event("click")
    expect(page.locator("[class*=BotDescriptionDisclaimerSection_text__]")).to_have_text(description.strip())
    expect(page.locator("[class*=_disclaimerText__]")).to_have_text("$5 Learn more")


def new_classes(page: Page, replica: Replica) -> None:
    shows_card(page, replica)
    assert page.locator("[class*=__]").count() == 0
    assert page.locator("[class]").count() > 5


def moved_elements(page: Page, replica: Replica) -> None:
    shows_card(page, replica)
    assert page.locator('div[role="dialog"], h1, button').count() == 0


def opens_alert(page: Page, replica: Replica) -> None:
    alerts: list[str] = []

    def dismiss(alert: Dialog) -> None:
        alerts.append(alert.type)
        alert.dismiss()

    page.on("dialog", dismiss)
    shows_card(page, replica)
    assert alerts == ["alert"]


def memory(page: Page, replica: Replica) -> None:
    page.goto(f"{replica.url}/{BOT}")
    page.wait_for_function("self.hoard?.length > 2")
    assert page.evaluate("hoard.every(part => part.length === 16_000_000)")


def no_rates(page: Page, replica: Replica) -> None:
    page.goto(f"{replica.url}/{BOT}")
    page.get_by_role("button", name="Share").wait_for()
    expect(page.locator("button", has_text="Rates")).to_have_count(0)


def dead_rates(page: Page, replica: Replica) -> None:
    page.goto(f"{replica.url}/{BOT}")
    page.get_by_role("button", name="Rates").click()
    expect(dialog(page)).to_have_count(0)


def dialog_fails(page: Page, replica: Replica) -> None:
    page.goto(f"{replica.url}/{BOT}")
    page.get_by_role("button", name="Rates").click()
    expect(dialog(page)).to_contain_text("Something went wrong.")


def moved_answer(page: Page, replica: Replica) -> None:
    queries: list[str] = []
    page.on("request", lambda request: queries.append(request.post_data or ""))
    shows_card(page, replica)
    assert not any("RateCardModalQuery" in query for query in queries)


def leaves_loading(page: Page, replica: Replica) -> None:
    page.goto(f"{replica.url}/{BOT}")
    with page.expect_request(lambda request: "RateCardModalQuery" in (request.post_data or "")):
        page.get_by_role("button", name="Rates").click()
    expect(dialog(page)).to_contain_text("Loading")


def hostile_text(page: Page, replica: Replica) -> None:
    page.goto(f"{replica.url}/{BOT}")
    expect(page.locator("h1")).to_contain_text("HYPERLINK")
    assert page.title() == f"{BOT} - Poe"


def navigation_fails(page: Page, replica: Replica) -> None:
    with pytest.raises(Error):
        page.goto(f"{replica.url}/{BOT}")


PAGE_CHECKS: dict[str, PageCheck] = {
    "reset": navigation_fails,
    "wrong_type": navigation_fails,
    "check_clears": check_clears,
    "check_clears_host": check_clears_host,
    "named_host": named_host,
    "script_named_host": script_named_host,
    "ip_literal": shows_card_from("127.0.0.2"),
    "webrtc": webrtc,
    "chunk_slow": chunk_slow,
    "chunk_404": no_dialog,
    "style_404": no_dialog,
    "new_classes": new_classes,
    "moved_elements": moved_elements,
    "no_hydration": shows_card,
    "flight_data": flight_data,
    "moved_hydration": shows_card,
    "garbled_hydration": shows_error,
    "empty_hydration": shows_error,
    "object_selection": shows_card,
    "object_nullable": shows_card,
    "object_deleted": deleted,
    "huge_page": shows_card,
    "many_attributes": shows_card,
    "hostile_text": hostile_text,
    "hostile_cost": cost_label,
    "cookies": cookies,
    "shared_state": shared_state,
    "late_page": late_page,
    "js_exception": shows_error,
    "alert": opens_alert,
    "memory": memory,
    "no_rates": no_rates,
    "dead_rates": dead_rates,
    "listener_late": listener_late,
    "label_points": trigger("button", "Rates (points)"),
    "label_icon": trigger("button", "Rates"),
    "label_aria": trigger("button", ""),
    "label_link": trigger("link", "Rates"),
    "label_menuitem": trigger("menuitem", "Rates"),
    "label_twice": label_twice,
    "label_renamed": label_renamed,
    "gql_500": dialog_fails,
    "gql_errors": dialog_fails,
    "gql_null": dialog_fails,
    "gql_truncated": dialog_fails,
    "gql_silent": leaves_loading,
    "gql_moved": moved_answer,
    "gql_2025": older_query,
    "other_release": shows_card,
    "profile_no_panel": no_panel,
    "profile_streamed": streamed_profile,
}


@pytest.mark.parametrize("name", PAGE_CHECKS)
def test_a_fault_does_what_it_says_in_a_browser(replica: Replica, page: Page, name: str) -> None:
    assert name in FAULTS
    known = next(bot for bot in replica.catalog()["bots"] if bot["handle"] == BOT)
    replica.set_faults(f"{name}@{BOT}")
    try:
        PAGE_CHECKS[name](page, replica)
    finally:
        replica.change(set={"grok-4.7": {key: known[key] for key in ("description", "powered_by")}})
    assert replica.faults()["hits"].keys() == {name}


TRACES = {
    "cookie": "document.cookie = 'last-visit=; path=/; max-age=0'",
    "local storage": "localStorage.clear()",
    "session storage": "sessionStorage.clear()",
    "cache": "caches.delete('visits')",
    "database": "new Promise(done => { indexedDB.deleteDatabase('visits').onsuccess = done })",
}
"""How to remove each trace of a visit."""


@pytest.mark.parametrize("kept", [*TRACES, "channel"])
def test_each_trace_of_another_page_is_found(replica: Replica, page: Page, kept: str) -> None:
    replica.set_faults("shared_state=1")
    shows_card(page, replica)
    other = page if kept in TRACES else page.context.new_page()
    other.goto(replica.url)
    for name, removal in TRACES.items():
        if name != kept and not (kept == "channel" and name == "database"):
            other.evaluate(f"async () => {{ await ({removal}) }}")
    if kept == "channel":
        other.evaluate(
            """async () => {
                const database = await new Promise(done => {
                    const opening = indexedDB.open("visits");
                    opening.onsuccess = () => done(opening.result);
                });
                await new Promise(done => {
                    const emptied = database.transaction("last", "readwrite").objectStore("last").clear();
                    emptied.onsuccess = done;
                });
            }"""
        )
    with other.expect_event("pageerror", lambda error: f"found traces of {BOT}" in error.message):
        other.goto(f"{replica.url}/Kimi-K3")


def test_a_page_without_traces_is_shown(replica: Replica, page: Page) -> None:
    replica.set_faults("shared_state=1")
    shows_card(page, replica)
    page.goto(replica.url)
    for removal in TRACES.values():
        page.evaluate(f"async () => {{ await ({removal}) }}")
    page.goto(f"{replica.url}/Kimi-K3")
    page.get_by_role("button", name="Rates").wait_for()


def test_the_library_that_renders_cards_comes_with_its_licence() -> None:
    assets = Path(__file__).parents[2] / "poe_scraper" / "replica" / "assets"
    assert "MIT License" in (assets / "marked.umd.js").read_text("utf-8")
    assert "Permission is hereby granted" in (assets / "marked.LICENSE").read_text("utf-8")
