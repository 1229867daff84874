"""The user's own session with Poe: signing in by hand, and the file that keeps it.

A session is its cookies, and these are as good as the password. They are in one file that nobody but
the user can read, and in the browser. No message, log line, argument or exception of ours holds a
cookie's value.
"""

import asyncio
import json
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, Page
from playwright.async_api import Error as PlaywrightError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from poe_scraper.failures import SessionError, UsageError, WindowClosedError
from poe_scraper.pages.answer import is_sign_in, is_signed_out
from poe_scraper.settings import user_data

SESSION_COOKIE = "p-b"
"""The cookie that Poe knows a visitor by, signed in or not."""

_ASK_AGAIN = "fetch(location.href).then(async (answer) => [answer.ok, answer.url, await answer.text()])"

# --- what a session is -------------------------------------------------------------------------


class Cookie(BaseModel):
    """A cookie as Playwright writes it. Neither its text form nor an error about it shows its value."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    name: str
    value: str = Field(repr=False)
    domain: str
    path: str = "/"
    expires: float = -1
    """Unix seconds; -1 for a cookie that lasts as long as the browser."""
    http_only: bool = Field(False, alias="httpOnly")
    secure: bool = False
    same_site: Literal["Strict", "Lax", "None"] = Field("Lax", alias="sameSite")

    def is_of(self, host: str) -> bool:
        """True if it belongs to a host, one below it, or to the domain that the host belongs to."""
        domain = self.domain.removeprefix(".").lower()
        return domain == host or domain.endswith(f".{host}") or host.endswith(f".{domain}")


class _StorageState(BaseModel):
    """The part of a Playwright storage state that makes a session."""

    model_config = ConfigDict(hide_input_in_errors=True)

    cookies: tuple[Cookie, ...]


@dataclass(frozen=True)
class Session:
    """What a crawl, or a file, has of a user's session.

    Args:
        cookies: of the site's own hosts. Empty if the session is that of a running browser.
        in_browser: True if the session is that of the browser at `PLAYWRIGHT_CDP_URL`.
    """

    cookies: tuple[Cookie, ...] = ()
    in_browser: bool = False

    @classmethod
    def of_site(cls, cookies: Iterable[Cookie], site_url: str) -> Self:
        """The session with a site: the cookies of its own hosts, and no others."""
        host = (urlsplit(site_url).hostname or "").lower()
        return cls(tuple(cookie for cookie in cookies if cookie.is_of(host)))

    @property
    def storage_state(self) -> dict[str, Any]:
        """The session as a Playwright storage state."""
        return {"cookies": [cookie.model_dump(by_alias=True) for cookie in self.cookies], "origins": []}

    @property
    def ends_at(self) -> datetime | None:
        """When the session ends at the latest; None if its cookie does not say."""
        ends = [cookie.expires for cookie in self.cookies if cookie.name == SESSION_COOKIE and cookie.expires >= 0]
        return datetime.fromtimestamp(max(ends), UTC) if ends else None

    def has_ended(self, now: datetime) -> bool:
        """True if the session is over by its own date."""
        return self.ends_at is not None and self.ends_at <= now


# --- where it is kept --------------------------------------------------------------------------


def session_path(setting: str = "") -> Path:
    """The file that keeps the session.

    Args:
        setting: `POE_STORAGE_STATE`. Unless it names a file, the session is in the user's data folder.

    Raises:
        UsageError: the session is that of a running browser, not of a file.
    """
    if setting == "browser":
        message = "POE_STORAGE_STATE=browser is the session of your running Chrome: sign in and out there, or unset it"
        raise UsageError(message)
    if setting.lower() in {"", "0", "1", "false", "true"}:
        return user_data() / "session.json"
    return Path(setting).expanduser()


def asked_session(settings: Mapping[str, Any]) -> Session | None:
    """The session that a crawl is asked to use by `POE_STORAGE_STATE`; None if it is asked for none.

    Args:
        settings: of the crawl.

    Raises:
        UsageError: there is no such session, or its file is not fit for use.
    """
    asked = str(settings.get("POE_STORAGE_STATE") or "")
    if asked.lower() in {"", "0", "false"}:
        return None
    if asked == "browser":
        if not settings.get("PLAYWRIGHT_CDP_URL"):
            message = "POE_STORAGE_STATE=browser needs the address of the running Chrome in PLAYWRIGHT_CDP_URL"
            raise UsageError(message)
        return Session(in_browser=True)
    return read_session(session_path(asked), str(settings["POE_SITE_URL"]))


def read_session(path: Path, site_url: str) -> Session:
    """Read a session that was kept, or any Playwright storage state.

    Args:
        path: the file.
        site_url: address of the site; cookies of others are left out.

    Raises:
        UsageError: the file is missing, open to others, not a storage state, or holds no session with the site.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read()
    except FileNotFoundError:
        message = (
            f"there is no session in {path}. Sign in first: poe-scraper login. POE_STORAGE_STATE is `true` for the "
            "session that login keeps, `browser` for that of the Chrome at PLAYWRIGHT_CDP_URL, or the path of a file"
        )
        raise UsageError(message) from None
    except OSError as error:
        message = f"the session in {path} cannot be read: {error.strerror}"
        raise UsageError(message) from None
    if mode & 0o077:
        message = f"others on this machine may read the session in {path} (mode {mode:03o}). Close it: chmod 600 {path}"
        raise UsageError(message)
    try:
        state = _StorageState.model_validate_json(content)
    except ValidationError as error:
        message = f"{path} is not a Playwright storage state ({error.error_count()} errors). Sign in: poe-scraper login"
        raise UsageError(message) from None
    session = Session.of_site(state.cookies, site_url)
    if not session.cookies:
        message = f"{path} holds no session with {urlsplit(site_url).hostname}. Sign in: poe-scraper login"
        raise UsageError(message)
    return session


