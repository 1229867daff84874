"""Your own account at Poe: the points left, and what they were spent on, through the documented endpoints.

The API key goes into the `Authorization` header and nowhere else: not into an exception, a log, or the
cache. Answers are kept for five minutes in a private file, named by a hash.
"""

import hashlib
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from pydantic import Field, ValidationError
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.util import Retry

from poe_scraper import __version__
from poe_scraper.failures import FAILURES, Code, ObservationError, UsageError
from poe_scraper.items import POINTS_PER_USD, Amount, Instant, Item
from poe_scraper.settings import environment, user_cache

logger = logging.getLogger(__name__)

SPAN = timedelta(days=30)
"""How far back Poe tells what was spent (documented)."""
FRESH_FOR = timedelta(minutes=5)
"""How long an answer is kept."""
TIMEOUT = 20
"""Seconds to wait for an answer."""
RETRIES = 2
"""How often a request that met 429, a server error or a broken connection is sent again."""
MAX_WAIT = 30
"""Seconds to wait before a retry at most, whatever `Retry-After` says."""

_PAGE = 100  # the most that Poe gives at once (documented)


class Balance(Item):
    """The points left."""

    at: Instant
    """When Poe told it."""
    points: Amount
    """Points left."""
    usd: Amount
    """The same in dollars, at 33,000 points to the dollar, to six decimals."""


class Usage(Item):
    """One message, as Poe billed it."""

    id: str = Field(min_length=1)
    """Poe's `query_id`."""
    at: Instant
    """When it was sent."""
    bot: str = Field(min_length=1, examples=["Claude-Sonnet-4.5"])
    """The bot's name. Untrusted text."""
    kind: str = Field(examples=["API", "Chat", "Canvas App"])
    """Where it was sent from, as Poe calls it. Untrusted text."""
    points: Amount
    """Points billed."""
    usd: Amount
    """Dollars billed, as Poe tells."""
    parts: dict[str, Amount | None] = Field(default_factory=dict, examples=[{"Input": "12", "Output": "340"}])
    """Points of each part, by its label; null where Poe's figure cannot be read. Untrusted text."""


class UsageHistory(Item):
    """What was billed, newest first."""

    at: Instant
    """When Poe told it."""
    since: Instant
    """Where it begins."""
    usages: tuple[Usage, ...] = ()
    """The messages."""
    left_out: int = 0
    """Entries of Poe's that could not be read: the sums lack them."""


