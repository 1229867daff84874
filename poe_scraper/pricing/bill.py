"""The bill for a usage: which price each usage takes, what adjusts it, and how sure the total is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NoReturn

from pydantic import Field

from poe_scraper.failures import UnpricedError
from poe_scraper.items import (
    POINTS_PER_USD,
    Adjustment,
    Amount,
    Bot,
    Bound,
    CacheDiscount,
    CacheWriteSurcharge,
    ContextTier,
    FreeAllowance,
    Item,
    Rate,
    Variable,
)
from poe_scraper.pricing import amounts, media
from poe_scraper.pricing.choice import Choice, choices
from poe_scraper.pricing.conclusions import card_seen, examine
from poe_scraper.pricing.effective import in_force
from poe_scraper.pricing.kinds import TokenKind, words_of
from poe_scraper.pricing.prices import Price
from poe_scraper.pricing.usage import TOKENS, UNITS, Usage, unit_of


class Money(Item):
    """A sum of money with how sure it is."""

    amount: Amount
    """The sum, or its lower end."""
    max_amount: Amount | None = None
    """Its upper end if a price is a range; else null."""
    bound: Bound = "exact"
    """As in a rate: `up_to` is an upper bound, `from` a lower one, `about` neither."""
    converted: bool = False
    """True if some of it was converted because no price in this currency is known."""


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
    """Where the price comes from: the bot's page or the models API."""
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
    """The total in points, not rounded."""
    usd: Money
    """The total in dollars."""
    lines: tuple[Line, ...]
    """The items of the bill."""
    assumptions: tuple[str, ...] = ()
    """What was assumed because the card prices another unit, such as `one message makes one image`."""
    notes: tuple[str, ...] = ()
    """What else bears on these figures."""
    points_per_usd: Amount = POINTS_PER_USD
    """What converted sums were converted with."""


# --- sums ---------------------------------------------------------------------------------------


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
            amount=decimal(self.low),
            max_amount=decimal(self.high) if self.ranged else None,
            bound=self.bound,
            converted=self.converted,
        )


def _weaker(one: Bound, other: Bound) -> Bound:
    """The bound of a sum: an upper and a lower bound together bound nothing."""
    if one == other or other == "exact":
        return one
    return other if one == "exact" else "about"


def decimal(value: Fraction) -> Decimal:
    """The fraction in full if its decimal expansion ends; else to 12 decimals, half up."""
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
        return decimal(Fraction((value * 10**12 + Fraction(1, 2)).__floor__(), 10**12))
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


# --- what a card says besides its prices --------------------------------------------------------

_SECONDS = {"second": Fraction(1), "minute": Fraction(1, 60), "hour": Fraction(1, 3600)}
_SEARCH_UNITS = frozenset({"request", "call", "query"})


def is_fee(price: Price) -> bool:
    """True if a price is owed on top of the others: a price per message, or a base fee."""
    return price.unit == "message" or (price.unit is None and bool(words_of(price.label) & {"base", "fee"}))


def caveat(item: Adjustment) -> tuple[Bound, str] | None:
    """What an adjustment that no usage decides does to every total, and how to say so; None for the others.

    An adjustment of a kind that this version does not know makes every total approximate.
    """
    match item.kind:
        case "cache_discount" | "cache_write_surcharge" | "context_tier" | "free_allowance" | "variable":
            return None
        case "plus_called_bots":
            return "from", amounts.in_words(item)
        case "markup":
            return "from", f"not applied: {amounts.in_words(item)}"
        case "discount":
            return "up_to", f"not applied: {amounts.in_words(item)}"
        case "multiplier":
            dearer = Decimal(getattr(item, "factor", 1)) >= 1
            return "from" if dearer else "up_to", f"not applied: {amounts.in_words(item)}"
        case _:
            return "about", f"not applied: {amounts.in_words(item)}"


# --- the bill -----------------------------------------------------------------------------------


