"""The replica's HTML: shells that the site's own script fills in, and the pages that need no script."""

import base64
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from importlib.resources import files
from typing import Any

from .catalog import Bot, Profile
from .messages import SCRIPT, Kind

PROFILE_PAGE_SIZE = 20
"""Bots on a profile that come at a time."""

HUGE_DESCRIPTION_SIZE = 20_000_000

HOSTILE_TEXT = (
    '=HYPERLINK("http://evil.invalid","x") <script>document.title=\'owned\'</script>'
    "<img src=x onerror=\"document.title='owned'\"> \x1b[31mred\x1b[0m \x1b]0;owned\x07 ../../../etc/passwd"
    " \u202edesrever\u202c \u2028 \x9b31m {{7*7}} ${7*7} %s %n"
)
"""What the fault `hostile_text` puts into names and descriptions."""

HOSTILE_HANDLES = ("../../etc/passwd", "javascript:alert(1)", "a b?c#d", "")
"""What it puts on profiles as handles of bots."""

_CLASSES = (
    "BotHeader_avatar",
    "BotHeader_botName",
    "BotInfoCardHeader_container",
    "BotInfoCardHeader_initialPointsCost",
    "BotInfoCardHeader_operatedBy",
    "UserHandle_creatorHandle",
    "BotDescriptionDisclaimerSection_container",
    "BotDescriptionDisclaimerSection_text",
    "BotDescriptionDisclaimerSection_expander",
    "BotDescriptionDisclaimerSection_disclaimerText",
    "BotInfoCardActionBar_actionBar",
    "Button_button",
    "Modal_modalOverlay",
    "Modal_modalContent",
    "Modal_title",
    "Markdown_markdownContainer",
    "LoadingDots_dots",
    "ConsentBanner_overlay",
    "ConsentBanner_box",
    "ProfileHeader_handle",
    "ProfileHeader_count",
    "ProfileCreatedBots_panel",
    "BotListItem_item",
    "BotListItem_botName",
    "BotListItem_botDescription",
    "ChatInput_form",
)


@dataclass(frozen=True)
class Asset:
    """A file below `/_next/static/`."""

    body: bytes
    content_type: str
    kind: Kind


class Release:
    """One release of the site: its build id, hashed class names and files. No two starts share one."""

    def __init__(self) -> None:
        self.build_id = secrets.token_urlsafe(15)
        self.classes = {name: f"{name}__{secrets.token_urlsafe(4)[:5]}" for name in _CLASSES}
        assets = files(__package__) / "assets"
        script = (assets / "app.js").read_text("utf-8").replace("{/* class names */}", json.dumps(self.classes))
        style = (assets / "app.css").read_text("utf-8")
        style = re.sub(r"(?<=\.)[A-Z]\w+", lambda match: self.classes[match[0]], style)
        library = (assets / "marked.umd.js").read_bytes()
        mark = secrets.token_hex(8)
        self.script = f"/_next/static/chunks/pages/app-{mark}.js"
        self.library = f"/_next/static/chunks/markdown-{mark}.js"
        self.style = f"/_next/static/css/{mark}.css"
        self.font = f"/_next/static/media/sans-{mark}.woff2"
        self.avatars = [f"/_next/static/media/avatar-{number}-{mark}.svg" for number in range(8)]
        self.assets = {
            self.script: Asset(script.encode(), SCRIPT, "script"),
            self.library: Asset(library, SCRIPT, "script"),
            self.style: Asset(style.replace("FONT", self.font).encode(), "text/css; charset=utf-8", "stylesheet"),
            self.font: Asset((assets / "sans.woff2").read_bytes(), "font/woff2", "font"),
            **{
                address: Asset(_avatar(number), "image/svg+xml", "image") for number, address in enumerate(self.avatars)
            },
        }

    def avatar(self, bot: Bot) -> str:
        """The address of the bot's picture."""
        return self.avatars[bot.bot_id % len(self.avatars)]


