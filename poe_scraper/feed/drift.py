"""What the models API did not say this time: gaps in its entries are filled with the last known values, and counted.

Absence is not evidence. A field that an entry lacks, or gives in a form that nobody can read, keeps its known value;
so does one that many entries say null for in the same answer, since then the API changed and not the bots.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeVar

from poe_scraper.failures import Code
from poe_scraper.feed.gate import too_many_lost
from poe_scraper.items import Bot, BotError, Item

CATALOG_FACTS = (
    "created",
    "owned_by",
    "architecture",
    "context_window",
    "supported_features",
    "reasoning",
    "parameters",
)
"""Fields of a bot that the models API alone tells, beside `API_PRICES`."""

API_PRICES = ("api", "api_variable", "api_other")
"""Fields of `Bot.pricing` that the models API tells."""

NAMES = ("display_name", "url", "description")
"""What the API tells too. The page knows better, once it was seen."""

UNREADABLE_SHARE = 0.25
"""If more of all values could not be read, the answer as a whole is not understood."""

_Model = TypeVar("_Model", bound=Item)

_NULLABLE = ("context_window", "reasoning", "pricing.api")
"""Fields for which null is an answer."""

_FIELDS = len(CATALOG_FACTS) + len(("display_name", "description", "pricing"))
"""Fields that an entry gives."""


def with_kept(seen: Bot, known: Bot | None) -> Bot:
    """Fill the fields that an entry did not give with their last known values.

    Args:
        seen: the bot as the models API lists it now.
        known: the bot as the feed has it; None if it is new.

    Returns:
        `seen` with these values. `observed.catalog.kept` names those that are really from an earlier answer, and
        `errors` has an entry for each.
    """
    catalog = seen.observed.catalog
    if catalog is None or not catalog.kept:
        return seen
    kept = []
    errors = list(seen.errors)
    for path in catalog.kept:
        value = None if known is None else _get(known, path)
        if known is not None and _is_known(value):
            seen = _put(seen, known, path.split("."), value)
            kept.append(path)
            if all(error.field != path for error in errors):
                message = f"the entry of the models API lacks {path}; its last known value is kept"
                errors.append(_error(Code.FIELD_MALFORMED, catalog.at, path, message))
    observed = seen.observed.model_copy(update={"catalog": catalog.model_copy(update={"kept": tuple(kept)})})
    return seen.model_copy(update={"observed": observed, "errors": tuple(errors)})


class CatalogDrift:
    """Compares an answer of the models API with the feed: which fields are missing, odd or null in many entries.

    Args:
        max_lost: `POE_GATE_MAX_LOST`: a larger share of entries that lose the same field is a change of the API.
    """

    def __init__(self, max_lost: float) -> None:
        self._max_lost = max_lost
        self._entries = 0
        self._unreadable = 0
        self._malformed: Counter[str] = Counter()
        self._missing: Counter[str] = Counter()
        self._withdrawn: Counter[str] = Counter()
        self._had: Counter[str] = Counter()
        self._unknown_keys: Counter[str] = Counter()
        self._example: dict[str, str] = {}

    def add(self, seen: Bot, known: Bot | None) -> None:
        """Take an entry into account.

        Args:
            seen: the bot as the models API lists it now.
            known: the bot as the feed has it; None if it is new.
        """
        self._entries += 1
        self._unknown_keys.update(seen.pricing.api_other.keys())
        malformed = {error.field: error.message for error in seen.errors if error.field}
        self._malformed.update(malformed.keys())
        self._unreadable += len({_top_level(field) for field in malformed})
        for field, message in malformed.items():
            self._example.setdefault(field, message)
        if known is None:
            return
        catalog = with_kept(seen, known).observed.catalog
        kept = catalog.kept if catalog else ()
        self._missing.update(set(kept) - malformed.keys())
        for path in _NULLABLE:
            if _is_known(_get(known, path)):
                self._had[path] += 1
                self._withdrawn[path] += path not in kept and not _is_known(_get(seen, path))

    def withdrawn(self) -> frozenset[str]:
        """Fields that so many entries suddenly say null for that the known values are kept."""
        return frozenset(path for path, count in self._withdrawn.items() if self._is_drift(count, self._had[path]))

    def keep_withdrawn(self, seen: Bot) -> Bot:
        """The bot with the fields of `withdrawn` counted as not given."""
        catalog, withdrawn = seen.observed.catalog, self.withdrawn()
        if catalog is None or not withdrawn:
            return seen
        paths = [path for path in sorted(withdrawn - {*catalog.kept}) if not _is_known(_get(seen, path))]
        observed = seen.observed.model_copy(
            update={"catalog": catalog.model_copy(update={"kept": (*catalog.kept, *paths)})}
        )
        return seen.model_copy(update={"observed": observed})

    def problems(self, at: datetime) -> Iterator[BotError]:
        """One problem per field, for the run report.

        Args:
            at: when the answer came.
        """
        total = self._entries
        for field, count in sorted(self._malformed.items()):
            code = Code.CATALOG_DRIFT if self._is_drift(count, total) else Code.FIELD_MALFORMED
            yield _problem(
                code, at, field, f"{field} could not be read in {_of(count, total)}; first {self._example[field]}"
            )
        for field, count in sorted(self._missing.items()):
            code = Code.CATALOG_DRIFT if self._is_drift(count, total) else Code.FIELD_MALFORMED
            yield _problem(code, at, field, f"{field} is missing from {_of(count, total)} that had it")
        for field in sorted(self.withdrawn()):
            what = f"{field} is null in {_of(self._withdrawn[field], self._had[field])} that had it"
            yield _problem(Code.CATALOG_DRIFT, at, field, what)
        if self._unknown_keys:
            keys = ", ".join(ascii(key)[1:-1][:40] for key, _ in self._unknown_keys.most_common(10))
            what = f"pricing has keys that poe-scraper does not know: {keys}"
            yield _error(Code.PRICE_KEY_UNKNOWN, at, None, what)
        if self._unreadable > UNREADABLE_SHARE * _FIELDS * total:
            what = f"the models API's answer is not understood: {self._unreadable} of {_FIELDS * total} values"
            yield _error(Code.CATALOG_GARBLED, at, None, f"{what} could not be read")

    def _is_drift(self, count: int, total: int) -> bool:
        return too_many_lost(count, total, self._max_lost)


def _problem(code: Code, at: datetime, field: str, what: str) -> BotError:
    return _error(code, at, field, f"{what}. Known values are kept")


def _error(code: Code, at: datetime, field: str | None, message: str) -> BotError:
    return BotError(stage="catalog", code=code, field=field, message=message, at=at)


def _of(count: int, total: int) -> str:
    return f"{count} of {total} {'entry' if total == 1 else 'entries'}"


def _top_level(field: str) -> str:
    return field.partition(".")[0]


def _is_known(value: object) -> bool:
    return value not in (None, (), {})


def _get(bot: Bot, path: str) -> Any:
    value: Any = bot
    for name in path.split("."):
        value = getattr(value, name, None)
    return value


def _put(model: _Model, like: Item, path: list[str], value: Any) -> _Model:
    """A copy with the value at a path. Objects on the way that are null become empty ones, as in `like`."""
    name, *rest = path
    if rest:
        inner = getattr(like, name)
        value = _put(getattr(model, name) or type(inner)(), inner, rest, value)
    return model.model_copy(update={name: value})
