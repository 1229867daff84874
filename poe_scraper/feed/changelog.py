"""The log of changes: `changes.jsonl`, one line per change, oldest version first.

It grows for as long as the feed is crawled, so it is read from its end, or line by line.
"""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from poe_scraper.failures import FeedError
from poe_scraper.feed import disk
from poe_scraper.items import Change

logger = logging.getLogger(__name__)

RECENT = 8 * 1024 * 1024
"""Bytes before the newest version's lines that a publication looks at."""

_VERSION = re.compile(rb'\{"version":(\d+),')


class BrokenLogError(FeedError):
    """A line of the log is not a change."""


class ChangeLog:
    """The log of changes of one feed.

    Args:
        path: the file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, *, after: int = 0) -> Iterator[Change]:
        """The changes that versions after this one brought, oldest first.

        A broken line is left out with a warning, and an unfinished last line without one: the next crawl repairs both.

        Raises:
            FeedError: the file cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                for offset, line in _lines(file, _offset(file, after + 1) if after else 0):
                    try:
                        yield Change.model_validate_json(line)
                    except ValidationError:
                        logger.warning("%s: the line at byte %d is not a change and is left out.", self.path, offset)
        except FileNotFoundError:
            return
        except OSError as error:
            message = f"{self.path} cannot be read: {error.strerror}."
            raise FeedError(message) from error

    def recent(self, version: int | None = None) -> Iterator[Change]:
        """The changes of the newest version, and before them those of the versions in the last `RECENT` bytes.

        Args:
            version: the newest version, which may be about to be appended; the last in the log by default.

        Raises:
            BrokenLogError: a line among them is broken.
            OSError: the file cannot be read.
        """
        version = self.last_version() if version is None else version
        with self.path.open("rb") as file:
            newest = _offset(file, version)
            start = 0
            if newest > RECENT:
                boundary = _version_at(file, newest - RECENT)
                start = newest if boundary is None else min(newest, _offset(file, boundary + 1))
            yield from self._checked(file, start)

    def first(self) -> Change | None:
        """The first change of all; None if the log is empty or missing.

        Raises:
            BrokenLogError: the line is broken.
            OSError: the file cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                return next(self._checked(file, 0), None)
        except FileNotFoundError:
            return None

    def last_version(self) -> int:
        """The version of the last line; 0 if the log is empty or missing. Raises `OSError`."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, 2)
                # an unfinished line may be at the end, and a broken one before it
                reach = 64 * 1024
                while True:
                    start = max(0, size - reach)
                    versions = [int(found[1]) for _, line in _lines(file, start) if (found := _VERSION.match(line))]
                    if versions or start == 0:
                        return versions[-1] if versions else 0
                    reach *= 8
        except FileNotFoundError:
            return 0

    def check(self, version: int) -> None:
        """Look for broken lines where a publication will read: the first line, the recent ones and the end.

        Args:
            version: the published version. Its lines were complete when it was published.

        Raises:
            BrokenLogError: there is one.
            OSError: the file cannot be read.
        """
        unfinished = self._unfinished_version()
        if unfinished is not None and unfinished <= version:
            message = f"{self.path}: the last line is cut off."
            raise BrokenLogError(message)
        if self.first() is not None:
            for _ in self.recent():
                pass

    def _unfinished_version(self) -> int | None:
        """The version that an unfinished last line names; None if there is none."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, 2)
                reach = 64 * 1024
                while True:
                    file.seek(max(0, size - reach))
                    *before, end = file.read().split(b"\n")
                    if before or reach >= size:
                        match = _VERSION.match(end)
                        return int(match[1]) if match else None
                    reach *= 8
        except FileNotFoundError:
            return None

    def append(self, changes: list[Change]) -> None:
        """Append changes. If that fails, the log is as it was.

        Raises:
            FeedError: they cannot be written.
        """
        if changes:
            disk.append(self.path, b"".join(map(line_of, changes)))

    def cut(self, version: int) -> None:
        """Remove an unfinished last line, and the lines of versions after this one.

        Raises:
            FeedError: the file cannot be written.
            OSError: it cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, 2)
                end = _offset(file, version + 1)
        except FileNotFoundError:
            return
        if end < size:
            disk.truncate(self.path, end)

    def _checked(self, file: BinaryIO, start: int) -> Iterator[Change]:
        for offset, line in _lines(file, start):
            try:
                yield Change.model_validate_json(line)
            except ValidationError as error:
                message = f"{self.path}: the line at byte {offset} is not a change."
                raise BrokenLogError(message) from error


def line_of(change: Change) -> bytes:
    """The line of a change."""
    return change.model_dump_json().encode() + b"\n"


def _lines(file: BinaryIO, start: int) -> Iterator[tuple[int, bytes]]:
    """The finished lines that begin at or after an offset, each with its own offset."""
    offset = _line_start(file, start)
    for line in file:
        if not line.endswith(b"\n"):
            return
        yield offset, line
        offset += len(line)


def _line_start(file: BinaryIO, offset: int) -> int:
    """Go to the first line that begins at or after an offset."""
    if offset == 0:
        return file.seek(0)
    file.seek(offset - 1)
    return offset - 1 + len(file.readline())


def _version_at(file: BinaryIO, offset: int) -> int | None:
    """The version of the first line at or after an offset that names one; None if there is none."""
    found = (_VERSION.match(line) for _, line in _lines(file, offset))
    return next((int(match[1]) for match in found if match), None)


def _offset(file: BinaryIO, version: int) -> int:
    """Where the lines of a version and its successors begin, by bisection; else where the finished lines end."""
    low, high = 0, file.seek(0, 2)
    while low < high:
        middle = (low + high) // 2
        found = _version_at(file, middle)
        if found is None or found >= version:
            high = middle
        else:
            low = middle + 1
    # low is the least offset from which the next line that names a version is of this version or later
    end = _line_start(file, low)
    for end, line in _lines(file, low):
        match = _VERSION.match(line)
        if match and int(match[1]) >= version:
            return end
        end += len(line)
    return end
