"""Copies of the feed elsewhere, through fsspec: object stores, FTP, SFTP, a folder.

https://filesystem-spec.readthedocs.io
"""

import ftplib
import hashlib
import logging
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from multiprocessing.pool import ThreadPool
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import fsspec
from fsspec.config import conf
from fsspec.utils import get_protocol

from poe_scraper.failures import Code
from poe_scraper.feed.store import FeedStore
from poe_scraper.publishing.record import Record
from poe_scraper.untrusted import safe

logger = logging.getLogger(__name__)

TRIES = 3
"""Number of attempts per destination in one run."""

_RENAMES = {"file", "local", "ftp", "sftp", "ssh"}
"""Protocols with folders and an atomic rename. In other places a file appears only when it is complete."""

_OPTIONS: dict[str, dict[str, Any]] = {
    "ftp": {"block_size": 16 * 1024 * 1024},  # each block is a transfer of its own
    # sshfs takes any host key unless told otherwise; () are the known hosts of the user
    "sftp": {"known_hosts": ()},
    "ssh": {"known_hosts": ()},
}

_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "sftp": "sftp", "ssh": "sftp"}
"""The extra of this project that has the package a protocol needs."""

PERMANENT_ERRORS = (ImportError, NotImplementedError, ValueError, PermissionError, ftplib.error_perm)
"""A wrong URL, a missing package, a wrong password: a second try does not help, and may lock an account."""

_SECRET_OPTION = re.compile("key|pass|secret|token", re.IGNORECASE)


def send(
    store: FeedStore, urls: Iterable[str], record: Record, *, backoff: float, timeout: float
) -> Iterator[tuple[Code, str]]:
    """Update all destinations at the same time.

    Args:
        store: the folder of the feed.
        urls: the destinations.
        record: what they have; updated.
        backoff: seconds before the first retry; doubled with each further one.
        timeout: seconds for all of it.

    Yields:
        A code and a message for every destination that failed.
    """
    destinations = _named(urls, store, record, deadline=time.monotonic() + timeout)
    errors = _all_at_once(destinations, timeout)
    for attempt in range(1, TRIES):
        again = {name: destinations[name] for name, error in errors.items() if not isinstance(error, PERMANENT_ERRORS)}
        pause = backoff * 2 ** (attempt - 1)
        left = min((each.deadline for each in again.values()), default=0.0) - time.monotonic() - pause
        if left <= 0:
            break
        time.sleep(pause)
        for name in again:
            del errors[name]
        errors |= _all_at_once(again, left)
    for name in (name for name in destinations if name in errors):
        yield Code.DELIVERY_FAILED, f"{name}: {destinations[name].told(errors[name])}"


