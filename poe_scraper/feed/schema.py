"""The feed's JSON Schema, generated from `items`, and a check of feeds against it."""

import json
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError, best_match
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from poe_scraper.items import ADJUSTMENT_KINDS, SCHEMA_VERSION, Feed

MOST = 5
"""The largest number of misfits that are reported."""


class _Generator(GenerateJsonSchema):
    """Generates a schema that strict validators and code generators accept."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        """Give properties no titles: code generators make a type alias of each."""
        return False

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Describe adjustments as an open union: each known kind by its own schema, any other kind by its name."""
        union = super().tagged_union_schema(schema)
        return {"anyOf": union["oneOf"]}


@cache
def schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of `models.json`. Do not modify the returned value."""
    generated = Feed.model_json_schema(mode="serialization", schema_generator=_Generator)
    for described in (generated, *generated["$defs"].values()):
        for name in described.get("required", ()):
            # what is always there needs no default, and code generators make an optional field of it
            described["properties"][name].pop("default", None)
    kind = generated["$defs"]["OtherAdjustment"]["properties"]["kind"]
    kind["not"] = {"enum": sorted(ADJUSTMENT_KINDS)}
    return {
        "$schema": Draft202012Validator.META_SCHEMA["$id"],
        "$id": f"urn:poe-scraper:feed:{SCHEMA_VERSION}",
        **generated,
        "title": "Poe Scraper feed",
    }


def schema_text() -> bytes:
    """The schema as it is published beside the feed."""
    return (json.dumps(schema(), indent=2, ensure_ascii=False) + "\n").encode()


def bot_misfits(bot: dict[str, Any], path: str = "") -> list[str]:
    """Check one bot, given as JSON values. Returns path and reason of each misfit, at most `MOST`."""
    return _messages(_bot_validator().iter_errors(bot), path)


def head_misfits(head: Feed) -> list[str]:
    """Check a feed without its bots. Returns path and reason of each misfit, at most `MOST`."""
    bare = head.model_copy(update={"data": ()})
    return _messages(_validator().iter_errors(json.loads(bare.model_dump_json(by_alias=True))), "")


def misfits(feed: Feed) -> list[str]:
    """Check a feed. Returns path and reason of each misfit, at most `MOST`."""
    found = head_misfits(feed)
    for number, bot in enumerate(feed.data):
        if len(found) >= MOST:
            break
        found += bot_misfits(bot.model_dump(mode="json", by_alias=True), f"data[{number}] ({bot.id!r})")
    return found[:MOST]


def _messages(errors: Iterator[ValidationError], prefix: str) -> list[str]:
    messages = []
    for error in errors:
        error = best_match([error])  # of several alternatives, the one that is nearest to fitting
        path = prefix + error.json_path.removeprefix("$")
        messages.append(f"{path.removeprefix('.') or 'the feed'}: {error.message[:200]}")
        if len(messages) == MOST:
            break
    return messages


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
        return True  # `type` reports a wrong type
    return datetime.fromisoformat(value).tzinfo is not None
