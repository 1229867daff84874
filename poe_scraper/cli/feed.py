"""`schema` and `reread`: print the feed's schema, and parse its stored rate cards again."""

from pathlib import Path
from typing import Any

import click

from poe_scraper.cli.exits import ExitCode, crawl_exit_code
from poe_scraper.cli.options import as_json, crawl_settings, examples, output_dir
from poe_scraper.cli.terminal import console, echo_json, safe, table
from poe_scraper.failures import Code, FeedError, GateRefusedError
from poe_scraper.feed.history import price_changes
from poe_scraper.feed.reader import feed_folder
from poe_scraper.feed.store import FeedStore
from poe_scraper.items import Bot, BotError, Feed, Reading, RunReport
from poe_scraper.pricing import amounts


@click.command(epilog=examples("schema > models.schema.json"))
@as_json
def schema(as_json: bool) -> None:  # noqa: ARG001 - the output is always JSON
    """Print the JSON Schema (draft 2020-12) of the feed."""
    from poe_scraper.feed.schema import schema_text

    click.echo(schema_text(), nl=False)


@click.command(epilog=examples("reread", "reread --write", "reread --write --accept"))
@click.option("--write", is_flag=True, help="Publish the changes as a new version of the feed.")
@click.option("--accept", is_flag=True, help="With --write: publish even if the gate would refuse.")
@output_dir
@as_json
def reread(write: bool, accept: bool, output_dir: Path | None, as_json: bool) -> int:
    """Parse every stored rate card again, such as after an update of poe-scraper, and show what changes.

    No request is sent to Poe: the feed keeps the original cards.
    """
    store = FeedStore(feed_folder(output_dir))
    feed = store.current()
    if feed is None:
        message = f"{store.folder} has no crawled feed. Crawl one with 'poe-scraper update'."
        raise FeedError(message)
    changed = _changed(feed)
    report = _publish(output_dir, accept=accept) if write and changed else None
    if report is not None and report.outcome == "refused":
        raise GateRefusedError(report.reasons)
    if report is not None and report.outcome == "failed":
        raise FeedError("; ".join(report.reasons))
    published = report.version if report else None
    code = crawl_exit_code(report) if report else ExitCode.DONE
    if as_json:
        echo_json(
            {
                "cards": sum(bot.pricing.rate_card is not None for bot in feed.data),
                "changed": [_comparison(before, now) for before, now in changed],
                "published": published,
            }
        )
        return code
    out = console()
    for before, now in changed:
        out.print(safe(now.handle or now.id), style="bold")
        rows = table("Price", "Before", "Now")
        for change in price_changes(before, now):
            cells = (amounts.rate(each) if each else "-" for each in (change.old, change.new))
            rows.add_row(safe(change.rate.label), *map(safe, cells))
        if rows.row_count:
            out.print(rows)
        if before.pricing.unparsed != now.pricing.unparsed:
            out.print(f"- not parsed: {len(before.pricing.unparsed)} -> {len(now.pricing.unparsed)}")
    out.print(f"{len(changed)} of {len(feed.data)} bots read differently.")
    if published is not None:
        out.print(f"Published as version {published}.")
    elif changed:
        out.print("Nothing was written. Publish the changes with --write.")
    return code


def _changed(feed: Feed) -> list[tuple[Bot, Bot]]:
    pairs = ((bot, reread_bot(bot)) for bot in feed.data)
    return [(before, now) for before, now in pairs if before != now]


def _comparison(before: Bot, now: Bot) -> dict[str, Any]:
    return {
        "bot": now.id,
        "before": before.pricing.model_dump(mode="json", include=set(Reading.model_fields)),
        "now": now.pricing.model_dump(mode="json", include=set(Reading.model_fields)),
    }


def _publish(output_dir: Path | None, *, accept: bool) -> RunReport | None:
    from poe_scraper.clock import now
    from poe_scraper.feed.report import new_run_id
    from poe_scraper.feed.writer import FeedWriter
    from poe_scraper.publishing.flow import PublicationSettings, publish

    settings = crawl_settings(output_dir, accept=accept)
    with FeedWriter(FeedStore(Path(settings["POE_OUTPUT_DIR"])), "poe-scraper reread") as writer:
        if writer.head is None:
            return None
        at = now()
        draft = RunReport(id=new_run_id(), started_at=at, finished_at=at, finish_reason="reread", outcome="failed")
        bots = map(reread_bot, writer.known.values())
        return publish(writer, bots, draft, PublicationSettings.of(settings), at=at)


def reread_bot(bot: Bot) -> Bot:
    """Parse a bot's stored card again, and update what depends on it: primary price, checks and errors."""
    from poe_scraper.pricing.conclusions import with_conclusions
    from poe_scraper.rates import read_card, read_dialog

    card, page = bot.pricing.rate_card, bot.observed.page
    if card is None:
        return bot
    reading = read_dialog(card) if page is not None and page.via == "dialog" else read_card(card)
    errors = [error for error in bot.errors if error.code != Code.CARD_UNPARSED]
    if reading.unparsed:
        reported = [error for error in bot.errors if error.code == Code.CARD_UNPARSED]
        message = f"{len(reading.unparsed)} pieces of the rate card could not be read"
        at = page.at if page is not None else bot.last_seen
        errors += reported or [BotError(stage="rates", code=Code.CARD_UNPARSED, message=message, at=at)]
    pricing = bot.pricing.model_copy(update=dict(reading))
    return with_conclusions(bot.model_copy(update={"pricing": pricing, "errors": tuple(errors)}))
