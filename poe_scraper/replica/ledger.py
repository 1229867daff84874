"""What was asked of the replica, and what it sent."""

import time
from collections import Counter, defaultdict

from .messages import Asked, Kind, Reply

LOGGED: tuple[Kind, ...] = ("document", "api", "account", "robots", "login")
"""What is logged request by request; the rest is only counted."""


class Ledger:
    """Counts what was asked for and what was sent."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self.clear()

    def clear(self) -> None:
        """Forget all requests so far."""
        self._counts: Counter[Kind] = Counter()
        self._bytes: Counter[Kind] = Counter()
        self._by_handle: dict[str, Counter[Kind]] = defaultdict(Counter)
        self._log: list[dict[str, object]] = []

    def begin(self, asked: Asked, reply: Reply) -> dict[str, object]:
        """Count a request, and return its entry for `end`."""
        self._counts[reply.kind] += 1
        if reply.handle is not None:
            self._by_handle[reply.handle][reply.kind] += 1
        entry: dict[str, object] = {
            "at": round(time.monotonic() - self._started, 3),
            "kind": reply.kind,
            "path": asked.address,
            "status": None,
            "user_agent": asked.headers.get("user-agent"),
            "accept_language": asked.headers.get("accept-language"),
            "authorized": "authorization" in asked.headers,
        }
        if reply.kind in LOGGED:
            self._log.append(entry)
        return entry

    def end(self, entry: dict[str, object], reply: Reply, status: int | None, sent: int) -> None:
        """Note how a request ended.

        Args:
            entry: from `begin`.
            reply: that was to be sent.
            status: that went out; None if none did.
            sent: bytes of its body that went out.
        """
        entry["status"] = status
        self._bytes[reply.kind] += sent

    def as_json(self) -> dict[str, object]:
        """Everything counted."""
        return {
            "total": sum(self._counts.values()),
            "by_kind": {kind: {"count": n, "bytes": self._bytes[kind]} for kind, n in self._counts.items()},
            "by_handle": {handle: dict(counts) for handle, counts in self._by_handle.items()},
            "log": self._log,
        }
