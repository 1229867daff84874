"""Reading a feed: fast, and only as much of it as is asked for.

A feed is parsed once, by the JSON parser of the standard library. A bot becomes a `Bot` when it is
asked for, and stays one. Lookup by id or handle, in any case, is a dictionary access.
"""

import gzip
import json
import logging
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from poe_scraper.failures import FeedError, FeedNotFoundError, FeedTooNewError
from poe_scraper.settings import environment

if TYPE_CHECKING:
    from poe_scraper.items import Bot, Feed, Run, Site

logger = logging.getLogger(__name__)

Entry = dict[str, Any]
"""A bot as in the file, with every field of the schema's first version."""

FEED_FILE = "models.json"

_MAJOR = 1
"""The schema's major version that this program reads."""

_READ_FIELDS = {
    None: ("id", "handle", "status", "pricing", "observed", "errors"),
    "pricing": ("api", "rates", "adjustments", "unparsed", "rate_card", "primary", "checks"),
    "observed": ("catalog", "page"),
}
"""Fields that readers of entries rely on. Schema 1.0 lets a feed leave them out."""


class FeedReader(Mapping[str, "Bot"]):
    """A feed on disk: its bots by id or handle in any case. Iteration gives the ids in order.

    Attributes:
        source: where the feed was read from.
        starter: True if it is the one that ships with the package.
        schema_version: the schema version of its file, such as `"1.1"`.
        version: the version of its content.
        generated_at: when it was written, in UTC.
        points_per_usd: what Poe charged for a dollar then, in points.
        entries: the bots as in the file, in its order.
    """

    def __init__(self, content: bytes, source: str, *, starter: bool = False) -> None:
        self.source = source
        self.starter = starter
        try:
            feed = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self._broken(f"it is not JSON ({error})") from error
        self.schema_version = check_schema_version(feed, source)
        if not isinstance(feed.get("data"), list):
            raise self._broken("it has no list of bots under 'data'")
        self._feed = feed
        try:
            self.version = int(feed["version"])
            self.generated_at = datetime.fromisoformat(feed["generated_at"]).astimezone(UTC)
            self.points_per_usd = Decimal(feed["points_per_usd"])
            self.entries: Sequence[Entry] = [_filled(entry) for entry in feed["data"]]
            by_handle = {
                entry["handle"].casefold(): place for place, entry in enumerate(self.entries) if entry["handle"]
            }
            by_id = {entry["id"].casefold(): place for place, entry in enumerate(self.entries)}
        except (KeyError, TypeError, AttributeError, ValueError, InvalidOperation) as error:
            raise self._broken(reason(error)) from error
        self._places = by_handle | by_id
        self._bots: dict[int, Bot] = {}

    def __getitem__(self, name: str) -> "Bot":
        """The bot of that id or handle, in any case.

        Raises:
            KeyError: there is none.
            FeedError: its entry does not fit the schema.
        """
        return self.at(self._places[name.casefold()])

    def at(self, place: int) -> "Bot":
        """The bot at a place of `entries`. Raises `IndexError` and `FeedError`."""
        bot = self._bots.get(place)
        if bot is None:
            bot = self._bots[place] = self._built(self.entries[place])
        return bot

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.casefold() in self._places

    def __iter__(self) -> Iterator[str]:
        return (entry["id"] for entry in self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def bots(self) -> Sequence["Bot"]:
        """All bots, in the order of the file; each is built when it is first looked at."""
        return _Bots(self)

    def entry(self, name: str) -> Entry:
        """The bot of that id or handle as it stands in the file.

        Raises:
            KeyError: there is none.
        """
        return self.entries[self._places[name.casefold()]]

    def near(self, name: str) -> tuple[str, ...]:
        """Up to three ids that look like a name, the likest first."""
        from difflib import get_close_matches

        matches = get_close_matches(name.casefold(), self._places, n=6)
        return tuple(dict.fromkeys(self.entry(match)["id"] for match in matches))[:3]

    def validate(self) -> None:
        """Build every bot.

        Raises:
            FeedError: an entry does not fit the schema.
        """
        for place in range(len(self)):
            self.at(place)

    @cached_property
    def run(self) -> "Run":
        """The run that wrote the feed. Raises `FeedError`."""
        from poe_scraper.items import Run

        try:
            return Run.model_validate(self._feed.get("run"))
        except ValueError as error:
            raise self._broken(reason(error)) from error

    @cached_property
    def site(self) -> "Site | None":
        """The site that the feed was read from; None if it does not say. Raises `FeedError`."""
        from poe_scraper.items import Site

        try:
            return Site.model_validate(self._feed["site"]) if self._feed.get("site") else None
        except ValueError as error:
            raise self._broken(reason(error)) from error

    def feed(self) -> "Feed":
        """The whole feed, every bot built.

        Raises:
            FeedError: the head or a bot does not fit the schema.
        """
        from poe_scraper.items import Feed

        try:
            head = Feed.model_validate({**self._feed, "data": ()})
        except ValueError as error:
            raise self._broken(reason(error)) from error
        return head.model_copy(update={"data": tuple(self.bots)})

    def _built(self, entry: Entry) -> "Bot":
        from poe_scraper.items import Bot

        try:
            return Bot.model_validate(entry)
        except ValueError as error:
            raise self._broken(f"bot {entry['id']!r}: {reason(error)}") from error

    def _broken(self, why: str) -> FeedError:
        return broken(self.source, why)


class _Bots(Sequence["Bot"]):
    """The bots of a feed as a list that builds them one by one."""

    def __init__(self, feed: FeedReader) -> None:
        self._feed = feed

    def __len__(self) -> int:
        return len(self._feed)

    @overload
    def __getitem__(self, index: int) -> "Bot": ...
    @overload
    def __getitem__(self, index: slice) -> list["Bot"]: ...
    def __getitem__(self, index: int | slice) -> "Bot | list[Bot]":
        places = range(len(self))[index]
        return self._feed.at(places) if isinstance(places, int) else [self._feed.at(place) for place in places]


def reason(error: Exception) -> str:
    """What was wrong with a file, in a few words: of a `pydantic.ValidationError`, where and what."""
    details = getattr(error, "errors", None)
    if details is None:
        return f"{type(error).__name__}: {error}"
    first = details(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"


def broken(source: str, why: str) -> FeedError:
    """The exception for a feed that cannot be read."""
    return FeedError(
        f"The feed {source} is broken: {why}. Crawl again with 'poe-scraper update', or read an older version "
        "from versions/."
    )


def check_schema_version(feed: object, source: str) -> str:
    """The schema version of a feed, if this program reads it: any minor version of its own major version.

    Args:
        feed: the feed, or its head, as JSON values.
        source: where it was read from.

    Raises:
        FeedTooNewError: it is of a later major version.
        FeedError: it names no version, or an earlier major version.
    """
    found = feed.get("schema_version") if isinstance(feed, dict) else None
    version = re.fullmatch(r"([0-9]+)\.([0-9]+)", found) if isinstance(found, str) else None
    if version is None:
        raise broken(source, f"schema_version must be MAJOR.MINOR, got {found!r}")
    if int(version[1]) > _MAJOR:
        message = f"The feed {source} has schema {found}, and this program reads {_MAJOR}.x. Update poe-scraper."
        raise FeedTooNewError(message)
    if int(version[1]) < _MAJOR:
        raise broken(source, f"schema_version must be {_MAJOR}.x, got {found!r}")
    return version[0]


def require_writable(schema_version: str, folder: Path) -> None:
    """Check that this program may write a feed: it would drop the fields of a later minor version.

    Raises:
        FeedTooNewError: the feed has a later schema version than this program writes.
    """
    from poe_scraper.items import SCHEMA_VERSION

    if [*map(int, schema_version.split("."))] > [*map(int, SCHEMA_VERSION.split("."))]:
        message = (
            f"The feed in {folder} has schema version {schema_version}, and this program writes {SCHEMA_VERSION}: "
            "it would drop the fields it does not know. Update poe-scraper."
        )
        raise FeedTooNewError(message)


def read_feed(path: Path) -> FeedReader:
    """Read a feed from a file, `models.json` or a version (`.json.gz`).

    Raises:
        FeedNotFoundError: there is no such file.
        FeedTooNewError: it is of a later major version of the schema.
        FeedError: it cannot be read, or is not a feed.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        message = f"There is no feed {path}. Crawl one with 'poe-scraper update'."
        raise FeedNotFoundError(message) from error
    except OSError as error:
        message = f"The feed {path} cannot be read: {error.strerror}."
        raise FeedError(message) from error
    return FeedReader(_unpacked(content, path) if path.suffix == ".gz" else content, str(path))


def _filled(entry: Entry) -> Entry:
    """The entry, with the fields that it lacks set to their defaults."""
    parts = {name: entry if name is None else entry.get(name) for name in _READ_FIELDS}
    if all(isinstance(part, dict) and part.keys() >= {*_READ_FIELDS[name]} for name, part in parts.items()):
        return entry
    from poe_scraper.items import Bot

    try:
        whole: Entry = Bot.model_validate(entry).model_dump(mode="json", by_alias=True)
    except ValueError as error:
        message = f"bot {entry.get('id')!r}: {reason(error)}"
        raise ValueError(message) from error
    return whole


def _unpacked(content: bytes, path: Path) -> bytes:
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise broken(str(path), str(error)) from error


def starter_feed() -> FeedReader:
    """The feed that ships with the package: Poe's prices as observed in October 2026."""
    packed = resources.files("poe_scraper.starter").joinpath("models.json.gz").read_bytes()
    return FeedReader(gzip.decompress(packed), "(shipped with poe-scraper)", starter=True)


def feed_folder(output_dir: Path | None = None) -> Path:
    """The folder of the feed: the one given, else `POE_OUTPUT_DIR`, else `output` in the working directory."""
    return output_dir or Path(environment("POE_OUTPUT_DIR"))


def open_feed(output_dir: Path | None = None) -> FeedReader:
    """Open the current feed, as `current_feed` finds it.

    Args:
        output_dir: its folder. By default `POE_OUTPUT_DIR`, else `output` in the working directory; if that has no
            feed yet, the starter feed that ships with the package is opened.

    Raises:
        FeedError: the folder given has no feed, or the feed cannot be read.
    """
    folder = feed_folder(output_dir)
    feed = current_feed(folder)
    if feed is not None:
        return feed
    if output_dir is None:
        return starter_feed()
    return read_feed(folder / FEED_FILE)  # raises


def current_feed(folder: Path) -> FeedReader | None:
    """The published feed of a folder; None if nothing was published yet.

    If `models.json` is missing or broken, it is the newest version that can be read; the next crawl repairs the file.

    Raises:
        FeedTooNewError: the feed is of a later major version of the schema.
        FeedError: `models.json` is broken, and no version can be read.
    """
    try:
        return read_feed(folder / FEED_FILE)
    except FeedTooNewError:
        raise
    except FeedError as error:
        feed = _newest_version(folder)
        if feed is None and isinstance(error, FeedNotFoundError):
            return None
        if feed is None:
            raise
        logger.warning("%s Version %d is read instead.", error, feed.version)
        return feed


def _newest_version(folder: Path) -> FeedReader | None:
    from poe_scraper.feed.store import FeedStore

    store = FeedStore(folder)
    for number in reversed(store.versions()):
        try:
            return read_feed(store.version_file(number))
        except FeedTooNewError:
            raise
        except FeedError as error:
            logger.warning("%s", error)
    return None
