"""What observe.js finds in a bot's page, in a real Chromium, against pages made for each case."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from poe_scraper.browser.card_query import CardQuery
from poe_scraper.failures import Code, ObservationError
from poe_scraper.items import Bot
from poe_scraper.pages.bot import read_bot
from tests.pages.conftest import Asked, Look, Seen, Site
from tests.pages.made_pages import AT, BOT, CARD, OTHER_BOT, STYLES, data_scripts

pytestmark = pytest.mark.browser

CLIENT = """
const ask = (queryName, variables) => fetch("/api/gql_POST", {
    method: "POST",
    headers: {
        "Content-Type": "application/json", "poegraphql": "1", "poe-queryname": queryName,
        "poe-revision": "REVISION", "poe-formkey": "secret-FORMKEY", "authorization": "Bearer secret",
    },
    body: JSON.stringify({queryName, variables, extensions: {hash: "a1".repeat(32)}}),
}).then((answer) => answer.json());
window.kept = {clicks: 0};
const open = async (event) => {
    event?.preventDefault();
    window.kept.clicks += 1;
    if (window.kept.clicks <= DEAD_CLICKS) return;
    document.body.insertAdjacentHTML("beforeend", '<div role="dialog" id="rates"><h2>Rates</h2><p></p></div>');
    const answer = await ask("RateCardModalQuery", {botId: BOT_ID});
    document.querySelector("#rates p").textContent = answer.data?.botById?.botPricing?.rateMenuMarkdown ?? "Sorry.";
};
"""
"""A page's own script: asks for the card once `open` is called."""

BAR = '<div class="BotInfoCardActionBar_actionBar__5_Gnq"><button>New chat</button>TRIGGER<button>Share</button></div>'
RATES = '<button class="rates">Rates</button>'
LISTEN = 'document.querySelectorAll(".rates").forEach((part) => part.addEventListener("click", open));'


def page(
    body: str = BAR.replace("TRIGGER", RATES),
    script: str = LISTEN,
    *,
    style: str = "pages",
    bot: object = BOT,
    more: tuple[object, ...] = (),
    dead_clicks: int = 0,
    revision: str = "r1",
    formkey: str = "one",
) -> str:
    """A bot's page: header, what the test is about, and the page's own script."""
    client = CLIENT.replace("BOT_ID", str(BOT["botId"])).replace("DEAD_CLICKS", str(dead_clicks))
    client = client.replace("REVISION", revision).replace("FORMKEY", formkey)
    return (
        "<!DOCTYPE html><html><head><title>Grok-4.7 - Poe</title></head><body>"
        '<div class="BotInfoCardHeader_container__x1"><h1>Grok 4.7</h1></div>'
        f"{body}{data_scripts(style, 'bot', bot, *more)}<script>{client}{script}</script></body></html>"
    )


def cards(asked: Asked) -> tuple[int, str]:
    """Answers as Poe does: the card of the bot that is asked for."""
    number = asked.body["variables"].get("botId")
    if number is None:
        return 200, '{"data": {"viewer": null}}'
    card = CARD if number == BOT["botId"] else "| Input | 999 points |"
    return 200, json.dumps({"data": {"botById": {"botPricing": {"rateMenuMarkdown": card}}}})


def read(seen: Seen) -> Bot:
    known = Bot(id="grok-4.7", url="https://poe.com/Grok-4.7", first_seen=AT, last_seen=AT)
    site_url = seen.url.rpartition("/")[0]
    return read_bot(seen.html, url=seen.url, at=AT, site_url=site_url, seen=known)


def code_of(seen: Seen) -> Code:
    with pytest.raises(ObservationError) as raised:
        read(seen)
    return raised.value.code


@pytest.fixture(autouse=True)
def poe(site: Site) -> None:
    site.graphql = cards


