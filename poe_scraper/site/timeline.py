"""The price history of a bot, as its page shows it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from poe_scraper.feed.history import PriceChange, Snapshot, price_changes
from poe_scraper.items import Pricing, Rate
from poe_scraper.pricing.prices import api_rates, identity


@dataclass(frozen=True)
class Move:
    """One price that changed, in dollars and points together.

    Args:
        usd: the change in dollars; None if the price has none.
        points: the change in points; None if the price has none.
    """

    usd: PriceChange | None
    points: PriceChange | None

    @property
    def first(self) -> PriceChange:
        """The change in dollars, or in points if the price has none in dollars."""
        change = self.usd or self.points
        assert change is not None  # noqa: S101 - one of both is given
        return change

    @property
    def both(self) -> list[PriceChange]:
        """The changes that there are, that in dollars first."""
        return [change for change in (self.usd, self.points) if change is not None]


def moves(changes: Iterable[PriceChange]) -> list[Move]:
    """Price changes with dollars and points of one price put together, in their order."""
    found: list[Move] = []
    for change in changes:
        currency = change.rate.currency
        key = change.source, identity(change.rate)
        for place, move in enumerate(found):
            other = move.first
            if (other.source, identity(other.rate)) == key and len(move.both) == 1 and other.rate.currency != currency:
                usd, points = (change, other) if currency == "USD" else (other, change)
                found[place] = Move(usd, points)
                break
        else:
            found.append(Move(change, None) if currency == "USD" else Move(None, change))
    return found


@dataclass(frozen=True)
class Step:
    """A version that changed a bot's prices or status.

    Args:
        snapshot: the bot as of that version.
        kind: `added`, `gone`, `back` or `changed`.
        prices: the prices that changed.
        adjustments: True if the adjustments changed.
    """

    snapshot: Snapshot
    kind: str
    prices: Sequence[Move]
    adjustments: bool


@dataclass(frozen=True)
class Series:
    """One price over time.

    Args:
        rate: the latest rate.
        points: when each price took effect and the price per unit, oldest first; None while there was no price.
    """

    rate: Rate
    points: Sequence[tuple[Any, Decimal | None]]

    @property
    def moved(self) -> bool:
        """True if the price ever changed."""
        return len({amount for _, amount in self.points}) > 1


def steps(found: Sequence[Snapshot]) -> list[Step]:
    """What each snapshot changed, newest first. The oldest snapshot is `added`."""
    result = []
    for index, snapshot in enumerate(found):
        if index == 0:
            result.append(Step(snapshot, "added", (), adjustments=False))
            continue
        before = found[index - 1].bot
        status = snapshot.bot.status
        kind = "changed" if status == before.status else ("gone" if status == "gone" else "back")
        adjustments = before.pricing.adjustments != snapshot.bot.pricing.adjustments
        result.append(Step(snapshot, kind, moves(price_changes(before, snapshot.bot)), adjustments))
    return result[::-1]


def series(found: Sequence[Snapshot]) -> list[Series]:
    """All prices that a bot's card or the API ever had; in dollars if they were ever given in dollars.

    They are in the order of the newest card. Prices that no longer exist come last.
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
    """Rates by a key that stays the same when the price changes. The key's last part is the currency."""
    rates: dict[tuple[object, ...], Rate] = {}
    for rate in pricing.rates or api_rates(pricing.api):
        rates.setdefault((*identity(rate), rate.currency), rate)
    return rates
