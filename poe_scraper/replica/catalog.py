"""The bots and creators that the replica serves. Both can be changed while it runs."""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

FIRST_BOT_ID = 1001

HIDDEN_RATES_SHARE = 0.08
OVERLAY_SHARE = 0.06
COST_LABEL_SHARE = 0.25
DISPLAY_NAME_SHARE = 0.1
"""Shares of the bots whose page has the quirk."""

_WORDS = (
    "Amber",
    "Birch",
    "Cobalt",
    "Dune",
    "Ember",
    "Fjord",
    "Garnet",
    "Heron",
    "Iris",
    "Juniper",
    "Kelp",
    "Lark",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """A bot: its entry in the API, its page, and the quirks of that page."""

    id: str
    handle: str
    creator: str
    display_name: str = ""
    bot_id: int = 0
    owned_by: str = ""
    created: int = 0
    """Unix milliseconds."""
    description: str | None = None
    powered_by: str | None = None
    rate_card: str | None = None
    """Markdown. None: the page has no Rates; empty: the dialog says that no rates are known."""
    input_modalities: tuple[str, ...] = ("text",)
    output_modalities: tuple[str, ...] = ("text",)
    api_pricing: Mapping[str, str | None] | None = None
    context_window: tuple[int, int | None] | None = None
    supported_features: tuple[str, ...] = ()
    reasoning: Mapping[str, Any] | None = None
    parameters: tuple[Mapping[str, Any], ...] = ()
    cost_label: str | None = None
    """The initial points cost beside the name, such as `206+ points`."""
    hidden_rates: bool = False
    """The Rates button is inside a hidden element."""
    overlay: bool = False
    """A consent overlay covers the page."""
    is_down: bool = False
    """The page says that the bot is out of order."""
    listed: bool = True
    """Whether the models API lists the bot."""
    deleted: bool = False
    """Its creator's profile still lists it; its page answers 404."""


FIELDS = tuple(item.name for item in fields(Bot))


@dataclass(slots=True)
class Profile:
    """A creator and the bots on its profile."""

    handle: str
    name: str
    bots: list[Bot] = field(default_factory=list)
    advertised: int | None = None
    """The number of bots that the profile says it has; None: the real number."""
    sign_in: bool = False
    """Visitors who have not signed in are redirected to `/login`."""

    @property
    def count(self) -> int:
        """The number of bots that the profile says it has."""
        return len(self.bots) if self.advertised is None else self.advertised


def _draw(purpose: str, handle: str) -> int:
    return zlib.crc32(f"{purpose}/{handle.casefold()}".encode())


def _within(share: float, purpose: str, handle: str) -> bool:
    return _draw(purpose, handle) < share * 2**32


def _with_quirks(bot: Bot) -> Bot:
    """Give the bot the quirks that follow from its handle."""
    spaced = bot.handle.replace("-", " ")
    label = f"{20 + _draw('cost label', bot.handle) % 1500}+ points"
    return replace(
        bot,
        display_name=spaced if _within(DISPLAY_NAME_SHARE, "display name", bot.handle) else bot.handle,
        hidden_rates=_within(HIDDEN_RATES_SHARE, "hidden rates", bot.handle),
        overlay=_within(OVERLAY_SHARE, "overlay", bot.handle),
        cost_label=label if bot.rate_card and _within(COST_LABEL_SHARE, "cost label", bot.handle) else None,
    )


def cased(bot_id: str) -> str:
    """The page handle for an API id: one in lower case gets capitals, as in `Grok-4.7`."""
    if bot_id != bot_id.lower():
        return bot_id
    return "-".join(part[:1].upper() + part[1:] for part in bot_id.split("-"))


def _shipped() -> dict[str, Any]:
    data: dict[str, Any] = json.loads((files(__package__) / "catalog.json").read_text("utf-8"))
    return data


def _shipped_bot(entry: Mapping[str, Any], parameters: Mapping[str, Mapping[str, Any]]) -> Bot:
    inputs, outputs = entry["architecture"]
    window = entry.get("context_window")
    return _with_quirks(
        Bot(
            **{
                name: entry[name]
                for name in FIELDS
                if name in entry and name not in ("context_window", "supported_features", "parameters")
            },
            input_modalities=tuple(inputs),
            output_modalities=tuple(outputs),
            context_window=tuple(window) if window else None,
            supported_features=tuple(entry.get("supported_features", ())),
            parameters=tuple(parameters[name] for name in entry.get("parameters", ())),
        )
    )


def _recorded_bots(path: Path) -> list[Bot]:
    """Read a file of recorded bots.

    Raises:
        ValueError: the file is not a list of recorded bots; the message says what is wrong.
        OSError: the file cannot be read.
    """
    try:
        entries = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        message = f"{path} is not JSON: {error}"
        raise ValueError(message) from error
    if not isinstance(entries, list):
        message = f"{path} must hold a list of bots"
        raise ValueError(message)
    bots = []
    for number, entry in enumerate(entries):
        try:
            for name in ("description", "powered_by", "rate_card"):
                if not isinstance(entry[name], str | None):
                    raise TypeError(name)
            architecture = entry["architecture"] or {}
            bot = Bot(
                id=entry["handle"],
                handle=cased(entry["handle"]),
                creator=entry["creator"],
                owned_by=entry["owned_by"],
                created=entry["created"] or 1704067200000 + number,
                description=entry["description"],
                powered_by=entry["powered_by"],
                rate_card=entry["rate_card"],
                api_pricing=entry["api_pricing"],
                input_modalities=tuple(architecture.get("input_modalities", ("text",))),
                output_modalities=tuple(architecture.get("output_modalities", ("text",))),
            )
        except (TypeError, KeyError, AttributeError) as error:
            message = f"{path}: entry {number} is not a recorded bot: {error!r}"
            raise ValueError(message) from error
        bots.append(_with_quirks(bot))
    return bots


def _fabricated(number: int, pattern: Bot, creator: str) -> Bot:
    """Make up a bot with the prices and the card of a real one."""
    word, other = _WORDS[number % 12], _WORDS[number // 12 % 12]
    handle = f"{word}-{other}-{number:05d}"
    return _with_quirks(
        replace(
            pattern,
            id=handle.lower(),
            handle=handle,
            creator=creator,
            owned_by=creator,
            created=1767225600000 + number * 60_000,
            description=f"{handle} exists in the replica only, to make its list longer.",
            powered_by=f"Powered by a server managed by @{creator}.",
        )
    )


class Catalog:
    """All bots and profiles.

    Args:
        bots: the bots, in the API's order.
        profiles: creators whose profile differs from what follows from their bots.
    """

    def __init__(self, bots: Iterable[Bot], profiles: Iterable[Profile] = ()) -> None:
        self._bots: dict[str, Bot] = {}
        self._known = tuple(profiles)
        self._next_bot_id = FIRST_BOT_ID
        self.revision = 0
        """Grows with every change."""
        for bot in bots:
            self._put(bot)

    @classmethod
    def load(cls, count: int | None = None, data: Path | None = None) -> "Catalog":
        """Make the catalog that comes with the package, or another one.

        Args:
            count: how many bots the API lists: an even choice of the catalog, or the catalog and made-up bots.
            data: recorded bots to serve instead of those that come with the package.

        Raises:
            ValueError: the recorded data is invalid.
            OSError: the file cannot be read.
        """
        shipped = _shipped()
        bots = (
            [_shipped_bot(entry, shipped["parameters"]) for entry in shipped["bots"]]
            if data is None
            else _recorded_bots(data)
        )
        profiles = []
        extra: list[Bot] = []
        if data is None:
            for creator in shipped["creators"]:
                profiles.append(
                    Profile(
                        creator["handle"],
                        creator["name"],
                        advertised=creator.get("advertised"),
                        sign_in=creator.get("sign_in", False),
                    )
                )
                for number in range(creator["bots"]):
                    bot = _fabricated(90_000 + len(extra), bots[len(extra) * 7 % len(bots)], creator["handle"])
                    listed = count is None and number < creator["listed"]
                    deleted = number >= creator["bots"] - creator["deleted"]
                    extra.append(replace(bot, listed=listed, deleted=deleted))
        if count is not None:
            known = len(bots)
            bots = [bots[number * known // count] for number in range(count)] if count < known else bots
            bots += [
                _fabricated(number, bots[number % known], f"workshop-{number // 100}") for number in range(known, count)
            ]
        return cls(bots + extra, profiles)

    def _put(self, bot: Bot) -> None:
        key = bot.id.casefold()
        before = self._bots.get(key)
        if before is None:
            bot = replace(bot, bot_id=self._next_bot_id)
            self._next_bot_id += 1
        self._bots[key] = bot

    def _changed(self) -> None:
        self.revision += 1
        for name in ("_by_handle", "_by_bot_id", "_profiles"):
            self.__dict__.pop(name, None)

    @cached_property
    def _by_handle(self) -> dict[str, Bot]:
        return {bot.handle.casefold(): bot for bot in self._bots.values()}

    @cached_property
    def _by_bot_id(self) -> dict[int, Bot]:
        return {bot.bot_id: bot for bot in self._bots.values()}

    @cached_property
    def _profiles(self) -> dict[str, Profile]:
        profiles = {
            known.handle.casefold(): Profile(known.handle, known.name, [], known.advertised, known.sign_in)
            for known in self._known
        }
        for bot in self._bots.values():
            profile = profiles.setdefault(bot.creator.casefold(), Profile(bot.creator, bot.owned_by))
            profile.bots.append(bot)
        return profiles

    def listed(self) -> Sequence[Bot]:
        """The bots that the models API lists."""
        return [bot for bot in self._bots.values() if bot.listed]

    def bot(self, handle: str) -> Bot | None:
        """The bot with this handle, in any case."""
        return self._by_handle.get(handle.casefold())

    def bot_by_id(self, bot_id: object) -> Bot | None:
        """The bot with this number."""
        return self._by_bot_id.get(bot_id) if isinstance(bot_id, int) else None

    def profile(self, handle: str) -> Profile | None:
        """The creator with this handle, in any case."""
        return self._profiles.get(handle.casefold())

    def require(self, handles: Iterable[str]) -> None:
        """Raise ValueError unless each of these handles belongs to a bot or a creator."""
        for handle in handles:
            if self.bot(handle) is None and self.profile(handle) is None:
                message = f"there is no bot and no creator with the handle {handle!r}"
                raise ValueError(message)

    def change(
        self,
        remove: Iterable[str] = (),
        add: Iterable[Mapping[str, Any]] = (),
        set: Mapping[str, Mapping[str, Any]] | None = None,  # noqa: A002 - as the control endpoint calls it
    ) -> None:
        """Change bots while the replica runs: all of the change or, if anything is wrong, nothing.

        Args:
            remove: API ids of bots to remove.
            add: new bots, as fields of `Bot`; `id` is required.
            set: new values of fields, by API id.

        Raises:
            ValueError: an id or a field is unknown; the message says which.
        """
        before = dict(self._bots)
        try:
            for bot_id in remove:
                del self._bots[self._key(bot_id)]
            for entry in add:
                self._put(_new_bot(entry))
            for bot_id, values in (set or {}).items():
                self._put(replace(self._bots[self._key(bot_id)], **_checked(values)))
        except ValueError:
            self._bots = before
            raise
        self._changed()

    def _key(self, bot_id: str) -> str:
        key = bot_id.casefold()
        if key not in self._bots:
            message = f"there is no bot with the id {bot_id!r}"
            raise ValueError(message)
        return key

    def as_json(self) -> dict[str, object]:
        """All bots and creators, which is what a crawl should find."""
        return {
            "bots": [asdict(bot) for bot in self._bots.values()],
            "creators": [
                {
                    "handle": profile.handle,
                    "name": profile.name,
                    "count": profile.count,
                    "bots": [bot.handle for bot in profile.bots],
                    "sign_in": profile.sign_in,
                }
                for profile in self._profiles.values()
            ],
        }


def _checked(values: Mapping[str, Any]) -> Mapping[str, Any]:
    accepted = [name for name in FIELDS if name not in ("id", "bot_id")]
    for name in values:
        if name not in accepted:
            message = f"{name!r} is not a field of a bot that can be set: choose from {', '.join(accepted)}"
            raise ValueError(message)
    return values


def _new_bot(entry: Mapping[str, Any]) -> Bot:
    values = dict(entry)
    bot_id = values.pop("id", None)
    if not isinstance(bot_id, str):
        message = "a new bot needs an id"
        raise ValueError(message)
    defaults = {"handle": cased(bot_id), "creator": "poe", "owned_by": "Poe", "created": 1767225600000}
    bot = Bot(id=bot_id, **{**defaults, **_checked(values)})
    return bot if bot.display_name else replace(bot, display_name=bot.handle)
