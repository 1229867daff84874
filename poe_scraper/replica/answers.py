"""The replica's JSON: the models API, GraphQL, and what faults make of both."""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from .catalog import Bot, Catalog
from .documents import HOSTILE_TEXT, Release, bot_object, bots_connection

HUGE_ANSWER_SIZE = 50_000_000

NOT_JSON = b"\x89PNG\r\n\x1a\n{]]\xff\xfe <html>upstream connect error or disconnect/reset before headers"
"""What stands where JSON should be."""

_PRICE_KEYS = ("prompt", "completion", "image", "request", "input_cache_read", "input_cache_write")

_ERRORS = {"data": None, "errors": [{"message": "Server Error"}]}

_BAD_IDS: tuple[object, ...] = (
    "../../etc/passwd",
    "a/b",
    "",
    " ",
    "red\x1b[31m",
    "line\nbreak",
    "x" * 4000,
    "=cmd|' /C calc'!A0",
)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def model(bot: Bot) -> dict[str, Any]:
    """One entry of the models API; its addresses are Poe's, so that it is the same at every start."""
    window = bot.context_window
    pricing = bot.api_pricing
    modality = f"{','.join(bot.input_modalities)}->{','.join(bot.output_modalities)}"
    return {
        "id": bot.id,
        "object": "model",
        "created": bot.created,
        "description": bot.description or "",
        "owned_by": bot.owned_by,
        "permission": [],
        "root": bot.id,
        "parent": None,
        "architecture": {
            "input_modalities": list(bot.input_modalities),
            "output_modalities": list(bot.output_modalities),
            "modality": modality,
        },
        "supported_features": list(bot.supported_features),
        "pricing": None if pricing is None else {key: pricing.get(key) for key in _PRICE_KEYS},
        "context_window": None if window is None else {"context_length": window[0], "max_output_tokens": window[1]},
        "context_length": None if window is None else window[0],
        "metadata": {
            "display_name": bot.display_name,
            "image": {
                "url": f"https://poe.com/images/{bot.id}.svg",
                "alt": f"Picture of {bot.display_name}",
                "width": 64,
                "height": 64,
            },
            "url": f"https://poe.com/{bot.id}",
        },
        "reasoning": bot.reasoning,
        "parameters": list(bot.parameters),
    }


