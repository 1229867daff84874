"""The gate: checks that keep a candidate feed that looks wrong from being published."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from poe_scraper.feed.spool import BotSpool
from poe_scraper.items import Bot
from poe_scraper.pricing.prices import Identity, identity

FACTOR = 5
"""A price that moved by this factor, up or down, or to or from zero, has jumped."""

MIN_LOST = 3
"""Fewer bots that lose something are the bots' own matter, however small the feed is."""


def too_many_lost(lost: int, had: int, max_lost: float) -> bool:
    """True if so many bots lost what they had that the site must have changed, not the bots.

    Args:
        lost: bots that had something and no longer have it.
        had: bots that had it.
        max_lost: the largest share of them that may lose it.
    """
    return lost >= MIN_LOST and lost > max_lost * had


@dataclass(frozen=True)
class Gate:
    """How much a candidate may differ from the published feed.

    Args:
        min_share: a candidate with fewer active bots than this share of the published feed's is refused.
            This is checked for all bots, and again for those of the models API alone.
        max_jumps: a candidate is refused if prices of more than this share of the bots jumped.
        max_lost: a candidate is refused if more than this share of the bots that had prices lost them, and at least
            `MIN_LOST` did. This is checked for prices of pages and of the models API apart.
    """

    min_share: float = 0.8
    max_jumps: float = 0.05
    max_lost: float = 0.05

    def reasons(self, published: BotSpool, candidate: BotSpool, prices: "PriceMoves") -> tuple[str, ...]:
        """Why the candidate must not be published, one sentence each; empty if it may be.

        Args:
            published: the bots of the published feed.
            candidate: the bots that would replace them.
            prices: how the prices differ between the two.
        """
        if not candidate:
            return ("The candidate has no bots.",)
        return (*self._losses(published, candidate), *self._lost_prices(prices), *self._jumps(prices))

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

    def _lost_prices(self, prices: "PriceMoves") -> Iterator[str]:
        for place, source in enumerate(("page", "models API")):
            lost, had = prices.lost[place], prices.had[place]
            if too_many_lost(len(lost), had, self.max_lost):
                yield (
                    f"{len(lost)} of {had} bots with prices from their {source}, {len(lost) / had:.1%}, lose them; at "
                    f"most {self.max_lost:.0%} may. The first are {', '.join(lost[:3])}."
                )

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
        """Number of bots with a price in both feeds."""
        self.jumped: list[str] = []
        """Those of them with a price that jumped, and how."""
        self.had = [0, 0]
        """Number of published bots with prices from their page, and from the models API."""
        self.lost: tuple[list[str], list[str]] = ([], [])
        """Ids of those that have none in the candidate, likewise."""

    def add(self, before: Bot, bot: Bot) -> None:
        """Count a bot of both feeds."""
        moves = list(_moves(before, bot))
        self.compared += bool(moves)
        self.jumped += [f"{bot.id}: {move}" for move in moves if move.jumped][:1]
        for place, (had, has) in enumerate(zip(_price_sources(before), _price_sources(bot), strict=True)):
            self.had[place] += had
            self.lost[place].extend([bot.id] if had and not has else ())

    def add_unmoved(self, bot: Mapping[str, Any]) -> None:
        """Count a bot, given as JSON values, that is the same in both feeds."""
        api = bot["pricing"]["api"] or {}
        sources = (bool(bot["pricing"]["rates"]), any(price is not None for price in api.values()))
        self.compared += any(sources)
        for place, has in enumerate(sources):
            self.had[place] += has


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
    """Every price that both states of a bot have, per one unit, so that `/1k` and `/1M` compare.

    If nothing distinguishes several prices of a card, they are compared in the card's order.
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


def _price_sources(bot: Bot) -> tuple[bool, bool]:
    """Whether a bot has a price from its page, and from the models API."""
    api = bot.pricing.api
    from_api = api is not None and any(getattr(api, name) is not None for name in type(api).model_fields)
    return bool(bot.pricing.rates), from_api


def _card_prices(bot: Bot) -> dict[tuple[str, str, str, Identity], list[Decimal]]:
    """Prices per one unit, by all that distinguishes one price of a card from the others."""
    prices: defaultdict[tuple[str, str, str, Identity], list[Decimal]] = defaultdict(list)
    for rate in bot.pricing.rates:
        for end, amount in (("", rate.amount), ("max", rate.max_amount)):
            if amount is not None:
                prices[rate.label, rate.currency, end, identity(rate)].append(amount / (rate.per.quantity or 1))
    return prices
