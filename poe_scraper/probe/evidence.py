"""What one look at Poe gave, before anything is concluded from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from poe_scraper.failures import Code
from poe_scraper.items import Bot


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
    status: int | None = None
    error: str | None = None


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
    """Requests for the page itself: redirects, bot checks and reloads are one each."""
    requests: tuple[RequestEvidence, ...] = ()
    """All requests, the documents included."""
    blocked_hosts: tuple[str, ...] = ()
    """Hosts of scripts, style sheets and frames that the network policy refused."""
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
    seen: Bot | None = None
    """The bot as the models API lists it, or with its handle alone. None for a profile."""
    api: ApiEvidence = field(default_factory=ApiEvidence)
    robots: RobotsEvidence = field(default_factory=RobotsEvidence)
    page: PageEvidence | None = None
    """None if the page was not requested."""
