"""The gate: a candidate that looks like an accident is not published."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from poe_scraper.feed.merge import KnownBots
from poe_scraper.items import Bot, Feed

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

    def reasons(self, published: Feed | None, candidate: Feed) -> tuple[str, ...]:
        """Why the candidate must not be published, one sentence each; empty where it may."""
        if not candidate.data:
            return ("The candidate has no bots.",)
        if published is None:
            return ()
        return (*self._losses(published, candidate), *self._jumps(published, candidate))

    def _losses(self, published: Feed, candidate: Feed) -> Iterator[str]:
        for found_by, whose in ((None, "active bots"), ("api", "active bots of the models API")):
            before = _active(published, found_by)
            now = _active(candidate, found_by)
            if now < self.min_share * before:
                yield (
                    f"The candidate has {now} {whose}, {now / before:.1%} of the {before} published ones; "
                    f"at least {self.min_share:.0%} must remain."
                )
                return

    def _jumps(self, published: Feed, candidate: Feed) -> Iterator[str]:
        known = KnownBots(published.data)
        compared = 0
        jumped: list[str] = []
        for bot in candidate.data:
            before = known.find(bot)
            moves = list(_moves(before, bot)) if before is not None else []
            compared += bool(moves)
            jumps = [move for move in moves if move.jumped]
            if jumps:
                jumped.append(f"{bot.id}: {jumps[0]}")
        if len(jumped) > self.max_jumps * compared:
            yield (
                f"Prices of {len(jumped)} of {compared} bots, {len(jumped) / compared:.1%}, moved by a factor "
                f"of {FACTOR} or more; at most {self.max_jumps:.0%} may. The first are {'; '.join(jumped[:3])}."
            )


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


def _active(feed: Feed, found_by: str | None) -> int:
    return sum(bot.status == "active" and (found_by is None or found_by in bot.discovered_by) for bot in feed.data)


def _moves(old: Bot, new: Bot) -> Iterator[_Move]:
    """Every price that stands in both, per one unit, so that `/1k` and `/1M` compare.

    Where a card has several prices that nothing tells apart, they are compared in the card's order.
    """
    now = _card_prices(new)
    for identity, amounts in _card_prices(old).items():
        label, currency = identity[0], identity[-1]
        for amount, later in zip(amounts, now.get(identity, ()), strict=False):
            yield _Move(label, amount, later, currency)
    if old.pricing.api is not None and new.pricing.api is not None:
        for name in type(old.pricing.api).model_fields:
            amount, later = getattr(old.pricing.api, name), getattr(new.pricing.api, name)
            if amount is not None and later is not None:
                yield _Move(f"API {name}", amount, later, "USD")


def _card_prices(bot: Bot) -> dict[tuple[str, ...], list[Decimal]]:
    """Prices per one unit, by all that tells one price of a card from the others."""
    prices: defaultdict[tuple[str, ...], list[Decimal]] = defaultdict(list)
    for rate in bot.pricing.rates:
        attributes = (f"{name}={value}" for name, value in sorted(rate.attributes.items()))
        per = rate.per
        for end, amount in (("", rate.amount), ("max", rate.max_amount)):
            if amount is not None:
                identity = (
                    rate.label,
                    rate.section or "",
                    *attributes,
                    per.unit or "",
                    per.qualifier or "",
                    end,
                    rate.currency,
                )
                prices[identity].append(amount / (per.quantity or 1))
    return prices