def _avatar(number: int) -> bytes:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="64" height="64">'
        f'<rect width="64" height="64" rx="32" fill="hsl({number * 45} 60% 45%)"/>'
        '<circle cx="23" cy="28" r="5" fill="#fff"/><circle cx="41" cy="28" r="5" fill="#fff"/></svg>'
    ).encode()


def _for_script(value: object) -> str:
    """JSON that can stand inside a script element."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _global_id(kind: str, number: object) -> str:
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def user_object(handle: str, name: str, number: int = 7) -> dict[str, Any]:
    """A Poe user, as creator or as viewer."""
    return {
        "__typename": "PoeUser",
        "id": _global_id("PoeUser", f"{number}/{handle}"),
        "handle": handle,
        "fullName": name,
        "profilePhotoUrl": None,
        "isDeleted": False,
        "isPoeOnlyUser": True,
    }


def bot_object(bot: Bot, release: Release, creator_name: str) -> dict[str, Any]:
    """The bot as its page's data holds it."""
    return {
        "__typename": "Bot",
        "id": _global_id("Bot", bot.bot_id),
        "botId": bot.bot_id,
        "handle": bot.handle,
        "displayName": bot.display_name,
        "nickname": bot.handle.lower().replace("-", "_"),
        "description": bot.description or "",
        "poweredBy": bot.powered_by,
        "picture": {"__typename": "URLBotImage", "url": release.avatar(bot)},
        "creator": user_object(bot.creator, creator_name),
        "deletionState": "deleted" if bot.deleted else "not_deleted",
        "isDown": bot.is_down,
        "isOfficialBot": bot.creator == "poe",
        "isSystemBot": False,
        "canUserAccessBot": True,
        "allowsImageAttachments": "image" in bot.input_modalities,
        "limitedAccessType": "no_limit",
        "viewerIsCreator": False,
        "followerCount": bot.bot_id * 37 % 90_001,
        "monthlyActiveUsers": bot.bot_id * 101 % 500_003,
        "messagePointLimit": {"displayMessagePointPrice": None},
        "introduction": "",
    }


def bots_connection(profile: Profile, after: int) -> dict[str, Any]:
    """One page of the bots on a profile.

    Args:
        profile: whose bots.
        after: how many came before.
    """
    bots = profile.bots[after : after + PROFILE_PAGE_SIZE]
    end = after + len(bots)
    return {
        "edges": [
            {
                "cursor": str(number),
                "node": {
                    "__typename": "Bot",
                    "id": _global_id("Bot", bot.bot_id),
                    "botId": bot.bot_id,
                    "handle": bot.handle,
                    "displayName": bot.display_name,
                    "description": "" if bot.deleted else bot.description or "",
                    "deletionState": "deleted" if bot.deleted else "not_deleted",
                },
            }
            for number, bot in enumerate(bots, start=after + 1)
        ],
        "pageInfo": {"hasNextPage": end < len(profile.bots), "endCursor": str(end)},
    }


