"""A bot page: who the bot is, and its rate card.

What the browser saw travels inside the document: the page's own HTML, and in it one element that
`observe.js` adds, `<script id="poe-scraper-observation">`, with the GraphQL answers that opening Rates
brought and, where these hold no card, the dialog's HTML. A saved page is a whole observation.
"""

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal
from urllib.parse import unquote, urlsplit

import lxml.html
from pydantic import BaseModel, ValidationError

from poe_scraper import rates
from poe_scraper.failures import Code, ObservationError
from poe_scraper.items import (
    Bot,
    BotError,
    Creator,
    InitialPoints,
    PageSighting,
    Reading,
)
from poe_scraper.pages.catalog import bot_url, is_handle

OBSERVATION_ID = "poe-scraper-observation"


class _Answer(BaseModel):
    status: int
    text: str


class _Observation(BaseModel):
    """What observe.js reports."""

    trigger: bool
    settled: bool
    hasHeader: bool = False  # noqa: N815 - as JavaScript writes it
    answers: tuple[_Answer, ...] = ()
    dialog: str | None = None


class _Card(BaseModel):
    text: str | None
    reading: Reading
    via: Literal["graphql", "dialog"] | None


def read_bot(html: str, *, url: str, at: datetime, site_url: str, seen: Bot) -> Bot:
    """Read a rendered bot page into the bot it shows.

    Args:
        html: the document, with the observation inside.
        url: its address after redirects.
        at: when it came.
        site_url: address under which the bot pages stand.
        seen: the bot as known before the page: its id, and its catalog facts if any.

    Returns:
        `seen` with the page's facts.

    Raises:
        ObservationError: the page cannot be used; the code names the cause.
    """
    document = _document(html)
    observation = _observation(document)
    facts = _hydrated(document, seen.id)
    handle = _handle(facts, url, seen.id)
    if not observation.trigger and not observation.settled:
        raise ObservationError(Code.TIMEOUT, "the page did not settle in time, and no Rates button came")
    if not observation.trigger and not observation.hasHeader:
        raise ObservationError(Code.SITE_CHANGED, "the page shows neither a bot's header nor Rates")
    if facts is not None and _text(facts.get("deletionState")) not in {None, "not_deleted"}:
        raise ObservationError(Code.NOT_FOUND, "the page says that the bot was deleted")
    card = _card(observation)
    errors = list(seen.errors)
    if card.reading.unparsed:
        message = f"{len(card.reading.unparsed)} pieces of the rate card could not be read"
        errors.append(BotError(stage="rates", code=Code.CARD_UNPARSED, message=message, at=at))
    facts = facts or {}
    return seen.model_copy(
        update={
            "handle": handle,
            "display_name": _text(facts.get("displayName")) or handle,
            "url": bot_url(site_url, handle),
            "creator": _creator(facts, document),
            "description": _text(facts.get("description"))
            or _shown(document, "BotDescriptionDisclaimerSection_text"),
            "powered_by": _text(facts.get("poweredBy")) or _powered_by(document),
            "is_down": facts["isDown"] if isinstance(facts.get("isDown"), bool) else None,
            "pricing": seen.pricing.model_copy(
                update={
                    "rates": card.reading.rates,
                    "adjustments": card.reading.adjustments,
                    "unparsed": card.reading.unparsed,
                    "rate_card": card.text,
                    "initial_points": _initial_points(_shown(document, "initialPointsCost")),
                }
            ),
            "observed": seen.observed.model_copy(
                update={"page": PageSighting(at=at, url=bot_url(site_url, handle), via=card.via)}
            ),
            "errors": tuple(errors),
        }
    )


# --- the document ------------------------------------------------------------------------------


def _document(html: str) -> lxml.html.HtmlElement:
    if not html.strip():
        raise ObservationError(Code.SITE_CHANGED, "the page is empty")
    # lxml refuses a text with an encoding declaration, and bytes without one it takes for Latin-1
    parser = lxml.html.HTMLParser(encoding="utf-8", huge_tree=True)
    return lxml.html.document_fromstring(html.encode("utf-8", "replace"), parser=parser)


def _observation(document: lxml.html.HtmlElement) -> _Observation:
    elements = document.xpath("//script[@id=$id]", id=OBSERVATION_ID)
    if not elements:
        message = f"the document holds no observation (element #{OBSERVATION_ID})"
        raise ObservationError(Code.SITE_CHANGED, message)
    try:
        return _Observation.model_validate_json(elements[-1].text or "")
    except ValidationError as error:
        message = f"the document's observation is broken: {error.error_count()} errors"
        raise ObservationError(Code.SITE_CHANGED, message) from None


