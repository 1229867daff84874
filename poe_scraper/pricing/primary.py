"""The one price that a list shows for a bot."""

from collections.abc import Sequence
from decimal import Decimal

from poe_scraper.items import ApiPricing, Per, PrimaryPrice, Rate
from poe_scraper.pricing.pairing import Pair, input_tokens, is_main, pairs
from poe_scraper.rates.grammar import MAX_QUANTITY

_MILLION = Decimal(1_000_000)


def primary_price(rates: Sequence[Rate], api: ApiPricing | None) -> PrimaryPrice | None:
    """Chooses the price of a bot that a list shows.

    The first of these that exists: the card's price of a token of text that goes in; the card's first price
    of something that the bot makes (no input, no search, nothing cached); the card's first price; the API's
    price of a million tokens that go in, of a request, of an image.

    Args:
        rates: of the rate card.
        api: prices of the models API, if any.

    Returns:
        The price in both currencies over one denominator, exactly; None where there is none at all.
    """
    found = pairs(rates)
    for wanted in (input_tokens, is_main, _any):
        for pair in found:
            if wanted(pair.first):
                return _from_card(pair)
    return _from_api(api) if api is not None else None


def _any(rate: Rate) -> bool:  # noqa: ARG001
    return True


def _from_card(pair: Pair) -> PrimaryPrice:
    first, usd, points = pair
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
    )


def _is_comparable(first: Per, second: Per) -> bool:
    """Whether two denominators count the same thing, in quantities that have a handy multiple."""
    return first.unit == second.unit and _common([first.quantity, second.quantity]) <= MAX_QUANTITY


def _common(quantities: Sequence[Decimal]) -> Decimal:
    """A quantity over which the prices are exact: the larger one, or the product."""
    large, small = max(quantities), min(quantities)
    return large if large % small == 0 else large * small


def _over(rate: Rate | None, quantity: Decimal) -> Decimal | None:
    return None if rate is None else rate.amount * (quantity / rate.per.quantity)


def _from_api(api: ApiPricing) -> PrimaryPrice | None:
    for label, value, per in (
        ("prompt", api.prompt, Per(quantity=_MILLION, unit="token", qualifier=None)),
        ("request", api.request, Per(unit="message", qualifier=None)),
        ("image", api.image, Per(unit="image", qualifier=None)),
    ):
        if value is not None:
            return PrimaryPrice(label=label, per=per, bound="exact", usd=value * per.quantity, source="api")
    return None
