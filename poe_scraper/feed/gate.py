"""The gate: a candidate that looks like an accident is not published."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from poe_scraper.feed.spool import BotSpool
from poe_scraper.items import Bot
from poe_scraper.pricing.prices import Identity, identity

FACTOR = 5
"""A price that moved by this factor, up or down, or to or from nothing, has jumped."""


@dataclass(frozen=True)
class Gate:
    """How much a candidate may differ from the published feed.

    Args:
        min_share: a candidate with fewer active bots than this share of the published feed's is refused.
            It holds for all bots, and again for those of the models API alone.
        max_jumps: a candidate where prices of more than this share of the bots jumped is refused.
    """

    min_share: float = 0.8
    max_jumps: float = 0.05

    def reasons(self, published: BotSpool, candidate: BotSpool, prices: "PriceMoves") -> tuple[str, ...]:
        """Why the candidate must not be published, one sentence each; empty where it may.

        Args:
            published: the bots of the published feed.
            candidate: the bots that are to take their place.
            prices: how the prices moved from the one to the other.
        """
        if not candidate:
            return ("The candidate has no bots.",)
        return (*self._losses(published, candidate), *self._jumps(prices))

    def _losses(self, published: BotSpool, candidate: BotSpool) -> Iterator[str]:
        for found_by, whose in ((None, "active bots"), ("api", "active bots of the models API")):
            before = published.active(found_by)
            now = candidate.active(found_by)
            if now < self.min_share * before:
                yield (
                    f"The candidate has {now} {whose}, {now / before:.1%} of the {before} published ones; "
                    f"at least {self.min_share:.0%} must remain."
                )
                return

    def _jumps(self, prices: "PriceMoves") -> Iterator[str]:
        jumped, compared = len(prices.jumped), prices.compared
        if jumped > self.max_jumps * compared:
            yield (
                f"Prices of {jumped} of {compared} bots, {jumped / compared:.1%}, moved by a factor "
                f"of {FACTOR} or more; at most {self.max_jumps:.0%} may. The first are {'; '.join(prices.jumped[:3])}."
            )


class PriceMoves:
    """How the prices of a candidate differ from the published ones."""

    def __init__(self) -> None:
        self.compared = 0
        """Bots with a price in both feeds."""
        self.jumped: list[str] = []
        """Which of them moved too far, and how."""

    def add(self, before: Bot, bot: Bot) -> None:
        """Take a bot of both feeds into account."""
        moves = list(_moves(before, bot))
        self.compared += bool(moves)
        self.jumped += [f"{bot.id}: {move}" for move in moves if move.jumped][:1]

    def add_unmoved(self, bot: Mapping[str, Any]) -> None:
        """Take a bot into account, given as JSON values, that is the same in both feeds."""
        api = bot["pricing"]["api"] or {}
        self.compared += bool(bot["pricing"]["rates"]) or any(price is not None for price in api.values())


@dataclass(frozen=True)
class _Move:
    """One price in two feeds."""

    what: str
    old: Decimal
    new: Decimal
    currency: str

    @property
    def jumped(self) -> bool:
        if self.old == 0 or self.new == 0:
            return self.old != self.new
        low, high = sorted((abs(self.old), abs(self.new)))
        return high >= FACTOR * low or (self.old < 0) != (self.new < 0)

    def __str__(self) -> str:
        return f"{self.what} from {self.old:f} to {self.new:f} {self.currency}"


def _moves(old: Bot, new: Bot) -> Iterator[_Move]:
    """Every price that stands in both, per one unit, so that `/1k` and `/1M` compare.

    Where a card has several prices that nothing tells apart, they are compared in the card's order.
    """
    now = _card_prices(new)
    for price, amounts in _card_prices(old).items():
        label, currency, *_ = price
        for amount, later in zip(amounts, now.get(price, ()), strict=False):
            yield _Move(label, amount, later, currency)
    if old.pricing.api is not None and new.pricing.api is not None:
        for name in type(old.pricing.api).model_fields:
            amount, later = getattr(old.pricing.api, name), getattr(new.pricing.api, name)
            if amount is not None and later is not None:
                yield _Move(f"API {name}", amount, later, "USD")


def _card_prices(bot: Bot) -> dict[tuple[str, str, str, Identity], list[Decimal]]:
    """Prices per one unit, by all that tells one price of a card from the others."""
    prices: defaultdict[tuple[str, str, str, Identity], list[Decimal]] = defaultdict(list)
    for rate in bot.pricing.rates:
        for end, amount in (("", rate.amount), ("max", rate.max_amount)):
            if amount is not None:
                prices[rate.label, rate.currency, end, identity(rate)].append(amount / (rate.per.quantity or 1))
    return prices
