"""A rendered bot page, read through `read_bot`: pages are saved documents, no browser is needed."""

import html
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe_scraper.failures import Code, ObservationError
from poe_scraper.items import Bot
from poe_scraper.pages.bot import read_bot
from poe_scraper.pages.document import json_objects, page_data, parse_document
from tests.pages.made_pages import (
    AT,
    BOT,
    CARD,
    OTHER_BOT,
    RECORDED_BOT,
    STYLES,
    answer,
    data_scripts,
    flight_scripts,
    observation_script,
    script_json,
)

SITE = "https://poe.com"
SEEN = Bot(id="grok-4.7", url=f"{SITE}/grok-4.7", first_seen=AT, last_seen=AT, discovered_by=("api",))

DIALOG = (
    "<div role='dialog'><button>Close</button><table><tr><th>Type</th><th>Rate (USD)</th>"
    "<th>Rate (Points)</th></tr><tr><td>Input</td><td>$2.02/1M tokens</td>"
    "<td>67 points/1k tokens</td></tr></table></div>"
)


def page(
    bot: object = BOT,
    *more: object,
    style: str = "pages",
    body: str = "",
    trigger: bool = True,
    settled: bool = True,
    answers: tuple[object, ...] = (answer(CARD),),
    dialog: str | None = None,
    bar: bool = True,
    controls: tuple[str, ...] = ("New chat", "Share"),
    repeated: object = None,
) -> str:
    """A document as `browser` hands it over, with `more` bots recommended on it."""
    observation = {
        "trigger": trigger,
        "settled": settled,
        "actionBar": bar,
        "controls": controls,
        "answers": answers,
        "dialog": dialog,
        "repeated": repeated,
    }
    scripts = data_scripts(style, "bot", bot, *more) + observation_script(observation)
    return f"<!DOCTYPE html><html><body>{body}{scripts}</body></html>"


HEADER = '<div class="BotInfoCardHeader_container__x1"><h1>Grok 4.7</h1></div>'


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
    "markdown", ["No numbers here.", "\x00| a |\n", "</script><b>", "a\r\nb\u2028c", "x" * 100_000]
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


def test_page_data_is_found_by_its_shape() -> None:
    data = {"initialState": {"list": [0, {"deeper": {"node": BOT}}]}}
    script = f'<script id="__NEXT_DATA__">{script_json(data)}</script>'
    assert read(page(None, body=script)) == read(page())


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
    known = read(page({**BOT, "description": "Two\nlines."}, body=header))
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
        (page(None, trigger=False, answers=()), Code.SITE_CHANGED),
        (page({**BOT, "handle": "Other"}), Code.WRONG_BOT),
        (page({**BOT, "deletionState": "deleted"}), Code.NOT_FOUND),
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


# --- whose page it is --------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("bot", [BOT, RECORDED_BOT, {**BOT, "deletionState": None}])
def test_the_bots_object_in_either_style(style: str, bot: dict[str, Any]) -> None:
    found = read(page(bot, OTHER_BOT, style=style, body="<h1>x</h1>"))
    assert (found.handle, found.description) == ("Grok-4.7", "Made for <this> test.")
    assert found.creator is not None
    assert (found.creator.handle, found.creator.name) == ("xAI", "x.ai")
    assert found.pricing.rate_card == CARD


@pytest.mark.parametrize("style", STYLES)
def test_the_most_complete_object_wins(style: str) -> None:
    short = {"handle": "grok-4.7", "botId": 4711, "description": None, "displayName": "Short"}
    for first, last in ((short, BOT), (BOT, short)):
        found = read(page(first, OTHER_BOT, last, style=style))
        assert (found.display_name, found.description) == ("Grok 4.7", "Made for <this> test.")


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("gone", [{"deletionState": "deleted"}, {"isDeleted": True}])
def test_a_deleted_bot_is_not_found(style: str, gone: dict[str, object]) -> None:
    assert code_of(page({**BOT, **gone}, style=style)) == Code.NOT_FOUND
    assert code_of(page({**RECORDED_BOT, **gone}, style=style, trigger=False, bar=False)) == Code.NOT_FOUND


@pytest.mark.parametrize("style", STYLES)
def test_recommended_bots_are_never_taken_for_the_bot(style: str) -> None:
    deleted = {**OTHER_BOT, "deletionState": "deleted"}
    assert read(page(BOT, OTHER_BOT, deleted, style=style)).creator == read(page(style=style)).creator
    found = read(page(None, OTHER_BOT, deleted, style=style, body=HEADER))
    assert (found.handle, found.creator, found.description) == ("Grok-4.7", None, None)
    assert code_of(page(OTHER_BOT, BOT | {"handle": "A"}, style=style)) == Code.WRONG_BOT


