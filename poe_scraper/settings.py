"""Scrapy settings. Those that start with `POE_` are ours.

Every `POE_` setting can be given like any Scrapy setting (`scrapy crawl -s NAME=VALUE`, or a project's settings
module) or as an environment variable of the same name; the command line wins. An empty value is the same as none.
This is the only module that reads the environment. A comment after a Scrapy setting says which default it changes
and why.
https://docs.scrapy.org/en/latest/topics/settings.html
"""

import math
import os
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast
from urllib.parse import urlsplit

import platformdirs

from poe_scraper import __version__
from poe_scraper.failures import UsageError

if typing.TYPE_CHECKING:
    from scrapy.settings import BaseSettings

Value = TypeVar("Value")


# --- kinds of values: in lower case, because every name in upper case becomes a setting ------
@dataclass(frozen=True)
class Kind(Generic[Value]):
    """What values a setting accepts."""

    rule: str
    """Completes the sentence "NAME must be ..."."""
    parse: Callable[[Any], Value]
    """Converts a value, text or already converted; raises `ValueError`, `KeyError` or `TypeError` for a wrong one."""
    secret: bool = False
    """True if a message must never quote the value."""

    def convert(self, name: str, value: object, default: Value) -> Value:
        """The value of a setting, or the default if there is none.

        Raises:
            UsageError: the value breaks the rule.
        """
        if value is None or (isinstance(value, str) and not value.strip()):
            return default
        try:
            return self.parse(value.strip() if isinstance(value, str) else value)
        except (ValueError, KeyError, TypeError, OverflowError):
            text = str(value)
            is_private = self.secret or "@" in text or "?" in text  # an address may hold a password or a token
            got = "" if is_private else f", got {text[:200]!r}"
            message = f"{name} must be {self.rule}{got}"
            raise UsageError(message) from None


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _not_negative(value: Any) -> float:
    if (number := _number(value)) < 0:
        raise ValueError
    return number


def _time(value: Any) -> float:
    return min(_not_negative(value), _forever)


def _some_time(value: Any) -> float:
    if (number := _time(value)) == 0:
        raise ValueError
    return number


_forever = 1e8
"""Largest number of seconds or days that is told apart: a `timedelta` holds no more than 1e9 days."""


def _share(value: Any) -> float:
    if not 0 <= (number := _number(value)) <= 1:
        raise ValueError
    return number


def _count(value: Any) -> int:
    number = int(value)
    if number != float(value) or number < 0:
        raise ValueError
    return number


def _some(value: Any) -> int:
    if (number := _count(value)) == 0:
        raise ValueError
    return number


def _switch(value: Any) -> bool:
    return _switches[str(value).lower()]


_switches = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def _address(value: Any) -> str:
    parts = urlsplit(str(value))
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0 or str(value).split() != [value]:
        raise ValueError
    return str(value)


def _site_address(value: Any) -> str:
    parts = urlsplit(_address(value))
    if parts.query or parts.fragment:
        raise ValueError
    return str(value).rstrip("/")


def _path(value: Any) -> str:
    try:
        return str(Path(value).expanduser())
    except RuntimeError:  # there is no home folder
        raise ValueError from None


def _places(value: Any) -> str | list[str]:
    return [str(place) for place in value] if isinstance(value, list | tuple) else str(value)


text = Kind("text", str)
secret = Kind("text", str, secret=True)
switch = Kind("true or false (also yes, no, on, off, 1, 0)", _switch)
seconds = Kind("a number of seconds of at least 0", _time)
some_seconds = Kind("a number of seconds above 0", _some_time)
days = Kind("a number of days of at least 0", _time)
megabytes = Kind("a number of megabytes of at least 0", _not_negative)
share = Kind("a number from 0 to 1", _share)
count = Kind("a whole number of at least 0", _count)
some = Kind("a whole number of at least 1", _some)
path = Kind("a path without ~, because there is no home folder", _path)
api_address = Kind("an http:// or https:// address, such as https://api.poe.com/v1/models", _address)
site_address = Kind("an http:// or https:// address without query, such as https://poe.com", _site_address)
places = Kind("addresses or folders", _places, secret=True)