def _hydrated(document: lxml.html.HtmlElement, identity: str) -> Mapping[str, object] | None:
    """The page's object of the bot: found by its shape, wherever it stands in the hydration data."""
    candidates = [
        bot
        for script in document.xpath('//script[@id="__NEXT_DATA__"]')
        for bot in _objects(_json(script.text))
        if isinstance(bot.get("handle"), str) and ("botId" in bot or "deletionState" in bot)
    ]
    for bot in candidates:
        if str(bot["handle"]).casefold() == identity.casefold():
            return bot
    mains = [bot for bot in candidates if "poweredBy" in bot and "description" in bot]
    if mains:
        message = f"the page shows the bot {ascii(mains[0]['handle'])[:100]}"
        raise ObservationError(Code.WRONG_BOT, message)
    return None


def _handle(facts: Mapping[str, object] | None, url: str, identity: str) -> str:
    """The handle with its own case: from the page's data, else from the address it redirected to."""
    handle = str(facts["handle"]) if facts else unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    if not is_handle(handle) or handle.casefold() != identity.casefold():
        raise ObservationError(Code.WRONG_BOT, f"the page is that of {ascii(handle)[:100]}")
    return handle


def _shown(document: lxml.html.HtmlElement, class_part: str) -> str | None:
    """Text of the first element with a class of this name; the hash behind the name changes with releases."""
    for element in document.xpath("//*[contains(@class, $part)]", part=class_part):
        text = " ".join(element.text_content().split())
        if text:
            return str(text)
    return None


def _creator(facts: Mapping[str, object], document: lxml.html.HtmlElement) -> Creator | None:
    creator = facts.get("creator")
    if isinstance(creator, Mapping) and is_handle(creator.get("handle")):
        return Creator(handle=str(creator["handle"]), name=_text(creator.get("fullName")))
    handle = (_shown(document, "UserHandle_creatorHandle") or "").removeprefix("@")
    return Creator(handle=handle) if is_handle(handle) else None


def _powered_by(document: lxml.html.HtmlElement) -> str | None:
    shown = _shown(document, "operatedBy")
    return shown.removesuffix("Learn more").strip() if shown else None


def _initial_points(label: str | None) -> InitialPoints | None:
    if label is None:
        return None
    number = re.search(r"\d[\d,]*(?:\.\d+)?", label)
    if number is None:
        return InitialPoints(text=label)
    amount = Decimal(number.group().replace(",", ""))
    after = label[number.end() :].lstrip()
    return InitialPoints(text=label, amount=amount, bound="from" if after.startswith("+") else "exact")


# --- the rate card -----------------------------------------------------------------------------


def _card(observation: _Observation) -> _Card:
    """The rate card: from the GraphQL answer, else from the dialog, else none where there is no Rates."""
    if not observation.trigger:
        return _Card(text=None, reading=Reading(), via=None)
    says_none = False
    for answer in observation.answers:
        for pricing in _objects(_json(answer.text)):
            markdown = pricing.get("rateMenuMarkdown")
            if isinstance(markdown, str):
                _require_english(markdown)
                return _Card(text=markdown, reading=rates.read_card(markdown), via="graphql")
            says_none = says_none or ("rateMenuMarkdown" in pricing and '"errors"' not in answer.text)
    if observation.dialog:
        reading = rates.read_dialog(observation.dialog)
        if reading.rates or reading.unparsed:
            _require_english(lxml.html.document_fromstring(observation.dialog).text_content())
            return _Card(text=observation.dialog, reading=reading, via="dialog")
    if says_none:
        return _Card(text=None, reading=Reading(), via="graphql")
    if not observation.answers and observation.dialog is None:
        raise ObservationError(Code.SITE_CHANGED, "Rates was clicked, but no dialog opened behind it")
    statuses = ", ".join(str(answer.status or "cut off") for answer in observation.answers) or "none"
    message = (
        f"Rates was opened, but no rate card came (answers: {statuses}; "
        f"dialog: {'without a price' if observation.dialog else 'none'})"
    )
    raise ObservationError(Code.CARD_REFUSED, message)


def _require_english(card: str) -> None:
    if not rates.is_english(card):
        raise ObservationError(Code.CARD_LANGUAGE, "the rate card is not in English")


# --- foreign JSON ------------------------------------------------------------------------------


def _json(text: str | None) -> object:
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None


def _objects(value: object) -> Iterator[Mapping[str, object]]:
    """Every JSON object within a value, outermost first."""
    waiting = deque([value])
    while waiting:
        value = waiting.popleft()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
