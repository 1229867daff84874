"""`list` and `search`: find bots in the feed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from poe_scraper.cli.filters import matched
from poe_scraper.cli.options import DecimalNumber, as_json, examples, output_dir, the_feed
from poe_scraper.cli.terminal import console, echo_json, safe, table
from poe_scraper.feed.reader import Entry, FeedReader
from poe_scraper.feed.selection import Selection, select
from poe_scraper.pricing import amounts

Command = TypeVar("Command", bound=Callable[..., Any])

_FILTERS = (
    click.option("--creator", metavar="NAME", help="Created by this Poe account."),
    click.option("--owner", metavar="NAME", help="Owned by this organisation, according to the API."),
    click.option("--input", "input_modality", metavar="KIND", help="Accepts text, image, video or audio."),
    click.option("--output-modality", "--output", metavar="KIND", help="Produces text, image, video or audio."),
    click.option("--priced/--unpriced", default=None, help="Only bots with a known price, or without one."),
    click.option("--free/--not-free", default=None, help="Only bots whose prices are all 0, or the others."),
    click.option("--unit", metavar="UNIT", help="Has a price for this unit: token, second, image ..."),
    click.option(
        "--max-price", type=DecimalNumber(), metavar="USD", help="Maximum price per unit, or per million tokens."
    ),
    click.option("--gone", is_flag=True, help="Include bots that are gone from Poe."),
    click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N bots."),
)


def _filters(command: Command) -> Command:
    for option in reversed(_FILTERS):
        command = option(command)
    return command


def _sort(*orders: str) -> Callable[[Command], Command]:
    return click.option(
        "--sort", "order", type=click.Choice(orders), default=orders[0], show_default=True, help="Order."
    )


@click.command(
    "list",
    epilog=examples("list --creator OpenAI --sort price", "list --unit second --max-price 0.10", "list --free --json"),
)
@_filters
@_sort("name", "price", "newest", "context")
@output_dir
@as_json
def list_(output_dir: Path | None, as_json: bool, **filters: Any) -> None:
    """List bots with their prices."""
    feed = the_feed(output_dir)
    _show(feed, Selection(**matched(feed, filters)), as_json)


@click.command(epilog=examples("search claude", "search video --output video --sort price --limit 10"))
@click.argument("text", nargs=-1, required=True)
@_filters
@_sort("relevance", "name", "price", "newest", "context")
@output_dir
@as_json
def search(text: tuple[str, ...], output_dir: Path | None, as_json: bool, **filters: Any) -> None:
    """Find bots whose name, creator, owner or description contains every word of TEXT."""
    feed = the_feed(output_dir)
    words = " ".join(text)
    if not select(feed, Selection(text=words, gone=True)) and (near := feed.near("-".join(text))):
        message = f"no bot matches {words!r}. Did you mean {', '.join(near)}?"
        raise click.UsageError(message)
    _show(feed, Selection(text=words, **matched(feed, filters)), as_json)


def _show(feed: FeedReader, selection: Selection, as_json: bool) -> None:
    entries = select(feed, selection)
    if as_json:
        bots = [summary(entry) for entry in entries]
        echo_json({"version": feed.version, "starter": feed.starter, "count": len(bots), "bots": bots})
        return
    rows = table("Bot", "Creator", "Dollars", "Points", "Per", right=("Dollars", "Points"))
    for entry in entries:
        rows.add_row(safe(entry["handle"] or entry["id"]), safe(_creator(entry) or "-"), *_price(entry))
    out = console()
    if entries:
        out.print(rows)
    out.print(f"{len(entries)} of {len(feed)} bots")


def summary(entry: Entry) -> dict[str, Any]:
    """A bot in a few fields, as `list --json` and `search --json` print it."""
    architecture = entry.get("architecture") or {}
    return {
        "id": entry["id"],
        "handle": entry["handle"],
        "display_name": entry.get("display_name"),
        "status": entry["status"],
        "creator": (entry.get("creator") or {}).get("handle"),
        "owned_by": entry.get("owned_by"),
        "input_modalities": architecture.get("input_modalities", []),
        "output_modalities": architecture.get("output_modalities", []),
        "price": entry["pricing"].get("primary"),
    }


def _creator(entry: Entry) -> str | None:
    creator: str | None = (entry.get("creator") or {}).get("handle") or entry.get("owned_by")
    return creator


def _price(entry: Entry) -> tuple[str, str, str]:
    primary = entry["pricing"].get("primary")
    if primary is None:
        return "-", "-", ""
    usd, points, bound = primary["usd"], primary["points"], primary["bound"]
    unsure = " (unsure)" if primary.get("suspect") else ""
    return (
        amounts.money("USD", usd, bound=bound),
        amounts.sum_of(points, bound=bound),
        safe(amounts.per(primary["per"]).removeprefix("/")) + unsure,
    )
