"""A cache for the models API's last response, so that an unchanged one is not downloaded again.

These are components of Scrapy's HTTP cache. A cached response is only used after Poe has confirmed that it is still
valid (`ETag`, `Last-Modified`). If Poe cannot be reached, the request fails.
https://docs.scrapy.org/en/latest/topics/downloader-middleware.html#module-scrapy.downloadermiddlewares.httpcache
"""

import logging
import pickle
import sqlite3
from pathlib import Path

from scrapy import Request, Spider
from scrapy.downloadermiddlewares import httpcache
from scrapy.extensions.httpcache import RFC2616Policy
from scrapy.http import Response
from scrapy.http.headers import Headers
from scrapy.responsetypes import responsetypes
from scrapy.settings import BaseSettings
from scrapy.utils.project import data_path

logger = logging.getLogger(__name__)

CACHE_FILE = "answers.sqlite"

_KEPT = 8
"""Maximum number of cached responses: one per address of a models API."""


class HttpCacheMiddleware(httpcache.HttpCacheMiddleware):
    """Scrapy's middleware, except that it never uses a cached response if the request failed."""

    def process_exception(self, request: Request, exception: Exception, spider: Spider | None = None) -> None:
        """Let the exception pass. Scrapy's middleware would return the cached response."""
        request.meta.pop("cached_response", None)


class CatalogPolicy(RFC2616Policy):
    """Caches responses of the models API to requests without a key, and revalidates them each time."""

    def should_cache_request(self, request: Request) -> bool:
        """True if a request may use the cache."""
        is_catalog = bool(request.meta.get("poe_catalog")) and "Authorization" not in request.headers
        return is_catalog and super().should_cache_request(request)

    def should_cache_response(self, response: Response, request: Request) -> bool:
        """True if a response may be cached."""
        return response.status == 200 and super().should_cache_response(response, request)

    def is_cached_response_fresh(self, cachedresponse: Response, request: Request) -> bool:
        """False, so that the response is always revalidated. Adds the headers for that to the request."""
        self._set_conditional_validators(request, cachedresponse)
        return False

    def is_cached_response_valid(self, cachedresponse: Response, response: Response, request: Request) -> bool:
        """True if Poe confirmed that the cached response is still valid."""
        return response.status == 304


class SqliteCacheStorage:
    """Stores each response atomically, even if several crawls use the cache at once or one is killed.

    Scrapy's own storage writes headers and body to separate files. If the database cannot be used, the crawl
    continues without a cache.
    """

    def __init__(self, settings: BaseSettings) -> None:
        self.path = Path(data_path(settings["HTTPCACHE_DIR"])) / CACHE_FILE

    def open_spider(self, spider: Spider) -> None:
        """Open the database."""
        self.fingerprint = spider.crawler.request_fingerprinter.fingerprint
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.database = _open(self.path)
        except (OSError, sqlite3.Error) as error:
            logger.warning("Responses cannot be cached in %s (%s); poe-scraper clear-cache may help.", self.path, error)
            self.database = _open(":memory:")

    def close_spider(self, spider: Spider) -> None:
        """Close the database."""
        self.database.close()

    def retrieve_response(self, spider: Spider, request: Request) -> Response | None:
        """The cached response to a request; None if there is none."""
        query = "SELECT answer FROM answers WHERE request = ?"
        try:
            row = self.database.execute(query, (self.fingerprint(request).hex(),)).fetchone()
        except sqlite3.Error as error:
            logger.warning("Cached responses cannot be read from %s (%s).", self.path, error)
            return None
        if row is None:
            return None
        status, url, fields, body = pickle.loads(row[0])  # noqa: S301 - written by the same user
        headers = Headers(fields)
        kind = responsetypes.from_args(headers=headers, url=url, body=body)
        return kind(url=url, status=status, headers=headers, body=body)

    def store_response(self, spider: Spider, request: Request, response: Response) -> None:
        """Store a response, and delete all but the newest few."""
        key = self.fingerprint(request).hex()
        answer = pickle.dumps((response.status, response.url, dict(response.headers), response.body))
        newest = "SELECT rowid FROM answers ORDER BY rowid DESC LIMIT ?"
        try:
            self.database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, answer))
            self.database.execute(f"DELETE FROM answers WHERE rowid NOT IN ({newest})", (_KEPT,))  # noqa: S608 - no input
        except sqlite3.Error as error:
            logger.warning("A response cannot be cached in %s (%s).", self.path, error)


def _open(path: Path | str) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("CREATE TABLE IF NOT EXISTS answers (request TEXT PRIMARY KEY, answer BLOB)")
    return database