_declared: dict[str, tuple[Kind[Any], Any]] = {}
"""Kind and default of every setting that is also an environment variable, by name."""


def setting(name: str, kind: Kind[Value], default: Value) -> Value:
    """Declare a setting that is also an environment variable, and read that variable.

    A value that breaks its rule is left as it is: `check` reports it, unless a higher priority replaces it.
    """
    _declared[name] = kind, default
    text = os.environ.get(name)
    try:
        return kind.convert(name, text, default)
    except UsageError:
        return cast("Value", text)


def check(settings: "BaseSettings") -> None:
    """Convert every setting of ours to its type. Call it before a crawl starts.

    Raises:
        UsageError: a value breaks the rule of its setting.
    """
    for name, (kind, default) in _declared.items():
        value = kind.convert(name, settings.get(name), default)
        settings.set(name, value, settings.getpriority(name) or 0)


def environment(name: str) -> Any:
    """What the environment says now about a setting, for programs other than a crawl.

    Raises:
        UsageError: the value breaks the rule of its setting.
    """
    kind, default = _declared[name]
    return kind.convert(name, os.environ.get(name), default)


def check_environment() -> None:
    """Raise `UsageError` if an environment variable breaks the rule of its setting."""
    for name in _declared:
        environment(name)


def scrapyd_login() -> tuple[str, str] | None:
    """Name and password for Scrapyd, from `SCRAPYD_USERNAME` and `SCRAPYD_PASSWORD`; None without a name."""
    name = os.environ.get("SCRAPYD_USERNAME")
    return (name, os.environ.get("SCRAPYD_PASSWORD", "")) if name else None


def user_cache() -> Path:
    """The user's folder for what may be deleted at any time.

    Raises:
        UsageError: there is no home folder.
    """
    return _user_folder(platformdirs.user_cache_path, "XDG_CACHE_HOME")


def user_data() -> Path:
    """The user's folder for what is kept, such as a session.

    Raises:
        UsageError: there is no home folder.
    """
    return _user_folder(platformdirs.user_data_path, "XDG_DATA_HOME")


def _user_folder(find: Callable[..., Path], variable: str) -> Path:
    try:
        return find("poe-scraper", appauthor=False)
    except RuntimeError:
        message = f"There is no home folder: set HOME or {variable} to a folder"
        raise UsageError(message) from None


# --- ours: where Poe is -----------------------------------------------------------------------
POE_API_URL = setting("POE_API_URL", api_address, "https://api.poe.com/v1/models")
"""Address of the models API. The account's endpoints are expected beside it, at `../usage/`."""

POE_SITE_URL = setting("POE_SITE_URL", site_address, "https://poe.com")
"""Address of the site. A bot's page is the address of the site, a slash and the handle."""

POE_SITE_HOSTS = setting("POE_SITE_HOSTS", text, "auto")
"""Hosts that the browser may contact, separated by commas. `auto`: the site's host and its subdomains, Poe's CDN
(`*.poecdn.net`), Cloudflare's bot check, and the hosts that the site's own documents name for scripts and style
sheets."""

POE_API_KEY = setting("POE_API_KEY", secret, "")
"""The key of your account, for `balance` and `usage`. If set, it is also sent to the models API, which does not need
one."""

POE_STORAGE_STATE = setting("POE_STORAGE_STATE", path, "")
"""The user's session to crawl with: `true` for the one that `poe-scraper login` keeps, `browser` for that of the
running Chrome at `PLAYWRIGHT_CDP_URL`, or the path of a Playwright storage state. Empty for none."""

# --- ours: the browser ------------------------------------------------------------------------
POE_BROWSER_PATH = setting("POE_BROWSER_PATH", path, "")
"""A Chromium to use instead of the one found on this machine."""

