"""The changes of a version, posted to a webhook as the Standard Webhooks specification has it.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from poe_scraper import __version__
from poe_scraper.failures import Code, FeedError, PoeScraperError, UsageError
from poe_scraper.feed.store import FeedStore
from poe_scraper.items import SCHEMA_VERSION, Change
from poe_scraper.publishing.record import Record

MAX_BODY = 512 * 1024
"""Largest number of bytes of changes in one post; the rest is counted and left out."""

MAX_MISSED = 20
"""Number of the newest versions that are kept for the next run if posting fails."""

RETRIES = 3
"""Number of retries of a post in one run."""

_MAX_WAIT = 60
"""Seconds between two attempts, at most. Receivers refuse a signature that is older than 5 minutes."""

_TIMEOUT = 10
"""Seconds to connect, and to wait for an answer."""

_FOR_A_WHILE = frozenset({408, 425, 429, *range(500, 600)})
"""Statuses that ask for another attempt."""

_MIN_KEY = 24
"""Smallest number of bytes of a signing key, as the specification asks for."""

_KINDS = ("added", "gone", "back", "changed")


class NotDeliveredError(PoeScraperError):
    """A post did not arrive.

    Args:
        message: why, without the address, which may hold a secret.
        is_down: True if another post would fail in the same way.
    """

    def __init__(self, message: str, *, is_down: bool) -> None:
        super().__init__(message)
        self.is_down = is_down


class Webhook:
    """A webhook that changes are posted to.

    Args:
        url: its address, which may contain a secret.
        secret: the signing key in base64, after `whsec_` or plain.
        backoff: seconds before the second retry (the first is immediate); doubled with each further one.
    """

    def __init__(self, url: str, secret: str, *, backoff: float = 2.0) -> None:
        self.url = url
        self.secret = secret
        self.backoff = backoff

    def post(self, message_id: str, body: bytes) -> None:
        """Post a signed message. Temporary failures are retried.

        Raises:
            NotDeliveredError: it did not arrive.
            UsageError: the address or the secret is not acceptable.
        """
        origin, key = _origin(self.url), _key(self.secret)
        timestamp = int(time.time())
        signature = hmac.digest(key, b"%s.%d.%s" % (message_id.encode(), timestamp, body), hashlib.sha256)
        headers = {
            "content-type": "application/json",
            "user-agent": f"poe-scraper/{__version__}",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
        }
        retry = Retry(
            total=RETRIES,
            allowed_methods={"POST"},
            status_forcelist=_FOR_A_WHILE,
            raise_on_status=False,
            backoff_factor=self.backoff / 2,
            backoff_max=_MAX_WAIT,
            retry_after_max=_MAX_WAIT,
        )
        with requests.Session() as session, _no_addresses_logged():
            session.mount(f"{urlsplit(self.url).scheme}://", HTTPAdapter(max_retries=retry))
            try:
                answer = session.post(
                    self.url, data=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False, stream=True
                )
            except requests.ConnectionError as error:
                why = "the TLS connection failed" if isinstance(error, requests.exceptions.SSLError) else "no answer"
                message = f"{origin}: {why} ({_innermost(error)})"
                raise NotDeliveredError(message, is_down=True) from None
            except requests.RequestException as error:
                message = f"{origin}: {type(error).__name__}"
                raise NotDeliveredError(message, is_down=True) from None
            answer.close()
        if not 200 <= answer.status_code < 300:
            note = "; redirects are not followed" if 300 <= answer.status_code < 400 else ""
            message = f"{origin} answered {answer.status_code}{note}"
            raise NotDeliveredError(message, is_down=answer.status_code in _FOR_A_WHILE)


def notify(
    store: FeedStore, webhook: Webhook, record: Record, *, version: int, new_version: bool
) -> Iterator[tuple[Code, str]]:
    """Post the changes of this version, and of those that earlier runs could not post, one post each.

    Args:
        store: the folder of the feed.
        webhook: where to post.
        record: what was posted; updated.
        version: the feed's version.
        new_version: True if this run brought it.

    Yields:
        A code and a message for every version that was not posted.
    """
    through = record.webhook_through
    if through is None or through > version:
        through = version - 1 if new_version else version
    due = sorted({*record.webhook_missed, *range(through + 1, version + 1)})
    record.webhook_through, record.webhook_missed = version, due[-MAX_MISSED:]
    if due[:-MAX_MISSED]:
        yield (
            Code.WEBHOOK_FAILED,
            f"versions {due[0]} to {due[-MAX_MISSED - 1]} are given up: too many versions are waiting",
        )
    waiting, failed = record.webhook_missed, []
    try:
        for number, body in _messages(store, waiting):
            try:
                webhook.post(*body)
            except NotDeliveredError as error:
                yield Code.WEBHOOK_FAILED, f"version {number}: {error}"
                if error.is_down:
                    return
                failed.append(number)
            record.webhook_missed = failed + [each for each in waiting if each > number]
    except (UsageError, FeedError) as error:
        yield Code.WEBHOOK_FAILED, str(error)
    else:
        record.webhook_missed = failed  # the others are posted, or brought no change


def _messages(store: FeedStore, versions: list[int]) -> Iterator[tuple[int, tuple[str, bytes]]]:
    """The versions among these that brought changes, each with id and body of its message."""
    if versions:
        changes = store.changes(after=versions[0] - 1)
        for number, brought in groupby(changes, lambda change: change.version):
            if number in versions:
                yield number, message(brought)


def message(changes: Iterable[Change]) -> tuple[str, bytes]:
    """Id and body of the message about one version.

    The id is the same each time, so that a receiver recognises a message that it has seen.

    Args:
        changes: all changes of the version.

    Raises:
        ValueError: there are none.
    """
    bots: dict[str, set[str]] = {kind: set() for kind in _KINDS}
    told: list[dict[str, Any]] = []
    count = size = 0
    change = None
    for change in changes:
        count += 1
        bots[change.kind].add(change.bot)
        line = change.model_dump_json()
        size += len(line.encode()) + 1
        if size <= MAX_BODY:
            told.append(json.loads(line))
    if change is None:
        text = "a message needs at least one change"
        raise ValueError(text)
    version, at = change.version, change.at
    body = {
        "type": "feed.published",
        "timestamp": at.isoformat().replace("+00:00", "Z"),
        "data": {
            "schema_version": SCHEMA_VERSION,
            "version": version,
            "bots": {kind: len(names) for kind, names in bots.items()},
            "total": count,
            "left_out": count - len(told),
            "changes": told,
        },
    }
    return f"feed-{version}-{at:%Y%m%dT%H%M%SZ}", json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _origin(url: str) -> str:
    """Scheme, host and port: the part of the address that may be shown."""
    text = "POE_WEBHOOK_URL must start with https:// or http:// and have a host."
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError(text) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(text)
    return f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port else "")


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        key = b""
    if len(key) < _MIN_KEY:
        text = (
            f"POE_WEBHOOK_SECRET must be at least {_MIN_KEY} bytes in base64, after whsec_. "
            'Make one with: echo "whsec_$(openssl rand -base64 32)"'
        )
        raise UsageError(text)
    return key


def _innermost(error: BaseException) -> str:
    """The name of the error at the root; its text may hold the address."""
    while True:
        inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        if not isinstance(inner, BaseException):
            return type(error).__name__
        error = inner


@contextmanager
def _no_addresses_logged() -> Iterator[None]:
    """urllib3 logs the path of what it asks for and tries again; a webhook's path is often a secret."""
    urllib3 = logging.getLogger("urllib3")
    level = urllib3.level
    urllib3.setLevel(logging.ERROR)
    try:
        yield
    finally:
        urllib3.setLevel(level)
