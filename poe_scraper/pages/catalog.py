"""The models API: one JSON answer that lists the models.

Each entry is read field by field. A field that is missing, or has an unexpected type or value, costs that field
alone: the bot is still found, its other facts are read, and `feed.drift` fills the gap with the last known value.
docs/feed.md lists the accepted forms of every field.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, overload
from urllib.parse import quote, unquote

from poe_scraper.failures import Code, ObservationError
from poe_scraper.items import (
    MAX_MAGNITUDE,
    ApiPricing,
    Architecture,
    Bot,
    BotError,
    CatalogSighting,
    ContextWindow,
    Observed,
    Parameter,
    Pricing,
    Reasoning,
    ReasoningBudget,
    is_of_sane_size,
)

PRICES = ("prompt", "completion", "image", "request", "input_cache_read", "input_cache_write")
"""The documented keys of an entry's `pricing`."""

_HANDLE = re.compile(r"\w(?:[\w.-]{0,98}[\w-])?")

_EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
"""No bot is older: Poe opened in 2022, and a model may carry its maker's date."""

_MAX_DEPTH = 60
"""Levels of nesting that are read. The API's own answers have six."""

_MAX_OTHER = 10_000
"""Characters of JSON that are kept of one unknown key of `pricing`."""

_MAX_COUNT = 10**12
"""The largest number of tokens that is plausible."""

_TOO_DEEP = "\0nested too deep"
"""Stands for a value that was cut out. No JSON text of the API holds it."""

_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


class Catalog(NamedTuple):
    """What one answer of the models API lists."""

    bots: Sequence[Bot]
    """The usable entries, in the order of the API. Each is built when it is looked at."""
    problems: tuple[BotError, ...]
    """The entries that were left out, and why."""
    possible_keys: frozenset[str] = frozenset()
    """`Bot.key` of the bots that an entry left out may stand for, going by its other fields."""
    has_anonymous: bool = False
    """True if an entry was left out that names nothing, and so may stand for any bot."""


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


def is_handle(text: object) -> bool:
    """Tell whether a text can be a bot's id or handle, and so a segment of an address.

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

    An entry without a usable id is left out and reported. Every other entry gives a bot; fields of it that could not
    be read are named in its `errors`, and all that the answer did not give in `observed.catalog.kept`.

    Args:
        body: the answer.
        url: where it came from, for the bots' lineage.
        at: when it came.
        site_url: address under which the bot pages stand.

    Raises:
        ObservationError: the answer is not a list of models (`catalog_garbled`), or no entry of it is
            usable (`catalog_empty`).
    """
    bots: list[str] = []
    problems: list[BotError] = []
    possible: set[str] = set()
    has_anonymous = False
    entries = _entries(body)
    entries.reverse()
    for position in range(len(entries)):
        entry = entries.pop()  # free each raw entry once it is converted
        identity = entry.get("id") if isinstance(entry, Mapping) else None
        if isinstance(entry, Mapping) and isinstance(identity, str) and is_handle(identity):
            bots.append(_Entry(identity, entry, at).bot(url, site_url).as_json(exclude_defaults=True))
            continue
        names = set(_names(entry)) if isinstance(entry, Mapping) else set()
        possible |= names
        has_anonymous = has_anonymous or not names
        message = f"entry {position} of the models API has no usable id: {_shown(identity)}"
        problems.append(BotError(stage="catalog", code=Code.ENTRY_MALFORMED, message=message, at=at))
    if not bots:
        message = f"the models API at {url} listed no usable model ({len(problems)} entries left out)"
        raise ObservationError(Code.CATALOG_EMPTY, message)
    return Catalog(_Packed(bots), tuple(problems), frozenset(possible), has_anonymous)


# --- the answer --------------------------------------------------------------------------------


