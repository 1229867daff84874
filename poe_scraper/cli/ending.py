"""How a crawl ends, for a person and for whoever started the process."""

import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from scrapy.crawler import Crawler
from scrapy.settings import BaseSettings

from poe_scraper.cli.exits import ExitCode, crawl_exit_code, worker_exit_code
from poe_scraper.failures import FAILURES, Code
from poe_scraper.items import RunReport
from poe_scraper.pipelines.publish import PublishPipeline
from poe_scraper.untrusted import safe

logger = logging.getLogger(__name__)

SITE_CHANGED_SHARE = 0.2
"""Where so many of the visited pages lack what we look for, it is the site that has changed."""


def ending(crawler: Crawler) -> ExitCode:
    """Say how a crawl went.

    Returns:
        The exit code that stands for it.
    """
    publisher = crawler.get_item_pipeline(PublishPipeline)
    member = getattr(crawler.spider, "member", None)
    if publisher is None and member is not None:
        code = worker_exit_code(str(crawler.stats.get_value("finish_reason")))
        lines = [safe(member.summary())]
    else:
        report = publisher.report if publisher else None
        code = crawl_exit_code(report)
        lines = [safe(line) for line in _lines(report, Path(crawler.settings["POE_OUTPUT_DIR"]))]
    log_ending(lines, code, crawler.settings)  # first: a Scrapyd that stops closes standard error
    for line in lines:
        print(line, file=sys.stderr)
    return code


def log_ending(lines: Sequence[str], code: ExitCode, settings: BaseSettings) -> None:
    """Write how a crawl went to the log file, where there is one.

    It is all that Scrapyd keeps of a job: `poe-scraper schedule` reads the exit code there.
    """
    if settings["LOG_FILE"]:
        for line in (*lines, f"Exit code {code}"):
            logger.info("%s", line)


def _lines(report: RunReport | None, folder: Path) -> list[str]:
    if report is None:
        return ["The crawl did not end in order: see the log."]
    lines = summary(report, folder=str(folder))
    if report.outcome in {"refused", "failed"} and (folder / "runs" / f"{report.id}.json").exists():
        lines.append(f"Report: {folder}/runs/{report.id}.json")
    return lines


def _headlines(report: RunReport) -> Iterator[str]:
    """What matters more than all figures, if anything does."""
    if report.finish_reason == "shutdown":
        yield "Interrupted: what was seen until then counts, and no bot is taken for gone."
    if report.finish_reason == Code.SITE_BLOCKS:
        yield "Poe blocks the crawl, so it stopped asking. The feed keeps what it knew."
    if any(problem.code == Code.SESSION_EXPIRED for problem in report.problems):
        yield "Your session with Poe has expired: pages were seen as anybody sees them. Renew it: poe-scraper login."
    changed = report.failed.get(Code.SITE_CHANGED, 0)
    if changed and changed >= SITE_CHANGED_SHARE * report.visited:
        yield f"Poe seems to have changed its site: {changed} of {report.visited} pages lack what we look for."


def summary(report: RunReport, *, folder: str) -> list[str]:
    """A run report in a few lines for a person."""
    lines = list(_headlines(report))
    failed = sum(report.failed.values())
    seconds = (report.finished_at - report.started_at).total_seconds()
    lines.append(
        f"{report.seen} bots seen, {report.visited - failed} pages read, {failed} failed, "
        f"{report.not_due} not due, in {seconds:.0f} s."
    )
    for code, count in sorted(report.failed.items(), key=lambda pair: -pair[1]):
        lines.append(f"  {count} x {code}: {FAILURES[Code(code)].meaning} {FAILURES[Code(code)].remedy}")
    lines.extend(f"  {problem.code}: {problem.message}" for problem in report.problems[:10])
    if len(report.problems) > 10:
        lines.append(f"  and {len(report.problems) - 10} more problems: see the run report.")
    if report.outcome in {"published", "unchanged"}:
        what = (
            "unchanged"
            if report.outcome == "unchanged"
            else (f"{report.added} added, {report.gone} gone, {report.back} back, {report.changed} changed")
        )
        unparsed = f", {report.with_unparsed} with amounts nobody could read" if report.with_unparsed else ""
        lines.append(
            f"The feed holds {report.bots} bots, {report.with_rates} with prices{unparsed} "
            f"(version {report.version}: {what})."
        )
        lines.append(f"Feed: {folder}/models.json   Report: {folder}/runs/{report.id}.json")
    else:
        lines.append(f"Nothing was published ({report.outcome}); the feed in {folder} is as it was.")
        lines.extend(f"  {reason}" for reason in report.reasons)
    return lines