SIGN_IN = '<h1>Sign in to Poe</h1><form action="/login"><input type="email" name="email"><button>Go</button></form>'


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (SIGN_IN, Code.LOGIN_REQUIRED),
        ("<h1>Log in</h1><button>Continue with Google</button>", Code.LOGIN_REQUIRED),
        ("<h1>Grok-4.7</h1><p>Something went wrong.</p>", Code.SITE_CHANGED),
        ("<h1>Page not found</h1><nav><a href='/login'>Log in</a></nav><textarea></textarea>", Code.SITE_CHANGED),
        ("<div id='__next'></div>", Code.SITE_CHANGED),
        ("<h1>Grok-4.7</h1><button>New chat</button><button>Share</button>", Code.SITE_CHANGED),
    ],
)
def test_what_is_not_proved_to_be_a_bots_page(style: str, body: str, code: Code) -> None:
    for more in ((), (OTHER_BOT,)):
        assert code_of(page(None, *more, style=style, body=body, trigger=False, answers=())) == code
        assert code_of(page({"handle": "Grok-4.7"}, *more, style=style, body=body, trigger=False, answers=())) == code


def test_an_unfinished_page_is_a_timeout() -> None:
    assert code_of(page(None, trigger=False, settled=False, answers=())) == Code.TIMEOUT


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        '<div class="BotInfoCardActionBar_actionBar__x"><button>Share</button></div>',
        '<main><h1>Grok 4.7</h1><p>Operated by <a href="/xAI"> @xAI </a></p><div><button>Share</button></div></main>',
    ],
)
def test_the_header_is_proof_enough(header: str) -> None:
    found = read(page(None, OTHER_BOT, body=header, trigger=False, answers=()))
    assert (found.handle, found.pricing.rate_card) == ("Grok-4.7", None)


def test_creators_are_read_from_their_link() -> None:
    found = read(page(None, body='<a href="/xAI">Website</a><a href="/xAI">@xAI</a><a href="/Other">@Someone</a>'))
    assert found.creator is not None
    assert found.creator.handle == "xAI"


# --- no card -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "card",
    [
        "",
        " \n\u00a0\u200b \t",
        "<p>&nbsp;</p>",
        "The creator has not provided details.",
        "the creator has not provided details",
        "**The creator has not provided any details!**",
        "The creator hasn\u2019t provided pricing details yet.",
        "The creator gave no details",
        "This bot's creator has given no details.",
        "No details have been provided by the creator.",
        "Pricing details were not provided.",
        "No pricing information available.",
    ],
)
def test_a_card_that_says_nothing_is_no_card(card: str) -> None:
    found = read(page(answers=(answer(card),)))
    assert (found.pricing.rate_card, found.pricing.rates, found.errors) == (None, (), ())
    assert found.observed.page is not None
    assert found.observed.page.via == "graphql"


@pytest.mark.parametrize(
    "card",
    [
        "The creator has not provided details, but it costs 5 points.",
        "This bot is free.",
        "The creator charges nothing. Details are on our website, which you may want to read before you start.",
        "Message | 20 points\n\nThe creator has not provided details.",
    ],
)
def test_a_card_that_says_something_is_kept(card: str) -> None:
    assert read(page(answers=(answer(card),))).pricing.rate_card == card


def test_a_dialog_that_says_that_there_are_no_details() -> None:
    dialog = "<div role='dialog'><h2>Rates</h2><p>The creator has not provided details.</p><button>OK</button></div>"
    assert read(page(answers=(), dialog=dialog)).pricing.rate_card is None


@pytest.mark.parametrize("names", [("Pricing",), ("New chat", "Price list"), ("Points",), ("Bot costs",)])
def test_a_renamed_button_is_not_taken_for_no_card(names: tuple[str, ...]) -> None:
    document = page(trigger=False, answers=(), controls=names)
    assert code_of(document) == Code.SITE_CHANGED
    with pytest.raises(ObservationError, match=names[-1]):
        read(document)
    assert code_of(page(trigger=False, answers=(), bar=False, controls=())) == Code.SITE_CHANGED


# --- whose card it is --------------------------------------------------------------------------


def test_answers_to_queries_for_other_bots_are_passed_over() -> None:
    assert read(page(answers=(answer("| Input | 9 points |", 815), answer(CARD, 4711)))).pricing.rate_card == CARD
    other = {"handle": "Other-Bot", "botPricing": {"rateMenuMarkdown": "| Input | 9 points |"}}
    mine = {"handle": "Grok-4.7", "botPricing": {"rateMenuMarkdown": CARD, "standardMessagePrice": 20}}
    both = {"status": 200, "text": json.dumps({"data": {"bots": [other, {"botId": 815, **other}, mine]}})}
    assert read(page(answers=(both,))).pricing.rate_card == CARD


@pytest.mark.parametrize(
    ("repeated", "card"),
    [
        (answer(CARD, 4711), CARD),
        (answer("", 4711), None),
        (answer(None, 4711), None),
    ],
)
@pytest.mark.parametrize("options", [{"trigger": False}, {"trigger": False, "settled": False}, {"bar": False}])
def test_a_card_from_the_repeated_query(repeated: object, card: str | None, options: dict[str, Any]) -> None:
    found = read(page(answers=(), repeated=repeated, **options))
    assert found.observed.page is not None
    assert (found.pricing.rate_card, found.observed.page.via) == (card, "query")


