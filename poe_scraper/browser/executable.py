"""Chromium: find it, install it with what it needs, check that it starts, and launch it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from poe_scraper.browser.network import NetworkPolicy
from poe_scraper.failures import BrowserBrokenError, BrowserNotFoundError, UsageError
from poe_scraper.untrusted import safe

PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")
"""Browsers looked for on the PATH, the fastest first."""

WINDOW_PROGRAMS = ("chromium", "google-chrome")
"""Browsers on the PATH that show a window."""

DRIVER_PACKAGE = "libatomic1"
"""What Playwright's driver needs on Debian beside the C library, and no browser brings along."""

INSTALL_COMMANDS = (
    "apt-get install chromium-headless-shell libatomic1   (Debian, as root)",
    "playwright install --only-shell chromium             (elsewhere)",
    "poe-scraper setup                                    (does whichever works here)",
)

# --- find --------------------------------------------------------------------------------------


def find_browser(configured: str = "") -> str | None:
    """Find the browser to render with.

    Args:
        configured: `POE_BROWSER_PATH`; empty where unset.

    Returns:
        Path of the program, or None for the one that Playwright manages.

    Raises:
        UsageError: `configured` is not a program that can be run.
        BrowserNotFoundError: there is none.
    """
    if configured:
        if shutil.which(configured) is None:
            message = f"POE_BROWSER_PATH is not a program that can be run: {configured}"
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
        UsageError: `configured` is not a program that can be run.
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


def launch_options(
    policy: NetworkPolicy,
    configured: str = "",
    *,
    relay_port: int | None = None,
    full: bool = False,
    window: bool = False,
) -> dict[str, Any]:
    """Playwright's launch options for a browser that contacts the hosts of a policy alone.

    Args:
        policy: which hosts.
        configured: `POE_BROWSER_PATH`.
        relay_port: port of the relay that enforces the policy before a proxy; None without a proxy.
        full: True for a browser that can show a window and keep a profile, which a headless shell cannot.
        window: True to show the window.

    Raises:
        UsageError, BrowserNotFoundError: as `find_browser`.
    """
    path = find_window_browser(configured) if full or window else find_browser(configured)
    # named in full, so that Chromium does not read the environment itself
    proxy = {"proxy": {"server": f"http://127.0.0.1:{relay_port}"}} if relay_port is not None else {}
    return {
        **({"executable_path": path} if path else {}),
        **proxy,
        **({"headless": False} if window else {}),
        # Ctrl-C is for the crawl, which ends the browser itself once the pages in flight are done
        **dict.fromkeys(("handle_sigint", "handle_sigterm", "handle_sighup"), False),
        "args": [
            *policy.launch_args(relay_port),
            *(() if proxy else ("--no-proxy-server",)),
            "--blink-settings=imagesEnabled=false",
            "--disable-blink-features=SharedWorkerExtendedLifetime",  # a worker that outlasts the page it belongs to
            "--disable-quic",
            "--disable-remote-fonts",
            "--mute-audio",
        ],
    }


CONTEXT_OPTIONS: dict[str, Any] = {"locale": "en-US", "service_workers": "block"}
"""Options of the browser context: labels on a rate card follow the language."""


# --- start -------------------------------------------------------------------------------------

DEBIAN_PACKAGES = {
    "libasound.so.2": "libasound2",
    "libatk-1.0.so.0": "libatk1.0-0",
    "libatk-bridge-2.0.so.0": "libatk-bridge2.0-0",
    "libatomic.so.1": "libatomic1",
    "libatspi.so.0": "libatspi2.0-0",
    "libcairo.so.2": "libcairo2",
    "libcups.so.2": "libcups2",
    "libdbus-1.so.3": "libdbus-1-3",
    "libdrm.so.2": "libdrm2",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libgbm.so.1": "libgbm1",
    "libgio-2.0.so.0": "libglib2.0-0",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgobject-2.0.so.0": "libglib2.0-0",
    "libgtk-3.so.0": "libgtk-3-0",
    "libnspr4.so": "libnspr4",
    "libnss3.so": "libnss3",
    "libnssutil3.so": "libnss3",
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libsmime3.so": "libnss3",
    "libstdc++.so.6": "libstdc++6",
    "libX11.so.6": "libx11-6",
    "libxcb.so.1": "libxcb1",
    "libXcomposite.so.1": "libxcomposite1",
    "libXdamage.so.1": "libxdamage1",
    "libXext.so.6": "libxext6",
    "libXfixes.so.3": "libxfixes3",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libXrandr.so.2": "libxrandr2",
}
"""Debian's packages of the shared libraries that Chromium and Playwright's driver need."""

_MISSING_LIBRARY = re.compile(r"(\S+\.so[\w.]*): cannot open shared object file")

_QUICK_CHECK_TIMEOUT = 60
"""Seconds that a program gets to tell its version."""


def check_programs(browser: str | None) -> None:
    """Check quickly that Playwright's driver and a browser can be run at all: each is asked for its version.

    Args:
        browser: path of the browser; None for the one that Playwright manages, or one elsewhere.

    Raises:
        BrowserBrokenError: one does not start. The text says what is missing, and how to get it.
    """
    _version("Playwright's driver", str(_driver()))
    if browser is not None:
        _version("the browser", browser)


