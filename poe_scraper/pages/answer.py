"""What every answer of the site is held against before its content is read."""

import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from poe_scraper.failures import Code, ObservationError

_CHALLENGE_TITLES = ("just a moment", "attention required", "verify you are human")
_SIGN_IN_PATHS = ("/login", "/signin", "/sign-in")
_HYDRATION = re.compile(r'<script\b[^>]*\bid="__NEXT_DATA__"[^>]*>(.*?)</script>', re.DOTALL)


def is_sign_in(url: str) -> bool:
    """Tell whether an address is that of the site's sign-in page."""
    return urlsplit(url).path.rstrip("/").lower().endswith(_SIGN_IN_PATHS)


def is_signed_out(html: str) -> bool:
    """Tell whether a page says that nobody is signed in. One that says nothing of it does not.

    That a page's data holds `isLoggedIn` or `viewer` is common among sites built like Poe's; whether Poe's
    always do, nobody outside of Poe knows.
    """
    hydration = _HYDRATION.search(html)
    try:
        data = json.loads(hydration[1]) if hydration else None
    except (ValueError, RecursionError):
        return False
    found = {"isLoggedIn": set[object](), "viewer": set[object]()}
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            for name, seen in found.items():
                if name in value:
                    seen.add(bool(value[name]))
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return (found["isLoggedIn"] or found["viewer"]) == {False}


def is_challenge(headers: Mapping[str, str], html: str) -> bool:
    """True if an answer is a bot check.

    Args:
        headers: names in lower case.
        html: the document.
    """
    return headers.get("cf-mitigated") == "challenge" or _is_challenge(html)


def check_answer(
    status: int, headers: Mapping[str, str], url: str, html: str, *, site_url: str, session: bool = False
) -> None:
    """Raise where an answer is no page of the site.

    Args:
        status: HTTP status of the document.
        headers: its headers, names in lower case.
        url: its address after redirects.
        html: its content.
        site_url: address under which the bot pages stand.
        session: whether the answer was asked for with a user's session.

    Raises:
        ObservationError: with the code that names the cause.
    """
    try:
        asked, got = urlsplit(site_url), urlsplit(url)
    except ValueError:
        message = f"the page redirects to something that is no address: {ascii(url)[:200]}"
        raise ObservationError(Code.REDIRECTED_AWAY, message) from None
    if (got.scheme, got.netloc) != (asked.scheme, asked.netloc):
        message = f"the page redirects to another host: {got.scheme}://{ascii(got.netloc)[1:-1]}"
        raise ObservationError(Code.REDIRECTED_AWAY, message)
    if is_sign_in(url):
        code = Code.SESSION_EXPIRED if session else Code.LOGIN_REQUIRED
        raise ObservationError(code, "the page redirects to sign-in")
    if is_challenge(headers, html):
        raise ObservationError(Code.CHALLENGED, f"a bot check stands before the page (status {status})")
    if status == 429:
        raise ObservationError(Code.RATE_LIMITED, "the site answered 429, too many requests")
    if status in {404, 410}:
        raise ObservationError(Code.NOT_FOUND, f"the site answered {status}: there is no such page")
    if status >= 500:
        raise ObservationError(Code.SERVER_ERROR, f"the site answered {status}")
    if status >= 400:
        raise ObservationError(Code.REFUSED, f"the site answered {status}")
    media_type = headers.get("content-type", "text/html").partition(";")[0].strip().lower()
    if media_type not in {"text/html", "application/xhtml+xml"}:
        message = f"the answer is no HTML page but {ascii(media_type)[1:-1][:80]}"
        raise ObservationError(Code.NOT_HTML, message)


def _is_challenge(html: str) -> bool:
    head = html[:4096].lower()
    _, found, rest = head.partition("<title")
    if not found:
        return "/cdn-cgi/challenge-platform/" in head
    title = rest.partition(">")[2].partition("</title")[0].strip()
    return title.startswith(_CHALLENGE_TITLES)
