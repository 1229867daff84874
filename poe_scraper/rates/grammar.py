"""The grammar of prices and denominators, by recursive descent over the tokens of one piece.

price       = [bound] (dollars | points | pair) [bound] [denominator]
dollars     = "$" range | "USD" range | range ("USD" | "dollars" | "$" | "cents") | raw tag
points      = range "points"
pair        = range "(" dollars ")" ["points"]              a bare number before dollars is points
range       = number ["+"] [("-" | "to") number]
denominator = ("/" | "per" | "for each" | "each" | ...) {qualifier} [number] [magnitude] {qualifier} unit {qualifier}

What several prices of a piece are together (a range, a list, a former price and its successor) is in `compounds`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from poe_scraper.items import Bound, Currency, Per
from poe_scraper.rates import vocabulary as v
from poe_scraper.rates.lexer import ROUND, Token, is_other_dollar

Line = Sequence[Token]

_MILLI_CENTS = 5
"""Decimal places between a thousandth of a cent and a dollar."""

_RANGE_SIGNS = {"-", "–", "—", "~", "to"}
_RANGE_WORDS = _RANGE_SIGNS | {"and"}
_BEFORE_RANGE = {
    "", "(", "[", "=", "|", ",", ";", "~", "≈", "\n", *v.COST_VERBS, *v.COST_FILLERS,
    *(phrase[-1] for phrase in v.PREFIX_BOUNDS),
}  # fmt: skip
_BRACKETS = {"(", ")", "[", "]"}
GLUE = {*_BRACKETS, "/", "=", "≈", "~", "|", "or", ",", "about", "approximately", "approx", "·", "\n", "→", ":", "*"}
"""What may stand between the two currencies of one price."""

_BREAKS = {"+", ";", "plus", "and", "then"}
MAX_NOUN_WORDS = 6

MAX_QUANTITY = 10**12
"""No price is per more; a price with a larger denominator is not read."""

_NO_COUNT = v.POINTS | v.DOLLARS | v.CENTS | v.OTHER_CURRENCIES | {"$", "%"}
"""What makes the number before it an amount or a share and not a quantity."""


@dataclass(slots=True)
class Price:
    """A price in a piece of the card. `first` and `last` are token indexes, `last` exclusive.

    It changes while its piece is read, and no more once `prices` has returned it.
    """

    currency: Currency
    amount: Decimal
    max_amount: Decimal | None
    first: int
    last: int
    bound: Bound = "exact"
    per: Per | None = None
    per_words: tuple[int, int] | None = None
    """Where the denominator is, without its `per`."""
    list_amount: Decimal | None = None
    struck: bool = False
    accounts_for: tuple[int, ...] = ()
    """Indexes of the tokens whose numbers this price carries."""
    option: tuple[int, int] | None = None
    """Which one it is of a list of prices, and how many there are: `100/200/400 points`."""
    note: tuple[int, int] | None = None
    """Where the words are that tell it from the other prices of a list: `100 for images`."""


class Denominator(NamedTuple):
    """A denominator and where it is: from its opener to after its last word."""

    per: Per
    first: int
    words: int
    end: int


class _Range(NamedTuple):
    low: Decimal
    high: Decimal | None
    open_ended: bool
    end: int


def text(line: Line, i: int) -> str:
    """The text of token `i`, or an empty string outside the line."""
    return line[i].text if 0 <= i < len(line) else ""


def is_number(line: Line, i: int) -> bool:
    """True if token `i` is a number."""
    return 0 <= i < len(line) and line[i].kind == "number"


def is_attached(line: Line, i: int) -> bool:
    """True if nothing separates token `i` from the one before it."""
    return 0 < i < len(line) and line[i].start == line[i - 1].end


# --- amounts ------------------------------------------------------------------------------------


def _number(line: Line, i: int) -> tuple[Decimal, int] | None:
    """A number with its magnitude in words, and the index after it."""
    if not is_number(line, i) or (value := line[i].value) is None:
        return None
    scale = v.AMOUNT_MAGNITUDES.get(text(line, i + 1))
    return (value, i + 1) if scale is None else (value * scale, i + 2)


def _joins_range(line: Line, i: int, start: int) -> bool:
    word = text(line, i)
    if word not in _RANGE_WORDS:
        return False
    if word == "and":
        return text(line, start - 1 - (text(line, start - 1) == "$")) == "between"
    if word == "~":
        return is_attached(line, i)  # `~~$3~~ ~$2`: else it is the sign of an estimate
    return True


def _range(line: Line, start: int, dollars: bool) -> _Range | None:
    first = _number(line, start)
    if first is None:
        return None
    low, i = first
    if text(line, i) == "+" and is_attached(line, i):
        return _Range(low, None, True, i + 1)
    if not _joins_range(line, i, start):
        return _Range(low, None, False, i)
    j = i + 1
    signed = dollars and text(line, j) == "$"
    j += signed
    if not is_number(line, j) or not (signed or is_attached(line, i) or (not dollars and _opens(line, start))):
        return _Range(low, None, False, i)
    second = _number(line, j)
    if second is None:
        return None
    high, end = second
    if _is_attached_noun(line, end):
        return _Range(low, None, False, i)
    # `1-2k` may mean 1,000 to 2,000: neither figure is certain
    if line[end - 1].raw[-1:].isalpha() != line[i - 1].raw[-1:].isalpha() or high <= low:
        return None
    return _Range(low, high, False, end)


def _opens(line: Line, i: int) -> bool:
    """True if number `i` starts a range and does not end a name: `costs 1 - 5 points`, but `Veo 3 - 500 points`."""
    before = text(line, i - 1)
    if before == ":":
        return not is_number(line, i - 2)
    return before in _BEFORE_RANGE


def _ends_range(line: Line, i: int) -> bool:
    """True if a dash attaches number or sign `i` to a number before it, in a range that could not be read."""
    return (
        text(line, i - 1) in _RANGE_SIGNS
        and is_number(line, i - 2)
        and is_attached(line, i)
        and is_attached(line, i - 1)
    )


def arrow_end(line: Line, i: int) -> int:
    """The index after an arrow at `i` (`→`, `->`, `=>`), or `i` where there is none."""
    if text(line, i) in v.ARROWS:
        return i + 1
    j = i
    while j < i + 2 and text(line, j) in {"-", "=", "–"}:
        j += 1
    return j + 1 if j > i and text(line, j) == ">" else i


def _ends_change(line: Line, i: int) -> bool:
    """True if an arrow is between a bare number and number `i`: `100 → 200 points`."""
    is_change = any(
        is_number(line, i - size - 1) and text(line, i - size - 2) != "$" and arrow_end(line, i - size) == i
        for size in (1, 2, 3)
    )
    return is_change and not says_change(line)


def says_change(line: Line) -> bool:
    """True if words say that an arrow leads from a former price to the present one."""
    return not v.CHANGES.isdisjoint(token.text for token in line[:MAX_WORDS_OF_CHANGE])


MAX_WORDS_OF_CHANGE = 40
"""How many tokens are searched for such a word."""


def _is_attached_noun(line: Line, i: int) -> bool:
    """True if a word such as `s` or `p` is attached to the number: `5s`, `720p`."""
    return is_attached(line, i) and line[i].kind == "word" and text(line, i) not in v.POINTS


def _behind_points(line: Line, i: int) -> int:
    """The index after `points` at `i`, or `i` where there is none."""
    if text(line, i) in v.POINTS:
        return i + 1
    j = i
    while j < i + 2 and (text(line, j) in v.POINTS_ADJECTIVES or text(line, j) in v.GLUE_OF_POINTS):
        j += 1
    if text(line, j) not in v.POINTS:
        return i
    if j > i and text(line, j - 1) in {"[", "("}:
        return j + 2 if text(line, j + 1) in {"]", ")"} else i
    return j + 1


def _priced(currency: Currency, span: _Range | None, first: int, end: int | None = None) -> Price | None:
    if span is None:
        return None
    bound: Bound = "from" if span.open_ended else "exact"
    return Price(currency, span.low, span.high, first, span.end if end is None else end, bound)


def _dollars(line: Line, first: int) -> Price | None:
    """Dollars with a sign before, a sign or word after, or a raw tag."""
    i = first
    token = line[i]
    if token.kind == "tag":
        return None if token.value is None else Price("USD", _from_milli_cents(token.value), None, i, i + 1)
    if i and line[i - 1].text in v.OTHER_DOLLARS and is_other_dollar(line, i):
        return None
    if token.text in {"us", "usd"} and text(line, i + 1) == "$":
        i += 1
    if text(line, i) in {"$", "usd"}:
        span = _range(line, i + 1, True)
        if span is None or (after := text(line, span.end)) in v.OTHER_CURRENCIES:
            return None
        return _priced("USD", span, first, span.end + (after in v.DOLLARS))
    span = _range(line, i, False)
    if span is None:
        return None
    unit = text(line, span.end)
    if unit in v.DOLLARS or (unit == "$" and not (is_number(line, span.end + 1) and is_attached(line, span.end + 1))):
        return _priced("USD", span, first, span.end + 1)
    if unit in v.CENTS:
        high = None if span.high is None else span.high.scaleb(-2)
        return _priced("USD", span._replace(low=span.low.scaleb(-2), high=high), first, span.end + 1)
    return None


def _from_milli_cents(value: Decimal) -> Decimal:
    """Dollars without the zeros that the division leaves behind."""
    usd = value.scaleb(-_MILLI_CENTS).normalize()
    return usd.quantize(Decimal(1)) if usd == usd.to_integral_value() else usd


def _points(line: Line, i: int) -> Price | None:
    span = _range(line, i, False)
    if span is None:
        return None
    end = _behind_points(line, span.end)
    if end > span.end:
        if text(line, end) in {":", "="} and is_number(line, end + 1):
            return None  # `20 points: 100`: which of the two is the price?
        if span.high is None and _joins_range(line, end, i) and is_number(line, end + 1):
            upper = _range(line, end + 1, False)
            if upper is not None and upper.high is None and upper.low > span.low:
                behind = _behind_points(line, upper.end)
                if behind > upper.end:
                    return _priced("points", span._replace(high=upper.low), i, behind)
        return _priced("points", span, i, end)
    if text(line, span.end) != "(":
        return None
    inner = _skip_bound(line, span.end + 1)
    paired = _dollars(line, inner) if inner < len(line) else None
    if paired is None or text(line, paired.last) not in {")", "+"}:
        return None
    return _priced("points", span, i)


def _skip_bound(line: Line, i: int) -> int:
    for size in (3, 2, 1):
        if tuple(token.text for token in line[i : i + size]) in v.PREFIX_BOUNDS:
            return i + size
    return i


def _bare(line: Line, i: int, currency: Currency) -> Price | None:
    """A number without a sign, in a place that gives the currency."""
    span = _range(line, i, currency == "USD")
    if span is None or text(line, span.end) not in _AFTER_BARE or arrow_end(line, span.end) > span.end:
        return None
    if text(line, span.end) == "-" and is_attached(line, span.end) and _is_attached_noun(line, span.end + 1):
        return None  # `5-second`
    return _priced(currency, span, i)


_AFTER_BARE = {
    "", "/", "per", "(", ")", "+", "-", "–", "—", "each", "for", "a", "an", "every", ",", ";", ".", "|", "\n", "*", "†",
    "‡", "if", "when", "with", "without", "and", "or", "then", "plus", "minimum", "maximum", "min", "max", "!", "=",
    "·",
    "only", "flat", "base", "total", "from", "until", "in", "on", "at", "by", "now", "$", "usd", "]", "~",
    *(phrase[0] for phrase in v.SUFFIX_BOUNDS), *v.FOREIGN_PER,
}  # fmt: skip
"""What may follow a number without a sign that is a price: another word would be what it counts."""


def starts_with_bare_number(line: Line) -> bool:
    """True if a cell starts with a number, in whatever form, that no word after it makes the number of something."""
    i = 0
    while i < len(line) and line[i].kind == "sign":
        i += 1
    i = _skip_bound(line, i)
    return is_number(line, i) and text(line, i + 1) in _AFTER_BARE


def _bare_former(line: Line, i: int, currency: Currency | None) -> Price | None:
    """`~~10.00~~ **$9.03**`, `was 400, now 300 points`: a former price takes the currency of its successor."""
    span = _range(line, i, False)
    if span is None:
        return None
    after = arrow_end(line, span.end)
    while after < min(span.end + 4, len(line)) and (
        text(line, after) in {",", ";", "(", "but", "-", ":", "is"} or text(line, after) in v.NOWADAYS
    ):
        after += 1
    after = _skip_bound(line, after)
    heir = None
    if after < len(line):
        heir = _dollars(line, after) or _points(line, after)
    of = currency if heir is None else heir.currency
    return None if of is None or _is_attached_noun(line, span.end) else _priced(of, span, i)


# --- denominators -------------------------------------------------------------------------------

_ARTICLES = {"each", "every", "the", "a", "an", "one", "single", "any"}


def denominator(line: Line, i: int) -> Denominator | None:
    """The denominator that starts at `i`: `/ 1k tokens`, `per image`, `for each 5 URLs`, `each`."""
    opener, j = text(line, i), i + 1
    while text(line, j) in _ARTICLES and opener not in {"a", "an", "every", "any", "each"}:
        j += 1
    if opener in {"/", "per"}:
        return _quantified(line, i, j)
    if opener == "for":
        if j == i + 1 and text(line, j) in v.UNITS and v.UNITS[text(line, j)] != text(line, j):
            return None  # `100 points for images` names what is priced
        return _quantified(line, i, j, known_only=text(line, i + 1) not in {"each", "every"})
    if opener == "each":
        return _quantified(line, i, j, known_only=True) or Denominator(Per(), i, j, j)
    if opener in {"a", "an", "every", "any"} or opener in v.FOREIGN_PER:
        return _quantified(line, i, j, known_only=True)
    return None


def quantified(line: Line) -> Per | None:
    """The denominator in a cell that holds nothing else: `per image`, `1M tokens`, `second`."""
    found = denominator(line, 0) or _quantified(line, 0, 0)
    return found.per if found is not None else None


def _is_quantity(token: Token) -> bool:
    return token.value is not None and 0 < token.value <= MAX_QUANTITY


@lru_cache(maxsize=1024)
def _per(quantity: Decimal, unit: str | None, qualifier: str | None) -> Per:
    """One object for the many times that cards name the same denominator."""
    return Per(quantity=quantity, unit=unit, qualifier=qualifier)


class _Count(NamedTuple):
    """How many units a denominator counts."""

    quantity: Decimal
    digits: Token | None
    """The number, if one is written."""
    scaled: bool
    """True if a magnitude stands apart from the number: `1 million`, `M`."""
    end: int


def _quantified(line: Line, first: int, start: int, known_only: bool = False) -> Denominator | None:
    """`1M tokens`, `thousand characters`, `5 URLs`, `MTok`, `first megapixel`, `started 100 words`.

    Args:
        line: the tokens.
        first: where the denominator's opener is.
        start: where its quantity, its qualifiers or its unit starts.
        known_only: True if a noun that is not a known unit makes no denominator.
    """
    counted_at = start if is_number(line, start) else _skip_qualifiers(line, start)
    count = _count(line, counted_at)
    if count is None:
        return None
    before = [] if counted_at == start else [token.text for token in line[start:counted_at] if token.text != "of"]
    if (packed := v.MAGNITUDE_UNITS.get(text(line, count.end))) is not None:
        per = _per(count.quantity * packed[0], packed[1], " ".join(before) or None)
        return Denominator(per, first, start, count.end + 1)
    words, end = _noun_phrase(line, count.end)
    if words:
        found = _with_unit(count, words, before, _is_attached_noun(line, counted_at + 1))
        return (
            None
            if found is None or (known_only and found.unit not in _KNOWN)
            else Denominator(found, first, start, end)
        )
    is_round = count.scaled or (count.digits is not None and count.quantity in ROUND)
    return (
        Denominator(_per(count.quantity, None, None), first, start, count.end) if is_round and not known_only else None
    )


def _skip_qualifiers(line: Line, i: int) -> int:
    """The index of the number after words such as `started` or `additional`, or `i` where no number follows them."""
    j = i
    while j < i + 3 and text(line, j) in v.COUNT_QUALIFIERS:
        j += 1
    return j if is_number(line, j) else i


def _count(line: Line, i: int) -> _Count | None:
    """The number and the magnitude at `i`, which may both be missing; None if the number counts no units."""
    quantity, digits = Decimal(1), None
    if is_number(line, i):
        digits, after = line[i], text(line, i + 1)
        if digits.value is None or not _is_quantity(digits) or after in _NO_COUNT:
            return None
        if after == "(" and text(line, i + 2) == "$":
            return None
        quantity, i = digits.value, i + 1
        if after == "m" and v.UNITS.get(text(line, i + 1)) in {"token", "character"}:
            return _Count(quantity * 1_000_000, digits, False, i + 1)
        if after == "-" and text(line, i + 1) in v.UNITS:
            i += 1
    if i < len(line) and line[i].kind == "word":
        scale = v.UPPER_MAGNITUDES.get(line[i].raw) or v.MAGNITUDES.get(line[i].text)
        if scale is not None:
            return _Count(quantity * scale, digits, True, i + 1)
    return _Count(quantity, digits, False, i)


def _with_unit(count: _Count, words: list[str], before: list[str], is_attached_word: bool) -> Per | None:
    """The denominator that a count and the words after it make.

    A number that describes the unit counts nothing: `per 720p video`, `per 5-second video`, `per 4K image`.
    """
    quantity, digits = count.quantity, None if count.scaled else count.digits
    counted = count.digits is not None
    if digits is not None and is_attached_word and words[0] not in v.UNITS:
        words[0], quantity, counted, digits = digits.raw + words[0], Decimal(1), False, None
    head = _head(words, counted)
    unit = v.UNITS.get(words[head])
    if digits is not None and unit is not None:
        if head > 0 and v.UNITS.get(words[0]) in v.TIME_UNITS:
            words[0], quantity = f"{digits.raw} {words[0]}", Decimal(1)
        elif unit in v.PICTURES and words[head] == unit and digits.raw[-1] in "kK":
            words.insert(0, digits.text)
            head, quantity = head + 1, Decimal(1)
    if unit is None and quantity >= MIN_SCALE and words[head] in _SIDES:
        return _per(quantity, None, " ".join(before + words))  # `/ 1k input`
    qualifier = " ".join(before + words[:head] + words[head + 1 :]) if before or len(words) > 1 else None
    return _per(quantity, unit or singular(words[head]), qualifier)


MIN_SCALE = 1000
"""From this quantity on a denominator needs no unit: `/ 1k`."""
_SIDES = {"input", "output", "in", "out", "prompt", "completion"}
_KNOWN = set(v.UNITS.values())


def _noun_phrase(line: Line, i: int) -> tuple[list[str], int]:
    """The words of a noun and what narrows it; a word with a hyphen or a slash inside is one."""
    words: list[str] = []
    while i < len(line) and len(words) < MAX_NOUN_WORDS:
        token = line[i]
        if token.kind == "word" and token.text not in v.PHRASE_ENDS and token.text not in v.POINTS:
            if words and text(line, i - 1) in {"-", "/"} and is_attached(line, i):
                words[-1] += text(line, i - 1) + token.text
            else:
                words.append(token.text)
        elif not (words and token.text in {"-", "/"} and is_attached(line, i) and _is_attached_noun(line, i + 1)):
            break
        i += 1
    return words, i


def _head(words: Sequence[str], counted: bool) -> int:
    """Which word is the unit: the last one known; a time before it wins where no number counts it."""
    if len(words) == 1:
        return 0
    known = [i for i, word in enumerate(words) if word in v.UNITS]
    strong = [i for i in known if v.UNITS[words[i]] not in v.WEAK_UNITS]
    if strong:
        return strong[0] if v.UNITS[words[strong[0]]] in v.TIME_UNITS and not counted else strong[-1]
    if known:
        return known[-1]
    last = len(words) - 1
    while last > 0 and (words[last] in v.SIDE_WORDS or words[last].endswith("ed")):
        last -= 1
    return last


def singular(noun: str) -> str:
    """The singular of an English noun."""
    if noun in v.UNITS:
        return v.UNITS[noun]
    if noun.endswith("ies") and len(noun) > 4:
        return noun[:-3] + "y"
    if noun.endswith(("ses", "xes", "ches", "shes", "zes")) and len(noun) > 4:
        return noun[:-2]
    if noun.endswith("s") and not noun.endswith(("ss", "us", "is")) and len(noun) > 3:
        return noun[:-1]
    return noun


def noun_after(line: Line, i: int) -> str | None:
    """The unit of the noun phrase at `i`: `reference images are` gives `image`; None where there is none."""
    if text(line, i) in v.POINTS:
        return "point"
    words, _ = _noun_phrase(line, i)
    return singular(words[_head(words, counted=True)]) if words else None


def named_denominator(line: Line) -> Denominator | None:
    """The denominator that a label, header or title names.

    `Per 1,000 words`, `Cost/Second`, `(per message)`, `Input / 1M tokens`; and one that is or ends in a quantity:
    `1K characters`, `Output (1M tokens)`.
    """
    for i, token in enumerate(line):
        if (
            token.text == "per"
            or (token.text == "/" and _divides(line, i))
            or (i == 0 and token.text in {"each", "any", "every"})
        ):
            found = denominator(line, i)
            if found is not None and (found.per.unit is not None or found.per.quantity != 1):
                return found
    return _final_quantity(line)


def _divides(line: Line, i: int) -> bool:
    before = text(line, i - 1)
    if before in v.PRICE_WORDS or before in v.POINTS or before in v.DOLLARS or before in {"(", "$", ""}:
        return True
    if is_number(line, i + 1):
        return not is_number(line, i - 1) and line[i + 1].text != line[i + 1].raw[:1] and _counts(line, i + 1)
    return text(line, i + 1) in v.MAGNITUDE_UNITS


def _counts(line: Line, i: int) -> bool:
    """True if number `i` is a round quantity, or one with a unit after it."""
    return line[i].value in ROUND or line[i].raw[-1:] in v.UPPER_MAGNITUDES or text(line, i + 1) in v.UNITS


def _final_quantity(line: Line) -> Denominator | None:
    """A quantity that is the end of a label, or all of it."""
    end = len(line) - (text(line, len(line) - 1) in {")", "]"})
    i = next((i for i in range(end - 1, -1, -1) if line[i].kind == "number"), None)
    if (
        i is None
        or text(line, i - 1) in _BEFORE_NO_QUANTITY
        or (i and is_attached(line, i) and line[i - 1].text not in {"(", "["})
    ):
        return None
    start = i
    while start and line[start - 1].text in v.COUNT_QUALIFIERS:
        start -= 1
    if text(line, start - 1) in _BEFORE_NO_QUANTITY:
        return None
    found = _quantified(line, start, start, known_only=True)
    if found is None or found.per.unit not in v.COUNTABLE or (found.end < end and text(line, found.end) != "of"):
        return None
    if found.per.quantity != 1 and found.per.unit in v.TIME_UNITS:
        return None  # a length
    return None if found.per.quantity == 1 and line[i].value != 1 else found


_BEFORE_NO_QUANTITY = {
    "-", "–", "—", "to", "and", "+", "x", "×", "first", "next", "with", "~", "≈", ",",
    *v.ABOVE, *v.BELOW, *(phrase[-1] for phrase in v.PREFIX_BOUNDS),
}  # fmt: skip


# --- prices -------------------------------------------------------------------------------------


def prices(line: Line, currency: Currency | None = None, struck: Collection[int] = ()) -> list[Price]:
    """The prices in a piece, one by one in its order.

    Args:
        line: the tokens of the piece.
        currency: of a number without a sign at the piece's start, where its place gives one.
        struck: where tokens start that are struck out.
    """
    found: list[Price] = []
    i = 0
    while i < len(line):
        token = line[i]
        kind = token.kind
        if kind == "number" or kind == "tag" or token.text in {"$", "us", "usd"}:
            new = _prices_at(line, i, currency, token.start in struck, found)
            if new:
                for price in new:
                    price.struck = price.struck or token.start in struck
                    price.accounts_for = tuple(range(price.first, price.last))
                _bind(line, new[0], found)
                new[-1].last = max(new[0].last, new[-1].last)
                found += new
                i = new[-1].last
                currency = currency if new[-1].struck else None
                continue
            if kind == "number":
                currency = None
        elif found and token.text in _OPENERS and _reaches(line, i, found[-1]):
            if (named := denominator(line, i)) is not None:
                _attach(line, found, named)
                i = named.end
                continue
            if token.text in {"/", "per"} and is_number(line, i + 1) and not _is_quantity(line[i + 1]):
                found.pop()
        i += 1
    return found


_PREFIX_ENDS = {phrase[-1] for phrase in v.PREFIX_BOUNDS}
_SUFFIX_STARTS = {phrase[0] for phrase in v.SUFFIX_BOUNDS}
_OPENERS = {"/", "per", "for", "each", "a", "an", "every"} | v.FOREIGN_PER


def struck_starts(line: Line, spans: Sequence[tuple[int, int]]) -> set[int]:
    """Where tokens start that lie in one of the spans of struck-out characters."""
    struck: set[int] = set()
    waiting = iter(sorted(spans))
    span = next(waiting, None)
    for token in line:
        while span is not None and span[1] <= token.start:
            span = next(waiting, None)
        if span is None:
            break
        if span[0] <= token.start:
            struck.add(token.start)
    return struck


def _prices_at(
    line: Line, i: int, currency: Currency | None, is_struck: bool, before: Sequence[Price]
) -> Sequence[Price]:
    """The price that starts at `i`, or the prices of a list such as `100/200/400 points`."""
    after = i + 1 + (text(line, i) == "$")
    if text(line, after) in _LIST_SIGNS and _may_go_on(line, i, after + 1) and (listed := _listed(line, i, currency)):
        return listed
    price = _price_at(line, i, currency, is_struck)
    if price is None and before and (price := _elliptic(line, i, before)) is None:
        return ()
    return () if price is None else (price,)


_BEFORE_NO_AMOUNT = {"per", "$", ">"} | _RANGE_SIGNS | v.ARROWS


def _price_at(line: Line, i: int, currency: Currency | None, is_struck: bool) -> Price | None:
    before = text(line, i - 1)
    if before in _BEFORE_NO_AMOUNT and (before in {"per", "$"} or _ends_range(line, i) or _ends_change(line, i)):
        return None
    if line[i].kind != "number":
        return _dollars(line, i)
    if text(line, i + 1) in v.POINTS:
        return _points(line, i)
    price = _dollars(line, i) or _points(line, i)
    is_former = is_struck or before in v.FORMERLY
    if price is None and (is_former or (is_number(line, arrow_end(line, i + 1)) and says_change(line))):
        price = _bare_former(line, i, currency)
    if price is None and currency is not None:
        price = _bare(line, i, currency)
    return price


def _may_go_on(line: Line, first: int, i: int) -> bool:
    """True if what is after the sign of a list may be its next price: cheaper to ask than to read it."""
    if text(line, first) != "$":
        return is_number(line, i)
    return text(line, i) == "$" or (is_number(line, i) and "." in line[i].text)


_LIST_SIGNS = {"/", "or", "|"}
MAX_LISTED = 12


def _listed(line: Line, first: int, currency: Currency | None) -> list[Price]:
    """The prices of `100/200/400 points`, `1000 or 2000 points`, `$0.1/$0.2`; none where there is no such list."""
    spans: list[_Range] = []
    i, signed = first, text(line, first) == "$"
    while len(spans) < MAX_LISTED:
        i += text(line, i) == "$"
        number = _number(line, i)
        if number is None or (_is_attached_noun(line, number[1]) and text(line, number[1]) not in v.DOLLARS | v.CENTS):
            return []
        spans.append(_Range(number[0], None, False, number[1]))
        i = number[1]
        follows = text(line, i + 1) == "$" if signed else is_number(line, i + 1)
        if text(line, i) not in _LIST_SIGNS or not (follows or (signed and is_number(line, i + 1))):
            break
        i += 1
    if len(spans) < 2 or is_number(line, i):
        return []
    if signed:
        if not _are_alike(line, spans):
            return []  # `$3/1M`, `$0.10 / 5 images`, `$0.10 / 3,300`
        of: Currency | None = "USD"
        end = i
    elif (end := _behind_points(line, i)) > i:
        of = "points"
    elif text(line, i) in v.DOLLARS:
        of, end = "USD", i + 1
    else:
        of, end = currency, i
    if of is None or text(line, end) in v.OTHER_CURRENCIES:
        return []
    if (
        not signed
        and end == i
        and (spans[-1].low in ROUND or line[i - 1].raw[-1:].isalpha() or text(line, i).isalpha())
    ):
        return []  # `20 / 1000 tokens` in a column of points
    found = [Price(of, span.low, None, span.end - 1, span.end, option=(k, len(spans))) for k, span in enumerate(spans)]
    found[-1].last = end
    return found


_AFTER_ELLIPTIC = {"", ".", ",", ";", "!", ")", "per", "each", "for", "and"}


def _are_alike(line: Line, spans: Sequence[_Range]) -> bool:
    """True if all numbers of a list after its first have a `$`, or all have decimals."""
    signs = {line[span.end - 2].text == "$" for span in spans[1:]}
    if signs == {True}:
        return True
    end = spans[-1].end
    return all("." in line[span.end - 1].raw for span in spans) and not text(line, end).isalpha()


def _elliptic(line: Line, i: int, before: Sequence[Price]) -> Price | None:
    """A price that leaves its currency to the one before it: `20 points for text, 100 for images`."""
    last = before[-1]
    if len({price.currency for price in before[-MAX_LISTED:]}) > 1 or not is_number(line, i):
        return None
    opening = text(line, i - 1)
    after = text(line, i + 1)
    if opening in v.NOWADAYS or opening in v.FORMERLY or (opening == "of" and text(line, i - 2) == "instead"):
        return _bare(line, i, last.currency)
    if opening == "(" and after in {"for", "if", "when", "with"} and not is_number(line, i + 2):
        return _bare(line, i, last.currency)
    if opening in v.COST_VERBS and after in _AFTER_ELLIPTIC:
        return _bare(line, i, last.currency)
    if opening in {"+", "plus"} and after in {"per", "/", "each"}:
        return _bare(line, i, last.currency)
    joined = opening in {",", "and", "or", ";", "then"}
    is_counted = is_number(line, i + 2) and not _is_attached_noun(line, i + 3)
    if joined and after in {"for", "if", "when", "with", "without", "("} and not is_counted:
        return _bare(line, i, last.currency)
    if joined and after in {"per", "/"} and last.per is not None:
        return _bare(line, i, last.currency)
    return None


def _bind(line: Line, price: Price, before: Sequence[Price]) -> None:
    """Reads the words before and after an amount that bound it, and takes them in."""
    floor = before[-1].last if before else 0
    first = price.first - (text(line, price.first - 1) == "+")  # `up to +30 points`
    if first > floor and line[first - 1].text in _PREFIX_ENDS:
        for size in (3, 2, 1):
            phrase = tuple([token.text for token in line[max(first - size, floor) : first]])
            if (bound := v.PREFIX_BOUNDS.get(phrase)) is not None:
                price.bound = "exact" if bound == "from" and price.max_amount is not None else bound
                price.first = first - len(phrase)
                break
    start = price.last + (text(line, price.last) == "(")
    if text(line, start) in _SUFFIX_STARTS:
        _bind_behind(line, price, start)
    # `up to 100 points ($0.003)`: the counterpart in brackets shares the bound
    if before and price.bound == "exact" != before[-1].bound and before[-1].currency != price.currency:
        between = line[before[-1].last : price.first]
        if len(between) == 1 and between[0].text == "(":
            price.bound = before[-1].bound


def _bind_behind(line: Line, price: Price, start: int) -> None:
    for size in (2, 1):
        phrase = tuple(token.text for token in line[start : start + size])
        bound = v.SUFFIX_BOUNDS.get(phrase)
        if bound is None or (phrase == ("+",) and not is_attached(line, start)):
            continue
        # in `(min. 100 points)` the word belongs to the amount after it
        after = start + size + (text(line, start + size) == ".")
        if not (is_number(line, after) or text(line, after) in {"$", "usd"}):
            price.bound, price.last = bound, start + size
        return


def _reaches(line: Line, i: int, price: Price) -> bool:
    """True if a denominator that opens at `i` can belong to the price before it."""
    if i == price.last:
        return True
    between = line[price.last : i]
    if all(token.text in GLUE for token in between):
        return True
    if line[i].text not in {"/", "per", "each"} or len(between) > MAX_NOUN_WORDS:
        return False
    if line[i].text == "/" and is_attached(line, i) and line[i - 1].kind == "word" and line[i - 1].text not in v.POINTS:
        return False  # `100/200 points (low/high)`
    return all(token.kind == "word" or token.text in _BRACKETS or token.text == "," for token in between)


def _attach(line: Line, found: Sequence[Price], named: Denominator) -> None:
    """Gives a denominator to the price before it, and to its counterpart in the other currency."""
    nearest = found[-1]
    if nearest.per is not None:
        return
    numbers = tuple(range(named.first, named.end))
    nearest.per, nearest.per_words = named.per, (named.words, named.end)
    nearest.last = named.end
    nearest.accounts_for += numbers
    if nearest.option is not None:
        for listed in found[-nearest.option[1] :]:
            listed.per = named.per
        return
    for counterpart in reversed(found[-4:-1]):
        between = {token.text for token in line[counterpart.last : nearest.first]}
        if counterpart.struck != nearest.struck:
            continue
        if counterpart.per is None and counterpart.currency != nearest.currency and not between & _BREAKS:
            counterpart.per, counterpart.per_words = named.per, (named.words, named.end)
        break
