"""The models API: one JSON answer that lists the models."""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple, overload
from urllib.parse import quote

from pydantic import ValidationError

from poe_scraper.failures import Code, ObservationError
from poe_scraper.items import (
    ApiPricing,
    Architecture,
    Bot,
    BotError,
    CatalogSighting,
    ContextWindow,
    Item,
    Observed,
    Parameter,
    Pricing,
    Reasoning,
)

_HANDLE = re.compile(r"\w(?:[\w.-]{0,98}[\w-])?")


class Catalog(NamedTuple):
    """What one answer of the models API lists."""

    bots: Sequence[Bot]
    """The usable entries, in the order of the API. Each is built when it is looked at."""
    problems: tuple[BotError, ...]
    """The entries that were left out, and why."""


class _Packed(Sequence[Bot]):
    """Bots as JSON, which takes a tenth of their memory: there may be thousands."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts

    def __len__(self) -> int:
        return len(self._texts)

    @overload
    def __getitem__(self, index: int) -> Bot: ...
    @overload
    def __getitem__(self, index: slice) -> "_Packed": ...
    def __getitem__(self, index: int | slice) -> "Bot | _Packed":
        if isinstance(index, slice):
            return _Packed(self._texts[index])
        return Bot.model_validate_json(self._texts[index])


class _CatalogFacts(Item):
    """What the catalog owns of a bot. Unknown keys of the API are ignored."""

    display_name: str | None = None
    created: datetime | None = None
    owned_by: str | None = None
    description: str | None = None
    architecture: Architecture | None = None
    context_window: ContextWindow | None = None
    supported_features: tuple[str, ...] = ()
    reasoning: Reasoning | None = None
    parameters: tuple[Parameter, ...] = ()
    api: ApiPricing | None = None


def is_handle(text: object) -> bool:
    """Tell whether a text is fit to be a bot's id or handle, and so a segment of an address.

    Letters, digits, `_`, `-` and `.` in any script, at most 100 characters, no `.` at either end.
    """
    return (
        isinstance(text, str)
        and _HANDLE.fullmatch(text) is not None
        and ".." not in text
        and unicodedata.is_normalized("NFC", text)
    )


def bot_url(site_url: str, handle: str) -> str:
    """Address of a bot's page."""
    return f"{site_url.rstrip('/')}/{quote(handle, safe='')}"


def read_catalog(body: bytes, *, url: str, at: datetime, site_url: str) -> Catalog:
    """Read an answer of the models API.

    An entry without a usable id is left out and reported. One with a usable id but a value of a wrong
    type stays, without its catalog facts and with an error, so that the bot does not look gone and its
    older facts are kept.

    Args:
        body: the answer.
        url: where it came from, for the bots' lineage.
        at: when it came.
        site_url: address under which the bot pages stand.

    Raises:
        ObservationError: the answer is no list of models (`catalog_garbled`), or no entry of it is
            usable (`catalog_empty`).
    """
    bots: list[str] = []
    problems: list[BotError] = []
    entries = _entries(body)
    entries.reverse()
    for position in range(len(entries)):
        entry = entries.pop()  # what was read makes room for what comes of it
        identity = entry.get("id") if isinstance(entry, Mapping) else None
        if not isinstance(entry, Mapping) or not isinstance(identity, str) or not is_handle(identity):
            problem = f"entry {position} of the models API has no usable id: {_shown(identity)}"
            problems.append(_error(problem, at))
            continue
        bots.append(_bot(identity, entry, url=url, at=at, site_url=site_url).as_json(exclude_defaults=True))
    if not bots:
        message = f"the models API at {url} listed no usable model ({len(problems)} entries left out)"
        raise ObservationError(Code.CATALOG_EMPTY, message)
    return Catalog(_Packed(bots), tuple(problems))


def _entries(body: bytes) -> list[object]:
    try:
        answer = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        message = f"the models API's answer is no JSON ({len(body)} bytes): {error}"
        raise ObservationError(Code.CATALOG_GARBLED, message) from None
    entries = answer.get("data") if isinstance(answer, Mapping) else None
    if not isinstance(entries, list):
        message = 'the models API\'s answer has no list under "data"'
        raise ObservationError(Code.CATALOG_GARBLED, message)
    return entries


def _bot(identity: str, entry: Mapping[str, object], *, url: str, at: datetime, site_url: str) -> Bot:
    seen = Bot(
        id=identity,
        url=bot_url(site_url, identity),
        first_seen=at,
        last_seen=at,
        discovered_by=("api",),
    )
    try:
        facts = _facts(entry)
    except (ValidationError, ValueError, OverflowError, OSError) as error:
        return seen.model_copy(update={"errors": (_error(_reason(identity, error), at),)})
    return seen.model_copy(
        update={
            **{name: getattr(facts, name) for name in _CatalogFacts.model_fields if name != "api"},
            "pricing": Pricing(api=facts.api),
            "observed": Observed(catalog=CatalogSighting(at=at, url=url)),
        }
    )


def _facts(entry: Mapping[str, object]) -> _CatalogFacts:
    metadata = entry.get("metadata")
    created = entry.get("created")
    api = ApiPricing.model_validate(entry["pricing"]) if entry.get("pricing") is not None else None
    if api is not None:
        prices = [price for _, price in api if price is not None]
        if any(price < 0 for price in prices):
            raise ValueError("a price is negative")
        if not prices:
            api = None
    return _CatalogFacts.model_validate(
        {
            **{name: entry[name] for name in _CatalogFacts.model_fields if entry.get(name) is not None},
            "display_name": metadata.get("display_name") if isinstance(metadata, Mapping) else None,
            "created": None if created is None else _instant(created),
            "api": api,
        }
    )


def _instant(milliseconds: object) -> datetime:
    if not isinstance(milliseconds, int | Decimal) or isinstance(milliseconds, bool):
        message = f"created is no number of milliseconds: {_shown(milliseconds)}"
        raise ValueError(message)
    return datetime.fromtimestamp(float(milliseconds) / 1000, UTC)


def _reason(identity: str, error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        detail = f"{where}: {first['msg']} (got {_shown(first['input'])})"
    else:
        detail = str(error)
    return f"entry {identity} of the models API: {detail}"


def _error(message: str, at: datetime) -> BotError:
    return BotError(stage="catalog", code=Code.ENTRY_MALFORMED, message=message, at=at)


def _shown(value: object) -> str:
    """A foreign value as short, printable ASCII."""
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
