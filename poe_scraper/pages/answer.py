"""Whether an answer of the site is a page of the site at all, checked before its content is read."""

import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import lxml.html

from poe_scraper.failures import Code, ObservationError

_SIGN_IN_PATHS = ("/login", "/signin", "/sign-in")
_HYDRATION = re.compile(r'<script\b[^<>]*\bid="__NEXT_DATA__"[^<>]*>(.*?)</script>', re.DOTALL)

_EXAMINED = 100_000
"""Characters of a page that are searched for a bot check: such pages are short."""

_APPLICATION = re.compile(r'id="__NEXT_DATA__"|\b__next_f\b')
"""What Next.js writes into every page of an application, and Cloudflare into none of its own."""

_CHECK_TITLES = (
    "just a moment",
    "attention required",
    "access denied |",
    "verify you are human",
    "verifying you are human",
    "security verification",
    "security check",
    "checking your browser",
    "one moment, please",
)

_CHECK_TEXTS = (
    "performing security verification",
    "checking your browser",
    "checking if the site connection is secure",
    "verify you are human",
    "verifying you are human",
    "verify that you are human",
    "needs to review the security of your connection",
    "enable javascript and cookies to continue",
    "sorry, you have been blocked",
    "error 1020",
    "error code: 1020",
    "error code 1020",
)
"""What Cloudflare's bot checks and access-denied pages say, in lower case (observed on many sites)."""

_CHECK_MARKUP = re.compile(r"_cf_chl_opt|/cdn-cgi/challenge-platform/h/|\bid=.?(?:challenge-form|challenge-running)")
"""The parts of Cloudflare's check pages. Its `/cdn-cgi/challenge-platform/scripts/` is on ordinary pages too."""

_TITLE = re.compile(r"<title\b[^<>]*>([^<]*)", re.IGNORECASE)
_UNSEEN = re.compile(r"<(script|style|template)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_MARKUP = re.compile(r"<[^<>]*>")

_SIGN_IN_FIELDS = (
    '//input[@type="password" or @type="email" or @type="tel" or @name="email" or @name="phone"'
    ' or @autocomplete="one-time-code" or @autocomplete="username"]'
)
_SIGN_IN_HEADING = re.compile(r"\b(?:log ?in|sign ?in|sign ?up|create an account|continue with)\b", re.IGNORECASE)


def is_sign_in(url: str) -> bool:
    """True if the address is that of the site's sign-in page."""
    return urlsplit(url).path.rstrip("/").lower().endswith(_SIGN_IN_PATHS)


def asks_to_sign_in(document: lxml.html.HtmlElement) -> bool:
    """True if a page looks like a sign-in form. Ask only of pages that have proved to be nothing else."""
    headings = document.xpath("//h1 | //h2 | //*[@role='heading'] | //form//button")
    if any(_SIGN_IN_HEADING.search(heading.text_content()[:200]) for heading in headings):
        return bool(document.xpath(_SIGN_IN_FIELDS)) or not document.xpath("//textarea")
    titles = document.xpath("//title")
    return any(_SIGN_IN_HEADING.search(title.text_content()) for title in titles) and bool(
        document.xpath(_SIGN_IN_FIELDS)
    )


def is_signed_out(html: str) -> bool:
    """True if a page's data says that nobody is signed in; False if it says nothing about it.

    `isLoggedIn` and `viewer` are common names in the page data of sites built like Poe's. Whether Poe's pages
    always have them is not known.
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


def check_answer(
    status: int, headers: Mapping[str, str], url: str, html: str, *, site_url: str, session: bool = False
) -> None:
    """Raise an error unless an answer is a page of the site.

    Args:
        status: HTTP status of the document.
        headers: its headers, names in lower case.
        url: its address after redirects.
        html: its content.
        site_url: address under which the bot pages are.
        session: True if the page was requested with a user's session.

    Raises:
        ObservationError: with the code that names the cause.
    """
    try:
        asked, got = urlsplit(site_url), urlsplit(url)
    except ValueError:
        message = f"the page redirects to a malformed address: {ascii(url)[:200]}"
        raise ObservationError(Code.REDIRECTED_AWAY, message) from None
    if (got.scheme, got.netloc) != (asked.scheme, asked.netloc):
        message = f"the page redirects to another host: {got.scheme}://{ascii(got.netloc)[1:-1]}"
        raise ObservationError(Code.REDIRECTED_AWAY, message)
    if is_bot_check(status, headers, url, html):
        raise ObservationError(Code.CHALLENGED, f"the site shows a bot check instead of the page (status {status})")
    if status == 429:
        raise ObservationError(Code.RATE_LIMITED, "the site answered 429, too many requests")
    if status >= 500:
        raise ObservationError(Code.SERVER_ERROR, f"the site answered {status}")
    if is_sign_in(url):
        code = Code.SESSION_EXPIRED if session else Code.LOGIN_REQUIRED
        raise ObservationError(code, "the page redirects to sign-in")
    if status in {404, 410}:
        raise ObservationError(Code.NOT_FOUND, f"the site answered {status}: the page does not exist")
    if status >= 400:
        raise ObservationError(Code.REFUSED, f"the site answered {status}")
    media_type = headers.get("content-type", "text/html").partition(";")[0].strip().lower()
    if media_type not in {"text/html", "application/xhtml+xml"}:
        message = f"the answer is not an HTML page but {ascii(media_type)[1:-1][:80]}"
        raise ObservationError(Code.NOT_HTML, message)


def is_bot_check(status: int, headers: Mapping[str, str], url: str, html: str) -> bool:
    """True if an answer is a bot check, or the page that says that one was failed.

    Poe's sign-in page answers 200; a redirect to it with status 403 is what a browser gets that did not pass
    Cloudflare's check (recorded in September 2026).
    """
    if headers.get("cf-mitigated", "").strip().lower() == "challenge":
        return True
    if status == 403 and is_sign_in(url):
        return True
    if _APPLICATION.search(html):  # on a page of Poe's own, any of these words may be a bot's name or description
        return False
    head = html[:_EXAMINED]
    title = _TITLE.search(head)
    if title is not None and title[1].strip().lower().startswith(_CHECK_TITLES):
        return True
    if _CHECK_MARKUP.search(head):
        return True
    text = " ".join(_MARKUP.sub(" ", _UNSEEN.sub(" ", head)).split()).lower()
    return any(phrase in text for phrase in _CHECK_TEXTS)
