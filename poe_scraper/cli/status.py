"""`status`: the state of the feed."""

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click

from poe_scraper import clock
from poe_scraper.cli.options import as_json, examples, output_dir, the_feed
from poe_scraper.cli.terminal import age, console, echo_json, safe, table
from poe_scraper.failures import FAILURES, Code
from poe_scraper.feed.reader import FeedReader, feed_folder
from poe_scraper.feed.selection import prices
from poe_scraper.feed.store import FeedStore

_LAST = 5


@click.command(epilog=examples("status", "status --json"))
@output_dir
@as_json
def status(output_dir: Path | None, as_json: bool) -> None:
    """Show the age and coverage of the feed, and the last runs and refusals."""
    feed = the_feed(output_dir)
    store = FeedStore(feed_folder(output_dir))
    now = datetime.now(UTC)
    versions = store.versions()
    runs = [run.model_dump(mode="json") for run in islice(store.runs(), _LAST)]
    refusals = [
        {"id": refusal.id, "at": clock.text(refusal.at), "reasons": list(refusal.reasons)}
        for refusal in islice(store.refusals(), _LAST)
    ]
    report = {
        "source": feed.source,
        "starter": feed.starter,
        "site": feed.site.model_dump(mode="json") if feed.site else None,
        "schema_version": feed.schema_version,
        "version": feed.version,
        "generated_at": clock.text(feed.generated_at),
        "age_seconds": int((now - feed.generated_at).total_seconds()),
        "points_per_usd": format(feed.points_per_usd, "f"),
        "bots": _coverage(feed),
        "versions": versions,
        "runs": runs,
        "refusals": refusals,
    }
    if as_json:
        echo_json(report)
    else:
        _print(report, feed, now)


def _coverage(feed: FeedReader) -> dict[str, int]:
    active = [entry for entry in feed.entries if entry["status"] == "active"]
    return {
        "total": len(feed),
        "active": len(active),
        "gone": len(feed) - len(active),
        "priced": sum(bool(prices(entry)) for entry in active),
        "with_rates": sum(bool(entry["pricing"]["rates"]) for entry in active),
        "with_api_price": sum(bool(entry["pricing"]["api"]) for entry in active),
        "with_unparsed": sum(bool(entry["pricing"]["unparsed"]) for entry in active),
        "with_errors": sum(bool(entry["errors"]) for entry in active),
        "page_never_seen": sum(entry["observed"]["page"] is None for entry in active),
    }


def _print(report: dict[str, Any], feed: FeedReader, now: datetime) -> None:
    out = console()
    bots = report["bots"]
    share = f" ({bots['priced'] * 100 // bots['active']} %)" if bots["active"] else ""
    facts = {
        "Feed": report["source"],
        "Site": feed.site.url if feed.site else "not recorded",
        "Version": f"{report['version']}, schema {report['schema_version']}, {len(report['versions'])} on disk",
        "Written": f"{feed.generated_at:%Y-%m-%d %H:%M} UTC ({age(feed.generated_at, now)})",
        "Bots": f"{bots['active']} active, {bots['gone']} gone",
        "With prices": f"{bots['priced']} of the active bots{share}; {bots['with_rates']} from a rate card",
        "Not parsed": f"{bots['with_unparsed']} cards contain an amount that could not be parsed",
        "Failed": f"{bots['with_errors']} bots had an error on the last visit; their older data is kept",
        "Never visited": f"{bots['page_never_seen']} bots",
    }
    if report["runs"] and any(problem["code"] == Code.SESSION_EXPIRED for problem in report["runs"][0]["problems"]):
        facts["Session"] = f"expired during the last run. {FAILURES[Code.SESSION_EXPIRED].remedy}"
    for label, fact in facts.items():
        out.print(safe(f"{label + ':':<16}{fact}"))
    if report["runs"]:
        rows = table("Run", "When", "Outcome", "Seen", "Visited", "Failed", right=("Seen", "Visited", "Failed"))
        for run in report["runs"]:
            when = age(datetime.fromisoformat(run["finished_at"]), now)
            failed = str(sum(run["failed"].values()))
            rows.add_row(safe(run["id"]), when, run["outcome"], str(run["seen"]), str(run["visited"]), failed)
        out.print("\nLast runs", style="bold")
        out.print(rows)
    if report["refusals"]:
        out.print("\nLast refusals", style="bold")
        for refusal in report["refusals"]:
            out.print(f"- {age(datetime.fromisoformat(refusal['at']), now)}: {safe(refusal['id'])}")
            for reason in refusal["reasons"]:
                out.print(f"  {safe(reason)}")
