"""Serving a recording that `poe-scraper probe --record DIR` made: one page, as it was when it was recorded.

The format is described in docs/recordings.md. The rendered page is served as it is in the recording. A
content security policy keeps the browser from running the page's own scripts and from loading its files,
and a script of the replica's acts for them: it opens the recorded dialog when a button is clicked, and sends
the recorded GraphQL queries, which get the recorded answers.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from .account import error_body
from .answers import NOT_JSON
from .controls import answer_control
from .documents import plain_page
from .ledger import Ledger
from .messages import HTML, JSON, TEXT, Delivery, Reply, Request

FORMAT = 1
"""The format of recordings that this version serves."""

_HEADERS = ("cf-mitigated", "retry-after", "server")
"""Recorded headers of the page that are sent again, besides its type."""

_BROKEN_OFF: Mapping[str | None, Delivery] = {"connection_failed": "truncated", "timeout": "endless"}
"""How a page is sent that was not rendered, by its problem."""

_NOT_RECORDED = b'{"data":null,"errors":[{"message":"This query is not in the recording."}]}'

_OTHER_ENTRY = {"id": "not-recorded", "object": "model", "created": 1735689600000, "owned_by": "replica"}
"""Listed if the API listed models, but not the recorded bot."""


class RecordingError(ValueError):
    """A folder does not hold a recording that can be served. The text says why."""


@dataclass(frozen=True)
class Query:
    """A GraphQL query of the recorded page."""

    name: str
    request: str
    status: int | None
    answer: str | None
    """None if the answer did not come, or was cut short."""


class Recording:
    """A recording on disk.

    Args:
        folder: made by `poe-scraper probe --record`.

    Raises:
        RecordingError: it is not there, damaged or of a newer format.
    """

    def __init__(self, folder: Path) -> None:
        try:
            facts = json.loads((folder / "recording.json").read_bytes())
            self.rendered = (folder / "rendered.html").read_bytes()
            self.document = (folder / "document.html").read_bytes()
        except OSError as error:
            message = f"{folder} is not a recording: {Path(error.filename or folder).name}: {error.strerror}"
            raise RecordingError(message) from None
        except (ValueError, RecursionError):
            message = f"{folder} is damaged: recording.json is not JSON"
            raise RecordingError(message) from None
        found = facts.get("format") if isinstance(facts, dict) else None
        if isinstance(found, int) and found > FORMAT:
            message = f"{folder} has format {found}, and this version serves format {FORMAT}: update poe-scraper"
            raise RecordingError(message)
        if found != FORMAT:
            message = f"{folder} is damaged: format must be {FORMAT}, got {found!r}"
            raise RecordingError(message)
        try:
            self._read(facts)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            message = f"{folder} is damaged: recording.json lacks what its format requires ({error!r})"
            raise RecordingError(message) from None

    def _read(self, facts: Mapping[str, Any]) -> None:
        self.subject = str(facts["subject"])
        self.api: Mapping[str, Any] = facts["api"]
        self.api_problem = _code(self.api["problem"])
        self.api_status = _status(self.api["status"])
        self.robots_status = _status(facts["robots"]["status"])
        self.queries = [
            Query(
                str(query["query"]),
                str(query["request"] or ""),
                _status(query["status"]),
                None if query["answer"] is None else str(query["answer"]),
            )
            for query in facts["graphql"]
        ]
        page: Mapping[str, Any] | None = facts["page"]
        self.page_problem = None if page is None else _code(page["problem"])
        self.status = None if page is None else _status(page["status"])
        self.headers: Mapping[str, str] = {} if page is None else {str(k): str(v) for k, v in page["headers"].items()}
        self.blocked_hosts: list[str] = [] if page is None else [str(host) for host in page["blocked_hosts"]]
        self.needed_hosts: list[str] = [] if page is None else [str(host) for host in page.get("needed_hosts", ())]
        documents = [] if page is None else page["documents"]
        self.url = str(page["url"]) if page is not None else f"{facts['site_url']}/{self.subject}"
        self.first_url = str(documents[0]["url"]) if documents else self.url
        urlsplit(self.url), urlsplit(self.first_url)


def _code(problem: Mapping[str, Any] | None) -> str | None:
    return None if problem is None else str(problem["code"])


def _status(value: object) -> int | None:
    if value is None or (isinstance(value, int) and 200 <= value < 600):
        return value
    message = f"{value!r} is not an HTTP status"
    raise ValueError(message)


class RecordedSite:
    """Answers requests from a recording.

    Args:
        recording: to serve.
        ledger: the record that the control endpoint reports.
    """

    def __init__(self, recording: Recording, ledger: Ledger) -> None:
        self._recording = recording
        self._ledger = ledger
        self._path = unquote(urlsplit(recording.url).path)
        self._aliases = {unquote(urlsplit(recording.first_url).path).casefold(), self._path.casefold()}
        if recording.subject:
            self._aliases.add(f"/{recording.subject.casefold()}")

    @property
    def title(self) -> str:
        """What is served, for the line that reports the start."""
        return f"recording of {''.join(c for c in self._recording.subject if c.isprintable()) or 'no bot'}"

    def answer(self, request: Request) -> Reply:
        """The answer to a request."""
        if request.path.startswith("/_replica/"):
            controls = {"requests": (self._ledger.as_json, lambda _: self._ledger.clear())}
            return answer_control(request, request.path.removeprefix("/_replica/"), controls)
        match request.path:
            case "/v1/models":
                return self._api()
            case "/robots.txt":
                return self._robots()
            case "/api/gql_POST":
                return self._query(request)
            case self._path:
                return self._page()
            case path if path.casefold() in self._aliases:
                return Reply(b"", status=307, headers={"Location": self._location()}, kind="document")
            case _:
                return Reply(plain_page("Not recorded", "This page is not in the recording."), status=404)

    def _location(self) -> str:
        recorded = self._recording
        host = urlsplit(recorded.url).hostname
        if host != urlsplit(recorded.first_url).hostname:
            # No test may contact the host that a page once led to.
            return f"http://{host}.invalid/"
        return quote(self._path)

    def _api(self) -> Reply:
        recorded = self._recording
        if recorded.api_status is None and recorded.api_problem is not None:
            return Reply(b"", JSON, kind="api", delivery="reset")
        headers = {
            name: str(value)
            for name, value in (recorded.api.get("headers") or {}).items()
            if name.startswith("x-ratelimit-")
        }
        status = recorded.api_status or 200
        if status != 200:
            return Reply(error_body(status, "recorded", "As recorded."), JSON, status, headers, kind="api")
        if recorded.api_problem == "catalog_garbled":
            return Reply(NOT_JSON, JSON, headers=headers, kind="api")
        entry = recorded.api.get("entry") or _OTHER_ENTRY
        entries = [] if recorded.api_problem == "catalog_empty" else [entry]
        return Reply(json.dumps({"object": "list", "data": entries}).encode(), JSON, headers=headers, kind="api")

    def _robots(self) -> Reply:
        if self._recording.page_problem == "robots_forbidden":
            return Reply(b"User-agent: *\nDisallow: /\n", TEXT, kind="robots")
        if (self._recording.robots_status or 200) != 200:
            return Reply(b"", TEXT, self._recording.robots_status or 200, kind="robots")
        return Reply(b"User-agent: *\nDisallow:\n", TEXT, kind="robots")

    def _query(self, request: Request) -> Reply:
        try:
            name = json.loads(request.body)["queryName"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return Reply(b'{"errors":[{"message":"Bad request"}]}', JSON, 400, kind="gql")
        query = next((query for query in self._recording.queries if query.name == name), None)
        if query is None:
            return Reply(_NOT_RECORDED, JSON, kind="gql")
        if query.answer is None:
            delivery: Delivery = "silent" if query.status is None else "truncated"
            return Reply(b'{"data":{', JSON, query.status or 200, delivery=delivery, kind="gql")
        return Reply(query.answer.encode("utf-8", "replace"), JSON, query.status or 200, kind="gql")

    def _page(self) -> Reply:
        recorded = self._recording
        handle = recorded.subject or None
        if recorded.status is None:
            delivery: Delivery = "silent" if recorded.page_problem == "timeout" else "reset"
            return Reply(b"", delivery=delivery, kind="document", handle=handle)
        nonce = secrets.token_urlsafe(16)
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}' http://*.invalid:*; connect-src 'self'; base-uri 'none'"
        )
        headers = {name: value for name, value in recorded.headers.items() if name.lower() in _HEADERS}
        headers |= {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
        if recorded.rendered:
            body, delivery = recorded.rendered + self._script(nonce), "whole"
        else:
            body = recorded.document or b"<!DOCTYPE html>"
            delivery = _BROKEN_OFF.get(recorded.page_problem, "whole")
        return Reply(body, self._content_type(), recorded.status, headers, delivery, "document", handle)

    def _content_type(self) -> str:
        recorded = self._recording
        for name, value in recorded.headers.items():
            if name.lower() == "content-type" and not value.startswith("text/html"):
                return value
        return "application/octet-stream" if recorded.page_problem == "not_html" else HTML

    def _script(self, nonce: str) -> bytes:
        script = (files(__package__) / "assets" / "recording.js").read_text("utf-8")
        needed = self._recording.needed_hosts
        # asked for on load as well, a script may still be pending on the click, which then sends no request of its own
        early = [host for host in self._recording.blocked_hosts if host not in needed]
        scene = {
            "queries": [{"name": query.name, "body": query.request} for query in self._recording.queries],
            "blockedScripts": [f"http://{host}.invalid/" for host in early],
            "neededScripts": [f"http://{host}.invalid/" for host in needed],
        }
        encoded = json.dumps(scene).replace("<", "\\u003c")
        return f'<script nonce="{nonce}">{script.replace("{/* scene */}", encoded)}</script>'.encode()