class _Bearer(AuthBase):
    """The key as a bearer token. As it is set for each request, no `.netrc` entry takes its place."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class Account:
    """An account at Poe.

    Args:
        key: the API key; by default that of the environment variable `POE_API_KEY`.
        session: the HTTP client.
        cache: folder of kept answers; None keeps none.

    The endpoints are looked for beside the models API, where `POE_API_URL` says that is.

    Raises:
        UsageError: there is no key, or it holds characters that no key has.
    """

    def __init__(
        self, key: str | None = None, *, session: requests.Session | None = None, cache: Path | None = None
    ) -> None:
        key = _usable(environment("POE_API_KEY") if key is None else key)
        self._auth = _Bearer(key)
        self._base = urljoin(environment("POE_API_URL"), "../usage/")
        self._session = session or patient_session()
        self._cache = cache
        self._secret = f"{key}\n{self._base}"

    def balance(self, *, now: datetime, fresh: bool = False) -> Balance:
        """The points left.

        Args:
            now: the time, aware.
            fresh: ask, even if a kept answer is fresh enough.

        Raises:
            ObservationError: Poe could not be asked, or its answer not be used.
        """
        place = self._place("current_balance")
        if not fresh and (kept := _kept(place, Balance, now)):
            return kept
        answer = self._get("current_balance")
        points = answer.get("current_point_balance") if isinstance(answer, dict) else None
        if isinstance(points, bool) or not isinstance(points, int | Decimal):
            raise _garbled("it holds no current_point_balance")
        try:
            usd = (Decimal(points) / POINTS_PER_USD).quantize(Decimal("0.000001"))
            balance = Balance(at=now, points=Decimal(points), usd=usd)
        except (ArithmeticError, ValidationError) as error:
            raise _garbled("its current_point_balance is no sum of points") from error
        return _keep(place, balance)

    def usage(self, since: datetime, *, now: datetime, fresh: bool = False) -> UsageHistory:
        """What was billed since a moment, as far back as Poe tells (30 days).

        Args:
            since: the moment, aware.
            now: the time, aware.
            fresh: ask, even if a kept answer is fresh enough.

        Raises:
            ObservationError: Poe could not be asked, or its answer not be used.
        """
        place = self._place("points_history")
        kept = None if fresh else _kept(place, UsageHistory, now)
        if kept is not None and kept.since <= since:
            usages = tuple(usage for usage in kept.usages if usage.at >= since)
            return kept.model_copy(update={"since": since, "usages": usages})
        usages, left_out = self._history(since)
        return _keep(place, UsageHistory(at=now, since=since, usages=usages, left_out=left_out))

    def _history(self, since: datetime) -> tuple[tuple[Usage, ...], int]:
        found: dict[str, Usage] = {}
        left_out = 0
        after: dict[str, str] = {}
        while True:
            answer = self._get("points_history", limit=str(_PAGE), **after)
            entries = answer.get("data") if isinstance(answer, dict) else None
            if not isinstance(entries, list):
                raise _garbled("it holds no list under 'data'")
            page = [*_readable(entries)]
            left_out += len(entries) - len(page)
            if entries and not page:
                raise _garbled(f"none of its {len(entries)} entries can be read")
            known = len(found)
            found |= {usage.id: usage for usage in page}
            if not entries or answer.get("has_more") is not True or page[-1].at < since:
                return tuple(usage for usage in found.values() if usage.at >= since), left_out
            if len(found) == known:
                raise _garbled("its pages repeat themselves")
            after = {"starting_after": page[-1].id}

    def _get(self, endpoint: str, **query: str) -> Any:
        url = urljoin(self._base, endpoint)
        where = f"{urlsplit(url).hostname}/usage/{endpoint}"
        try:
            answer = self._session.get(
                url,
                params=query,
                auth=self._auth,
                headers={"User-Agent": f"poe-scraper/{__version__}", "Accept": "application/json"},
                timeout=TIMEOUT,
                allow_redirects=False,  # the key goes to no other place
            )
        except requests.Timeout as error:
            raise ObservationError(Code.TIMEOUT, f"{where} did not answer in {TIMEOUT} s. Try again later.") from error
        except requests.RequestException as error:
            message = f"{where} cannot be reached ({type(error).__name__}). Check the network and POE_API_URL."
            raise ObservationError(Code.CONNECTION_FAILED, message) from error
        if answer.status_code != requests.codes.ok:
            raise _refusal(where, answer)
        try:
            return json.loads(answer.content, parse_float=Decimal)
        except (ValueError, RecursionError) as error:
            raise _garbled("it is no JSON") from error

    def _place(self, endpoint: str) -> Path | None:
        if self._cache is None:
            return None
        digest = hashlib.sha256(f"{self._secret}{endpoint}".encode()).hexdigest()
        return self._cache / f"{digest}.json"


def patient_session() -> requests.Session:
    """A client that tries again, after as long as `Retry-After` asks, up to `RETRIES` times."""
    retry = Retry(
        total=RETRIES,
        status_forcelist=(429, 500, 502, 503, 504),
        backoff_factor=1,
        backoff_max=MAX_WAIT,
        retry_after_max=MAX_WAIT,
        raise_on_status=False,
    )
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


def start_of(since: date | timedelta | None, now: datetime) -> datetime:
    """The moment that someone means by `since`.

    Args:
        since: an aware moment; a day, for its start in UTC; a span before `now`; None for `SPAN`.
        now: the time, aware.

    Raises:
        UsageError: the moment has no time zone, or lies ahead.
    """
    match since:
        case None:
            moment = now - SPAN
        case timedelta():
            moment = now - since
        case datetime() if since.tzinfo is None:
            message = f"the time {since} has no time zone"
            raise UsageError(message)
        case datetime():
            moment = since
        case _:
            moment = datetime(since.year, since.month, since.day, tzinfo=UTC)
    if moment > now:
        message = f"{moment:%Y-%m-%d %H:%M} UTC lies ahead: nothing was billed since"
        raise UsageError(message)
    return moment


# --- the key and Poe's refusals ----------------------------------------------------------------


def _usable(key: str) -> str:
    key = key.strip()
    if not key:
        message = "there is no API key: put yours (https://poe.com/api_key) into the environment variable POE_API_KEY"
        raise UsageError(message)
    if not key.isascii() or not key.isprintable() or " " in key:
        # The HTTP client would refuse it too, and quote it.
        message = "POE_API_KEY holds characters that no key has: copy it again, without blanks and line breaks"
        raise UsageError(message)
    return key


def _refusal(where: str, answer: requests.Response) -> ObservationError:
    status = answer.status_code
    if status in {401, 403}:
        code = Code.ACCOUNT_REFUSED
        return ObservationError(code, f"{where} refused the key ({status}). {FAILURES[code].remedy}")
    if status == requests.codes.too_many_requests:
        seconds = answer.headers.get("Retry-After", "")
        asked = f", and asks to wait {seconds} s" if seconds.isdecimal() else ""
        message = f"{where} answered 429, too many requests{asked}. Try again later."
        return ObservationError(Code.RATE_LIMITED, message)
    if status >= requests.codes.internal_server_error:
        return ObservationError(Code.SERVER_ERROR, f"{where} answered {status}. Try again later.")
    return _garbled(f"its status is {status}")


def _garbled(why: str) -> ObservationError:
    code = Code.ACCOUNT_GARBLED
    return ObservationError(code, f"Poe's answer about the account cannot be used: {why}. {FAILURES[code].remedy}")


# --- reading entries ---------------------------------------------------------------------------

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = 10**11
"""Seconds stay below this for three thousand years; microseconds passed it in 1970."""
_FIGURE = re.compile(r"\s*([0-9][0-9,]*(?:\.[0-9]+)?)\s*(?:points?)?\s*", re.IGNORECASE)


def _readable(entries: list[object]) -> Iterator[Usage]:
    for entry in entries:
        try:
            yield _usage(entry)
        except (ValueError, TypeError, OverflowError) as error:
            logger.debug("an entry of the usage history cannot be read (%s)", type(error).__name__)


def _usage(entry: object) -> Usage:
    """An entry of the history, in today's format or the older one (`app_name`, seconds).

    Raises:
        ValueError: something in it is missing or of no use.
        TypeError: so is its time, or the whole.
        OverflowError: its time is out of all bounds.
    """
    if not isinstance(entry, Mapping) or not isinstance(entry.get("creation_time"), int):
        message = "no entry with a time"
        raise TypeError(message)
    time = entry["creation_time"]
    return Usage.model_validate(
        {
            "id": entry.get("query_id"),
            "at": _EPOCH + (timedelta(seconds=time) if time < _SECONDS else timedelta(microseconds=time)),
            "bot": entry.get("bot_name", entry.get("app_name")),
            "kind": entry.get("usage_type"),
            "points": entry.get("cost_points"),
            "usd": entry.get("cost_usd"),
            "parts": _parts(entry.get("cost_breakdown_in_points")),
        }
    )


def _parts(breakdown: object) -> dict[str, Decimal | None]:
    """The parts of a breakdown. Their total, where it is told among them, is none of them."""
    if not isinstance(breakdown, Mapping):
        return {}
    return {label: _figure(value) for label, value in breakdown.items() if label.casefold() != "total"}


def _figure(value: object) -> Decimal | None:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    match = _FIGURE.fullmatch(value) if isinstance(value, str) else None
    return Decimal(match[1].replace(",", "")) if match else None


# --- kept answers ------------------------------------------------------------------------------

Answer = TypeVar("Answer", Balance, UsageHistory)


def cache_folder() -> Path:
    """Where answers are kept: a folder of the user's cache."""
    return user_cache() / "account"


def _kept(place: Path | None, kind: type[Answer], now: datetime) -> Answer | None:
    """The answer kept there, where it is there and fresh."""
    if place is None:
        return None
    try:
        answer = kind.model_validate_json(place.read_bytes())
    except (OSError, ValidationError):
        return None  # it is asked for again, and the file replaced
    return answer if timedelta(0) <= now - answer.at < FRESH_FOR else None


def _keep(place: Path | None, answer: Answer) -> Answer:
    """Keep an answer, where that can be done, for its owner's eyes alone."""
    if place is None:
        return answer
    temporary = place.with_suffix(f".{os.getpid()}.tmp")
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(answer.model_dump_json())
        temporary.replace(place)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        logger.warning("The answer about the account is not kept: %s: %s", place.parent, error.strerror)
    return answer
