"""A client for Poe's documented account endpoints: the points left, and what they were spent on.

The API key is only sent in the `Authorization` header. It never appears in an exception, a log or the cache.
Responses are cached for five minutes in a file that only the user can read; its name is a hash.
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
from poe_scraper.deadline import within
from poe_scraper.failures import FAILURES, Code, ObservationError, UsageError
from poe_scraper.items import POINTS_PER_USD, Amount, Instant, Item
from poe_scraper.settings import environment, user_cache

logger = logging.getLogger(__name__)

SPAN = timedelta(days=30)
"""How far back Poe's usage history goes (documented)."""
FRESH_FOR = timedelta(minutes=5)
"""How long a response is cached."""
TIMEOUT = 20
"""Seconds to wait for a response."""
TOTAL_TIMEOUT = 120
"""Maximum number of seconds that a request takes with its retries."""
MAX_SIZE = 16 * 1024 * 1024
"""Maximum size of a response in bytes, decompressed."""
RETRIES = 2
"""Maximum number of retries after a 429, a server error or a broken connection."""
MAX_WAIT = 30
"""Maximum number of seconds to wait before a retry, even if `Retry-After` asks for more."""

_PAGE = 100  # the maximum page size (documented)


class Balance(Item):
    """The points left on an account."""

    at: Instant
    """When Poe was asked."""
    points: Amount
    """Points left."""
    usd: Amount
    """The same in dollars, at 33,000 points per dollar, to six decimals."""


class Usage(Item):
    """One message, as Poe billed it."""

    id: str = Field(min_length=1)
    """Poe's `query_id`."""
    at: Instant
    """When it was sent."""
    bot: str = Field(min_length=1, examples=["Claude-Sonnet-4.5"])
    """The bot's name. Untrusted text."""
    kind: str = Field(examples=["API", "Chat", "Canvas App"])
    """Where it was sent from, in Poe's words. Untrusted text."""
    points: Amount
    """Points billed."""
    usd: Amount
    """Dollars billed, according to Poe."""
    parts: dict[str, Amount | None] = Field(default_factory=dict, examples=[{"Input": "12", "Output": "340"}])
    """Points of each part by its label; null if Poe's figure cannot be parsed. Untrusted text."""


class UsageHistory(Item):
    """What an account was billed."""

    at: Instant
    """When Poe was asked."""
    since: Instant
    """Start of the history."""
    usages: tuple[Usage, ...] = ()
    """The messages, newest first."""
    left_out: int = 0
    """Number of entries that could not be parsed and are missing from the sums."""


