"""Delivering a published feed: copies to further destinations, and posts to a webhook.

A failure here leaves the feed in its folder as it is, and is tried again at the next run.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from poe_scraper.clock import now
from poe_scraper.failures import Code, FeedError
from poe_scraper.feed.store import FeedStore
from poe_scraper.items import RunError
from poe_scraper.publishing.record import Record

logger = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class DeliverySettings:
    """Where to deliver the feed. It has secrets, so its values are not in its `repr`.

    Args:
        publish_to: URLs of further destinations, as fsspec takes them.
        webhook_url: where the changes of a version are posted; empty for none.
        webhook_secret: what the posts are signed with.
        backoff: seconds before the first retry; doubled with each further one.
        timeout: seconds that all destinations together may take.
    """

    publish_to: tuple[str, ...] = ()
    webhook_url: str = ""
    webhook_secret: str = ""
    backoff: float = 2.0
    timeout: float = 600.0

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """From Scrapy settings."""
        publish_to = settings["POE_PUBLISH_TO"] or ""
        urls = re.split(r"[,\s]+", publish_to) if isinstance(publish_to, str) else publish_to
        return cls(
            publish_to=tuple(filter(None, urls)),
            webhook_url=settings["POE_WEBHOOK_URL"] or "",
            webhook_secret=settings["POE_WEBHOOK_SECRET"] or "",
            backoff=float(settings["POE_BACKOFF"]),
            timeout=float(settings["POE_PUBLISH_TIMEOUT"]),
        )


def deliver(store: FeedStore, *, version: int, new_version: bool, settings: DeliverySettings) -> tuple[RunError, ...]:
    """Deliver the feed, as it was just published, to every destination and the webhook.

    Call it while the feed's lock is held. What an earlier run could not deliver is delivered too, even if this run
    brought no new version.

    Args:
        store: the folder of the feed.
        version: the feed's version.
        new_version: True if this run brought it.
        settings: where to deliver.

    Returns:
        What failed, without secrets; empty if nothing did.
    """
    if not (settings.publish_to or settings.webhook_url):
        return ()
    record = Record.load(store.folder)
    failures: list[tuple[Code, str]] = []
    if settings.publish_to:
        try:
            from poe_scraper.publishing.destinations import send
        except ImportError:
            failures.append((Code.DELIVERY_FAILED, "POE_PUBLISH_TO needs fsspec: pip install 'poe-scraper[publish]'"))
        else:
            failures += send(store, settings.publish_to, record, backoff=settings.backoff, timeout=settings.timeout)
    if settings.webhook_url:
        from poe_scraper.publishing.webhook import Webhook, notify

        webhook = Webhook(settings.webhook_url, settings.webhook_secret, backoff=settings.backoff)
        failures += notify(store, webhook, record, version=version, new_version=new_version)
    try:
        record.save(store.folder)
    except FeedError as error:
        failures.append((Code.DELIVERY_FAILED, f"What was delivered could not be noted. {error}"))
    for code, message in failures:
        logger.error("%s: %s", code, message)
    at = now()
    return tuple(RunError(stage="delivery", code=code, message=message, at=at) for code, message in failures)
