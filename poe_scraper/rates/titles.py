"""What the titles of a card say: of a section, of a table's column, of a row."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache

from poe_scraper.items import Bound, Currency
from poe_scraper.rates import vocabulary as v
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
        is_one_time: whether it names a fee.
        is_plain: whether it names nothing but a currency, a rate or a cost and its denominator.
        names_price: whether a column under it holds prices.
    """

    __slots__ = (
        "bound", "currency", "is_one_time", "is_plain", "names_price", "per", "text", "unit", "words",
    )  # fmt: skip

    def __init__(self, text: str) -> None:
        line = piece(text).tokens
        self.text = text
        self.words = words = {token.text for token in line}
        self.currency = named_currency(words)
        found = None if words.isdisjoint(v.DIVIDERS) else named_denominator(line)
        self.per = None if found is None else found.per
        self.bound: Bound = "exact" if words.isdisjoint(_BOUNDING) else _bound(line)
        self.unit = None if words.isdisjoint(v.COUNTED) else next(v.UNITS[word] for word in v.COUNTED if word in words)
        self.is_one_time = not words.isdisjoint(v.ONE_TIME)
        rest = words if found is None else {token.text for token in (*line[: found.first], *line[found.end :])}
        self.is_plain = rest <= v.PLAIN_HEADER
        self.names_price = self.currency is not None or (self.is_plain and not words.isdisjoint(_PRICING))


def title(text: str) -> Title:
    """What a title of that text says."""
    return _known_title(text) if len(text) <= _SHORT else Title(text)


@lru_cache(maxsize=2048)
def _known_title(text: str) -> Title:
    """Cards have the same few titles over and over."""
    return Title(text)


def named_currency(words: AbstractSet[str]) -> Currency | None:
    """The one currency that stands among the words."""
    usd, points = not words.isdisjoint(_USD), not words.isdisjoint(v.POINTS)
    return None if usd == points else "USD" if usd else "points"


_SHORT = 48
_USD = v.DOLLARS | {"$"}
_PRICING = v.PRICE_WORDS | _USD
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
    """Whether a line without an amount is a title: a heading, a bold or italic line, or one that ends in `:`."""
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
    """Whether all of a line is bold or italic, but for a sign at its end."""
    position = 0
    for start, end in sorted(line.emphasised):
        if line.text[position:start].strip():
            return False
        position = max(position, end)
    return position > 0 and not line.text[position:].strip(" \t:.")


def title_text(line: Line) -> str:
    """A title without its final colon."""
    return line.folded.rstrip(": ")
