"""`balance`, `usage` and `audit`: commands about your own account."""

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click

from poe_scraper import api
from poe_scraper.account.audit import Audit, BotAudit
from poe_scraper.account.endpoints import Usage, UsageHistory
from poe_scraper.account.expectations import Expected
from poe_scraper.cli.exits import ExitCode
from poe_scraper.cli.options import as_json, examples, output_dir, the_feed
from poe_scraper.cli.terminal import console, echo_json, notice, safe, table
from poe_scraper.exports.csv import written
from poe_scraper.pricing import amounts

Command = TypeVar("Command", bound=Callable[..., Any])


class Since(click.ParamType[date | timedelta]):
    """A date or a number of days."""

    name = "date or days"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date | timedelta:
        """The date or the time span; a usage error if the text is neither."""
        try:
            return timedelta(days=int(value)) if str(value).isdecimal() else date.fromisoformat(value)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a date (YYYY-MM-DD) or a number of days.", param, ctx)


_since = click.option(
    "--since", type=Since(), metavar="DATE|DAYS", help="Start on this day (UTC), or this many days ago.  [default: 30]"
)
_fresh = click.option(
    "--fresh",
    "--no-cache",
    "fresh",
    is_flag=True,
    help="Ask Poe again, even if it answered within the last five minutes.",
)


@click.command(epilog=examples("balance", "balance --json"))
@_fresh
@as_json
def balance(fresh: bool, as_json: bool) -> None:
    """Show the points left on the account of POE_API_KEY."""
    left = api.balance(fresh=fresh)
    if as_json:
        echo_json(left.model_dump(mode="json"))
        return
    click.echo(f"{_points(left.points)} points (${_dollars(left.usd)}), {left.at:%Y-%m-%d %H:%M} UTC")


# --- usage -------------------------------------------------------------------------------------

_GROUPINGS: dict[str, Callable[[Usage], str]] = {
    "bot": lambda usage: usage.bot,
    "day": lambda usage: f"{usage.at:%Y-%m-%d}",
    "kind": lambda usage: usage.kind,
}


@dataclass(frozen=True)
class _Group:
    """Messages with the same bot, day or kind, summed up."""

    name: str
    messages: int
    points: Decimal
    usd: Decimal


@click.command(epilog=examples("usage", "usage --by day --since 7", "usage --by message --since 2026-11-01 --csv"))
@click.option(
    "--by",
    type=click.Choice([*_GROUPINGS, "message"]),
    default="bot",
    show_default=True,
    help="Sum up by this; 'message' lists every message.",
)
@_since
@_fresh
@as_json
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
def usage(by: str, since: date | timedelta | None, fresh: bool, as_json: bool, as_csv: bool) -> None:
    """Show what the account of POE_API_KEY was billed. Poe keeps the last 30 days."""
    if as_json and as_csv:
        message = "Give --json or --csv, not both."
        raise click.UsageError(message)
    history = _history(since, fresh)
    groups = _grouped(history.usages, _GROUPINGS[by], newest=by == "day") if by in _GROUPINGS else []
    if as_json:
        _usage_json(history, by, groups)
    elif as_csv:
        _usage_csv(history, by, groups)
    else:
        _usage_table(history, by, groups)


def _history(since: date | timedelta | None, fresh: bool) -> UsageHistory:
    history = api.usage(since, fresh=fresh)
    if history.left_out:
        notice(f"Entries that could not be read and are left out: {history.left_out}.")
    return history


def _grouped(usages: Iterable[Usage], key: Callable[[Usage], str], *, newest: bool) -> list[_Group]:
    """Sums by a key, the most expensive first; by day, the newest first."""
    groups: dict[str, list[Usage]] = {}
    for each in usages:
        groups.setdefault(key(each), []).append(each)
    sums = [_sum(name, members) for name, members in groups.items()]
    if newest:
        return sorted(sums, key=lambda group: group.name, reverse=True)
    return sorted(sums, key=lambda group: (-group.points, group.name))


def _sum(name: str, usages: Iterable[Usage]) -> _Group:
    members = list(usages)
    points = sum((each.points for each in members), Decimal(0))
    return _Group(name, len(members), points, sum((each.usd for each in members), Decimal(0)))


def _usage_json(history: UsageHistory, by: str, groups: list[_Group]) -> None:
    document = history.model_dump(mode="json")
    usages = document.pop("usages")
    total = _json(_sum("total", history.usages))
    del total["name"]
    rows = [_json(group) for group in groups] if groups or by != "message" else usages
    echo_json({**document, "by": by, "total": total, "rows": rows})


def _json(group: _Group) -> dict[str, Any]:
    return {**asdict(group), "points": format(group.points, "f"), "usd": format(group.usd, "f")}


