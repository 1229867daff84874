"""What one look at Poe gave, before anything is concluded from it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from poe_scraper.failures import Code, ObservationError
from poe_scraper.items import Bot
from poe_scraper.pages.catalog import bot_url, is_handle, read_catalog


@dataclass(frozen=True)
class Problem:
    """Why a part of the look failed."""

    code: Code
    message: str


@dataclass
class ApiEvidence:
    """The models API's answer."""

    url: str = ""
    status: int | None = None
    """HTTP status; None if there was no answer."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    entries: int = 0
    """Usable entries."""
    left_out: int = 0
    """Entries, or fields of entries, that could not be used."""
    entry: Mapping[str, Any] | None = None
    """The entry of the bot as the API sent it; None if it has none."""
    problem: Problem | None = None


@dataclass
class RobotsEvidence:
    """The site's robots.txt."""

    obeyed: bool = True
    """False if ROBOTSTXT_OBEY is off."""
    asked: bool = False
    status: int | None = None
    """HTTP status; None if there was no answer."""


@dataclass(frozen=True)
class RequestEvidence:
    """One request of the page, without query, fragment and headers."""

    method: str
    url: str
    type: str
    """The kind of resource as the DevTools protocol names it: `Document`, `Script`, `Fetch`, ..."""
    host: str
    sent_at: float = 0.0
    """Unix seconds."""
    status: int | None = None
    error: str | None = None
    is_check: bool = False
    """True if it was answered with a bot check."""


@dataclass
class PageEvidence:
    """The page, as it came and as it was rendered."""

    url: str = ""
    """The address that was asked for, and after redirects the one that answered."""
    status: int | None = None
    """HTTP status of the document; None if there was no answer."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    html: str | None = None
    """The rendered document with the observation inside; None if it could not be rendered."""
    documents: tuple[RequestEvidence, ...] = ()
    """Requests for the page itself: redirects, bot checks and reloads are one each. The last is the page."""
    requests: tuple[RequestEvidence, ...] = ()
    """All requests of the page, the documents included."""
    queries: tuple[str, ...] = ()
    """Names of the GraphQL queries that the page sent, in order."""
    blocked_hosts: tuple[str, ...] = ()
    """Hosts of scripts, style sheets and frames that the network policy refused."""
    needed_hosts: tuple[str, ...] = ()
    """Those of them that were refused after Rates was clicked: the dialog may have needed them."""
    with_session: bool = False
    """True if the page was requested with a user's session."""
    problem: Problem | None = None
    """Why it could not be fetched or rendered; None if it was."""


@dataclass
class Evidence:
    """Everything that one look gave."""

    kind: Literal["bot", "profile"]
    subject: str
    """Handle of the bot or creator; empty for a bot that the models API was to name and did not."""
    site_url: str
    api: ApiEvidence = field(default_factory=ApiEvidence)
    robots: RobotsEvidence = field(default_factory=RobotsEvidence)
    page: PageEvidence | None = None
    """None if the page was not requested."""

    def seen(self, at: datetime) -> Bot:
        """The bot before its page is read: as the models API lists it, or with its handle alone."""
        if self.api.entry is not None:
            body = json.dumps({"data": [self.api.entry]}).encode()
            try:
                return read_catalog(body, url=self.api.url, at=at, site_url=self.site_url).bots[0]
            except ObservationError:
                pass  # an entry without a usable id, which names no bot
        return Bot(
            id=self.subject.casefold(),
            url=bot_url(self.site_url, self.subject),
            first_seen=at,
            last_seen=at,
            discovered_by=("handle",),
        )


def entry_of(subject: str, entries: Iterable[object]) -> Mapping[str, Any] | None:
    """The entry of the models API for a bot; without a subject, the first that has a price, else the first.

    Args:
        subject: the bot's handle; empty for any bot.
        entries: those of the API's answer.
    """
    usable = [entry for entry in entries if isinstance(entry, dict) and is_handle(entry.get("id"))]
    if subject:
        return next((entry for entry in usable if str(entry["id"]).casefold() == subject.casefold()), None)
    return next((entry for entry in usable if entry.get("pricing")), next(iter(usable), None))
