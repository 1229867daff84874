"""One crawl on many machines: one publisher and any number of workers, connected through Redis.

With `POE_REDIS_URL` set, `scrapy crawl poe_models` is the publisher: it reads the models API, queues the pages that
are due in Redis, and publishes what the workers read. `-a role=worker` renders pages. Queue, duplicates filter and
connection come from scrapy-redis (https://github.com/rmax/scrapy-redis). Unlike scrapy-redis, workers lease requests
instead of removing them, so that none is lost if a worker dies.

Nothing here is imported unless `POE_REDIS_URL` is set. It needs the extra `redis`.
"""

from collections.abc import Mapping
from typing import Any

from poe_scraper.failures import UsageError


def is_shared(settings: Mapping[str, Any], role: str) -> bool:
    """True if a crawl is shared through Redis.

    Args:
        settings: Scrapy's settings.
        role: the spider argument `role`.

    Raises:
        UsageError: the address of Redis is not valid, or a required package is missing.
    """
    url = str(settings["POE_REDIS_URL"] or "")
    if not url:
        if role:
            message = f"role={role} needs POE_REDIS_URL, the address of the Redis that shares the crawl"
            raise UsageError(message)
        return False
    try:
        import scrapy_redis  # noqa: F401
        from redis.connection import parse_url
    except ImportError as error:
        message = f"POE_REDIS_URL needs the package {error.name}: pip install 'poe-scraper[redis]'"
        raise UsageError(message) from error
    try:
        parse_url(url)  # type: ignore[no-untyped-call]
    except ValueError:  # its message may quote the password
        accepted = "redis://[user:password@]host[:port][/database], the same with rediss://, or unix:///path"
        message = f"POE_REDIS_URL must be {accepted}"
        raise UsageError(message) from None
    return True
