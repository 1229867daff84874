"""Scrapy settings. Those that start with `POE_` are ours.

Every `POE_` setting can be set like any Scrapy setting (`scrapy crawl -s NAME=VALUE`) or by an
environment variable of the same name; the command line wins. A comment behind a Scrapy setting says
which default it changes and why.
https://docs.scrapy.org/en/latest/topics/settings.html
"""

import os

import platformdirs

from poe_scraper import __version__
from poe_scraper.failures import UsageError


def _number(name: str, default: float) -> float:
    """The number that an environment variable holds, else the default."""
    text = os.environ.get(name)
    try:
        return default if text is None else float(text)
    except ValueError:
        message = f"The environment variable {name} is no number: {text!r}. Without it, {default:g} holds."
        raise UsageError(message) from None


def _switch(name: str) -> bool:
    """Whether an environment variable switches something on."""
    return os.environ.get(name) in {"1", "true", "True"}


# --- ours: where Poe is -----------------------------------------------------------------------
POE_API_URL = os.environ.get("POE_API_URL", "https://api.poe.com/v1/models")
"""Address of the models API. The account's endpoints are looked for beside it, at `../usage/`."""

POE_SITE_URL = os.environ.get("POE_SITE_URL", "https://poe.com")
"""Address under which the bot pages stand. No other host is contacted by the browser."""

POE_SITE_HOSTS = os.environ.get("POE_SITE_HOSTS", "auto")
"""Hosts that the browser may contact, separated by commas. `auto`: the site's host and its subdomains, Poe's CDN
(`*.poecdn.net`), Cloudflare's bot check, and the hosts that the site's own documents name for scripts and style
sheets."""

POE_API_KEY = os.environ.get("POE_API_KEY", "")
"""The key of your account, for `balance` and `usage`. Where set, it is also sent to the models API, which needs
none."""

POE_STORAGE_STATE = os.environ.get("POE_STORAGE_STATE", "")
"""The user's session to crawl with: `true` for the one that `poe-scraper login` keeps, `browser` for that of the
running Chrome at `PLAYWRIGHT_CDP_URL`, or the path of a Playwright storage state. None where empty."""

# --- ours: the browser ------------------------------------------------------------------------
POE_BROWSER_PATH = os.environ.get("POE_BROWSER_PATH", "")
"""A Chromium to use instead of the one found on this machine."""

POE_BROWSER_PROFILE = os.environ.get("POE_BROWSER_PROFILE", "")
"""Persistent profile to render in, of a full Chromium or Chrome: a folder, or `true` for the one in the user's data
folder. A bot check that was cleared or a sign-in then holds for later crawls."""

POE_BROWSER_WINDOW = _switch("POE_BROWSER_WINDOW")
"""Show the browser's window. Needs a full Chromium or Chrome and a screen."""

POE_CHECK_WAIT = _number("POE_CHECK_WAIT", 20)
"""Seconds to wait for a bot check that clears by itself."""

POE_PAGE_TIMEOUT = _number("POE_PAGE_TIMEOUT", 30)
"""Seconds that one visit of a bot page may take, navigation and rate card together."""

POE_PAGE_USES = int(_number("POE_PAGE_USES", 100))
"""Visits after which a browser page is replaced by a fresh one."""

POE_MAX_PAGE_SIZE = int(_number("POE_MAX_PAGE_SIZE", 8 * 1024 * 1024))
"""Characters of one rendered bot page, rate card included, that are accepted."""

POE_MEMORY_LIMIT = _number("POE_MEMORY_LIMIT", 2000)
"""Megabytes that the browser's processes may have for themselves (unique set size). Beyond it the pages under
way are finished, and a fresh browser goes on. 0 sets no limit."""

POE_BACKOFF = _number("POE_BACKOFF", 2)
"""Seconds before the first retry; doubled with each further one."""

POE_MAX_WAIT = _number("POE_MAX_WAIT", 120)
"""Seconds that a request is held back at most, whatever `Retry-After` says."""

POE_MAX_BLOCKED = int(_number("POE_MAX_BLOCKED", 20))
"""Answers in a row that were no bot's page, whichever bot was asked for (a bot check, 429, sign-in, 5xx, a
timeout, ...), after which the crawl stops asking. 0 never stops."""

# --- ours: the feed ---------------------------------------------------------------------------
POE_OUTPUT_DIR = os.environ.get("POE_OUTPUT_DIR", "output")
"""Folder of the feed."""

