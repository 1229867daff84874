"""A rendered bot page, read through `read_bot`: pages are saved documents, no browser is needed."""

import html
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe_scraper.failures import Code, ObservationError
from poe_scraper.items import Bot
from poe_scraper.pages.bot import read_bot

AT = datetime(2026, 10, 22, 13, 19, 7, tzinfo=UTC)
SITE = "https://poe.com"
SEEN = Bot(id="grok-4.7", url=f"{SITE}/grok-4.7", first_seen=AT, last_seen=AT, discovered_by=("api",))

FACTS: dict[str, Any] = {
    "botId": 4711,
    "handle": "Grok-4.7",
    "displayName": "Grok 4.7",
    "description": "Made for <this> test.",
    "poweredBy": "Powered by a server managed by @xAI.",
    "creator": {"handle": "xAI", "fullName": "x.ai", "isDeleted": False},
    "deletionState": "not_deleted",
    "isDown": False,
}
CARD = """\
| Type | Rate (USD) | Rate (Points) |
|---|---|---|
| Input | $2.02/1M tokens | 67 points/1k tokens |
"""
DIALOG = (
    "<div role='dialog'><button>Close</button><table><tr><th>Type</th><th>Rate (USD)</th>"
    "<th>Rate (Points)</th></tr><tr><td>Input</td><td>$2.02/1M tokens</td>"
    "<td>67 points/1k tokens</td></tr></table></div>"
)


def answer(markdown: str | None, **more: object) -> dict[str, object]:
    """A GraphQL answer as the page gets it."""
    data = {"data": {"botById": {"botPricing": {"rateMenuMarkdown": markdown}}}, **more}
    return {"status": 200, "text": json.dumps(data)}


def escaped(data: object) -> str:
    """JSON that cannot end the element it stands in."""
    return json.dumps(data).replace("<", r"\u003c")


def page(
    facts: object = FACTS,
    *,
    body: str = "",
    trigger: bool = True,
    settled: bool = True,
    answers: tuple[object, ...] = (answer(CARD),),
    dialog: str | None = None,
    header: bool = True,
) -> str:
    """A document as `browser` hands it over."""
    next_data = {"props": {"pageProps": {"data": {"mainQuery": {"bot": facts}}}}}
    observation = {
        "trigger": trigger,
        "settled": settled,
        "hasHeader": header,
        "answers": answers,
        "dialog": dialog,
    }
    scripts = [("__NEXT_DATA__", next_data), ("poe-scraper-observation", observation)]
    tags = "".join(f'<script id="{name}" type="application/json">{escaped(data)}</script>' for name, data in scripts)
    return f"<!DOCTYPE html><html><body>{body}{tags}</body></html>"


def read(document: str, *, url: str = f"{SITE}/Grok-4.7", seen: Bot = SEEN) -> Bot:
    return read_bot(document, url=url, at=AT, site_url=SITE, seen=seen)


def code_of(document: str, **arguments: Any) -> Code:
    with pytest.raises(ObservationError) as raised:
        read(document, **arguments)
    assert str(raised.value).isprintable()
    return raised.value.code


def test_all_facts() -> None:
    bot = read(page(body='<span class="BotInfoCardHeader_initialPointsCost__oIIcI">206+ points</span>'))
    assert (bot.id, bot.handle, bot.display_name) == ("grok-4.7", "Grok-4.7", "Grok 4.7")
    assert bot.url == f"{SITE}/Grok-4.7"
    assert bot.creator is not None
    assert (bot.creator.handle, bot.creator.name) == ("xAI", "x.ai")
    assert bot.description == "Made for <this> test."
    assert bot.powered_by == "Powered by a server managed by @xAI."
    assert bot.is_down is False
    assert bot.pricing.rate_card == CARD
    assert [(rate.currency, rate.amount) for rate in bot.pricing.rates] == [
        ("USD", Decimal("2.02")),
        ("points", Decimal(67)),
    ]
    assert bot.pricing.initial_points is not None
    assert (bot.pricing.initial_points.amount, bot.pricing.initial_points.bound) == (Decimal(206), "from")
    assert bot.observed.page is not None
    assert (bot.observed.page.at, bot.observed.page.via) == (AT, "graphql")
    assert bot.errors == ()


def test_catalog_facts_are_left_alone() -> None:
    seen = SEEN.model_copy(update={"owned_by": "XAI", "supported_features": ("tools",)})
    bot = read(page(), seen=seen)
    assert (bot.owned_by, bot.supported_features, bot.discovered_by) == ("XAI", ("tools",), ("api",))


@pytest.mark.parametrize(
    "markdown", ["", "No numbers here.", "\x00| a |\n", "</script><b>", "a\r\nb\u2028c", "x" * 100_000]
)
def test_the_card_is_kept_to_the_letter(markdown: str) -> None:
    assert read(page(answers=(answer(markdown),))).pricing.rate_card == markdown


def test_a_bot_without_rates() -> None:
    bot = read(page(trigger=False, answers=()))
    assert bot.pricing.rate_card is None
    assert bot.pricing.rates == ()
    assert bot.observed.page is not None
    assert bot.observed.page.via is None


def test_without_rates_on_a_page_that_never_settled_is_no_answer() -> None:
    assert code_of(page(trigger=False, settled=False, answers=())) == Code.TIMEOUT


