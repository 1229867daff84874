"""What is checked before a crawl starts: its browser, and the settings of its browser."""

from collections.abc import Mapping
from typing import Any

from poe_scraper.browser.executable import check_programs, find_browser, find_window_browser
from poe_scraper.browser.network import check_hosts
from poe_scraper.browser.profile import Profile, find_profile, profile_folder
from poe_scraper.browser.proxies import find_proxies
from poe_scraper.failures import BrowserBrokenError, BrowserNotFoundError


def check_settings(settings: Mapping[str, Any]) -> None:
    """Check what the settings say of hosts, proxies and the profile.

    Args:
        settings: of the crawl.

    Raises:
        UsageError: one cannot be used. Nothing was started or written.
    """
    find_proxies(settings)
    check_hosts(settings)
    folder = profile_folder(settings)
    if folder is None:
        return
    try:
        profile = find_profile(settings) or Profile(folder, "")
    except (BrowserNotFoundError, BrowserBrokenError):  # `require_browser` reports it, if pages are to be rendered
        profile = Profile(folder, "")
    profile.check()


def require_browser(settings: Mapping[str, Any]) -> None:
    """Check that the browser of a crawl is there and can be run.

    Args:
        settings: of the crawl.

    Raises:
        UsageError: `POE_BROWSER_PATH` is not a program that can be run.
        BrowserNotFoundError: there is no browser.
        BrowserBrokenError: it, or Playwright's driver, does not start.
    """
    if settings.get("PLAYWRIGHT_CDP_URL") or settings.get("PLAYWRIGHT_CONNECT_URL"):
        check_programs(None)
        return
    configured = str(settings.get("POE_BROWSER_PATH") or "")
    is_full = profile_folder(settings) is not None or bool(settings.get("POE_BROWSER_WINDOW"))
    check_programs(find_window_browser(configured) if is_full else find_browser(configured))