TRIGGERS = {
    "text": RATES,
    "text with a unit": '<button class="rates">Rates (points)</button>',
    "lower case": '<button class="rates">See rates</button>',
    "aria-label": '<button class="rates" aria-label="Rates"><svg></svg></button>',
    "labelled by another element": '<b id="l" hidden>Rates</b><button class="rates" aria-labelledby="l">?</button>',
    "icon with a title": '<button class="rates"><svg><title>Rates</title><path d="M0 0"/></svg></button>',
    "image with an alternative": '<button class="rates"><img alt="Rates" src="data:,"></button>',
    "title": '<button class="rates" title="Rates">$</button>',
    "link without address": '<a class="rates">Rates</a>',
    "link to a fragment": '<a class="rates" href="#rates">Rates</a>',
    "link to a view of the page": '<a class="rates" href="/Grok-4.7/rates">Rates</a>',
    "link with a script": '<a class="rates" href="javascript:void 0">Rates</a>',
    "menu item": '<ul role="menu"><li role="menuitem" class="rates">Rates</li></ul>',
    "role button": '<div role="button" class="rates"><span>Rates</span></div>',
    "input": '<input type="button" class="rates" value="Rates">',
    "submit button": '<form action="/elsewhere"><button class="rates">Rates</button></form>',
    "hidden": f'<div style="display: none" aria-hidden="true">{RATES}</div>',
}


@pytest.mark.parametrize("trigger", TRIGGERS.values(), ids=TRIGGERS)
@pytest.mark.parametrize("body", [BAR, '<div class="x9k"><button>New chat</button>TRIGGER<button>Share</button></div>'])
def test_rates_in_many_guises(site: Site, look: Look, trigger: str, body: str) -> None:
    site.files["/Grok-4.7"] = page(body.replace("TRIGGER", trigger))
    bot = read(look())
    assert (bot.pricing.rate_card, bot.observed.page and bot.observed.page.via) == (CARD, "graphql")
    assert [one.body["queryName"] for one in site.asked] == ["RateCardModalQuery"]


def test_a_bot_with_rates_in_its_name(site: Site, look: Look) -> None:
    chat = '<button onclick="window.kept.chats = 1">Chat with Exchange-Rates</button>'
    bot = {**BOT, "handle": "Exchange-Rates"}
    for trigger, card in ((RATES, True), ('<button class="rates">All rates of use</button>', True), ("", False)):
        site.files["/Exchange-Rates"] = page(BAR.replace("TRIGGER", chat + trigger), bot=bot)
        seen = look("/Exchange-Rates")
        assert (seen.observation["trigger"], "chats" in seen.kept) == (card, False)
        assert len(seen.observation["answers"]) == card


def test_a_link_without_a_listener_does_not_leave_the_page(site: Site, look: Look) -> None:
    link = '<a href="/Grok-4.7/rates">Rates</a>'
    site.files["/Grok-4.7"] = page(BAR.replace("TRIGGER", link))
    seen = look(seconds=10)
    assert (seen.url, code_of(seen)) == (f"{site.url}/Grok-4.7", Code.SITE_CHANGED)
    assert "/Grok-4.7/rates" not in site.gets


def test_a_summary_opens_its_details(site: Site, look: Look) -> None:
    card = "<table><tr><th>Type</th><th>Rate</th></tr><tr><td>Input</td><td>67 points/1k tokens</td></tr></table>"
    details = f'<details><summary class="rates">Rates</summary>{card}</details>'
    site.files["/Grok-4.7"] = page(BAR.replace("TRIGGER", details), "")
    bot = read(look())
    assert bot.observed.page is not None
    assert bot.observed.page.via == "dialog"
    assert [str(rate.amount) for rate in bot.pricing.rates] == ["67"]


def test_an_overlay_is_not_in_the_way(site: Site, look: Look) -> None:
    consent = (
        '<div role="dialog" style="position: fixed; inset: 0">We use 2 cookies. <button>Rates of cookies</button></div>'
    )
    site.files["/Grok-4.7"] = page(consent + BAR.replace("TRIGGER", RATES))
    assert read(look()).pricing.rate_card == CARD


