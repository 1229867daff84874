"""Writing to a terminal."""

import errno
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from poe_scraper.untrusted import safe as safe

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def fail(message: str) -> None:
    """Write an error to stderr."""
    click.echo(f"Error: {_lines(message)}", err=True)


def notice(message: str) -> None:
    """Write a remark to stderr, so that it never mixes with the answer."""
    click.echo(f"Note: {_lines(message)}", err=True)


def _lines(message: str) -> str:
    """A message of ours, which may have several lines and quote Poe."""
    return "\n".join(map(safe, message.split("\n")))


def echo_json(value: Any) -> None:
    """Write JSON to stdout. Everything but ASCII is escaped: no terminal obeys any of it."""
    click.echo(json.dumps(value, indent=2))


def console() -> "Console":
    """Stdout as rich sees it: markup in text is never interpreted, colours only on a terminal.

    `NO_COLOR` is respected. Piped output is 80 columns wide unless `COLUMNS` says otherwise.
    """
    from rich.console import Console

    class PipedConsole(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError(errno.EPIPE, "the reader has gone")  # rich would exit with 1

    return PipedConsole(markup=False, emoji=False, highlight=False, file=sys.stdout)


def table(*columns: str, title: str | None = None, right: Sequence[str] = ()) -> "Table":
    """An empty table in the style of all commands.

    Args:
        columns: headers.
        title: a line above it.
        right: headers of the columns with figures, which stand at the right and never wrap.
    """
    from rich import box
    from rich.table import Table

    made = Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=0,
    )
    for column in columns:
        if column in right:
            made.add_column(column, justify="right", no_wrap=True)
        else:
            made.add_column(column, overflow="fold")
    return made


_DAY = 86400
_SPANS = ((_DAY * 365, "year"), (_DAY * 30, "month"), (_DAY, "day"), (3600, "hour"), (60, "minute"))


def age(then: datetime, now: datetime) -> str:
    """How long ago something was, in words: `3 days ago`."""
    seconds = (now - then).total_seconds()
    if seconds < 0:
        return "in the future"
    for length, name in _SPANS:
        count = int(seconds // length)
        if count:
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "just now"
