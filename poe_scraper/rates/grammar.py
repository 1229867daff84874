"""The grammar of prices and denominators, by recursive descent over the tokens of one piece.

price       = [bound] (dollars | points | pair) [bound] [denominator]
dollars     = "$" range | "USD" range | range ("USD" | "dollars" | "$" | "cents") | raw tag
points      = range "points"
pair        = range "(" dollars ")" ["points"]              a bare number before dollars is points
range       = number ["+"] [("-" | "to") number]
denominator = ("/" | "per" | "for each" | "each" | ...) [number] [magnitude] {qualifier} unit {qualifier}
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from poe_scraper.items import Bound, Currency, Per
from poe_scraper.rates import vocabulary as v
from poe_scraper.rates.lexer import ROUND, Token

Line = Sequence[Token]

_MILLI_CENTS = 5
"""Decimal places between a thousandth of a cent and a dollar."""

_RANGE_SIGNS = {"-", "–", "—", "~", "to"}
_BEFORE_RANGE = {
    "", "(", "[", "=", "|", ",", ";", "~", "≈", "\n", *v.COST_VERBS, *v.COST_FILLERS,
    *(phrase[-1] for phrase in v.PREFIX_BOUNDS),
}  # fmt: skip
_BRACKETS = {"(", ")", "[", "]"}
_GLUE = {*_BRACKETS, "/", "=", "≈", "~", "|", "or", ",", "about", "approximately", "approx", "·", "\n", "→", ":", "*"}
"""What may stand between the two currencies of one price."""

_BREAKS = {"+", ";", "plus", "and", "then"}
_MAX_NOUN_WORDS = 6

MAX_QUANTITY = 10**12
"""No price is per more; a price with a larger denominator is not read."""

_NO_COUNT = v.POINTS | v.DOLLARS | v.CENTS | v.OTHER_CURRENCIES | {"$", "%"}
"""What makes the number before it an amount or a share, and no quantity."""

_NO_AMOUNT = v.MULTIPLIERS | {"%"}


@dataclass(slots=True)
class Price:
    """A price as it stands in a piece of the card. `first` and `last` are token indexes, `last` exclusive.

    It grows while its piece is read; what `prices` has returned is not changed any more.
    """

    currency: Currency
    amount: Decimal
    max_amount: Decimal | None
    first: int
    last: int
    bound: Bound = "exact"
    per: Per | None = None
    per_words: tuple[int, int] | None = None
    """Where the denominator stands, without its `per`."""
    list_amount: Decimal | None = None
    struck: bool = False
    accounts_for: tuple[int, ...] = ()
    """Indexes of the tokens whose numbers this price carries."""


class Denominator(NamedTuple):
    """A denominator and where it stands: from its opener to behind its last word."""

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
    """Whether token `i` is a number."""
    return 0 <= i < len(line) and line[i].kind == "number"


def _is_attached(line: Line, i: int) -> bool:
    """Whether token `i` stands right behind the one before it."""
    return 0 < i < len(line) and line[i].start == line[i - 1].end


# --- amounts ------------------------------------------------------------------------------------


def _number(line: Line, i: int) -> tuple[Decimal, int] | None:
    """A number with its magnitude in words, and the index behind it."""
    if not is_number(line, i) or (value := line[i].value) is None:
        return None
    scale = v.AMOUNT_MAGNITUDES.get(text(line, i + 1))
    return (value, i + 1) if scale is None else (value * scale, i + 2)


def _joins_range(line: Line, i: int, start: int) -> bool:
    word = text(line, i)
    if word == "and":
        return text(line, start - 1 - (text(line, start - 1) == "$")) == "between"
    if word == "~":
        return _is_attached(line, i)  # `~~$3~~ ~$2`: else it is the sign of an estimate
    return word in _RANGE_SIGNS


def _range(line: Line, start: int, dollars: bool) -> _Range | None:
    first = _number(line, start)
    if first is None:
        return None
    low, i = first
    if text(line, i) == "+" and _is_attached(line, i):
        return _Range(low, None, True, i + 1)
    if not _joins_range(line, i, start):
        return _Range(low, None, False, i)
    j = i + 1
    signed = dollars and text(line, j) == "$"
    j += signed
    if not is_number(line, j) or not (signed or _is_attached(line, i) or (not dollars and _opens(line, start))):
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
    """Whether number `i` starts a range, and does not end a name: `costs 1 - 5 points`, but `Veo 3 - 500 points`."""
    before = text(line, i - 1)
    if before == ":":
        return not is_number(line, i - 2)
    return before in _BEFORE_RANGE


def _ends_range(line: Line, i: int) -> bool:
    """Whether number or sign `i` is stuck to a number before it by a dash, in a range that could not be read."""
    return (
        text(line, i - 1) in _RANGE_SIGNS
        and is_number(line, i - 2)
        and _is_attached(line, i)
        and _is_attached(line, i - 1)
    )


def _is_attached_noun(line: Line, i: int) -> bool:
    """Whether a word such as `s` or `p` stands right behind the number: `5s`, `720p`."""
    return _is_attached(line, i) and line[i].kind == "word" and text(line, i) not in v.POINTS


def _behind_points(line: Line, i: int) -> int:
    """The index behind `points` at `i`, or `i` where there is none."""
    j = i + (text(line, i) in v.POINTS_ADJECTIVES or text(line, i) == "-")
    return j + 1 if text(line, j) in v.POINTS else i


def _priced(currency: Currency, span: _Range | None, first: int, end: int | None = None) -> Price | None:
    if span is None:
        return None
    bound: Bound = "from" if span.open_ended else "exact"
    return Price(currency, span.low, span.high, first, span.end if end is None else end, bound)


def _dollars(line: Line, first: int) -> Price | None:
    """Dollars with a sign before, a sign or word behind, or a raw tag."""
    i = first
    token = line[i]
    if token.kind == "tag":
        return None if token.value is None else Price("USD", _from_milli_cents(token.value), None, i, i + 1)
    if token.text in {"us", "usd"} and text(line, i + 1) == "$":
        i += 1
    if text(line, i) in {"$", "usd"}:
        span = _range(line, i + 1, True)
        return span and _priced("USD", span, first, span.end + (text(line, span.end) in v.DOLLARS))
    span = _range(line, i, False)
    if span is None:
        return None
    unit = text(line, span.end)
    if unit in v.DOLLARS or (unit == "$" and not (is_number(line, span.end + 1) and _is_attached(line, span.end + 1))):
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
    if span is None or text(line, span.end) in _NO_AMOUNT or _is_attached_noun(line, span.end):
        return None
    return _priced(currency, span, i)


def _bare_struck(line: Line, i: int, currency: Currency | None) -> Price | None:
    """`~~10.00~~ **$9.03**`: a struck number takes the currency of the price that replaces it."""
    behind = _skip_bound(line, i + 1)
    if behind < len(line):
        heir = _dollars(line, behind) or _points(line, behind)
        if heir is not None:
            return _bare(line, i, heir.currency)
    return None if currency is None else _bare(line, i, currency)


# --- denominators -------------------------------------------------------------------------------


def denominator(line: Line, i: int) -> Denominator | None:
    """The denominator that starts at `i`: `/ 1k tokens`, `per image`, `for each 5 URLs`, `each`."""
    opener, j = text(line, i), i + 1
    if opener in {"/", "per"}:
        while text(line, j) in {"each", "every", "the", "a", "an", "one", "single"}:
            j += 1
        return _quantified(line, i, j)
    if opener == "for":
        strict = text(line, j) not in {"each", "every"}
        while text(line, j) in {"each", "every", "the", "a", "an", "one", "any"}:
            j += 1
        return _quantified(line, i, j, known_only=strict)
    if opener == "each":
        return _quantified(line, i, j, known_only=True) or Denominator(Per(), i, j, j)
    if opener in {"a", "an", "every", "any"}:
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


def _quantified(line: Line, first: int, i: int, known_only: bool = False) -> Denominator | None:
    """`1M tokens`, `thousand characters`, `5 URLs`, `MTok`, `first megapixel`."""
    start, quantity, counted = i, Decimal(1), False
    if is_number(line, i):
        value, after = line[i].value, text(line, i + 1)
        if value is None or not _is_quantity(line[i]) or after in _NO_COUNT:
            return None
        if after == "(" and text(line, i + 2) == "$":
            return None
        quantity, counted, i = value, True, i + 1
        if after == "m" and v.UNITS.get(text(line, i + 1)) in {"token", "character"}:
            quantity, i = quantity * 1_000_000, i + 1
        elif after == "-" and text(line, i + 1) in v.UNITS:
            i += 1
    scale = None
    if i < len(line) and line[i].kind == "word":
        scale = v.UPPER_MAGNITUDES.get(line[i].raw) or v.MAGNITUDES.get(line[i].text)
        if scale is not None:
            quantity, i = quantity * scale, i + 1
    if (packed := v.MAGNITUDE_UNITS.get(text(line, i))) is not None:
        return Denominator(_per(quantity * packed[0], packed[1], None), first, start, i + 1)
    words, end = _noun_phrase(line, i)
    if not words:
        if (scale is not None or (counted and quantity in ROUND)) and not known_only:
            return Denominator(_per(quantity, None, None), first, start, i)
        return None
    if counted and scale is None and _is_attached_noun(line, start + 1) and words[0] not in v.UNITS:
        # `per 720p video`, `per 3D model`
        words[0], quantity, counted = line[start].raw + words[0], Decimal(1), False
    head = _head(words, counted)
    unit = v.UNITS.get(words[head])
    if known_only and unit is None:
        return None
    if counted and scale is None and unit is not None:
        if head > 0 and v.UNITS.get(words[0]) in v.TIME_UNITS:
            # `per 5-second video`
            words[0], quantity = f"{line[start].raw} {words[0]}", Decimal(1)
        elif unit in v.PICTURES and words[head] == unit and line[start].raw[-1] in "kK":
            # `per 4K image`; `per 1K images` counts them
            words.insert(0, line[start].text)
            head, quantity = head + 1, Decimal(1)
    qualifier = " ".join(words[:head] + words[head + 1 :]) or None
    return Denominator(_per(quantity, unit or singular(words[head]), qualifier), first, start, end)


def _noun_phrase(line: Line, i: int) -> tuple[list[str], int]:
    """The words of a noun and what narrows it; a word with a hyphen or a slash inside is one."""
    words: list[str] = []
    while i < len(line) and len(words) < _MAX_NOUN_WORDS:
        token = line[i]
        if token.kind == "word" and token.text not in v.PHRASE_ENDS and token.text not in v.POINTS:
            if words and text(line, i - 1) in {"-", "/"} and _is_attached(line, i):
                words[-1] += text(line, i - 1) + token.text
            else:
                words.append(token.text)
        elif not (words and token.text in {"-", "/"} and _is_attached(line, i) and _is_attached_noun(line, i + 1)):
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
    """The denominator that a label, header or title names: `Per 1,000 words`, `Cost/Second`, `(per message)`."""
    for i, token in enumerate(line):
        if (
            token.text == "per"
            or (token.text == "/" and _divides(line, i))
            or (i == 0 and token.text in {"each", "any", "every"})
        ):
            found = denominator(line, i)
            if found is not None and (found.per.unit is not None or found.per.quantity != 1):
                return found
    return None


def _divides(line: Line, i: int) -> bool:
    before = text(line, i - 1)
    return before in v.PRICE_WORDS or before in v.POINTS or before in v.DOLLARS or before in {"(", "$"}


# --- prices -------------------------------------------------------------------------------------


def prices(line: Line, currency: Currency | None = None, struck: Collection[int] = ()) -> list[Price]:
    """The prices in a piece, in its order.

    Args:
        line: the tokens of the piece.
        currency: of a number without a sign at the piece's start, where its place gives one.
        struck: where tokens start that are struck out.
    """
    found: list[Price] = []
    i = 0
    while i < len(line):
        token = line[i]
        if token.kind == "number" or token.kind == "tag" or token.text in {"$", "us", "usd"}:
            price = _price_at(line, i, currency, token.start in struck)
            if price is not None:
                price.struck = token.start in struck
                price.accounts_for = tuple(range(price.first, price.last))
                _bind(line, price, found)
                found.append(price)
                i = price.last
                currency = currency if price.struck else None
                continue
            if token.kind == "number":
                currency = None
        elif found and token.text in _OPENERS and _reaches(line, i, found[-1]):
            if (named := denominator(line, i)) is not None:
                _attach(line, found, named)
                i = named.end
                continue
            if token.text in {"/", "per"} and is_number(line, i + 1) and not _is_quantity(line[i + 1]):
                found.pop()
        i += 1
    return _without_former(found) if struck else found


_PREFIX_ENDS = {phrase[-1] for phrase in v.PREFIX_BOUNDS}
_SUFFIX_STARTS = {phrase[0] for phrase in v.SUFFIX_BOUNDS}
_OPENERS = {"/", "per", "for", "each", "a", "an", "every"}


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


def _price_at(line: Line, i: int, currency: Currency | None, struck: bool) -> Price | None:
    if _ends_range(line, i) or text(line, i - 1) in {"per", "$"}:
        return None
    if line[i].kind != "number":
        return _dollars(line, i)
    if text(line, i + 1) in v.POINTS:
        return _points(line, i)
    price = _dollars(line, i) or _points(line, i)
    if price is None and struck:
        price = _bare_struck(line, i, currency)
    if price is None and currency is not None:
        price = _bare(line, i, currency)
    return price


def _bind(line: Line, price: Price, before: Sequence[Price]) -> None:
    """Reads the words before and behind an amount that bound it, and takes them in."""
    floor = before[-1].last if before else 0
    if price.first > floor and line[price.first - 1].text in _PREFIX_ENDS:
        for size in (3, 2, 1):
            phrase = tuple(token.text for token in line[max(price.first - size, floor) : price.first])
            if (bound := v.PREFIX_BOUNDS.get(phrase)) is not None:
                price.bound = "exact" if bound == "from" and price.max_amount is not None else bound
                price.first -= len(phrase)
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
        if bound is None or (phrase == ("+",) and not _is_attached(line, start)):
            continue
        # in `(min 100 points)` the word belongs to the amount behind it
        if not (is_number(line, start + size) or text(line, start + size) in {"$", "usd"}):
            price.bound, price.last = bound, start + size
        return


def _reaches(line: Line, i: int, price: Price) -> bool:
    """Whether a denominator that opens at `i` can belong to the price before it."""
    between = line[price.last : i]
    if all(token.text in _GLUE for token in between):
        return True
    if line[i].text not in {"/", "per", "each"} or len(between) > _MAX_NOUN_WORDS:
        return False
    return all(token.kind == "word" or token.text in _BRACKETS or token.text == "," for token in between)


def _attach(line: Line, found: Sequence[Price], named: Denominator) -> None:
    """Gives a denominator to the price before it, and to its counterpart in the other currency."""
    nearest = found[-1]
    if nearest.per is not None:
        return
    nearest.per, nearest.per_words = named.per, (named.words, named.end)
    nearest.last = named.end
    for counterpart in reversed(found[-4:-1]):
        between = {token.text for token in line[counterpart.last : nearest.first]}
        if counterpart.struck != nearest.struck:
            continue
        if counterpart.per is None and counterpart.currency != nearest.currency and not between & _BREAKS:
            counterpart.per, counterpart.per_words = named.per, (named.words, named.end)
        break


def _without_former(found: list[Price]) -> list[Price]:
    """Folds struck-out prices into the ones that replace them: the next in the same currency, else the last."""
    kept: list[Price] = []
    waiting: dict[Currency, Price] = {}
    for price in found:
        if price.struck:
            waiting[price.currency] = price
            continue
        kept.append(price)
        if (former := waiting.pop(price.currency, None)) is not None:
            _inherit(price, former)
    for former in waiting.values():
        heir = next((price for price in reversed(kept[-4:]) if price.currency == former.currency), None)
        if heir is not None and heir.list_amount is None:
            _inherit(heir, former)
    return kept


def _inherit(heir: Price, former: Price) -> None:
    if former.max_amount is None:
        heir.list_amount = former.amount
        heir.bound = former.bound if heir.bound == "exact" else heir.bound
        heir.first, heir.last = min(heir.first, former.first), max(heir.last, former.last)
        heir.accounts_for += former.accounts_for


def _is_bracketed(between: Line) -> bool:
    """Whether a few words of the denominator and a bracket part two currencies: `of audio (`."""
    return (
        1 < len(between) <= _MAX_NOUN_WORDS
        and between[-1].text == "("
        and all(token.kind == "word" for token in between[:-1])
    )


def groups(line: Line, found: Sequence[Price]) -> list[list[Price]]:
    """Prices in several currencies that stand together are one price."""
    together: list[list[Price]] = []
    for price in found:
        last = together[-1] if together else []
        if last and price.currency not in {other.currency for other in last}:
            between = line[last[-1].last : price.first]
            if all(token.text in _GLUE for token in between) or _is_bracketed(between):
                last.append(price)
                continue
        together.append([price])
    return together
