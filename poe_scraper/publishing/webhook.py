"""Post the changes of a version to a webhook, following the Standard Webhooks specification.

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

from poe_scraper import __version__, clock
from poe_scraper.deadline import within
from poe_scraper.failures import Code, FeedError, PoeScraperError, UsageError
from poe_scraper.feed.store import FeedStore
from poe_scraper.items import SCHEMA_VERSION, Change
from poe_scraper.publishing.record import Record

MAX_BODY = 512 * 1024
"""Maximum size of the changes in one post, in bytes; further changes are left out and counted."""

MAX_MISSED = 20
"""Number of versions that are kept for the next run if posting fails; older ones are given up."""

RETRIES = 3
"""Number of retries of a post in one run."""

_MAX_WAIT = 30
"""Maximum number of seconds between two attempts, even if `Retry-After` asks for more."""

_TIMEOUT = 10
"""Seconds to connect, and to wait for a response."""

TOTAL_TIMEOUT = 60
"""Maximum number of seconds that a post takes with its retries: it holds the feed's lock."""

_TEMPORARY = frozenset({408, 425, 429, *range(500, 600)})
"""HTTP status codes of temporary failures, which are retried."""

_MIN_KEY = 24
"""Minimum size of a signing key in bytes, from the specification."""

_KINDS = ("added", "gone", "back", "changed")


class NotDeliveredError(PoeScraperError):
    """A post failed.

    Args:
        message: why, without the address, which may contain a secret.
        is_down: True if the receiver is down, so that other posts would fail too.
    """

    def __init__(self, message: str, *, is_down: bool) -> None:
        super().__init__(message)
        self.is_down = is_down


class Webhook:
    """A webhook that changes are posted to.

    Args:
        url: its address, which may contain a secret.
        secret: the signing key in base64, with or without the prefix `whsec_`.
        backoff: seconds before the second retry (the first is immediate); doubled with each further one.
    """

    def __init__(self, url: str, secret: str, *, backoff: float = 2.0) -> None:
        self.url = url
        self.secret = secret
        self.backoff = backoff

    def post(self, message_id: str, body: bytes) -> None:
        """Post a signed message. Temporary failures are retried.

        Raises:
            NotDeliveredError: the post failed.
            UsageError: the address or the secret is not valid.
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
            status_forcelist=_TEMPORARY,
            raise_on_status=False,
            backoff_factor=self.backoff / 2,
            backoff_max=_MAX_WAIT,
            retry_after_max=_MAX_WAIT,
        )

        def send() -> int:
            with requests.Session() as session, _no_addresses_logged():
                session.mount(f"{urlsplit(self.url).scheme}://", HTTPAdapter(max_retries=retry))
                with session.post(
                    self.url, data=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False, stream=True
                ) as answer:
                    return answer.status_code

        try:
            status = within(TOTAL_TIMEOUT, send)
        except TimeoutError:
            message = f"{origin}: no response in {TOTAL_TIMEOUT} s"
            raise NotDeliveredError(message, is_down=True) from None
        except requests.ConnectionError as error:
            why = "the TLS connection failed" if isinstance(error, requests.exceptions.SSLError) else "no response"
            message = f"{origin}: {why} ({_innermost(error)})"
            raise NotDeliveredError(message, is_down=True) from None
        except requests.RequestException as error:
            message = f"{origin}: {type(error).__name__}"
            raise NotDeliveredError(message, is_down=True) from None
        if not 200 <= status < 300:
            note = "; redirects are not followed" if 300 <= status < 400 else ""
            message = f"{origin} answered {status}{note}"
            raise NotDeliveredError(message, is_down=status in _TEMPORARY)


def notify(
    store: FeedStore, webhook: Webhook, record: Record, *, version: int, new_version: bool
) -> Iterator[tuple[Code, str]]:
    """Post the changes of this version and of versions that earlier runs failed to post, one post per version.

    Args:
        store: the folder of the feed.
        webhook: where to post.
        record: what was posted before; it is updated.
        version: the feed's version.
        new_version: True if this run published it.

    Yields:
        A code and a message for each version that was not posted.
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
        record.webhook_missed = failed  # the others were posted or had no changes


def _messages(store: FeedStore, versions: list[int]) -> Iterator[tuple[int, tuple[str, bytes]]]:
    """Number, message id and message body of those versions that have changes."""
    if versions:
        changes = store.changes(after=versions[0] - 1)
        for number, changed in groupby(changes, lambda change: change.version):
            if number in versions:
                yield number, message(changed)


def message(changes: Iterable[Change]) -> tuple[str, bytes]:
    """Make the id and the body of the message about one version.

    The id depends on the version only, so that a receiver can recognise a message it has already received.

    Args:
        changes: all changes of the version.

    Raises:
        ValueError: there are none.
    """
    bots: dict[str, set[str]] = {kind: set() for kind in _KINDS}
    included: list[dict[str, Any]] = []
    count = size = 0
    change = None
    for change in changes:
        count += 1
        bots[change.kind].add(change.bot)
        line = change.model_dump_json()
        size += len(line.encode()) + 1
        if size <= MAX_BODY:
            included.append(json.loads(line))
    if change is None:
        text = "a message needs at least one change"
        raise ValueError(text)
    version, at = change.version, change.at
    body = {
        "type": "feed.published",
        "timestamp": clock.text(at),
        "data": {
            "schema_version": SCHEMA_VERSION,
            "version": version,
            "bots": {kind: len(names) for kind, names in bots.items()},
            "total": count,
            "left_out": count - len(included),
            "changes": included,
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
    """The class name of the root cause; its message may contain the address."""
    while True:
        inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        if not isinstance(inner, BaseException):
            return type(error).__name__
        error = inner


@contextmanager
def _no_addresses_logged() -> Iterator[None]:
    """Silence urllib3, which logs the paths of requests and retries: a webhook's path is often a secret."""
    urllib3 = logging.getLogger("urllib3")
    level = urllib3.level
    urllib3.setLevel(logging.ERROR)
    try:
        yield
    finally:
        urllib3.setLevel(level)
