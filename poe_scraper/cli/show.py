"""`show`: all facts about one bot."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poe_scraper.cli.options import as_json, examples, known_id, output_dir, the_feed
from poe_scraper.cli.terminal import age, console, echo_json, safe, table
from poe_scraper.failures import FAILURES, Code
from poe_scraper.items import Bot, Rate
from poe_scraper.pricing import amounts
from poe_scraper.pricing.checks import CHECK_KINDS
from poe_scraper.pricing.conclusions import examine
from poe_scraper.pricing.prices import api_rates

if TYPE_CHECKING:
    from rich.console import Console


@click.command(epilog=examples("show Claude-Sonnet-4.5", "show grok-4.7 --json"))
@click.argument("bot")
@output_dir
@as_json
def show(bot: str, output_dir: Path | None, as_json: bool) -> None:
    """Show everything the feed knows about BOT, an id or a handle in any case."""
    feed = the_feed(output_dir)
    name = known_id(feed, bot)
    if as_json:
        echo_json({"version": feed.version, "starter": feed.starter, "bot": feed.entry(name)})
        return
    now = datetime.now(UTC)
    found = feed[name]
    out = console()
    out.print(safe(found.handle or found.id), style="bold")
    for label, fact in _facts(found, now):
        out.print(f"  {label + ':':<13}{safe(fact)}")
    if found.description:
        out.print()
        out.print(safe(found.description))
    _show_rates(out, found)
    _show_api(out, found)
    _show_list(out, "Adjustments", map(amounts.in_words, found.pricing.adjustments))
    _show_list(out, "On the card, but not parsed", found.pricing.unparsed)
    _show_list(out, "Checks", _checks(found))
    _show_list(out, "Errors", _errors(found, now))


def _facts(bot: Bot, now: datetime) -> Iterator[tuple[str, str]]:
    if bot.display_name and bot.display_name != bot.handle:
        yield "Name", bot.display_name
    yield "Id", bot.id
    yield "Page", bot.url
    gone = f", since {_when(bot.gone_since, now)}" if bot.gone_since else ""
    yield "Status", ("down" if bot.is_down and bot.status == "active" else bot.status) + gone
    if bot.creator:
        name = f" ({bot.creator.name})" if bot.creator.name else ""
        yield "Creator", f"@{bot.creator.handle}{name}"
    if bot.owned_by:
        yield "Owner", bot.owned_by
    if bot.powered_by:
        yield "Powered by", bot.powered_by
    if bot.architecture:
        goes_in = ", ".join(bot.architecture.input_modalities)
        comes_out = ", ".join(bot.architecture.output_modalities)
        yield "Modalities", f"{goes_in} -> {comes_out}"
    if bot.context_window and bot.context_window.context_length:
        yield "Context", f"{bot.context_window.context_length:,} tokens"
    if bot.supported_features:
        yield "Features", ", ".join(bot.supported_features)
    if bot.created:
        yield "Created", _when(bot.created, now)
    yield "First seen", _when(bot.first_seen, now)
    if bot.observed.catalog:
        yield "API seen", _when(bot.observed.catalog.at, now)
    if bot.observed.page:
        via = f", card by {bot.observed.page.via}" if bot.observed.page.via else ""
        yield "Page seen", _when(bot.observed.page.at, now) + via
    else:
        yield "Page seen", "never"
    if bot.pricing.initial_points:
        yield "Cost label", bot.pricing.initial_points.text


def _when(moment: datetime, now: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC ({age(moment, now)})"


def _show_rates(out: "Console", bot: Bot) -> None:
    if not bot.pricing.rates:
        out.print("\nNo rates from its page are known.")
        return
    for section, group in groupby(examine(bot.pricing).page, key=lambda price: price.section):
        rows = table("Rate", "Dollars", "Points")
        for price in group:
            unsure = " (unsure: see Checks)" if price.is_suspect else ""
            rows.add_row(safe(_label(price.first)) + unsure, _price(price.usd), _price(price.points))
        out.print()
        out.print(safe(section or "Rates"), style="bold")
        out.print(rows)


def _label(rate: Rate) -> str:
    attributes = (value if name == "column" else f"{name}: {value}" for name, value in rate.attributes.items())
    return ", ".join((rate.label, *attributes))


def _price(rate: Rate | None) -> str:
    if rate is None:
        return "-"
    former = "" if rate.list_amount is None else f", was {amounts.number(rate.list_amount)}"
    return safe(amounts.rate(rate) + former)


def _show_api(out: "Console", bot: Bot) -> None:
    prices = (f"{rate.label}: {amounts.rate(rate)}" for rate in api_rates(bot.pricing.api))
    _show_list(out, "Prices of the models API", prices)


def _checks(bot: Bot) -> Iterator[str]:
    for check in bot.pricing.checks:
        figures = ", ".join(f"{name} {amounts.number(figure)}" for name, figure in check.figures.items())
        detail = "; ".join(filter(None, (figures, check.reason)))
        result = check.result.replace("_", " ")
        yield f"{CHECK_KINDS.get(check.kind, check.kind)}, {check.subject}: {result}" + (
            f" ({detail})" if detail else ""
        )


def _errors(bot: Bot, now: datetime) -> Iterator[str]:
    for error in bot.errors:
        remedy = f" {FAILURES[Code(error.code)].remedy}" if error.code in set(Code) else ""
        yield f"{error.code} at {error.stage}, {age(error.at, now)}: {error.message}{remedy}"


def _show_list(out: "Console", title: str, lines: Iterable[str]) -> None:
    shown = [f"- {safe(line)}" for line in lines]
    if shown:
        out.print()
        out.print(title, style="bold")
        for line in shown:
            out.print(line)
