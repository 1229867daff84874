"""`login` and `logout`: the user's own session with Poe."""

import asyncio
import os
import shlex
import sys

import click

from poe_scraper import settings
from poe_scraper.browser.executable import find_window_browser
from poe_scraper.browser.profile import Profile, find_profile
from poe_scraper.browser.session import Session, keep_session, remove_session, session_path, wait_for_sign_in
from poe_scraper.cli.options import examples
from poe_scraper.cli.terminal import safe
from poe_scraper.failures import SessionError, WindowClosedError


@click.command(epilog=examples("login", "login --timeout 30"))
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=10,
    show_default=True,
    metavar="MINUTES",
    help="How long to wait for you.",
)
def login(timeout: float) -> None:
    """Sign in to Poe in a browser window, and keep the session for crawls.

    You do everything in the window by hand, a second factor or a bot check included. It closes by itself once
    you have signed in. The session is kept in a file that you alone can read; a crawl uses it with
    POE_STORAGE_STATE=true. If POE_STORAGE_STATE names a file, it is kept there.

    With POE_BROWSER_PROFILE, the window is that of the browser that crawls, with the same profile, which
    keeps everything. To clear a bot check without signing in, close the window when you are done.
    """
    profile = find_profile(vars(settings))
    path = session_path(settings.POE_STORAGE_STATE)
    browser = find_window_browser(settings.POE_BROWSER_PATH)
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise SessionError(_NO_DISPLAY)
    click.echo(f"Sign in to {safe(settings.POE_SITE_URL)} in the window that opens. Waiting for {timeout:g} minutes.")
    if profile is not None:
        _sign_in_with_profile(browser, timeout * 60, profile)
        return
    session = asyncio.run(_sign_in(browser, timeout * 60))
    keep_session(session, path)
    ends = f" It ends on {session.ends_at:%Y-%m-%d} at the latest." if session.ends_at else ""
    click.echo(f"Signed in. The session is in {safe(path)}, which you alone can read.{ends}")
    use = "true" if path == session_path() else shlex.quote(str(path))
    click.echo(f"To crawl with it: POE_STORAGE_STATE={safe(use)} poe-scraper update")


def _sign_in_with_profile(browser: str | None, seconds: float, profile: Profile) -> None:
    profile.acquire()
    try:
        asyncio.run(_sign_in(browser, seconds, profile))
        click.echo("Signed in.")
    except WindowClosedError:
        click.echo("The window was closed. Not signed in.")
    finally:
        profile.release()
    use = shlex.quote(settings.POE_BROWSER_PROFILE)
    click.echo(f"The profile in {safe(profile.folder)} keeps what you did.")
    click.echo(f"To crawl with it: POE_BROWSER_PROFILE={safe(use)} poe-scraper update")


_NO_DISPLAY = """no display: this machine cannot show a window (neither DISPLAY nor WAYLAND_DISPLAY is set). Instead:
  ssh -X HOST poe-scraper login    (shows the window on the machine you sit at)
  poe-scraper login                (where there is a screen; then copy the file it names with scp -p)"""


async def _sign_in(browser: str | None, seconds: float, profile: Profile | None = None) -> Session:
    from playwright.async_api import Error as PlaywrightError
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        chromium = playwright.chromium
        try:
            if profile is None:
                window = await chromium.launch(executable_path=browser, headless=False)
                context = await window.new_context(no_viewport=True)
            else:
                context = await chromium.launch_persistent_context(
                    profile.folder, executable_path=browser, headless=False, no_viewport=True
                )
        except PlaywrightError as error:
            if "XServer" in error.message or "X server" in error.message:
                raise SessionError(_NO_DISPLAY) from None
            reason = error.message.splitlines()[0].removeprefix("BrowserType.launch: ")
            message = f"{browser or 'the Chromium that Playwright manages'} does not start: {reason}"
            raise SessionError(message) from None
        try:
            return await wait_for_sign_in(context, settings.POE_SITE_URL, seconds=seconds)
        finally:
            # a profile is written when its browser ends
            await (context.browser.close() if context.browser and profile is None else context.close())


@click.command(epilog=examples("logout"))
def logout() -> None:
    """Remove the session that login keeps.

    At Poe the session goes on until it expires, or until you end it in your account's settings there. A session
    in a browser profile (POE_BROWSER_PROFILE) is ended in that browser, or by removing the profile's folder.
    """
    path = session_path(settings.POE_STORAGE_STATE)
    if not remove_session(path):
        click.echo(f"There is no session in {safe(path)}.")
        return
    click.echo(f"Removed {safe(path)}. Crawls no longer use the session.")
    click.echo("At Poe it goes on until it expires, or until you end it in your account's settings there.")
