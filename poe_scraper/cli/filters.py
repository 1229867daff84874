"""What a person may write for a filter of `list` and `search`, matched with what the feed holds."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

import click

from poe_scraper.cli.terminal import safe
from poe_scraper.feed.reader import Entry, FeedReader

_SYNONYMS = {"picture": "image", "photo": "image", "movie": "video", "sound": "audio", "speech": "audio"}
_SHOWN = 8


def matched(feed: FeedReader, filters: dict[str, Any]) -> dict[str, Any]:
    """The filters in the feed's own words: without case, plural, `@` or synonym.

    Args:
        feed: the bots to choose from.
        filters: values by the name of the option; None where it was not given.

    Raises:
        click.BadParameter: a value occurs nowhere in the feed; the text names those that look like it.
    """
    found = dict(filters)
    for name, option, values in (
        ("creator", "--creator", _creators),
        ("owner", "--owner", _owners),
        ("input_modality", "--input", _inputs),
        ("output_modality", "--output", _outputs),
        ("unit", "--unit", _units),
    ):
        if filters.get(name) is not None:
            found[name] = _match(str(filters[name]), option, set(values(feed.entries)))
    return found


def _match(asked: str, option: str, values: set[str]) -> str:
    by_word = {value.casefold(): value for value in values}
    word = " ".join(asked.split()).removeprefix("@").casefold()
    singular = word.removesuffix("s")
    for candidate in (word, singular, _SYNONYMS.get(singular, "")):
        if candidate in by_word:
            return by_word[candidate]
    near = [by_word[match] for match in get_close_matches(word, by_word, n=3)]
    if near:
        hint = f"Did you mean {', '.join(map(safe, near))}?"
    elif len(values) <= _SHOWN:
        hint = f"The feed has {', '.join(map(safe, sorted(values))) or 'none'}."
    else:
        hint = f"The feed has {len(values)} others, such as {', '.join(map(safe, sorted(values)[:3]))}."
    message = f"no bot of the feed has {safe(asked)!r}. {hint}"
    raise click.BadParameter(message, param_hint=option)


def _creators(entries: Iterable[Entry]) -> Iterator[str]:
    for entry in entries:
        creator = entry.get("creator") or {}
        yield from filter(None, (creator.get("handle"), creator.get("name")))


def _owners(entries: Iterable[Entry]) -> Iterator[str]:
    return (entry["owned_by"] for entry in entries if entry.get("owned_by"))


def _inputs(entries: Iterable[Entry]) -> Iterator[str]:
    for entry in entries:
        yield from (entry.get("architecture") or {}).get("input_modalities", ())


def _outputs(entries: Iterable[Entry]) -> Iterator[str]:
    for entry in entries:
        yield from (entry.get("architecture") or {}).get("output_modalities", ())


def _units(entries: Iterable[Entry]) -> Iterator[str]:
    for entry in entries:
        rates = entry["pricing"].get("rates", ())
        yield from filter(None, (rate.get("per", {}).get("unit") for rate in rates))
