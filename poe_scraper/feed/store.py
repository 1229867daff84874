"""The folder of the feed, for reading. Needs no lock and changes nothing."""

import gzip
import json
import logging
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from pydantic import ValidationError

from poe_scraper.failures import FeedNotFoundError
from poe_scraper.feed.changelog import ChangeLog
from poe_scraper.feed.reader import FeedReader, check_schema_version, current_feed, read_feed, reason
from poe_scraper.feed.spool import BotSpool
from poe_scraper.items import Bot, Change, Feed, RunReport

logger = logging.getLogger(__name__)

_OPENING = b',"data":[\n'
_CLOSING = b"\n]}\n"
_PIECE = 100
"""Number of lines that are written at a time."""


@dataclass(frozen=True)
class Refusal:
    """A candidate that the gate refused.

    Args:
        id: the run it came from.
        at: when.
        reasons: why, one sentence each.
        path: the file; its `feed` is the candidate.
    """

    id: str
    at: datetime
    reasons: tuple[str, ...]
    path: Path


class FeedStore:
    """The feed's folder.

    Args:
        folder: where the feed is, or will be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.models = folder / "models.json"
        self.models_packed = folder / "models.json.gz"
        self.slim = folder / "slim.json"
        self.version_note = folder / "version.json"
        self.schema = folder / "models.schema.json"
        self.change_log = folder / "changes.jsonl"
        self.atom = folder / "changes.atom"
        self.version_folder = folder / "versions"
        self.refused_folder = folder / "refused"
        self.run_folder = folder / "runs"

    @property
    def current_files(self) -> tuple[Path, ...]:
        """The files that tell the current state, each after those that it refers to."""
        return (
            self.change_log,
            self.atom,
            self.schema,
            self.models,
            self.slim,
            self.models_packed,
            self.version_note,
        )

    @property
    def log(self) -> ChangeLog:
        """The log of changes."""
        return ChangeLog(self.change_log)

    def current(self) -> Feed | None:
        """The published feed, as `reader.current_feed` finds it; None if nothing was published yet.

        Raises:
            FeedError: it cannot be read; the text says what to do.
        """
        reader = current_feed(self.folder)
        return None if reader is None else reader.feed()

    def version_file(self, number: int) -> Path:
        """The file of one version."""
        return self.version_folder / f"{number:06}.json.gz"

    def versions(self) -> list[int]:
        """The numbers of the versions on disk, oldest first."""
        names = (re.fullmatch(r"(\d{6,})\.json\.gz", path.name) for path in _files(self.version_folder))
        return sorted(int(name[1]) for name in names if name)

    def version(self, number: int) -> Feed:
        """One published version, as it was, every bot built.

        Raises:
            FeedNotFoundError: there is no such version.
            FeedError: its file is broken.
        """
        return self.open_version(number).feed()

    def open_version(self, number: int) -> FeedReader:
        """One published version, as it was. Raises the same errors as `version`."""
        try:
            return read_feed(self.version_file(number))
        except FeedNotFoundError:
            numbers = self.versions()
            there = f"{numbers[0]} to {numbers[-1]} are on disk" if numbers else f"{self.version_folder} is empty"
            message = f"Version {number} does not exist: {there}."
            raise FeedNotFoundError(message) from None

    def changes(self, *, after: int = 0) -> Iterator[Change]:
        """The changes that versions after this one brought, oldest first; see `ChangeLog.read`."""
        return self.log.read(after=after)

    def runs(self) -> Iterator[RunReport]:
        """The run reports, newest first. A file that is not one is left out with a warning."""
        for path in reversed(self.run_files()):
            try:
                yield RunReport.model_validate_json(path.read_bytes())
            except (OSError, ValidationError) as error:
                logger.warning("%s is not a run report and is left out (%s).", path, reason(error))

    def refusals(self) -> Iterator[Refusal]:
        """The refused candidates, newest first. A file that is not one is left out with a warning."""
        for path in reversed(self.refused_files()):
            try:
                with gzip.open(path) as text:
                    refusal = json.load(text)
                yield Refusal(
                    id=refusal["id"],
                    at=datetime.fromisoformat(refusal["refused_at"]),
                    reasons=tuple(refusal["reasons"]),
                    path=path,
                )
            except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
                logger.warning("%s is not a refused candidate and is left out (%s).", path, reason(error))

    def run_files(self) -> list[Path]:
        """The files of the run reports, oldest first."""
        return [path for path in _files(self.run_folder) if path.suffix == ".json"]

    def refused_files(self) -> list[Path]:
        """The files of the refused candidates, oldest first."""
        return [path for path in _files(self.refused_folder) if path.name.endswith(".json.gz")]


def feed_text(head: Feed, bots: Iterable[bytes]) -> Iterator[bytes]:
    """`models.json` in pieces: the head on the first line, then one line per bot, keys in the order of the models.

    So it can be compared and read line by line; lines end with `\\n` alone.

    Args:
        head: the feed; its `data` is ignored.
        bots: the bots as JSON, sorted by id.
    """
    yield head.model_dump_json(by_alias=True, exclude={"data"}).encode()[:-1] + _OPENING
    lines = iter(bots)
    separator = b""
    while piece := list(islice(lines, _PIECE)):
        yield separator + b",\n".join(piece)
        separator = b",\n"
    yield _CLOSING


def load_feed(path: Path, bots: BotSpool) -> Feed:
    """Read a feed bot by bot into a spool, from JSON or gzipped JSON.

    Returns:
        The feed without its `data`.

    Raises:
        FeedNotFoundError, FeedTooNewError, FeedError: as `reader.read_feed`.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            head = _load(iter(lines), bots, str(path))
    except (OSError, EOFError, zlib.error):
        head = None  # `read_feed` says what is wrong
    if head is not None:
        return head
    feed = read_feed(path).feed()  # not laid out as by `feed_text`, or broken
    bots.clear()
    bots.update({bot.key: bot for bot in feed.data})
    return feed.model_copy(update={"data": ()})


def _load(lines: Iterator[bytes], bots: BotSpool, source: str) -> Feed | None:
    """The head of a feed laid out as by `feed_text`; None if it is not, or is broken."""
    opening = next(lines, b"")
    if not opening.endswith(_OPENING):
        return None
    try:
        head = json.loads(opening.removesuffix(_OPENING) + b"}")
        check_schema_version(head, source)
        for line in lines:
            if line == _CLOSING.lstrip():
                return Feed.model_validate(head) if next(lines, None) is None else None
            bot = Bot.model_validate_json(line.rstrip(b",\n"))
            bots[bot.key] = bot
    except ValueError:  # `read_feed` says what is wrong, and where
        pass
    return None


def _files(folder: Path) -> list[Path]:
    """The files of a folder by name; none if it does not exist or is not a folder."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