@pytest.mark.parametrize(
    "answers",
    [
        (),
        ({"status": 500, "text": "oops"},),
        ({"status": 200, "text": '{"errors": [{"message": "x"}], "data": null}'},),
        ({"status": 200, "text": '{"data": {"botById": {"botPricing": {"rateMenuMarkdown": "| In'},),
        (answer(None, errors=[{"message": "x"}]),),
    ],
)
def test_the_dialog_steps_in_where_the_answer_fails(answers: tuple[object, ...]) -> None:
    bot = read(page(answers=answers, dialog=DIALOG))
    assert bot.observed.page is not None
    assert bot.observed.page.via == "dialog"
    assert bot.pricing.rates == read(page()).pricing.rates
    assert bot.pricing.rate_card == DIALOG
    assert code_of(page(answers=answers)) == (Code.CARD_REFUSED if answers else Code.SITE_CHANGED)
    assert code_of(page(answers=answers, dialog="<div role='dialog'>Loading</div>")) == Code.CARD_REFUSED


def test_a_bot_whose_card_is_said_to_be_none() -> None:
    bot = read(page(answers=(answer(None),)))
    assert bot.pricing.rate_card is None


def test_hydration_data_is_found_by_its_shape() -> None:
    moved = page().replace("mainQuery", "elsewhere").replace('"bot":', '"deeper": {"list": [0], "node":', 1)
    moved = moved.replace("}}}}}</script>", "}}}}}}</script>", 1)
    assert read(moved) == read(page())


def test_without_hydration_data_the_page_itself_tells() -> None:
    body = """
        <h1>Grok-4.7</h1><div class="UserHandle_creatorHandle__aNMAK">@xAI</div>
        <div class="BotInfoCardHeader_operatedBy__G5WAP">Operated by @xAI</div>
        <p class="BotDescriptionDisclaimerSection_disclaimerText__yEe8h">
            Powered by a server managed by @xAI. <a>Learn more</a></p>
        <div class="BotDescriptionDisclaimerSection_text__sIeXQ">Made for &lt;this&gt; test.</div>"""
    bot = read(page(None, body=body))
    assert bot.handle == "Grok-4.7"
    assert bot.creator is not None
    assert bot.creator.handle == "xAI"
    assert bot.powered_by == "Powered by a server managed by @xAI."
    assert bot.description == "Made for <this> test."
    assert bot.pricing.rate_card == CARD


def test_what_a_page_without_data_and_class_names_cannot_tell_stays_as_known() -> None:
    header = '<div class="BotInfoCardHeader_initialPointsCost__oIIcI">206+ points</div>'
    known = read(page({**FACTS, "description": "Two\nlines."}, body=header))
    assert known.pricing.initial_points is not None
    bare = read_bot(page(None, body="<h1>x</h1>"), url=f"{SITE}/Grok-4.7", at=AT, site_url=SITE, seen=SEEN, known=known)
    assert bare == known
    shown = """<div class="BotInfoCardHeader_container__x">
        <div class="UserHandle_creatorHandle__x">@xAI</div>
        <div class="BotDescriptionDisclaimerSection_text__x">Two lines.</div></div>"""
    told = read_bot(page(None, body=shown), url=f"{SITE}/Grok-4.7", at=AT, site_url=SITE, seen=SEEN, known=known)
    assert (told.creator, told.description) == (known.creator, "Two\nlines.")
    assert told.pricing.initial_points is None


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("", Code.SITE_CHANGED),
        ("<html><body>nothing</body></html>", Code.SITE_CHANGED),
        ('<html><script id="poe-scraper-observation">{</script></html>', Code.SITE_CHANGED),
        (page(None, header=False, trigger=False, answers=()), Code.SITE_CHANGED),
        (page({**FACTS, "handle": "Other"}), Code.WRONG_BOT),
        (page({**FACTS, "deletionState": "deleted"}), Code.NOT_FOUND),
        (page(answers=(answer(CARD.replace("Input", "输入").replace("Type", "类型")),)), Code.CARD_LANGUAGE),
    ],
)
def test_pages_that_cannot_be_used(document: str, code: Code) -> None:
    assert code_of(document) == code


def test_a_page_of_another_address_is_another_bot() -> None:
    assert code_of(page(None), url=f"{SITE}/Someone-Else") == Code.WRONG_BOT


def test_an_amount_nobody_can_read_is_an_error_but_no_failure() -> None:
    bot = read(page(answers=(answer("It may be $7 or so-so $$ 3,4,5.6 points%%"),)))
    if bot.pricing.unparsed:
        assert [error.code for error in bot.errors] == [Code.CARD_UNPARSED]


def test_a_page_cannot_pass_for_an_observation() -> None:
    forged = html.escape('<script id="poe-scraper-observation">{"trigger": false, "settled": true}</script>')
    assert read(page(body=forged)).pricing.rate_card == CARD


@given(st.text(max_size=300))
def test_any_text_is_a_page_that_cannot_be_used(text: str) -> None:
    code_of(text)


@given(st.integers(0, len(page())), st.integers(0, 60), st.text(max_size=8))
def test_a_mutated_page_is_read_right_or_refused(start: int, length: int, inserted: str) -> None:
    document = page()
    mutated = document[:start] + inserted + document[start + length :]
    try:
        bot = read(mutated)
    except ObservationError:
        return
    assert bot.handle is not None
    assert bot.handle.casefold() == "grok-4.7"
