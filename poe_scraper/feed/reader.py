"""Reading a feed: fast, and only as much of it as is asked for.

A feed is parsed once, by the JSON parser of the standard library. A bot becomes a `Bot` when it is
asked for, and stays one. Lookup by id or handle, in any case, is a dictionary access.
"""

import gzip
import json
import logging
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from poe_scraper.failures import FeedError
from poe_scraper.settings import environment

if TYPE_CHECKING:
    from pydantic import ValidationError

    from poe_scraper.items import Bot, Run

logger = logging.getLogger(__name__)

Entry = dict[str, Any]
"""A bot as it stands in the file."""

FEED_FILE = "models.json"

_MAJOR = "1"


class FeedReader(Mapping[str, "Bot"]):
    """A feed on disk, its bots by id or handle in any case; iteration gives the ids in order.

    Attributes:
        source: where the feed was read from.
        starter: whether it is the one that ships with the package.
        schema_version: of its file, `"1.0"`.
        version: of its content.
        generated_at: when it was written, in UTC.
        points_per_usd: what Poe charged for a dollar then, in points.
        entries: the bots as they stand in the file, in its order.
    """

    def __init__(self, content: bytes, source: str, *, starter: bool = False) -> None:
        self.source = source
        self.starter = starter
        try:
            feed = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self._broken(f"it is no JSON ({error})") from error
        if not isinstance(feed, dict) or not isinstance(feed.get("data"), list):
            raise self._broken("it has no list of bots under 'data'")
        self.schema_version = str(feed.get("schema_version"))
        if self.schema_version.split(".")[0] != _MAJOR:
            raise self._foreign()
        self._feed = feed
        self.entries: Sequence[Entry] = feed["data"]
        try:
            self.version = int(feed["version"])
            self.generated_at = datetime.fromisoformat(feed["generated_at"]).astimezone(UTC)
            self.points_per_usd = Decimal(feed["points_per_usd"])
            by_handle = {
                entry["handle"].casefold(): place for place, entry in enumerate(self.entries) if entry["handle"]
            }
            by_id = {entry["id"].casefold(): place for place, entry in enumerate(self.entries)}
        except (KeyError, TypeError, AttributeError, ValueError, InvalidOperation) as error:
            raise self._broken(f"{type(error).__name__}: {error}") from error
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
        """The crawl that wrote the feed."""
        from pydantic import ValidationError

        from poe_scraper.items import Run

        try:
            return Run.model_validate(self._feed.get("run"))
        except ValidationError as error:
            raise self._broken(_first(error)) from error

    def _built(self, entry: Entry) -> "Bot":
        from pydantic import ValidationError

        from poe_scraper.items import Bot

        try:
            return Bot.model_validate(entry)
        except ValidationError as error:
            raise self._broken(f"bot {entry['id']!r}: {_first(error)}") from error

    def _foreign(self) -> FeedError:
        from poe_scraper.feed.store import FeedTooNewError

        return FeedTooNewError(
            f"The feed {self.source} has schema {self.schema_version}, and this program reads {_MAJOR}.x: "
            "install a newer poe-scraper."
        )

    def _broken(self, why: str) -> FeedError:
        return FeedError(
            f"The feed {self.source} is broken: {why}. Crawl again with 'poe-scraper update', or read an "
            "older version from versions/."
        )


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


def _first(error: "ValidationError") -> str:
    details = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, details['loc']))}: {details['msg']}"


def read_feed(path: Path) -> FeedReader:
    """Read a feed from a file, `models.json` or a version (`.json.gz`).

    Raises:
        FeedError: there is no such file, or it is no feed that this program reads.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        message = f"There is no feed {path}. Crawl one with 'poe-scraper update'."
        raise FeedError(message) from error
    except OSError as error:
        message = f"The feed {path} cannot be read: {error.strerror}."
        raise FeedError(message) from error
    return FeedReader(_unpacked(content, path) if path.suffix == ".gz" else content, str(path))


def _unpacked(content: bytes, path: Path) -> bytes:
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        message = f"The feed {path} is broken: {error}."
        raise FeedError(message) from error


def starter_feed() -> FeedReader:
    """The feed that ships with the package: Poe's prices as observed in October 2026."""
    packed = resources.files("poe_scraper.starter").joinpath("models.json.gz").read_bytes()
    return FeedReader(gzip.decompress(packed), "(shipped with poe-scraper)", starter=True)


def feed_folder(output_dir: Path | None = None) -> Path:
    """The folder of the feed: the one given, else `POE_OUTPUT_DIR`, else `output`."""
    return output_dir or Path(environment("POE_OUTPUT_DIR"))


def open_feed(output_dir: Path | None = None) -> FeedReader:
    """Open the current feed.

    Where `models.json` is missing or broken, it is the newest version that can be read, as in
    `FeedStore.current`.

    Args:
        output_dir: its folder. By default `POE_OUTPUT_DIR`, else `output` in the working directory;
            where that holds no feed yet, the starter feed that ships with the package.

    Raises:
        FeedError: the folder given holds no feed, or the feed cannot be read.
    """
    folder = feed_folder(output_dir)
    path = folder / FEED_FILE
    if output_dir is None and not path.exists() and not (folder / "versions").exists():
        return starter_feed()
    try:
        return read_feed(path)
    except FeedError as error:
        from poe_scraper.feed.store import FeedTooNewError

        if isinstance(error, FeedTooNewError):
            raise
        feed = _newest_version(folder)
        if feed is None:
            raise
        logger.warning("%s Version %d is read in its place.", error, feed.version)
        return feed


def _newest_version(folder: Path) -> FeedReader | None:
    from poe_scraper.feed.store import FeedStore

    store = FeedStore(folder)
    for number in reversed(store.versions()):
        try:
            return read_feed(store.version_file(number))
        except FeedError as error:
            logger.warning("%s", error)
    return None