POE_LOCK_WAIT = _number("POE_LOCK_WAIT", 0)
"""Seconds that a crawl waits while another writes the feed. 0 yields to it at once."""

POE_MAX_AGE = _number("POE_MAX_AGE", 24 * 60 * 60)
"""Seconds after which a bot's page is due again."""

POE_KEEP_GONE = _number("POE_KEEP_GONE", 90)
"""Days that a bot which Poe no longer lists stays in the feed."""

POE_KEEP_VERSIONS = int(_number("POE_KEEP_VERSIONS", 0))
"""Newest versions to keep in `versions/`; 0 keeps all."""

POE_KEEP_RUNS = int(_number("POE_KEEP_RUNS", 200))
"""Newest run reports to keep in `runs/`; 0 keeps all."""

POE_KEEP_REFUSED = int(_number("POE_KEEP_REFUSED", 20))
"""Newest refused candidates to keep in `refused/`; 0 keeps all."""

POE_GATE_MIN_SHARE = _number("POE_GATE_MIN_SHARE", 0.8)
"""A candidate with fewer active bots than this share of the previous feed's is refused."""

POE_GATE_MAX_JUMPS = _number("POE_GATE_MAX_JUMPS", 0.05)
"""A candidate is refused where prices of more than this share of the bots moved by a factor of 5 or more."""

POE_GATE_MAX_LOST = _number("POE_GATE_MAX_LOST", 0.05)
"""A candidate is refused if more than this share of the bots that had prices lose them."""

POE_ACCEPT = _switch("POE_ACCEPT")
"""Publish for once what the gate would refuse."""

# --- ours: delivery ---------------------------------------------------------------------------
POE_PUBLISH_TO = os.environ.get("POE_PUBLISH_TO", "")
"""Further places that get a copy of the feed: URLs as fsspec takes them, or folders, separated by blanks or commas."""

POE_PUBLISH_TIMEOUT = _number("POE_PUBLISH_TIMEOUT", 600)
"""Seconds that all of these places together may take. What is missing then is sent by the next run."""

POE_WEBHOOK_URL = os.environ.get("POE_WEBHOOK_URL", "")
"""Where the changes of every new version are posted to."""

POE_WEBHOOK_SECRET = os.environ.get("POE_WEBHOOK_SECRET", "")
"""What these posts are signed with: base64 after `whsec_`, as the Standard Webhooks specification has it."""

# --- ours: monitors ---------------------------------------------------------------------------
POE_MONITORS = _switch("POE_MONITORS")
"""Hold every run against the limits below, with Spidermon."""

POE_MONITOR_COVERAGE = _number("POE_MONITOR_COVERAGE", 0.8)
"""The smallest share of the active bots that have a price from their page."""

POE_MONITOR_FAILURES = _number("POE_MONITOR_FAILURES", 0.1)
"""The largest share of the visited pages that failed."""

POE_MONITOR_AGE = _number("POE_MONITOR_AGE", 7 * 24 * 60 * 60)
"""Seconds since the page of any active bot was read, at most."""

POE_MONITOR_UNPARSED = _number("POE_MONITOR_UNPARSED", 0.05)
"""The largest share of the bots that have a card with an amount nobody could read."""

POE_MONITOR_DIFFERENCES = _number("POE_MONITOR_DIFFERENCES", 0.05)
"""The largest share of the bots whose prices differ between dollars and points, or API and page."""

# --- ours: many machines ----------------------------------------------------------------------
POE_REDIS_URL = os.environ.get("POE_REDIS_URL", "")
"""A Redis through which a publisher and its workers share a crawl; see docs/scale.md."""

POE_REDIS_LEASE = _number("POE_REDIS_LEASE", 15)
"""Seconds without a sign of life after which a process of a shared crawl counts as dead."""

POE_REDIS_WAIT = _number("POE_REDIS_WAIT", 600)
"""Seconds that a publisher waits while no worker is alive, and a worker while no crawl is on."""

# --- the project ------------------------------------------------------------------------------
BOT_NAME = "poe_scraper"
SPIDER_MODULES = ["poe_scraper.spiders"]
COMMANDS_MODULE = "poe_scraper.scrapy_commands"  # default none: `scrapy crawl` with an honest exit status
USER_AGENT = f"poe-scraper/{__version__}"  # default names Scrapy; say who asks

