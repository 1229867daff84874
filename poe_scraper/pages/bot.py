"""A bot's page: who the bot is, and its rate card.

What the browser saw travels inside the document: the page's own HTML, and in it one element that `observe.js`
adds, `<script id="poe-scraper-observation">`, with the answers that brought the rate card and, if none did, the
dialog's HTML. A saved page is therefore a whole observation.

A page counts as a bot's page only if the bot's object in the page's data, the bot's header, or the rate card
that it opened shows so. A title or an `<h1>` shows nothing: sign-in walls and error pages have them too.
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

import lxml.html
from pydantic import BaseModel

from poe_scraper import rates
from poe_scraper.failures import FAILURES, Code, ObservationError
from poe_scraper.items import (
    Bot,
    BotError,
    Creator,
    InitialPoints,
    PageSighting,
    Reading,
)
from poe_scraper.pages.answer import asks_to_sign_in
from poe_scraper.pages.catalog import bot_url, is_handle
from poe_scraper.pages.document import (
    json_objects,
    objects_named,
    observed,
    page_data,
    parse_document,
    parse_json,
)

logger = logging.getLogger(__name__)


class _Answer(BaseModel):
    """The answer to a GraphQL query for a rate card."""

    status: int
    """HTTP status; 0 if the connection broke."""
    text: str
    botId: int | str | None = None  # noqa: N815 - as JavaScript writes it
    """The bot that the query named; None if unknown."""


class _Observation(BaseModel):
    """What observe.js reports."""

    trigger: bool
    """A Rates button was there."""
    settled: bool
    """The page came to rest without one."""
    actionBar: bool = False  # noqa: N815 - as JavaScript writes it
    """The bot's bar of buttons was there."""
    controls: tuple[str, ...] = ()
    """The names of the buttons in that bar."""
    clickedAt: int | None = None  # noqa: N815
    """When Rates was clicked first, in Unix milliseconds; None if it was not."""
    answers: tuple[_Answer, ...] = ()
    """Answers to the page's own queries for a card."""
    dialog: str | None = None
    """HTML of the dialog, if no answer held a card."""
    repeated: _Answer | None = None
    """Answer to the query that was repeated because the page itself did not ask."""


class _Card(BaseModel):
    text: str | None = None
    """None if the bot has no card."""
    via: Literal["graphql", "dialog", "query"] | None = None
    """How that is known; None if the page has no Rates button."""


def read_bot(html: str, *, url: str, at: datetime, site_url: str, seen: Bot, known: Bot | None = None) -> Bot:
    """Read a rendered bot page into the bot it shows.

    Args:
        html: the document, with the observation inside.
        url: its address after redirects.
        at: when it came.
        site_url: address under which the bot pages are.
        seen: the bot as known before the page: its id, and its catalog facts if any.
        known: the bot as the feed has it. If the page lacks its data or its usual class names, what the page
            therefore cannot say stays as it was.

    Returns:
        `seen` with the page's facts. If the reader of rate cards fails, the bot has the raw card, the page's other
        facts and an error of stage `rates`.

    Raises:
        ObservationError: the page cannot be used; the code names the cause.
    """
    document = parse_document(html)
    observation = observed(document, _Observation)
    data = page_data(document)
    facts = _bot_object(data, seen.id)
    handle = _handle(facts, url, seen.id)
    if _is_deleted(facts):
        raise ObservationError(Code.NOT_FOUND, "the page says that the bot was deleted")
    has_proof = bool(facts) or _has_header(document, observation)
    card = _card(observation, seen.id, facts.get("botId"), has_proof=has_proof)
    if card is None and not has_proof:
        raise _not_a_bot_page(document, observation)
    if card is None:
        card = _no_card(observation)
    reading, errors = _reading(card, seen.id, at)
    found = _shown_facts(document, known or seen) | _hydrated_facts(facts)
    initial_points = _initial_points(_shown(document, "initialPointsCost"))
    if initial_points is None and known is not None and not document.xpath("//*[contains(@class, 'BotInfoCard')]"):
        initial_points = known.pricing.initial_points
    return seen.model_copy(
        update={
            **found,
            "handle": handle,
            "display_name": found["display_name"] or handle,
            "url": bot_url(site_url, handle),
            "pricing": seen.pricing.model_copy(
                update={
                    "rates": reading.rates,
                    "adjustments": reading.adjustments,
                    "unparsed": reading.unparsed,
                    "rate_card": card.text,
                    "initial_points": initial_points,
                }
            ),
            "observed": seen.observed.model_copy(
                update={"page": PageSighting(at=at, url=bot_url(site_url, handle), via=card.via)}
            ),
            "errors": (*seen.errors, *errors),
        }
    )