def _usage_csv(history: UsageHistory, by: str, groups: list[_Group]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if by == "message":
        writer.writerow(Usage.model_fields)
        for each in history.usages:
            parts = {label: None if points is None else format(points, "f") for label, points in each.parts.items()}
            writer.writerow(map(written, (each.model_dump() | {"parts": parts}).values()))
    else:
        writer.writerow((by, "messages", "points", "usd"))
        writer.writerows([written(value) for value in asdict(group).values()] for group in groups)
    click.echo(text.getvalue(), nl=False)


def _usage_table(history: UsageHistory, by: str, groups: list[_Group]) -> None:
    out = console()
    total = _sum("Total", history.usages)
    if by == "message":
        rows = table("Time (UTC)", "Bot", "Kind", "Points", "Dollars", right=("Points", "Dollars"))
        for each in history.usages:
            when = f"{each.at:%Y-%m-%d %H:%M}"
            rows.add_row(when, safe(each.bot), safe(each.kind), _points(each.points), _dollars(each.usd))
        rows.add_section()
        rows.add_row("Total", "", "", _points(total.points), _dollars(total.usd))
    else:
        figures = ("Messages", "Points", "Dollars")
        rows = table(by.capitalize(), *figures, right=figures)
        for group in [*groups, total]:
            if group is total:
                rows.add_section()
            cells = (amounts.number(Decimal(group.messages)), _points(group.points), _dollars(group.usd))
            rows.add_row(safe(group.name), *cells)
    if history.usages:
        out.print(rows)
    messages = f"{total.messages:,} message{'' if total.messages == 1 else 's'}"
    out.print(f"{messages} from {history.since:%Y-%m-%d %H:%M} to {history.at:%Y-%m-%d %H:%M} UTC")


def _points(points: Decimal) -> str:
    return amounts.number(points)


def _dollars(usd: Decimal) -> str:
    """Dollars to a hundredth of a cent, because a short message costs less than a cent."""
    return f"{usd:,.4f}"


# --- audit -------------------------------------------------------------------------------------

_VERDICTS = {"agrees": "agrees", "outside": "OUTSIDE", "cannot_tell": "cannot tell"}
_REASONS = 3


@click.command(epilog=examples("audit", "audit --since 7 --json"))
@_since
@_fresh
@output_dir
@as_json
def audit(since: date | timedelta | None, fresh: bool, output_dir: Path | None, as_json: bool) -> int:
    """Compare what the account of POE_API_KEY was billed with the prices in the feed.

    Each message is compared with the prices that were in force when it was sent. The exit code is 6 if a
    charge is outside the range that the bot's card allows.
    """
    the_feed(output_dir)
    history = _history(since, fresh)
    result = api.audit(history.usages, output_dir)
    if as_json:
        counts = {"messages": len(history.usages), "outside": len(result.outside)}
        span = history.model_dump(mode="json", exclude={"usages"})
        echo_json({**span, **counts, "bots": [_audit_json(bot) for bot in result.bots]})
    else:
        _audit_table(history, result)
    return ExitCode.BILLED_OUTSIDE if result.outside else ExitCode.DONE


def _audit_json(bot: BotAudit) -> dict[str, Any]:
    """A bot's result with only those findings that are outside."""
    result = bot.model_dump(mode="json")
    result["findings"] = [finding for finding in result["findings"] if finding["verdict"] == "outside"]
    return result


def _audit_table(history: UsageHistory, result: Audit) -> None:
    out = console()
    figures = ("Messages", "Billed", "Per message", "Expected")
    rows = table("Bot", *figures, "Verdict", right=figures)
    for bot in result.bots:
        rows.add_row(
            safe(bot.bot),
            amounts.number(Decimal(bot.messages)),
            _points(bot.points),
            _range(bot.least, bot.most),
            _expected(bot.expected),
            _VERDICTS[bot.verdict],
        )
    if result.bots:
        out.print(rows)
    for bot in result.outside:
        for reason in bot.reasons[:_REASONS]:
            out.print(safe(f"- {bot.bot}: {reason}"))
        if (more := len(bot.reasons) - _REASONS) > 0:
            out.print(safe(f"- {bot.bot}: and {more} more; --json lists all"))
    undetermined: dict[str, list[str]] = {}
    for bot in result.bots:
        if bot.verdict == "cannot_tell":
            undetermined.setdefault(bot.reasons[0], []).append(bot.bot)
    for reason, bots in undetermined.items():
        names = ", ".join(bots) if len(bots) <= _REASONS else f"{len(bots)} bots"
        out.print(safe(f"- {names}: cannot tell: {reason}"))
    span = f"from {history.since:%Y-%m-%d %H:%M} to {history.at:%Y-%m-%d %H:%M} UTC"
    out.print(
        f"{len(result.outside)} of {len(result.bots)} bots billed outside their cards, {span}; all figures in points"
    )


def _expected(expected: Expected | None) -> str:
    if expected is None:
        return "-"
    return _range(expected.min, expected.max) if expected.max is not None else f"from {_points(expected.min)}"


def _range(least: Decimal, most: Decimal) -> str:
    return _points(least) if least == most else f"{_points(least)}-{_points(most)}"
