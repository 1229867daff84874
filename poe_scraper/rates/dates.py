"""The words that say from or until when a price holds: `from Dec 1`, `until 2026-03-31`."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from poe_scraper.rates.lexer import Token

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY = r"(?:the )?[0-3]?[0-9](?:st|nd|rd|th)?\b"
_YEAR = r"20[0-9]{2}"
_DATE = (
    rf"(?:{_MONTH} (?:{_DAY}(?:,? {_YEAR})?|{_YEAR})|{_DAY} (?:of )?{_MONTH}(?:,? {_YEAR})?"
    rf"|{_YEAR}-[01][0-9]-[0-3][0-9]|[0-3]?[0-9][/.][0-3]?[0-9][/.]{_YEAR}|Q[1-4] {_YEAR}"
    rf"|(?:the )?(?:beginning|start|end|middle) of {_MONTH}(?: {_YEAR})?)"
)
_OPENER = (
    r"(?:as of|(?:(?:valid|effective|applies|applicable|only|ends|ending|expires|expiring) )?"
    r"(?:from|until|till|through|since|before|after|on)|starting(?: from| on)?|beginning(?: on)?|effective|valid to)"
)
_PHRASE = re.compile(rf"\b{_OPENER} (?:and including )?{_DATE}(?: (?:onwards?|on)\b)?", re.IGNORECASE)
_RANGE_END = re.compile(rf" ?(?:to|until|till|through|-|–|and) ?{_DATE}", re.IGNORECASE)
MONTHS = {
    "jan", "january", "feb", "february", "mar", "march", "apr", "april", "may", "jun", "june", "jul", "july", "aug",
    "august", "sep", "sept", "september", "oct", "october", "nov", "november", "dec", "december",
}  # fmt: skip
"""A date has one of these words, or a number with the digits of a year."""


class Period(NamedTuple):
    """When a price holds, and where the words are."""

    words: str
    start: int
    """In characters."""
    end: int


def periods(text: str) -> list[Period]:
    """The phrases of a text that say from or until when its prices hold."""
    found = []
    for match in _PHRASE.finditer(text):
        if match[0].lower().startswith("on "):
            continue
        end = match.end()
        if (until := _RANGE_END.match(text, end)) is not None:
            end = until.end()
        found.append(Period(text[match.start() : end], match.start(), end))
    return found


def without(tokens: "Sequence[Token]", found: Sequence[Period]) -> "list[Token]":
    """The tokens outside of the phrases, and without the brackets around one."""
    kept: list[Token] = []
    waiting = iter(found)
    period = next(waiting, None)
    is_bracketed = False
    for token in tokens:
        while period is not None and token.start >= period.end:
            period = next(waiting, None)
        if period is not None and token.start >= period.start:
            if kept and kept[-1].text == "(" and kept[-1].end == period.start:
                kept.pop()
                is_bracketed = True
        elif is_bracketed and token.text == ")":
            is_bracketed = False
        else:
            is_bracketed = False
            kept.append(token)
    return kept