def models(entries: list[dict[str, Any]], fault: str | None) -> bytes:
    """The body of the models API.

    Args:
        entries: one for each listed bot; they may be changed.
        fault: name of the fault that the body shows, if any.
    """
    answer: dict[str, Any] = {"object": "list", "data": entries}
    if fault == "api_garbage":
        return NOT_JSON
    if fault == "api_not_a_list":
        return _json({"object": "error", "data": {"message": "moved to /v2/models"}})
    if fault == "api_empty":
        answer["data"] = []
    elif fault == "api_half":
        answer["data"] = entries[::2]
    elif fault == "api_new_keys":
        answer["next_page"] = {"after": None}
        for entry in entries:
            entry["sunset"] = {"planned": False, "notice": ["none"]}
            entry["pricing"] = {**(entry["pricing"] or {}), "video_second": "0.01", "tiers": [{"above": 1}]}
            entry["architecture"]["tokenizer"] = "unknown"
    elif fault == "api_wrong_types":
        for number, entry in enumerate(entries[::10]):
            entry.update(_WRONG_TYPES[number % len(_WRONG_TYPES)])
    elif fault == "api_bad_ids":
        answer["data"] = entries + [{**entries[0], "id": bad, "root": bad} for bad in _BAD_IDS]
    elif fault == "api_hostile_text":
        for entry in entries:
            entry.update(description=HOSTILE_TEXT, owned_by=HOSTILE_TEXT)
    elif fault == "api_duplicate_ids":
        answer["data"] = entries + [{**entry, "id": entry["id"].upper()} for entry in entries[::10]]
    elif fault == "api_prices_x50":
        for entry in entries:
            if entry["pricing"] is not None:
                entry["pricing"] = {
                    key: None if value is None else format(Decimal(value) * 50, "f")
                    for key, value in entry["pricing"].items()
                }
    elif fault == "api_huge":
        entries[0]["description"] = "word " * (HUGE_ANSWER_SIZE // 5)
    return _json(answer)


_WRONG_TYPES: Sequence[Mapping[str, Any]] = (
    {"id": 4711},
    {"id": None},
    {"id": ["a", "list"]},
    {"pricing": {"prompt": "free", "completion": "NaN", "image": True, "request": {}}},
    {"pricing": "0.01"},
    {"created": "yesterday"},
    {"architecture": ["text"], "context_window": "large", "context_length": -1},
    {"description": {"en": "text"}, "owned_by": 7},
    {"parameters": {"temperature": 1}, "supported_features": "tools", "reasoning": "yes"},
    {"metadata": None},
)


def in_chinese(card: str) -> str:
    """The card with the labels that a Chinese browser gets."""
    return card.replace("Input", "输入").replace("Output", "输出")


def with_raw_tags(card: str) -> str:
    """The card with the tags that its creator wrote, instead of what Poe makes of them."""

    def tag(match: re.Match[str]) -> str:
        thousandths_of_a_cent = Decimal(match[1]) * 100_000
        if thousandths_of_a_cent != int(thousandths_of_a_cent):
            return match[0]
        return f"[usd_milli_cents={int(thousandths_of_a_cent)}]"

    card = re.sub(r"\d[\d,]* points \(\$(\d+(?:\.\d+)?)\)", tag, card)
    return re.sub(r"\$(\d+(?:\.\d+)?)", tag, card)


def graphql(catalog: Catalog, release: Release, query: Mapping[str, Any], fault: str | None, chinese: bool) -> bytes:
    """The answer to a GraphQL query.

    Args:
        catalog: what there is.
        release: of the site.
        query: the request's JSON.
        fault: name of the fault that the answer shows, if any.
        chinese: whether the browser asks for Chinese.
    """
    given = query.get("variables")
    variables: Mapping[str, Any] = given if isinstance(given, dict) else {}
    match query.get("queryName"):
        case "RateCardModalQuery" | "BotPricingDialogQuery" as name:
            bot = catalog.bot_by_id(variables.get("botId"))
            return _rate_card(bot, str(name), fault, chinese)
        case "ProfileCreatedBotsPaginationQuery":
            profile = catalog.profile(str(variables.get("handle")))
            after = str(variables.get("after"))
            if fault == "gql_errors":
                return _json(_ERRORS)
            if profile is None or not after.isdecimal() or fault == "gql_null":
                return _json({"data": {"user": None}})
            return _json({"data": {"user": {"createdBotsConnection": bots_connection(profile, int(after))}}})
        case "HandleBotLandingPageQuery":
            bot = catalog.bot(str(variables.get("botHandle")))
            if bot is None or bot.deleted:
                return _json({"data": {"bot": None}})
            profile = catalog.profile(bot.creator)
            return _json({"data": {"bot": bot_object(bot, release, bot.creator if profile is None else profile.name)}})
        case "LayoutRightSidebarQuery":
            return _json({"data": None, "errors": [{"message": "Not logged in", "path": ["viewer", "chats"]}]})
        case _:
            return _json({"data": {"viewer": {"subscription": {"isActive": False}, "messagePointInfo": None}}})


def _rate_card(bot: Bot | None, query_name: str, fault: str | None, chinese: bool) -> bytes:
    if fault == "gql_errors":
        return _json(_ERRORS)
    if bot is None or fault == "gql_null":
        return _json({"data": {"botById": None}})
    card = bot.rate_card
    if card is not None and (chinese or fault == "other_language"):
        card = in_chinese(card)
    if card is not None and fault == "raw_tag":
        card = with_raw_tags(card)
    if query_name == "BotPricingDialogQuery":
        return _json({"data": {"bot": {"pricing": {"menu": card}}}})
    return _json(
        {
            "data": {
                "botById": {
                    "__typename": "Bot",
                    "botId": bot.bot_id,
                    "botPricing": {"__typename": "BotPricing", "rateMenuMarkdown": card},
                }
            }
        }
    )
