"""Exit codes of `poe-scraper`, and which of our exceptions ends with which."""

from enum import IntEnum
from typing import TYPE_CHECKING

from poe_scraper.failures import Code, GateRefusedError, ObservationError, PoeScraperError, UsageError

if TYPE_CHECKING:
    from poe_scraper.items import RunReport


class ExitCode(IntEnum):
    """What the process tells whoever started it. A published code never changes its meaning."""

    DONE = 0
    FAILED = 1
    WRONG_USAGE = 2
    GATE_REFUSED = 3
    UNREACHABLE = 4
    DEGRADED = 5
    INTERRUPTED = 130
    PIPE_CLOSED = 141


_UNREACHABLE = frozenset(
    {
        Code.CATALOG_UNREACHABLE,
        Code.CATALOG_REFUSED,
        Code.CATALOG_GARBLED,
        Code.CATALOG_EMPTY,
        Code.CONNECTION_FAILED,
        Code.TIMEOUT,
        Code.RATE_LIMITED,
        Code.SERVER_ERROR,
        Code.CHALLENGED,
    }
)


def exit_code(error: PoeScraperError) -> ExitCode:
    """The exit code that stands for an exception."""
    match error:
        case UsageError():
            return ExitCode.WRONG_USAGE
        case GateRefusedError():
            return ExitCode.GATE_REFUSED
        case ObservationError() if error.code in _UNREACHABLE:
            return ExitCode.UNREACHABLE
        case _:
            return ExitCode.FAILED


def crawl_exit_code(report: "RunReport | None") -> ExitCode:
    """The exit code that stands for how a crawl ended.

    Args:
        report: of the run; None where it ended before there was one.
    """
    if report is None:
        return ExitCode.FAILED
    if report.finish_reason == "shutdown":
        return ExitCode.INTERRUPTED
    if report.outcome == "refused":
        return ExitCode.GATE_REFUSED
    if report.outcome == "failed":
        unreachable = any(problem.code in _UNREACHABLE for problem in report.problems)
        return ExitCode.UNREACHABLE if unreachable else ExitCode.FAILED
    if report.finish_reason == Code.SITE_BLOCKS:
        return ExitCode.UNREACHABLE
    return ExitCode.DEGRADED if report.failed else ExitCode.DONE
