"""What the titles of a card say: of a section, of a table's column, of a row."""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache

from poe_scraper.items import Bound, Currency
from poe_scraper.rates import vocabulary as v
from poe_scraper.rates.dates import without
from poe_scraper.rates.document import Line
from poe_scraper.rates.grammar import named_denominator
from poe_scraper.rates.lexer import Token, piece

MAX_LENGTH = 200
"""Characters; a longer line is prose."""


class Title:
    """What a section's title, a column's header or a row's label says. Made by `title`.

    Attributes:
        text: without markup.
        words: its words and signs.
        currency: the one currency that it names.
        per: the denominator that it names.
        bound: what it says of the amounts under it: `Minimum charge`, `Typical message`.
        unit: the countable unit that it names besides: `Input tokens`.
        effective: from or until when the prices under it hold, in its own words; empty if it does not say.
        is_one_time: True if it names a fee.
        is_plain: True if it names nothing but a currency, a rate or a cost and its denominator.
        names_price: True if a column under it holds prices.
        names_both: True if it names both currencies.
        is_of_prices: True if it has a word for price, cost, rate, fee or charge.
        is_no_price: True if it names a budget, a balance, a hold or the like.
        options: the words between its slashes: `Standard/HD/4K`.
    """

    __slots__ = (
        "bound", "currency", "effective", "is_no_price", "is_of_prices", "is_one_time", "is_plain", "names_both",
        "names_price", "options", "per", "text", "unit", "words",
    )  # fmt: skip

    def __init__(self, text: str) -> None:
        _, line, _, numbers, found_periods = piece(text)
        self.effective = found_periods[0].words if found_periods else ""
        if found_periods:
            line = without(line, found_periods)
        self.text = text
        self.words = words = {token.text for token in line}
        self.currency = named_currency(words)
        self.names_both = not words.isdisjoint(_USD) and not words.isdisjoint(v.POINTS)
        found = named_denominator(line) if numbers or not words.isdisjoint(v.DIVIDERS) else None
        self.per = None if found is None else found.per
        self.bound: Bound = "exact" if words.isdisjoint(_BOUNDING) else _bound(line)
        self.unit = None if words.isdisjoint(v.COUNTED) else next(v.UNITS[word] for word in v.COUNTED if word in words)
        self.is_one_time = not words.isdisjoint(v.ONE_TIME)
        is_something_else = not words.isdisjoint(v.NO_PRICE_TITLES)
        self.is_of_prices = not is_something_else and not words.isdisjoint(_PRICE_NAMES)
        self.names_price = self.currency is not None or self.names_both or self.is_of_prices
        rest = words if found is None else {token.text for token in (*line[: found.first], *line[found.end :])}
        self.is_plain = (
            rest <= v.PLAIN_HEADER
            and not rest.isdisjoint(_NAMING)
            and not (line and line[0].text == "in" and len(line) > 1 and line[1].text not in _CURRENCIES)
        ) or (found is not None and not rest)
        self.is_no_price = any(token.text in v.NO_PRICE_LABELS for token in line[-1:])
        self.options: tuple[str, ...] = ()
        if "/" in words or "|" in words or "or" in words:
            self.options = _options(text)


def _options(text: str) -> tuple[str, ...]:
    bracketed = _BRACKETED.search(text)
    parts = [part.strip() for part in _OPTION_SIGNS.split(bracketed[1] if bracketed else text)]
    return tuple(parts) if all(parts) else ()


def title(text: str) -> Title:
    """What a title of that text says."""
    return _known_title(text) if len(text) <= _SHORT else Title(text)


@lru_cache(maxsize=2048)
def _known_title(text: str) -> Title:
    """Cards have the same few titles over and over."""
    return Title(text)


def named_currency(words: AbstractSet[str]) -> Currency | None:
    """The one currency among the words."""
    usd, points = not words.isdisjoint(_USD), not words.isdisjoint(v.POINTS)
    return None if usd == points else "USD" if usd else "points"


_SHORT = 48
_BRACKETED = re.compile(r"\(([^()]*/[^()]*)\)")
_OPTION_SIGNS = re.compile(r"/| \| | or ")
_USD = v.DOLLARS | {"$"}
_CURRENCIES = _USD | v.POINTS
_PRICE_NAMES = (v.PRICE_WORDS - {"amount", "amounts", "value", "values"}) | v.FOREIGN_PRICE_WORDS
_NAMING = v.PRICE_WORDS | v.FOREIGN_PRICE_WORDS | _CURRENCIES | {"per"}
_PRICED = v.PRICE_WORDS | v.POINTS | {"per"}
_BOUNDING = v.TYPICAL | v.TITLE_BOUNDS.keys()


def _bound(line: Sequence[Token]) -> Bound:
    for i, token in enumerate(line):
        if token.text in v.TYPICAL:
            return "about"
        if token.text in v.TITLE_BOUNDS and (
            any(following.text in _PRICED for following in line[i + 1 : i + 3])
            or (len(line) == 1 and token.text in v.TITLE_BOUNDS_ALONE)
        ):
            return v.TITLE_BOUNDS[token.text]
    return "exact"


def is_title(line: Line, words: Sequence[Token]) -> bool:
    """True if a line without an amount is a title: a heading, a bold or italic line, or one that ends in `:`."""
    text = line.folded
    if line.kind == "heading":
        return True
    if not words or len(text) > MAX_LENGTH or words[0].text in v.NOTES:
        return False
    if text.endswith(":"):
        return True
    if not line.emphasised or text.endswith((".", "!", "?")):
        return False
    if is_emphasised(line):
        return True
    start, end = min(line.emphasised)
    rest = line.text[end:].strip()
    return not line.text[:start].strip() and rest[:1] in {"-", "–", "—", "("}


def is_emphasised(line: Line) -> bool:
    """True if all of a line is bold or italic, except for a sign at its end."""
    position = 0
    for start, end in sorted(line.emphasised):
        if line.text[position:start].strip():
            return False
        position = max(position, end)
    return position > 0 and not line.text[position:].strip(" \t:.")


def title_text(line: Line) -> str:
    """A title without its final colon."""
    return line.folded.rstrip(": ")
