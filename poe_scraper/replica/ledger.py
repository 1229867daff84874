"""The record of requests and responses."""

import time
from collections import Counter, defaultdict

from .messages import Kind, Reply, Request

LOGGED: tuple[Kind, ...] = ("document", "api", "account", "robots", "login")
"""Kinds of requests that are logged one by one; the others are only counted."""


class Ledger:
    """Counts requests and response bytes."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self.clear()

    def clear(self) -> None:
        """Forget all requests so far."""
        self._counts: Counter[Kind] = Counter()
        self._bytes: Counter[Kind] = Counter()
        self._by_handle: dict[str, Counter[Kind]] = defaultdict(Counter)
        self._by_host: Counter[str] = Counter()
        self._log: list[dict[str, object]] = []

    def count(self, kind: Kind, host: str) -> None:
        """Count a request that is not HTTP."""
        self._counts[kind] += 1
        self._by_host[host] += 1

    def begin(self, request: Request, reply: Reply) -> dict[str, object]:
        """Count a request, and return its entry for `end`."""
        self.count(reply.kind, request.host.partition(":")[0])
        if reply.handle is not None:
            self._by_handle[reply.handle][reply.kind] += 1
        entry: dict[str, object] = {
            "at": round(time.monotonic() - self._started, 3),
            "kind": reply.kind,
            "path": request.address,
            "status": None,
            "user_agent": request.headers.get("user-agent"),
            "accept_language": request.headers.get("accept-language"),
            "authorized": "authorization" in request.headers,
        }
        if reply.kind in LOGGED:
            self._log.append(entry)
        return entry

    def end(self, entry: dict[str, object], reply: Reply, status: int | None, sent: int) -> None:
        """Note how a request ended.

        Args:
            entry: from `begin`.
            reply: the response that was to be sent.
            status: the status that was sent; None if the connection ended before.
            sent: bytes of its body that were sent.
        """
        entry["status"] = status
        self._bytes[reply.kind] += sent

    def as_json(self) -> dict[str, object]:
        """All counts and the log."""
        return {
            "total": sum(self._counts.values()),
            "by_kind": {kind: {"count": n, "bytes": self._bytes[kind]} for kind, n in self._counts.items()},
            "by_handle": {handle: dict(counts) for handle, counts in self._by_handle.items()},
            "by_host": dict(self._by_host),
            "log": self._log,
        }
