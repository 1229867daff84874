"""A browser profile of one's own, which keeps cleared bot checks and a sign-in from one process to the next."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs
from filelock import FileLock, Timeout

from poe_scraper.failures import UsageError
from poe_scraper.untrusted import safe

_MARK = "poe-scraper.json"
"""The file in a profile that names the browser it belongs to."""

_LOCK = "poe-scraper.lock"


def find_profile(settings: Mapping[str, Any]) -> Path | None:
    """The profile that a crawl renders in by `POE_BROWSER_PROFILE`; None if it is asked for none.

    Args:
        settings: of the crawl.

    Raises:
        UsageError: another setting excludes a profile.
    """
    setting = str(settings.get("POE_BROWSER_PROFILE") or "")
    if setting.lower() in {"", "0", "false"}:
        return None
    for other in ("PLAYWRIGHT_CDP_URL", "PLAYWRIGHT_CONNECT_URL", "POE_STORAGE_STATE"):
        if str(settings.get(other) or "").lower() not in {"", "0", "false"}:
            message = f"POE_BROWSER_PROFILE and {other} exclude each other: unset one of them"
            raise UsageError(message)
    if setting.lower() in {"1", "true"}:
        return platformdirs.user_data_path("poe-scraper", appauthor=False) / "profile"
    return Path(setting).expanduser().absolute()


@contextmanager
def locked_profile(profile: Path, browser: str) -> Iterator[None]:
    """Use a profile alone, in one browser; the folder is made if it is missing.

    Args:
        profile: its folder.
        browser: name and version of the browser that is about to use it, as `--version` tells them.

    Raises:
        UsageError: the folder cannot be used, is not a profile, is in use, or belongs to another browser.
    """
    check_profile(profile, browser)
    try:
        profile.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(profile / _LOCK, timeout=0, mode=0o600)
        lock.acquire()
    except Timeout:
        message = f"the browser profile {safe(str(profile))} is in use by another process of poe-scraper"
        raise UsageError(message) from None
    except OSError as error:
        message = f"the browser profile {safe(str(profile))} cannot be used: {error.strerror}"
        raise UsageError(message) from None
    try:
        (profile / _MARK).write_text(json.dumps({"browser": _name_and_version(browser)[0]}) + "\n", encoding="utf-8")
        yield
    finally:
        lock.release()


def check_profile(profile: Path, browser: str) -> None:
    """Check a profile without changing it.

    Raises:
        UsageError: as `locked_profile`, except for a process of ours that uses it.
    """
    shown = safe(str(profile))
    try:
        names = {path.name for path in profile.iterdir()} if profile.exists() else set()
        is_running = (profile / "SingletonLock").is_symlink()
        mark = (profile / _MARK).read_text(encoding="utf-8") if _MARK in names else ""
        last = (profile / "Last Version").read_text(encoding="utf-8") if "Last Version" in names else ""
    except (OSError, UnicodeDecodeError) as error:
        message = f"the browser profile {shown} cannot be used: {getattr(error, 'strerror', None) or error}"
        raise UsageError(message) from None
    if names - {_MARK, _LOCK} and not names & {"Local State", "Default", "First Run"}:
        message = f"{shown} is not a profile of Chromium or Chrome: name an empty folder in POE_BROWSER_PROFILE"
        raise UsageError(message)
    if is_running and _is_held(profile):
        message = f"the browser profile {shown} is in use by a running browser: close it first"
        raise UsageError(message)
    name, version = _name_and_version(browser)
    try:
        made_by = str(json.loads(mark)["browser"]) if mark else name
    except (ValueError, KeyError, TypeError):
        made_by = name  # a damaged mark is written again
    newest = int(last.partition(".")[0]) if re.fullmatch(r"\d{1,6}(\.\d+)*", last.strip()) else 0
    if made_by != name or newest > version:
        other = f"{made_by} {newest or ''}".strip()
        message = f"the browser profile {shown} was made by {safe(other)}, not by {name} {version}: name another folder"
        raise UsageError(message)


def _is_held(profile: Path) -> bool:
    """True if the process that Chromium's lock names is alive. The lock is a link to `HOST-PID`."""
    import psutil

    _, _, process = (profile / "SingletonLock").readlink().name.rpartition("-")
    return process.isdigit() and psutil.pid_exists(int(process))


def _name_and_version(browser: str) -> tuple[str, int]:
    """`Google Chrome` and 156, of `Google Chrome 156.0.1.2 built on ...`."""
    found = re.match(r"\s*(.*?)\s+(\d+)\.", browser)
    return (found[1], int(found[2])) if found else (browser.strip(), 0)
