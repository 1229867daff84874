"""The feed's JSON Schema, generated from `items`, and what of a feed does not fit it."""

import json
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError, best_match

from poe_scraper.items import SCHEMA_VERSION, Feed

MOST = 5
"""So many misfits are reported; more say nothing new."""


@cache
def schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of `models.json`. Do not change what it returns."""
    generated = Feed.model_json_schema(mode="serialization")
    return {
        "$schema": Draft202012Validator.META_SCHEMA["$id"],
        "$id": f"urn:poe-scraper:feed:{SCHEMA_VERSION}",
        **generated,
        "title": "Poe Scraper feed",
        "version": SCHEMA_VERSION,
    }


def schema_text() -> bytes:
    """The schema as it is published beside the feed."""
    return (json.dumps(schema(), indent=2, ensure_ascii=False) + "\n").encode()


def bot_misfits(bot: dict[str, Any], path: str = "") -> list[str]:
    """Where one bot, as JSON values, does not fit: path and reason, at most `MOST`."""
    return _told(_bot_validator().iter_errors(bot), path)


def head_misfits(head: Feed) -> list[str]:
    """Where a feed without its bots does not fit: path and reason, at most `MOST`."""
    return _told(_validator().iter_errors(json.loads(head.model_dump_json(by_alias=True, exclude={"data"}))), "")


def misfits(feed: Feed) -> list[str]:
    """Where a feed does not fit its schema: path and reason, at most `MOST`."""
    found = head_misfits(feed)
    for number, bot in enumerate(feed.data):
        if len(found) >= MOST:
            break
        found += bot_misfits(bot.model_dump(mode="json", by_alias=True), f"data[{number}] ({bot.id!r})")
    return found[:MOST]


def _told(errors: Iterator[ValidationError], prefix: str) -> list[str]:
    told = []
    for error in errors:
        error = best_match([error])  # of several alternatives, what is wrong with the likeliest
        path = prefix + error.json_path.removeprefix("$")
        told.append(f"{path.removeprefix('.') or 'the feed'}: {error.message[:200]}")
        if len(told) == MOST:
            break
    return told


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(schema(), format_checker=_formats())


@cache
def _bot_validator() -> Draft202012Validator:
    bot = {**schema(), "$ref": "#/$defs/Bot"}
    for keyword in ("properties", "required", "type"):
        del bot[keyword]
    return Draft202012Validator(bot, format_checker=_formats())


def _formats() -> FormatChecker:
    formats = FormatChecker(formats=())
    formats.checks("date-time", raises=ValueError)(_is_rfc3339)
    return formats


def _is_rfc3339(value: object) -> bool:
    if not isinstance(value, str):
        return True  # a wrong type is the business of `type`
    return datetime.fromisoformat(value).tzinfo is not None
