"""A bot's prices as the pages show them, and why they may be unsure."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from poe_scraper.failures import UnpricedError
from poe_scraper.items import ApiPricing, Bot, Currency, PrimaryPrice, Rate
from poe_scraper.pricing import amounts
from poe_scraper.pricing.conclusions import examine
from poe_scraper.pricing.costs import Money, cost
from poe_scraper.pricing.kinds import token_kinds
from poe_scraper.pricing.prices import Price, api_rates

_DIGITS = 3
"""Number of significant digits of a converted price, which is not one of Poe's own figures."""


@dataclass(frozen=True)
class Figure:
    """An amount as it is shown.

    Args:
        text: such as `$2.02` or `67,000`.
        converted: True if it was converted from the other currency.
    """

    text: str
    converted: bool = False


@dataclass(frozen=True)
class Shown:
    """A bot's primary price as a table shows it.

    Args:
        usd: the price in dollars.
        points: the price in points.
        per: what the price is for, such as `/1M tokens`; empty if the card does not say.
        bound: `up to`, `from`, `about`, or empty.
        unit: the unit of the denominator; None if the card names none.
        label: the rate's section, label and attributes.
    """

    usd: Figure
    points: Figure
    per: str
    bound: str
    unit: str | None
    label: str


def shown(primary: PrimaryPrice, points_per_usd: Decimal) -> Shown:
    """The primary price in both currencies; if one of them is missing, it is converted from the other."""
    usd, points = primary.usd, primary.points
    label = " / ".join(filter(None, (primary.section, primary.label, *primary.attributes.values())))
    return Shown(
        usd=Figure(f"${_rounded((points or 0) / points_per_usd)}", converted=True)
        if usd is None
        else Figure(f"${amounts.number(usd)}"),
        points=Figure(_rounded((usd or 0) * points_per_usd), converted=True)
        if points is None
        else Figure(amounts.number(_plain(points))),
        per=amounts.per(primary.per.model_dump()),
        bound=primary.bound.replace("_", " ") if primary.bound != "exact" else "",
        unit=primary.per.unit,
        label=label,
    )


@dataclass(frozen=True)
class Row:
    """A bot's prices in the table of all bots.

    Args:
        given: dollars for what goes in; None if the bot does not count it.
        made: dollars for what comes out; None if it is not known.
        points: the same in points, such as `60k / 450k`.
        per: what the prices are for, such as `1M tokens`; empty if the card does not say.
        label: of the primary price.
    """

    given: Figure | None
    made: Figure | None
    points: str
    per: str
    label: str


def row(bot: Bot, points_per_usd: Decimal) -> Row | None:
    """The prices of a bot for the table: of tokens in and out, else of what it makes; None if none is known."""
    primary = bot.pricing.primary
    if primary is None:
        return None
    first = shown(primary, points_per_usd)
    per = first.per.removeprefix("/")
    usd = Figure(f"{_SIGNS[primary.bound]}{first.usd.text}", converted=first.usd.converted and primary.bound == "exact")
    points = _points(first.points.text, converted=first.points.converted)
    if primary.per.unit != "token" or "input" not in token_kinds(primary.label, *primary.attributes.values()):
        return Row(None, usd, points, per, first.label)
    try:
        out = cost(bot, output_tokens=primary.per.quantity, points_per_usd=points_per_usd)
    except UnpricedError:
        return Row(usd, None, points, per, first.label)
    made = Figure(f"{_SIGNS[out.usd.bound]}${_sum(out.usd)}", converted=out.usd.converted and out.usd.bound == "exact")
    return Row(usd, made, f"{points} / {_points(_sum(out.points), converted=out.points.converted)}", per, first.label)


_SIGNS: dict[str, str] = {"exact": "", "up_to": "\u2264\u00a0", "from": "\u2265\u00a0", "about": "\u2248\u00a0"}


def _sum(money: Money) -> str:
    low = _rounded(money.amount) if money.converted else amounts.number(_plain(money.amount))
    return low if money.max_amount is None else f"{low}\u2013{amounts.number(_plain(money.max_amount))}"


