"""How each bot came to the prices it has.

It is told by the log of changes alone, read backwards from the current feed: one file, where reading
every version for every bot would read thousands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from poe_scraper.feed.history import PriceChange, Snapshot, price_changes
from poe_scraper.items import Bot, Change, Pricing, Rate
from poe_scraper.pricing.prices import api_rates, identity

_PRICES = ("pricing.rates", "pricing.adjustments", "pricing.api")


@dataclass(frozen=True)
class Step:
    """A version that changed a bot's prices or status.

    Args:
        snapshot: the bot from then on.
        kind: `added`, `gone`, `back` or `changed`.
        prices: what moved.
        adjustments: whether what changes the prices is another.
    """

    snapshot: Snapshot
    kind: str
    prices: Sequence[PriceChange]
    adjustments: bool


@dataclass(frozen=True)
class Series:
    """One price over time: what it was from each moment on, None while there was none.

    Args:
        rate: the price as it was last told.
        points: time and price of one unit, oldest first.
    """

    rate: Rate
    points: Sequence[tuple[Any, Decimal | None]]

    @property
    def moved(self) -> bool:
        """Whether it was ever another."""
        return len({amount for _, amount in self.points}) > 1


def snapshots(bot: Bot, changes: Sequence[Change]) -> list[Snapshot]:
    """A bot's states of price and status, oldest first.

    Where the log does not reach back to the bot's first day, the first snapshot has version 0.

    Args:
        bot: as it is now.
        changes: all that the log tells of this bot, oldest first.
    """
    found: list[Snapshot] = []
    state = bot
    for version, group in groupby(reversed(changes), lambda change: change.version):
        told = list(group)
        added = any(change.kind == "added" for change in told)
        before = state
        for change in told:
            before = _undone(before, change)
        if added or before != state:
            found.append(Snapshot(version, told[0].at, state))
        if added:
            return found[::-1]
        state = before
    found.append(Snapshot(0, bot.first_seen, state))
    return found[::-1]


def _undone(bot: Bot, change: Change) -> Bot:
    """The bot as it was before a change."""
    if change.kind == "gone":
        return bot.model_copy(update={"status": "active"})
    if change.kind == "back":
        return bot.model_copy(update={"status": "gone"})
    path = (change.field or "").split(".")
    if ".".join(path[:2]) not in _PRICES:
        return bot
    if len(path) == 2:
        old = {path[1]: change.old}
    else:
        api = bot.pricing.api.model_dump() if bot.pricing.api else {}
        old = {"api": {**api, path[2]: change.old}}
    told = Pricing.model_validate(old)
    pricing = bot.pricing.model_copy(update={name: getattr(told, name) for name in old})
    return bot.model_copy(update={"pricing": pricing})


def steps(found: Sequence[Snapshot]) -> list[Step]:
    """What each snapshot changed, newest first. The first one of all is `added`."""
    told = []
    for place, snapshot in enumerate(found):
        if place == 0:
            told.append(Step(snapshot, "added", (), adjustments=False))
            continue
        before = found[place - 1].bot
        status = snapshot.bot.status
        kind = "changed" if status == before.status else ("gone" if status == "gone" else "back")
        adjustments = before.pricing.adjustments != snapshot.bot.pricing.adjustments
        told.append(Step(snapshot, kind, price_changes(before, snapshot.bot), adjustments))
    return told[::-1]


def series(found: Sequence[Snapshot]) -> list[Series]:
    """Every price that a bot's card or the API ever had, in dollars where it had dollars.

    The order is that of the newest card; prices that are no more come last.
    """
    by_key: dict[tuple[object, ...], list[tuple[Any, Decimal | None]]] = {}
    newest: dict[tuple[object, ...], Rate] = {}
    for snapshot in found:
        rates = _by_identity(snapshot.bot.pricing)
        for key in {**by_key, **rates}:
            rate = rates.get(key)
            amount = None if rate is None else rate.amount / rate.per.quantity
            line = by_key.setdefault(key, [])
            if not line or line[-1][1] != amount:
                line.append((snapshot.at, amount))
        newest |= rates
    now = _by_identity(found[-1].bot.pricing)
    in_dollars = {key[:-1] for key in by_key if key[-1] == "USD"}
    wanted = [key for key in newest if key[-1] == "USD" or key[:-1] not in in_dollars]
    wanted.sort(key=lambda key: (key not in now, [*now].index(key) if key in now else 0))
    return [Series(newest[key], by_key[key]) for key in wanted]


def _by_identity(pricing: Pricing) -> dict[tuple[object, ...], Rate]:
    """Rates by what stays the same of a price when it moves; its currency stands last."""
    rates: dict[tuple[object, ...], Rate] = {}
    for rate in pricing.rates or api_rates(pricing.api):
        rates.setdefault((*identity(rate), rate.currency), rate)
    return rates
