"""Every way to fail, by code: what it means, whether it is retried, and what a user can do.

The codes stand in `errors` of the feed, in run reports, in the crawl's summary and in the docs.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Code(StrEnum):
    """The failure codes. A published code never changes its meaning."""

    CATALOG_UNREACHABLE = "catalog_unreachable"
    CATALOG_REFUSED = "catalog_refused"
    CATALOG_GARBLED = "catalog_garbled"
    CATALOG_EMPTY = "catalog_empty"
    ENTRY_MALFORMED = "entry_malformed"
    ENTRY_DUPLICATE = "entry_duplicate"
    FIELD_MALFORMED = "field_malformed"
    CATALOG_DRIFT = "catalog_drift"
    PRICE_KEY_UNKNOWN = "price_key_unknown"
    OTHER_SITE = "other_site"
    ACCOUNT_REFUSED = "account_refused"
    ACCOUNT_GARBLED = "account_garbled"
    NOT_FOUND = "not_found"
    LOGIN_REQUIRED = "login_required"
    SESSION_EXPIRED = "session_expired"
    CHALLENGED = "challenged"
    RATE_LIMITED = "rate_limited"
    REFUSED = "refused"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    CONNECTION_FAILED = "connection_failed"
    BROWSER_MISSING = "browser_missing"
    BROWSER_BROKEN = "browser_broken"
    BROWSER_UNREACHABLE = "browser_unreachable"
    BROWSER_CRASHED = "browser_crashed"
    BLOCKED_HOST = "blocked_host"
    REDIRECTED_AWAY = "redirected_away"
    ROBOTS_FORBIDDEN = "robots_forbidden"
    NOT_HTML = "not_html"
    TOO_LARGE = "too_large"
    SITE_CHANGED = "site_changed"
    WRONG_BOT = "wrong_bot"
    WRONG_PROFILE = "wrong_profile"
    PROFILE_INCOMPLETE = "profile_incomplete"
    CARD_MISSING = "card_missing"
    CARD_REFUSED = "card_refused"
    CARD_LANGUAGE = "card_language"
    CARD_UNPARSED = "card_unparsed"
    SITE_BLOCKS = "site_blocks"
    QUEUE_UNREACHABLE = "queue_unreachable"
    QUEUE_BUSY = "queue_busy"
    QUEUE_GARBLED = "queue_garbled"
    NO_WORKER = "no_worker"
    NO_PROGRESS = "no_progress"
    INTERNAL_ERROR = "internal_error"
    DELIVERY_FAILED = "delivery_failed"
    WEBHOOK_FAILED = "webhook_failed"
    MONITOR_FAILED = "monitor_failed"


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
        "The models API answered with something that is not a list of models.",
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
    Code.FIELD_MALFORMED: Failure(
        "A field of an entry of the models API has an unexpected type or value.",
        False,
        "Nothing: that field keeps its last known value. If it stays, report it.",
    ),
    Code.CATALOG_DRIFT: Failure(
        "The models API gives a field in another form than before, in many entries.",
        False,
        "Update poe-scraper, or report it: the API has changed. Other fields are still read.",
    ),
    Code.PRICE_KEY_UNKNOWN: Failure(
        "The models API gives a price under a key that poe-scraper does not know.",
        False,
        "Nothing: it is kept under `pricing.api_other`. Update poe-scraper, or report the key.",
    ),
    Code.OTHER_SITE: Failure(
        "The feed in POE_OUTPUT_DIR was crawled from another site.",
        False,
        "Choose another POE_OUTPUT_DIR, or remove the old feed.",
    ),
    Code.ACCOUNT_REFUSED: Failure(
        "Poe refused the key for the balance or the usage history (401 or 403).",
        False,
        "Check POE_API_KEY; https://poe.com/api_key shows yours.",
    ),
    Code.ACCOUNT_GARBLED: Failure(
        "Poe answered with something that is neither a balance nor a usage history.",
        False,
        "Check POE_API_URL; if it points at Poe, the API may have changed: report it.",
    ),
    Code.NOT_FOUND: Failure(
        "The bot's page does not exist (404).",
        False,
        "Nothing, if the bot was deleted; else check its handle.",
    ),
    Code.LOGIN_REQUIRED: Failure(
        "Poe sent the crawl to its sign-in page.",
        False,
        "It may not be public. If your account sees it: poe-scraper login, then crawl with POE_STORAGE_STATE=true.",
    ),
    Code.SESSION_EXPIRED: Failure(
        "Poe no longer accepts the session that the crawl was given.",
        False,
        "Sign in again: poe-scraper login.",
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
        "Poe refused the page (a 4xx answer without a code of its own).",
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
    Code.BROWSER_BROKEN: Failure(
        "The browser or Playwright's driver does not start on this machine.",
        False,
        "Run poe-scraper setup, which installs what is missing and says what it cannot install.",
    ),
    Code.BROWSER_UNREACHABLE: Failure(
        "The browser elsewhere could not be reached for POE_PAGE_TIMEOUT seconds.",
        False,
        "Check that it runs, and its address: PLAYWRIGHT_CONNECT_URL or PLAYWRIGHT_CDP_URL.",
    ),
    Code.BROWSER_CRASHED: Failure(
        "The browser, or the page in it, died.",
        True,
        "Free some memory, or lower CONCURRENT_REQUESTS_PER_DOMAIN.",
    ),
    Code.BLOCKED_HOST: Failure(
        "The page needs a script, style sheet or frame from a host that the crawl does not contact.",
        False,
        "Add the host to POE_SITE_HOSTS if you trust it.",
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
        "The answer is not an HTML page.",
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
    Code.WRONG_PROFILE: Failure(
        "The page is not the profile of the creator asked for.",
        False,
        "Check the creator's handle.",
    ),
    Code.PROFILE_INCOMPLETE: Failure(
        "A creator's profile shows fewer bots than it says it has, or does not say how many.",
        False,
        "Nothing: those it shows are taken, and none of its known bots counts as gone.",
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
    Code.QUEUE_UNREACHABLE: Failure(
        "Redis, through which machines share a crawl, did not answer, refused, or lost what it held.",
        False,
        "Check that Redis runs, and POE_REDIS_URL; a new crawl goes on where this one ended.",
    ),
    Code.QUEUE_BUSY: Failure(
        "Redis serves the shared crawl of another publisher.",
        False,
        "Wait until that crawl is over, or name another database in POE_REDIS_URL.",
    ),
    Code.QUEUE_GARBLED: Failure(
        "Redis held something about a shared crawl that this version of poe-scraper does not write.",
        True,
        "Run the same version on all machines; let nobody else write to this Redis.",
    ),
    Code.NO_WORKER: Failure(
        "No worker was left to render the pages of a shared crawl.",
        False,
        "Start workers (role=worker); a new crawl goes on where this one ended.",
    ),
    Code.NO_PROGRESS: Failure(
        "The workers of a shared crawl were alive and finished no page for POE_REDIS_WAIT seconds.",
        False,
        "Look at the workers' logs; a new crawl goes on where this one ended.",
    ),
    Code.INTERNAL_ERROR: Failure(
        "Bug in poe-scraper while reading a page.",
        False,
        "Report it, with the traceback that the log holds.",
    ),
    Code.DELIVERY_FAILED: Failure(
        "A destination of POE_PUBLISH_TO did not get the whole feed.",
        True,
        "Check the destination and its credentials; the next run sends what is missing.",
    ),
    Code.WEBHOOK_FAILED: Failure(
        "The changes of a version could not be posted to POE_WEBHOOK_URL.",
        True,
        "Check the receiver; the next run posts them again.",
    ),
    Code.MONITOR_FAILED: Failure(
        "A run is beyond a limit that POE_MONITORS watches.",
        False,
        "See docs/monitoring.md for what the monitor watches, and what to do.",
    ),
}
"""Meaning, retry and remedy of every code."""


class PoeScraperError(Exception):
    """Base of the project's own exceptions; its text is fit to show to a user."""


