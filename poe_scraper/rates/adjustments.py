"""What changes a price: discounts, surcharges, context tiers, allowances."""

from collections.abc import Iterator
from decimal import Decimal

from poe_scraper.items import (
    Adjustment,
    CacheDiscount,
    CacheWriteSurcharge,
    ContextTier,
    FreeAllowance,
    PlusCalledBots,
    UndisclosedCosts,
)
from poe_scraper.rates import vocabulary as v
from poe_scraper.rates.grammar import Line, is_number, noun_after, text
from poe_scraper.rates.lexer import sightings

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_FAR = 60
"""How many words behind it still tell how long a cache lasts."""
_SIDES = {"input", "output"}
_NEAR = 4
"""How many words behind a per cent sign still say what it is about."""


class Found(list[Adjustment]):
    """Adjustments of a piece, and the indexes of the tokens whose numbers they carry."""

    def __init__(self) -> None:
        super().__init__()
        self.accounts_for: set[int] = set()


def adjustments(line: Line, behind: Line = ()) -> Found:
    """The adjustments that a piece of the card states.

    Args:
        line: the tokens of a sentence or of a table's row.
        behind: the tokens of the sentences behind it, which may tell how long a cache lasts.
    """
    found = Found()
    words = {token.text for token in line}
    if not words.isdisjoint(v.CACHE):
        _cache(line, behind, words, found)
    if not words.isdisjoint(v.TIERED) and not words.isdisjoint(v.CONTEXT) and not words.isdisjoint(v.BILLED):
        _context_tier(line, found)
    if not words.isdisjoint(v.FREE_WORDS) or ("no" in words and not words.isdisjoint({"charge", "cost"})):
        _free_allowance(line, found)
    if not words.isdisjoint(v.CALLED):
        _called_bots(words, found)
    if "creator" in words and not any(token.kind == "number" for token in line):
        _undisclosed(words, found)
    return found


def _cache(line: Line, rest: Line, words: set[str], found: Found) -> None:
    for i in _percentages(line):
        percent = line[i].value
        behind = {token.text for token in line[i + 1 : i + 2 + _NEAR]}
        if percent is None:
            continue
        if behind & v.LESS:
            found.append(CacheDiscount(percent=percent))
        elif behind & v.MORE and words & v.WRITING:
            found.append(
                CacheWriteSurcharge(percent=percent, ttl_seconds=_duration([*line[i + 2 : i + 2 + _FAR], *rest]))
            )
        elif text(line, i + 2) == "of" and behind & (v.PRICE_WORDS | {"input"}):
            found.append(CacheDiscount(percent=100 - percent))


def _percentages(line: Line) -> Iterator[int]:
    for i, token in enumerate(line):
        if token.kind == "number" and text(line, i + 1) in {"%", "percent"}:
            yield i


def _duration(line: Line) -> Decimal | None:
    """The first time span, in seconds."""
    for i, token in enumerate(line):
        value = token.value
        if token.kind == "number" and value is not None:
            unit = v.UNITS.get(text(line, i + 1 + (text(line, i + 1) == "-")))
            if unit in _SECONDS:
                return value * _SECONDS[unit]
    return None


def _context_tier(line: Line, found: Found) -> None:
    factors: dict[str, Decimal] = {}
    pending: list[str] = []
    span: tuple[Decimal, Decimal | None] | None = None
    used: set[int] = set()
    money = set(sightings(line))
    i = 0
    while i < len(line):
        token = line[i]
        factor = None if i in money else _factor(line, i)
        if factor is not None:
            for side in pending or _sides_behind(line, i) or _SIDES:
                factors.setdefault(side, factor)
            pending = []
            used.add(i)
        elif token.text in _SIDES:
            pending.append(token.text)
        elif token.kind == "number" and token.value is not None and span is None and i not in money:
            span, end = _token_span(line, i, token.value, money)
            used |= set(range(i, end))
            i = max(i, end - 1)
        i += 1
    if factors and span is not None:
        found.append(
            ContextTier(
                min_tokens=span[0],
                max_tokens=span[1],
                input_multiplier=factors.get("input"),
                output_multiplier=factors.get("output"),
            )
        )
        found.accounts_for |= used


def _sides_behind(line: Line, i: int) -> set[str]:
    """`2x input`: the sides named behind a factor, up to the next factor or comma."""
    sides = set()
    for j in range(i + 1, min(i + _FAR, len(line))):
        if text(line, j) in {",", ";", "."} or _factor(line, j) is not None:
            break
        if text(line, j) in _SIDES:
            sides.add(text(line, j))
    return sides


def _factor(line: Line, i: int) -> Decimal | None:
    if line[i].text in v.MULTIPLIER_WORDS:
        return Decimal(v.MULTIPLIER_WORDS[line[i].text])
    return line[i].value if line[i].kind == "number" and text(line, i + 1) in v.MULTIPLIERS else None


def _token_span(
    line: Line, i: int, value: Decimal, money: set[int]
) -> tuple[tuple[Decimal, Decimal | None] | None, int]:
    """The context lengths that a number bounds, and the index behind them."""
    before = text(line, i - 1 - (text(line, i - 1) in {"=", "to"}))
    if before in v.ABOVE or text(line, i + 1) == "+":
        return (value, None), i + 1
    if before in v.BELOW:
        return (Decimal(0), value), i + 1
    if text(line, i + 1) in {"-", "–", "—", "to", "and"} and i + 2 < len(line):
        high = line[i + 2].value
        if high is not None and high > value and i + 2 not in money:
            return (value, high), i + 3
    return None, i + 1


def _free_allowance(line: Line, found: Found) -> None:
    for i, token in enumerate(line):
        if token.text == "first":
            counted = is_number(line, i + 1)
            quantity = line[i + 1].value if counted else Decimal(1)
            unit = noun_after(line, i + 1 + counted)
        elif token.kind == "number" and text(line, i + 1) == "free":
            quantity, unit = token.value, noun_after(line, i + 2)
        else:
            continue
        if quantity is not None and unit is not None:
            found.append(FreeAllowance(quantity=quantity, unit=unit))
            found.accounts_for |= {i, i + 1}
            return


def _called_bots(words: set[str], found: Found) -> None:
    if words & {"bots", "bot"} and words & {"plus", "additional", "addition", "top"} and words & v.PRICE_WORDS:
        found.append(PlusCalledBots())


def _undisclosed(words: set[str], found: Found) -> None:
    if words & {"additional", "extra", "other"} and words & v.PRICE_WORDS:
        found.append(UndisclosedCosts())
