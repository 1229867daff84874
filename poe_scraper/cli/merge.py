"""`merge`: publish the feeds of all shards as one feed."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import click

from poe_scraper.cli import options
from poe_scraper.cli.ending import summary
from poe_scraper.cli.exits import crawl_exit_code
from poe_scraper.cli.terminal import echo_json, safe
from poe_scraper.clock import now
from poe_scraper.failures import FeedError
from poe_scraper.feed.parts import Part, find_parts, merge_shards
from poe_scraper.feed.report import new_run_id
from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter
from poe_scraper.items import RunReport
from poe_scraper.publishing.flow import PublicationSettings, publish


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
@click.option("--accept", is_flag=True, help="Publish this once even if the gate would refuse.")
@click.option("--keep", type=click.IntRange(min=1), metavar="N", help="Keep only the newest N versions.")
def merge(parts: tuple[Path, ...], output_dir: Path | None, accept: bool, keep: int | None, as_json: bool) -> int:
    """Publish the feeds of all shards as one version of one feed.

    Each PART is the folder of a crawl with shard=i/n. Together they must be the shards 1 to n of one site, each
    crawled within POE_MAX_AGE. The gate checks the merged feed before it is published.
    """
    settings = options.crawl_settings(output_dir, accept=accept, keep=keep)
    store = FeedStore(Path(settings["POE_OUTPUT_DIR"]))
    if store.folder.resolve() in {part.resolve() for part in parts}:
        message = f"{store.folder} is one of the parts: name another folder with --output-dir."
        raise FeedError(message)
    at = now()
    found = find_parts(parts, now=at, max_age=timedelta(seconds=settings.getfloat("POE_MAX_AGE")))
    publication = PublicationSettings.of(settings)
    with FeedWriter(store, "poe-scraper merge", found[0].site) as writer:
        bots = merge_shards(writer.known, found, now=at, keep_gone=publication.keep_gone)
        report = publish(writer, bots, _draft(found, at), publication, at=at)
    if as_json:
        echo_json(report.model_dump(mode="json"))
    else:
        for line in (*map(_line, found), *summary(report, folder=str(store.folder))):
            click.echo(safe(line))
    return crawl_exit_code(report)


def _line(part: Part) -> str:
    whole = "" if part.run.complete else ", which did not cover its whole shard"
    return f"Shard {part.shard}: {part.store.folder}, crawl {part.run.id}{whole}."


def _draft(parts: list[Part], at: datetime) -> RunReport:
    runs = [part.run for part in parts]
    return RunReport(
        id=new_run_id(),
        started_at=at,
        finished_at=at,
        finish_reason="merged",
        complete=all(run.complete for run in runs),
        outcome="failed",
        seen=sum(run.seen for run in runs),
        visited=sum(run.visited for run in runs),
        not_due=sum(run.not_due for run in runs),
        left=sum(run.left for run in runs),
        failed=_sum(run.failed for run in runs),
        requests=_sum(run.requests for run in runs),
        bytes=_sum(run.bytes for run in runs),
        script_hosts=tuple(sorted({host for run in runs for host in run.script_hosts})),
        problems=tuple(problem for run in runs for problem in run.problems),
    )


def _sum(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total)
