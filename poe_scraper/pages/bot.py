"""A bot page: who the bot is, and its rate card.

What the browser saw travels inside the document: the page's own HTML, and in it one element that
`observe.js` adds, `<script id="poe-scraper-observation">`, with the GraphQL answers that opening Rates
brought and, where these hold no card, the dialog's HTML. A saved page is a whole observation.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import lxml.html
from pydantic import BaseModel

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
from poe_scraper.pages.document import hydrated_objects, json_objects, observed, parse_document, parse_json


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


def read_bot(html: str, *, url: str, at: datetime, site_url: str, seen: Bot, known: Bot | None = None) -> Bot:
    """Read a rendered bot page into the bot it shows.

    Args:
        html: the document, with the observation inside.
        url: its address after redirects.
        at: when it came.
        site_url: address under which the bot pages stand.
        seen: the bot as known before the page: its id, and its catalog facts if any.
        known: the bot as the feed has it. Where the page lacks its data or its usual class names, what it
            therefore cannot tell stays as it was.

    Returns:
        `seen` with the page's facts.

    Raises:
        ObservationError: the page cannot be used; the code names the cause.
    """
    document = parse_document(html)
    observation = observed(document, _Observation)
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
    told = _shown_facts(document, known or seen) | _hydrated_facts(facts or {})
    initial_points = _initial_points(_shown(document, "initialPointsCost"))
    if initial_points is None and known is not None and not document.xpath("//*[contains(@class, 'BotInfoCard')]"):
        initial_points = known.pricing.initial_points
    return seen.model_copy(
        update={
            **told,
            "handle": handle,
            "display_name": told["display_name"] or handle,
            "url": bot_url(site_url, handle),
            "pricing": seen.pricing.model_copy(
                update={
                    "rates": card.reading.rates,
                    "adjustments": card.reading.adjustments,
                    "unparsed": card.reading.unparsed,
                    "rate_card": card.text,
                    "initial_points": initial_points,
                }
            ),
            "observed": seen.observed.model_copy(
                update={"page": PageSighting(at=at, url=bot_url(site_url, handle), via=card.via)}
            ),
            "errors": tuple(errors),
        }
    )


# --- the document ------------------------------------------------------------------------------


def _hydrated(document: lxml.html.HtmlElement, identity: str) -> Mapping[str, object] | None:
    """The page's object of the bot: found by its shape, wherever it stands in the hydration data."""
    candidates = [
        bot
        for bot in hydrated_objects(document)
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


def _hydrated_facts(facts: Mapping[str, object]) -> dict[str, Any]:
    """What the page's data tells, by field."""
    fields = {"displayName": "display_name", "description": "description", "poweredBy": "powered_by"}
    told: dict[str, Any] = {
        field: value or None
        for name, field in fields.items()
        if name in facts and isinstance(value := facts[name], str | None)
    }
    if isinstance(is_down := facts.get("isDown"), bool):
        told["is_down"] = is_down
    creator = facts.get("creator")
    if isinstance(creator, Mapping) and is_handle(creator.get("handle")):
        told["creator"] = Creator(handle=str(creator["handle"]), name=_text(creator.get("fullName")))
    return told


def _shown_facts(document: lxml.html.HtmlElement, known: Bot) -> dict[str, Any]:
    """What the page shows to people, by field. What it does not show stays as known."""
    creator = (_shown(document, "UserHandle_creatorHandle") or "").removeprefix("@")
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
    """Text of the first element with a class of this name; the hash behind the name changes with releases."""
    for element in document.xpath("//*[contains(@class, $part)]", part=class_part):
        text = " ".join(element.text_content().split())
        if text:
            return str(text)
    return None


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
        for pricing in json_objects(parse_json(answer.text)):
            markdown = pricing.get("rateMenuMarkdown")
            if isinstance(markdown, str):
                _require_english(markdown)
                return _Card(text=markdown, reading=rates.read_card(markdown), via="graphql")
            says_none = says_none or ("rateMenuMarkdown" in pricing and '"errors"' not in answer.text)
    if observation.dialog:
        reading = rates.read_dialog(observation.dialog)
        if reading.rates or reading.unparsed:
            _require_english(observation.dialog)
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
        raise ObservationError(Code.CARD_LANGUAGE, "Poe answered with a rate card in another language")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