# --- how far a look got ------------------------------------------------------------------------


class BotLook(NamedTuple):
    """What a rendered bot page shows of the way to the rate card. `read_bot` gives the card itself."""

    handle: str
    """In its own case, if the page or its address shows it."""
    proof: str | None
    """How it is known that the page is the bot's, in a few words; None if nothing but a card could show it."""
    trigger: bool
    """True if the Rates button was there."""
    controls: tuple[str, ...]
    """The names of the buttons in the bot's action bar."""
    clicked_at: int | None
    """When Rates was clicked first, in Unix milliseconds; None if it was not."""
    answers: tuple[int, ...]
    """HTTP statuses of the answers to the page's own queries for a card; 0 if the connection broke."""
    dialog: bool
    """True if a dialog was read because no answer held a card."""
    repeated: int | None
    """HTTP status of the answer to the repeated query; None if none was sent."""


def look_at_bot(html: str, *, url: str, identity: str) -> BotLook:
    """Say how far the look at a bot's page got, whether or not `read_bot` can use the page.

    Args:
        html: the document, with the observation inside.
        url: its address after redirects.
        identity: the bot's id or handle.

    Raises:
        ObservationError: the page holds no observation, or is another bot's.
    """
    document = parse_document(html)
    observation = observed(document, _Observation)
    facts = _bot_object(page_data(document), identity)
    proof = "its header on the page" if _has_header(document, observation) else None
    if facts:
        number = f" (botId {facts['botId']})" if isinstance(facts.get("botId"), int) else " (without botId)"
        proof = f"its object in the page's data{number}"
    return BotLook(
        handle=_handle(facts, url, identity),
        proof=proof,
        trigger=observation.trigger,
        controls=observation.controls,
        clicked_at=observation.clickedAt,
        answers=tuple(answer.status for answer in observation.answers),
        dialog=observation.dialog is not None,
        repeated=observation.repeated.status if observation.repeated else None,
    )


# --- whose page it is --------------------------------------------------------------------------

_BOT_KEYS = {
    "allowsImageAttachments",
    "botId",
    "canUserAccessBot",
    "creator",
    "deletionState",
    "description",
    "displayName",
    "isDeleted",
    "isDown",
    "isOfficialBot",
    "limitedAccessType",
    "monthlyActiveUsers",
    "nickname",
    "poweredBy",
}
_USER_KEYS = {"createdBotCount", "createdBotsConnection", "fullName", "isPoeOnlyUser", "profilePhotoUrl"}


def _bot_object(data: Sequence[object], identity: str) -> Mapping[str, object]:
    """The bot's object in the page's data, wherever it is; empty if the data has none.

    If several objects describe the bot, as in a list of recently used bots, the most complete one wins.

    Raises:
        ObservationError: the page's main object is another bot.
    """
    own = [bot for bot in json_objects(*data) if _is_bot(bot) and _name(bot).casefold() == identity.casefold()]
    if own:
        own.sort(key=lambda bot: len(_BOT_KEYS & bot.keys()))
        return {key: value for bot in own for key, value in bot.items()}
    others = [bot for bot in objects_named("bot", *data) if _is_bot(bot) and {"poweredBy", "description"} <= bot.keys()]
    if others:
        raise ObservationError(Code.WRONG_BOT, f"the page shows the bot {ascii(_name(others[0]))[:100]}")
    return {}


def _is_bot(value: Mapping[str, object]) -> bool:
    """True if a JSON object of the page describes a bot. A router's `{"handle": ...}` and a user do not."""
    keys = _BOT_KEYS & value.keys()
    return bool(_name(value)) and len(keys) > 1 and not _USER_KEYS & value.keys()