def keep_session(session: Session, path: Path) -> None:
    """Write a session to a file that nobody else can read, from its first byte on.

    A folder that is missing is made for the user alone.

    Raises:
        SessionError: it cannot be written.
    """
    temporary = _temporary(path)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path == session_path():  # a folder of ours, whoever made it first
            path.parent.chmod(0o700)
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(session.storage_state, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        message = f"the session cannot be kept in {path}: {error.strerror}"
        raise SessionError(message) from None


def remove_session(path: Path) -> bool:
    """Remove the file of a session, and what a `keep_session` that died has left.

    Returns:
        True if there was anything.

    Raises:
        SessionError: it cannot be removed.
    """
    removed = False
    for file in (path, _temporary(path)):
        try:
            file.unlink()
            removed = True
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            message = f"the session in {path} cannot be removed: {error.strerror}"
            raise SessionError(message) from None
    return removed


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp")


# --- signing in --------------------------------------------------------------------------------


async def wait_for_sign_in(context: BrowserContext, site_url: str, *, seconds: float) -> Session:
    """Open the site's sign-in page, and wait until the user has signed in.

    Nothing is typed or clicked for them. They have signed in once a page of the site, other than the
    sign-in page, has the session's cookie and does not show a visitor who is signed out.

    Args:
        context: of a browser that shows its window.
        site_url: address of the site.
        seconds: how long to wait.

    Raises:
        WindowClosedError: all pages were closed.
        SessionError: nobody signed in in time, or the site could not be opened.
    """
    moved = asyncio.Event()

    def watch(page: Page) -> None:
        page.on("framenavigated", lambda _: moved.set())
        page.on("close", lambda _: moved.set())
        moved.set()

    context.on("page", watch)
    address = f"{site_url.rstrip('/')}/login"
    try:
        async with asyncio.timeout(seconds):
            await _open(await context.new_page(), address)
            while context.pages:
                moved.clear()
                if await _is_signed_in(context, site_url):
                    return await _session(context, site_url)
                await moved.wait()
    except TimeoutError:
        message = f"nobody signed in within {seconds / 60:g} minutes. No session was kept"
        raise SessionError(message) from None
    except PlaywrightError:
        pass  # the browser went away in the middle of a question
    message = "the window was closed before you had signed in. No session was kept"
    raise WindowClosedError(message)


async def _open(page: Page, address: str) -> None:
    try:
        await page.goto(address, wait_until="commit", timeout=0)
    except PlaywrightError as error:
        if "net::ERR_" not in error.message or "net::ERR_ABORTED" in error.message:
            return  # they went elsewhere meanwhile, or closed the page
        reason = error.message.partition("net::")[2].split()[0]
        message = f"{address} cannot be opened ({reason}). Check the network and POE_SITE_URL"
        raise SessionError(message) from None


async def _session(context: BrowserContext, site_url: str) -> Session:
    return Session.of_site(map(Cookie.model_validate, await context.cookies()), site_url)


async def _is_signed_in(context: BrowserContext, site_url: str) -> bool:
    """True if the site, asked from one of its open pages, says that the visitor is signed in."""
    if not any(cookie.name == SESSION_COOKIE for cookie in (await _session(context, site_url)).cookies):
        return False
    asked = urlsplit(site_url)
    for page in context.pages:
        here = urlsplit(page.url)
        if (here.scheme, here.netloc) != (asked.scheme, asked.netloc) or is_sign_in(page.url):
            continue
        try:
            # a page that was not loaded anew by the sign-in still holds what it knew before
            ok, url, html = await page.evaluate(_ASK_AGAIN)
        except PlaywrightError:  # it is going elsewhere, and will be looked at again there
            continue
        if ok and not is_sign_in(url) and not is_signed_out(html):
            return True
    return False
