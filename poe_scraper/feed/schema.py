"""The feed's JSON Schema, generated from `items`, and what of a feed does not fit it."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError, best_match

from poe_scraper.feed.changes import facts
from poe_scraper.items import SCHEMA_VERSION, Bot, Feed

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


def bot_misfits(bot: dict[str, Any]) -> list[str]:
    """Where one bot, as JSON values, does not fit: path and reason, at most `MOST`."""
    return _told(_bot_validator().iter_errors(bot), "")


def misfits(feed: Feed, published: Iterable[Bot] = ()) -> list[str]:
    """Where a feed does not fit its schema: path and reason, at most `MOST`.

    Args:
        feed: the candidate.
        published: bots published before under this very schema. A bot that differs from its published
            self in nothing but times fits too; looking again would take most of the time of publishing.
    """
    head = json.loads(feed.model_dump_json(by_alias=True, exclude={"data"}))
    found = _told(_validator().iter_errors(head), "")
    known = {bot.key: bot for bot in published}
    for number, bot in enumerate(feed.data):
        if len(found) >= MOST:
            break
        before = known.get(bot.key)
        if before is None or (before is not bot and facts(before) != facts(bot)):
            path = f"data[{number}] ({bot.id!r})"
            found += _told(_bot_validator().iter_errors(bot.model_dump(mode="json", by_alias=True)), path)
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
