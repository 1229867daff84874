"""When a crawl stops asking: the site blocks it, or its pages lack what the crawl looks for."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from poe_scraper.failures import Code, ObservationError

ASKS_FOR_PATIENCE = frozenset({Code.CHALLENGED, Code.RATE_LIMITED})
"""Failures that concern the crawl as a whole: every further request would make them worse."""

BLOCKING = ASKS_FOR_PATIENCE | {
    Code.LOGIN_REQUIRED,
    Code.SESSION_EXPIRED,
    Code.REFUSED,
    Code.SERVER_ERROR,
    Code.TIMEOUT,
    Code.CONNECTION_FAILED,
    Code.REDIRECTED_AWAY,
    Code.NOT_HTML,
}
"""Failures which, one after the other, mean that the site or the way to it is closed."""

LOCAL = frozenset({Code.BROWSER_CRASHED, Code.BROWSER_MISSING, Code.BROWSER_BROKEN, Code.BROWSER_UNREACHABLE})
"""Failures on this side: they say nothing about the site."""

LACKING = frozenset({Code.SITE_CHANGED, Code.CARD_MISSING, Code.CARD_REFUSED, Code.BLOCKED_HOST})
"""Failures of a page that came and lacks what the crawl looks for."""

_MAY_NEED_A_HOST = frozenset({Code.SITE_CHANGED, Code.TIMEOUT, Code.CARD_REFUSED})
"""Failures that a script from a refused host may explain."""

FIRST_PAGES = 5
"""Pages at the start of a crawl which, if all of them lack something, end it."""


def with_refused_hosts(error: ObservationError, hosts: Iterable[str]) -> ObservationError:
    """The failure of a visit; `blocked_host` if a host that was refused may explain it.

    Args:
        error: the failure.
        hosts: hosts that were refused a script, a style sheet or a frame during the visit.
    """
    refused = ", ".join(hosts)
    if not refused or error.code not in _MAY_NEED_A_HOST:
        return error
    message = f"{error}; refused: {refused}, which POE_SITE_HOSTS does not allow"
    return ObservationError(Code.BLOCKED_HOST, message)


@dataclass(frozen=True)
class Stop:
    """Why a crawl stops asking."""

    code: Code
    message: str


class CircuitBreaker:
    """Decides from the pages of a crawl whether it goes on.

    Args:
        max_blocked: blocking failures in a row that end the crawl; 0 for no limit.
        site_url: address of the site, for messages.
    """

    def __init__(self, max_blocked: int, site_url: str) -> None:
        self.max_blocked = max_blocked
        self.site_url = site_url
        self.blocks: Counter[Code] = Counter()
        self.lacking: list[Stop] = []
        self.is_site_known = False
        """True once a bot's page had all that the crawl looks for."""

    def site_answered(self) -> None:
        """Count a page of the site, whatever it has."""
        self.blocks.clear()

    def page_read(self) -> None:
        """Count a bot's page that has all that the crawl looks for."""
        self.site_answered()
        self.is_site_known = True
        self.lacking.clear()

    def page_failed(self, code: Code) -> Stop | None:
        """Count a failed attempt; gives the reason to stop, if it is one."""
        if code in BLOCKING:
            self.blocks[code] += 1
        elif code not in LOCAL:
            self.blocks.clear()
        if not 0 < self.max_blocked <= self.blocks.total():
            return None
        causes = ", ".join(f"{count} x {cause}" for cause, count in self.blocks.most_common())
        message = f"the last {self.max_blocked} answers of {self.site_url} were not its pages ({causes})"
        return Stop(Code.SITE_BLOCKS, message)

    def page_lacks(self, code: Code, message: str) -> Stop | None:
        """Count a bot's page that came and lacks something, at its first attempt; gives the reason to stop, if any.

        Args:
            code: one of `LACKING`.
            message: which piece is missing.
        """
        self.site_answered()
        if self.is_site_known:
            return None
        self.lacking.append(Stop(code, message))
        if len(self.lacking) < FIRST_PAGES:
            return None
        all_blocked = all(stop.code == Code.BLOCKED_HOST for stop in self.lacking)
        [(piece, _)] = Counter(stop.message for stop in self.lacking).most_common(1)
        message = f"the first {FIRST_PAGES} pages of {self.site_url} lack what the crawl looks for: {piece}"
        return Stop(Code.BLOCKED_HOST if all_blocked else Code.SITE_CHANGED, message)