def _name(value: Mapping[str, object]) -> str:
    """Handle of a bot or user (under `nullableHandle` in 2025); empty if it has none."""
    handles = (value.get("handle"), value.get("nullableHandle"))
    return next((handle for handle in handles if isinstance(handle, str)), "")


def _handle(facts: Mapping[str, object], url: str, identity: str) -> str:
    """The handle in its own case: from the page's data, else from the address after redirects."""
    handle = _name(facts) or unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    if not is_handle(handle) or handle.casefold() != identity.casefold():
        raise ObservationError(Code.WRONG_BOT, f"the page is that of {ascii(handle)[:100]}")
    return handle


def _is_deleted(facts: Mapping[str, object]) -> bool:
    return facts.get("isDeleted") is True or _text(facts.get("deletionState")) not in {None, "not_deleted"}


def _has_header(document: lxml.html.HtmlElement, observation: _Observation) -> bool:
    """True if the page shows a bot's header: by class name, else by a bar of buttons and the creator's `@handle`."""
    if document.xpath("//*[contains(@class, 'BotInfoCardHeader') or contains(@class, 'BotInfoCardActionBar')]"):
        return True
    return observation.actionBar and _creator_link(document) is not None


def _not_a_bot_page(document: lxml.html.HtmlElement, observation: _Observation) -> ObservationError:
    if asks_to_sign_in(document):
        return ObservationError(Code.LOGIN_REQUIRED, "the page asks the visitor to sign in")
    if not observation.settled and not observation.trigger:
        return ObservationError(Code.TIMEOUT, "the page did not settle in time, and shows no bot yet")
    headings = [" ".join(part.text_content().split()) for part in document.xpath("//h1 | //title")]
    shown = next(filter(None, headings), "")
    what_else = f"; it shows {shown[:80]!a}" if shown else ""
    return ObservationError(Code.SITE_CHANGED, f"the page has neither the bot's data nor its header{what_else}")


# --- facts -------------------------------------------------------------------------------------


def _hydrated_facts(facts: Mapping[str, object]) -> dict[str, Any]:
    """What the page's data says, by field."""
    fields = {"displayName": "display_name", "description": "description", "poweredBy": "powered_by"}
    found: dict[str, Any] = {
        field: value or None
        for name, field in fields.items()
        if name in facts and isinstance(value := facts[name], str | None)
    }
    if isinstance(is_down := facts.get("isDown"), bool):
        found["is_down"] = is_down
    creator = facts.get("creator")
    if isinstance(creator, Mapping) and is_handle(_name(creator)):
        found["creator"] = Creator(handle=_name(creator), name=_text(creator.get("fullName")))
    return found


def _shown_facts(document: lxml.html.HtmlElement, known: Bot) -> dict[str, Any]:
    """What the page shows to people, by field. What it does not show stays as known."""
    creator = (_shown(document, "UserHandle_creatorHandle") or "").removeprefix("@") or _creator_link(document) or ""
    same_creator = known.creator is not None and creator in {known.creator.handle, ""}
    description = _shown(document, "BotDescriptionDisclaimerSection_text")
    same_description = description in {" ".join((known.description or "").split()), None}
    powered_by = _shown(document, "disclaimerText")
    return {
        "display_name": known.display_name,
        "creator": Creator(handle=creator) if is_handle(creator) and not same_creator else known.creator,
        "description": known.description if same_description else description,
        "powered_by": powered_by.removesuffix("Learn more").strip() if powered_by else known.powered_by,
        "is_down": known.is_down,
    }


def _shown(document: lxml.html.HtmlElement, class_part: str) -> str | None:
    """Text of the first element with a class of this name. The hash after the name changes with releases."""
    for element in document.xpath("//*[contains(@class, $part)]", part=class_part):
        text = " ".join(element.text_content().split())
        if text:
            return str(text)
    return None


def _creator_link(document: lxml.html.HtmlElement) -> str | None:
    """The handle of the first link that reads `@handle` and leads to that handle's page."""
    for link in document.xpath("//a[starts-with(@href, '/')]"):
        handle = str(link.get("href"))[1:]
        if is_handle(handle) and " ".join(link.text_content().split()) == f"@{handle}":
            return handle
    return None


