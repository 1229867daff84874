"""The account that the replica serves: sessions, points left and points spent."""

import json
import secrets
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any

SESSION_COOKIE = "p-b"
LOGIN_CODE = "123456"
"""The code that the sign-in form accepts for any e-mail address."""

POINTS_PER_USD = 33_000
MAX_LIMIT = 100
DEFAULT_LIMIT = 20
USAGE_SPAN = 30 * 24 * 3600
"""How far back the history goes, in seconds."""


class Account:
    """The one account. Every API key is accepted for it.

    Args:
        now: Unix seconds; the newest usage is a minute older.
    """

    def __init__(self, now: float) -> None:
        self._now = now
        self._sessions: dict[str, str] = {}
        self.balance = 1500
        self.history: list[dict[str, Any]] = []
        """Newest first."""
        self.older_format = False
        """True if usage is reported as in older answers: `app_name` and seconds."""

    def fabricate(self, count: int, handles: Sequence[str], seed: int) -> None:
        """Fill the history with `count` usages of these bots, evenly over the last 30 days."""
        draw = Random(seed)  # noqa: S311 - not a secret
        self.history = []
        for number in range(count):
            parts = {"Input": draw.randrange(1, 400), "Output": draw.randrange(1, 2000)}
            points = sum(parts.values())
            self.history.append(
                {
                    "creation_time": int((self._now - 60 - number * (USAGE_SPAN - 120) / count) * 1_000_000),
                    "bot_name": draw.choice(handles),
                    "query_id": f"q-{count - number:08d}",
                    "usage_type": draw.choice(("API", "Chat", "Canvas App")),
                    "cost_points": points,
                    "cost_usd": format(Decimal(points) / POINTS_PER_USD, ".6f"),
                    "cost_breakdown_in_points": parts,
                }
            )

    def sign_in(self, email: str) -> str:
        """Start a session and return its secret."""
        session = secrets.token_urlsafe(16)
        self._sessions[session] = email
        return session

    def sign_out(self, session: str) -> None:
        """End a session if it exists."""
        self._sessions.pop(session, None)

    def change(
        self,
        *,
        balance: int | None = None,
        history: list[dict[str, Any]] | None = None,
        older_format: bool | None = None,
        sign_out: bool = False,
    ) -> None:
        """Change the values given and keep the others.

        Args:
            balance: points left.
            history: usages, newest first.
            older_format: True to report usage as in older answers.
            sign_out: end all sessions.
        """
        if balance is not None:
            self.balance = balance
        if history is not None:
            self.history = history
        if older_format is not None:
            self.older_format = older_format
        if sign_out:
            self._sessions.clear()

    def as_json(self) -> dict[str, object]:
        """The account, as the control endpoint reports it."""
        return {
            "balance": self.balance,
            "history": self.history,
            "older_format": self.older_format,
            "sessions": len(self._sessions),
        }

    def viewer(self, session: str | None) -> str | None:
        """The e-mail address of the session; None if there is no such session."""
        return None if session is None else self._sessions.get(session)

    def points_history(self, limit: str | None, starting_after: str | None) -> tuple[int, bytes]:
        """Status and body of a page of the history."""
        if limit is not None and not (limit.isdecimal() and 1 <= int(limit) <= MAX_LIMIT):
            return 400, error_body(400, "invalid_request_error", f"limit must be from 1 to {MAX_LIMIT}")
        start = 0
        if starting_after is not None:
            found = [n for n, usage in enumerate(self.history, 1) if usage["query_id"] == starting_after]
            if not found:
                return 400, error_body(400, "invalid_request_error", "starting_after is not a query_id")
            start = found[0]
        page = self.history[start : start + int(limit or DEFAULT_LIMIT)]
        has_more = start + len(page) < len(self.history)
        if self.older_format:
            page = [_older(usage) for usage in page]
        return 200, json.dumps({"has_more": has_more, "length": len(page), "data": page}).encode()


def _older(usage: dict[str, Any]) -> dict[str, Any]:
    older = {key: value for key, value in usage.items() if key != "bot_name"}
    return {**older, "app_name": usage["bot_name"], "creation_time": usage["creation_time"] // 1_000_000}


def error_body(code: int | str, kind: str, message: str) -> bytes:
    """An error in the API's form."""
    return json.dumps({"error": {"code": code, "type": kind, "message": message, "metadata": {}}}).encode()
