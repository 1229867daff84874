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

from poe_scraper.failures import FeedError
from poe_scraper.feed.spool import BotSpool
from poe_scraper.items import SCHEMA_VERSION, Bot, Change, Feed, RunReport

logger = logging.getLogger(__name__)


_OPENING = b',"data":[\n'
_CLOSING = b"\n]}\n"
_PIECE = 100
"""Lines that are written at a time."""


class FeedTooNewError(FeedError):
    """The feed was written by a later major version of this project."""


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
        self.schema = folder / "models.schema.json"
        self.change_log = folder / "changes.jsonl"
        self.atom = folder / "changes.atom"
        self.version_folder = folder / "versions"
        self.refused_folder = folder / "refused"
        self.run_folder = folder / "runs"

    def current(self) -> Feed | None:
        """The published feed; None where nothing was published yet.

        Where `models.json` is missing or broken, it is the newest version that can be read; the next
        crawl mends the file.

        Raises:
            FeedError: `models.json` is broken and no version can be read, or it is of a later major
                version; the text says what to do.
        """
        try:
            return read_feed(self.models)
        except FileNotFoundError:
            return self.newest_version()
        except FeedTooNewError:
            raise
        except FeedError as error:
            feed = self.newest_version()
            if feed is None:
                message = f"{error} No file in {self.version_folder} can take its place: move it away and crawl."
                raise FeedError(message) from error
            logger.warning("%s Version %d is read in its place.", error, feed.version)
            return feed

    def version_file(self, number: int) -> Path:
        """The file of one version."""
        return self.version_folder / f"{number:06}.json.gz"

    def versions(self) -> list[int]:
        """The numbers of the versions on disk, oldest first."""
        names = (re.fullmatch(r"(\d{6,})\.json\.gz", path.name) for path in _files(self.version_folder))
        return sorted(int(name[1]) for name in names if name)

    def version(self, number: int) -> Feed:
        """One published version, as it was.

        Raises:
            FeedError: there is no such version, or its file is broken.
        """
        try:
            return read_feed(self.version_file(number))
        except FileNotFoundError:
            numbers = self.versions()
            there = f"The oldest is {numbers[0]}, the newest {numbers[-1]}" if numbers else "There is none"
            message = f"There is no version {number} in {self.version_folder}. {there}."
            raise FeedError(message) from None

    def newest_version(self, *, after: int = 0) -> Feed | None:
        """The newest version that can be read and is newer than `after`; None where there is none."""
        for number in reversed(self.versions()):
            if number <= after:
                break
            try:
                return self.version(number)
            except FeedTooNewError:
                raise
            except FeedError as error:
                logger.warning("%s", error)
        return None

    def changes(self, *, after: int = 0) -> Iterator[Change]:
        """The changes that versions after this one brought, oldest first.

        Raises:
            FeedError: a line is broken. An unfinished last line is left out: the next crawl mends it.
        """
        try:
            with self.change_log.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    if not line.endswith(b"\n"):
                        return
                    change = self._read_change(line, number)
                    if change.version > after:
                        yield change
        except FileNotFoundError:
            return

    def _read_change(self, line: bytes, number: int) -> Change:
        try:
            return Change.model_validate_json(line)
        except ValidationError as error:
            message = f"{_broken(f'{self.change_log}, line {number},', error)} Remove the line, or mend it."
            raise FeedError(message) from error

    def runs(self) -> Iterator[RunReport]:
        """The run reports, newest first.

        Raises:
            FeedError: a report is broken.
        """
        for path in reversed(_files(self.run_folder)):
            if path.suffix == ".json":
                try:
                    yield RunReport.model_validate_json(path.read_bytes())
                except ValidationError as error:
                    raise _broken(path, error) from error

    def refusals(self) -> Iterator[Refusal]:
        """The refused candidates, newest first.

        Raises:
            FeedError: a file is broken.
        """
        for path in reversed(_files(self.refused_folder)):
            if path.name.endswith(".json.gz"):
                try:
                    told = json.loads(_read(path))
                    yield Refusal(
                        id=told["id"],
                        at=datetime.fromisoformat(told["refused_at"]),
                        reasons=tuple(told["reasons"]),
                        path=path,
                    )
                except (ValueError, KeyError, TypeError) as error:
                    raise _broken(path, error) from error


def feed_text(head: Feed, bots: Iterable[bytes]) -> Iterator[bytes]:
    """`models.json` in pieces: the head on the first line, then one line a bot, keys in the order of the models.

    It diffs by bot, and a reader may take it line by line; lines end with `\\n` alone.

    Args:
        head: the feed; its `data` is not looked at.
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
    """Read a feed bot by bot onto a shelf, from JSON or gzipped JSON.

    Returns:
        The feed without its `data`.

    Raises:
        FileNotFoundError, FeedTooNewError, FeedError: as `read_feed`.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            head = _load(iter(lines), bots)
    except FileNotFoundError:
        raise
    except (OSError, EOFError, zlib.error) as error:
        raise _broken(path, error) from error
    if head is not None:
        _refuse_later_major(path, head.schema_version)
        return head
    feed = read_feed(path)  # laid out otherwise than `feed_text` does, or broken
    bots.clear()
    bots.update({bot.key: bot for bot in feed.data})
    return feed.model_copy(update={"data": ()})


def _load(lines: Iterator[bytes], bots: BotSpool) -> Feed | None:
    """The head of a feed laid out as by `feed_text`; None where it is not."""
    opening = next(lines, b"")
    if not opening.endswith(_OPENING):
        return None
    try:
        head = Feed.model_validate_json(opening.removesuffix(_OPENING) + b"}")
        for line in lines:
            if line == _CLOSING.lstrip():
                return head if next(lines, None) is None else None
            bot = Bot.model_validate_json(line.rstrip(b",\n"))
            bots[bot.key] = bot
    except ValidationError:
        pass  # a reading of the whole says what is wrong, and where
    return None


def read_feed(path: Path) -> Feed:
    """Read a feed of this schema's major version, whatever the minor, from JSON or gzipped JSON.

    Raises:
        FileNotFoundError: there is no such file.
        FeedTooNewError: it is of a later major version.
        FeedError: it cannot be read.
    """
    text = _read(path)
    try:
        feed = Feed.model_validate_json(text)
    except ValidationError as error:
        _refuse_later_major(path, _schema_version(text))
        raise _broken(path, error) from error
    _refuse_later_major(path, feed.schema_version)
    return feed


def _refuse_later_major(path: Path, version: str) -> None:
    if int(version.partition(".")[0]) > int(SCHEMA_VERSION.partition(".")[0]):
        message = (
            f"{path} has schema version {version}; this program reads {SCHEMA_VERSION} and its minor versions. "
            "Update poe-scraper."
        )
        raise FeedTooNewError(message)


def _schema_version(text: bytes) -> str:
    try:
        version = json.loads(text)["schema_version"]
    except (ValueError, KeyError, TypeError):
        return SCHEMA_VERSION
    return version if isinstance(version, str) and re.fullmatch(r"\d+\.\d+", version) else SCHEMA_VERSION


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except FileNotFoundError:
        raise
    except (OSError, EOFError, zlib.error) as error:
        raise _broken(path, error) from error


def _broken(where: Path | str, error: Exception) -> FeedError:
    why = str(error)
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        why = f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"
    return FeedError(f"{where} is broken ({why}).")


def _files(folder: Path) -> list[Path]:
    """The files of a folder by name; none where it does not exist."""
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []
