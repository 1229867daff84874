"""What a usage costs on a bot, in points and dollars.

A pure function of a bot's prices and a usage. It computes with exact fractions and rounds once, at the
very end, and only what has no finite decimal expansion: to 12 decimals, half up. Poe posts points
rounded up and charges whole points; sums are not rounded here, so that many small costs can be added.

Where the evidence does not say what a usage costs, it says so (`UnpricedError`) and never guesses.
`docs/costs.md` tells the rules one by one; `tests/pricing/costs_cases.json` shows them on hand-worked cases.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NoReturn, TypeAlias

from pydantic import Field

from poe_scraper.failures import UnpricedError, UsageError
from poe_scraper.items import (
    POINTS_PER_USD,
    Adjustment,
    Amount,
    ApiPricing,
    Bot,
    Bound,
    CacheDiscount,
    CacheWriteSurcharge,
    ContextTier,
    Currency,
    FreeAllowance,
    Item,
    PlusCalledBots,
    Rate,
    UndisclosedCosts,
    Variable,
)

Quantity: TypeAlias = int | float | Decimal
Attributes: TypeAlias = Mapping[str, str | Sequence[str]]


class Money(Item):
    """A sum of money with how sure it is."""

    amount: Amount
    """The sum, or its lower end."""
    max_amount: Amount | None = None
    """Its upper end where a price is a range; else null."""
    bound: Bound = "exact"
    """As in a rate: `up_to` is an upper bound, `from` a lower one, `about` neither."""
    converted: bool = False
    """Whether some of it was converted from the other currency for want of a price in this one."""


class Line(Item):
    """One item of a bill."""

    usage: str
    """What was used: a name of a usage, such as `input_tokens`, or a unit such as `megapixel`."""
    quantity: Amount
    """How much of it was used."""
    label: str
    """The label of the price; for a price of the models API, its name there."""
    section: str | None = None
    """The section of the price."""
    attributes: dict[str, str] = Field(default_factory=dict)
    """The attributes of the price."""
    source: Literal["page", "api"]
    """Which evidence the price is."""
    applied: tuple[Adjustment, ...] = ()
    """The adjustments that changed the price."""
    points: Money
    """What it costs, in points."""
    usd: Money
    """What it costs, in dollars."""


class Cost(Item):
    """What a usage costs on a bot."""

    bot: str
    """The bot's id."""
    points: Money
    """The whole in points, not rounded."""
    usd: Money
    """The whole in dollars."""
    lines: tuple[Line, ...]
    """What it consists of."""
    notes: tuple[str, ...] = ()
    """What else a reader of these figures has to know."""
    points_per_usd: Amount = POINTS_PER_USD
    """What converted sums were converted with."""


def cost(
    bot: Bot,
    *,
    input_tokens: Quantity = 0,
    output_tokens: Quantity = 0,
    cached_input_tokens: Quantity = 0,
    cache_write_tokens: Quantity = 0,
    messages: Quantity = 0,
    images: Quantity = 0,
    seconds: Quantity = 0,
    characters: Quantity = 0,
    searches: Quantity = 0,
    units: Mapping[str, Quantity] | None = None,
    attributes: Attributes | None = None,
    points_per_usd: Decimal = POINTS_PER_USD,
) -> Cost:
    """What a usage costs on a bot.

    The three kinds of input tokens are counted apart, none within another; their sum is the context
    that a context tier looks at.

    Args:
        bot: whose prices to use.
        input_tokens: tokens of input that are neither read from the cache nor written to it.
        output_tokens: tokens of output.
        cached_input_tokens: tokens of input read from the cache.
        cache_write_tokens: tokens of input written to the cache.
        messages: messages sent to the bot.
        images: images made.
        seconds: seconds of audio or video.
        characters: characters of text.
        searches: web searches made.
        units: usage in any other unit of the bot's prices, such as `{"megapixel": 2}`; `use` counts
            the uses of prices that name no unit.
        attributes: which price to take where several fit: values of `label`, `section` or any
            attribute of a rate, compared without case. A list chooses one price for each usage.
        points_per_usd: what converts a price that is known in one currency alone.

    Raises:
        UnpricedError: the bot's prices do not say what this usage costs.
        UsageError: a quantity is negative or no number, or nothing is used.
    """
    named = {
        "input_tokens": input_tokens,
        "cached_input_tokens": cached_input_tokens,
        "cache_write_tokens": cache_write_tokens,
        "output_tokens": output_tokens,
        "messages": messages,
        "images": images,
        "seconds": seconds,
        "characters": characters,
        "searches": searches,
    }
    usage = _usage(named, units or {})
    if points_per_usd <= 0:
        message = f"points_per_usd must be more than 0, not {points_per_usd}"
        raise UsageError(message)
    bill = _Bill(bot, usage, _Choice(attributes or {}), Fraction(points_per_usd))
    return bill.total()