class _Bearer(AuthBase):
    """The key as a bearer token. Passing it with each request keeps `requests` from using a `.netrc` entry instead."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class Account:
    """An account at Poe.

    Args:
        key: the API key; by default the value of the environment variable `POE_API_KEY`.
        session: the HTTP client.
        cache: folder for cached responses; None disables the cache.

    The addresses of the endpoints are derived from `POE_API_URL`, the address of the models API.

    Raises:
        UsageError: there is no key, or it contains characters that a key cannot have.
    """

    def __init__(
        self, key: str | None = None, *, session: requests.Session | None = None, cache: Path | None = None
    ) -> None:
        key = _usable(environment("POE_API_KEY") if key is None else key)
        self._auth = _Bearer(key)
        self._base = urljoin(environment("POE_API_URL"), "../usage/")
        self._session = session or retrying_session()
        self._cache = cache
        self._secret = f"{key}\n{self._base}"

    def balance(self, *, now: datetime, fresh: bool = False) -> Balance:
        """The points left.

        Args:
            now: the current time, with a time zone.
            fresh: True to bypass the cache.

        Raises:
            ObservationError: Poe could not be reached, or its response cannot be used.
        """
        file = self._cache_file("current_balance")
        if not fresh and (cached := _cached(file, Balance, now)):
            return cached
        answer = self._get("current_balance")
        points = answer.get("current_point_balance") if isinstance(answer, dict) else None
        if isinstance(points, bool) or not isinstance(points, int | Decimal):
            raise _invalid("current_point_balance is missing or not a number")
        try:
            usd = (Decimal(points) / POINTS_PER_USD).quantize(Decimal("0.000001"))
            balance = Balance(at=now, points=Decimal(points), usd=usd)
        except (ArithmeticError, ValidationError) as error:
            raise _invalid("current_point_balance is not a valid number of points") from error
        return _cache(file, balance)

    def usage(self, since: datetime, *, now: datetime, fresh: bool = False) -> UsageHistory:
        """What was billed since a moment. Poe keeps the last 30 days.

        Args:
            since: the moment, with a time zone.
            now: the current time, with a time zone.
            fresh: True to bypass the cache.

        Raises:
            ObservationError: Poe could not be reached, or its response cannot be used.
        """
        file = self._cache_file("points_history")
        cached = None if fresh else _cached(file, UsageHistory, now)
        if cached is not None and cached.since <= since:
            usages = tuple(usage for usage in cached.usages if usage.at >= since)
            return cached.model_copy(update={"since": since, "usages": usages})
        usages, left_out = self._history(since)
        return _cache(file, UsageHistory(at=now, since=since, usages=usages, left_out=left_out))

    def _history(self, since: datetime) -> tuple[tuple[Usage, ...], int]:
        found: dict[str, Usage] = {}
        left_out = 0
        after: dict[str, str] = {}
        while True:
            answer = self._get("points_history", limit=str(_PAGE), **after)
            entries = answer.get("data") if isinstance(answer, dict) else None
            if not isinstance(entries, list):
                raise _invalid("'data' is missing or not a list")
            page = [*_readable(entries)]
            left_out += len(entries) - len(page)
            if entries and not page:
                raise _invalid(f"none of its {len(entries)} entries can be parsed")
            known = len(found)
            found |= {usage.id: usage for usage in page}
            if not entries or answer.get("has_more") is not True or page[-1].at < since:
                return tuple(usage for usage in found.values() if usage.at >= since), left_out
            if len(found) == known:
                raise _invalid("its pages repeat themselves")
            after = {"starting_after": page[-1].id}

    def _get(self, endpoint: str, **query: str) -> Any:
        url = urljoin(self._base, endpoint)
        where = f"{urlsplit(url).hostname}/usage/{endpoint}"

        def ask() -> tuple[requests.Response, bytes]:
            with self._session.get(
                url,
                params=query,
                auth=self._auth,
                headers={"User-Agent": f"poe-scraper/{__version__}", "Accept": "application/json"},
                timeout=TIMEOUT,
                allow_redirects=False,  # the key must not be sent to another host
                stream=True,
            ) as answer:
                return answer, _body(answer)

        try:
            answer, body = within(TOTAL_TIMEOUT, ask)
        except TimeoutError as error:
            message = f"{where} did not answer in full in {TOTAL_TIMEOUT} s. Try again later."
            raise ObservationError(Code.TIMEOUT, message) from error
        except requests.Timeout as error:
            raise ObservationError(Code.TIMEOUT, f"{where} did not answer in {TIMEOUT} s. Try again later.") from error
        except requests.RequestException as error:
            message = f"{where} cannot be reached ({type(error).__name__}). Check the network and POE_API_URL."
            raise ObservationError(Code.CONNECTION_FAILED, message) from error
        if answer.status_code != requests.codes.ok:
            raise _refusal(where, answer)
        try:
            return json.loads(body, parse_float=Decimal)
        except (ValueError, RecursionError) as error:
            raise _invalid("it is not JSON") from error

    def _cache_file(self, endpoint: str) -> Path | None:
        if self._cache is None:
            return None
        digest = hashlib.sha256(f"{self._secret}{endpoint}".encode()).hexdigest()
        return self._cache / f"{digest}.json"


def retrying_session() -> requests.Session:
    """An HTTP client that retries up to `RETRIES` times and respects `Retry-After`."""
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
    """Convert `since` to a moment.

    Args:
        since: a moment with a time zone, a day (its start in UTC), or a span before `now`; None means `SPAN`.
        now: the current time, with a time zone.

    Raises:
        UsageError: the moment has no time zone, or is in the future.
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
        message = f"{moment:%Y-%m-%d %H:%M} UTC is in the future: nothing was billed since"
        raise UsageError(message)
    return moment


