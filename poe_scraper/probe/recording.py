"""Recordings: one look at one page, in a folder that can be sent to a maintainer.

The format is described in docs/recordings.md. `poe-scraper replica --recording DIR` serves one again.
"""

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import TypeAdapter, ValidationError

from poe_scraper import __version__, clock
from poe_scraper.browser.session import Session
from poe_scraper.browser.watcher import VisitWatcher
from poe_scraper.failures import ObservationError, PoeScraperError, UsageError
from poe_scraper.pages.bot import read_bot
from poe_scraper.pages.profile import read_profile
from poe_scraper.probe.evidence import Evidence
from poe_scraper.probe.scrub import Scrubber, clean_scripts, kept_headers
from poe_scraper.probe.steps import steps
from poe_scraper.untrusted import public_url, safe

FORMAT = 1

_RECORDING = "recording.json"
_DOCUMENT = "document.html"
_RENDERED = "rendered.html"
_SCREENSHOT = "screenshot.png"
_RESULT = "result.json"


def prepare_folder(folder: Path) -> None:
    """Make the folder of a recording.

    Raises:
        UsageError: it is not empty, or cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = next(folder.iterdir(), None) is None
    except OSError as error:
        message = f"--record needs a folder that can be written, got {safe(folder)}: {error.strerror}"
        raise UsageError(message) from None
    if not is_empty:
        message = f"--record needs a new or empty folder, got {safe(folder)}, which has files in it"
        raise UsageError(message)


def secrets_in(settings: Mapping[str, Any], session: Session | None) -> tuple[str, ...]:
    """What the settings hold that must not be in a recording.

    Args:
        settings: of the probe.
        session: the user's, if the probe uses one.
    """
    found = [str(settings.get(name) or "") for name in ("POE_API_KEY", "POE_WEBHOOK_SECRET")]
    for name in ("POE_API_URL", "POE_SITE_URL"):
        parts = urlsplit(str(settings[name]))
        found += [parts.password or "", parts.fragment, *(value for _, value in parse_qsl(parts.query))]
    found += [cookie.value for cookie in session.cookies] if session else []
    return tuple(filter(None, found))


def recording_watcher(subject: str, secrets: Sequence[str], *, screenshot: bool) -> VisitWatcher:
    """A watcher that collects what a recording needs.

    Args:
        subject: handle of the bot or creator.
        secrets: values that must not be in a recording, such as the API key.
        screenshot: False for none, where it could show who is signed in.
    """

    def hidden(watcher: VisitWatcher) -> Sequence[str]:
        return _scrubber(watcher, subject, secrets).found

    return VisitWatcher(keep_all=True, hidden=hidden if screenshot else None)


def _scrubber(watcher: VisitWatcher, subject: str, secrets: Iterable[str]) -> Scrubber:
    """A scrubber that knows the secrets in what a visit brought."""
    scrubber = Scrubber(subject)
    scrubber.learn(*secrets)
    scrubber.learn_cookies(watcher.cookies)
    for watched in watcher.requests:
        scrubber.learn_headers(watched.request_headers)
        scrubber.learn_headers(watched.response_headers)
        scrubber.learn_text(watched.url)
        scrubber.learn_text(watched.post_data or "")
        if watched.type == "Document":
            scrubber.learn_html(watched.body or "")
        else:
            scrubber.learn_text(watched.body or "")
    return scrubber


def write_recording(
    folder: Path, evidence: Evidence, watcher: VisitWatcher, *, at: datetime, secrets: Iterable[str]
) -> None:
    """Write a recording, without secrets and personal data.

    Args:
        folder: made by `prepare_folder`.
        evidence: of the look.
        watcher: of the visit.
        at: when the look was made.
        secrets: values that must not be in the recording.

    Raises:
        PoeScraperError: it cannot be written, or a secret would be in it. Nothing is left in the folder then.
    """
    scrubber = _scrubber(watcher, evidence.subject, secrets)
    page = evidence.page
    rendered = page.html if page and page.html is not None else ""
    scrubber.learn_html(rendered)
    document = next((one.body for one in reversed(watcher.documents) if one.body), "")
    facts = asdict(evidence)
    if facts["page"] is not None:
        del facts["page"]["html"]
        facts["page"]["headers"] = kept_headers(facts["page"]["headers"])
    facts["api"]["headers"] = kept_headers(facts["api"]["headers"])
    recording = {
        "format": FORMAT,
        "made_at": clock.text(at.replace(microsecond=0)),
        "versions": _versions(watcher),
        **scrubber.clean_json(facts),
        "graphql": scrubber.clean_json(_queries(watcher)),
    }
    files = {
        _DOCUMENT: scrubber.clean_html(clean_scripts(document)).encode("utf-8", "replace"),
        _RENDERED: scrubber.clean_html(clean_scripts(rendered)).encode("utf-8", "replace"),
        _RECORDING: _json(recording),
    }
    for name, content in files.items():
        if scrubber.leaks(content.decode()):
            message = f"{name} would hold a secret or personal data ({'; '.join(scrubber.leaks(content.decode()))})"
            raise PoeScraperError(f"nothing was recorded: {message}. Please report it")
    if watcher.screenshot is not None:
        files[_SCREENSHOT] = watcher.screenshot
    try:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        (folder / _RESULT).write_bytes(_json(result_of(read_recording(folder), at)))
    except OSError as error:
        message = f"the recording cannot be written to {folder}: {error.strerror}"
        raise PoeScraperError(message) from None


def read_recording(folder: Path) -> Evidence:
    """The evidence in a recording.

    Raises:
        UsageError: the folder holds no recording, a damaged one, or one of a newer format.
    """
    try:
        recording = json.loads((folder / _RECORDING).read_bytes())
        rendered = (folder / _RENDERED).read_text(encoding="utf-8")
        if not isinstance(recording, dict) or recording.get("format") != FORMAT:
            found = recording.get("format") if isinstance(recording, dict) else None
            message = f"{folder} must be a recording of format {FORMAT}, got format {found!r}"
            raise UsageError(message)
        evidence = TypeAdapter(Evidence).validate_python(recording)
    except (OSError, ValueError, ValidationError) as error:
        message = f"{folder} is not a recording: {type(error).__name__}"
        raise UsageError(message) from None
    if evidence.page is not None:
        evidence.page.html = rendered or None
    return evidence


def result_of(evidence: Evidence, at: datetime) -> dict[str, Any]:
    """What the evidence gives, as `result.json` has it: the steps, and the facts and prices that were read.

    Args:
        evidence: of one look.
        at: when it was made.
    """
    result: dict[str, Any] = {"steps": [step.model_dump() for step in steps(evidence, at)]}
    page = evidence.page
    if page is None or page.html is None or any(step["state"] == "failed" for step in result["steps"][1:3]):
        return result
    address: dict[str, Any] = {"url": page.url, "at": at, "site_url": evidence.site_url}
    try:
        if evidence.kind == "bot":
            bot = read_bot(page.html, seen=evidence.seen(at), **address)
            facts = {"handle", "display_name", "creator", "description", "powered_by", "is_down"}
            result["bot"] = bot.model_dump(mode="json", include=facts)
            prices = {"rates", "adjustments", "unparsed", "rate_card", "initial_points"}
            result["pricing"] = bot.pricing.model_dump(mode="json", include=prices)
        else:
            profile = read_profile(page.html, creator=evidence.subject, **address)
            result["bots"] = [bot.handle for bot in profile.bots]
    except ObservationError:
        return result  # a step says so
    return result


def _queries(watcher: VisitWatcher) -> list[dict[str, Any]]:
    return [
        {
            "query": watched.query_name,
            "url": public_url(watched.url),
            "headers": kept_headers(watched.request_headers),
            "request": watched.post_data,
            "status": watched.status,
            "answer": watched.body,
        }
        for watched in watcher.last_attempt
        if watched.is_query
    ]


def _versions(watcher: VisitWatcher) -> dict[str, str]:
    return {
        "poe-scraper": __version__,
        "python": platform.python_version(),
        "scrapy": version("scrapy"),
        "scrapy-playwright": version("scrapy-playwright"),
        "playwright": version("playwright"),
        "browser": watcher.browser_version,
        "system": f"{platform.system()} {platform.machine()}",
    }


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
