"""The replica's answers: which request gets what, and which fault is shown."""

import gzip
import json
import time
import zlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, quote

from . import checks
from .account import LOGIN_CODE, SESSION_COOKIE, Account, error_body
from .answers import graphql, model, models
from .catalog import Bot, Catalog, Profile
from .checks import Checks
from .controls import answer_control
from .documents import Documents, login_page, plain_page
from .faults import Faults, Target
from .hosts import SITE_ADDRESS, Hosts
from .ledger import Ledger
from .messages import HTML, JSON, SCRIPT, TEXT, Delivery, Kind, Reply, Request
from .release import ASSET_PATH, Release

_USAGES = 250
"""Usages in the account's history at the start."""

_LIMIT = 500
"""Requests a minute that the API's headers name (documented). The replica refuses nothing beyond."""

_COOKIES_SIZE = 16_000
"""Characters of cookies that a request may carry; most servers accept 8 or 16 kB of headers."""

_BOMB_SIZE = 200_000_000

_ROBOTS = b"""User-agent: *
Disallow: /api/
Disallow: /chats
Disallow: /edit_bot
Disallow: /login
Disallow: /logout
Disallow: /settings
Disallow: /usage/
"""

_PAGE_STATUSES: Mapping[str | None, int] = {
    "page_404": 404,
    "page_429": 429,
    "page_429_date": 429,
    "page_500": 500,
    "page_502": 502,
    "page_503": 503,
}
_PAGE_DELIVERIES: Mapping[str | None, Delivery] = {
    "reset": "reset",
    "slow": "slow",
    "slow_bytes": "slow_bytes",
    "silent": "silent",
    "endless": "endless",
    "truncated": "truncated",
}
_CARD_DELIVERIES: Mapping[str | None, Delivery] = {
    "gql_slow": "slow",
    "gql_silent": "silent",
    "gql_truncated": "truncated",
}
_API_DELIVERIES: Mapping[str | None, Delivery] = {
    "api_reset": "reset",
    "api_slow": "slow",
    "api_silent": "silent",
    "api_truncated": "truncated",
}
_YEAR = timedelta(days=365)


def _date_in(delta: timedelta) -> str:
    return format_datetime(datetime.now(UTC) + delta, usegmt=True)


def _redirect(location: str) -> Reply:
    return Reply(b"", status=307, headers={"Location": location})


def _api_error(status: int, kind: str | None = None, code: int | str | None = None) -> Reply:
    default_kind, message = {
        401: ("authentication_error", "Incorrect API key."),
        402: ("insufficient_credits", "Not enough points."),
        404: ("not_found_error", "There is nothing here."),
        429: ("rate_limit_error", "Too many requests."),
    }.get(status, ("provider_error", "Internal server error."))
    headers = {"Retry-After": "1"} if status == 429 else {}
    return Reply(error_body(code or status, kind or default_kind, message), JSON, status, headers)


def _own_path(target: str | None) -> str:
    """The target if it is a path on this site, else the start page."""
    return quote(target) if target and target.startswith("/") and not target.startswith("//") else "/"


