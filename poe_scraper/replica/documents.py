"""The replica's HTML: documents that the site's own script fills in, and pages that need no script."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from .catalog import Bot, Profile
from .hosts import Hosts
from .release import Release

PROFILE_PAGE_SIZE = 20
"""Bots on a profile that come at a time."""

HUGE_DESCRIPTION_SIZE = 20_000_000
HUGE_PAGE_SIZE = 8_000_000
ATTRIBUTES = 60_000

HOSTILE_TEXT = (
    '=HYPERLINK("http://evil.invalid","x") <script>document.title=\'owned\'</script>'
    "<img src=x onerror=\"document.title='owned'\"> \x1b[31mred\x1b[0m \x1b]0;owned\x07 ../../../etc/passwd"
    " \u202edesrever\u202c \u2028 \x9b31m {{7*7}} ${7*7} %s %n"
)
"""What the fault `hostile_text` puts into names and descriptions."""

HOSTILE_HANDLES = ("../../etc/passwd", "javascript:alert(1)", "a b?c#d", "")
"""The handles of bots that it puts on profiles."""

HOSTILE_COST = f"{'9' * 50}+ points"
"""The cost label of the fault `hostile_cost`."""


def _for_script(value: object) -> str:
    """JSON for the inside of a script element."""
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
        "picture": {"__typename": "URLBotImage", "url": release.avatar(bot.bot_id)},
        "creator": user_object(bot.creator, creator_name),
        "deletionState": "deleted" if bot.deleted else "not_deleted",
        "isDeleted": bot.deleted,
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


def _bot_object_with_fault(bot: Bot, release: Release, creator_name: str, fault: str | None) -> dict[str, Any]:
    data = bot_object(bot, release, creator_name)
    match fault:
        case "object_selection":
            for key in ("botId", "deletionState", "displayName", "nickname", "isOfficialBot"):
                del data[key]
        case "object_nullable":
            data["creator"]["nullableHandle"] = data["creator"].pop("handle")
        case "object_deleted":
            data["isDeleted"] = True
        case "hostile_text":
            data["displayName"] = HOSTILE_TEXT
    return data


def user_data(profile: Profile) -> dict[str, Any]:
    """The creator as their page's data holds it."""
    return {
        **user_object(profile.handle, profile.name),
        "bio": f"Bots by {profile.name}.",
        "followerCount": profile.count * 19,
        "createdBotCount": profile.count,
        "createdBotsConnection": bots_connection(profile, 0),
    }