# --- usage -------------------------------------------------------------------------------------

_UNIT_OF_USAGE = {
    "messages": "message",
    "images": "image",
    "seconds": "second",
    "characters": "character",
    "searches": "search",
}
_SECONDS = {"second": Fraction(1), "minute": Fraction(1, 60), "hour": Fraction(1, 3600)}
_SEARCH_UNITS = frozenset({"request", "call", "query"})


def _usage(named: Mapping[str, Quantity], units: Mapping[str, Quantity]) -> dict[str, Fraction]:
    for unit in units:
        for name, same in _UNIT_OF_USAGE.items():
            if unit.casefold() == same:
                message = f"give {name} its own argument, not the unit {unit!r}"
                raise UsageError(message)
    quantities = {**named, **{unit.casefold(): quantity for unit, quantity in units.items()}}
    usage = {name: _fraction(name, quantity) for name, quantity in quantities.items() if quantity != 0}
    if not usage:
        message = f"nothing is used: give at least one of {', '.join(named)} or units"
        raise UsageError(message)
    return usage


def _fraction(name: str, quantity: Quantity) -> Fraction:
    exact = Decimal(str(quantity)) if isinstance(quantity, float) else Decimal(quantity)
    if not exact.is_finite() or exact < 0:
        message = f"{name} must be a number from 0 up, not {quantity}"
        raise UsageError(message)
    return Fraction(exact)


# --- prices ------------------------------------------------------------------------------------

Kind: TypeAlias = Literal["input", "output", "cached", "cache_write", "cache_write_surcharge"]

_INPUT = frozenset({"input", "inputs", "prompt", "prompts"})
_OUTPUT = frozenset({"output", "outputs", "completion", "completions"})
_CACHE = frozenset({"cache", "cached", "caching"})
_WRITE = frozenset({"write", "writes", "writing", "written", "creation"})
_MODALITIES = {"images": "image", "videos": "video", "speech": "audio"}
_MODALITIES |= {name: name for name in ("text", "image", "video", "audio", "file")}


@dataclass(frozen=True)
class Price:
    """A price in one or both currencies."""

    label: str
    unit: str | None
    section: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    qualifier: str | None = None
    points: Rate | None = None
    usd: Rate | None = None
    source: Literal["page", "api"] = "page"
    kinds: frozenset[Kind] = frozenset()

    @property
    def figures(self) -> tuple[object, ...]:
        """What it costs: prices of equal figures need no choice between them."""
        return tuple(
            (rate.amount, rate.max_amount, rate.bound, rate.per.quantity, rate.per.unit) if rate else None
            for rate in (self.points, self.usd)
        )

    @property
    def free(self) -> bool:
        """Whether it costs nothing in the currencies it is known in."""
        return not any(rate.max_amount or rate.amount for rate in (self.points, self.usd) if rate)

    @property
    def is_fee(self) -> bool:
        """Whether it is owed on top of the others: a price per message, or a base fee."""
        return self.unit == "message" or (self.unit is None and bool(words_of(self.label) & {"base", "fee"}))

    @property
    def of_input(self) -> bool:
        """Whether it pays for something that goes in, such as a reference image."""
        return bool((words_of(self.label) | words_of(self.qualifier)) & {"input", "reference"})

    @property
    def traits(self) -> dict[str, str]:
        """What it can be chosen by. A column of the card named `Label` or `Section` goes first."""
        return {"label": self.label, "section": self.section or "", **self.attributes}


