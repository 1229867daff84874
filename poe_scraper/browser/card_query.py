"""How Poe's own script asks for a rate card: learned from one page, used on another that does not ask itself.

The query's hash, revision and form key belong to a release of Poe, so they are never shipped: `record.js` learns
them from a page that got its card, and `observe.js` repeats the query inside a page where Rates cannot be opened.
The form key is not published, logged or put into a recording.
"""

import json
import os
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

_MAX_SIZE = 100_000
"""Bytes of a kept query that are read."""

_Header = Annotated[str, Field(max_length=4096)]


class CardQuery(BaseModel):
    """A request for a rate card, as a page's own script sent it. Neither its text form nor an error shows it."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    path: str = Field(pattern=r"^(?:/[^\s?#/]+)+$", max_length=200)
    """Path on the site's own host."""
    method: Literal["POST"]
    headers: dict[_Header, _Header] = Field(max_length=40, repr=False)
    """Headers that the script set, names in lower case; no cookies."""
    body: dict[str, JsonValue] = Field(repr=False)
    """The query, with `variables` that name a bot."""

    @classmethod
    def from_page(cls, value: object) -> Self | None:
        """The query that a page reports; None if it reports none, or one that does not fit."""
        try:
            return cls.model_validate(value)
        except ValidationError:
            return None


def card_query_path(site_url: str) -> Path:
    """The file in the user's cache that keeps the query of a site."""
    host = (urlsplit(site_url).netloc.rpartition("@")[2] or "site").replace(":", "_").strip("[]")
    return platformdirs.user_cache_path("poe-scraper", appauthor=False) / f"card-query-{host}.json"


def read_card_query(path: Path) -> CardQuery | None:
    """The query that an earlier crawl kept; None if there is none that can be used."""
    try:
        with path.open("rb") as file:
            return CardQuery.from_page(json.loads(file.read(_MAX_SIZE)))
    except (OSError, ValueError, RecursionError):
        return None


def keep_card_query(path: Path, query: CardQuery) -> None:
    """Keep a query for the next crawl, in a file that only the user can read.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(query.model_dump_json())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
