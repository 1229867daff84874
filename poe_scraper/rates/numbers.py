"""The values of numbers as cards write them, with a decimal point or a decimal comma.

A form that has one reading has that reading, whatever the language: `0,035` is 0.035, `1.234,56` is 1234.56.
`1,500` and `1.500` have two; the other numbers of the card decide between them.
"""

import re
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

MAX_DIGITS = 15
"""No price has more; a longer number is reported, not read."""

_SPACES = str.maketrans("", "", "'’_\u00a0\u2009\u202f")
_SPACED = re.compile(r"[0-9]{1,3}(?:['’_\u00a0\u2009\u202f][0-9]{3})+(?:[.,][0-9]+)?")
_POINT = re.compile(r"(?:[0-9]*\.)?[0-9]+(?:[eE][+-]?[0-9]{1,2})?|(?!0)[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?", re.ASCII)
_COMMA = re.compile(
    r"(?!0)[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]+)?|0,[0-9]+|(?!0)[0-9]{1,3},[0-9]{3}|[0-9]+,[0-9]{1,2}", re.ASCII
)


class DecimalStyle(NamedTuple):
    """How a card writes decimals, as far as numbers with one reading show it."""

    comma: bool = False
    """True if a number has a decimal comma: `0,035 USD`."""
    point: bool = False
    """True if a number has a decimal point: `$0.5`."""
    point_of_points: bool = False
    """True if an amount of points has a decimal point: `2.5 points`."""


PLAIN = DecimalStyle()
GROUPED = DecimalStyle(comma=True)
DECIMAL = DecimalStyle(point=True, point_of_points=True)


class Reading(NamedTuple):
    """The possible values of a number: one for sure, or one if its sign groups thousands and one if not."""

    sure: Decimal | None
    grouped: Decimal | None = None
    decimal: Decimal | None = None
    sign: str = ""
    """The sign between the digits: `,` or `.`."""

    @property
    def ends_in_zeros(self) -> bool:
        """True for `1.000` and `10,000`: quantities are written so, prices are not."""
        return self.decimal is not None and self.decimal == self.decimal.to_integral_value()


@lru_cache(maxsize=2048)
def readings(text: str) -> Reading:
    """The possible values of a number; none if its form cannot be trusted."""
    plain = text
    if not text.isalnum() and _SPACED.fullmatch(text):
        plain = text.translate(_SPACES)
        if "," in plain:  # `1 000,50`
            return Reading(_sane(plain.replace(",", "."), text))
    by_point = _POINT.fullmatch(plain)
    if "," not in plain and "." not in plain:
        return Reading(_sane(plain, text) if by_point else None)
    by_comma = _COMMA.fullmatch(plain)
    if by_point and by_comma:
        sign = "," if "," in plain else "."
        return Reading(None, _sane(plain.replace(sign, ""), text), _sane(plain.replace(sign, "."), text), sign)
    if by_point:
        return Reading(_sane(plain.replace(",", ""), text))
    if by_comma:
        return Reading(_sane(plain.replace(".", "").replace(",", "."), text))
    return Reading(None)


def tag_value(text: str) -> Decimal | None:
    """The value in a raw creator's tag, which a program wrote: digits, perhaps with a decimal point."""
    return None if "," in text else readings(text).sure


def _sane(plain: str, text: str) -> Decimal | None:
    value = Decimal(plain)
    if (len(text) > MAX_DIGITS or "e" in plain or "E" in plain) and (
        sum(map(str.isdigit, text)) > MAX_DIGITS or abs(value.adjusted()) > MAX_DIGITS
    ):
        return None
    return value


# --- what the other numbers of a card show ------------------------------------------------------

_HINT = re.compile(
    r"[.,](?:(?:(?<=[1-9]\.)|(?<=[0-9][0-9]\.))[0-9]{3}(?![0-9])|(?<=[0-9],)[0-9]{1,2}(?![0-9])|(?<=0,)[0-9])"
)
"""What a doubtful number has after its first digits: quick to find."""
_DOUBTFUL = re.compile(r"(?<![0-9.,])[1-9][0-9]{0,2}\.[0-9]{3}(?![0-9])|[0-9],[0-9]{1,2}(?![0-9])|(?<![0-9])0,[0-9]")
_AMOUNT = re.compile(
    r"(?P<before>[$€£]\s?)?(?<![\w.,])(?P<number>[0-9]+[.,][0-9][0-9.,]*)\s?(?P<after>[$€£]|usd\b|eur\b|points?\b|pts?\b)?",
    re.IGNORECASE,
)
_ALONE = re.compile(r"^[~+\s]*(?P<number>[0-9]+[.,][0-9][0-9.,]*)\s*$", re.MULTILINE)


def is_doubtful(text: str) -> bool:
    """True if a text has a number such as `1.500`, which may have two values, or one with a decimal comma."""
    return _HINT.search(text) is not None and _DOUBTFUL.search(text) is not None


def decimal_style(card: str) -> DecimalStyle:
    """How a card writes decimals, from its numbers that have one reading and a currency, or a line of their own.

    Args:
        card: the text of the card, with every cell on a line.
    """
    comma = point = point_of_points = False
    evidence = [
        (match["number"].rstrip(".,"), (match["after"] or "").lower())
        for match in _AMOUNT.finditer(card)
        if match["before"] or match["after"] or match["number"].startswith("0")
    ]
    evidence += [(match["number"].rstrip(".,"), "") for match in _ALONE.finditer(card)]
    for text, after in evidence:
        if readings(text).sure is None:
            continue
        if text.count(".") > 1 or (_COMMA.fullmatch(text) and not _POINT.fullmatch(text)):
            comma = True
        elif text.count(",") > 1 or "." in text:
            point = True
            point_of_points = point_of_points or after.startswith("p")
    return DecimalStyle(comma, point, point_of_points)