@pytest.mark.parametrize(
    "body",
    [
        BAR.replace("TRIGGER", '<a class="rates" href="/Exchange-Rates">Rates</a>'),
        BAR.replace("TRIGGER", '<a class="rates" href="https://other.test/rates">Rates</a>'),
        BAR.replace("TRIGGER", '<button class="rates">Celebrates</button>'),
        BAR.replace("TRIGGER", "") + '<button class="rates">What are the mortgage rates today?</button>',
        BAR.replace("TRIGGER", "") + '<a class="rates" href="/Rates">Rates</a>',
        BAR.replace("TRIGGER", "") + f'<div role="dialog">{RATES}</div>',
        BAR.replace("TRIGGER", "") + f'<div aria-modal="true">{RATES}</div>',
    ],
)
def test_what_is_not_the_rates_button_is_not_clicked(site: Site, look: Look, body: str) -> None:
    site.files["/Grok-4.7"] = page(body)
    seen = look()
    assert (seen.observation["trigger"], seen.kept, site.asked) == (False, {"clicks": 0}, [])


@pytest.mark.parametrize("name", ["Pricing", "Price list", "Points and costs"])
def test_a_renamed_button_is_a_change_of_the_site(site: Site, look: Look, name: str) -> None:
    site.files["/Grok-4.7"] = page(BAR.replace("TRIGGER", f'<button class="rates">{name}</button>'))
    seen = look()
    assert (code_of(seen), seen.kept["clicks"]) == (Code.SITE_CHANGED, 0)
    with pytest.raises(ObservationError, match=name):
        read(seen)


@pytest.mark.parametrize("style", STYLES)
def test_an_action_bar_without_rates_means_no_card(site: Site, look: Look, style: str) -> None:
    site.files["/Grok-4.7"] = page(BAR.replace("TRIGGER", ""), style=style)
    bot = read(look())
    assert bot.pricing.rate_card is None
    assert bot.observed.page is not None
    assert bot.observed.page.via is None
    site.files["/Grok-4.7"] = page("<p>Loading</p>", style=style)
    assert code_of(look()) == Code.SITE_CHANGED


# --- clicks ------------------------------------------------------------------------------------


def test_a_listener_that_comes_late(site: Site, look: Look) -> None:
    site.files["/Grok-4.7"] = page(dead_clicks=2)
    seen = look()
    assert (read(seen).pricing.rate_card, seen.kept["clicks"]) == (CARD, 3)


def test_a_second_button_that_works(site: Site, look: Look) -> None:
    site.files["/Grok-4.7"] = page(BAR.replace("TRIGGER", f"<button hidden>Rates</button>{RATES}"))
    assert read(look()).pricing.rate_card == CARD


LAZY = """
const load = (make) => new Promise((done, fail) => {
    const part = make(document.createElement("script"), document.createElement("link"));
    part.onload = done;
    part.onerror = () => { part.remove(); fail(new Error("ChunkLoadError")); };
    document.head.append(part);
});
document.querySelector(".rates").addEventListener("click", async () => {
    window.kept.tries = (window.kept.tries ?? 0) + 1;
    const style = load((script, link) => Object.assign(link, {rel: "stylesheet", href: "ASSETS/dialog.css"}));
    const chunk = load((script) => Object.assign(script, {src: "ASSETS/dialog.js"}));
    await Promise.all([style, chunk]);
    window.openDialog();
});
"""
"""Opens the dialog once its script and its style sheet have loaded, as Next.js's loader does."""


def lazy_page(site: Site, script: Callable[[], tuple[int, str]], style: Callable[[], tuple[int, str]]) -> None:
    site.files |= {
        "/Grok-4.7": page(script=LAZY.replace("ASSETS", site.assets)),
        "/dialog.js": script,
        "/dialog.css": style,
    }


