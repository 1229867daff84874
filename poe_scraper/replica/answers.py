"""The replica's JSON: the models API and GraphQL, with their faults."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from .catalog import Bot, Catalog
from .documents import HOSTILE_TEXT, bot_object, bots_connection, user_data
from .release import Release

HUGE_ANSWER_SIZE = 50_000_000

NOT_JSON = b"\x89PNG\r\n\x1a\n{]]\xff\xfe <html>upstream connect error or disconnect/reset before headers"
"""Sent instead of JSON by the fault `api_garbage`."""

_PRICE_KEYS = ("prompt", "completion", "image", "request", "input_cache_read", "input_cache_write")

_ERRORS = {"data": None, "errors": [{"message": "Server Error"}]}

NO_DETAILS = "The creator has not provided details."
"""What a card says that holds nothing (observed)."""

NO_DETAILS_REWORDED = "No pricing details were given by this bot's creator."

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


_ODD_IDS = ("openai/gpt-5", "gpt-5:free", "C++-Helper", "My Bot")
_ODD_PRICES = ("-1", "NaN", "", "free")
_HUGE_INTEGER = "1" + "0" * 4999
"""Text, since Python does not write integers of so many digits."""


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def model(bot: Bot) -> dict[str, Any]:
    """One entry of the models API. Its addresses are Poe's, so that it is the same at every start.

    Some entries lack keys, as observed in January 2026: `supported_features` where there are none, and
    `permission` and `parent` of every fifth bot.
    """
    window = bot.context_window
    pricing = bot.api_pricing
    modality = f"{','.join(bot.input_modalities)}->{','.join(bot.output_modalities)}"
    entry = {
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
    if not bot.supported_features:
        del entry["supported_features"]
    if bot.bot_id % 5 == 0:
        del entry["permission"], entry["parent"]
    return entry


def models(entries: list[dict[str, Any]], fault: str | None) -> bytes:
    """The body of the models API.

    Args:
        entries: one for each listed bot; they may be changed.
        fault: name of the fault that the body shows, if any.
    """
    match fault:
        case "api_garbage":
            return NOT_JSON
        case "api_not_a_list":
            return _json({"object": "error", "data": {"message": "moved to /v2/models"}})
        case "api_huge_integer":
            entries[0]["context_length"] = "HUGE"
            return _json({"object": "list", "data": entries}).replace(b'"HUGE"', _HUGE_INTEGER.encode(), 1)
        case "api_new_keys":
            _add_new_keys(entries)
            return _json({"object": "list", "data": entries, "next_page": {"after": None}})
        case None:
            return _json({"object": "list", "data": entries})
        case _:
            return _json({"object": "list", "data": _LISTS[fault](entries)})


def _add_new_keys(entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        entry["sunset"] = {"planned": False, "notice": ["none"]}
        entry["pricing"] = {**(entry["pricing"] or {}), "video_second": "0.01", "tiers": [{"above": 1}]}
        entry["architecture"]["tokenizer"] = "unknown"


def _multiplied(pricing: Mapping[str, str | None] | None, factor: Decimal) -> dict[str, str | None] | None:
    if pricing is None:
        return None
    return {key: None if value is None else format(Decimal(value) * factor, "f") for key, value in pricing.items()}


def _with_wrong_types(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for number, entry in enumerate(entries[::10]):
        entry.update(_WRONG_TYPES[number % len(_WRONG_TYPES)])
    return entries


def _with_features_as_objects(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for entry in entries:
        entry["supported_features"] = [{"name": name, "beta": False} for name in entry.get("supported_features", ())]
        entry["pricing"] = _multiplied(entry["pricing"], Decimal("1.1"))
    return entries


def _with_null_modalities(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for entry in entries:
        entry["architecture"]["input_modalities"] = None
    return entries


def _with_odd_prices(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for number, entry in enumerate(entries[::2]):
        price = _ODD_PRICES[number % len(_ODD_PRICES)]
        entry["pricing"] = {**(entry["pricing"] or dict.fromkeys(_PRICE_KEYS)), "prompt": price}
    return entries


def _with_money_keys(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for entry in entries:
        if entry["pricing"] is not None:
            entry["pricing"] |= {
                "input_cache_write_1h": "0.000006",
                "overrides": [{"min_prompt_tokens": 200_000, "prompt": "0.000006", "completion": "0.0000225"}],
                "web_search": "0.01",
                "video_second": "0.05",
                "audio": "0.000001",
            }
    return entries


def _with_nested_pricing(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for entry in [entry for entry in entries if entry["pricing"] is not None][:2]:
        entry["pricing"] = {"text": entry["pricing"]}
    return entries


def _with_created(created: Callable[[int], int]) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    def change(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for entry in entries:
            entry["created"] = created(entry["created"])
        return entries

    return change


def _with_hostile_text(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for entry in entries:
        entry.update(description=HOSTILE_TEXT, owned_by=HOSTILE_TEXT)
    return entries


def _with_prices_x50(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for entry in entries:
        entry["pricing"] = _multiplied(entry["pricing"], Decimal(50))
    return entries


def _with_huge_description(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    entries[0]["description"] = "word " * (HUGE_ANSWER_SIZE // 5)
    return entries


def _copies(entries: list[dict[str, Any]], ids: Sequence[object]) -> list[dict[str, Any]]:
    return entries + [{**entries[0], "id": model_id, "root": model_id} for model_id in ids]


_LISTS: Mapping[str, Callable[[list[dict[str, Any]]], list[dict[str, Any]]]] = {
    "api_empty": lambda _: [],
    "api_half": lambda entries: entries[::2],
    "api_wrong_types": _with_wrong_types,
    "api_features_objects": _with_features_as_objects,
    "api_null_modalities": _with_null_modalities,
    "api_odd_prices": _with_odd_prices,
    "api_money_keys": _with_money_keys,
    "api_nested_pricing": _with_nested_pricing,
    "api_created_seconds": _with_created(lambda milliseconds: milliseconds // 1000),
    "api_created_zero": _with_created(lambda _: 0),
    "api_bad_ids": lambda entries: _copies(entries, _BAD_IDS),
    "api_odd_ids": lambda entries: _copies(entries, _ODD_IDS),
    "api_hostile_text": _with_hostile_text,
    "api_duplicate_ids": lambda entries: entries + [{**entry, "id": entry["id"].upper()} for entry in entries[::10]],
    "api_prices_x50": _with_prices_x50,
    "api_huge": _with_huge_description,
}
"""What faults make of the list of models."""


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
        catalog: bots and creators.
        release: of the site.
        query: the request's JSON.
        fault: name of the fault that the answer shows, if any.
        chinese: True if the browser asks for Chinese.
    """
    given = query.get("variables")
    variables: Mapping[str, Any] = given if isinstance(given, dict) else {}
    match query.get("queryName"):
        case "RateCardModalQuery" | "BotPricingDialogQuery" | "MessagePointsOverviewModalQuery" as name:
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
        case "ProfilePageQuery":
            profile = catalog.profile(str(variables.get("handle")))
            return _json({"data": {"user": None if profile is None else user_data(profile)}})
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
    if card is not None:
        card = _card_with_fault(card, "other_language" if chinese else fault)
    if query_name == "BotPricingDialogQuery":
        return _json({"data": {"bot": {"pricing": {"menu": card}}}})
    pricing: dict[str, Any] = {"__typename": "BotPricing", "rateMenuMarkdown": card}
    if query_name == "MessagePointsOverviewModalQuery":
        pricing = {"__typename": "BotPricing", "botPricingType": "variable", "standardMessagePrice": 206} | pricing
    return _json({"data": {"botById": {"__typename": "Bot", "botId": bot.bot_id, "botPricing": pricing}}})


def _card_with_fault(card: str, fault: str | None) -> str:
    match fault:
        case "other_language":
            return in_chinese(card)
        case "raw_tag":
            return with_raw_tags(card)
        case "card_empty":
            return ""
        case "card_no_details":
            return NO_DETAILS
        case "card_no_details_reworded":
            return NO_DETAILS_REWORDED
        case _:
            return card
