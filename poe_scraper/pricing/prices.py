"""One price of a bot: which rates of a card are the same price, and the models API's prices as rates."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Literal, TypeAlias

from poe_scraper.items import ApiPricing, Currency, Per, Rate
from poe_scraper.pricing.kinds import TokenKind, is_given, is_service, modalities, token_kinds

Identity: TypeAlias = tuple[str | None, str, tuple[tuple[str, str], ...], str | None, str | None]


def identity(rate: Rate) -> Identity:
    """What stays the same of a price when its amount changes, whatever its currency.

    It is the section, the label, the attributes, and the unit with its qualifier. The quantity is not part of it:
    a card that moves from 1k to 1M tokens still has the same prices.
    """
    return rate.section, rate.label, tuple(sorted(rate.attributes.items())), rate.per.unit, rate.per.qualifier


@dataclass(frozen=True)
class Price:
    """One price, known in one currency or in both.

    Args:
        usd: the rate in dollars, if known.
        points: the rate in points, if known; one of the two is.
        source: `page` for the rate card, `api` for the models API.
        is_suspect: True if a check found evidence against it, by a factor of 10 or more.
    """

    usd: Rate | None
    points: Rate | None
    source: Literal["page", "api"] = "page"
    is_suspect: bool = False

    @property
    def first(self) -> Rate:
        """The rate in dollars, or in points where dollars are not known."""
        rate = self.usd or self.points
        assert rate is not None  # noqa: S101 - a price is known in one currency at least
        return rate

    @property
    def label(self) -> str:
        """The rate's label."""
        return self.first.label

    @property
    def section(self) -> str | None:
        """The rate's section."""
        return self.first.section

    @property
    def attributes(self) -> dict[str, str]:
        """The rate's attributes."""
        return self.first.attributes

    @property
    def unit(self) -> str | None:
        """The unit that it is per."""
        return self.first.per.unit

    @property
    def subject(self) -> str:
        """The label, with the values of the attributes that tell the price from its neighbours."""
        return ", ".join((self.label, *self.attributes.values()))

    @cached_property
    def kinds(self) -> frozenset[TokenKind]:
        """Which tokens it is for; empty if its texts name none."""
        first = self.first
        if self.source == "api":
            return _API_KINDS.get(first.label, frozenset())
        return token_kinds(first.label, *first.attributes.values(), first.section, first.per.qualifier)

    @cached_property
    def modality_rank(self) -> int:
        """0 for text, or if it names no modality; 1 for text among others; 2 for others alone."""
        named = modalities(self.label)
        if named <= {"text"}:
            return 0
        return 1 if "text" in named else 2

    @property
    def is_about_text(self) -> bool:
        """True if it names text, or no modality, which means text where tokens are counted."""
        return self.modality_rank <= 1

    @cached_property
    def is_given(self) -> bool:
        """True if it is for something that the user gives, and not for what the bot makes."""
        if self.unit == "token":
            return bool(self.kinds) and "output" not in self.kinds
        first = self.first
        return is_given(first.label, first.per.qualifier, first.attributes, first.section)

    @property
    def is_service(self) -> bool:
        """True if it is for something that the bot uses on the way, such as a web search or the cache."""
        return is_service(self.label)

    @property
    def is_free(self) -> bool:
        """True if it is 0 in every currency it is known in."""
        return not any(rate.max_amount or rate.amount for rate in (self.points, self.usd) if rate)


def page_prices(rates: Iterable[Rate]) -> list[Price]:
    """The prices of a card, in its order.

    Dollars and points of one row are one price if they are per the same unit. Where a row has several prices, the
    n-th dollars belong to the n-th points, and rates of one qualifier to each other.
    """
    pairs: list[list[Rate]] = []
    by_key: dict[tuple[object, ...], list[list[Rate]]] = {}
    for rate in rates:
        row = by_key.setdefault(identity(rate)[:-1], [])
        pair = next((pair for pair in row if _completes(rate, pair)), None)
        if pair is None:
            pair = []
            row.append(pair)
            pairs.append(pair)
        pair.append(rate)
    return [Price(_in_currency("USD", pair), _in_currency("points", pair)) for pair in pairs]


def _in_currency(currency: Currency, pair: list[Rate]) -> Rate | None:
    return next((rate for rate in pair if rate.currency == currency), None)


def _completes(rate: Rate, pair: list[Rate]) -> bool:
    """True if a rate is the other currency of a price that is known in one so far."""
    if len(pair) > 1 or pair[0].currency == rate.currency:
        return False
    return not (rate.per.qualifier and pair[0].per.qualifier) or rate.per.qualifier == pair[0].per.qualifier


# --- the models API -----------------------------------------------------------------------------

_API_PER: dict[str, Per] = {
    "prompt": Per(unit="token", qualifier=None),
    "completion": Per(unit="token", qualifier=None),
    "input_cache_read": Per(unit="token", qualifier=None),
    "input_cache_write": Per(unit="token", qualifier=None),
    "request": Per(unit="message", qualifier=None),
    # Observed October 2026: on all three bots that have it, it is the card's price of an output image token.
    "image": Per(unit="token", qualifier="image"),
}
"""What the models API's prices are per. Prices of other names have no unit that is known."""

_API_KINDS: dict[str, frozenset[TokenKind]] = {
    "prompt": frozenset({"input"}),
    "completion": frozenset({"output"}),
    "input_cache_read": frozenset({"cached"}),
    "input_cache_write": frozenset({"cache_write"}),
    "image": frozenset({"output"}),
}


def api_rates(api: ApiPricing | None) -> list[Rate]:
    """The models API's prices as rates: labelled with the API's names, in USD per token, message or image token."""
    amounts: dict[str, Decimal | None] = {name: getattr(api, name) for name in ApiPricing.model_fields} if api else {}
    return [
        Rate(label=name, currency="USD", amount=amount, per=_API_PER.get(name, Per()))
        for name, amount in amounts.items()
        if amount is not None
    ]


def api_prices(api: ApiPricing | None) -> list[Price]:
    """The prices of the models API."""
    return [Price(rate, None, source="api") for rate in api_rates(api)]