def test_a_dialog_that_loads_slowly_is_clicked_once(site: Site, look: Look) -> None:
    def slow() -> tuple[int, str]:
        threading.Event().wait(2.5)  # longer than two pauses between clicks
        return 200, "window.openDialog = () => open();"

    lazy_page(site, slow, lambda: (200, ""))
    seen = look()
    assert (read(seen).pricing.rate_card, seen.kept["tries"]) == (CARD, 1)


def test_a_dialog_whose_style_sheet_fails_at_first(site: Site, look: Look) -> None:
    states = iter([503, 503])
    lazy_page(site, lambda: (200, "window.openDialog = () => open();"), lambda: (next(states, 200), ""))
    seen = look()
    assert (read(seen).pricing.rate_card, seen.kept["tries"]) == (CARD, 3)


def test_a_dialog_that_never_comes(site: Site, look: Look) -> None:
    lazy_page(site, lambda: (200, "window.openDialog = () => open();"), lambda: (503, ""))
    assert code_of(look()) == Code.SITE_CHANGED


def test_the_card_of_another_bot_is_not_taken(site: Site, look: Look) -> None:
    prefetch = 'ask("RateCardModalQuery", {botId: 815}).then(() => document.body.append("prefetched"));'
    site.files["/Grok-4.7"] = page(script=prefetch + LISTEN, more=(OTHER_BOT,))
    assert read(look()).pricing.rate_card == CARD


def test_the_card_of_another_bot_does_not_count_as_an_answer_to_the_click(site: Site, look: Look) -> None:
    """The page fetches another bot's card in advance once Rates is clicked, before its own script listens."""
    prefetch = f"""
    const rates = document.querySelector(".rates");
    const fetchOther = () => ask("RateCardModalQuery", {{botId: 815}}).then(() => {{ {LISTEN} }});
    rates.addEventListener("click", fetchOther, {{once: true}});
    """
    site.files["/Grok-4.7"] = page(script=prefetch, more=(OTHER_BOT,))
    seen = look()
    assert (read(seen).pricing.rate_card, seen.kept["clicks"]) == (CARD, 1)
    assert [one.body["variables"]["botId"] for one in site.asked] == [815, BOT["botId"]]


@pytest.mark.parametrize("name", ["RateCardModalQuery", "MessagePointsOverviewModalQuery", "SomethingElseQuery"])
def test_the_query_may_have_any_name(site: Site, look: Look, name: str) -> None:
    def older(asked: Asked) -> tuple[int, str]:
        pricing = {"rateMenuMarkdown": CARD, "botPricingType": "variable", "standardMessagePrice": 20}
        return 200, json.dumps({"data": {"bot": {"botPricing": pricing}}})

    site.graphql = older
    site.files["/Grok-4.7"] = page().replace("RateCardModalQuery", name)
    assert read(look()).pricing.rate_card == CARD


# --- the second way to the card ----------------------------------------------------------------


def learned(site: Site, look: Look) -> dict[str, Any]:
    """How another page's script asks for its card."""
    site.files["/Grok-4.7"] = page()
    query = look().query
    site.asked.clear()
    return dict(query)


def test_how_a_page_asks_is_learned_and_not_published(site: Site, look: Look) -> None:
    site.files["/Grok-4.7"] = page()
    seen = look()
    query = CardQuery.from_page(seen.query)
    assert query is not None
    assert (query.path, query.method) == ("/api/gql_POST", "POST")
    assert query.headers == {
        "content-type": "application/json",
        "poegraphql": "1",
        "poe-queryname": "RateCardModalQuery",
        "poe-revision": "r1",
        "poe-formkey": "secret-one",
    }
    assert query.body["variables"] == {"botId": 4711}
    assert "secret-one" not in seen.html.replace("secret-one", "", 1)  # once, in the page's own script
    assert "secret-one" not in json.dumps(seen.observation)


WITHOUT_TRIGGER = BAR.replace("TRIGGER", '<button class="rates">Pricing</button>')


