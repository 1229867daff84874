"""Every way to fail, by code: what it means, whether it is retried, and what a user can do.

The codes stand in `errors` of the feed, in run reports, in the crawl's summary and in the docs.
"""

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """The failure codes. A published code never changes its meaning."""

    CATALOG_UNREACHABLE = "catalog_unreachable"
    CATALOG_REFUSED = "catalog_refused"
    CATALOG_GARBLED = "catalog_garbled"
    CATALOG_EMPTY = "catalog_empty"
    ENTRY_MALFORMED = "entry_malformed"
    ENTRY_DUPLICATE = "entry_duplicate"
    NOT_FOUND = "not_found"
    LOGIN_REQUIRED = "login_required"
    CHALLENGED = "challenged"
    RATE_LIMITED = "rate_limited"
    REFUSED = "refused"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    CONNECTION_FAILED = "connection_failed"
    BROWSER_MISSING = "browser_missing"
    BROWSER_CRASHED = "browser_crashed"
    REDIRECTED_AWAY = "redirected_away"
    ROBOTS_FORBIDDEN = "robots_forbidden"
    NOT_HTML = "not_html"
    TOO_LARGE = "too_large"
    SITE_CHANGED = "site_changed"
    WRONG_BOT = "wrong_bot"
    CARD_MISSING = "card_missing"
    CARD_REFUSED = "card_refused"
    CARD_LANGUAGE = "card_language"
    CARD_UNPARSED = "card_unparsed"
    SITE_BLOCKS = "site_blocks"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True)
class Failure:
    """What a code means."""

    meaning: str
    retried: bool
    remedy: str


FAILURES: dict[Code, Failure] = {
    Code.CATALOG_UNREACHABLE: Failure(
        "The models API could not be reached, or answered with a server error.",
        True,
        "Check the network and POE_API_URL; try again later.",
    ),
    Code.CATALOG_REFUSED: Failure(
        "The models API refused the request (401, 403 or 429).",
        False,
        "Check POE_API_KEY, or unset it: the models API needs no key.",
    ),
    Code.CATALOG_GARBLED: Failure(
        "The models API answered with something that is no list of models.",
        False,
        "Check POE_API_URL; if it points at Poe, the API may have changed: report it.",
    ),
    Code.CATALOG_EMPTY: Failure(
        "The models API listed no usable model.",
        False,
        "Try again later; the feed stays as it was.",
    ),
    Code.ENTRY_MALFORMED: Failure(
        "An entry of the models API has no usable id, or a value of a wrong type.",
        False,
        "Nothing: the entry is left out and reported.",
    ),
    Code.ENTRY_DUPLICATE: Failure(
        "Two entries of one crawl are the same bot.",
        False,
        "Nothing: the first is kept.",
    ),
    Code.NOT_FOUND: Failure(
        "The bot's page does not exist (404).",
        False,
        "Nothing, if the bot was deleted; else check its handle.",
    ),
    Code.LOGIN_REQUIRED: Failure(
        "Poe sent the crawl to its sign-in page.",
        False,
        "The bot may not be public.",
    ),
    Code.CHALLENGED: Failure(
        "Poe answered with a bot check instead of the page.",
        True,
        "Crawl slower (CONCURRENT_REQUESTS_PER_DOMAIN, DOWNLOAD_DELAY), or later.",
    ),
    Code.RATE_LIMITED: Failure(
        "Poe answered 429, too many requests.",
        True,
        "Crawl slower (CONCURRENT_REQUESTS_PER_DOMAIN, DOWNLOAD_DELAY).",
    ),
    Code.REFUSED: Failure(
        "Poe refused the page (a 4xx answer that is no other code's).",
        False,
        "Open the page in a browser to see why.",
    ),
    Code.SERVER_ERROR: Failure(
        "Poe answered with a server error (5xx).",
        True,
        "Try again later.",
    ),
    Code.TIMEOUT: Failure(
        "The page did not finish loading in time.",
        True,
        "Raise POE_PAGE_TIMEOUT, or lower CONCURRENT_REQUESTS_PER_DOMAIN.",
    ),
    Code.CONNECTION_FAILED: Failure(
        "The connection to Poe failed or was cut.",
        True,
        "Check the network and POE_SITE_URL.",
    ),
    Code.BROWSER_MISSING: Failure(
        "There is no browser to render pages with.",
        False,
        "Run poe-scraper setup, or name a Chromium in POE_BROWSER_PATH.",
    ),
    Code.BROWSER_CRASHED: Failure(
        "The browser, or the page in it, died.",
        True,
        "Free some memory, or lower CONCURRENT_REQUESTS_PER_DOMAIN.",
    ),
    Code.REDIRECTED_AWAY: Failure(
        "The page sent the crawl to another host, which is not followed.",
        False,
        "Check POE_SITE_URL.",
    ),
    Code.ROBOTS_FORBIDDEN: Failure(
        "The site's robots.txt forbids the page.",
        False,
        "Nothing: the crawl obeys it.",
    ),
    Code.NOT_HTML: Failure(
        "The answer is no HTML page.",
        True,
        "Try again later.",
    ),
    Code.TOO_LARGE: Failure(
        "The answer is larger than the crawl accepts.",
        False,
        "Raise POE_MAX_PAGE_SIZE if the page is right.",
    ),
    Code.SITE_CHANGED: Failure(
        "The page loads, but something the reader looks for is not there.",
        True,
        "If many bots say so, Poe has changed its site: update this project, or report what is missing.",
    ),
    Code.WRONG_BOT: Failure(
        "The page shows another bot than the one asked for.",
        False,
        "Check the handle.",
    ),
    Code.CARD_MISSING: Failure(
        "The bot had a rate card before, and its page now shows none.",
        False,
        "Nothing: the old card is kept until a second look confirms it.",
    ),
    Code.CARD_REFUSED: Failure(
        "Rates could be opened, but no rate card came: the answer was an error, empty or cut short.",
        True,
        "Try again later.",
    ),
    Code.CARD_LANGUAGE: Failure(
        "The rate card came in another language than English.",
        True,
        "Check that nothing between the crawl and Poe changes the Accept-Language header.",
    ),
    Code.CARD_UNPARSED: Failure(
        "The rate card holds an amount that the reader does not understand.",
        False,
        "See pricing.unparsed of the bot; report the card so that the reader learns it.",
    ),
    Code.SITE_BLOCKS: Failure(
        "Poe answered so many requests in a row without a bot's page that the crawl stopped asking.",
        False,
        "Crawl later, slower (CONCURRENT_REQUESTS_PER_DOMAIN, DOWNLOAD_DELAY), or from another network.",
    ),
    Code.INTERNAL_ERROR: Failure(
        "A mistake in this project showed while a page was read.",
        False,
        "Report it, with the traceback that the log holds.",
    ),
}
"""Meaning, retry and remedy of every code."""


