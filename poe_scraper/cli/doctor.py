"""`doctor`: is everything there that a crawl needs?"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

import click
import requests

from poe_scraper import __version__
from poe_scraper.cli import options
from poe_scraper.cli.exits import ExitCode
from poe_scraper.cli.terminal import echo_json
from poe_scraper.failures import (
    FAILURES,
    BrowserBrokenError,
    BrowserNotFoundError,
    Code,
    FeedError,
    ObservationError,
    UsageError,
)
from poe_scraper.feed.reader import feed_folder
from poe_scraper.settings import environment
from poe_scraper.untrusted import safe

TIMEOUT = 20
"""Seconds to wait for an answer."""
MAX_CLOCK_ERROR = 300
"""Seconds that this machine's clock may differ from Poe's."""
MIN_DISK = 100 * 1024 * 1024
"""Bytes of free disk that a crawl should find."""


@dataclass(frozen=True)
class Finding:
    """One thing that was checked."""

    name: str
    state: Literal["ok", "warning", "failed"]
    found: str
    remedy: str | None = None


@click.command(epilog=options.examples("doctor", "doctor --json"))
@click.option("--repair", is_flag=True, help="Rebuild derived files of the feed that are damaged or missing.")
@options.output_dir
@options.as_json
def doctor(output_dir: Path | None, repair: bool, as_json: bool) -> int:
    """Check that everything a crawl needs is there: Python, settings, browser, Poe's API, clock, feed, disk.

    Asks the models API once, and no page of the site: probe does that. Exit code 0 if nothing failed, 4 if only Poe
    could not be reached, otherwise 1.
    """
    folder = feed_folder(output_dir)
    findings = [*([_repair(folder)] if repair else []), *_findings(folder)]
    if as_json:
        echo_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            click.echo(f"{finding.state:<8} {finding.name:<8} {safe(finding.found)}")
            if finding.remedy:
                click.echo(f"{'':<17} {safe(finding.remedy)}")
    failed = {finding.name for finding in findings if finding.state == "failed"}
    if not failed:
        return ExitCode.DONE
    return ExitCode.UNREACHABLE if failed == {"api"} else ExitCode.FAILED


def _findings(folder: Path) -> Iterator[Finding]:
    yield Finding("python", "ok", f"Python {sys.version.split()[0]}, poe-scraper {__version__}")
    yield _settings()
    yield _browser()
    yield from _session()
    yield from ask_api(
        requests.Session(),
        environment("POE_API_URL"),
        key=environment("POE_API_KEY"),
        now=lambda: datetime.now(UTC),
    )
    yield _feed(folder)
    yield _disk(folder)


def _settings() -> Finding:
    """Hosts, proxies and the browser profile, as a crawl checks them."""
    from poe_scraper.browser.preflight import check_settings

    try:
        check_settings(options.crawl_settings())
    except UsageError as error:
        return Finding("settings", "failed", str(error).splitlines()[0], "See docs/settings.md and docs/proxies.md.")
    return Finding("settings", "ok", "hosts, proxies and profile can be used")


def _browser() -> Finding:
    from poe_scraper import settings
    from poe_scraper.browser.executable import check_rendering

    try:
        return Finding("browser", "ok", check_rendering(settings.POE_BROWSER_PATH))
    except (BrowserBrokenError, BrowserNotFoundError, UsageError) as error:
        return Finding("browser", "failed", str(error).splitlines()[0], "Run: poe-scraper setup")


def _session() -> Iterator[Finding]:
    """The session that crawls are asked to use, where they are. Whether Poe accepts it, a crawl finds out."""
    from poe_scraper import settings
    from poe_scraper.browser.session import asked_session, session_path

    asked = vars(settings)
    try:
        session = asked_session(asked)
    except UsageError as error:
        yield Finding("session", "failed", str(error), "See docs/session.md, or unset POE_STORAGE_STATE.")
        return
    if session is None:
        return
    if session.in_browser:
        yield Finding("session", "ok", "that of the browser at PLAYWRIGHT_CDP_URL")
        return
    path = session_path(settings.POE_STORAGE_STATE)
    ends = f"{session.ends_at:%Y-%m-%d}" if session.ends_at else "an unknown day"
    if session.has_ended(datetime.now(UTC)):
        yield Finding("session", "failed", f"{path} expired on {ends}", FAILURES[Code.SESSION_EXPIRED].remedy)
    else:
        yield Finding("session", "ok", f"{path}, until {ends} at the latest")


def ask_api(session: requests.Session, url: str, *, key: str, now: Callable[[], datetime]) -> Iterator[Finding]:
    """Ask the models API over plain HTTP, and look at its clock.

    Args:
        session: the client.
        url: address of the models API.
        key: sent as a bearer token where not empty.
        now: this machine's clock.
    """
    from poe_scraper.pages.catalog import read_catalog

    headers = {"User-Agent": f"poe-scraper/{__version__}", "Accept": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    try:
        answer = session.get(url, headers=headers, timeout=TIMEOUT)
    except requests.RequestException as error:
        code = Code.CATALOG_UNREACHABLE
        found = f"{url} cannot be reached ({type(error).__name__})"
        yield Finding("api", "failed", found, FAILURES[code].remedy)
        return
    if answer.status_code != 200:
        refused = answer.status_code < 500
        code = Code.CATALOG_REFUSED if refused else Code.CATALOG_UNREACHABLE
        yield Finding("api", "failed", f"{url} answered {answer.status_code}", FAILURES[code].remedy)
        return
    try:
        catalog = read_catalog(answer.content, url=url, at=now(), site_url="https://poe.com")
    except ObservationError as error:
        yield Finding("api", "failed", str(error), FAILURES[error.code].remedy)
        return
    left_out = f", {len(catalog.problems)} left out" if catalog.problems else ""
    yield Finding("api", "ok", f"{url} lists {len(catalog.bots)} models{left_out}")
    yield _clock(answer.headers.get("Date"), now())


def _clock(date: str | None, now: datetime) -> Finding:
    try:
        theirs = parsedate_to_datetime(date or "")
    except ValueError:
        return Finding("clock", "warning", "Poe's answer has no date to compare with")
    error = abs((now - theirs).total_seconds())
    if error > MAX_CLOCK_ERROR:
        found = f"{error:.0f} s away from Poe's"
        return Finding("clock", "failed", found, "Set this machine's clock: every fact carries its time.")
    return Finding("clock", "ok", f"within {max(error, 1):.0f} s of Poe's")


def _repair(folder: Path) -> Finding:
    from poe_scraper.feed.repair import repair
    from poe_scraper.feed.store import FeedStore

    try:
        made = repair(FeedStore(folder))
    except FeedError as error:
        return Finding("repair", "failed", str(error))
    return Finding("repair", "ok", f"rebuilt: {', '.join(made)}" if made else "no file was damaged or missing")


def _feed(folder: Path) -> Finding:
    from poe_scraper.feed.schema import misfits
    from poe_scraper.feed.store import FeedStore

    try:
        feed = FeedStore(folder).current()
        wrong = misfits(feed) if feed else ()
    except FeedError as error:
        return Finding("feed", "failed", str(error), "Crawl again: a crawl repairs the feed from its versions.")
    if feed is None:
        return Finding("feed", "warning", f"none in {folder}", "Crawl: poe-scraper update")
    if wrong:
        return Finding("feed", "failed", f"does not fit its schema: {wrong[0]}", "Crawl again.")
    site = f" of {feed.site.url}" if feed.site else ""
    return Finding("feed", "ok", f"version {feed.version} with {len(feed.data)} bots{site} in {folder}")


def _disk(folder: Path) -> Finding:
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return Finding("disk", "failed", f"{place} cannot be written", "Choose another POE_OUTPUT_DIR.")
    free = shutil.disk_usage(place).free
    if free < MIN_DISK:
        return Finding("disk", "failed", f"{free / 1e6:.0f} MB free", f"Free some space at {place}.")
    return Finding("disk", "ok", f"{free / 1e9:.1f} GB free")