_MAX_LABEL = 200
"""Characters of a cost label that are kept."""

_MAX_DIGITS = 15
"""Digits of the number in a cost label."""


def _initial_points(label: str | None) -> InitialPoints | None:
    if label is None:
        return None
    number = re.search(r"\d[\d,]*(?:\.\d+)?", label)
    if number is None or len(number[0]) > _MAX_DIGITS:
        return InitialPoints(text=label[:_MAX_LABEL])
    amount = Decimal(number[0].replace(",", ""))
    after = label[number.end() :].lstrip()
    return InitialPoints(text=label[:_MAX_LABEL], amount=amount, bound="from" if after.startswith("+") else "exact")


# --- the rate card -----------------------------------------------------------------------------

_PRICE_WORDS = re.compile(r"\b(?:rates?|prices?|pricing|costs?|fees?|points)\b", re.IGNORECASE)


def _card(observation: _Observation, identity: str, bot_id: object, *, has_proof: bool) -> _Card | None:
    """The rate card as the page's own query, its dialog or the repeated query gave it; None if none of them did.

    Raises:
        ObservationError: a card came, but not in English.
    """
    said = [menu for answer in observation.answers for menu in _menus(answer, identity, bot_id)]
    for menu in said:
        if menu is not None:
            return _found(menu, "graphql")
    if observation.dialog is not None:
        reading = _attempt(rates.read_dialog, observation.dialog)
        if reading is None or reading.rates or reading.unparsed:
            _require_english(observation.dialog)
            return _Card(text=observation.dialog, via="dialog")
    if said:
        return _Card(via="graphql")
    if observation.dialog is not None and _says_no_details(_words(observation.dialog), whole=False):
        return _Card(via="dialog")
    # this query names the bot by a number found on the page, which says nothing of whose page it is
    if observation.repeated is not None and has_proof:
        for menu in _menus(observation.repeated, identity, bot_id):
            return _Card(via="query") if menu is None else _found(menu, "query")
    return None


def _found(menu: str, via: Literal["graphql", "query"]) -> _Card:
    words = _words(menu)
    if not words or _says_no_details(words):
        return _Card(via=via)
    _require_english(menu)
    return _Card(text=menu, via=via)


def _no_card(observation: _Observation) -> _Card:
    """The proof that a bot's page without a card has none: an action bar without Rates.

    Raises:
        ObservationError: there is no such proof.
    """
    if observation.trigger:
        if not observation.answers and observation.dialog is None:
            raise ObservationError(Code.SITE_CHANGED, "Rates was clicked, but no dialog opened")
        statuses = ", ".join(str(answer.status or "cut off") for answer in observation.answers) or "none"
        shown = "without a price" if observation.dialog else "none"
        message = f"Rates was opened, but no rate card came (answers: {statuses}; dialog: {shown})"
        raise ObservationError(Code.CARD_REFUSED, message)
    if not observation.settled:
        raise ObservationError(Code.TIMEOUT, "the page did not settle in time, and has no Rates button yet")
    if not observation.actionBar:
        raise ObservationError(Code.SITE_CHANGED, "the bot's page has no action bar, where the Rates button would be")
    names = [name for name in observation.controls if _PRICE_WORDS.search(name)]
    if names:
        message = f"the bot's page has no Rates button; its action bar has {', '.join(ascii(n[:40]) for n in names)}"
        raise ObservationError(Code.SITE_CHANGED, message)
    return _Card()


def _menus(answer: _Answer, identity: str, bot_id: object) -> Iterator[str | None]:
    """The bot's cards in a GraphQL answer, None where the answer says that there is none.

    An answer to a query for another bot, and the objects of other bots in an answer, are passed over.
    """
    if isinstance(bot_id, int) and answer.botId is not None and str(answer.botId) != str(bot_id):
        return
    value = parse_json(answer.text)
    has_errors = isinstance(value, dict) and bool(value.get("errors"))
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(reversed(value))
        if not isinstance(value, dict):
            continue
        if _name(value) and _name(value).casefold() != identity.casefold():
            continue
        if isinstance(bot_id, int) and isinstance(other := value.get("botId"), int) and other != bot_id:
            continue
        menu = value.get("rateMenuMarkdown", ...)
        if isinstance(menu, str) or (menu is None and not has_errors):
            yield menu
        waiting.extend(reversed(value.values()))


