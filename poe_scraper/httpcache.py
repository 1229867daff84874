"""The models API's last answer, kept so that an unchanged one is not sent again.

Parts of Scrapy's HTTP cache. What is kept is only ever used after Poe has said that it still holds (`ETag`,
`Last-Modified`): where Poe can't be reached, the crawl has to know.
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
"""Answers that are kept: one for each address that is crawled."""


class HttpCacheMiddleware(httpcache.HttpCacheMiddleware):
    """Scrapy's, which takes no kept answer for the one that did not come."""

    def process_exception(self, request: Request, exception: Exception, spider: Spider | None = None) -> None:
        """Let the exception pass. Scrapy's would go on with what is kept."""
        request.meta.pop("cached_response", None)


class CatalogPolicy(RFC2616Policy):
    """Keeps answers of the models API to requests without a key, and asks each time whether they still hold."""

    def should_cache_request(self, request: Request) -> bool:
        """Whether a request may be answered from the cache, or its answer kept."""
        is_catalog = bool(request.meta.get("poe_catalog")) and "Authorization" not in request.headers
        return is_catalog and super().should_cache_request(request)

    def should_cache_response(self, response: Response, request: Request) -> bool:
        """Whether an answer is kept."""
        return response.status == 200 and super().should_cache_response(response, request)

    def is_cached_response_fresh(self, cachedresponse: Response, request: Request) -> bool:
        """Never; the request gets what it takes to ask whether the kept answer holds."""
        self._set_conditional_validators(request, cachedresponse)
        return False

    def is_cached_response_valid(self, cachedresponse: Response, response: Response, request: Request) -> bool:
        """Whether Poe says that the kept answer holds."""
        return response.status == 304


class SqliteCacheStorage:
    """Keeps each answer in one piece, however many crawls read and write, and whenever one of them dies.

    Scrapy's own storage in files writes headers and body one after the other. Where nothing can be kept,
    the crawl goes on without.
    """

    def __init__(self, settings: BaseSettings) -> None:
        self.path = Path(data_path(settings["HTTPCACHE_DIR"])) / CACHE_FILE

    def open_spider(self, spider: Spider) -> None:
        """Open the file."""
        self.fingerprint = spider.crawler.request_fingerprinter.fingerprint
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.database = _open(self.path)
        except (OSError, sqlite3.Error) as error:
            logger.warning("Answers cannot be kept in %s (%s); poe-scraper clear-cache may help.", self.path, error)
            self.database = _open(":memory:")

    def close_spider(self, spider: Spider) -> None:
        """Close it."""
        self.database.close()

    def retrieve_response(self, spider: Spider, request: Request) -> Response | None:
        """What is kept for a request; None where nothing is."""
        query = "SELECT answer FROM answers WHERE request = ?"
        try:
            row = self.database.execute(query, (self.fingerprint(request).hex(),)).fetchone()
        except sqlite3.Error as error:
            logger.warning("Kept answers cannot be read from %s (%s).", self.path, error)
            return None
        if row is None:
            return None
        status, url, fields, body = pickle.loads(row[0])  # noqa: S301 - written by the same user
        headers = Headers(fields)
        kind = responsetypes.from_args(headers=headers, url=url, body=body)
        return kind(url=url, status=status, headers=headers, body=body)

    def store_response(self, spider: Spider, request: Request, response: Response) -> None:
        """Keep an answer, and the few newest of others."""
        key = self.fingerprint(request).hex()
        answer = pickle.dumps((response.status, response.url, dict(response.headers), response.body))
        newest = "SELECT rowid FROM answers ORDER BY rowid DESC LIMIT ?"
        try:
            self.database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, answer))
            self.database.execute(f"DELETE FROM answers WHERE rowid NOT IN ({newest})", (_KEPT,))  # noqa: S608 - no input
        except sqlite3.Error as error:
            logger.warning("An answer cannot be kept in %s (%s).", self.path, error)


def _open(path: Path | str) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("CREATE TABLE IF NOT EXISTS answers (request TEXT PRIMARY KEY, answer BLOB)")
    return database
