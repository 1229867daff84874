"""Options that several commands share."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

import click

from poe_scraper.cli.terminal import age, notice
from poe_scraper.failures import UnknownBotError
from poe_scraper.feed.reader import FeedReader, open_feed

Command = TypeVar("Command", bound=Callable[..., Any])


def output_dir(command: Command) -> Command:
    """`--output-dir DIR`: the folder of the feed, or None; given to the command as `output_dir`."""
    return click.option(
        "--output-dir",
        metavar="DIR",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of the feed.  [default: $POE_OUTPUT_DIR, else output]",
    )(command)


def as_json(command: Command) -> Command:
    """`--json`: print JSON, given to the command as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def examples(*lines: str) -> str:
    """The epilog of a command: examples, one a line."""
    return "\b\nExamples:\n" + "\n".join(f"  poe-scraper {line}" for line in lines)


class DecimalNumber(click.ParamType[Decimal]):
    """A number from 0 up, read exactly."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """The number; wrong usage where the text is none."""
        try:
            number = Decimal(str(value).replace("_", ""))
        except InvalidOperation:
            self.fail(f"{value!r} is no number.", param, ctx)
        if not number.is_finite() or number < 0:
            self.fail(f"{value!r} is no number from 0 up.", param, ctx)
        return number


def pairs(values: Sequence[str], option: str) -> list[tuple[str, str]]:
    """`KEY=VALUE` texts as pairs; wrong usage where one has no `=`."""
    found = []
    for text in values:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            message = f"{text!r} is not of the form KEY=VALUE."
            raise click.BadParameter(message, param_hint=option)
        found.append((key.strip(), value.strip()))
    return found


def the_feed(output_dir: Path | None) -> FeedReader:
    """The feed that a reading command reads. Where it is the starter feed, a note on stderr says so."""
    feed = open_feed(output_dir)
    if feed.starter:
        seen = age(feed.generated_at, datetime.now(UTC))
        notice(
            f"no crawl's feed yet; these are the prices that ship with poe-scraper, seen {seen} "
            f"({feed.generated_at:%Y-%m-%d}). Crawl with 'poe-scraper update'."
        )
    return feed


def known_id(feed: FeedReader, name: str) -> str:
    """The id of the bot of that id or handle.

    Raises:
        UnknownBotError: the feed has none; the text names those that look like it.
    """
    if name not in feed:
        raise UnknownBotError(name, feed.near(name))
    identity: str = feed.entry(name)["id"]
    return identity
