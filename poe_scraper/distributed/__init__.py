"""One crawl, many machines: a publisher, any number of workers, and Redis between them.

With `POE_REDIS_URL` set, `scrapy crawl poe_models` publishes: it reads the models API, puts the pages that are
due into Redis, and takes what the workers read. `-a role=worker` renders pages. Queue, duplicates
filter and connection are scrapy-redis's (https://github.com/rmax/scrapy-redis); that requests are leased
instead of taken, so that none is lost with its worker, is ours.

Nothing of it is imported unless `POE_REDIS_URL` is set. It needs `pip install 'poe-scraper[redis]'`.
"""

from collections.abc import Mapping
from typing import Any

from poe_scraper.failures import UsageError


def is_shared(settings: Mapping[str, Any], role: str) -> bool:
    """Whether a crawl is to be shared.

    Args:
        settings: Scrapy's.
        role: the spider's argument.

    Raises:
        UsageError: it is, and cannot be.
    """
    url = str(settings["POE_REDIS_URL"] or "")
    if not url:
        if role:
            message = f"role={role} needs POE_REDIS_URL: the Redis through which the crawl is shared"
            raise UsageError(message)
        return False
    try:
        import scrapy_redis  # noqa: F401
        from redis.connection import parse_url
    except ImportError as error:
        message = f"POE_REDIS_URL needs more packages ({error.name} is missing): pip install 'poe-scraper[redis]'"
        raise UsageError(message) from error
    try:
        parse_url(url)  # type: ignore[no-untyped-call]
    except ValueError:  # its text may quote the password
        accepted = "redis://[user:password@]host[:port][/database], the same with rediss://, or unix:///path"
        message = f"POE_REDIS_URL is not accepted: {accepted} is"
        raise UsageError(message) from None
    return True
