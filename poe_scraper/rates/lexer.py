"""Tokens of a piece of card text, and every amount of money among them.

`sightings` is one half of a double entry: it finds each number beside a currency without knowing any grammar.
What the grammar then reads is the other half. A sighting that the grammar does not account for puts its piece of
the card into `unparsed`.
"""

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from poe_scraper.rates.dates import MONTHS, Period, periods
from poe_scraper.rates.numbers import MAX_DIGITS, PLAIN, DecimalStyle, Reading, readings, tag_value
from poe_scraper.rates.vocabulary import (
    CENTS,
    DOLLARS,
    MAGNITUDE_UNITS,
    MAGNITUDES,
    OTHER_CURRENCIES,
    OTHER_DOLLARS,
    POINTS,
    POINTS_ADJECTIVES,
    UNITS,
    UPPER_MAGNITUDES,
)

ROUND = {Decimal(1000), Decimal(10_000), Decimal(100_000), Decimal(1_000_000)}
"""Quantities that may stand without a unit, as in `$3/1M`."""

_GROUP_SIGNS = "'’_\u00a0\u2009\u202f"
_FRACTIONS = "½¼¾⅛⅜⅝⅞⅕⅖⅗⅘⅓⅔⅙⅚"
_TOKEN = re.compile(
    rf"""
    \[\s*(?i:usd_milli_cents)\s*[=:]\s*(?P<tag>[^\[\]]*)\]
  | (?P<number>\d*[{_FRACTIONS}]
      | (?:[\d\ufffd]|\.(?=\d))(?:[\d\ufffd]|[.,{_GROUP_SIGNS}](?=\d))*    # `1,000`, `.5`
      (?:[eE][+-]?\d+(?:[.,]\d+)*)?)                                      # `1e-7`
    (?P<suffix>[^\W_]*)
  | (?P<word>[^\W\d_]\w*)
  | (?P<sign>[^\w\s]|_|\n)
    """,
    re.VERBOSE,
)
_TO_ASCII = (
    {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
    | str.maketrans("−‐‑﹩⁄∕～〜∼", "---$//~~~")
    # superscript digits are footnote marks: `300 points¹`
    | str.maketrans(dict.fromkeys("⁰¹²³⁴⁵⁶⁷⁸⁹ªº\ufe0e\ufe0f", " "))
)
_SHORT = 250
_OVERRIDES = ("\u202d", "\u202e")
_SCALES = {"k": UPPER_MAGNITUDES["K"], **UPPER_MAGNITUDES}
_SIGNS = {"$"} | DOLLARS | OTHER_CURRENCIES
_BETWEEN = {":", "=", "-", "+", "~", "(", "/", "*", "_", "["}
_BEFORE_POINTS = POINTS_ADJECTIVES | {"-", "+", "(", ")", ".", "[", "*", "_", '"', "'", "`"}
_CURRENCIES = POINTS | DOLLARS | CENTS | OTHER_CURRENCIES | {"$"}
_GLUED_WORDS = POINTS | UNITS.keys() | MAGNITUDE_UNITS.keys() | OTHER_CURRENCIES


class Token(NamedTuple):
    """One token. `start` and `end` count characters of the piece."""

    kind: str
    """`number`, `tag` (a raw creator's tag), `word` or `sign`."""
    text: str
    """In lower case."""
    start: int
    end: int
    value: Decimal | None = None
    """The value of a number or tag; None if its form cannot be trusted."""
    raw: str = ""


_new = tuple.__new__  # half the time of the constructor, which takes most of the time of lexing


class Piece(NamedTuple):
    """A piece of card text, lexed."""

    folded: str
    """The text with its white space folded."""
    tokens: Sequence[Token]
    amounts: Sequence[int]
    """Indexes of its sightings."""
    numbers: Sequence[int]
    """Indexes of its numbers and tags."""
    periods: Sequence[Period]
    """The phrases that say when its prices hold."""


def piece(text: str, style: DecimalStyle = PLAIN) -> Piece:
    """Lexes a piece of card text, in time linear in its length."""
    if len(text) > _SHORT:
        return _piece(text, style)
    # without the style, the text alone is the cache's key, which is faster to look up
    return _known_piece(text) if style is PLAIN else _known_piece(text, style)


@lru_cache(maxsize=2048)
def _known_piece(text: str, style: DecimalStyle = PLAIN) -> Piece:
    """Cards are made of the same few labels, headers and sentences over and over."""
    return _piece(text, style)


def _piece(text: str, style: DecimalStyle) -> Piece:
    found = _tokens(text, style)
    numbers = numbers_of(found)
    words = {token.text for token in found}
    # a date has a month or a year; both tests are cheaper than a search for dates
    dates = periods(text) if numbers and ("20" in text or not MONTHS.isdisjoint(words)) else ()
    amounts = sightings(found) if numbers or not POINTS.isdisjoint(words) else ()
    return Piece(" ".join(text.split()), found, amounts, numbers, dates)


def numbers_of(line: Sequence[Token]) -> list[int]:
    """Indexes of all numbers and tags."""
    return [i for i, token in enumerate(line) if token.kind == "number" or token.kind == "tag"]


def _tokens(text: str, style: DecimalStyle) -> list[Token]:
    found: list[Token] = []
    trusted = True
    if not text.isascii():
        trusted = not any(mark in text for mark in _OVERRIDES)
        text = text.translate(_TO_ASCII)
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "suffix":
            _add_number(found, match, trusted, style)
            continue
        raw = match[0]
        start, end = match.span()
        if kind == "tag":
            value = tag_value(match["tag"].strip()) if trusted else None
            found.append(_new(Token, ("tag", raw, start, end, value, raw)))
        else:
            found.append(_new(Token, (kind, raw.lower(), start, end, None, raw)))
    return found


def _add_number(found: list[Token], match: re.Match[str], trusted: bool, style: DecimalStyle) -> None:
    """Adds a number, or a number and the word attached to it, or a word such as `16x16`."""
    digits, suffix = match.group("number", "suffix")
    start, end = match.span()
    value = None
    if trusted and (
        not found
        or found[-1].text not in _SIGNS_BEFORE
        or not _is_negative(found, start)
        or _is_share(match.string, end)
    ):
        value = _value(found, digits, match, style)
    if not suffix:
        if len(digits) == 3 and _is_group_before(found, start):
            last = found[-1]
            if style.comma and value is not None and last.value is not None:
                found.pop()
                value, start, digits = last.value * 1000 + value, last.start, f"{last.raw} {digits}"
            else:
                value = None
                found[-1] = last._replace(value=None)
        found.append(_new(Token, ("number", digits, start, end, value, digits)))
    elif suffix in _SCALES:
        value = None if value is None else value * _SCALES[suffix]
        found.append(_new(Token, ("number", match[0].lower(), start, end, value, match[0])))
    elif suffix.isalpha():
        middle = match.end("number")
        value = None if "e" in digits.lower() else value
        if suffix[0] in _SCALES and suffix[1:].lower() in _GLUED_WORDS and suffix.lower() not in _GLUED_WORDS:
            # `5kpts`
            middle += 1
            value = None if value is None else value * _SCALES[suffix[0]]
            digits, suffix = digits + suffix[0], suffix[1:]
        found.append(_new(Token, ("number", digits.lower(), start, middle, value, digits)))
        found.append(_new(Token, ("word", suffix.lower(), middle, end, None, suffix)))
    else:
        kind = "number" if found and found[-1].text in _SIGNS else "word"
        found.append(_new(Token, (kind, match[0].lower(), start, end, None, match[0])))


_SIGNS_BEFORE = {"-", "$"}


def _is_share(text: str, end: int) -> bool:
    return text[end : end + 2].lstrip().startswith("%")


def _value(before: Sequence[Token], digits: str, match: re.Match[str], style: DecimalStyle) -> Decimal | None:
    if len(digits) < MAX_DIGITS and digits.isdigit() and digits.isascii():
        return Decimal(digits)
    if digits[-1] in _FRACTIONS:
        whole = Decimal(digits[:-1] or 0)
        part = Decimal(unicodedata.numeric(digits[-1]))
        return whole + part if part == part.quantize(Decimal("0.001")) else None
    found = readings(digits)
    return _of_two(found, before, match, style) if found.sign else found.sure


def _of_two(found: Reading, before: Sequence[Token], match: re.Match[str], style: DecimalStyle) -> Decimal | None:
    """The value of `1.500` or `1,500`, which may be a number with thousands or one with decimals.

    A dollar sign before it is English usage. Points are whole numbers more often than not, so that decimals of
    dollars elsewhere on the card decide nothing about them.
    """
    behind = match.string[match.end() : match.end() + _REACH].split()
    following = (match["suffix"] or (behind[0] if behind else "")).strip("([*_.,;:)]").lower()
    is_points = following in POINTS or (following in MAGNITUDES and len(behind) > 1 and behind[1].lower() in POINTS)
    is_quantity = bool(before) and before[-1].text in {"/", "per", "each", "every"}
    if (is_quantity and found.ends_in_zeros) or (found.sign == "," and not style.comma):
        return found.grouped
    if found.sign == ",":
        return None if is_points else found.decimal
    if style.comma:
        return None if style.point else found.grouped
    if style.point_of_points if is_points else style.point or (bool(before) and before[-1].text == "$"):
        return found.decimal
    return None


_REACH = 20


def _is_negative(before: Sequence[Token], start: int) -> bool:
    """True if a minus sign is right before `start` and is not the dash of a range."""
    i = len(before) - 1
    if i >= 0 and before[i].text == "$" and before[i].end == start:
        i, start = i - 1, start - 1
    if i < 0 or before[i].text != "-" or before[i].end != start:
        return False
    if i == 0:
        return True
    previous = before[i - 1]
    return previous.end != start - 1 or not (previous.kind == "number" or previous.text in {"$", ")", "]"})


def _is_group_before(before: Sequence[Token], start: int) -> bool:
    """True if `1 000` may be one number or two: a space separates thousands, or two numbers side by side."""
    last = before[-1] if before else None
    return last is not None and last.kind == "number" and last.end == start - 1 and len(last.text) <= 3


def sightings(line: Sequence[Token]) -> list[int]:
    """Indexes of all numbers and tags beside a currency, whatever else is there."""
    found = []
    for i, token in enumerate(line):
        kind = token.kind
        if kind == "number":
            if _is_currency_before(line, i) or _is_currency_behind(line, i):
                found.append(i)
        elif kind == "tag" or (kind == "word" and token.text[-1].isdigit() and _text(line, i + 1) in POINTS):
            found.append(i)
    return found


def _text(line: Sequence[Token], i: int) -> str:
    return line[i].text if 0 <= i < len(line) else ""


def is_other_dollar(line: Sequence[Token], i: int) -> bool:
    """True if the `$` at `i` is that of another country: `C$5`, `NT$100`."""
    return _text(line, i) == "$" and i > 0 and line[i - 1].end == line[i].start and line[i - 1].text in OTHER_DOLLARS


def _is_currency_before(line: Sequence[Token], i: int) -> bool:
    before = line[i - 1].text if i else ""
    if before in _SIGNS:
        return True
    if before not in _BETWEEN:
        return False
    opening = _text(line, i - 2)
    if before == "/":
        return i > 2 and line[i - 2].kind == "number" and _text(line, i - 3) == "$" and not _is_quantity(line, i)
    return opening == "$" if before not in {":", "="} else opening in _CURRENCIES


def _is_quantity(line: Sequence[Token], i: int) -> bool:
    """True if the number behind `$0.10 /` counts what is paid for and is not a second amount."""
    return _text(line, i + 1).isalpha() or line[i].value in ROUND


def _is_currency_behind(line: Sequence[Token], i: int) -> bool:
    behind = _text(line, i + 1)
    if behind == "$":
        return not (i + 2 < len(line) and line[i + 2].kind == "number" and line[i + 2].start == line[i + 1].end)
    if behind in _CURRENCIES:
        return True
    if behind in MAGNITUDES:
        return _text(line, i + 2) in _CURRENCIES
    return behind in _BEFORE_POINTS and _text(line, i + 2) in POINTS