def words_of(text: str | None) -> frozenset[str]:
    """The words of a label, without case, order and figures."""
    return frozenset(re.findall(r"[a-z]+", (text or "").casefold()))


def token_kinds(*texts: str | None) -> frozenset[Kind]:
    """Which tokens a price is for, from the first text that tells; empty where none does."""
    for text in texts:
        words = words_of(text)
        if words & _CACHE:
            if not words & _WRITE:
                return frozenset({"cached"})
            return frozenset({"cache_write_surcharge" if "surcharge" in words else "cache_write"})
        kinds: set[Kind] = set()
        if words & _INPUT:
            kinds.add("input")
        if words & _OUTPUT:
            kinds.add("output")
        if kinds:
            return frozenset(kinds)
    return frozenset()


def paired(rates: Iterable[Rate]) -> list[dict[Currency, Rate]]:
    """Rates of a card with dollars and points of one price together, in the order of the card."""
    pairs: list[dict[Currency, Rate]] = []
    by_key: dict[tuple[object, ...], list[dict[Currency, Rate]]] = {}
    for rate in rates:
        key = (rate.section, rate.label, tuple(sorted(rate.attributes.items())), rate.per.unit)
        same = by_key.setdefault(key, [])
        pair = next((pair for pair in same if rate.currency not in pair), None)
        if pair is None:
            pair = {}
            same.append(pair)
            pairs.append(pair)
        pair[rate.currency] = rate
    return pairs


def _page_price(pair: dict[Currency, Rate]) -> Price:
    rate = next(iter(pair.values()))
    return Price(
        label=rate.label,
        unit=rate.per.unit,
        section=rate.section,
        attributes=rate.attributes,
        qualifier=rate.per.qualifier,
        points=pair.get("points"),
        usd=pair.get("USD"),
        kinds=token_kinds(rate.label, *rate.attributes.values(), rate.section, rate.per.qualifier),
    )


def page_prices(rates: Iterable[Rate]) -> list[Price]:
    """The prices of a card, in its order."""
    return [_page_price(pair) for pair in paired(rates)]


_API_PRICES: tuple[tuple[str, str, frozenset[Kind]], ...] = (
    ("prompt", "token", frozenset({"input"})),
    ("completion", "token", frozenset({"output"})),
    ("input_cache_read", "token", frozenset({"cached"})),
    ("input_cache_write", "token", frozenset({"cache_write"})),
    ("request", "message", frozenset()),
)
# `image` is left out: three bots have it, and on all three it is the card's price of an output
# image *token*, not of an image (observed October 2026).


def api_prices(api: ApiPricing | None) -> list[Price]:
    """The prices of the models API that a usage can be billed with, in dollars."""
    prices = []
    for name, unit, kinds in _API_PRICES:
        amount: Decimal | None = getattr(api, name, None)
        if amount is not None:
            rate = Rate(label=name, currency="USD", amount=amount)
            prices.append(Price(name, unit, usd=rate, source="api", kinds=kinds))
    return prices


# --- choosing a price --------------------------------------------------------------------------


class _Choice:
    """What the caller said about which price to take."""

    def __init__(self, attributes: Attributes) -> None:
        self._wanted = {
            _folded(key): {_folded(value) for value in ([values] if isinstance(values, str) else values)}
            for key, values in attributes.items()
        }
        self._met: set[tuple[str, str]] = set()

    def narrow(self, prices: list[Price]) -> list[Price]:
        """The prices that fit. A trait that none of them has leaves them as they are."""
        for key, values in self._wanted.items():
            fitting = []
            without = []
            for price in prices:
                value = {_folded(name): _folded(value) for name, value in price.traits.items()}.get(key)
                if value in values:
                    self._met.add((key, value or ""))
                    fitting.append(price)
                elif value is None or key in {"label", "section"}:
                    without.append(price)
            prices = fitting or without
        return prices

    def unmet(self) -> list[str]:
        """What was asked for and fitted no price that was looked at."""
        return [
            f"{key} {value!r}"
            for key, values in self._wanted.items()
            for value in sorted(values)
            if (key, value) not in self._met
        ]


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _modality_rank(price: Price) -> int:
    """Tokens are taken for tokens of text, unless the caller chooses others."""
    modalities = {_MODALITIES[word] for word in words_of(price.label) if word in _MODALITIES}
    if modalities <= {"text"}:
        return 0
    return 1 if "text" in modalities else 2