POE_BROWSER_PROFILE = setting("POE_BROWSER_PROFILE", path, "")
"""Persistent profile to render in, of a full Chromium or Chrome: a folder, or `true` for the one in the user's data
folder. A bot check that was cleared or a sign-in then holds for later crawls."""

POE_BROWSER_WINDOW = setting("POE_BROWSER_WINDOW", switch, False)
"""Show the browser's window. Needs a full Chromium or Chrome and a screen."""

POE_CHECK_WAIT = setting("POE_CHECK_WAIT", seconds, 20)
"""Seconds to wait for a bot check that clears by itself."""

POE_PAGE_TIMEOUT = setting("POE_PAGE_TIMEOUT", some_seconds, 30)
"""Seconds that one visit of a bot page may take, navigation and rate card together."""

POE_PAGE_USES = setting("POE_PAGE_USES", some, 100)
"""Visits after which a browser page is replaced by a fresh one."""

POE_MAX_PAGE_SIZE = setting("POE_MAX_PAGE_SIZE", some, 8 * 1024 * 1024)
"""Largest size of a rendered bot page that is accepted, in characters, rate card included."""

POE_MEMORY_LIMIT = setting("POE_MEMORY_LIMIT", megabytes, 2000)
"""Megabytes that the browser's processes may use (unique set size). Above it, pages in progress are finished and a
fresh browser continues. 0 sets no limit."""

POE_BACKOFF = setting("POE_BACKOFF", seconds, 2)
"""Seconds before the first retry; doubled with each further one."""

POE_MAX_WAIT = setting("POE_MAX_WAIT", seconds, 120)
"""Longest time that a request is held back, in seconds, whatever `Retry-After` says."""

POE_MAX_BLOCKED = setting("POE_MAX_BLOCKED", count, 20)
"""The crawl stops after so many answers in a row that were not a page of the site (a bot check, 429, sign-in, 5xx, a
timeout, ...). 0 never stops."""

# --- ours: the feed ---------------------------------------------------------------------------
POE_OUTPUT_DIR = setting("POE_OUTPUT_DIR", path, "output")
"""Folder of the feed."""

POE_LOCK_WAIT = setting("POE_LOCK_WAIT", seconds, 0)
"""Seconds to wait while another process writes the feed. 0 ends the crawl at once."""

POE_MAX_AGE = setting("POE_MAX_AGE", seconds, 24 * 60 * 60)
"""Seconds after which a bot's page is due again."""

POE_KEEP_GONE = setting("POE_KEEP_GONE", days, 90)
"""Days for which a bot stays in the feed after Poe has stopped listing it."""

POE_KEEP_VERSIONS = setting("POE_KEEP_VERSIONS", count, 0)
"""Newest versions to keep in `versions/`; 0 keeps all."""

POE_KEEP_RUNS = setting("POE_KEEP_RUNS", count, 200)
"""Newest run reports to keep in `runs/`; 0 keeps all."""

POE_KEEP_REFUSED = setting("POE_KEEP_REFUSED", count, 20)
"""Newest refused candidates to keep in `refused/`; 0 keeps all."""

POE_GATE_MIN_SHARE = setting("POE_GATE_MIN_SHARE", share, 0.8)
"""A new feed is refused if it has fewer active bots than this share of the previous feed's."""

POE_GATE_MAX_JUMPS = setting("POE_GATE_MAX_JUMPS", share, 0.05)
"""A new feed is refused if prices of more than this share of the bots moved by a factor of 5 or more."""

POE_GATE_MAX_LOST = setting("POE_GATE_MAX_LOST", share, 0.05)
"""A new feed is refused if more than this share of the bots that had prices lose them."""

POE_ACCEPT = setting("POE_ACCEPT", switch, False)
"""Publish this time even if the gate would refuse."""

# --- ours: delivery ---------------------------------------------------------------------------
POE_PUBLISH_TO = setting("POE_PUBLISH_TO", places, "")
"""Where to copy the feed to: URLs that fsspec accepts, or folders, separated by blanks or commas."""