# --- politeness -------------------------------------------------------------------------------
ROBOTSTXT_OBEY = True  # default False
CONCURRENT_REQUESTS_PER_DOMAIN = 4  # default 8: a page load is several requests
METAREFRESH_ENABLED = False  # default True: the browser has followed what was to be followed
CONCURRENT_REQUESTS = 32  # default 16: requests that wait out a back-off count here
AUTOTHROTTLE_ENABLED = True  # default False
AUTOTHROTTLE_START_DELAY = 0.25  # default 5 s, measured for a plain site; adjusted from the first page on
AUTOTHROTTLE_TARGET_CONCURRENCY = 4.0  # default 1: as many pages at a time as the limit above allows
AUTOTHROTTLE_MAX_DELAY = 30.0  # default 60 s

# --- failures ---------------------------------------------------------------------------------
RETRY_TIMES = 3  # default 2
RETRY_GIVE_UP_LOG_LEVEL = "DEBUG"  # default ERROR: the spider reports the failure itself
DOWNLOAD_TIMEOUT = 30  # default 180 s
DNS_TIMEOUT = 10  # default 60 s: without a network, say so soon
DOWNLOAD_MAXSIZE = 32 * 1024 * 1024  # default 1 GiB; the models API is about 1 MB

# --- parts ------------------------------------------------------------------------------------
DOWNLOAD_HANDLERS = {
    "http": "poe_scraper.browser.handler.PagePoolDownloadHandler",
    "https": "poe_scraper.browser.handler.PagePoolDownloadHandler",
}
DOWNLOADER_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,  # ours stands in its place
    "poe_scraper.middlewares.RobotsTxtMiddleware": 100,
    "poe_scraper.middlewares.BackoffMiddleware": 560,  # closer to the site than RetryMiddleware (550)
    "scrapy.downloadermiddlewares.httpcache.HttpCacheMiddleware": None,  # ours stands in its place
    "poe_scraper.httpcache.HttpCacheMiddleware": 900,
}
ITEM_PIPELINES = {
    "poe_scraper.pipelines.validate.ValidatePipeline": 100,
    "poe_scraper.pipelines.dedupe.DedupePipeline": 200,
    "poe_scraper.pipelines.merge.MergePricingPipeline": 300,
    "poe_scraper.pipelines.publish.PublishPipeline": 400,
}
ADDONS = {
    "poe_scraper.extensions.ListenersAddon": 400,
    "poe_scraper.monitors.MonitorsAddon": 500,
}
EXTENSIONS = {
    "poe_scraper.extensions.Traffic": 400,
    "poe_scraper.extensions.ProgressBar": 500,
}
HTTPCACHE_ENABLED = True  # default False: an unchanged answer of the models API is not sent again
HTTPCACHE_POLICY = "poe_scraper.httpcache.CatalogPolicy"  # default keeps everything for ever
HTTPCACHE_STORAGE = "poe_scraper.httpcache.SqliteCacheStorage"  # default: several files an answer
HTTPCACHE_DIR = str(platformdirs.user_cache_path("poe-scraper", appauthor=False) / "http")  # default in the project
META_COPY_WARN_SKIP_KEYS = ["download_latency", "retry_times"]  # default none: a retry from a spider keeps both
WARN_ON_GENERATOR_RETURN_VALUE = False  # default True: parses a callback's source for every response
TELNETCONSOLE_ENABLED = False  # default True: no listener unless asked for
REMOTE_CONTROL_ENABLED = False  # default True: no listener unless asked for

# --- the browser's context: labels on a card follow the language ------------------------------
# https://github.com/scrapy-plugins/scrapy-playwright#playwright_contexts
PLAYWRIGHT_BROWSER_TYPE = "chromium"
PLAYWRIGHT_BROWSER_PROVIDER = "poe_scraper.browser.handler.BrowserProvider"  # default logs the address
PLAYWRIGHT_CDP_URL = os.environ.get("PLAYWRIGHT_CDP_URL", "")  # a browser elsewhere, by the DevTools protocol
PLAYWRIGHT_CONNECT_URL = os.environ.get("PLAYWRIGHT_CONNECT_URL", "")  # or at a Playwright server; docs/scale.md
DEFAULT_REQUEST_HEADERS = {"Accept-Language": "en-US,en;q=0.9"}  # default "en"

# --- logging ----------------------------------------------------------------------------------
LOG_LEVEL = "INFO"  # default DEBUG
STATS_DUMP = False  # default True: the run report holds the figures