class Destination:
    """One place that gets a copy of the feed.

    Args:
        url: as fsspec takes it; it may hold credentials.
        store: the folder of the feed.
        sent: SHA-256 of each file that the place has, except versions; updated.
        deadline: moment of the monotonic clock after which no further file is sent.
    """

    def __init__(self, url: str, store: FeedStore, sent: dict[str, str], *, deadline: float) -> None:
        self.url = url
        self.store = store
        self.sent = sent
        self.deadline = deadline
        self.protocol = get_protocol(url)

    def update(self) -> None:
        """Send what is missing or changed, `models.json` last.

        Raises:
            Exception: what fsspec and the package behind it raise; there is no list of that.
        """
        # a new instance has no broken connection and no old listing
        filesystem, root = fsspec.url_to_fs(self.url, skip_instance_cache=True, **_OPTIONS.get(self.protocol, {}))
        sizes = {PurePosixPath(name): size for name, size in _sizes(filesystem, root, "", "versions")}
        count = 0
        for path in self._files():
            name = PurePosixPath(path.relative_to(self.store.folder))
            is_version = path.parent == self.store.version_folder
            digest = "" if is_version else _digest(path)
            if sizes.get(name) == path.stat().st_size and (is_version or self.sent.get(str(name)) == digest):
                continue
            if time.monotonic() > self.deadline:
                message = "it took too long"
                raise TimeoutError(message)
            self.sent.pop(str(name), None)
            self._put(filesystem, path, f"{root.rstrip('/')}/{name}")
            if not is_version:
                self.sent[str(name)] = digest
            count += 1
        logger.info("%s: %d files sent", public_name(self.url), count)

    def told(self, error: BaseException) -> str:
        """What went wrong, for a person, on one line and without secrets."""
        if isinstance(error, ImportError) and self.protocol in _EXTRAS:
            return f"a package is missing: pip install 'poe-scraper[{_EXTRAS[self.protocol]}]'"
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        for secret in sorted(self._secrets(), key=len, reverse=True):
            text = text.replace(secret, "***")
        return safe(text)[:300]

    def _files(self) -> Iterator[Path]:
        """The files in the order in which they are sent: a file arrives after those it refers to."""
        store = self.store
        yield from map(store.version_file, store.versions())
        yield from (path for path in (store.change_log, store.atom, store.schema, store.models) if path.is_file())

    def _put(self, filesystem: fsspec.AbstractFileSystem, path: Path, target: str) -> None:
        if self.protocol not in _RENAMES:
            filesystem.put_file(str(path), target)
            return
        folder, _, name = target.rpartition("/")
        temporary = f"{folder}/.{name}.tmp"
        filesystem.makedirs(folder, exist_ok=True)
        filesystem.put_file(str(path), temporary)
        if self.protocol in {"file", "local"}:
            with Path(temporary).open("rb") as file:
                os.fsync(file.fileno())
        filesystem.mv(temporary, target)

    def _secrets(self) -> set[str]:
        """Pieces of the URL and of fsspec's configuration that must not be shown."""
        userinfo, found, _ = self.url.partition("://")[2].rpartition("@")
        query = self.url.partition("?")[2]
        pieces = {self.url, query, *((userinfo, userinfo.partition(":")[2]) if found else ())}
        options: Mapping[str, Any] = conf.get(self.protocol, {})
        pieces |= {str(value) for name, value in options.items() if _SECRET_OPTION.search(name)}
        return {text for piece in pieces for text in (piece, unquote(piece)) if text}


def public_name(url: str) -> str:
    """A destination's URL without user, password, query and fragment.

    fsspec takes passwords without escapes, so that, unlike in `untrusted.public_url`, a user may contain `/`.
    """
    return re.split(r"[?#]", re.sub("://.*@", "://", url), maxsplit=1)[0]


def _named(urls: Iterable[str], store: FeedStore, record: Record, *, deadline: float) -> dict[str, Destination]:
    """The destinations by a unique name without secrets."""
    destinations: dict[str, Destination] = {}
    for url in urls:
        name, number = public_name(url), 1
        while name in destinations:
            number += 1
            name = f"{public_name(url)} ({number})"
        sent = record.destinations.setdefault(name, {})
        destinations[name] = Destination(url, store, sent, deadline=deadline)
    return destinations


def _all_at_once(destinations: Mapping[str, Destination], timeout: float) -> dict[str, BaseException]:
    """Update destinations in threads, and return the errors of those that failed.

    A backend may raise anything, and may hang forever. Neither may affect the run or another destination.
    """
    errors: dict[str, BaseException] = {}
    if not destinations:
        return errors
    end = time.monotonic() + timeout
    with ThreadPool(len(destinations)) as pool:  # its threads do not outlive the process
        results = {
            name: pool.apply_async(each.update, error_callback=partial(errors.__setitem__, name))
            for name, each in destinations.items()
        }
        for name, result in results.items():
            result.wait(max(0.0, end - time.monotonic()))
            if not result.ready():
                errors[name] = TimeoutError("it took too long")
    return dict(errors)


def _sizes(filesystem: fsspec.AbstractFileSystem, root: str, *folders: str) -> Iterator[tuple[str, int]]:
    """Name and size of the files that are there now."""
    for folder in folders:
        try:
            entries = filesystem.ls(f"{root.rstrip('/')}/{folder}".rstrip("/") or "/", detail=True)
        except FileNotFoundError:
            continue
        for entry in entries:
            if entry["type"] == "file":
                yield f"{folder}/{PurePosixPath(entry['name']).name}".lstrip("/"), entry["size"]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