POE_PUBLISH_TIMEOUT = setting("POE_PUBLISH_TIMEOUT", seconds, 600)
"""Seconds that copying to all of these places may take. The next run sends what is missing."""

POE_WEBHOOK_URL = setting("POE_WEBHOOK_URL", secret, "")
"""Address that the changes of every new version are posted to."""

POE_WEBHOOK_SECRET = setting("POE_WEBHOOK_SECRET", secret, "")
"""Signing key of these posts: `whsec_` and base64, by the Standard Webhooks specification."""

# --- ours: monitors ---------------------------------------------------------------------------
POE_MONITORS = setting("POE_MONITORS", switch, False)
"""Check every run against the limits below, with Spidermon."""

POE_MONITOR_COVERAGE = setting("POE_MONITOR_COVERAGE", share, 0.8)
"""Smallest share of the active bots that must have a price from their page."""

POE_MONITOR_FAILURES = setting("POE_MONITOR_FAILURES", share, 0.1)
"""Largest share of the visited pages that may fail."""

POE_MONITOR_AGE = setting("POE_MONITOR_AGE", seconds, 7 * 24 * 60 * 60)
"""Largest age of an active bot's page, in seconds."""

POE_MONITOR_UNPARSED = setting("POE_MONITOR_UNPARSED", share, 0.05)
"""Largest share of the bots that may have a card with an amount that could not be parsed."""

POE_MONITOR_DIFFERENCES = setting("POE_MONITOR_DIFFERENCES", share, 0.05)
"""Largest share of the bots whose prices may differ between dollars and points, or between API and page."""

# --- ours: many machines ----------------------------------------------------------------------
POE_REDIS_URL = setting("POE_REDIS_URL", secret, "")
"""A Redis through which a publisher and its workers share a crawl; see docs/scale.md."""

POE_REDIS_LEASE = setting("POE_REDIS_LEASE", some_seconds, 15)
"""Seconds without a heartbeat after which a process of a shared crawl counts as dead."""

POE_REDIS_WAIT = setting("POE_REDIS_WAIT", seconds, 600)
"""Seconds that a publisher waits without progress or workers, and a worker without a crawl, before it ends."""

# --- the project ------------------------------------------------------------------------------
BOT_NAME = "poe_scraper"
SPIDER_MODULES = ["poe_scraper.spiders"]
COMMANDS_MODULE = (
    "poe_scraper.scrapy_commands"  # default none: `scrapy crawl` publishes, and its exit code says how the crawl ended
)
USER_AGENT = f"poe-scraper/{__version__}"  # default names Scrapy

# --- politeness -------------------------------------------------------------------------------
ROBOTSTXT_OBEY = True  # default False
CONCURRENT_REQUESTS_PER_DOMAIN = 4  # default 8: a page load is several requests
METAREFRESH_ENABLED = False  # default True: the browser has followed redirects already
CONCURRENT_REQUESTS = 32  # default 16: requests that are backing off count here
AUTOTHROTTLE_ENABLED = True  # default False
AUTOTHROTTLE_START_DELAY = 0.25  # default 5 s; adjusted from the first page on
AUTOTHROTTLE_TARGET_CONCURRENCY = 4.0  # default 1: as many pages at a time as the limit above allows
AUTOTHROTTLE_MAX_DELAY = 30.0  # default 60 s

# --- failures ---------------------------------------------------------------------------------
RETRY_TIMES = 3  # default 2
RETRY_GIVE_UP_LOG_LEVEL = "DEBUG"  # default ERROR: the spider reports the failure itself
DOWNLOAD_TIMEOUT = 30  # default 180 s
DNS_TIMEOUT = 10  # default 60 s: report a missing network soon
DOWNLOAD_MAXSIZE = 32 * 1024 * 1024  # default 1 GiB; the models API is about 1 MB

