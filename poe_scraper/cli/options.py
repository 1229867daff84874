"""Options that several commands share."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

import click

from poe_scraper.cli.terminal import age, notice
from poe_scraper.failures import UnknownBotError
from poe_scraper.feed.reader import FeedReader, feed_folder, open_feed
from poe_scraper.settings import check

if TYPE_CHECKING:
    from scrapy.settings import Settings

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


_SCALES = {"": 1, "k": 1_000, "m": 1_000_000, "b": 1_000_000_000}
_NUMBER = re.compile(r"(\d{1,3}(?:,\d{3})+|[\d_]+)?(\.\d+)?([kmb]?)", re.IGNORECASE)


class DecimalNumber(click.ParamType[Decimal]):
    """A number of at least 0, read exactly: `1500`, `1,500`, `1_500`, `1.5k`, `2M`."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """The number; wrong usage if the text is not one."""
        found = _NUMBER.fullmatch(str(value).strip())
        whole, fraction, scale = found.groups("") if found else ("", "", "")
        try:
            number = Decimal(f"{whole.replace(',', '').replace('_', '')}{fraction}")
        except InvalidOperation:
            self.fail(f"{value!r} is not a number of at least 0, such as 1500, 1,500, 0.5, 12k or 2M.", param, ctx)
        return number * _SCALES[scale.casefold()]


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


def crawl_settings(output_dir: Path | None = None, *, accept: bool = False, keep: int | None = None) -> "Settings":
    """Scrapy settings, as a crawl from here has them: of the Scrapy project here if it sets ours, else of the package.

    Args:
        output_dir: as `--output-dir` gave it.
        accept: True if `--accept` was given.
        keep: as `--keep` gave it.

    Raises:
        UsageError: a setting has a wrong value.
    """
    from scrapy.settings import Settings
    from scrapy.utils.project import get_project_settings

    settings = get_project_settings()
    if "POE_OUTPUT_DIR" not in settings:
        settings = Settings()
        settings.setmodule("poe_scraper.settings", priority="project")
    given = {"POE_OUTPUT_DIR": output_dir and str(output_dir), "POE_ACCEPT": accept or None, "POE_KEEP_VERSIONS": keep}
    settings.setdict({name: value for name, value in given.items() if value is not None}, priority="cmdline")
    check(settings)
    return settings


def the_feed(output_dir: Path | None) -> FeedReader:
    """The feed that a reading command reads. If it is the starter feed, a note on stderr says so."""
    feed = open_feed(output_dir)
    if feed.starter:
        seen = age(feed.generated_at, datetime.now(UTC))
        notice(
            f"{feed_folder(output_dir)} has no feed; these are the prices that ship with poe-scraper, seen {seen} "
            f"({feed.generated_at:%Y-%m-%d}). Crawl with 'poe-scraper update'."
        )
    return feed


def known_id(feed: FeedReader, name: str) -> str:
    """The id of the bot that a person means by a name.

    Args:
        feed: where to look.
        name: id or handle in any case, with `@` before it or not, or the address of its page.

    Raises:
        UnknownBotError: the feed has no such bot; the text names those that look like it.
    """
    meant = name.strip()
    if "://" in meant:
        meant = unquote(urlsplit(meant).path.strip("/"))
    meant = "-".join(meant.removeprefix("@").split())
    if meant not in feed:
        raise UnknownBotError(name, feed.near(meant))
    identity: str = feed.entry(meant)["id"]
    return identity