class UsageError(PoeScraperError):
    """A setting, argument or option is not acceptable. The text says what is."""


class BrowserNotFoundError(PoeScraperError):
    """No Chromium to render pages with. The text holds the commands that install one."""


class BrowserBrokenError(PoeScraperError):
    """Playwright's driver or the browser does not start on this machine. The text says what is missing."""


class SessionError(PoeScraperError):
    """The user's session could not be had, kept or removed. The text says why, and holds none of it."""


class WindowClosedError(SessionError):
    """The window to sign in was closed by hand."""


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


class FeedNotFoundError(FeedError):
    """There is no feed where one was looked for."""


class FeedTooNewError(FeedError):
    """The feed was written by a later version of this project."""


class OtherSiteError(FeedError):
    """The feed belongs to another site than the one to crawl. The text says how to go on."""


class FeedLockedError(FeedError):
    """Another process is writing the feed.

    Args:
        folder: the feed's folder.
        holder: which process, for a person.
        remedy: what to do, for a person.
    """

    def __init__(self, folder: Path, holder: str, remedy: str = "Try again later.") -> None:
        super().__init__(f"The feed in {folder} is being written by {holder}. {remedy}")
        self.holder = holder


class GateRefusedError(FeedError):
    """A candidate feed was refused; the published feed is untouched.

    Args:
        reasons: one sentence each.
    """

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class ScrapydError(PoeScraperError):
    """Scrapyd could not be reached, refused what it was asked for, or lost a job. The text says which."""


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