@cache
def _bomb() -> bytes:
    """A gzip body that unpacks to a long document."""
    packer = zlib.compressobj(6, wbits=31)
    blanks = b" " * 1_000_000
    start = packer.compress(b"<!DOCTYPE html><html><head><title>Bot - Poe</title></head><body><p>")
    parts = [packer.compress(blanks) for _ in range(_BOMB_SIZE // len(blanks))]
    return b"".join([start, *parts, packer.compress(b"</p></body></html>"), packer.flush()])


class Router:
    """Answers requests.

    Args:
        catalog: bots and creators.
        faults: that requests meet.
        ledger: the record that the control endpoint reports.
        hosts: that pages name.
    """

    def __init__(self, catalog: Catalog, faults: Faults, ledger: Ledger, hosts: Hosts) -> None:
        self._catalog = catalog
        self._faults = faults
        self._ledger = ledger
        self._hosts = hosts
        self._checks = Checks(hosts)
        self._release = Release(hosts)
        self._other_release = Release(hosts)
        """The release whose pages the fault `other_release` shows."""
        self._account = Account(time.time())
        self._fabricate_usages(_USAGES)
        self._views: dict[str, str | None] = {}
        """The fault of the last visit to each handle's page, for the queries that this page sends."""
        self._models: tuple[int, Reply, Reply] | None = None
        """Revision of the catalog, its API answer, and the same answer compressed."""
        self._api_window = (0, 0)
        """The current minute, and the API requests in it."""

    @property
    def title(self) -> str:
        """What is served, for the line that reports the start."""
        return f"{len(self._catalog.listed())} bots"

    def answer(self, request: Request) -> Reply:
        """The answer to a request."""
        path = request.path
        if path.startswith("/_replica/"):
            return self._control(request, path.removeprefix("/_replica/"))
        if len(request.headers.get("cookie", "")) > _COOKIES_SIZE:
            return Reply(plain_page("Request header too large", "Remove some cookies."), status=431)
        if path.startswith(ASSET_PATH):
            return self._asset(request)
        if path.startswith(checks.PATH):
            return self._checks.answer(request)
        if self._hosts.is_third_party(request.host):
            return self._third_party(path)
        if path.startswith("/usage/"):
            return replace(self._with_rate_limit(self._usage(request)), kind="account")
        match path:
            case "/api/gql_POST":
                return replace(self._query(request), kind="gql")
            case "/v1/models":
                return replace(self._with_rate_limit(self._models_api(request)), kind="api")
            case "/robots.txt":
                return replace(self._robots(), kind="robots")
            case "/login":
                return replace(self._login(request), kind="login")
            case "/logout":
                return replace(self._logout(request), kind="login")
            case "/":
                return Reply(plain_page("Poe", "A mock of Poe for tests and demonstrations."), kind="document")
            case _:
                return self._document(request, path.removeprefix("/"))

    # --- pages -------------------------------------------------------------------------------------

    def _asset(self, request: Request) -> Reply:
        asset = self._release.assets.get(request.path) or self._other_release.assets.get(request.path)
        if asset is None or request.host.startswith(f"{SITE_ADDRESS}:"):
            return Reply(b"", TEXT, 404)
        lifetime = "public, max-age=31536000, immutable" if asset.delivery == "whole" else "no-store"
        headers = {"Cache-Control": lifetime, "Access-Control-Allow-Origin": "*"}
        return Reply(asset.body, asset.content_type, headers=headers, kind=asset.kind, delivery=asset.delivery)

    def _third_party(self, path: str) -> Reply:
        if path.startswith("/third-party/"):
            return Reply(b"window.analytics = [];", SCRIPT, kind="third_party")
        return Reply(plain_page("Elsewhere", "This is another host."), kind="third_party")

    def _document(self, request: Request, name: str) -> Reply:
        subject = self._catalog.bot(name) or self._catalog.profile(name)
        if subject is None or (isinstance(subject, Bot) and subject.deleted):
            kind: Kind = "other" if "/" in name or name == "favicon.ico" else "document"
            return Reply(plain_page("Page not found", "There is nothing here."), status=404, kind=kind)
        handle = subject.handle
        if handle != name:
            query = request.address.partition("?")[2]
            return replace(_redirect(f"/{quote(handle)}{'?' + query if query else ''}"), kind="document")
        viewer = self._viewer(request)
        if isinstance(subject, Profile) and subject.sign_in and viewer is None:
            return replace(_redirect(f"/login?redirect_url=%2F{quote(handle)}"), kind="document", handle=handle)
        fault = self._draw(request, subject)
        self._views[handle.casefold()] = fault
        reply = self._instead(request, handle, fault) or self._rendered(subject, viewer, fault)
        return replace(reply, kind="document", handle=handle)

    def _draw(self, request: Request, subject: Bot | Profile) -> str | None:
        target: Target = "profile" if isinstance(subject, Profile) else "page"
        handle = subject.handle
        fault = self._faults.draw(target, handle)
        if fault == "reset" and not request.first:
            # A browser repeats a request that meets a reset on a used connection, without reporting it.
            self._faults.forget_attempt(target, handle)
        if fault in checks.CLEARING and self._checks.is_cleared(request):
            self._faults.forget_hit(fault, handle)
            return None
        return fault

    def _instead(self, request: Request, handle: str, fault: str | None) -> Reply | None:
        """The response that comes instead of the page, if any."""
        match fault:
            case "challenge" | "check_clears" | "check_clears_host":
                return self._checks.page(request.host, fault)
            case "challenge_503":
                return self._checks.page(request.host, status=503)
            case "access_denied":
                return self._checks.denied()
            case "login" | "challenge_login":
                return _redirect(f"/login?redirect_url=%2F{quote(handle)}")
            case "sign_in_wall":
                return Reply(login_page(f"/{quote(handle)}"))
            case "error_200":
                return Reply(plain_page("Something went wrong", "Try again later."))
            case "other_host":
                return _redirect(f"{self._hosts.elsewhere}/")
            case "other_bot":
                other = next((bot.handle for bot in self._catalog.listed() if bot.handle != handle), "")
                return _redirect(f"/{quote(other)}")
            case "gzip_bomb":
                return Reply(_bomb(), headers={"Content-Encoding": "gzip"})
        status = _PAGE_STATUSES.get(fault)
        if status is None:
            return None
        retry_after = {"page_429": "1", "page_429_date": _date_in(_YEAR)}.get(fault or "")
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        return Reply(plain_page(f"Error {status}", "Try again later."), status=status, headers=headers)

    def _rendered(self, subject: Bot | Profile, viewer: str | None, fault: str | None) -> Reply:
        documents = Documents(self._release_of(fault), self._hosts)
        if isinstance(subject, Bot):
            body = documents.bot_page(subject, self._creator_name(subject), viewer, fault)
        else:
            body = documents.profile_page(subject, viewer, fault)
        content_type = {"wrong_type": "application/octet-stream", "plain_text": TEXT}.get(fault or "", HTML)
        headers = {"Cache-Control": "private, no-cache, no-store, max-age=0, must-revalidate"}
        if fault == "wrong_clock":
            headers |= {"Date": _date_in(_YEAR), "Expires": _date_in(-_YEAR)}
        return Reply(body, content_type, headers=headers, delivery=_PAGE_DELIVERIES.get(fault, "whole"))

    def _release_of(self, fault: str | None) -> Release:
        return self._other_release if fault == "other_release" else self._release

    def _creator_name(self, bot: Bot) -> str:
        profile = self._catalog.profile(bot.creator)
        return bot.creator if profile is None else profile.name

    def _query(self, request: Request) -> Reply:
        try:
            query = json.loads(request.body)
        except ValueError:
            query = None
        if request.method != "POST" or not isinstance(query, dict):
            return Reply(b'{"errors":[{"message":"Bad request"}]}', JSON, 400)
        release = self._release_of_query(request, query)
        if release is None:
            return Reply(b'{"errors":[{"message":"Invalid or missing form key"}]}', JSON, 400)
        handle = self._handle_of(query)
        fault = None if handle is None else self._views.get(handle.casefold())
        if fault == "gql_500":
            return Reply(b"Internal Server Error", TEXT, 500, handle=handle)
        if fault == "gql_challenge":
            return replace(self._checks.page(request.host), handle=handle)
        chinese = request.headers.get("accept-language", "").lower().startswith("zh")
        body = graphql(self._catalog, release, query, fault, chinese)
        return Reply(body, JSON, delivery=_CARD_DELIVERIES.get(fault, "whole"), handle=handle)

    def _release_of_query(self, request: Request, query: Mapping[str, Any]) -> Release | None:
        """The release whose scripts send this query; None if no release's do."""
        extensions = query.get("extensions")
        sent = (
            request.headers.get("poegraphql"),
            request.headers.get("poe-queryname"),
            request.headers.get("poe-formkey"),
            request.headers.get("poe-revision"),
            extensions.get("hash") if isinstance(extensions, dict) else None,
        )
        name = str(query.get("queryName"))
        for release in (self._release, self._other_release):
            if sent == ("1", name, release.form_key, release.revision, release.hashes.get(name)):
                return release
        return None

    def _handle_of(self, query: Mapping[str, Any]) -> str | None:
        """Whose page sends this query; None for the queries that every page sends."""
        variables = query.get("variables")
        if not isinstance(variables, dict):
            return None
        bot = self._catalog.bot_by_id(variables.get("botId"))
        subject = bot or self._catalog.profile(str(variables.get("handle")))
        return None if subject is None else subject.handle

    def _robots(self) -> Reply:
        match self._faults.draw("robots"):
            case "robots_forbid":
                return Reply(b"User-agent: *\nDisallow: /\n", TEXT)
            case "robots_500":
                return Reply(b"", TEXT, 500)
            case _:
                return Reply(_ROBOTS, TEXT)

    # --- the API -----------------------------------------------------------------------------------

    def _with_rate_limit(self, reply: Reply) -> Reply:
        """The reply with the headers that every answer of the API has."""
        now = int(time.monotonic())
        minute, count = self._api_window
        self._api_window = (now // 60, count + 1 if minute == now // 60 else 1)
        headers = {
            "x-ratelimit-limit-requests": str(_LIMIT),
            "x-ratelimit-remaining-requests": str(max(0, _LIMIT - self._api_window[1])),
            "x-ratelimit-reset-requests": str(60 - now % 60),
        }
        return replace(reply, headers={**reply.headers, **headers})

    def _models_api(self, request: Request) -> Reply:
        fault = self._faults.draw("models")
        match fault:
            case "api_401" | "api_429" | "api_500" | "api_502" | "api_503":
                return _api_error(int(fault.removeprefix("api_")))
            case "api_401_key":
                return _api_error(401, "invalid_request_error", "invalid_api_key")
            case "api_403":
                return self._checks.page(request.host)
        if request.headers.get("authorization", "Bearer key").strip().lower() == "bearer":
            return _api_error(401)
        packed = "gzip" in request.headers.get("accept-encoding", "")
        if fault is not None and fault not in _API_DELIVERIES:
            body = models([model(bot) for bot in self._catalog.listed()], fault)
            return Reply(body, JSON)
        if self._models is None or self._models[0] != self._catalog.revision:
            body = models([model(bot) for bot in self._catalog.listed()], None)
            headers = {"ETag": f'"{sha256(body).hexdigest()[:32]}"', "Vary": "Accept-Encoding"}
            reply = Reply(body, JSON, headers=headers)
            smaller = replace(reply, body=gzip.compress(body, 6), headers={**headers, "Content-Encoding": "gzip"})
            self._models = (self._catalog.revision, reply, smaller)
        _, reply, smaller = self._models
        return replace(smaller if packed else reply, delivery=_API_DELIVERIES.get(fault, "whole"))

    def _usage(self, request: Request) -> Reply:
        fault = self._faults.draw("account")
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if fault is not None:
            return _api_error(int(fault.removeprefix("account_")))
        if scheme.lower() != "bearer" or not key:
            return _api_error(401)
        match request.path:
            case "/usage/current_balance":
                return Reply(json.dumps({"current_point_balance": self._account.balance}).encode(), JSON)
            case "/usage/points_history":
                status, body = self._account.points_history(
                    request.arguments.get("limit"), request.arguments.get("starting_after")
                )
                return Reply(body, JSON, status)
            case _:
                return _api_error(404)

    # --- signing in --------------------------------------------------------------------------------

    def _viewer(self, request: Request) -> str | None:
        return self._account.viewer(request.cookies.get(SESSION_COOKIE))

    def _login(self, request: Request) -> Reply:
        if request.method != "POST":
            target = _own_path(request.arguments.get("redirect_url"))
            if self._views.get(target.removeprefix("/").casefold()) == "challenge_login":
                return self._checks.page(request.host)
            return Reply(login_page(target)) if self._viewer(request) is None else _redirect(target)
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        target = _own_path(form.get("redirect_url"))
        if form.get("code") != LOGIN_CODE or "email" not in form:
            return Reply(login_page(target, "The code is wrong."), status=401)
        session = self._account.sign_in(form["email"])
        cookie = f"{SESSION_COOKIE}={session}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"
        return Reply(b"", status=303, headers={"Location": target, "Set-Cookie": cookie})

    def _logout(self, request: Request) -> Reply:
        self._account.sign_out(request.cookies.get(SESSION_COOKIE, ""))
        cookie = f"{SESSION_COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
        return Reply(b"", status=303, headers={"Location": "/login", "Set-Cookie": cookie})

    # --- control -----------------------------------------------------------------------------------

    def _control(self, request: Request, name: str) -> Reply:
        return answer_control(
            request,
            name,
            {
                "faults": (self._faults.as_json, self._set_faults),
                "requests": (self._ledger.as_json, lambda _: self._ledger.clear()),
                "catalog": (self._catalog.as_json, lambda change: self._catalog.change(**change)),
                "account": (self._account.as_json, self._set_account),
            },
        )

    def _set_faults(self, change: Mapping[str, Any]) -> None:
        faults = Faults(change.get("faults", ()), change.get("seed", self._faults.seed))
        self._catalog.require(faults.handles)
        self._faults = faults
        self._views.clear()

    def _set_account(self, change: Mapping[str, Any]) -> None:
        self._account.change(**{key: value for key, value in change.items() if key != "usages"})
        if "usages" in change:
            self._fabricate_usages(change["usages"])

    def _fabricate_usages(self, count: int) -> None:
        handles = [bot.handle for bot in self._catalog.listed()]
        self._account.fabricate(count, handles or ["Assistant"], self._faults.seed)
