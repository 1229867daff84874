"""`cost` and `compare`."""

import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click

from poe_scraper import api
from poe_scraper.cli.exits import ExitCode
from poe_scraper.cli.options import DecimalNumber, as_json, examples, known_id, output_dir, pairs, the_feed
from poe_scraper.cli.terminal import console, echo_json, fail, safe, table
from poe_scraper.failures import UnpricedError
from poe_scraper.pricing import amounts
from poe_scraper.pricing.costs import Chosen, Cost, Money, Ranking, ranked
from poe_scraper.pricing.questions import QUESTIONS, Purpose

Command = TypeVar("Command", bound=Callable[..., Any])

_USAGES = {
    "input_tokens": "Tokens of input, neither read from nor written to the cache.",
    "output_tokens": "Tokens of output.",
    "cached_input_tokens": "Tokens of input read from the cache.",
    "cache_write_tokens": "Tokens of input written to the cache.",
    "messages": "Messages sent to the bot.",
    "images": "Images made.",
    "seconds": "Seconds of audio or video made.",
    "characters": "Characters of text.",
    "searches": "Web searches made.",
}


def _usage(command: Command) -> Command:
    options = [
        click.option(f"--{name.replace('_', '-')}", name, type=DecimalNumber(), metavar="N", help=line)
        for name, line in _USAGES.items()
    ]
    options.append(
        click.option(
            "--unit",
            "units",
            multiple=True,
            metavar="UNIT=N",
            help="Usage in another unit, such as megapixel=2; 'use' for prices that name no unit.",
        )
    )
    options.append(
        click.option(
            "--attribute",
            "attributes",
            multiple=True,
            metavar="KEY=VALUE",
            help="Which price to take: label=720P, section=..., or a column of the card. Repeatable.",
        )
    )
    options.append(
        click.option("--at", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="With the prices of that day.")
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command(
    epilog=examples(
        "cost claude-sonnet-4.5 --input-tokens 20000 --output-tokens 1500",
        "cost kling-2.6-pro --seconds 5 --attribute 'label=Video Output with audio' --json",
    )
)
@click.argument("bot")
@_usage
@output_dir
@as_json
def cost(bot: str, output_dir: Path | None, as_json: bool, **usage: Any) -> int:
    """What a usage of BOT costs, in points and dollars, item by item.

    If the rate card does not say enough, the error says what is missing, and the exit code is 1.
    """
    bot = known_id(the_feed(output_dir), bot)
    try:
        bill = api.cost(bot, output_dir=output_dir, **_arguments(**usage))
    except UnpricedError as error:
        if as_json:
            echo_json({"bot": bot, "error": error.reason, "choices": list(error.choices)})
        else:
            fail(error.reason)
            _show_choices(error.choices)
        return ExitCode.FAILED
    if as_json:
        echo_json(bill.model_dump(mode="json"))
        return ExitCode.DONE
    out = console()
    out.print(safe(f"{bill.bot}: {_money('points', bill.points)}, {_money('USD', bill.usd)}"))
    rows = table("Usage", "Quantity", "Price", "Points", "Dollars", right=("Quantity", "Points", "Dollars"))
    for line in bill.lines:
        price = " / ".join(filter(None, (line.section, line.label, *line.attributes.values())))
        rows.add_row(
            safe(line.usage),
            amounts.number(line.quantity),
            safe(price),
            amounts.sum_of(line.points.amount, line.points.max_amount),
            amounts.sum_of(line.usd.amount, line.usd.max_amount),
        )
    out.print(rows)
    applied = {f"{line.usage}: {amounts.in_words(adjustment)}" for line in bill.lines for adjustment in line.applied}
    for remark in [*sorted(applied), *_remarks(bill)]:
        out.print(safe(f"- {remark}"))
    return ExitCode.DONE


@click.command(
    epilog=examples(
        "compare gpt-5 claude-sonnet-4.5 grok-4.7 --input-tokens 20000 --output-tokens 1500",
        "compare flux-2-flash z-image-lightning --images 4 --json",
        "compare wan-2.6 wan-2.7 --seconds 5",
        "compare --for image",
        "compare --for video --seconds 10 --json",
    )
)
@click.argument("bots", nargs=-1, metavar="[BOT BOT...]")
@click.option(
    "--for",
    "purpose",
    type=click.Choice([*QUESTIONS]),
    help="Rank all bots that fit this purpose, by one standard use of it or by the usage given.",
)
@_usage
@output_dir
@as_json
def compare(
    bots: tuple[str, ...], purpose: Purpose | None, output_dir: Path | None, as_json: bool, **usage: Any
) -> int:
    """What one usage costs on several bots, the cheapest first.

    If several prices of a bot fit the usage, its cheapest one is compared, and a note says which.
    """
    if bool(bots) == bool(purpose):
        message = "Name the bots to compare, or give --for PURPOSE to rank all bots that fit it."
        raise click.UsageError(message)
    feed = the_feed(output_dir)
    arguments = _arguments(**usage)
    if purpose:
        return _rank(purpose, output_dir, as_json, **arguments)
    names = dict.fromkeys(known_id(feed, name) for name in bots)
    found = ranked(names, cost=api.cost, output_dir=output_dir, **arguments)
    given = arguments["attributes"]
    bills = [(bill, chosen if chosen != given else {}) for bill, chosen in found.costs]
    if as_json:
        echo_json(comparison(Ranking(bills, found.unfit)))
    else:
        _show_comparison(bills, found.unfit)
    return ExitCode.DONE if bills else ExitCode.FAILED


def comparison(ranking: Ranking) -> dict[str, Any]:
    """A comparison as JSON values, as `compare --json` prints it."""
    return {
        "costs": [{**bill.model_dump(mode="json"), "attributes": chosen} for bill, chosen in ranking.costs],
        "unknown": [{"bot": bot, "reason": reason} for bot, reason in ranking.unfit],
    }


_RANKED = 10
"""How many bots a ranking shows on a terminal; `--json` has all."""


def _rank(purpose: Purpose, output_dir: Path | None, as_json: bool, *, at: date | None, **usage: Any) -> int:
    if at is not None:
        message = "--at needs the names of bots: --for ranks the bots of the newest version."
        raise click.UsageError(message)
    usage = {name: value for name, value in usage.items() if value}
    ranking = api.cheapest(purpose, usage or None, output_dir=output_dir)
    if as_json:
        echo_json(comparison(ranking))
        return ExitCode.DONE if ranking.costs else ExitCode.FAILED
    if not usage:
        click.echo(f"{QUESTIONS[purpose].label}: {QUESTIONS[purpose].words}.")
    _show_comparison(ranking.costs[:_RANKED], [])
    if len(ranking.costs) > _RANKED:
        click.echo(f"{len(ranking.costs) - _RANKED} more cost as much or more.")
    reasons = Counter(reason.partition("not known: ")[2] or reason for _, reason in ranking.unfit)
    for reason, count in reasons.most_common():
        click.echo(safe(f"- {count} {'bot does' if count == 1 else 'bots do'} not fit: {reason.removesuffix('.')}"))
    return ExitCode.DONE if ranking.costs else ExitCode.FAILED


def _arguments(
    units: Sequence[str], attributes: Sequence[str], at: datetime | None, **usage: Decimal | None
) -> dict[str, Any]:
    chosen: dict[str, list[str]] = {}
    for key, value in pairs(attributes, "--attribute"):
        chosen.setdefault(key, []).append(value)
    day: date | None = at.replace(tzinfo=UTC).date() if at else None
    number = DecimalNumber()
    return {
        **{name: quantity for name, quantity in usage.items() if quantity is not None},
        "units": {unit: number.convert(count, None, None) for unit, count in pairs(units, "--unit")},
        "attributes": chosen,
        "at": day,
    }


def _show_comparison(bills: list[tuple[Cost, Chosen]], unknown: list[tuple[str, str]]) -> None:
    out = console()
    if bills:
        rows = table("Bot", "Points", "Dollars", "", right=("Points", "Dollars"))
        cheapest = bills[0][0].usd.amount
        for bill, _ in bills:
            times = f"{bill.usd.amount / cheapest:.2f}x" if cheapest else ""
            rows.add_row(
                safe(bill.bot),
                amounts.sum_of(bill.points.amount, bill.points.max_amount, bill.points.bound),
                amounts.sum_of(bill.usd.amount, bill.usd.max_amount, bill.usd.bound),
                times,
            )
        out.print(rows)
    for bill, chosen in bills:
        for note in _remarks(bill, chosen):
            out.print(safe(f"- {bill.bot}: {note}"))
    for _, reason in unknown:
        out.print(safe(f"- {reason}"))


def _remarks(bill: Cost, chosen: Chosen | None = None) -> list[str]:
    rate = amounts.number(bill.points_per_usd)
    variant = ", ".join(f"{key} {value}" for key, values in (chosen or {}).items() for value in values if value)
    return [
        *([f"the cheapest that fits: {variant}"] if variant else []),
        *(f"assumed: {words}" for words in bill.assumptions),
        *bill.notes,
        *(
            f"{name} are converted at {rate} points to the dollar"
            for name, money in (("points", bill.points), ("dollars", bill.usd))
            if money.converted
        ),
    ]


def _money(currency: str, money: Money) -> str:
    return amounts.money(currency, money.amount, money.max_amount, money.bound)


def _show_choices(choices: tuple[dict[str, str], ...]) -> None:
    if choices:
        click.echo("Choose one:", err=True)
    for choice in choices:
        words = (f"--attribute {shlex.quote(safe(f'{key}={value}'))}" for key, value in choice.items())
        click.echo(f"  {' '.join(words)}", err=True)