def _entries(body: bytes) -> list[object]:
    try:
        try:
            answer = _parse(body)
        except RecursionError:
            answer = _parse(_without_deep_values(body))
    except (ValueError, RecursionError) as error:
        message = f"the models API's answer is not JSON ({len(body)} bytes): {error}"
        raise ObservationError(Code.CATALOG_GARBLED, message) from None
    entries = answer.get("data") if isinstance(answer, Mapping) else None
    if not isinstance(entries, list):
        message = 'the models API\'s answer has no list under "data"'
        raise ObservationError(Code.CATALOG_GARBLED, message)
    return entries


def _parse(body: bytes) -> object:
    # Python refuses to convert integers of more than 4,300 digits; a Decimal of any length is fine
    return json.loads(body, parse_float=_fraction, parse_int=_whole_number, parse_constant=str)


def _fraction(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:  # an exponent of more than 18 digits
        return Decimal("Infinity")


def _whole_number(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= MAX_MAGNITUDE else Decimal(digits)


def _without_deep_values(body: bytes) -> bytes:
    """The JSON text with values below `_MAX_DEPTH` levels replaced by a mark, so that they cost themselves alone."""
    pieces: list[bytes] = []
    depth, copied = 0, 0
    for token in _STRUCTURE.finditer(body):
        mark = token.group()
        if mark in b"[{":
            depth += 1
            if depth == _MAX_DEPTH:
                pieces += [body[copied : token.start()], json.dumps(_TOO_DEEP).encode()]
        elif mark in b"]}":
            if depth == _MAX_DEPTH:
                copied = token.end()
            depth -= 1
    if depth >= _MAX_DEPTH:
        message = "a value is nested too deep and never ends"
        raise ValueError(message)
    return b"".join([*pieces, body[copied:]])


def _names(entry: Mapping[str, object]) -> Iterator[str]:
    """Keys of the bots that an entry without a usable id may stand for."""
    metadata = entry.get("metadata")
    described = metadata if isinstance(metadata, Mapping) else {}
    texts = [entry.get("id"), entry.get("root"), described.get("display_name")]
    address = described.get("url")
    if isinstance(address, str):
        texts.append(unquote(address.partition("?")[0].rstrip("/").rpartition("/")[2]))
    for text in texts:
        if isinstance(text, str) and text.strip():
            yield text.casefold()
            yield "-".join(text.casefold().split())
            yield from re.split(r"[^\w.-]+", text.casefold())


# --- an entry ----------------------------------------------------------------------------------


_MISSING = object()
"""Stands for a value that the entry does not give."""


class _Entry:
    """One entry of the models API, and what could not be read of it."""

    def __init__(self, identity: str, entry: Mapping[str, object], at: datetime) -> None:
        self.identity = identity
        self.entry = entry
        self.at = at
        self.errors: list[BotError] = []
        self.kept: list[str] = []

    def bot(self, url: str, site_url: str) -> Bot:
        """The bot that the entry lists."""
        described = self.mapping("display_name", "metadata") or {}
        facts = {
            "display_name": self.value("display_name", described, "display_name", _text),
            "created": self.value("created", self.entry, "created", lambda value: _instant(value, self.at)),
            "owned_by": self.value("owned_by", self.entry, "owned_by", _text),
            "description": self.value("description", self.entry, "description", _text),
            "architecture": self.architecture(),
            "context_window": self.context_window(),
            "supported_features": self.value("supported_features", self.entry, "supported_features", _texts) or (),
            "reasoning": self.reasoning(),
            "parameters": self.value("parameters", self.entry, "parameters", _parameters) or (),
            "pricing": self.pricing(),
        }
        return Bot(
            id=self.identity,
            url=bot_url(site_url, self.identity),
            first_seen=self.at,
            last_seen=self.at,
            discovered_by=("api",),
            observed=Observed(catalog=CatalogSighting(at=self.at, url=url, kept=tuple(self.kept))),
            errors=tuple(self.errors),
            **facts,
        )

    # --- objects ---

    def architecture(self) -> Architecture | None:
        """Modalities in and out."""
        given = self.mapping("architecture", "architecture")
        if given is None:
            self.keep("architecture")
        if not given:
            return None
        field = "architecture.{}".format
        return Architecture(
            input_modalities=self.value(field(name := "input_modalities"), given, name, _texts) or (),
            output_modalities=self.value(field(name := "output_modalities"), given, name, _texts) or (),
            modality=self.value(field(name := "modality"), given, name, _text),
        )

    def context_window(self) -> ContextWindow | None:
        """Token limits; null says that there are none."""
        given = self.mapping("context_window", "context_window")
        names = ("context_length", "max_output_tokens")
        return ContextWindow(**self.values("context_window", given, names, _count)) if given else None

    def reasoning(self) -> Reasoning | None:
        """Reasoning abilities; null says that there are none."""
        given = self.mapping("reasoning", "reasoning")
        if not given:
            return None
        budget = self.mapping("reasoning.budget", "budget", given)
        limits = self.values("reasoning.budget", budget, ("max_tokens", "min_tokens"), _count) if budget else None
        return Reasoning(
            budget=None if limits is None else ReasoningBudget(**limits),
            **self.values("reasoning", given, ("required", "supports_reasoning_effort"), _switch),
        )

    def pricing(self) -> Pricing:
        """USD per unit, by the API's own keys; null says that there is no such price."""
        given = self.mapping("pricing.api", "pricing")
        if not given:
            return Pricing()
        other = self.other_prices({key: value for key, value in given.items() if key not in PRICES})
        if given.keys().isdisjoint(PRICES):  # prices in another form, or none: they are not guessed
            self.keep("pricing.api")
            return Pricing(api_other=other)
        prices = self.values("pricing.api", given, PRICES, _price)
        variable = tuple(name for name, price in prices.items() if price == -1)
        prices |= dict.fromkeys(variable)
        given_any = any(price is not None for price in prices.values())
        return Pricing(api=ApiPricing(**prices) if given_any else None, api_variable=variable, api_other=other)

    def other_prices(self, unknown: Mapping[str, object]) -> dict[str, Any]:
        """What `pricing` holds beside the documented keys, as far as it can be kept."""
        kept = {}
        for key, value in unknown.items():
            if value is None:
                continue
            try:
                price = _json_value(value, lambda fraction: format(fraction, "f"))
                if len(json.dumps(price)) + len(key) > _MAX_OTHER:
                    message = f"must have at most {_MAX_OTHER} characters"
                    raise ValueError(message)
            except ValueError as error:
                self.fail("pricing.api_other", f"pricing.{_shown(key)} {error}")
            else:
                kept[key] = price
        return kept

    # --- values ---

    def mapping(self, field: str, name: str, within: Mapping[str, object] | None = None) -> Mapping[str, object] | None:
        """The object of that name; empty if it is not given or is something else, None if it is null."""
        given = (self.entry if within is None else within).get(name, _MISSING)
        if given is None or isinstance(given, Mapping):
            if given == {}:
                self.keep(field)
            return given
        if given is _MISSING:
            self.keep(field)
        else:
            self.fail(field, f"{name} must be an object, got {_shown(given)}")
        return {}

    def values(
        self, field: str, within: Mapping[str, object], names: Sequence[str], read: Callable[[object], Any]
    ) -> dict[str, Any]:
        """Values of an object for which null is an answer."""
        return {
            name: None if within.get(name, _MISSING) is None else self.value(f"{field}.{name}", within, name, read)
            for name in names
        }

    def value(self, field: str, within: Mapping[str, object], name: str, read: Callable[[object], Any]) -> Any:
        """A value, read; None if it is not given, null or cannot be read, which is noted."""
        given = within.get(name, _MISSING)
        if given is None or given is _MISSING:
            self.keep(field)
            return None
        try:
            return read(given)
        except ValueError as error:
            self.fail(field, f"{name} {error}, got {_shown(given)}")
            return None

    def keep(self, field: str) -> None:
        """Note a field that the entry does not give."""
        if field not in self.kept:
            self.kept.append(field)

    def fail(self, field: str, message: str) -> None:
        """Note a field that cannot be read."""
        self.keep(field)
        message = f"entry {self.identity} of the models API: {message}"
        self.errors.append(
            BotError(stage="catalog", code=Code.FIELD_MALFORMED, message=message, field=field, at=self.at)
        )


# --- readers of one value: each raises ValueError, saying what the value must be ----------------


def _text(value: object) -> str:
    if not isinstance(value, str) or _TOO_DEEP in value:
        message = "must be a text"
        raise ValueError(message)
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(part, str) and part != _TOO_DEEP for part in value):
        message = "must be a list of texts"
        raise ValueError(message)
    return tuple(value)


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        message = "must be true or false"
        raise ValueError(message)
    return value


def _number(value: object) -> Decimal:
    """A number, or a text that is one. Raises `ValueError` for all else, infinity and NaN included."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        message = "must be a decimal number"
        raise ValueError(message)
    try:
        number = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        message = "must be a decimal number"
        raise ValueError(message) from None
    if not number.is_finite() or not is_of_sane_size(number):
        message = f"must be a finite number of at most {MAX_MAGNITUDE} digits"
        raise ValueError(message)
    return number


def _count(value: object) -> int:
    number = _number(value)
    if number != number.to_integral_value() or not 0 <= number <= _MAX_COUNT:
        message = "must be a whole number of tokens"
        raise ValueError(message)
    return int(number)


def _price(value: object) -> Decimal:
    """USD per unit; -1 for a price that the API calls variable (documented by other vendors of the same API)."""
    number = _number(value)
    if number < 0 and number != -1:
        message = "must be at least 0, or -1 for a variable price"
        raise ValueError(message)
    return number


def _instant(value: object, at: datetime) -> datetime:
    """A moment, to the second.

    Poe documents Unix milliseconds. Seconds, microseconds and nanoseconds are told apart by their size: only one of
    them gives a time between `_EARLIEST` and two days from now.
    """
    if isinstance(value, str) and not value.strip().isdigit():
        moments = [_written_instant(value)]
    else:
        number = _number(value)
        moments = [
            datetime.fromtimestamp(float(number / unit), UTC)
            for unit in (1, 10**3, 10**6, 10**9)
            if abs(number) < 10**11 * unit  # beyond it is the year 5138
        ]
    for moment in moments:
        if _EARLIEST <= moment <= at + timedelta(days=2):
            return moment.replace(microsecond=0)
    message = "must be Unix milliseconds between 2015 and now"
    raise ValueError(message)


def _written_instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = "must be a time"
        raise ValueError(message) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _parameters(value: object) -> tuple[Parameter, ...]:
    if not isinstance(value, list):
        message = "must be a list of parameters"
        raise ValueError(message)
    parameters = []
    for part in value:
        name = part.get("name") if isinstance(part, Mapping) else None
        if not isinstance(part, Mapping) or not isinstance(name, str):
            message = "must be a list of objects with a name"
            raise ValueError(message)
        description = part.get("description")
        parameters.append(
            Parameter(
                name=name,
                json_schema=_json_value(part.get("schema"), float),
                default_value=_json_value(part.get("default_value"), float),
                description=description if isinstance(description, str) else None,
            )
        )
    return tuple(parameters)


def _json_value(value: object, fraction: Callable[[Decimal], Any], depth: int = 0) -> Any:
    """A JSON value that a feed can hold: nesting and numbers bounded, fractions as the caller wants them."""
    if value == _TOO_DEEP or depth > _MAX_DEPTH:
        message = f"must be nested at most {_MAX_DEPTH} levels deep"
        raise ValueError(message)
    if isinstance(value, Mapping):
        return {str(name): _json_value(part, fraction, depth + 1) for name, part in value.items()}
    if isinstance(value, list):
        return [_json_value(part, fraction, depth + 1) for part in value]
    return fraction(_number(value)) if isinstance(value, Decimal) else value


def _shown(value: object) -> str:
    """A foreign value as short, printable ASCII."""
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
