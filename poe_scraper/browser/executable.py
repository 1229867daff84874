"""Chromium: find it, install it, and launch it so that it talks to the site alone."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from poe_scraper.failures import BrowserNotFoundError, UsageError

PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")
"""Browsers looked for on the PATH, the fastest first."""

WINDOW_PROGRAMS = ("chromium", "google-chrome")
"""Browsers on the PATH that show a window."""

INSTALL_COMMANDS = (
    "apt-get install chromium-headless-shell    (Debian, as root)",
    "playwright install --only-shell chromium   (elsewhere)",
    "poe-scraper setup                          (does whichever works here)",
)

# --- find --------------------------------------------------------------------------------------


def find_browser(configured: str = "") -> str | None:
    """Find the browser to render with.

    Args:
        configured: `POE_BROWSER_PATH`; empty where unset.

    Returns:
        Path of the program, or None for the one that Playwright manages.

    Raises:
        UsageError: `configured` is no program.
        BrowserNotFoundError: there is none.
    """
    if configured:
        if shutil.which(configured) is None:
            message = f"POE_BROWSER_PATH names no program that can be run: {configured}"
            raise UsageError(message)
        return configured
    for program in PROGRAMS:
        if path := shutil.which(program):
            return path
    if _playwright_has_one("--only-shell"):
        return None
    commands = "\n  ".join(INSTALL_COMMANDS)
    message = (
        f"no browser found ({', '.join(PROGRAMS)} on the PATH, or Playwright's own). "
        f"Install one:\n  {commands}\nor name one in POE_BROWSER_PATH."
    )
    raise BrowserNotFoundError(message)


def find_window_browser(configured: str = "") -> str | None:
    """Find a browser that shows a window, which a headless shell cannot.

    Args:
        configured: `POE_BROWSER_PATH`; passed over where it names a headless shell.

    Returns:
        Path of the program, or None for the one that Playwright manages.

    Raises:
        UsageError: `configured` is no program.
        BrowserNotFoundError: there is none.
    """
    if configured and "headless" not in Path(find_browser(configured) or "").resolve().name:
        return configured
    for program in WINDOW_PROGRAMS:
        if path := shutil.which(program):
            return path
    if _playwright_has_one("--no-shell"):
        return None
    message = (
        f"no browser found that shows a window ({', '.join(WINDOW_PROGRAMS)} on the PATH, or Playwright's own); "
        "a headless shell, which is enough to crawl, shows none. Install one:\n"
        "  apt-get install chromium                   (Debian, as root)\n"
        "  playwright install --no-shell chromium     (elsewhere)\n"
        "or name one in POE_BROWSER_PATH."
    )
    raise BrowserNotFoundError(message)


def _playwright_has_one(kind: str) -> bool:
    """Ask Playwright where its Chromium would stand (`--only-shell`: its headless shell), and look."""
    command = [sys.executable, "-m", "playwright", "install", "--dry-run", kind, "chromium"]
    listing = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout  # noqa: S603
    places = [line.partition(":")[2].strip() for line in listing.splitlines() if "nstall location" in line]
    return any(Path(place, "INSTALLATION_COMPLETE").exists() for place in places if "chromium" in place)


# --- launch ------------------------------------------------------------------------------------


def launch_options(site_url: str, configured: str = "") -> dict[str, Any]:
    """Playwright's launch options for a browser that talks to the site and to nobody else.

    Args:
        site_url: address under which the bot pages stand.
        configured: `POE_BROWSER_PATH`.

    Raises:
        UsageError, BrowserNotFoundError: as `find_browser`.
    """
    path = find_browser(configured)
    host = urlsplit(site_url).hostname or ""
    rules = ["MAP * ~NOTFOUND", f"EXCLUDE {host}", f"EXCLUDE *.{host}"]
    return {
        **({"executable_path": path} if path else {}),
        # Ctrl-C is for the crawl, which ends the browser itself once the pages in flight are done
        **dict.fromkeys(("handle_sigint", "handle_sigterm", "handle_sighup"), False),
        "args": [
            f"--host-resolver-rules={', '.join(rules)}",
            "--blink-settings=imagesEnabled=false",
            "--disable-quic",
            "--disable-remote-fonts",
            "--mute-audio",
        ],
    }


CONTEXT_OPTIONS: dict[str, Any] = {"locale": "en-US", "service_workers": "block"}
"""Options of the browser context: labels on a rate card follow the language."""


# --- install -----------------------------------------------------------------------------------


def install_browser() -> str:
    """Install a browser: Debian's headless shell as root or with sudo, else Playwright's.

    Returns:
        What was run, for a person.

    Raises:
        BrowserNotFoundError: neither worked; the text holds what was tried.
    """
    tried = []
    for commands in _ways_to_install():
        for command in commands:
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            done = subprocess.run(command, env=environment, check=False)  # noqa: S603
            if done.returncode != 0:
                tried.append(f"{' '.join(command)} (exit {done.returncode})")
                break
        else:
            return " && ".join(" ".join(command) for command in commands)
    message = f"no browser could be installed. Tried: {'; '.join(tried)}"
    raise BrowserNotFoundError(message)


def _ways_to_install() -> list[list[list[str]]]:
    """Commands to run one after the other, the better way first."""
    playwright = [[sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"]]
    apt, sudo = shutil.which("apt-get"), shutil.which("sudo")
    if apt is None or (os.geteuid() != 0 and sudo is None):
        return [playwright]
    as_root = [] if os.geteuid() == 0 else [str(sudo), "-n"]
    debian = [
        [*as_root, apt, "update", "-q"],
        [*as_root, apt, "install", "-y", "-q", "--no-install-recommends", PROGRAMS[0]],
    ]
    return [debian, playwright]