def _version(name: str, program: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603
            [program, "--version"], capture_output=True, text=True, timeout=_QUICK_CHECK_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"{name} does not start: {safe(str(error))}"
        raise BrowserBrokenError(message) from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise BrowserBrokenError(_explained(f"{name} does not start", said[0]))
    return done.stdout.strip()


def check_rendering(configured: str = "") -> str:
    """Check that driver and browser start, and that the browser renders a page and runs its script.

    Args:
        configured: `POE_BROWSER_PATH`.

    Returns:
        The browser's version and path, for a person.

    Raises:
        UsageError, BrowserNotFoundError: as `find_browser`.
        BrowserBrokenError: one does not work. The text says what is missing, and how to get it.
    """
    from playwright.sync_api import Error as PlaywrightError
    from playwright.sync_api import sync_playwright

    path = find_browser(configured)
    check_programs(path)
    try:
        with sync_playwright() as playwright, playwright.chromium.launch(executable_path=path) as browser:
            page = browser.new_page()
            page.set_content("<p id=sum></p><script>sum.textContent = 6 * 7</script>")
            rendered, version = page.text_content("#sum"), browser.version
    except (PlaywrightError, OSError) as error:
        raise BrowserBrokenError(start_failure(error)) from error
    if rendered != "42":
        message = f"Chromium {version} does not run a page's script"
        raise BrowserBrokenError(message)
    return f"Chromium {version} starts and renders ({path or 'Playwright'})"


def browser_version(path: str) -> str:
    """Name and version of a browser, as its `--version` tells them.

    Raises:
        BrowserBrokenError: it does not start.
    """
    return _version("the browser", path)


def start_failure(error: BaseException) -> str:
    """Why driver or browser did not start, for a person; names the package of a missing library."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    missing = next((line for line in lines if _MISSING_LIBRARY.search(line)), None)
    return _explained("the browser does not start", missing or (lines[0] if lines else type(error).__name__))


def _explained(what: str, said: str) -> str:
    library = _MISSING_LIBRARY.search(said)
    if library is None:
        return f"{what}: {safe(said)[:300]}"
    package = DEBIAN_PACKAGES.get(library[1])
    remedy = f" (Debian: apt-get install {package})" if package else ""
    return f"{what}: the library {safe(library[1])} is missing{remedy}"


def _driver() -> Path:
    """The program that Playwright starts: `PLAYWRIGHT_NODEJS_PATH`, else the Node.js in its package."""
    import playwright

    bundled = Path(playwright.__file__).parent / "driver" / ("node.exe" if sys.platform == "win32" else "node")
    return Path(os.environ.get("PLAYWRIGHT_NODEJS_PATH") or bundled)


# --- install -----------------------------------------------------------------------------------


def missing_packages(browser: str | None = None) -> tuple[str, ...]:
    """Debian's packages of the libraries that Playwright's driver, or a browser, lacks.

    Args:
        browser: path of the browser; None for the driver alone.
    """
    ldd = shutil.which("ldd")
    if ldd is None:
        return ()
    programs = [str(_driver()), *([str(Path(browser).resolve())] if browser else [])]
    listed = subprocess.run([ldd, *programs], capture_output=True, text=True, timeout=60, check=False).stdout  # noqa: S603
    absent = re.findall(r"^\s*(\S+) => not found", listed, re.MULTILINE)
    return tuple(sorted({DEBIAN_PACKAGES[library] for library in absent if library in DEBIAN_PACKAGES}))


def install_packages(packages: tuple[str, ...]) -> bool:
    """Install Debian packages, as root or with sudo.

    Returns:
        True if they were installed.
    """
    commands = _apt_commands(*packages)
    return bool(commands) and all(_run(command) == 0 for command in commands)


def install_browser() -> str:
    """Install a browser: Debian's headless shell as root or with sudo, else Playwright's.

    Returns:
        The commands that were run, for a person.

    Raises:
        BrowserNotFoundError: neither worked; the text holds what was tried.
    """
    tried = []
    for commands in _ways_to_install():
        for command in commands:
            if (code := _run(command)) != 0:
                tried.append(f"{' '.join(command)} (exit {code})")
                break
        else:
            return " && ".join(" ".join(command) for command in commands)
    message = f"no browser could be installed. Tried: {'; '.join(tried)}"
    raise BrowserNotFoundError(message)


def _run(command: list[str]) -> int:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603


def _ways_to_install() -> list[list[list[str]]]:
    """Lists of commands to run one after the other, the better way first."""
    playwright = [[sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"]]
    debian = _apt_commands(PROGRAMS[0], DRIVER_PACKAGE)
    return [debian, playwright] if debian else [playwright]


def _apt_commands(*packages: str) -> list[list[str]]:
    """Commands that install Debian packages; none where that is not possible."""
    apt, sudo = shutil.which("apt-get"), shutil.which("sudo")
    if apt is None or (os.geteuid() != 0 and sudo is None):
        return []
    as_root = [] if os.geteuid() == 0 else [str(sudo), "-n"]
    return [
        [*as_root, apt, "update", "-q"],
        [*as_root, apt, "install", "-y", "-q", "--no-install-recommends", *packages],
    ]