@pytest.mark.parametrize(
    "repeated", [answer(CARD, 815), answer(None, 4711, errors=[{}]), {"status": 500, "text": "", "botId": 4711}]
)
def test_a_wrong_answer_to_the_repeated_query_is_ignored(repeated: object) -> None:
    assert code_of(page(answers=(), repeated=repeated)) == Code.SITE_CHANGED


def test_a_repeated_query_does_not_prove_whose_page_it_is() -> None:
    assert code_of(page(None, body=SIGN_IN, trigger=False, answers=(), repeated=answer(CARD))) == Code.LOGIN_REQUIRED


# --- a failure costs its part alone ------------------------------------------------------------


@pytest.mark.parametrize("via", ["graphql", "dialog"])
def test_a_bug_in_the_card_reader_costs_the_card_alone(monkeypatch: pytest.MonkeyPatch, via: str) -> None:
    def broken(card: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("poe_scraper.rates.read_card", broken)
    monkeypatch.setattr("poe_scraper.rates.read_dialog", broken)
    answers = (answer(CARD),) if via == "graphql" else ()
    found = read(page(answers=answers, dialog=DIALOG))
    assert found.description == "Made for <this> test."
    assert [(error.stage, error.code) for error in found.errors] == [("rates", Code.INTERNAL_ERROR)]
    card = CARD if via == "graphql" else DIALOG
    assert (found.pricing.rate_card, found.pricing.rates, found.pricing.unparsed) == (card, (), (card,))


@pytest.mark.parametrize(
    ("label", "amount"),
    [
        ("206+ points", Decimal(206)),
        ("1,206.5 points", Decimal("1206.5")),
        ("9" * 50 + " points", None),
        ("1e999999 points", Decimal(1)),
        ("\u0661\u0662 points", Decimal(12)),
        ("x" * 100_000, None),
        ("free", None),
    ],
)
def test_cost_labels(label: str, amount: Decimal | None) -> None:
    body = f'<span class="BotInfoCardHeader_initialPointsCost__oIIcI">{label}</span>'
    points = read(page(body=body)).pricing.initial_points
    assert points is not None
    assert (points.amount, len(points.text) <= 200) == (amount, True)
    assert Bot.model_validate_json(read(page(body=body)).model_dump_json()).pricing.initial_points == points


def test_a_page_with_tens_of_thousands_of_attributes_is_read() -> None:
    attributes = " ".join(f'data-a{number}="x > <y"' for number in range(60_000))
    bare = attributes.replace('="x > <y"', "")
    for hostile in (f"<div {attributes}>x</div>", f"<div {bare}>x</div>"):
        assert read(page(body=hostile + HEADER)).pricing.rate_card == CARD
    document = parse_document(f"<p {attributes}>x</p><p data-b='1' data-c=2 hidden>y</p>")
    first, second = document.xpath("//p")
    assert 0 < len(first.attrib) < 1000
    assert dict(second.attrib) == {"data-b": "1", "data-c": "2", "hidden": ""}


def test_a_number_of_absurd_length_costs_that_number_alone() -> None:
    document = page({**BOT, "followerCount": 0}).replace('"followerCount": 0', f'"followerCount": {"9" * 5000}')
    assert read(document).description == "Made for <this> test."


# --- data of the app router --------------------------------------------------------------------


def test_references_between_rows_are_resolved() -> None:
    long_text = "Longer than a row: \u00e4\u20ac\n5:{}" * 60
    rows: list[tuple[str, object]] = [
        ("7", long_text.encode()),
        ("8", {"handle": "xAI", "fullName": "$$5 Inc."}),
        ("9", ["$", "main", None, {"picked": {"name": "By us"}}]),
        (
            "a",
            [
                [
                    "$",
                    "div",
                    None,
                    {"bot": {**BOT, "description": "$7", "creator": "$8", "poweredBy": "$9:props:picked:name"}},
                ]
            ],
        ),
        ("b", {"unknown": "$ff", "nothing": "$undefined", "loop": "$b"}),
    ]
    body = flight_scripts(rows, size=97) + HEADER
    found = read(page(None, body=body))
    assert found.creator is not None
    assert (found.creator.handle, found.creator.name) == ("xAI", "$5 Inc.")
    assert (found.description, found.powered_by) == (long_text, "By us")


@given(
    st.lists(
        st.tuples(
            st.sampled_from("0123"),
            st.recursive(
                st.sampled_from(["$0", "$1", "$2:a:0", "$3:b", "$", "x", None, 1]),
                lambda part: st.lists(part, max_size=3) | st.dictionaries(st.sampled_from("ab"), part, max_size=2),
                max_leaves=8,
            ),
        ),
        max_size=6,
    )
)
def test_any_rows_can_be_read(rows: list[tuple[str, object]]) -> None:
    document = parse_document(f"<body>{flight_scripts(rows, size=7)}</body>")
    assert len(list(json_objects(*page_data(document)))) < 200


@given(st.text(max_size=200))
def test_any_text_can_be_pushed(text: str) -> None:
    push = f"<script>self.__next_f.push([1,{json.dumps(text)}])</script>".replace("<\\/", "<")
    found = read(page(body=push.replace("</script", "<\\/script", push.count("</script") - 1)))
    assert found.pricing.rate_card == CARD


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
