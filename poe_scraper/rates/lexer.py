"""Tokens of a piece of card text, and every amount of money among them.

`sightings` is one half of a double entry: it finds each number that stands beside a currency, knowing no
grammar. What the grammar then reads is the other half; a sighting that it does not account for makes its
piece of the card unparsed.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from poe_scraper.rates.vocabulary import (
    CENTS,
    DOLLARS,
    MAGNITUDES,
    OTHER_CURRENCIES,
    POINTS,
    POINTS_ADJECTIVES,
    UPPER_MAGNITUDES,
)

MAX_DIGITS = 15
"""No price has more; a longer number is reported, not read."""

ROUND = {Decimal(1000), Decimal(10_000), Decimal(100_000), Decimal(1_000_000)}
"""Quantities that may stand without a unit, as in `$3/1M`."""

_SURELY_SANE = 3
"""Characters; no number as short as `9e9` is out of bounds."""

_GROUP_SIGNS = "'’_\u00a0\u2009\u202f"
_TOKEN = re.compile(
    rf"""
    \[\s*usd_milli_cents\s*=\s*(?P<tag>[^\[\]]*)\]
  | (?P<number>(?:[\d\ufffd]|\.(?=\d))(?:[\d\ufffd]|[.,{_GROUP_SIGNS}](?=\d))*+  # `1,000`, `.5`
      (?:[eE][+-]?\d++(?:[.,]\d++)*+)?)                                         # `1e-7`
    (?P<suffix>[^\W_]*+)
  | (?P<word>[^\W\d_]\w*+)
  | (?P<sign>[^\w\s]|_|\n)
    """,
    re.VERBOSE,
)
_NUMBER = re.compile(r"(?:[0-9]*\.)?[0-9]+(?:[eE][+-]?[0-9]{1,2})?|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?", re.ASCII)
_TO_COMMA = str.maketrans(dict.fromkeys(_GROUP_SIGNS, ","))
_TO_ASCII = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | str.maketrans("−‐‑﹩⁄∕～〜∼", "---$//~~~")
_SHORT = 120
_OVERRIDES = ("\u202d", "\u202e")
_SCALES = {"k": UPPER_MAGNITUDES["K"], **UPPER_MAGNITUDES}
_SIGNS = {"$"} | DOLLARS | OTHER_CURRENCIES
_BETWEEN = {":", "=", "-", "+", "~", "(", "/"}
_BEFORE_POINTS = POINTS_ADJECTIVES | {"-", "+", "(", ")", "."}
_CURRENCIES = POINTS | DOLLARS | CENTS | OTHER_CURRENCIES | {"$"}


class Token(NamedTuple):
    """One token. `start` and `end` count characters of the piece."""

    kind: str
    """`number`, `tag` (a raw creator's tag), `word` or `sign`."""
    text: str
    """In lower case."""
    start: int
    end: int
    value: Decimal | None = None
    """Of a number or tag; None where it is written in no form that can be trusted."""
    raw: str = ""


_token = Token._make  # twice as fast as the constructor, and most of what reading takes


def number(text: str) -> Decimal | None:
    """The value of a number as cards write it (`4,667`, `.05`, `2.6e-07`); None for any other form."""
    if not _NUMBER.fullmatch(text):
        text = text.translate(_TO_COMMA)
        if not _NUMBER.fullmatch(text):
            return None
    value = Decimal(text.replace(",", ""))
    if len(text) > _SURELY_SANE and (sum(map(str.isdigit, text)) > MAX_DIGITS or abs(value.adjusted()) > MAX_DIGITS):
        return None
    return value


class Piece(NamedTuple):
    """A piece of card text, lexed."""

    folded: str
    """The text with its white space folded."""
    tokens: Sequence[Token]
    amounts: Sequence[int]
    """Indexes of its sightings."""
    has_number: bool
    """Whether any number stands in it."""


def piece(text: str) -> Piece:
    """Lexes a piece of card text, in time linear in its length."""
    return _known_piece(text) if len(text) <= _SHORT else _piece(text)


@lru_cache(maxsize=2048)
def _known_piece(text: str) -> Piece:
    """Cards are made of the same few labels, headers and sentences over and over."""
    return _piece(text)


def _piece(text: str) -> Piece:
    found = _tokens(text)
    has_number = any(token.kind == "number" for token in found)
    return Piece(" ".join(text.split()), found, sightings(found), has_number)


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    trusted = True
    if not text.isascii():
        trusted = not any(mark in text for mark in _OVERRIDES)
        text = text.translate(_TO_ASCII)
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "suffix":
            _add_number(found, match, trusted)
            continue
        raw = match[0]
        start, end = match.span()
        if kind == "tag":
            value = number(match["tag"].strip()) if trusted else None
            found.append(_token(("tag", raw, start, end, value, raw)))
        else:
            found.append(_token((kind, raw.lower(), start, end, None, raw)))
    return found


def _add_number(found: list[Token], match: re.Match[str], trusted: bool) -> None:
    """Adds a number, or a number and the word that is stuck to it, or a word such as `16x16`."""
    digits, suffix = match.group("number", "suffix")
    start, end = match.span()
    value = number(digits) if trusted and not _is_negative(found, start) else None
    if not suffix:
        if len(digits) == 3 and _is_group_before(found, start):
            value = None
            found[-1] = found[-1]._replace(value=None)
        found.append(_token(("number", digits, start, end, value, digits)))
    elif suffix in _SCALES:
        value = None if value is None else value * _SCALES[suffix]
        found.append(_token(("number", match[0].lower(), start, end, value, match[0])))
    elif suffix.isalpha():
        middle = match.end("number")
        value = None if "e" in digits.lower() else value
        found.append(_token(("number", digits, start, middle, value, digits)))
        found.append(_token(("word", suffix.lower(), middle, end, None, suffix)))
    else:
        kind = "number" if found and found[-1].text in _SIGNS else "word"
        found.append(_token((kind, match[0].lower(), start, end, None, match[0])))


def _is_negative(before: Sequence[Token], start: int) -> bool:
    """Whether a minus sign stands right before `start` and is not the dash of a range."""
    i = len(before) - 1
    if i >= 0 and before[i].text == "$" and before[i].end == start:
        i, start = i - 1, start - 1
    if i < 0 or before[i].text != "-" or before[i].end != start:
        return False
    return i == 0 or before[i - 1].kind != "number" or before[i - 1].end != start - 1


def _is_group_before(before: Sequence[Token], start: int) -> bool:
    """Whether `1 000` could be meant: a space as thousands separator, or two numbers side by side."""
    last = before[-1] if before else None
    return last is not None and last.kind == "number" and last.end == start - 1 and len(last.text) <= 3


def sightings(line: Sequence[Token]) -> list[int]:
    """Indexes of all numbers and tags that stand beside a currency, whatever else stands there."""
    return [i for i, token in enumerate(line) if token.kind != "sign" and _is_amount(line, i, token)]


def _is_amount(line: Sequence[Token], i: int, token: Token) -> bool:
    if token.kind == "number":
        return _is_currency_before(line, i) or _is_currency_behind(line, i)
    if token.kind == "word":
        return token.text[-1].isdigit() and _text(line, i + 1) in POINTS
    return True


def _text(line: Sequence[Token], i: int) -> str:
    return line[i].text if 0 <= i < len(line) else ""


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
    """Whether the number behind `$0.10 /` counts what is paid for, and is no second amount."""
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
