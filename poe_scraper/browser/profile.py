"""A browser profile of one's own, which keeps cleared bot checks and a sign-in from one process to the next."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs
import psutil
from filelock import FileLock, Timeout

from poe_scraper.browser.executable import browser_version, find_window_browser
from poe_scraper.failures import UsageError
from poe_scraper.untrusted import safe

_MARK = "poe-scraper.json"
"""The file in a profile that names the browser it belongs to."""

_LOCK = "poe-scraper.lock"

_UNSET = frozenset({"", "0", "false"})


class Profile:
    """A persistent profile of a full Chromium or Chrome, for one process at a time.

    Cookies and what sites store are bound to the browser that got them, so a profile stays with one browser.

    Args:
        folder: made if it is missing, for the user alone.
        browser: name and version of the browser, as its `--version` tells them; empty if unknown.
    """

    def __init__(self, folder: Path, browser: str) -> None:
        self.folder = folder
        found = re.match(r"\s*(.*?)\s+(\d+)\.", browser)
        self._name, self._version = (found[1], int(found[2])) if found else ("", 0)
        self._lock: FileLock | None = None

    def check(self) -> None:
        """Check that the profile can be used, without changing it.

        Raises:
            UsageError: the folder cannot be read, is not a profile, is in use, or belongs to another browser.
        """
        shown = safe(str(self.folder))
        try:
            names = {path.name for path in self.folder.iterdir()} if self.folder.exists() else set()
            mark = (self.folder / _MARK).read_text(encoding="utf-8") if _MARK in names else ""
            last = (self.folder / "Last Version").read_text(encoding="utf-8") if "Last Version" in names else ""
        except (OSError, UnicodeDecodeError) as error:
            message = f"the browser profile {shown} cannot be read: {getattr(error, 'strerror', None) or error}"
            raise UsageError(message) from None
        if names - {_MARK, _LOCK} and names.isdisjoint({"Local State", "Default", "First Run"}):
            message = f"{shown} is not a profile of Chromium or Chrome: name another folder in POE_BROWSER_PROFILE"
            raise UsageError(message)
        if self._is_taken(names):
            message = f"the browser profile {shown} is in use by another process of poe-scraper"
            raise UsageError(message)
        if self._is_open():
            message = f"the browser profile {shown} is in use by a running browser: close it first"
            raise UsageError(message)
        made_by, made_with = _maker(mark) or self._name, int(re.match(r"\d{0,6}", last)[0] or 0)  # type: ignore[index]
        if self._name and (made_by != self._name or made_with > self._version):
            maker = f"{made_by} {made_with}" if made_with else made_by
            message = (
                f"the browser profile {shown} was made by {safe(maker)}, not by {self._name} {self._version}: "
                "name another folder in POE_BROWSER_PROFILE, or that browser in POE_BROWSER_PATH"
            )
            raise UsageError(message)

    def acquire(self) -> None:
        """Take the profile for this process, unless it has it.

        Raises:
            UsageError: as `check`; or another process of poe-scraper has it.
        """
        if self._lock is not None:
            return
        self.check()
        shown = safe(str(self.folder))
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FileLock(self.folder / _LOCK, timeout=0, mode=0o600)
            lock.acquire()
            if self._name:
                (self.folder / _MARK).write_text(json.dumps({"browser": self._name}) + "\n", encoding="utf-8")
        except Timeout:
            message = f"the browser profile {shown} is in use by another process of poe-scraper"
            raise UsageError(message) from None
        except OSError as error:
            message = f"the browser profile {shown} cannot be used: {error.strerror}"
            raise UsageError(message) from None
        self._lock = lock

    def release(self) -> None:
        """Let other processes use it."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _is_taken(self, names: set[str]) -> bool:
        """True if another process of poe-scraper has it."""
        if _LOCK not in names:
            return False
        lock = FileLock(self.folder / _LOCK, timeout=0, mode=0o600)
        try:
            with lock:
                return False
        except Timeout:
            return True

    def _is_open(self) -> bool:
        """True if the process that Chromium's own lock names is alive. The lock is a link to `HOST-PID`."""
        try:
            _, _, process = (self.folder / "SingletonLock").readlink().name.rpartition("-")
        except OSError:  # it has none
            return False
        return process.isdigit() and psutil.pid_exists(int(process))


def profile_folder(settings: Mapping[str, Any]) -> Path | None:
    """The folder that `POE_BROWSER_PROFILE` names; None if it is unset.

    Raises:
        UsageError: another setting excludes a profile.
    """
    setting = str(settings.get("POE_BROWSER_PROFILE") or "")
    if setting.lower() in _UNSET:
        return None
    for other in ("PLAYWRIGHT_CDP_URL", "PLAYWRIGHT_CONNECT_URL", "POE_STORAGE_STATE"):
        if str(settings.get(other) or "").lower() not in _UNSET:
            message = f"POE_BROWSER_PROFILE and {other} exclude each other: unset one of them"
            raise UsageError(message)
    if setting.lower() in {"1", "true"}:
        return platformdirs.user_data_path("poe-scraper", appauthor=False) / "profile"
    return Path(setting).expanduser().absolute()


def find_profile(settings: Mapping[str, Any]) -> Profile | None:
    """The profile that a crawl renders in; None if it is asked for none.

    Args:
        settings: of the crawl.

    Raises:
        UsageError, BrowserNotFoundError: as `profile_folder` and `find_window_browser`.
        BrowserBrokenError: the browser does not start.
    """
    folder = profile_folder(settings)
    if folder is None:
        return None
    path = find_window_browser(str(settings.get("POE_BROWSER_PATH") or ""))
    return Profile(folder, browser_version(path) if path else "")


def _maker(mark: str) -> str:
    """The browser that a mark names; empty where it is damaged, and written again."""
    try:
        return str(json.loads(mark)["browser"])
    except (ValueError, KeyError, TypeError):
        return ""
