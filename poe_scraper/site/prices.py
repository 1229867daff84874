"""What the pages tell of a bot's prices, and how sure that is."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from poe_scraper.items import ApiPricing, Bot, Currency, PrimaryPrice, Rate
from poe_scraper.pricing import amounts
from poe_scraper.pricing.conclusions import examine
from poe_scraper.pricing.prices import Price, api_rates

_DIGITS = 3
"""So many significant digits of a converted price are shown: it is no figure of Poe's."""


@dataclass(frozen=True)
class Figure:
    """An amount as it is shown.

    Args:
        text: such as `$2.02` or `67,000`.
        converted: whether it was converted from the other currency.
    """

    text: str
    converted: bool = False


@dataclass(frozen=True)
class Shown:
    """A bot's primary price as a table shows it.

    Args:
        usd: dollars.
        points: points.
        per: what both pay for: `/1M tokens`; empty where the card names nothing.
        bound: `up to`, `from`, `about`, or empty.
        unit: of the denominator.
        label: of the rate.
    """

    usd: Figure
    points: Figure
    per: str
    bound: str
    unit: str | None
    label: str


def shown(primary: PrimaryPrice, points_per_usd: Decimal) -> Shown:
    """The primary price in both currencies; what is known in one alone is converted."""
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


def _rounded(value: Decimal) -> str:
    if value == 0:
        return "0"
    places = min(value.adjusted() - _DIGITS + 1, 0)
    rounded = value.quantize(Decimal(1).scaleb(places), ROUND_HALF_UP)
    return amounts.number(_plain(rounded))


def sections(bot: Bot) -> Iterator[tuple[str | None, list[Price]]]:
    """The prices of a bot's card under their titles, in its order; a title that comes back is one section."""
    found: dict[str | None, list[Price]] = {}
    for price in examine(bot.pricing).page:
        found.setdefault(price.section, []).append(price)
    yield from found.items()


def figure(currency: Currency, rate: Rate) -> str:
    """A rate's own figures: `up to $0.81`, `0.10-0.20`, with its denominator."""
    sums = amounts.sum_of(rate.amount, rate.max_amount)
    bound = "" if rate.bound == "exact" else f"{rate.bound.replace('_', ' ')} "
    return f"{bound}{'$' if currency == 'USD' else ''}{sums}"


def doubts(bot: Bot) -> list[str]:
    """Why the prices of a bot are not sure; empty where nothing speaks against them."""
    pricing = bot.pricing
    kinds = {adjustment.kind for adjustment in pricing.adjustments}
    found = []
    if pricing.primary is None:
        found.append("No price of it is known.")
    elif pricing.primary.bound != "exact":
        found.append(f"The price shown is not exact, but \u201c{pricing.primary.bound.replace('_', ' ')}\u201d.")
    if pricing.unparsed:
        found.append("Its rate card holds an amount that could not be read.")
    results = {check.result for check in pricing.checks}
    if "suspect" in results:
        found.append("Other evidence contradicts a price by a factor of 10 or more: see Checks.")
    if "differs" in results:
        found.append("Two sources give different prices: see Checks.")
    if "undisclosed_costs" in kinds:
        found.append("Its creator charges costs that the card does not disclose.")
    if "plus_called_bots" in kinds:
        found.append("The bots that it calls cost extra.")
    if "variable" in kinds:
        found.append("The card calls a part of the price variable.")
    if bot.observed.page is None:
        found.append("Its page was never read: the price is the models API's.")
    if bot.errors:
        found.append("Something went wrong at the last visit: see Errors. Older facts are shown.")
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
    """The models API's prices: what for, dollars, and what they are per; tokens by the million."""
    told = []
    for rate in api_rates(api):
        quantity = Decimal(1_000_000 if rate.per.unit == "token" else 1)
        per = amounts.per({"unit": rate.per.unit, "quantity": quantity})
        told.append((_API_WORDS.get(rate.label, rate.label), _plain(rate.amount * quantity), per))
    return told


def _plain(value: Decimal) -> Decimal:
    """Without zeros that only computing made."""
    return value.to_integral_value() if value == value.to_integral_value() else value.normalize()