@pytest.mark.parametrize("style", STYLES)
def test_the_query_is_repeated_where_there_is_no_trigger(site: Site, look: Look, style: str) -> None:
    query = learned(site, look)
    query["body"] = {**query["body"], "variables": {"botId": 815, "first": 3}}
    site.files["/Grok-4.7"] = page(WITHOUT_TRIGGER, style=style, more=(OTHER_BOT,), formkey="two")
    bot = read(look(query=query))
    assert bot.observed.page is not None
    assert (bot.pricing.rate_card, bot.observed.page.via) == (CARD, "query")
    (asked,) = site.asked
    assert asked.body == {**query["body"], "variables": {"botId": 4711, "first": 3}}
    assert (asked.headers["poe-queryname"], asked.headers["poe-revision"]) == ("RateCardModalQuery", "r1")
    assert asked.headers["poe-formkey"] == "secret-one"


def test_the_query_is_repeated_where_no_dialog_opens(site: Site, look: Look) -> None:
    query = learned(site, look)
    site.files["/Grok-4.7"] = page(script="")
    bot = read(look(query=query))
    assert bot.observed.page is not None
    assert (bot.pricing.rate_card, bot.observed.page.via) == (CARD, "query")


def test_a_repeated_query_has_the_form_key_of_its_own_page(site: Site, look: Look) -> None:
    query = learned(site, look)
    site.files["/Grok-4.7"] = page(WITHOUT_TRIGGER, 'ask("ViewerQuery", {});', formkey="two")
    assert read(look(query=query)).pricing.rate_card == CARD
    assert {asked.headers["poe-formkey"] for asked in site.asked} == {"secret-two"}
    assert [asked.headers["poe-queryname"] for asked in site.asked] == ["ViewerQuery", "RateCardModalQuery"]


@pytest.mark.parametrize(
    ("shown", "options"),
    [
        # the page belongs to another release of the site
        (page(WITHOUT_TRIGGER, 'ask("ViewerQuery", {});', revision="r2"), {}),
        # which of these bots the page is of is not known
        (page(WITHOUT_TRIGGER, bot=None, more=(BOT | {"handle": "A"}, OTHER_BOT)), {}),
        (page(WITHOUT_TRIGGER, bot={key: BOT[key] for key in BOT if key != "botId"}), {}),
        # no page taught how to ask
        (page(WITHOUT_TRIGGER), {"query": None}),
        # the page got its card
        (page(), {}),
    ],
)
def test_the_query_is_not_repeated_in_vain(site: Site, look: Look, shown: str, options: dict[str, Any]) -> None:
    query = learned(site, look)
    site.files["/Grok-4.7"] = shown
    seen = look(**{"query": query, **options})
    assert seen.observation["repeated"] is None
    assert len(site.asked) < 2


@pytest.mark.parametrize(
    "wrong",
    [
        (500, "oops"),
        (200, '{"errors": [{"message": "PersistedQueryNotFound"}], "data": null}'),
        (200, '{"data": {"botById": null}}'),
        (200, "<html>"),
        (200, json.dumps({"data": {"botById": {"handle": "Other-Bot", "botPricing": {"rateMenuMarkdown": CARD}}}})),
    ],
)
def test_a_wrong_answer_is_as_if_it_had_not_been_asked(site: Site, look: Look, wrong: tuple[int, str]) -> None:
    query = learned(site, look)
    site.graphql = lambda asked: wrong
    site.files["/Grok-4.7"] = page(WITHOUT_TRIGGER)
    assert code_of(look(query=query)) == Code.SITE_CHANGED
    assert len(site.asked) == 1


def test_the_number_of_a_bot_without_an_object(site: Site, look: Look) -> None:
    query = learned(site, look)
    site.files["/Grok-4.7"] = page(WITHOUT_TRIGGER, 'window.state = {"botId": 4711};', bot=None)
    bot = read(look(query=query))
    assert (bot.pricing.rate_card, site.asked[0].body["variables"]) == (CARD, {"botId": 4711})