def _choices(prices: Sequence[Price]) -> tuple[dict[str, str], ...]:
    """What tells the prices from each other."""
    names = list(dict.fromkeys(name for price in prices for name in price.traits))
    telling = [name for name in names if len({price.traits.get(name) for price in prices}) > 1]
    found = [{name: price.traits[name] for name in telling if name in price.traits} for price in prices]
    return tuple(choice for place, choice in enumerate(found) if choice and choice not in found[:place])


# --- the bill ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sum:
    low: Fraction
    high: Fraction
    ranged: bool
    bound: Bound
    converted: bool = False

    def converted_with(self, factor: Fraction) -> "_Sum":
        return replace(self, low=self.low * factor, high=self.high * factor, converted=self.high != 0)

    def money(self) -> Money:
        return Money(
            amount=_decimal(self.low),
            max_amount=_decimal(self.high) if self.ranged else None,
            bound=self.bound,
            converted=self.converted,
        )


def _weaker(one: Bound, other: Bound) -> Bound:
    """The bound of a sum: an upper and a lower bound together bound nothing."""
    if one == other or other == "exact":
        return one
    return other if one == "exact" else "about"


def _decimal(value: Fraction) -> Decimal:
    """The fraction in full where it ends; else to 12 decimals, half up."""
    places = 0
    rest = value.denominator
    while rest % 10 == 0:
        rest //= 10
        places += 1
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
            places += 1
    if rest != 1:
        return _decimal(Fraction((value * 10**12 + Fraction(1, 2)).__floor__(), 10**12))
    return Decimal(f"{int(value * 10**places)}E-{places}")


def _sums(price: Price, times: Fraction, points_per_usd: Fraction) -> tuple[_Sum, _Sum]:
    """So many times the price, in points and in dollars."""
    points = _product(price.points, times) if price.points else None
    usd = _product(price.usd, times) if price.usd else None
    if points is None and usd is not None:
        points = usd.converted_with(points_per_usd)
    if usd is None and points is not None:
        usd = points.converted_with(1 / points_per_usd)
    assert points is not None  # noqa: S101 - a price is known in one currency at least
    assert usd is not None  # noqa: S101
    return points, usd


def _product(rate: Rate, times: Fraction) -> _Sum:
    each = times / Fraction(rate.per.quantity)
    low = Fraction(rate.amount) * each
    high = low if rate.max_amount is None else Fraction(rate.max_amount) * each
    return _Sum(low, high, rate.max_amount is not None, rate.bound)


_TOKENS: dict[str, Kind] = {
    "input_tokens": "input",
    "cached_input_tokens": "cached",
    "cache_write_tokens": "cache_write",
    "output_tokens": "output",
}


