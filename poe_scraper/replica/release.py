"""One release of the site: build id, hashed class names, GraphQL hashes, and the files that pages load."""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

from .hosts import Hosts
from .messages import SCRIPT, Delivery, Kind

ASSET_PATH = "/assets/_next/static/"
"""Where files are, as below `https://psc2.cf2.poecdn.net`."""

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
    "DropdownMenuItem_item",
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

QUERIES = (
    "RateCardModalQuery",
    "BotPricingDialogQuery",
    "MessagePointsOverviewModalQuery",
    "ProfileCreatedBotsPaginationQuery",
    "ProfilePageQuery",
    "HandleBotLandingPageQuery",
    "LayoutRightSidebarQuery",
    "ViewerStateQuery",
    "SubscriptionsUpsellQuery",
)
"""The GraphQL queries that the site's scripts send."""


@dataclass(frozen=True)
class Asset:
    """A file that pages load."""

    body: bytes
    content_type: str
    kind: Kind
    delivery: Delivery = "whole"


class Release:
    """One release of the site. No two starts of the replica share one.

    Args:
        hosts: where files are loaded from.
    """

    def __init__(self, hosts: Hosts) -> None:
        self.build_id = secrets.token_urlsafe(15)
        self.revision = secrets.token_hex(20)
        self.form_key = secrets.token_hex(16)
        self.hashes = {name: sha256(f"{self.revision}/{name}".encode()).hexdigest() for name in QUERIES}
        self.assets: dict[str, Asset] = {}
        """Files by path."""
        self._hosts = hosts
        self._classes = {name: f"{name}__{secrets.token_urlsafe(4)[:5]}" for name in _CLASSES}
        self._mark = secrets.token_hex(8)
        self._add_files()

    def avatar(self, bot_id: int) -> str:
        """The address of a bot's picture."""
        return self._hosts.assets + self._avatars[bot_id % len(self._avatars)]

    def scripts(self, fault: str | None) -> list[str]:
        """Addresses of the scripts that a document names, in their order.

        Args:
            fault: name of the fault that the page shows, if any.
        """
        origin = self._origin(fault)
        return [origin + path for path in (self._runtimes.get(fault, self._runtimes[None]), self._app, self._manifest)]

    def style(self, fault: str | None) -> str:
        """Address of the style sheet that a document names."""
        return self._origin(fault) + self._style

    def font(self, fault: str | None) -> str:
        """Address of the font that a document names."""
        return self._origin(fault) + self._font

    def _origin(self, fault: str | None) -> str:
        return self._hosts.other_assets if fault == "named_host" else self._hosts.assets

    def _add(self, path: str, body: bytes | str, content_type: str, kind: Kind, delivery: Delivery = "whole") -> str:
        address = ASSET_PATH + path
        self.assets[address] = Asset(body.encode() if isinstance(body, str) else body, content_type, kind, delivery)
        return address

    def _add_files(self) -> None:
        mark = self._mark
        self._font = self._add(f"media/sans-{mark}.woff2", _file("sans.woff2"), "font/woff2", "font")
        self._avatars = [
            self._add(f"media/avatar-{number}-{mark}.svg", _avatar(number), "image/svg+xml", "image")
            for number in range(8)
        ]
        self._style = self._add(
            f"css/{mark}.css", self._style_sheet("app.css"), "text/css; charset=utf-8", "stylesheet"
        )
        dialog_style = self._add(
            f"css/dialog-{mark}.css", self._style_sheet("dialog.css"), "text/css; charset=utf-8", "stylesheet"
        )
        self._app = self._add(f"chunks/pages/_app-{mark}.js", self._script("app.js"), SCRIPT, "script")
        manifest = "self.__BUILD_MANIFEST={sortedPages:['/','/[handle]','/_app','/login']};"
        self._manifest = self._add(f"{self.build_id}/_buildManifest.js", manifest, SCRIPT, "script")
        dialog = _file("marked.umd.js").decode() + "\n" + self._script("dialog.js")
        dialog_script = self._add(f"chunks/312.{mark}.js", dialog, SCRIPT, "script")
        slow_script = self._add(f"chunks/312.{mark}.slow.js", dialog, SCRIPT, "script", "slow")
        self._runtimes: dict[str | None, str] = {
            fault: self._runtime(fault, origin, script, style)
            for fault, origin, script, style in (
                (None, self._hosts.assets, dialog_script, dialog_style),
                ("named_host", self._hosts.other_assets, dialog_script, dialog_style),
                ("script_named_host", self._hosts.chunks, dialog_script, dialog_style),
                ("chunk_slow", self._hosts.assets, slow_script, dialog_style),
                ("chunk_404", self._hosts.assets, f"{ASSET_PATH}chunks/312.gone.js", dialog_style),
                ("style_404", self._hosts.assets, dialog_script, f"{ASSET_PATH}css/gone.css"),
            )
        }

    def _runtime(self, fault: str | None, origin: str, script: str, style: str) -> str:
        body = (
            _file("webpack.js")
            .decode()
            .replace("/* public path */", origin)
            .replace("{/* chunk scripts */}", json.dumps({312: script}))
            .replace("{/* chunk styles */}", json.dumps({312: style}))
        )
        mark = sha256(f"{self._mark}/{fault}".encode()).hexdigest()[:16]
        return self._add(f"chunks/webpack-{mark}.js", body, SCRIPT, "script")

    def _script(self, name: str) -> str:
        release: Mapping[str, object] = {"revision": self.revision, "hashes": self.hashes}
        return (
            _file(name)
            .decode()
            .replace("{/* release */}", json.dumps(release))
            .replace("{/* class names */}", json.dumps(self._classes))
        )

    def _style_sheet(self, name: str) -> str:
        style = re.sub(r"(?<=\.)[A-Z]\w+", lambda match: self._classes[match[0]], _file(name).decode())
        return style.replace("FONT", self._hosts.assets + self._font)


def _file(name: str) -> bytes:
    return (files(__package__) / "assets" / name).read_bytes()


def _avatar(number: int) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="64" height="64">'
        f'<rect width="64" height="64" rx="32" fill="hsl({number * 45} 60% 45%)"/>'
        '<circle cx="23" cy="28" r="5" fill="#fff"/><circle cx="41" cy="28" r="5" fill="#fff"/></svg>'
    )
