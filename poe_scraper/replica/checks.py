"""Bot checks: pages that come instead of the page asked for, and the cookie of those that were cleared."""

import secrets
from importlib.resources import files

from .documents import ACCESS_DENIED, check_page
from .hosts import Hosts
from .messages import SCRIPT, TEXT, Reply, Request

PATH = "/cdn-cgi/challenge-platform/"
_SCRIPT = f"{PATH}h/b/orchestrate/chl_page/v1"
_STAYING_SCRIPT = f"{PATH}h/b/orchestrate/chl_page/v0"
_ANSWER = f"{PATH}h/b/flow/ov1/"

COOKIE = "cf_clearance"

CLEARING = ("check_clears", "check_clears_host")
"""Faults that a browser with the cookie does not meet."""


class Checks:
    """The bot checks of one replica.

    A cleared check holds for the browser that cleared it: the cookie counts together with the user agent.

    Args:
        hosts: that scripts of checks come from.
    """

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._cleared: dict[str, str | None] = {}
        """User agents by cookie."""

    def is_cleared(self, request: Request) -> bool:
        """True if the browser that sends this request has cleared a check."""
        cookie = request.cookies.get(COOKIE, "")
        return cookie in self._cleared and self._cleared[cookie] == request.headers.get("user-agent")

    def page(self, host: str, fault: str | None = None, status: int = 403) -> Reply:
        """A check.

        Args:
            host: the site that asks for it, as the page shows it.
            fault: one of `CLEARING`, or anything else for a check that stays.
            status: of the response.
        """
        origin = self._hosts.checks if fault == "check_clears_host" else ""
        script = _SCRIPT if fault in CLEARING else _STAYING_SCRIPT
        body = check_page(host.partition(":")[0], origin + script, _ANSWER)
        headers = {"Server": "cloudflare", "cf-mitigated": "challenge", "Cache-Control": "no-store"}
        return Reply(body, status=status, headers=headers)

    def denied(self) -> Reply:
        """The page for visitors that the site has blocked."""
        return Reply(ACCESS_DENIED, status=403, headers={"Server": "cloudflare"})

    def answer(self, request: Request) -> Reply:
        """The response to the requests that a check itself sends."""
        if request.path == _ANSWER and request.method == "POST":
            cookie = secrets.token_urlsafe(24)
            self._cleared[cookie] = request.headers.get("user-agent")
            headers = {"Set-Cookie": f"{COOKIE}={cookie}; Path=/; Max-Age=1800; HttpOnly; SameSite=Lax"}
            return Reply(b"", TEXT, headers=headers, kind="check")
        script = (files(__package__) / "assets" / "check.js").read_bytes() if request.path == _SCRIPT else b""
        return Reply(script, SCRIPT, headers={"Cache-Control": "no-store"}, kind="check")