class _Bill:
    def __init__(self, bot: Bot, usage: dict[str, Fraction], choice: _Choice, points_per_usd: Fraction) -> None:
        self._bot = bot
        self._adjustments = bot.pricing.adjustments
        self._usage = usage
        self._choice = choice
        self._points_per_usd = points_per_usd
        self._page = page_prices(bot.pricing.rates)
        self._api = api_prices(bot.pricing.api)
        per_message = [price.unit == "message" for price in self._page or self._api]
        self._per_message = any(per_message)
        self._flat = all(per_message)
        self._tier = self._context_tier()
        self._looked_at: list[Price] = []
        self._lines: list[tuple[Line, _Sum, _Sum]] = []
        self._bound: Bound = "exact"
        self._notes: list[str] = []

    def total(self) -> Cost:
        if any(isinstance(adjustment, UndisclosedCosts) for adjustment in self._adjustments):
            self._refuse("its creator charges costs that the card does not disclose")
        if not self._page and not self._api:
            self._refuse("no price of it is known")
        for name, quantity in self._usage.items():
            self._charge(name, quantity)
        if unmet := self._choice.unmet():
            self._refuse(f"no price of this usage has the {unmet[0]}", self._looked_at)
        self._weigh()
        return Cost(
            bot=self._bot.id,
            points=self._total([points for _, points, _ in self._lines]).money(),
            usd=self._total([usd for _, _, usd in self._lines]).money(),
            lines=tuple(line for line, _, _ in self._lines),
            notes=tuple(self._notes),
            points_per_usd=_decimal(self._points_per_usd),
        )

    def _refuse(self, reason: str, prices: Sequence[Price] = ()) -> NoReturn:
        raise UnpricedError(f"What this costs on {self._bot.id} is not known: {reason}.", _choices(prices))

    # --- one usage

    def _charge(self, name: str, quantity: Fraction) -> None:
        if self._flat and name != "messages" and (name in _TOKENS or name in _UNIT_OF_USAGE):
            if "messages" not in self._usage:
                self._refuse("it charges by the message; say how many messages")
            self._notes.append(f"{name}: the price of a message covers them")
        elif name == "messages" and not self._per_message and len(self._usage) > 1:
            self._notes.append("messages: they have no price of their own")
        elif name == "cached_input_tokens":
            self._charge_cached(name, quantity)
        elif name == "cache_write_tokens":
            self._charge_written(name, quantity)
        elif name in _TOKENS:
            self._add(name, quantity, self._price(name), *self._in_tier(_TOKENS[name]))
        else:
            self._add(name, quantity, self._price(name))

    def _charge_cached(self, name: str, quantity: Fraction) -> None:
        factor, tier = self._in_tier("input")
        discounts = [item for item in self._adjustments if isinstance(item, CacheDiscount)]
        if self._prices("cached_input_tokens", self._page) or not discounts:
            self._add(name, quantity, self._price(name), factor, tier)
            return
        if len({discount.percent for discount in discounts}) > 1:
            self._refuse("the card has several cache discounts and does not say which holds")
        factor *= 1 - Fraction(discounts[0].percent) / 100
        self._add(name, quantity, self._price("input_tokens"), factor, (discounts[0], *tier))

    def _charge_written(self, name: str, quantity: Fraction) -> None:
        factor, tier = self._in_tier("input")
        surcharges = [item for item in self._adjustments if isinstance(item, CacheWriteSurcharge)]
        on_top = [price for price in self._page if "cache_write_surcharge" in price.kinds]
        if self._prices(name, self._page) or not (surcharges or on_top):
            self._add(name, quantity, self._price(name), factor, tier)
        elif on_top:
            self._add(name, quantity, self._price("input_tokens"), factor, tier)
            self._add(name, quantity, self._picked(name, on_top), factor, tier)
        elif len({surcharge.percent for surcharge in surcharges}) > 1:
            self._refuse("the card has several surcharges on cache writes and does not say which holds")
        else:
            factor *= 1 + Fraction(surcharges[0].percent) / 100
            self._add(name, quantity, self._price("input_tokens"), factor, (surcharges[0], *tier))

    def _context_tier(self) -> ContextTier | None:
        context = sum(
            (self._usage.get(name, Fraction(0)) for name, kind in _TOKENS.items() if kind != "output"),
            Fraction(0),
        )
        holding = [
            item
            for item in self._adjustments
            if isinstance(item, ContextTier)
            and context > item.min_tokens
            and (item.max_tokens is None or context <= item.max_tokens)
        ]
        return max(holding, key=lambda tier: tier.min_tokens, default=None)

    def _in_tier(self, kind: Kind) -> tuple[Fraction, tuple[Adjustment, ...]]:
        """The tier's factor on prices of input or output, and the tier where it has one."""
        if self._tier is None:
            return Fraction(1), ()
        factor = self._tier.output_multiplier if kind == "output" else self._tier.input_multiplier
        return (Fraction(1), ()) if factor is None else (Fraction(factor), (self._tier,))

    # --- its price

    def _price(self, name: str) -> Price:
        """The one price of a usage: of the card, else of the API."""
        prices = self._prices(name, self._page) or self._prices(name, self._api)
        if not prices:
            self._refuse(self._missing(name))
        return self._picked(name, prices)

    @staticmethod
    def _prices(name: str, prices: list[Price]) -> list[Price]:
        if name in _TOKENS:
            return [price for price in prices if price.unit == "token" and _TOKENS[name] in price.kinds]
        if name == "token":
            return [price for price in prices if price.unit == "token" and not price.kinds]
        if name == "use":
            return [price for price in prices if price.unit is None]
        if name == "seconds":
            return [price for price in prices if price.unit in _SECONDS]
        unit = _UNIT_OF_USAGE.get(name, name)
        found = [price for price in prices if price.unit == unit]
        if name == "searches" and not found:
            return [p for p in prices if p.unit in _SEARCH_UNITS and "search" in words_of(p.label)]
        return found

    def _missing(self, name: str) -> str:
        reason = f"it has no price for {name}"
        if variable := [item.label for item in self._adjustments if isinstance(item, Variable)]:
            reason += f"; the card calls {', '.join(variable)} variable"
        if any(price.unit is None for price in self._page):
            reason += "; some of its prices name no unit: count what they pay for as the unit 'use'"
        units = sorted({price.unit for price in (*self._page, *self._api) if price.unit})
        return f"{reason}; it has prices per {', '.join(units)}" if units else reason

    def _picked(self, name: str, prices: list[Price]) -> Price:
        self._looked_at += prices
        fitting = self._choice.narrow(prices)
        if not fitting:
            self._refuse(f"no price for {name} fits the attributes given", prices)
        if name in _TOKENS:
            fitting = [price for price in fitting if price.section is None] or fitting
            ranks = [_modality_rank(price) for price in fitting]
            fitting = [price for price, rank in zip(fitting, ranks, strict=True) if rank == min(ranks)]
        else:
            fitting = [price for price in fitting if not price.of_input] or fitting
        if len({price.figures for price in fitting}) > 1:
            self._refuse(f"several prices fit {name}", fitting)
        return fitting[0]

    # --- its line

    def _add(
        self,
        name: str,
        quantity: Fraction,
        price: Price,
        factor: Fraction = Fraction(1),
        applied: tuple[Adjustment, ...] = (),
    ) -> None:
        times = quantity * factor
        if name == "seconds":
            times *= _SECONDS[price.unit or ""]
        points, usd = _sums(price, times, self._points_per_usd)
        line = Line(
            usage=name,
            quantity=_decimal(quantity),
            label=price.label,
            section=price.section,
            attributes=price.attributes,
            source=price.source,
            applied=applied,
            points=points.money(),
            usd=usd.money(),
        )
        self._lines.append((line, points, usd))

    # --- the whole

    def _weigh(self) -> None:
        """What else on the card bears on the whole."""
        used = {_UNIT_OF_USAGE.get(name, "token" if name in _TOKENS else name) for name in self._usage}
        for item in self._adjustments:
            if isinstance(item, PlusCalledBots):
                self._note("from", "the bots that it calls cost extra")
            if isinstance(item, FreeAllowance) and (item.unit in {None, "point"} or item.unit in used):
                self._note("up_to", f"the first {item.quantity:f} {item.unit or 'use'}s may be free")
        for price in self._page or self._api:
            if price.is_fee and not price.free and not {price.unit or "use", "messages"} & used:
                self._note("from", f"not counted: {price.label}, per {price.unit or 'use'}")
        if self._bot.pricing.unparsed:
            self._note("about", "the card holds an amount that could not be read")

    def _note(self, bound: Bound, text: str) -> None:
        self._bound = _weaker(self._bound, bound)
        self._notes.append(text)

    def _total(self, sums: list[_Sum]) -> _Sum:
        bound = self._bound
        for one in sums:
            bound = _weaker(bound, one.bound)
        return _Sum(
            low=sum((one.low for one in sums), Fraction(0)),
            high=sum((one.high for one in sums), Fraction(0)),
            ranged=any(one.ranged for one in sums),
            bound=bound,
            converted=any(one.converted for one in sums),
        )