@dataclass(frozen=True)
class Site:
    """Renders pages of one release.

    Args:
        release: class names and files.
        other_host: origin of the third party, such as `http://localhost:8000`.
    """

    release: Release
    other_host: str

    def bot_page(self, bot: Bot, creator_name: str, viewer: str | None, fault: str | None = None) -> bytes:
        """The page of a bot."""
        if fault == "hostile_text":
            bot = replace(bot, description=f"{HOSTILE_TEXT} {bot.description or ''}", powered_by=HOSTILE_TEXT)
            creator_name = HOSTILE_TEXT
        elif fault == "huge_description":
            bot = replace(bot, description="word " * (HUGE_DESCRIPTION_SIZE // 5))
        data = bot_object(bot, self.release, creator_name)
        if fault == "hostile_text":
            data["displayName"] = HOSTILE_TEXT
        rates = "hidden" if bot.hidden_rates else "open"
        if bot.rate_card is None or fault == "no_rates":
            rates = "none"
        view = {"rates": rates, "overlay": bot.overlay, "costLabel": bot.cost_label}
        return self._shell(bot.handle, "bot", data, viewer, view, fault)

    def profile_page(self, profile: Profile, viewer: str | None, fault: str | None = None) -> bytes:
        """The page of a creator."""
        about = f"Bots by {profile.name}."
        if fault == "hostile_text":
            about = HOSTILE_TEXT
        elif fault == "huge_description":
            about = "word " * (HUGE_DESCRIPTION_SIZE // 5)
        data = {
            **user_object(profile.handle, profile.name),
            "bio": about,
            "followerCount": profile.count * 19,
            "createdBotCount": profile.count,
            "createdBotsConnection": bots_connection(profile, 0),
        }
        if fault == "hostile_text":
            edges = data["createdBotsConnection"]["edges"]
            for handle in HOSTILE_HANDLES if edges else ():
                edges.append({"cursor": "0", "node": {**edges[0]["node"], "handle": handle}})
            data["createdBotCount"] += len(HOSTILE_HANDLES)
        return self._shell(profile.handle, "user", data, viewer, {}, fault)

    def _shell(
        self,
        title: str,
        kind: str,
        data: dict[str, Any],
        viewer: str | None,
        view: Mapping[str, object],
        fault: str | None,
    ) -> bytes:
        release = self.release
        viewer_object = None if viewer is None else user_object("you", viewer, 1)
        query: dict[str, Any] = {kind: None if fault == "empty_hydration" else data, "viewer": viewer_object}
        page_props: dict[str, Any] = {"data": {"mainQuery": query}, "isLoggedIn": viewer is not None}
        if fault == "moved_hydration":
            page_props = {"initialState": {"entities": [{"viewer": viewer_object}, data]}}
        next_data = _for_script(
            {
                "props": {"pageProps": page_props, "__N_SSP": True},
                "page": "/[handle]",
                "query": {"handle": title},
                "buildId": release.build_id,
                "isFallback": False,
                "gssp": True,
            }
        )
        if fault == "garbled_hydration":
            next_data = next_data[: len(next_data) * 2 // 3]
        hydration = f'<script id="__NEXT_DATA__" type="application/json">{next_data}</script>'
        if fault == "no_hydration":
            hydration = f"<script>(self.__next_f = self.__next_f || []).push({_for_script([1, next_data])})</script>"
        view_text = escape(json.dumps({"kind": kind, "fault": fault, **view}))
        return (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>{escape(title)} - Poe</title>"
            f'<link rel="preload" href="{release.font}" as="font" type="font/woff2" crossorigin="anonymous">'
            f'<link rel="stylesheet" href="{release.style}">'
            f'<script src="{release.library}" defer></script><script src="{release.script}" defer></script>'
            f'<script src="{self.other_host}/third-party/analytics.js" async></script>'
            f'</head><body><div id="__next" data-view="{view_text}"></div>{hydration}</body></html>'
        ).encode()


def plain_page(title: str, text: str) -> bytes:
    """A page without script."""
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
        f"<body><main><h1>{escape(title)}</h1><p>{escape(text)}</p></main></body></html>"
    ).encode()


CHALLENGE = (
    b'<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title>'
    b'<meta name="robots" content="noindex,nofollow"></head><body><div class="main-wrapper">'
    b'<div class="main-content"><noscript>Enable JavaScript and cookies to continue</noscript></div></div>'
    b'<script src="/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1"></script></body></html>'
)
"""The page that asks a visitor to prove to be no robot."""


def login_page(redirect_to: str, problem: str = "") -> bytes:
    """The sign-in form.

    Args:
        redirect_to: path to go to afterwards.
        problem: what was wrong with the last try.
    """
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Login - Poe</title></head>'
        f'<body><main><h1>Sign in</h1>{alert}<form method="post" action="/login">'
        f'<input type="hidden" name="redirect_url" value="{escape(redirect_to)}">'
        '<label>Email <input name="email" type="email" required></label>'
        '<label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code" required></label>'
        "<button>Log in</button></form></main></body></html>"
    ).encode()
