"""What several prices of one piece are together: a range, a list, a former price and its successor, a pair.

Also the amounts of a piece that are no prices at all, and those that no one reading is certain for.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from poe_scraper.items import POINTS_PER_USD, Currency
from poe_scraper.rates import vocabulary as v
from poe_scraper.rates.grammar import GLUE, MAX_NOUN_WORDS, Line, Price, arrow_end, is_number, says_change, text
from poe_scraper.rates.lexer import ROUND

_CLAUSE_ENDS = {",", ";", ".", "(", ")", ":", "|", "\n", "!", "?"}
_CLAUSE = 14
"""How many tokens before an amount may tell that it is a threshold."""


class Found(NamedTuple):
    """The prices of a piece."""

    prices: Sequence[Price]
    explained: frozenset[int]
    """Indexes of the tokens of amounts that are no prices: thresholds, holds, rounding, rewards, conversions."""


NOTHING = Found((), frozenset())


def compounds(line: Line, single: Sequence[Price]) -> Found:
    """The prices of a piece, from its single amounts.

    Args:
        line: the tokens of the piece.
        single: its amounts as `grammar.prices` gives them.
    """
    if not single:
        return NOTHING
    words = {token.text for token in line}
    if len(single) == 1 and not single[0].struck and words.isdisjoint(_CHANGING):
        return Found(single, NOTHING.explained)  # most prices
    if not words.isdisjoint(_MULTIPLYING) and _is_formula(line, single):
        return NOTHING
    is_changed = not words.isdisjoint(_ARROW_SIGNS)
    kept = list(single)
    together: Sequence[Sequence[Price]] = ()
    if is_changed or not words.isdisjoint(v.FORMERLY) or any(price.struck for price in single):
        kept = _without_formers(line, kept)
    if len(kept) > 1:
        if is_changed:
            kept = _without_changes(line, kept)
        together = groups(line, kept)
        if len(together) > 1:
            if _is_interleaved(line, together):
                return NOTHING
            kept = _with_ranges(line, together)
        if not words.isdisjoint(_CONVERTING) and is_exchange_rate(line, kept):
            return Found((), frozenset(i for price in kept for i in price.accounts_for))
    explained: set[int] = set()
    prices = kept
    if not words.isdisjoint(_TELLING):
        prices = _without_no_prices(line, kept, explained)
    if len(prices) > 1 and (len(together) > 1 or prices[0].option is not None):
        _note_options(line, prices)
    return Found(prices, frozenset(explained))


_SAYING = {"is", "are", "equals", "equal", "about"}
_CONVERTING = {"=", "≈"} | _SAYING
_ARROW_SIGNS = v.ARROWS | {">"}
_MULTIPLYING = v.TIMES | {"x"}
_TELLING = (
    v.NO_PRICE_HEADS
    | v.NEEDS
    | v.CONDITIONS
    | v.OTHER_CURRENCIES
    | {"per"}
    | {phrase[0] for phrase in v.BEHIND_NO_PRICE}
)
"""Words without one of which no amount is a threshold, a hold, a conversion or the like."""
_CHANGING = _MULTIPLYING | _ARROW_SIGNS | v.FORMERLY | _TELLING
"""Words without one of which a single amount is a price and nothing else."""


def _without_no_prices(line: Line, found: Sequence[Price], explained: set[int]) -> list[Price]:
    """The prices among the amounts; adds the tokens of the others to `explained`."""
    prices = []
    for price in found:
        conversion = _conversion(line, price)
        if conversion or is_no_price(line, price):
            explained |= conversion or set(price.accounts_for)
        else:
            prices.append(price)
    return prices


# --- former prices ------------------------------------------------------------------------------


def _without_formers(line: Line, found: list[Price]) -> list[Price]:
    """Puts former prices into those that replace them: the next one in the same currency, else the last one."""
    for price in found:
        before = line[price.first - 1].text if price.first else ""
        is_former = before in v.FORMERLY or (before == "of" and text(line, price.first - 2) == "instead")
        if is_former or (arrow_end(line, price.last) > price.last and says_change(line)):
            price.struck = True
    if not any(price.struck for price in found):
        return found
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
        heir.per = heir.per or former.per
        heir.first, heir.last = min(heir.first, former.first), max(heir.last, former.last)
        heir.accounts_for += former.accounts_for


# --- ranges and changes -------------------------------------------------------------------------


def _without_changes(line: Line, found: list[Price]) -> list[Price]:
    """Leaves out both amounts of `100 points → 200 points`: a range or a change."""
    changed: set[int] = set()
    for i, (low, high) in enumerate(pairwise(found)):
        if low.currency == high.currency and arrow_end(line, low.last) > low.last:
            changed |= {i, i + 1}
    return [price for i, price in enumerate(found) if i not in changed]


_RANGE_JOINERS = {("-",), ("–",), ("—",), ("to",), ("up", "to"), ("and",), ("~",), (), ("through",), ("till",)}


def _with_ranges(line: Line, together: Sequence[list[Price]]) -> list[Price]:
    """Puts complete prices together: `$0.10 (3,300 points) - $0.30 (9,900 points)`."""
    kept: list[list[Price]] = []
    for group in together:
        if kept and _is_range(line, kept[-1], group):
            low = kept.pop()
            joined = [_range_of(price, low) for price in group]
            if all(price is not None for price in joined):
                kept.append([price for price in joined if price is not None])
            continue
        kept.append(group)
    return [price for group in kept for price in group]


def _is_range(line: Line, low: Sequence[Price], high: Sequence[Price]) -> bool:
    if {price.currency for price in low} != {price.currency for price in high}:
        return False
    if any(price.max_amount is not None or price.option is not None for price in (*low, *high)):
        return False
    between = [token.text for token in line[max(price.last for price in low) : high[0].first]]
    if between and between[0] in {")", "]"}:
        del between[0]
    joiner = tuple(between)
    if joiner == ("and",):
        return text(line, low[0].first - 1) == "between" or text(line, low[0].first) == "between"
    if joiner == ():
        return high[0].bound == "up_to" and low[0].bound in {"from", "exact"}
    return joiner in _RANGE_JOINERS


def _range_of(high: Price, lows: Sequence[Price]) -> Price | None:
    """The range that ends in a price; None if it does not rise, or its ends are prices of different things."""
    low = next(price for price in lows if price.currency == high.currency)
    if high.amount <= low.amount or (low.per is not None and high.per is not None and low.per != high.per):
        return None
    return Price(
        low.currency,
        low.amount,
        high.amount,
        low.first,
        high.last,
        "about" if "about" in {low.bound, high.bound} else "exact",
        high.per or low.per,
        high.per_words or low.per_words,
        accounts_for=low.accounts_for + high.accounts_for,
    )


def _is_interleaved(line: Line, together: Sequence[Sequence[Price]]) -> bool:
    """True for `$0.15 in / $0.60 out per 1M tokens`, where a word and a denominator may belong to either price."""
    for low, high in pairwise(together):
        between = line[max(price.last for price in low) : high[0].first]
        is_slash = bool(between) and between[-1].text == "/" and high[0].currency in {price.currency for price in low}
        if is_slash and any(token.kind == "word" for token in between) and between[0].text != "(":
            return True
    return False


# --- lists --------------------------------------------------------------------------------------


def _note_options(line: Line, found: Sequence[Price]) -> None:
    """Finds the words that tell the prices of a list apart: `600 (first), 700 (next)`, `100 for images`."""
    listed = found[0].option
    if listed is not None:
        _note_listed(line, found[: listed[1]])
        return
    together = groups(line, found)
    if len(together) < 2:
        return
    if len({frozenset(price.currency for price in group) for group in together}) > 1:
        return
    notes = [
        _note(line, max(price.last for price in group), after[0].first if after else len(line))
        for group, after in zip(together, [*together[1:], None], strict=True)
    ]
    pers = {price.per for price in found} - {None}
    if all(notes[1:]) and len({price.per for price in together[0]}) == 1 and len(pers) < 2:
        for group, note in zip(together, notes, strict=True):
            for price in group:
                price.note = note
                price.per = price.per or together[0][0].per


def _note_listed(line: Line, listed: Sequence[Price]) -> None:
    """`100/200/400 points (low/medium/high)`: each price with its word in the brackets."""
    start = listed[-1].last
    end = next((i for i in range(start, min(start + _CLAUSE, len(line))) if line[i].text == ")"), None)
    if text(line, start) != "(" or end is None:
        return
    cuts = [start, *(i for i in range(start, end) if line[i].text in {"/", ","}), end]
    if len(cuts) == len(listed) + 1 and all(first + 1 < last for first, last in pairwise(cuts)):
        for price, (first, last) in zip(listed, pairwise(cuts), strict=True):
            price.note = (first + 1, last)


def _note(line: Line, start: int, limit: int) -> tuple[int, int] | None:
    """Where the words are after a price that are in brackets or after `for`."""
    start += text(line, start) == ")"
    opening = text(line, start)
    if opening not in _NOTE_OPENERS or start >= limit:
        return None
    first = start + (opening in {"(", "for"})
    first += opening == "(" and text(line, first) == "for"
    closing = {")"} if opening == "(" else _NOTE_ENDS
    end = first
    while end < limit and line[end].text not in closing:
        end += 1
    if opening == "(" and end == limit:
        return None
    return (first, end) if first < end else None


_NOTE_OPENERS = {
    "(", "for", "if", "when", "with", "without", "up", "above", "over", "below", "under", "beyond", "≤", ">", "<", "≥",
    "thereafter",
}  # fmt: skip
_NOTE_ENDS = {",", ";", ".", "and", "or", "(", ")", "+", "plus", "|", "\n", "!"}


def groups(line: Line, found: Sequence[Price]) -> list[list[Price]]:
    """Prices in several currencies without words between them are one price."""
    together: list[list[Price]] = []
    for price in found:
        last = together[-1] if together else []
        if last and price.option is None and price.currency not in {other.currency for other in last}:
            between = line[last[-1].last : price.first]
            if all(token.text in GLUE for token in between) or _is_bracketed(between):
                last.append(price)
                continue
        together.append([price])
    return together


def _is_bracketed(between: Line) -> bool:
    """True if a few words of the denominator and a bracket separate two currencies: `of audio (`."""
    return (
        1 < len(between) <= MAX_NOUN_WORDS
        and between[-1].text == "("
        and all(token.kind == "word" for token in between[:-1])
    )


# --- no prices ----------------------------------------------------------------------------------


def is_no_price(line: Line, price: Price) -> bool:
    """True for a threshold, a hold, a balance, a budget, a step of rounding, a saving or a reward."""
    first = price.first
    while first < price.last and line[first].kind == "word" and line[first].text not in v.DOLLARS:
        first += 1  # `need at least 500 points`: the words of the bound belong to the phrase
    before = [token.text for token in line[max(0, first - _CLAUSE) : first]]
    clause = before[next((i + 1 for i in range(len(before) - 1, -1, -1) if before[i] in _CLAUSE_ENDS), 0) :]
    head = next((word for word in reversed(before) if word not in v.BETWEEN_HEAD_AND_AMOUNT), "")
    if head in v.NO_PRICE_HEADS:
        return True
    if head in v.NEEDS and not {"least", "minimum", "than"}.isdisjoint(clause[-4:]):
        return True
    if not v.CONDITIONS.isdisjoint(clause) and not v.COMPARISONS.isdisjoint(clause[-4:]):
        return True
    after = tuple(token.text for token in line[price.last : price.last + 3])
    return any(after[: len(phrase)] == phrase for phrase in v.BEHIND_NO_PRICE)


def _conversion(line: Line, price: Price) -> set[int]:
    """Indexes of the numbers of `1 credit = 10 points`, `$0.03 per 1,000 points`; empty if it is no conversion."""
    own = set(price.accounts_for)
    i = price.first - 1
    if text(line, i) in _EQUALS and text(line, i - 1) in v.OTHER_CURRENCIES and is_number(line, i - 2):
        return own | {i - 2}
    i = price.last
    if text(line, i) in _EQUALS and is_number(line, i + 1) and text(line, i + 2) in v.OTHER_CURRENCIES:
        return own | {i + 1}
    if text(line, i) == "per" and price.per is None:
        counted = i + 1 + is_number(line, i + 1)
        if text(line, counted) in v.POINTS or (price.currency == "points" and text(line, counted) in v.DOLLARS | {"$"}):
            return own | {i + 1}
    return set()


_EQUALS = {"=", "is", "equals", "≈", "are", "=="}


def is_counterpart(usd: Price, points: Price) -> bool:
    """True if points are worth about the dollars: both may be the price of one thing."""
    if not usd.amount:
        return False
    of_usd = usd.per.quantity if usd.per else Decimal(1)
    of_points = points.per.quantity if points.per else Decimal(1)
    return POINTS_PER_USD / 2 < points.amount / usd.amount * of_usd / of_points < POINTS_PER_USD * 2


def is_exchange_rate(line: Line, found: Sequence[Price]) -> bool:
    """True for `$1 = 33,000 points` and `1 point = $0.00003`, which explain the currencies and price nothing."""
    if len(found) != 2 or {price.currency for price in found} != {"USD", "points"} or found[0].first > 2:
        return False
    between = {token.text for token in line[found[0].last : found[1].first]}
    usd, points = sorted(found, key=lambda price: price.currency)
    if between.isdisjoint(_CONVERTING) or not usd.amount:
        return False
    if 1 not in {usd.amount, points.amount} and (points.amount not in ROUND or between.isdisjoint(_SAYING)):
        return False
    return POINTS_PER_USD * 3 / 4 < points.amount / usd.amount < POINTS_PER_USD * 3 / 2


def _is_formula(line: Line, found: Sequence[Price]) -> bool:
    """True if amounts are terms of a calculation: `100 points + 5 points × steps`, `0.5 × (tokens / 1000) points`."""
    edges = {edge for price in found for edge in (price.last, price.first - 1)}
    for i, token in enumerate(line):
        if token.text not in v.TIMES and token.text != "x":
            continue
        after, before = text(line, i + 1), text(line, i - 1)
        if token.text in {"*", "x"} and (line[i].start == line[i - 1].end or not after):
            continue
        is_factor = after == "(" or before == ")" or i in edges
        if is_factor and after not in {"", ")", ","}:
            return True
    return False