class PoeScraperError(Exception):
    """Base of the project's own exceptions; its text is fit to show to a user."""


class UsageError(PoeScraperError):
    """A setting, argument or option is not acceptable. The text says what is."""


class BrowserNotFoundError(PoeScraperError):
    """No Chromium to render pages with. The text holds the commands that install one."""


class ObservationError(PoeScraperError):
    """An answer of Poe could not be used.

    Args:
        code: why.
        message: what was wrong, for a person, without secrets.
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


class FeedError(PoeScraperError):
    """A feed on disk is missing, broken, or cannot be written."""


class FeedLockedError(FeedError):
    """Another process is writing the feed. The text says which."""


class GateRefusedError(FeedError):
    """A candidate feed was refused; the published feed is untouched.

    Args:
        reasons: one sentence each.
    """

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class UnknownBotError(PoeScraperError):
    """The feed has no bot of that name.

    Args:
        name: the id or handle asked for.
        near: names in the feed that look like it, the likest first.
    """

    def __init__(self, name: str, near: tuple[str, ...] = ()) -> None:
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        super().__init__(f"The feed has no bot {name!r}.{hint}")
        self.name = name
        self.near = near


class UnpricedError(PoeScraperError):
    """What is known of a bot's prices does not say what a usage costs.

    Args:
        reason: what is missing.
        choices: where the usage has several prices, what tells each from the others; any of them
            can be given as `attributes` of the same call.
    """

    def __init__(self, reason: str, choices: tuple[dict[str, str], ...] = ()) -> None:
        one_of = " Choose with attributes, one of: " if choices else ""
        super().__init__(reason + one_of + ", ".join(map(str, choices)))
        self.reason = reason
        self.choices = choices
