"""Copy the feed to other places with fsspec: object stores, FTP, SFTP, a folder.

https://filesystem-spec.readthedocs.io
"""

import ftplib
import logging
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from multiprocessing.pool import ThreadPool
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote

import fsspec
from fsspec.config import conf
from fsspec.utils import get_protocol

from poe_scraper.failures import Code
from poe_scraper.feed import disk
from poe_scraper.feed.store import FeedStore
from poe_scraper.publishing.record import Record, Sent
from poe_scraper.untrusted import safe

logger = logging.getLogger(__name__)

TRIES = 3
"""Maximum number of attempts per destination in one run."""

_RENAMES = {"file", "local", "ftp", "sftp", "ssh"}
"""Protocols with folders and an atomic rename. With other protocols, a file appears only when it is complete."""

_OPTIONS: dict[str, dict[str, Any]] = {
    "ftp": {"block_size": 16 * 1024 * 1024},  # each block is a separate transfer
    # by default, sshfs accepts any host key; () means the user's known hosts
    "sftp": {"known_hosts": ()},
    "ssh": {"known_hosts": ()},
}

_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "sftp": "sftp", "ssh": "sftp"}
"""The extra of this project that installs the package for a protocol."""

_TYPES = {
    ".json": "application/json",
    ".gz": "application/gzip",
    ".jsonl": "application/jsonl",
    ".atom": "application/atom+xml",
    ".schema.json": "application/schema+json",
}
"""Media types by the end of a file's name. A `.gz` file is served as it is, without `Content-Encoding`: a client that
unpacked it on the way would save something else under that name."""

_ONE_YEAR = 365 * 86_400
_IMMUTABLE = f"public, max-age={_ONE_YEAR}, immutable"
"""For files that never change under their name."""

PERMANENT_ERRORS = (ImportError, NotImplementedError, ValueError, PermissionError, ftplib.error_perm)
"""A wrong URL, a missing package, a wrong password: retrying does not help and may lock the account."""

_SECRET_OPTION = re.compile("key|pass|secret|token", re.IGNORECASE)


def send(
    store: FeedStore, urls: Iterable[str], record: Record, *, backoff: float, timeout: float
) -> Iterator[tuple[Code, str]]:
    """Update all destinations in parallel.

    Args:
        store: the folder of the feed.
        urls: the destinations.
        record: what they received before; it is updated.
        backoff: seconds before the first retry; doubled with each further one.
        timeout: seconds for all destinations and attempts together.

    Yields:
        A code and a message for each destination that failed.
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
        yield Code.DELIVERY_FAILED, f"{name}: {destinations[name].explain(errors[name])}"


class Destination:
    """One place that gets a copy of the feed.

    Args:
        url: a URL that fsspec accepts; it may contain credentials.
        store: the folder of the feed.
        sent: the files that were sent before; it is updated.
        deadline: time of the monotonic clock after which no further file is sent.
    """

    def __init__(self, url: str, store: FeedStore, sent: dict[str, Sent], *, deadline: float) -> None:
        self.url = url
        self.store = store
        self.sent = sent
        self.deadline = deadline
        self.protocol = get_protocol(url)

    def update(self) -> None:
        """Send files that are missing or have changed, here or there, each after those that it refers to.

        Raises:
            Exception: any exception of fsspec or the package it uses, since they document no list.
        """
        # a new instance has no broken connection and no stale directory listing
        filesystem, root = fsspec.url_to_fs(self.url, skip_instance_cache=True, **_OPTIONS.get(self.protocol, {}))
        there = dict(_listing(filesystem, root))
        paths = {path.relative_to(self.store.folder).as_posix(): path for path in self._files()}
        for name in self.sent.keys() - paths.keys():
            del self.sent[name]  # a version that is no longer kept here
        fresh = []
        try:
            for name, path in paths.items():
                if self._has(name, path, there.get(name)):
                    continue
                if time.monotonic() > self.deadline:
                    message = "it took too long"
                    raise TimeoutError(message)
                self.sent.pop(name, None)
                digest = disk.digest(path)
                self._put(filesystem, path, f"{root.rstrip('/')}/{name}")
                self.sent[name] = Sent(sha256=digest)
                fresh.append(name)
        finally:
            logger.info("%s: %d files sent", public_name(self.url), len(fresh))
        if fresh:
            there = dict(_listing(filesystem, root))
            for name in fresh:
                if name in there:
                    self.sent[name].tag = there[name].tag

    def _has(self, name: str, path: Path, found: "_Found | None") -> bool:
        """Whether the destination has a file with the content that it has here."""
        sent = self.sent.get(name)
        if sent is None or found is None or found.size != path.stat().st_size:
            return False
        if sent.tag is not None and found.tag != sent.tag:
            return False  # somebody else wrote it
        # a version never changes, and there may be thousands
        return path.parent == self.store.version_folder or sent.sha256 == disk.digest(path)

    def explain(self, error: BaseException) -> str:
        """Describe an error in one line, without secrets."""
        if isinstance(error, ImportError) and self.protocol in _EXTRAS:
            return f"a package is missing: pip install 'poe-scraper[{_EXTRAS[self.protocol]}]'"
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        for secret in sorted(self._secrets(), key=len, reverse=True):
            text = text.replace(secret, "***")
        return safe(text)[:300]

    def _files(self) -> Iterator[Path]:
        """The files in the order in which they are sent: each file after those it refers to."""
        store = self.store
        yield from map(store.version_file, store.versions())
        yield from (path for path in store.current_files if path.is_file())

    def _put(self, filesystem: fsspec.AbstractFileSystem, path: Path, target: str) -> None:
        if self.protocol not in _RENAMES:
            headers = self._headers(path) if self.protocol in {"s3", "s3a"} else {}
            filesystem.put_file(str(path), target, **headers)
            return
        folder, _, name = target.rpartition("/")
        temporary = f"{folder}/.{name}.tmp"
        filesystem.makedirs(folder, exist_ok=True)
        filesystem.put_file(str(path), temporary)
        if self.protocol in {"file", "local"}:
            with Path(temporary).open("rb") as file:
                os.fsync(file.fileno())
        filesystem.mv(temporary, target)

    def _headers(self, path: Path) -> dict[str, str]:
        """What S3 is to serve a file with, in the words of its API."""
        kind = ".schema.json" if path.name.endswith(".schema.json") else path.suffix
        is_version = path.parent == self.store.version_folder
        return {"ContentType": _TYPES[kind], "CacheControl": _IMMUTABLE if is_version else "no-cache"}

    def _secrets(self) -> set[str]:
        """Parts of the URL and of fsspec's configuration that must not be shown."""
        userinfo, found, _ = self.url.partition("://")[2].rpartition("@")
        query = self.url.partition("?")[2]
        pieces = {self.url, query, *((userinfo, userinfo.partition(":")[2]) if found else ())}
        options: Mapping[str, Any] = conf.get(self.protocol, {})
        pieces |= {str(value) for name, value in options.items() if _SECRET_OPTION.search(name)}
        return {text for piece in pieces for text in (piece, unquote(piece)) if text}