# --- components -------------------------------------------------------------------------------
DOWNLOAD_HANDLERS = {
    "http": "poe_scraper.browser.handler.PagePoolDownloadHandler",
    "https": "poe_scraper.browser.handler.PagePoolDownloadHandler",
}
DOWNLOADER_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,  # replaced by the next one
    "poe_scraper.middlewares.RobotsTxtMiddleware": 100,
    "poe_scraper.middlewares.BackoffMiddleware": 560,  # closer to the site than RetryMiddleware (550)
    "scrapy.downloadermiddlewares.httpcache.HttpCacheMiddleware": None,  # replaced by the next one
    "poe_scraper.httpcache.HttpCacheMiddleware": 900,
}
ITEM_PIPELINES = {
    "poe_scraper.pipelines.validate.ValidatePipeline": 100,
    "poe_scraper.pipelines.dedupe.DedupePipeline": 200,
    "poe_scraper.pipelines.merge.MergePricingPipeline": 300,
    # `scrapy crawl` and `poe-scraper update` add PublishPipeline; shell, fetch, parse, ... write nothing
}
ADDONS = {
    "poe_scraper.extensions.SettingsAddon": 100,
    "poe_scraper.extensions.ListenersAddon": 400,
    "poe_scraper.monitors.MonitorsAddon": 500,
}
EXTENSIONS = {
    "poe_scraper.extensions.Traffic": 400,
    "poe_scraper.extensions.ProgressBar": 500,
}
FEED_EXPORTERS = {  # default writes reprs of models
    "csv": "poe_scraper.exporters.CsvItemExporter",
    "json": "poe_scraper.exporters.JsonItemExporter",
    "jsonl": "poe_scraper.exporters.JsonLinesItemExporter",
    "jsonlines": "poe_scraper.exporters.JsonLinesItemExporter",
    "jl": "poe_scraper.exporters.JsonLinesItemExporter",
    "xml": "poe_scraper.exporters.XmlItemExporter",
}
HTTPCACHE_ENABLED = True  # default False: an unchanged answer of the models API is not transferred again
HTTPCACHE_POLICY = "poe_scraper.httpcache.CatalogPolicy"  # default keeps every response for ever
HTTPCACHE_STORAGE = "poe_scraper.httpcache.SqliteCacheStorage"  # default writes several files per response
try:
    HTTPCACHE_DIR = str(user_cache() / "http")  # default in the project
except UsageError:  # a container may run as a user without a home
    HTTPCACHE_ENABLED, HTTPCACHE_DIR = False, ""
META_COPY_WARN_SKIP_KEYS = ["download_latency", "retry_times"]  # default none: a retry from a spider keeps both
WARN_ON_GENERATOR_RETURN_VALUE = False  # default True: parses a callback's source for every response
TELNETCONSOLE_ENABLED = False  # default True: no listener unless asked for
REMOTE_CONTROL_ENABLED = False  # default True: no listener unless asked for

# --- the browser ------------------------------------------------------------------------------
# https://github.com/scrapy-plugins/scrapy-playwright#playwright_contexts
PLAYWRIGHT_BROWSER_TYPE = "chromium"
PLAYWRIGHT_BROWSER_PROVIDER = "poe_scraper.browser.handler.BrowserProvider"  # default logs the address
PLAYWRIGHT_CDP_URL = setting("PLAYWRIGHT_CDP_URL", secret, "")  # a browser elsewhere, by the DevTools protocol
PLAYWRIGHT_CONNECT_URL = setting("PLAYWRIGHT_CONNECT_URL", secret, "")  # or at a Playwright server; docs/scale.md
DEFAULT_REQUEST_HEADERS = {"Accept-Language": "en-US,en;q=0.9"}  # default "en": cards are read in English

# --- logging ----------------------------------------------------------------------------------
LOG_LEVEL = "INFO"  # default DEBUG
STATS_DUMP = False  # default True: the run report holds the figures; Scrapyd's jobs dump them (spiders/visits.py)
