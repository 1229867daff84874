"""The one price that a list shows for a bot."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal

from poe_scraper.items import Per, PrimaryPrice, Rate
from poe_scraper.pricing.effective import in_force
from poe_scraper.pricing.prices import Price
from poe_scraper.rates.grammar import MAX_QUANTITY

_MILLION = Decimal(1_000_000)


def primary_price(
    prices: Sequence[Price], of_api: Sequence[Price] = (), *, seen: date, on: date | None = None
) -> PrimaryPrice | None:
    """Choose the price of a bot that a list shows.

    The first of these that exists: the card's price of a token of text that goes in; the card's first price of what
    the bot makes, and not of what it is given, finds or caches; the card's first price; the API's price of a million
    tokens that go in, of a request, of a million tokens of an image. A price that does not hold yet, or no longer,
    is not chosen. A suspect price is marked as such.

    Args:
        prices: of the rate card, examined.
        of_api: prices of the models API, examined.
        seen: the day the card was read.
        on: the day to choose for; the day the card was read by default.

    Returns:
        The price in both currencies over one denominator, exactly; None if there is none at all.
    """
    prices = in_force(prices, seen, on or seen)
    wanted: tuple[Callable[[Price], bool], ...] = (_is_input_text, _is_made, lambda _: True)
    for is_wanted in wanted:
        for price in prices:
            if is_wanted(price):
                return _from_card(price)
    return _from_api(of_api)


def _is_input_text(price: Price) -> bool:
    return price.unit == "token" and "input" in price.kinds and price.is_about_text


def _is_made(price: Price) -> bool:
    return not price.is_given and not price.is_service


def _from_card(price: Price) -> PrimaryPrice:
    first, usd, points = price.first, price.usd, price.points
    if usd is not None and points is not None and not _is_comparable(usd.per, points.per):
        points = None
    quantity = _common([rate.per.quantity for rate in (usd, points) if rate is not None])
    return PrimaryPrice(
        label=first.label,
        section=first.section,
        attributes=first.attributes,
        per=first.per.model_copy(update={"quantity": quantity}),
        bound=first.bound,
        usd=_over(usd, quantity),
        points=_over(points, quantity),
        source="page",
        suspect=price.is_suspect,
    )


def _is_comparable(first: Per, second: Per) -> bool:
    """True if two denominators have a quantity in common that is not too large."""
    return _common([first.quantity, second.quantity]) <= MAX_QUANTITY


def _common(quantities: Sequence[Decimal]) -> Decimal:
    """A quantity over which the prices are exact: the larger one, or the product."""
    large, small = max(quantities), min(quantities)
    return large if large % small == 0 else large * small


def _over(rate: Rate | None, quantity: Decimal) -> Decimal | None:
    return None if rate is None else rate.amount * (quantity / rate.per.quantity)


def _from_api(of_api: Sequence[Price]) -> PrimaryPrice | None:
    prices = {price.label: price for price in of_api}
    for name in ("prompt", "request", "image"):
        if price := prices.get(name):
            rate = price.first
            quantity = _MILLION if rate.per.unit == "token" else Decimal(1)
            return PrimaryPrice(
                label=name,
                per=rate.per.model_copy(update={"quantity": quantity}),
                bound="exact",
                usd=rate.amount * quantity,
                source="api",
                suspect=price.is_suspect,
            )
    return None
