"""`merge`: the feeds of all shards, published as one."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from poe_scraper import settings
from poe_scraper.cli import options
from poe_scraper.cli.ending import summary
from poe_scraper.cli.exits import crawl_exit_code
from poe_scraper.cli.terminal import echo_json, safe
from poe_scraper.clock import now
from poe_scraper.failures import FeedError, GateRefusedError
from poe_scraper.feed.gate import Gate
from poe_scraper.feed.parts import Part, find_parts, merge_shards
from poe_scraper.feed.reader import feed_folder
from poe_scraper.feed.report import figures, new_run_id
from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter
from poe_scraper.items import Change, Run, RunReport
from poe_scraper.publishing import DeliverySettings, deliver


@click.command(epilog=options.examples("merge parts/1 parts/2 parts/3 --output-dir output"))
@click.argument(
    "parts",
    nargs=-1,
    required=True,
    metavar="PART...",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@options.output_dir
@options.as_json
@click.option("--accept", is_flag=True, help="Publish for once what the gate would refuse.")
@click.option("--keep", type=click.IntRange(min=1), metavar="N", help="Keep the newest N versions, not all.")
def merge(parts: tuple[Path, ...], output_dir: Path | None, accept: bool, keep: int | None, as_json: bool) -> int:
    """Publish the feeds of all shards as one version of one feed.

    Each PART is the folder of a crawl with shard=i/n. Together they must be the shards 1 to n, each crawled
    within POE_MAX_AGE. The gate judges what they are together.
    """
    store = FeedStore(feed_folder(output_dir))
    if store.folder.resolve() in {part.resolve() for part in parts}:
        message = f"{store.folder} is one of the parts: name another folder with --output-dir."
        raise FeedError(message)
    at = now()
    found = find_parts(parts, now=at, max_age=timedelta(seconds=settings.POE_MAX_AGE))
    with FeedWriter(store, "poe-scraper merge") as writer:
        report = _publish(writer, found, at, accept=accept, keep=keep or settings.POE_KEEP_VERSIONS)
        writer.report(report)
    if as_json:
        echo_json(report.model_dump(mode="json"))
    else:
        for line in (*map(_line, found), *summary(report, folder=str(store.folder))):
            click.echo(safe(line))
    return crawl_exit_code(report)


def _line(part: Part) -> str:
    whole = "" if part.run.complete else ", which did not see all of its shard"
    return f"Shard {part.shard}: {part.store.folder}, crawl {part.run.id}{whole}."


def _publish(writer: FeedWriter, parts: list[Part], at: datetime, *, accept: bool, keep: int) -> RunReport:
    runs = [part.run for part in parts]
    failed = _sum(run.failed for run in runs)
    told: dict[str, Any] = {
        "id": new_run_id(),
        "started_at": at,
        "finish_reason": "merged",
        "complete": all(run.complete for run in runs),
        "seen": sum(run.seen for run in runs),
        "visited": sum(run.visited for run in runs),
        "not_due": sum(run.not_due for run in runs),
        "failed": failed,
        "requests": _sum(run.requests for run in runs),
        "bytes": _sum(run.bytes for run in runs),
        "problems": tuple(problem for run in runs for problem in run.problems),
    }
    bots = merge_shards(writer.known, parts, now=at, keep_gone=timedelta(days=settings.POE_KEEP_GONE))
    changes: Sequence[Change] = ()
    try:
        publication = writer.publish(
            bots,
            Run(
                id=told["id"],
                started_at=at,
                finished_at=now(),
                seen=told["seen"],
                visited=told["visited"],
                failed=sum(failed.values()),
            ),
            now=at,
            gate=Gate(min_share=settings.POE_GATE_MIN_SHARE, max_jumps=settings.POE_GATE_MAX_JUMPS),
            accept=accept,
            keep=keep,
        )
    except GateRefusedError as error:
        told |= {"outcome": "refused", "reasons": error.reasons}
    else:
        told["outcome"] = "published" if publication.new_version else "unchanged"
        changes = publication.changes
        told["problems"] += deliver(
            writer.store,
            version=publication.version,
            new_version=publication.new_version,
            settings=DeliverySettings.of(vars(settings)),
        )
    version = writer.head.version if writer.head else None
    return RunReport.model_validate(told | figures(version, writer.known.entries(), changes) | {"finished_at": now()})


def _sum(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total)
