"""Exit codes of `poe-scraper`, for exceptions and for crawls."""

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

from poe_scraper.failures import Code, GateRefusedError, ObservationError, OtherSiteError, PoeScraperError, UsageError

if TYPE_CHECKING:
    from poe_scraper.items import RunReport


ENDING_LOGGER = "poe_scraper.ending"
"""Name of the logger that writes how a crawl ended, which `poe-scraper schedule` looks for in a job's log."""


class ExitCode(IntEnum):
    """Exit status of the process. A published code never changes its meaning."""

    DONE = 0
    FAILED = 1
    WRONG_USAGE = 2
    GATE_REFUSED = 3
    UNREACHABLE = 4
    DEGRADED = 5
    BILLED_OUTSIDE = 6
    INTERRUPTED = 130
    PIPE_CLOSED = 141


_UNREACHABLE = frozenset(
    {
        Code.CATALOG_UNREACHABLE,
        Code.CATALOG_REFUSED,
        Code.CATALOG_GARBLED,
        Code.CATALOG_EMPTY,
        Code.ACCOUNT_REFUSED,
        Code.ACCOUNT_GARBLED,
        Code.CONNECTION_FAILED,
        Code.TIMEOUT,
        Code.RATE_LIMITED,
        Code.SERVER_ERROR,
        Code.CHALLENGED,
    }
)

_DEGRADES = frozenset(
    {
        Code.CATALOG_DRIFT,
        Code.SESSION_EXPIRED,
        Code.SITE_CHANGED,
        Code.BLOCKED_HOST,
        Code.INTERNAL_ERROR,
        Code.QUEUE_GARBLED,
        Code.DELIVERY_FAILED,
        Code.WEBHOOK_FAILED,
        Code.MONITOR_FAILED,
    }
)
"""Problems of a run that published all the same."""

_BROKEN_OFF = frozenset(
    {
        Code.QUEUE_UNREACHABLE,
        Code.QUEUE_BUSY,
        Code.NO_WORKER,
        Code.NO_PROGRESS,
        Code.BROWSER_MISSING,
        Code.BROWSER_BROKEN,
        Code.BROWSER_UNREACHABLE,
    }
)
"""Reasons on this side for a crawl to end early. It may have published what it had."""


def exit_code(error: PoeScraperError) -> ExitCode:
    """The exit code for an exception."""
    match error:
        case UsageError() | OtherSiteError():
            return ExitCode.WRONG_USAGE
        case GateRefusedError():
            return ExitCode.GATE_REFUSED
        case ObservationError() if error.code in _UNREACHABLE:
            return ExitCode.UNREACHABLE
        case _:
            return ExitCode.FAILED


def crawl_exit_code(report: "RunReport | None") -> ExitCode:
    """The exit code of a crawl.

    Args:
        report: the run report; None if the crawl ended before there was one.
    """
    if report is None:
        return ExitCode.FAILED
    if report.finish_reason == "shutdown":
        return ExitCode.INTERRUPTED
    if report.finish_reason == Code.OTHER_SITE:
        return ExitCode.WRONG_USAGE
    if report.finish_reason in _BROKEN_OFF:
        return ExitCode.FAILED
    if report.outcome == "refused":
        return ExitCode.GATE_REFUSED
    if report.outcome == "failed":
        unreachable = any(problem.code in _UNREACHABLE for problem in report.problems)
        return ExitCode.UNREACHABLE if unreachable else ExitCode.FAILED
    if report.finish_reason == Code.SITE_BLOCKS:
        return ExitCode.UNREACHABLE
    if any(problem.code == Code.CATALOG_GARBLED for problem in report.problems):
        return ExitCode.UNREACHABLE
    if report.failed or any(problem.code in _DEGRADES or problem.stage == "profile" for problem in report.problems):
        return ExitCode.DEGRADED
    return ExitCode.DONE


def probe_exit_code(codes: Iterable[str | None]) -> ExitCode:
    """The exit code of a probe.

    Args:
        codes: failure codes of its failed steps.
    """
    failed = {Code(code) for code in codes if code is not None}
    if failed & {Code.BROWSER_MISSING, Code.BROWSER_BROKEN, Code.BROWSER_UNREACHABLE, Code.INTERNAL_ERROR}:
        return ExitCode.FAILED
    if failed & _UNREACHABLE:
        return ExitCode.UNREACHABLE
    return ExitCode.DEGRADED if failed else ExitCode.DONE


def worker_exit_code(finish_reason: str) -> ExitCode:
    """The exit code of a worker of a shared crawl. Failed pages count in the publisher's."""
    match finish_reason:
        case "finished":
            return ExitCode.DONE
        case "shutdown":
            return ExitCode.INTERRUPTED
        case Code.SITE_BLOCKS:
            return ExitCode.UNREACHABLE
        case Code.SITE_CHANGED | Code.BLOCKED_HOST:
            return ExitCode.DEGRADED
        case _:
            return ExitCode.FAILED