class Bill:
    """Finds the price of each usage and adds them up."""

    def __init__(self, bot: Bot, usage: Usage, choice: Choice, points_per_usd: Fraction, on: date | None) -> None:
        self._bot = bot
        self._adjustments = bot.pricing.adjustments
        self._usage = usage
        self._choice = choice
        self._points_per_usd = points_per_usd
        seen = card_seen(bot)
        found = examine(bot.pricing)
        self._page = in_force(found.page, seen, on or seen)
        self._api = found.api
        per_message = [price.unit == "message" for price in self._page or self._api]
        self._per_message = any(per_message)
        self._flat = all(per_message)
        self._tier = self._context_tier()
        self._looked_at: list[Price] = []
        self._lines: list[tuple[Line, _Sum, _Sum]] = []
        self._bound: Bound = "exact"
        self._assumptions: list[str] = []
        self._notes: list[str] = []
        self._suspects: list[Price] = []

    def total(self) -> Cost:
        """The bill with its total.

        Raises:
            UnpricedError: the bot's prices do not say what this usage costs.
        """
        if any(item.kind == "undisclosed_costs" for item in self._adjustments):
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
            assumptions=tuple(dict.fromkeys(self._assumptions)),
            notes=tuple(self._notes),
            points_per_usd=decimal(self._points_per_usd),
        )

    def _refuse(self, reason: str, prices: Sequence[Price] = ()) -> NoReturn:
        raise UnpricedError(f"What this costs on {self._bot.id} is not known: {reason}.", choices(prices))

    # --- one usage

    def _charge(self, name: str, quantity: Fraction) -> None:
        if self._flat and (name in TOKENS or name in UNITS) and name != "messages" and "messages" in self._usage:
            self._notes.append(f"{_words(name)}: the price of a message covers them")
        elif name in media.MEDIA:
            self._charge_media(name, quantity)
        elif self._flat and (name in TOKENS or name in UNITS) and name != "messages":
            self._refuse("it charges by the message; say how many messages")
        elif name == "messages" and not self._per_message and len(self._usage) > 1:
            self._notes.append("messages: they have no price of their own")
        elif name == "cached_input_tokens":
            self._charge_cached(name, quantity)
        elif name == "cache_write_tokens":
            self._charge_written(name, quantity)
        elif name in TOKENS:
            self._add(name, quantity, self._price(name), *self._in_tier(TOKENS[name]))
        else:
            self._add(name, quantity, self._price(name))

    def _charge_media(self, name: str, quantity: Fraction) -> None:
        """Images and seconds are made: a price of what is given to the bot does not answer for them.

        It does if the caller chooses it by its label, and seconds are those given to a bot that makes only text.
        """
        found = self._prices(name, self._page)
        makes = media.makes(self._bot, self._page)
        takes_only = name == "seconds" and makes == {"text"}
        fitting = [price for price in found if takes_only or not price.is_given or self._choice.names(price)]
        if fitting:
            self._add(name, quantity, self._picked(name, fitting))
        elif other := media.assumed(name, quantity, self._page, makes):
            self._assumptions.append(other.words)
            self._bound = _weaker(self._bound, other.bound)
            self._add(other.usage, other.quantity, self._picked(name, other.prices))
        elif found:
            unit = UNITS[name]
            self._refuse(f"its only prices per {unit} are for what is given to it; choose one by its label")
        elif self._flat:
            self._refuse("it charges by the message; say how many messages")
        else:
            self._refuse(self._missing(name))

    def _charge_cached(self, name: str, quantity: Fraction) -> None:
        factor, tier = self._in_tier("input")
        discounts = [item for item in self._adjustments if isinstance(item, CacheDiscount)]
        if self._prices(name, self._page) or (not discounts and self._prices(name, self._api)):
            self._add(name, quantity, self._price(name), factor, tier)
        elif not discounts:
            self._add(name, quantity, self._price("input_tokens"), factor, tier)
            self._note("up_to", "cached input has no price of its own: counted as input, it costs no more than that")
        elif len({discount.percent for discount in discounts}) > 1:
            self._refuse("the card has several cache discounts and does not say which holds")
        else:
            factor *= 1 - Fraction(discounts[0].percent) / 100
            self._add(name, quantity, self._price("input_tokens"), factor, (discounts[0], *tier))

    def _charge_written(self, name: str, quantity: Fraction) -> None:
        factor, tier = self._in_tier("input")
        surcharges = [item for item in self._adjustments if isinstance(item, CacheWriteSurcharge)]
        on_top = [price for price in self._page if "cache_write_surcharge" in price.kinds]
        if self._prices(name, self._page):
            self._add(name, quantity, self._price(name), factor, tier)
        elif on_top:
            self._add(name, quantity, self._price("input_tokens"), factor, tier)
            self._add(name, quantity, self._picked(name, on_top), factor, tier)
        elif len({surcharge.percent for surcharge in surcharges}) > 1:
            self._refuse("the card has several surcharges on cache writes and does not say which holds")
        elif surcharges:
            factor *= 1 + Fraction(surcharges[0].percent) / 100
            self._add(name, quantity, self._price("input_tokens"), factor, (surcharges[0], *tier))
        elif self._prices(name, self._api):
            self._add(name, quantity, self._price(name), factor, tier)
        else:
            self._add(name, quantity, self._price("input_tokens"), factor, tier)
            self._note("from", "written input has no price of its own: counted as input, it may cost more than that")

    def _context_tier(self) -> ContextTier | None:
        context = sum(
            (self._usage.get(name, Fraction(0)) for name, kind in TOKENS.items() if kind != "output"),
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

    def _in_tier(self, kind: TokenKind) -> tuple[Fraction, tuple[Adjustment, ...]]:
        """The tier's factor on prices of input or output, and the tier if it has one."""
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
        if name in TOKENS:
            return [price for price in prices if price.unit == "token" and TOKENS[name] in price.kinds]
        if name == "token":
            return [price for price in prices if price.unit == "token" and not price.kinds]
        if name == "use":
            return [price for price in prices if price.unit is None]
        if name == "seconds":
            return [price for price in prices if price.unit in _SECONDS]
        found = [price for price in prices if price.unit == unit_of(name)]
        if name == "searches" and not found:
            return [p for p in prices if p.unit in _SEARCH_UNITS and "search" in words_of(p.label)]
        return found

    def _missing(self, name: str) -> str:
        reason = f"it has no price for {_words(name)}"
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
            self._refuse(f"no price for {_words(name)} fits the attributes given", prices)
        if name in TOKENS:
            fitting = [price for price in fitting if price.section is None] or fitting
            best = min(price.modality_rank for price in fitting)
            fitting = [price for price in fitting if price.modality_rank == best]
        else:
            fitting = [price for price in fitting if not price.is_given] or fitting
        if len({_figures(price) for price in fitting}) > 1:
            self._refuse(f"several prices fit {_words(name)}", fitting)
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
            quantity=decimal(quantity),
            label=price.label,
            section=price.section,
            attributes=price.attributes,
            source=price.source,
            applied=applied,
            points=points.money(),
            usd=usd.money(),
        )
        self._lines.append((line, points, usd))
        if price.is_suspect and price not in self._suspects:
            self._suspects.append(price)

    # --- the total

    def _weigh(self) -> None:
        """What else on the card bears on the total."""
        used = {unit_of(name) for name in (*self._usage, *(line.usage for line, _, _ in self._lines))}
        for item in self._adjustments:
            if found := caveat(item):
                self._note(*found)
            if isinstance(item, FreeAllowance) and (item.unit in {None, "point"} or item.unit in used):
                self._note("up_to", f"the first {item.quantity:f} {item.unit or 'use'}s may be free")
        for price in self._page or self._api:
            if is_fee(price) and not price.is_free and (price.unit or "use") not in used:
                self._note("from", f"not counted: {price.label}, per {price.unit or 'use'}")
        for price in self._suspects:
            self._note("about", f"unsure: other evidence contradicts the price of {price.subject} (see checks)")
        if self._bot.pricing.unparsed:
            self._note("about", "the card has an amount that could not be read")

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


def _words(usage: str) -> str:
    """The name of a usage as people say it: `input tokens`."""
    return usage.replace("_", " ")


def _figures(price: Price) -> tuple[object, ...]:
    """What a price costs: between prices of equal figures no choice is needed."""
    return tuple(
        (rate.amount, rate.max_amount, rate.bound, rate.per.quantity, rate.per.unit) if rate else None
        for rate in (price.points, price.usd)
    )