def bots_connection(profile: Profile, after: int, size: int = PROFILE_PAGE_SIZE) -> dict[str, Any]:
    """One page of the bots on a profile.

    Args:
        profile: whose bots.
        after: how many bots came before.
        size: how many bots the page holds at most.
    """
    bots = profile.bots[after : after + size]
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
class Documents:
    """Renders the documents of one release.

    Args:
        release: class names and files.
        hosts: third parties that pages contact.
    """

    release: Release
    hosts: Hosts

    def bot_page(self, bot: Bot, creator_name: str, viewer: str | None, fault: str | None = None) -> bytes:
        """The page of a bot."""
        cost_label = bot.cost_label
        match fault:
            case "hostile_text":
                bot = replace(bot, description=f"{HOSTILE_TEXT} {bot.description or ''}", powered_by=HOSTILE_TEXT)
                creator_name = HOSTILE_TEXT
            case "huge_description":
                bot = replace(bot, description="word " * (HUGE_DESCRIPTION_SIZE // 5))
            case "hostile_cost":
                cost_label = HOSTILE_COST
        data = _bot_object_with_fault(bot, self.release, creator_name, fault)
        rates = "hidden" if bot.hidden_rates else "open"
        if bot.rate_card is None or fault == "no_rates":
            rates = "none"
        view = {"rates": rates, "overlay": bot.overlay, "costLabel": cost_label}
        return self._shell(bot.handle, "bot", data, viewer, view, fault)

    def profile_page(self, profile: Profile, viewer: str | None, fault: str | None = None) -> bytes:
        """The page of a creator."""
        data = user_data(profile)
        match fault:
            case "hostile_text":
                data["bio"] = HOSTILE_TEXT
                data["fullName"] = HOSTILE_TEXT
                edges = data["createdBotsConnection"]["edges"]
                for handle in HOSTILE_HANDLES if edges else ():
                    edges.append({"cursor": "0", "node": {**edges[0]["node"], "handle": handle}})
                data["createdBotCount"] += len(HOSTILE_HANDLES)
            case "huge_description":
                data["bio"] = "word " * (HUGE_DESCRIPTION_SIZE // 5)
            case "profile_no_panel":
                data["createdBotsConnection"] = bots_connection(profile, 0, len(profile.bots))
            case "profile_streamed":
                rest = range(PROFILE_PAGE_SIZE, len(profile.bots), PROFILE_PAGE_SIZE)
                pages = [{"createdBotsConnection": bots_connection(profile, after)} for after in rest]
                return self._shell(profile.handle, "user", data, viewer, {}, fault, pages)
        return self._shell(profile.handle, "user", data, viewer, {}, fault)

    def _shell(
        self,
        title: str,
        kind: str,
        data: dict[str, Any],
        viewer: str | None,
        view: Mapping[str, object],
        fault: str | None,
        streamed: list[dict[str, Any]] | None = None,
    ) -> bytes:
        release = self.release
        viewer_object = None if viewer is None else user_object("you", viewer, 1)
        main_query = {kind: None if fault == "empty_hydration" else data, "viewer": viewer_object}
        if fault in ("flight_data", "profile_streamed"):
            page_data = flight_scripts(
                release.build_id, [{"data": {"mainQuery": main_query}}, *({"data": page} for page in streamed or ())]
            )
        else:
            page_data = self._next_data(title, main_query, viewer is not None, fault)
        trackers = [f"{self.hosts.tracker}/third-party/analytics.js"]
        if fault == "ip_literal":
            trackers.append(f"{self.hosts.literal}/third-party/beacon.js")
        view = {"kind": kind, "fault": fault, "trackers": trackers, "stun": self.hosts.stun, **view}
        scripts = "".join(f'<script src="{address}" defer></script>' for address in release.scripts(fault))
        style = release.style(fault)
        return (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>{escape(title)} - Poe</title>"
            f'<link rel="preload" href="{release.font(fault)}" as="font" type="font/woff2" crossorigin="anonymous">'
            f'<link rel="preload" href="{style}" as="style"><link rel="stylesheet" href="{style}" data-n-g="">'
            f"<script>self.poeFormKey=function(){{return{json.dumps(release.form_key)}}}</script>"
            f"{scripts}</head>"
            f'<body><div id="__next" data-view="{escape(json.dumps(view))}"></div>'
            f"{page_data}{_filler(fault)}</body></html>"
        ).encode()

    def _next_data(self, title: str, main_query: Mapping[str, Any], signed_in: bool, fault: str | None) -> str:
        if fault == "no_hydration":
            return ""
        page_props: dict[str, Any] = {"data": {"mainQuery": main_query}, "isLoggedIn": signed_in}
        if fault == "moved_hydration":
            viewer = main_query["viewer"]
            page_props = {
                "initialState": {"entities": [{"viewer": viewer}, main_query.get("bot") or main_query.get("user")]}
            }
        text = _for_script(
            {
                "props": {"pageProps": page_props, "__N_SSP": True},
                "page": "/[handle]",
                "query": {"handle": title},
                "buildId": self.release.build_id,
                "isFallback": False,
                "gssp": True,
                "assetPrefix": f"{self.hosts.assets}/assets",
            }
        )
        if fault == "garbled_hydration":
            text = text[: len(text) * 2 // 3]
        return f'<script id="__NEXT_DATA__" type="application/json">{text}</script>'


def _filler(fault: str | None) -> str:
    """Markup that faults add at the end of a document."""
    match fault:
        case "huge_page":
            paragraph = f"<p hidden>{'word ' * 200}</p>"
            return paragraph * (HUGE_PAGE_SIZE // len(paragraph))
        case "many_attributes":
            attributes = " ".join(f'data-a{number}=""' for number in range(ATTRIBUTES))
            return f"<div hidden {attributes}></div>"
        case _:
            return ""


# --- React server components -----------------------------------------------------------------------

_TEXT_LINE_SIZE = 1024
"""Strings of at least so many characters have a line of their own."""

_PIECE_SIZE = 2000
"""Characters of the text that one script pushes."""


def flight_scripts(build_id: str, props: list[dict[str, Any]]) -> str:
    """Data as pages of Next.js's app router send it: lines of `id:value`, pushed in pieces by script elements.

    Args:
        build_id: of the release.
        props: of components, one line each. They may not hold a string that React would read as a reference:
            a leading dollar sign is doubled, as React does.
    """
    lines = [
        '1:"$Sreact.fragment"',
        '2:I[4132,["888","static/chunks/app.js"],"Page"]',
        f'0:{{"b":{json.dumps(build_id)},"p":"","c":["",""],"i":false,"f":[]}}',
    ]
    next_id = 3

    def encode(value: Any) -> Any:
        nonlocal next_id
        if isinstance(value, dict):
            return {key: encode(part) for key, part in value.items()}
        if isinstance(value, list):
            return [encode(part) for part in value]
        if not isinstance(value, str):
            return value
        if len(value) >= _TEXT_LINE_SIZE:
            number, next_id = next_id, next_id + 1
            # A text has its length in bytes instead of a line end, so the next line follows at once.
            lines.append(f"{number:x}:T{len(value.encode()):x},{value}")
            return f"${number:x}"
        return f"${value}" if value.startswith("$") else value

    for part in props:
        encoded = encode(part)
        number, next_id = next_id, next_id + 1
        element = json.dumps(["$", "$L2", None, encoded], ensure_ascii=False, separators=(",", ":"))
        lines.append(f"{number:x}:{element}")
    text = "".join(line if _is_text(line) else f"{line}\n" for line in lines)
    pieces = [text[start : start + _PIECE_SIZE] for start in range(0, len(text), _PIECE_SIZE)]
    return "<script>(self.__next_f=self.__next_f||[]).push([0])</script>" + "".join(
        f"<script>self.__next_f.push({_for_script([1, piece])})</script>" for piece in pieces
    )


def _is_text(line: str) -> bool:
    return line.partition(":")[2].startswith("T")


# --- pages without script --------------------------------------------------------------------------


def plain_page(title: str, text: str) -> bytes:
    """A page without script."""
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
        f"<body><main><h1>{escape(title)}</h1><p>{escape(text)}</p></main></body></html>"
    ).encode()


def check_page(host: str, script: str, answer: str) -> bytes:
    """A bot check in Cloudflare's words.

    Args:
        host: the site that asks for the check, as the page shows it.
        script: address of the check's script.
        answer: where the script sends its answer.
    """
    return (
        '<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title>'
        '<meta name="robots" content="noindex,nofollow"></head><body><div class="main-wrapper" role="main">'
        f'<div class="main-content"><h1>{escape(host)}</h1><p>Performing security verification</p>'
        "<noscript>Enable JavaScript and cookies to continue</noscript></div></div>"
        f'<script src="{escape(script)}" data-answer="{escape(answer)}"></script></body></html>'
    ).encode()


ACCESS_DENIED = (
    b'<!DOCTYPE html><html lang="en-US"><head><title>Attention Required! | Cloudflare</title></head><body>'
    b'<div id="cf-wrapper"><h1 data-translate="block_headline">Sorry, you have been blocked</h1>'
    b'<h2><span data-translate="unable_to_access">You are unable to access</span> this site</h2>'
    b"<p>Cloudflare Ray ID: <strong>0000000000000000</strong></p></div></body></html>"
)
"""Cloudflare's page for visitors that the site has blocked."""


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