def _points(text: str, *, converted: bool) -> str:
    figures = text if "\u2013" in text else amounts.short(Decimal(text.replace(",", "")))
    return f"{_SIGNS['about'] if converted else ''}{figures}"


def _rounded(value: Decimal) -> str:
    if value == 0:
        return "0"
    places = min(value.adjusted() - _DIGITS + 1, 0)
    rounded = value.quantize(Decimal(1).scaleb(places), ROUND_HALF_UP)
    return amounts.number(_plain(rounded))


def sections(bot: Bot) -> Iterator[tuple[str | None, list[Price]]]:
    """The prices of a bot's card by section title, in the card's order; sections with the same title are merged."""
    found: dict[str | None, list[Price]] = {}
    for price in examine(bot.pricing).page:
        found.setdefault(price.section, []).append(price)
    yield from found.items()


def figure(currency: Currency, rate: Rate) -> str:
    """A rate's amount with its bound and currency, such as `up to $0.81` or `0.10-0.20`, without its denominator."""
    sums = amounts.sum_of(rate.amount, rate.max_amount)
    bound = "" if rate.bound == "exact" else f"{rate.bound.replace('_', ' ')} "
    return f"{bound}{'$' if currency == 'USD' else ''}{sums}"


_COMPARED = {
    "usd": "${}",
    "usd_max": "to ${}",
    "points": "{} points",
    "points_max": "to {} points",
    "api": "${} in the API",
    "page": "${} on the card",
}


def compared(name: str, amount: Decimal) -> str:
    """A figure of a check in words, such as `$2.02` or `67 points`."""
    figure = amounts.number(amount)
    words = _COMPARED.get(name)
    return words.format(figure) if words else f"{name.replace('_', ' ')} {figure}"


def doubts(bot: Bot) -> list[str]:
    """Why the prices of a bot are unsure; empty if there is no reason."""
    pricing = bot.pricing
    kinds = {adjustment.kind for adjustment in pricing.adjustments}
    found = []
    if pricing.primary is None:
        found.append("None of its prices is known.")
    elif pricing.primary.bound != "exact":
        found.append(f"The price shown is not exact, but \u201c{pricing.primary.bound.replace('_', ' ')}\u201d.")
    if pricing.unparsed:
        found.append("Its rate card contains an amount that could not be parsed.")
    results = {check.result for check in pricing.checks}
    if "suspect" in results:
        found.append("Other evidence contradicts a price by a factor of 10 or more: see Checks.")
    if "differs" in results:
        found.append("Two sources give different prices: see Checks.")
    if "undisclosed_costs" in kinds:
        found.append("Its creator charges costs that the card does not disclose.")
    if "plus_called_bots" in kinds:
        found.append("The bots it calls are charged in addition.")
    if "variable" in kinds:
        found.append("The card says that part of the price varies.")
    if bot.observed.page is None:
        found.append("Its page was never read: the price comes from the models API.")
    if bot.errors:
        found.append("The last visit failed: see Errors. Older data is shown.")
    return found


_API_WORDS = {
    "prompt": "Tokens in",
    "completion": "Tokens out",
    "input_cache_read": "Tokens read from the cache",
    "input_cache_write": "Tokens written to the cache",
    "request": "Messages",
    "image": "Image tokens out",
}


def api_prices(api: ApiPricing | None) -> list[tuple[str, Decimal, str]]:
    """The models API's prices: label, dollars and denominator, such as `/1M tokens`. Token prices are per million."""
    rows = []
    for rate in api_rates(api):
        quantity = Decimal(1_000_000 if rate.per.unit == "token" else 1)
        per = amounts.per({"unit": rate.per.unit, "quantity": quantity})
        rows.append((_API_WORDS.get(rate.label, rate.label), _plain(rate.amount * quantity), per))
    return rows


def _plain(value: Decimal) -> Decimal:
    """The value without trailing zeros."""
    return value.to_integral_value() if value == value.to_integral_value() else value.normalize()