def public_name(url: str) -> str:
    """A destination's URL without user, password, query and fragment.

    fsspec accepts passwords without escapes, so unlike in `untrusted.public_url`, the user part may contain `/`.
    """
    return re.split(r"[?#]", re.sub("://.*@", "://", url), maxsplit=1)[0]


def _named(urls: Iterable[str], store: FeedStore, record: Record, *, deadline: float) -> dict[str, Destination]:
    """The destinations, each by a unique name without secrets."""
    destinations: dict[str, Destination] = {}
    for url in urls:
        name, number = public_name(url), 1
        while name in destinations:
            number += 1
            name = f"{public_name(url)} ({number})"
        sent = record.sent.setdefault(name, {})
        destinations[name] = Destination(url, store, sent, deadline=deadline)
    return destinations


def _all_at_once(destinations: Mapping[str, Destination], timeout: float) -> dict[str, BaseException]:
    """Update destinations in threads, and return the errors of those that failed.

    A backend may raise any exception or hang forever. Neither must affect the run or another destination.
    """
    errors: dict[str, BaseException] = {}
    if not destinations:
        return errors
    end = time.monotonic() + timeout
    with ThreadPool(len(destinations)) as pool:  # its threads are daemons and end with the process
        results = {
            name: pool.apply_async(each.update, error_callback=partial(errors.__setitem__, name))
            for name, each in destinations.items()
        }
        for name, result in results.items():
            result.wait(max(0.0, end - time.monotonic()))
            if not result.ready():
                errors[name] = TimeoutError("it took too long")
    return dict(errors)


class _Found(NamedTuple):
    """A file at a destination."""

    size: int
    """In bytes."""
    tag: str | None
    """What the destination calls its content; None if it does not name contents."""


def _listing(filesystem: fsspec.AbstractFileSystem, root: str) -> Iterator[tuple[str, _Found]]:
    """The files at the destination now, by name."""
    filesystem.invalidate_cache()
    for folder in ("", "versions"):
        try:
            entries = filesystem.ls(f"{root.rstrip('/')}/{folder}".rstrip("/") or "/", detail=True)
        except FileNotFoundError:
            continue
        for entry in entries:
            if entry["type"] == "file":
                name = f"{folder}/{PurePosixPath(entry['name']).name}".lstrip("/")
                yield name, _Found(entry["size"], entry.get("ETag"))
