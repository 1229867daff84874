"""`history` and `diff`: how the feed changed over time."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from poe_scraper import api, clock
from poe_scraper.cli.options import as_json, examples, output_dir, the_feed
from poe_scraper.cli.terminal import console, echo_json, safe, table
from poe_scraper.feed.changes import compare
from poe_scraper.feed.history import PriceChange, Snapshot, price_changes
from poe_scraper.feed.reader import feed_folder
from poe_scraper.feed.store import FeedStore
from poe_scraper.items import Bot, Feed, Pricing
from poe_scraper.pricing import amounts

_BAR = 30


@click.command(epilog=examples("history grok-4.7", "history Claude-Sonnet-4.5 --json"))
@click.argument("bot")
@output_dir
@as_json
def history(bot: str, output_dir: Path | None, as_json: bool) -> None:
    """Show the prices of BOT over time: every version in which they changed, and a chart of its main price."""
    the_feed(output_dir)
    found = api.history(bot, output_dir)
    if as_json:
        echo_json({"bot": found[-1].bot.id, "snapshots": [*_snapshot_rows(found)]})
        return
    out = console()
    name = found[-1].bot.handle or found[-1].bot.id
    _chart(name, found)
    for before, now in pairwise(found):
        changes = price_changes(before.bot, now.bot)
        status = "" if before.bot.status == now.bot.status else f", {now.bot.status}"
        out.print(safe(f"\nVersion {now.version}, {now.at:%Y-%m-%d %H:%M} UTC{status}"), style="bold")
        if before.bot.pricing.adjustments != now.bot.pricing.adjustments:
            words = "; ".join(map(amounts.in_words, now.bot.pricing.adjustments)) or "none"
            out.print(safe(f"- adjustments now: {words}"))
        _print_changes(changes)


def _snapshot_rows(found: Sequence[Snapshot]) -> Iterator[dict[str, Any]]:
    before = found[0]
    for snapshot in found:
        changes = price_changes(before.bot, snapshot.bot)
        yield {
            "version": snapshot.version,
            "at": clock.text(snapshot.at),
            "status": snapshot.bot.status,
            "primary": _json(snapshot.bot.pricing)["primary"],
            "adjustments": _json(snapshot.bot.pricing)["adjustments"],
            "prices": [*map(_change, changes)],
        }
        before = snapshot


def _json(pricing: Pricing) -> dict[str, Any]:
    return pricing.model_dump(mode="json")


def _change(change: PriceChange) -> dict[str, Any]:
    rate = change.rate
    return {
        "label": rate.label,
        "section": rate.section,
        "attributes": rate.attributes,
        "currency": rate.currency,
        "source": change.source,
        "old": change.old.model_dump(mode="json", include=_FIGURES) if change.old else None,
        "new": change.new.model_dump(mode="json", include=_FIGURES) if change.new else None,
        "percent": None if change.percent is None else str(change.percent),
    }


_FIGURES = {"amount", "max_amount", "list_amount", "per", "bound"}


def _chart(name: str, found: Sequence[Snapshot]) -> None:
    """Print one bar per snapshot: the primary price, in dollars if all snapshots have them, else in points."""
    primaries = [snapshot.bot.pricing.primary for snapshot in found]
    in_usd = all(primary is None or primary.usd is not None for primary in primaries)
    prices = [None if primary is None else (primary.usd if in_usd else primary.points) for primary in primaries]
    most = max((price for price in prices if price is not None), default=Decimal(0))
    latest = next((primary for primary in reversed(primaries) if primary is not None), None)
    title = name if latest is None else f"{name}: {latest.label} {amounts.per(latest.per.model_dump())}"
    rows = table("Version", "From", "Price", "", title=safe(title), right=("Version", "Price"))
    for snapshot, price in zip(found, prices, strict=True):
        length = round(_BAR * price / most) if price and most else 0
        rows.add_row(
            str(snapshot.version),
            f"{snapshot.at:%Y-%m-%d}",
            "gone" if snapshot.bot.status == "gone" else amounts.money("USD" if in_usd else "points", price),
            "█" * max(length, 1 if price else 0),
        )
    console().print(rows)


@click.command(epilog=examples("diff", "diff 41", "diff 40 42 --json"))
@click.argument("v1", type=click.IntRange(min=1), required=False)
@click.argument("v2", type=click.IntRange(min=1), required=False)
@output_dir
@as_json
def diff(v1: int | None, v2: int | None, output_dir: Path | None, as_json: bool) -> None:
    """Show what changed from version V1 to version V2 of the feed.

    By default, V2 is the current version and V1 the one before V2.
    """
    current = the_feed(output_dir)
    store = FeedStore(feed_folder(output_dir))
    v2 = v2 or current.version
    v1 = v1 or max((number for number in store.versions() if number < v2), default=v2)
    if v1 == v2 and as_json:
        echo_json({"from": v1, "to": v2, "added": [], "gone": [], "back": [], "changed": []})
        return
    if v1 == v2:
        click.echo(f"There is no earlier version to compare version {v2} with.")
        return
    old, new = store.version(v1), store.version(v2)
    difference = _difference(old, new)
    if as_json:
        echo_json(difference)
        return
    out = console()
    out.print(
        f"Version {old.version} ({old.generated_at:%Y-%m-%d %H:%M} UTC) to "
        f"version {new.version} ({new.generated_at:%Y-%m-%d %H:%M} UTC)"
    )
    for kind in ("added", "gone", "back"):
        if difference[kind]:
            out.print(f"\n{kind.capitalize()}: {len(difference[kind])}", style="bold")
            out.print(safe(", ".join(difference[kind])))
    if difference["changed"]:
        out.print(f"\nChanged: {len(difference['changed'])}", style="bold")
    before = {bot.key: bot for bot in old.data}
    now = {bot.key: bot for bot in new.data}
    for changed in difference["changed"]:
        out.print(safe(f"{changed['bot']}: {', '.join(changed['fields'])}"))
        key = changed["bot"].casefold()
        _print_changes(price_changes(before[key], now[key]) if key in before else [])
    if not any(difference[kind] for kind in ("added", "gone", "back", "changed")):
        out.print("Nothing changed.")


def _difference(old: Feed, new: Feed) -> dict[str, Any]:
    bots: dict[str, list[str]] = {"added": [], "gone": [], "back": []}
    fields: dict[str, list[str]] = {}
    for change in compare(old, new):
        if change.kind == "changed":
            fields.setdefault(change.bot, []).append(change.field or "")
        else:
            bots[change.kind].append(change.bot)
    before = {bot.key: bot for bot in old.data}
    now = {bot.key: bot for bot in new.data}
    bots["gone"] += [bot.id for key, bot in before.items() if key not in now and bot.status == "active"]
    return {
        "from": old.version,
        "to": new.version,
        **bots,
        "changed": [
            {
                "bot": bot,
                "fields": changed,
                "prices": _prices(before.get(bot.casefold()), now[bot.casefold()]),
            }
            for bot, changed in fields.items()
        ],
    }


def _prices(before: Bot | None, now: Bot) -> list[dict[str, Any]]:
    return [_change(change) for change in price_changes(before, now)] if before else []


def _percent(percent: Decimal) -> Text:
    return Text(f"{percent:+} %", style="red" if percent > 0 else "green")


def _print_changes(changes: Sequence[PriceChange]) -> None:
    if not changes:
        return
    rows = table("Price", "Old", "New", "Change", right=("Change",))
    for change in changes:
        rate = change.rate
        label = " / ".join(filter(None, (rate.section, rate.label, *rate.attributes.values())))
        percent = Text() if change.percent is None else _percent(change.percent)
        rows.add_row(
            safe(f"API {label}" if change.source == "api" else label),
            *(safe(amounts.rate(each)) if each else "-" for each in (change.old, change.new)),
            percent,
        )
    console().print(rows)
