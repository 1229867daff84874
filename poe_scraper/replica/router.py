"""The replica's answers: which request gets what, and which fault is injected."""

import gzip
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, quote

from .account import LOGIN_CODE, SESSION_COOKIE, Account, error_body
from .answers import graphql, model, models
from .catalog import Bot, Catalog, Profile
from .documents import CHALLENGE, Release, Site, login_page, plain_page
from .faults import Faults
from .ledger import Ledger
from .messages import HTML, JSON, SCRIPT, TEXT, Asked, Delivery, Kind, Reply

_USAGES = 250
"""Usages in the account's history at the start."""

_ROBOTS = b"""User-agent: *
Disallow: /api/
Disallow: /chats
Disallow: /edit_bot
Disallow: /login
Disallow: /logout
Disallow: /settings
Disallow: /usage/
"""

_PAGE_STATUSES: Mapping[str, int] = {
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


def _challenge(status: int = 403) -> Reply:
    return Reply(CHALLENGE, status=status, headers={"Server": "cloudflare", "cf-mitigated": "challenge"})


def _api_error(status: int) -> Reply:
    kind, message = {
        401: ("authentication_error", "Incorrect API key."),
        404: ("not_found_error", "There is nothing here."),
        429: ("rate_limit_error", "Too many requests."),
    }.get(status, ("provider_error", "Internal server error."))
    headers = {"Retry-After": "1"} if status == 429 else {}
    return Reply(error_body(status, kind, message), JSON, status, headers)


def _own_path(target: str | None) -> str:
    """A path on this site to go to, whatever was asked for."""
    return quote(target) if target and target.startswith("/") and not target.startswith("//") else "/"


class Router:
    """Answers requests.

    Args:
        catalog: bots and creators.
        faults: injected faults.
        ledger: what the control endpoint tells of requests.
        other_origin: the server's address under another host name, such as `http://localhost:8000`.
    """

    def __init__(self, catalog: Catalog, faults: Faults, ledger: Ledger, other_origin: str) -> None:
        self._catalog = catalog
        self._faults = faults
        self._ledger = ledger
        self._other_origin = other_origin
        self._release = Release()
        self._site = Site(self._release, other_origin)
        self._account = Account(time.time())
        self._fabricate_usages(_USAGES)
        self._views: dict[str, str | None] = {}
        """The fault that the last visit to each handle's page met, for the queries that page sends."""
        self._models: tuple[int, Reply, Reply] | None = None
        """Revision of the catalog, its API answer, and the same compressed."""

    def answer(self, asked: Asked) -> Reply:
        """The answer to a request."""
        path = asked.path
        if path.startswith("/_replica/"):
            return self._control(asked, path.removeprefix("/_replica/"))
        if path.startswith("/_next/static/"):
            return self._asset(path)
        if path.startswith("/usage/"):
            return replace(self._usage(asked), kind="account")
        if path.startswith("/third-party/"):
            return Reply(b"window.analytics = [];", SCRIPT, kind="third_party")
        match path:
            case "/api/gql_POST":
                return replace(self._query(asked), kind="gql")
            case "/v1/models":
                return replace(self._models_api(asked), kind="api")
            case "/robots.txt":
                return replace(self._robots(), kind="robots")
            case "/login":
                return replace(self._login(asked), kind="login")
            case "/logout":
                return replace(self._logout(asked), kind="login")
            case "/elsewhere":
                return Reply(plain_page("Elsewhere", "This is another host."), kind="third_party")
            case "/":
                return Reply(plain_page("Poe", "A stand-in for tests and demonstrations."), kind="document")
            case _:
                return self._document(asked, path.removeprefix("/"))

    # --- pages -------------------------------------------------------------------------------------

    def _asset(self, path: str) -> Reply:
        asset = self._release.assets.get(path)
        if asset is None:
            return Reply(b"", TEXT, 404)
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Reply(asset.body, asset.content_type, headers=headers, kind=asset.kind)

    def _document(self, asked: Asked, name: str) -> Reply:
        subject = self._catalog.bot(name) or self._catalog.profile(name)
        if subject is None or (isinstance(subject, Bot) and subject.deleted):
            kind: Kind = "other" if "/" in name or name == "favicon.ico" else "document"
            return Reply(plain_page("Page not found", "There is nothing here."), status=404, kind=kind)
        handle = subject.handle
        if handle != name:
            query = asked.address.partition("?")[2]
            return replace(_redirect(f"/{quote(handle)}{'?' + query if query else ''}"), kind="document")
        viewer = self._viewer(asked)
        if isinstance(subject, Profile) and subject.sign_in and viewer is None:
            return replace(_redirect(f"/login?redirect_url=%2F{quote(handle)}"), kind="document", handle=handle)
        fault = self._faults.draw("page", handle)
        self._views[handle.casefold()] = fault
        if fault == "reset" and not asked.first:
            # A browser repeats a request that meets a reset on a used connection, without a word.
            self._faults.take_back("page", handle)
        reply = self._instead(handle, fault) or self._rendered(subject, viewer, fault)
        return replace(reply, kind="document", handle=handle)

    def _instead(self, handle: str, fault: str | None) -> Reply | None:
        """What comes instead of the page, if anything."""
        match fault:
            case "challenge":
                return _challenge()
            case "challenge_503":
                return _challenge(503)
            case "login":
                return _redirect(f"/login?redirect_url=%2F{quote(handle)}")
            case "other_host":
                return _redirect(f"{self._other_origin}/elsewhere")
            case "other_bot":
                other = next((bot.handle for bot in self._catalog.listed() if bot.handle != handle), "")
                return _redirect(f"/{quote(other)}")
        status = _PAGE_STATUSES.get(fault or "")
        if status is None:
            return None
        retry_after = {"page_429": "1", "page_429_date": _date_in(_YEAR)}.get(fault or "")
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        return Reply(plain_page(f"Error {status}", "Try again later."), status=status, headers=headers)

    def _rendered(self, subject: Bot | Profile, viewer: str | None, fault: str | None) -> Reply:
        if isinstance(subject, Bot):
            body = self._site.bot_page(subject, self._creator_name(subject), viewer, fault)
        else:
            body = self._site.profile_page(subject, viewer, fault)
        content_type = {"wrong_type": "application/octet-stream", "plain_text": TEXT}.get(fault or "", HTML)
        headers = {"Cache-Control": "private, no-cache, no-store, max-age=0, must-revalidate"}
        if fault == "wrong_clock":
            headers |= {"Date": _date_in(_YEAR), "Expires": _date_in(-_YEAR)}
        return Reply(body, content_type, headers=headers, delivery=_PAGE_DELIVERIES.get(fault, "whole"))

    def _creator_name(self, bot: Bot) -> str:
        profile = self._catalog.profile(bot.creator)
        return bot.creator if profile is None else profile.name

    def _query(self, asked: Asked) -> Reply:
        try:
            query = json.loads(asked.body)
        except ValueError:
            query = None
        if asked.method != "POST" or not isinstance(query, dict):
            return Reply(b'{"errors":[{"message":"Bad request"}]}', JSON, 400)
        handle = self._handle_of(query)
        fault = None if handle is None else self._views.get(handle.casefold())
        if fault == "gql_500":
            return Reply(b"Internal Server Error", TEXT, 500, handle=handle)
        if fault == "gql_challenge":
            return replace(_challenge(), handle=handle)
        chinese = asked.headers.get("accept-language", "").lower().startswith("zh")
        body = graphql(self._catalog, self._release, query, fault, chinese)
        return Reply(body, JSON, delivery=_CARD_DELIVERIES.get(fault, "whole"), handle=handle)

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

    def _models_api(self, asked: Asked) -> Reply:
        fault = self._faults.draw("models")
        match fault:
            case "api_401" | "api_429" | "api_500" | "api_502" | "api_503":
                return _api_error(int(fault.removeprefix("api_")))
            case "api_403":
                return _challenge()
        packed = "gzip" in asked.headers.get("accept-encoding", "")
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

    def _usage(self, asked: Asked) -> Reply:
        fault = self._faults.draw("account")
        scheme, _, key = asked.headers.get("authorization", "").partition(" ")
        if fault is not None:
            return _api_error(int(fault.removeprefix("account_")))
        if scheme.lower() != "bearer" or not key:
            return _api_error(401)
        match asked.path:
            case "/usage/current_balance":
                return Reply(json.dumps({"current_point_balance": self._account.balance}).encode(), JSON)
            case "/usage/points_history":
                status, body = self._account.points_history(
                    asked.arguments.get("limit"), asked.arguments.get("starting_after")
                )
                return Reply(body, JSON, status)
            case _:
                return _api_error(404)

    # --- signing in --------------------------------------------------------------------------------

    def _viewer(self, asked: Asked) -> str | None:
        return self._account.viewer(asked.cookies.get(SESSION_COOKIE))

    def _login(self, asked: Asked) -> Reply:
        if asked.method != "POST":
            target = _own_path(asked.arguments.get("redirect_url"))
            return Reply(login_page(target)) if self._viewer(asked) is None else _redirect(target)
        form = dict(parse_qsl(asked.body.decode("utf-8", "replace")))
        target = _own_path(form.get("redirect_url"))
        if form.get("code") != LOGIN_CODE or "email" not in form:
            return Reply(login_page(target, "The code is wrong."), status=401)
        session = self._account.sign_in(form["email"])
        cookie = f"{SESSION_COOKIE}={session}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"
        return Reply(b"", status=303, headers={"Location": target, "Set-Cookie": cookie})

    def _logout(self, asked: Asked) -> Reply:
        self._account.sign_out(asked.cookies.get(SESSION_COOKIE, ""))
        cookie = f"{SESSION_COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
        return Reply(b"", status=303, headers={"Location": "/login", "Set-Cookie": cookie})

    # --- control -----------------------------------------------------------------------------------

    def _control(self, asked: Asked, name: str) -> Reply:
        controls: dict[str, tuple[Callable[[], object], Callable[[dict[str, Any]], None]]] = {
            "faults": (self._faults.report, self._set_faults),
            "requests": (self._ledger.as_json, lambda _: self._ledger.clear()),
            "catalog": (self._catalog.as_json, lambda order: self._catalog.change(**order)),
            "account": (self._account.as_json, self._set_account),
        }
        if name not in controls:
            return Reply(f"no such control: choose from {', '.join(controls)}\n".encode(), TEXT, 404)
        tell, obey = controls[name]
        if asked.method != "POST":
            return Reply(json.dumps(tell()).encode(), JSON)
        try:
            order = json.loads(asked.body)
            if not isinstance(order, dict):
                message = "the order must be a JSON object"
                raise TypeError(message)
            obey(order)
        except (ValueError, TypeError) as error:
            return Reply(f"{error}\n".encode(), TEXT, 400)
        return Reply(b"{}", JSON)

    def _set_faults(self, order: Mapping[str, Any]) -> None:
        faults = Faults(order.get("faults", ()), order.get("seed", self._faults.seed))
        self._catalog.require(faults.handles)
        self._faults = faults
        self._views.clear()

    def _set_account(self, order: Mapping[str, Any]) -> None:
        self._account.change(**{key: value for key, value in order.items() if key != "usages"})
        if "usages" in order:
            self._fabricate_usages(order["usages"])

    def _fabricate_usages(self, count: int) -> None:
        handles = [bot.handle for bot in self._catalog.listed()]
        self._account.fabricate(count, handles or ["Assistant"], self._faults.seed)
