"""Requests and responses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

Kind = Literal[
    "document",
    "script",
    "stylesheet",
    "image",
    "font",
    "gql",
    "api",
    "account",
    "robots",
    "login",
    "check",
    "third_party",
    "stun",
    "other",
]

Delivery = Literal["whole", "reset", "slow", "slow_bytes", "silent", "endless", "truncated"]
"""How a response is sent; `whole` is without a fault."""

HTML = "text/html; charset=utf-8"
JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
SCRIPT = "application/javascript; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """A request."""

    method: str
    host: str
    """The `Host` header: name and port."""
    path: str
    """Decoded, without the query."""
    address: str
    """Path and query as they were sent."""
    arguments: Mapping[str, str]
    """Of the query."""
    headers: Mapping[str, str]
    """By lower-case name."""
    cookies: Mapping[str, str]
    body: bytes
    first: bool
    """True if it is the first request on its connection."""


@dataclass(frozen=True)
class Reply:
    """A response and how it is sent."""

    body: bytes
    content_type: str = HTML
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = "whole"
    kind: Kind = "other"
    handle: str | None = None
    """The bot or creator whose document or card it is."""


class Answering(Protocol):
    """Something that answers requests: the mock site, or a recording."""

    @property
    def title(self) -> str:
        """What is served, for the line that reports the start."""

    def answer(self, request: Request) -> Reply:
        """The answer to a request."""
