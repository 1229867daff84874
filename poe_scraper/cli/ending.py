"""What a crawl says at its end, and its exit code."""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from scrapy.crawler import Crawler
from scrapy.settings import BaseSettings

from poe_scraper.cli.exits import ENDING_LOGGER, ExitCode, crawl_exit_code, worker_exit_code
from poe_scraper.failures import FAILURES, Code
from poe_scraper.items import RunReport
from poe_scraper.pipelines.publish import PublishPipeline
from poe_scraper.untrusted import safe

logger = logging.getLogger(ENDING_LOGGER)

_SITE_CHANGED_SHARE = 0.2
"""If so many of the visited pages lack what the crawl looks for, the site has changed."""

_LOCAL = frozenset({Code.BROWSER_MISSING, Code.BROWSER_BROKEN, Code.BROWSER_UNREACHABLE})
"""Ends of a crawl that are no fault of the site's."""

_HEADLINES = {
    Code.CATALOG_DRIFT: "The models API has changed",
    Code.SITE_CHANGED: "Poe seems to have changed its site",
    Code.BLOCKED_HOST: "Pages lack something, perhaps because of a host that the crawl does not contact",
}
"""What problems of these codes mean for the run as a whole."""


def ending(crawler: Crawler, *, quiet: bool = False) -> ExitCode:
    """Print how a crawl went.

    Args:
        crawler: its crawler, which has ended.
        quiet: True to print nothing if all went well.

    Returns:
        Its exit code.
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
    if code != ExitCode.DONE or not quiet:
        with suppress(OSError):  # the terminal may have gone
            for line in lines:
                print(line, file=sys.stderr)
    return code


def log_ending(lines: Sequence[str], code: ExitCode, settings: BaseSettings) -> None:
    """Write how a crawl went to its log file, if it has one.

    Scrapyd keeps nothing else of a job: `poe-scraper schedule` reads the exit code there.
    """
    if settings["LOG_FILE"]:
        for line in (*lines, f"Exit code {code}"):
            logger.info("%s", line)


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 page`, `2 pages`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _lines(report: RunReport | None, folder: Path) -> list[str]:
    if report is None:
        return ["The crawl ended before it could report: see the log."]
    lines = summary(report, folder=str(folder))
    if report.outcome in {"refused", "failed"} and (folder / "runs" / f"{report.id}.json").exists():
        lines.append(f"Report: {folder}/runs/{report.id}.json")
    return lines


def _headlines(report: RunReport) -> Iterator[str]:
    """What matters more than all figures, if anything does."""
    reasons: dict[str, str] = {}
    for problem in report.problems:
        reasons.setdefault(problem.code, problem.message.rstrip("."))
    end = report.finish_reason
    if end == "shutdown":
        yield "Interrupted: what was read until then counts, and no bot is marked as gone."
    if end == Code.SITE_BLOCKS:
        yield "Poe blocks the crawl, so it stopped asking. The feed keeps what it knew."
    if end in _LOCAL:
        yield "The crawl ended because of its browser, not because of Poe."
    if Code.SESSION_EXPIRED in reasons:
        yield "Your session with Poe has expired: pages were read without it. Renew it: poe-scraper login."
    for code, headline in _HEADLINES.items():
        if code in reasons:
            stopped = "The crawl stopped. " if end == code else ""
            yield f"{headline}: {reasons[code]}. {stopped}{FAILURES[code].remedy}"
    changed = report.failed.get(Code.SITE_CHANGED, 0)
    if Code.SITE_CHANGED not in reasons and changed and changed >= _SITE_CHANGED_SHARE * report.visited:
        pages = counted(report.visited, "page")
        yield f"{_HEADLINES[Code.SITE_CHANGED]}: {changed} of {pages} lack what the crawl looks for."


def summary(report: RunReport, *, folder: str) -> list[str]:
    """A run report in a few lines for a person."""
    lines = list(_headlines(report))
    failed = sum(report.failed.values())
    seconds = (report.finished_at - report.started_at).total_seconds()
    left = f", {report.left} left for a later crawl (limit)" if report.left else ""
    not_due = "not asked for" if report.arguments.get("only") == "info" else "not due"
    lines.append(
        f"{counted(report.seen, 'bot')} seen, {counted(report.visited - failed, 'page')} read, {failed} failed, "
        f"{report.not_due} {not_due}{left}, in {seconds:.0f} s."
    )
    for code, count in sorted(report.failed.items(), key=lambda pair: -pair[1]):
        lines.append(f"  {count} x {code}: {FAILURES[Code(code)].meaning} {FAILURES[Code(code)].remedy}")
    others = [problem for problem in report.problems if problem.code not in _HEADLINES]
    lines.extend(f"  {problem.code}: {problem.message}" for problem in others[:10])
    if len(others) > 10:
        lines.append(f"  and {counted(len(others) - 10, 'more problem')}: see the run report.")
    if report.outcome in {"published", "unchanged"}:
        what = (
            "unchanged"
            if report.outcome == "unchanged"
            else (f"{report.added} added, {report.gone} gone, {report.back} back, {report.changed} changed")
        )
        unparsed = f", {report.with_unparsed} with amounts that could not be parsed" if report.with_unparsed else ""
        lines.append(
            f"The feed has {counted(report.bots, 'bot')}, {report.with_rates} with prices{unparsed} "
            f"(version {report.version}: {what})."
        )
        lines.append(f"Feed: {folder}/models.json   Report: {folder}/runs/{report.id}.json")
    else:
        lines.append(f"Nothing was published ({report.outcome}); the feed in {folder} is as it was.")
        lines.extend(f"  {reason}" for reason in report.reasons)
    return lines
