"""Two pieces of evidence for one price, held against each other.

What rounding explains was worked out from real cards: dollars are rounded to the last digit shown, points are
rounded up to the last digit shown.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

from poe_scraper.items import POINTS_PER_USD, ApiPricing, CacheDiscount, CacheWriteSurcharge, Check, Rate, Reading
from poe_scraper.rates.pairing import Pair, input_tokens, output_images, output_tokens, pairs, per_message

OTHER_POINTS_PER_USD = Fraction(100_000, 3)
"""What some creators reckon a dollar to be: 0.003 cents a point."""


def checks(reading: Reading, api: ApiPricing | None) -> tuple[Check, ...]:
    """Holds a card's dollars against its points, and the API's dollars against the card's.

    Args:
        reading: what the rate card says.
        api: prices of the models API, if any.

    Returns:
        A `usd_points` check for every price of the card, in the card's order, and an `api_page` check for
        every price of the API. Where only one side has prices, one check says that nothing can be compared.
    """
    found = [_usd_against_points(pair) for pair in pairs(reading.rates)]
    return (*found, *_api_against_page(reading, api))


# --- dollars against points ---------------------------------------------------------------------


def _usd_against_points(pair: Pair) -> Check:
    usd, points = pair.usd, pair.points
    if usd is None or points is None:
        missing = "points" if points is None else "dollars"
        return Check(
            kind="usd_points", subject=pair.subject, result="not_comparable", reason=f"the card gives no {missing}"
        )
    figures = {"usd": usd.amount, "points": points.amount}
    if usd.per.unit != points.per.unit or (usd.max_amount is None) != (points.max_amount is None):
        reason = "the two are prices of different things"
        return Check(kind="usd_points", subject=pair.subject, result="not_comparable", figures=figures, reason=reason)
    scale = Fraction(points.per.quantity) / Fraction(usd.per.quantity)
    reason = _difference(usd.amount, points.amount, scale)
    if reason is None and usd.max_amount is not None and points.max_amount is not None:
        figures = {**figures, "usd_max": usd.max_amount, "points_max": points.max_amount}
        reason = _difference(usd.max_amount, points.max_amount, scale)
    return Check(
        kind="usd_points",
        subject=pair.subject,
        result="agrees" if reason is None else "differs",
        figures=figures,
        reason=reason,
    )


def _difference(usd: Decimal, points: Decimal, scale: Fraction) -> str | None:
    """Why posted points are not what the posted dollars give; None where rounding explains it."""
    if usd == 0 or points == 0:
        return None if usd == points else "one of the two is free"
    low, high = (bound * scale * Fraction(POINTS_PER_USD) for bound in _rounded_from(usd))
    step = _last_digit(points)
    posted = Fraction(points)
    if low <= posted and posted - step < high:
        return None
    other = OTHER_POINTS_PER_USD / Fraction(POINTS_PER_USD)
    if low * other - step < posted < high * other + step:
        return "the card reckons with 33,333 points to the dollar"
    if low - step < posted < low:
        return "the card rounds points down"
    expected = Fraction(usd) * scale * Fraction(POINTS_PER_USD)
    return f"the points are {float(posted / expected):.2f} times what the dollars give"


def _last_digit(amount: Decimal) -> Fraction:
    exponent = amount.as_tuple().exponent
    return Fraction(10) ** (exponent if isinstance(exponent, int) and exponent < 0 else 0)


def _rounded_from(amount: Decimal) -> tuple[Fraction, Fraction]:
    """Lowest and highest figure that is `amount` when rounded to its last digit."""
    half = _last_digit(amount) / 2
    return Fraction(amount) - half, Fraction(amount) + half


# --- the API against the card -------------------------------------------------------------------


def _api_against_page(reading: Reading, api: ApiPricing | None) -> Iterator[Check]:
    prices = {name: value for name, value in (api or ApiPricing()) if value is not None}
    if not prices and not reading.rates:
        return
    if not prices:
        yield _nothing_to_compare("API price", "the API gives no price")
    elif not reading.rates:
        yield _nothing_to_compare("card price", "there is no price on the card")
    else:
        for name, value in prices.items():
            page = _page_price(name, reading)
            if page is None:
                yield _nothing_to_compare(name, "the card gives no such price in dollars")
                continue
            figures = {"api": value, "page": _per_unit(page)}
            low, high = _rounded_from(page.amount)
            a_low, a_high = _rounded_from(value)
            quantity = Fraction(page.per.quantity)
            agrees = (value == page.amount == 0) or (
                value > 0 < page.amount and a_low * quantity <= high and low <= a_high * quantity
            )
            yield Check(
                kind="api_page",
                subject=name,
                result="agrees" if agrees else "differs",
                figures=figures,
                reason=None if agrees else _ratio(value, page),
            )


def _nothing_to_compare(subject: str, reason: str) -> Check:
    return Check(kind="api_page", subject=subject, result="not_comparable", reason=reason)


def _ratio(api: Decimal, page: Rate) -> str:
    if api == 0 or page.amount == 0:
        return "one of the two is free"
    times = Fraction(page.amount) / Fraction(page.per.quantity) / Fraction(api)
    return f"the card asks {float(times):.2f} times what the API does"


def _per_unit(rate: Rate) -> Decimal:
    return rate.amount / rate.per.quantity


def _page_price(name: str, reading: Reading) -> Rate | None:
    """The card's price in dollars of what the API calls `name`."""
    usd = [rate for rate in reading.rates if rate.currency == "USD"]
    match name:
        case "prompt":
            return next(filter(input_tokens, usd), None)
        case "completion":
            return next(filter(output_tokens, usd), None)
        case "image":
            return next(filter(output_images, usd), None)
        case "request":
            return next(filter(per_message, usd), None)
        case _:
            return None