def _reading(card: _Card, identity: str, at: datetime) -> tuple[Reading, list[BotError]]:
    """What a card says, and what is wrong with that."""
    if card.text is None:
        return Reading(), []
    reading = _attempt(rates.read_dialog if card.via == "dialog" else rates.read_card, card.text)
    if reading is None:
        logger.error("%s: its rate card could not be read, see the traceback above", identity)
        error = BotError(stage="rates", code=Code.INTERNAL_ERROR, message=FAILURES[Code.INTERNAL_ERROR].meaning, at=at)
        return Reading(unparsed=(card.text,)), [error]
    if reading.unparsed:
        count = len(reading.unparsed)
        message = f"{count} {'piece' if count == 1 else 'pieces'} of the rate card could not be read"
        return reading, [BotError(stage="rates", code=Code.CARD_UNPARSED, message=message, at=at)]
    return reading, []


def _attempt(read: Callable[[str], Reading], card: str) -> Reading | None:
    """The reading of a card; None, with a traceback in the log, if the reader has a bug."""
    try:
        return read(card)
    except Exception:
        logger.exception("Bug in poe-scraper while reading a rate card")
        return None


def _require_english(card: str) -> None:
    if not rates.is_english(card):
        raise ObservationError(Code.CARD_LANGUAGE, "Poe answered with a rate card in another language")


# --- a card that says nothing ------------------------------------------------------------------

_PERSON = r"(?:(?:the|this|its) )?(?:bot(?:'s)? )?(?:creator|author|developer|owner|maker|publisher|provider)s?"
_GIVEN = (
    r"(?:provided?|given?|gave|supplied|supply|shared?|disclosed?|published?|specified|specify|listed?|added?|set"
    r"|offered|offer|entered|included?|made available)"
)
_DETAILS = r"(?:details?|information|info|rates?|rate card|prices?|pricing|costs?)"
_MAX_WORDS = 500
"""Characters of a card that says nothing, at most."""

_SOME = r"(?: \w+){0,3}?"
_NO_DETAILS = re.compile(
    "|".join(
        (
            rf"{_PERSON} (?:has|have|had|did|does|do)(?: not|n't)(?: yet)? {_GIVEN}(?: yet)?{_SOME} {_DETAILS}",
            rf"{_PERSON} (?:has |have )?(?:{_GIVEN}|provides?|gives?|has|have) no{_SOME} {_DETAILS}",
            rf"(?:\w+ ){{0,2}}details (?:has|have|is|are|was|were)(?: not|n't)(?: yet)?(?: been)?(?: yet)? {_GIVEN}",
            rf"no{_SOME} (?:details?|information)(?: (?:has|have|is|are|was|were)(?: been)?)? (?:{_GIVEN}|available)",
        )
    )
)


def _says_no_details(words: str, *, whole: bool = True) -> bool:
    """True if the words of a card say that its creator gave no details (observed in October 2026), and no more.

    Args:
        words: as `_words` gives them.
        whole: False if other words, such as a dialog's title and buttons, may be around.
    """
    if len(words) > _MAX_WORDS or re.search(r"\d", words):
        return False
    found = _NO_DETAILS.search(words)
    return found is not None and (not whole or (found.start() == 0 and len(words) - found.end() <= 40))


_INLINE_MARKUP = re.compile(r"</?(?:p|br|div|span|strong|em|b|i|h\d|button)\b[^<>]*>|&nbsp;|&#160;", re.IGNORECASE)


def _words(text: str) -> str:
    """The words of a text in lower case, without plain markup and punctuation, one blank between them."""
    plain = _INLINE_MARKUP.sub(" ", text).replace("\u2019", "'").casefold()
    return " ".join(re.findall(r"[\w']+|[$\u20ac\u00a3]", plain))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