# --- the key, and error responses --------------------------------------------------------------


def _usable(key: str) -> str:
    key = key.strip()
    if not key:
        message = "there is no API key: set the environment variable POE_API_KEY to yours (https://poe.com/api_key)"
        raise UsageError(message)
    if not key.isascii() or not key.isprintable() or " " in key:
        # the HTTP client would refuse it too, but its message would quote the key
        message = "POE_API_KEY contains characters that a key cannot have: copy it again, without spaces or newlines"
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
    return _invalid(f"its status is {status}")


def _body(answer: requests.Response) -> bytes:
    """The body of a response; raises `ObservationError` if it is too large."""
    body = bytearray()
    for chunk in answer.iter_content(64 * 1024):
        body += chunk
        if len(body) > MAX_SIZE:
            raise _invalid(f"it is larger than {MAX_SIZE // 1024**2} MB")
    return bytes(body)


def _invalid(why: str) -> ObservationError:
    code = Code.ACCOUNT_GARBLED
    return ObservationError(code, f"Poe's response about the account cannot be used: {why}. {FAILURES[code].remedy}")


# --- parsing entries ---------------------------------------------------------------------------

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = 10**11
"""Times below this are in seconds (until the year 5138), others in microseconds (since 1970)."""
_FIGURE = re.compile(r"\s*([0-9][0-9,]*(?:\.[0-9]+)?)\s*(?:points?)?\s*", re.IGNORECASE)


def _readable(entries: list[object]) -> Iterator[Usage]:
    for entry in entries:
        try:
            yield _usage(entry)
        except (ValueError, TypeError, OverflowError) as error:
            logger.debug("an entry of the usage history cannot be parsed (%s)", type(error).__name__)


def _usage(entry: object) -> Usage:
    """Parse an entry of the history, in the current format or the older one (`app_name`, seconds).

    Raises:
        ValueError: a field is missing or invalid.
        TypeError: it is not an object, or its time is not a whole number.
        OverflowError: its time is out of range.
    """
    if not isinstance(entry, Mapping) or not isinstance(entry.get("creation_time"), int):
        message = "not an object with a creation_time"
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
    """The parts of a breakdown, without the total that it may contain."""
    if not isinstance(breakdown, Mapping):
        return {}
    return {label: _figure(value) for label, value in breakdown.items() if label.casefold() != "total"}


def _figure(value: object) -> Decimal | None:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    match = _FIGURE.fullmatch(value) if isinstance(value, str) else None
    return Decimal(match[1].replace(",", "")) if match else None


# --- cached responses --------------------------------------------------------------------------

Answer = TypeVar("Answer", Balance, UsageHistory)


def cache_folder() -> Path:
    """The folder for cached responses, in the user's cache."""
    return user_cache() / "account"


def _cached(file: Path | None, kind: type[Answer], now: datetime) -> Answer | None:
    """The cached response; None if there is none or it is too old."""
    if file is None:
        return None
    try:
        answer = kind.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None  # Poe is asked again and the file is replaced
    return answer if timedelta(0) <= now - answer.at < FRESH_FOR else None


def _cache(file: Path | None, answer: Answer) -> Answer:
    """Cache a response in a file that only the user can read. Failure to write it is logged and has no other effect."""
    if file is None:
        return answer
    temporary = file.with_suffix(f".{os.getpid()}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(answer.model_dump_json())
        temporary.replace(file)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        logger.warning("The response about the account cannot be cached in %s: %s", file.parent, error.strerror)
    return answer
