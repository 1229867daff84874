"""The site that a feed belongs to.

A feed belongs to one site: facts of two sites in one feed would be taken for facts of one.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from poe_scraper.failures import OtherSiteError
from poe_scraper.feed.spool import BotSpool
from poe_scraper.items import Feed, Site
from poe_scraper.untrusted import public_url

_DEFAULT_PORTS = {"http": 80, "https": 443}


def site_of(settings: Mapping[str, Any]) -> Site:
    """The site that these settings crawl.

    Args:
        settings: Scrapy settings with `POE_SITE_URL` and `POE_API_URL`.
    """
    return Site(
        url=public_url(str(settings["POE_SITE_URL"])).rstrip("/"), api_url=public_url(str(settings["POE_API_URL"]))
    )


def is_same_site(one: str, other: str) -> bool:
    """True if two URLs have the same port, and the same host or a subdomain of it. Paths and schemes may differ."""
    (first, first_port), (second, second_port) = sorted(
        (_authority(one), _authority(other)), key=lambda each: len(each[0])
    )
    return first_port == second_port and (second == first or (bool(first) and second.endswith(f".{first}")))


def require_site(site: Site, head: Feed | None, bots: BotSpool, folder: Path) -> None:
    """Check that a crawl of a site may be published into a feed.

    A feed of schema 1.0 does not name its site; the addresses where its bots were observed do.

    Args:
        site: the site to crawl.
        head: the feed without its bots; None if there is no feed yet.
        bots: the bots of the feed.
        folder: the feed's folder.

    Raises:
        OtherSiteError: the feed belongs to another site.
    """
    if head is None:
        return
    if head.site is not None:
        pairs = iter([(head.site.url, site.url), (head.site.api_url, site.api_url)])
    else:
        pairs = _observed(bots, site)
    for theirs, ours in pairs:
        if not is_same_site(theirs, ours):
            message = (
                f"The feed in {folder} belongs to another site: it was read from {public_url(theirs)}, and this crawl "
                f"reads {ours}. Name another folder with POE_OUTPUT_DIR or --output-dir, or move the feed away."
            )
            raise OtherSiteError(message)


def _observed(bots: BotSpool, site: Site) -> Iterator[tuple[str, str]]:
    """Where each bot was observed, each with the address of the site that it should agree with."""
    for entry in bots.entries():
        for sighting, ours in (("page", site.url), ("catalog", site.api_url)):
            if entry["observed"][sighting] is not None:
                yield entry["observed"][sighting]["url"], ours


def _authority(url: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(url)
        port = None if parts.port == _DEFAULT_PORTS.get(parts.scheme) else parts.port
        return (parts.hostname or "").rstrip("."), port
    except ValueError:
        return url, None
