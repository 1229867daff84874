"""What a publisher and its workers send each other through Redis: compressed JSON, checked before it is used.

scrapy-redis pickles requests by default, and a pickle runs code when it is loaded.
"""

import zlib
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from poe_scraper.failures import Code, PoeScraperError
from poe_scraper.items import Bot, BotError

FORMAT = 2
"""Number of the format. Processes that use different formats do not see each other's messages."""

MAX_SIZE = 64 * 1024 * 1024
"""Largest size of a message in bytes, decompressed."""

_CODES = "|".join(Code)
Statistic = Annotated[
    str, StringConstraints(pattern=rf"^poe/(failures/({_CODES})|(pages|requests|bytes|browser)/[a-z0-9_]{{1,50}})$")
]
Count = Annotated[int, Field(ge=0, le=10**15)]
Host = Annotated[str, StringConstraints(pattern=r"^[^\s/@]{1,260}$")]


class GarbledError(PoeScraperError):
    """A message cannot be used. The text says why, without quoting it."""


class Message(BaseModel):
    """Base of the messages."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Task(Message):
    """A page to render."""

    url: str
    """Its address."""
    seen: Bot
    """The bot as it was found."""
    known: Bot | None = None
    """The bot as the feed has it, because workers have no feed."""

    def check(self, key: str, site_url: str) -> None:
        """Check that this is the page of a bot.

        Args:
            key: `Bot.key` of the bot.
            site_url: address of the site.

        Raises:
            GarbledError: it is another bot's, or a page of another site.
        """
        if self.seen.key != key or (self.known is not None and self.known.key != key):
            message = "it is about another bot"
            raise GarbledError(message)
        if urlsplit(self.url)[:2] != urlsplit(site_url)[:2]:
            message = "its page is not on POE_SITE_URL"
            raise GarbledError(message)


class Result(Message):
    """What became of a task, or what a worker that leaves has to say."""

    id: str
    """Random, so that a result that is read twice counts once."""
    key: str = ""
    """`Bot.key` of the task's bot; empty if this is not about a task."""
    bot: Bot | None = None
    """The bot as read from the page; None if reading it failed."""
    refused: str = ""
    """Why the worker could not use the task; empty if it could."""
    left: str = ""
    """Why the worker ended; empty if it has not."""
    stats: dict[Statistic, Count] = {}
    """The worker's statistics since its last result."""
    script_hosts: tuple[Host, ...] = ()
    """Hosts of scripts that the worker's pages needed."""
    problems: tuple[BotError, ...] = ()
    """The worker's problems since its last result."""


AnyMessage = TypeVar("AnyMessage", bound=Message)


def pack(message: Message) -> bytes:
    """Serialize a message."""
    return zlib.compress(message.model_dump_json(by_alias=True).encode())


def unpack(kind: type[AnyMessage], data: bytes) -> AnyMessage:
    """Deserialize a message.

    Args:
        kind: what it must be.
        data: what Redis holds.

    Raises:
        GarbledError: it is something else, or too large.
    """
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(data, MAX_SIZE)
    except zlib.error:
        message = "it is not compressed JSON"
        raise GarbledError(message) from None
    if not inflater.eof:
        message = f"it is cut short, or larger than {MAX_SIZE // 1024**2} MB"
        raise GarbledError(message)
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        message = (
            f"it is not a {kind.__name__.lower()} ({'.'.join(map(str, first['loc']))[:100]}: {first['msg'][:200]})"
        )
        raise GarbledError(message) from None
