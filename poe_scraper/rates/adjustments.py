"""What changes a price: discounts, surcharges, multipliers, context tiers, allowances."""

from collections.abc import Iterator
from decimal import Decimal

from poe_scraper.items import (
    Adjustment,
    CacheDiscount,
    CacheWriteSurcharge,
    ContextTier,
    Discount,
    FreeAllowance,
    Markup,
    Multiplier,
    PlusCalledBots,
    UndisclosedCosts,
)
from poe_scraper.rates import vocabulary as v
from poe_scraper.rates.grammar import Line, is_attached, is_number, noun_after, text
from poe_scraper.rates.lexer import sightings

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_FAR = 60
"""How many tokens after a percentage may still say how long a cache lasts."""
_SIDES = {"input": "input", "inputs": "input", "output": "output", "outputs": "output"}
_SIDES_OF_LABELS = _SIDES | {"prompt": "input", "prompts": "input", "completion": "output", "completions": "output"}
_NEAR = 4
"""How many tokens after a percent sign may still say what it is about."""


class Found(list[Adjustment]):
    """Adjustments of a piece, and the indexes of the tokens whose numbers they carry."""

    def __init__(self) -> None:
        super().__init__()
        self.accounts_for: set[int] = set()

    def add(self, adjustment: Adjustment, *tokens: int) -> None:
        """Adds an adjustment that carries the numbers of some tokens."""
        self.append(adjustment)
        self.accounts_for.update(tokens)


def adjustments(line: Line, following: Line = (), *, about: Line = (), label_end: int = 0) -> Found:
    """The adjustments that a piece of the card states.

    Args:
        line: the tokens of a sentence, of a cell with a price, or of a row without one.
        following: the tokens of the sentences after it, which may say how long a cache lasts.
        about: the tokens that name what is priced, if the piece has a price.
        label_end: for a row, where its label ends.
    """
    found = Found()
    words = {token.text for token in line}
    wider = words.union(token.text for token in about) if about else words
    if "%" in words or "percent" in words:
        _percentages(line, following, wider, label_end, found)
    if not words.isdisjoint(v.TIERED):
        _multiples(line, about, words, label_end, found)
    if not words.isdisjoint(v.FREE_WORDS) or ("no" in words and not words.isdisjoint({"charge", "cost"})):
        _free_allowance(line, found)
    if not words.isdisjoint(v.CALLED) or "bots" in words:
        _called_bots(words, found)
    if "creator" in words and not any(token.kind == "number" for token in line):
        _undisclosed(words, found)
    return found


# --- percentages --------------------------------------------------------------------------------


def _percentages(line: Line, following: Line, words: set[str], label_end: int, found: Found) -> None:
    is_cached = not words.isdisjoint(v.CACHE)
    is_advertised = text(line, 0) in v.MARKETING or not words.isdisjoint(v.RIVALS)
    for i in _percents(line):
        percent = line[i].value
        if percent is None:
            continue
        after = [token.text for token in line[i + 1 : i + 2 + _NEAR]]
        sign = text(line, i - 1)
        if is_cached and _cache(line, following, words, i, percent, label_end, found):
            continue
        if is_cached or (is_advertised and label_end == 0) or text(line, i - 1) == "to":
            continue
        if sign in {"+", "plus"} or not v.MARKUP.isdisjoint(after) or _costs_more(line, i, after):
            found.add(Markup(percent=percent, label=_marked_up(line, i, label_end)), i)
        elif (
            not v.LESS.isdisjoint(after)
            or (sign == "of" and text(line, i - 2) in {"discount", "reduction"})
            or (label_end and (sign == "-" or not v.LESS.isdisjoint(token.text for token in line[:label_end])))
        ):
            found.add(Discount(percent=percent, label=_label(line, i, label_end)), i)


def _percents(line: Line) -> Iterator[int]:
    """Indexes of the numbers before a percent sign."""
    for i, token in enumerate(line):
        if token.kind == "number" and text(line, i + 1) in {"%", "percent"}:
            yield i


def _cache(
    line: Line, following: Line, words: set[str], i: int, percent: Decimal, label_end: int, found: Found
) -> bool:
    """Adds what a percentage says of cached input; returns False if it says nothing that is certain."""
    after = {token.text for token in line[i + 1 : i + 2 + _NEAR]}
    before = {token.text for token in line[max(0, i - _NEAR) : i]} | {token.text for token in line[:label_end]}
    sign = text(line, i - 1)
    if words & v.WRITING and (after & v.MORE or sign == "+"):
        lasting = _duration([*line[i + 2 : i + 2 + _FAR], *following]) or _duration(line[:label_end])
        found.add(CacheWriteSurcharge(percent=percent, ttl_seconds=lasting), i)
    elif after & v.LESS or sign == "-" or (before & v.LESS and text(line, i + 2) != "of"):
        found.add(CacheDiscount(percent=percent), i)
    elif text(line, i + 2) == "of" and after & (v.PRICE_WORDS | {"input"}):
        found.add(CacheDiscount(percent=100 - percent), i)
    else:
        return False
    return True


def _costs_more(line: Line, i: int, after: list[str]) -> bool:
    """True for `HD costs 20% more`."""
    return "more" in after[:2] and any(token.text in v.COST_VERBS for token in line[max(0, i - 3) : i])


def _duration(line: Line) -> Decimal | None:
    """The first time span, in seconds."""
    for i, token in enumerate(line):
        value = token.value
        if token.kind == "number" and value is not None:
            unit = v.UNITS.get(text(line, i + 1 + (text(line, i + 1) == "-")))
            if unit in _SECONDS:
                return value * _SECONDS[unit]
    return None


def _marked_up(line: Line, i: int, label_end: int) -> str:
    """What a percentage comes on top of: the words before its plus sign, after the verb; or the key before a colon."""
    end = i - (text(line, i - 1) in {"+", "plus", "a", "with"})
    key = next((k for k in range(end - 1, max(0, end - _FAR), -1) if line[k].text == ":"), 0)
    if label_end or key:
        return _joined(line[max(0, (label_end or key) - _FAR) : label_end or key])
    first = max(0, end - _FAR)
    start = next((k + 1 for k in range(end - 2, first - 1, -1) if line[k].text in v.COST_VERBS), first)
    start += text(line, start) == "at"
    return _joined(line[start:end]) if start < end else _label(line, i, label_end)


def _label(line: Line, i: int, label_end: int) -> str:
    """The words that say what a number is about: a row's label, else those before it, else those after it."""
    end = label_end or i
    while end > 0 and (line[end - 1].kind == "sign" or line[end - 1].text in _JOINING):
        end -= 1
    if end > 0:
        return _joined(line[max(0, end - _FAR) : end])
    start = i + 1
    while start < len(line) and (line[start].kind == "sign" or line[start].text in _JOINING | v.LESS | v.MULTIPLIERS):
        start += 1
    return _joined(line[start : start + _FAR]).rstrip(" .!")


_JOINING = v.COST_VERBS | {"plus", "at", "for", "with", "to", "get", "of", "by", "a", "an"}


def _joined(tokens: Line) -> str:
    words = ""
    for k, token in enumerate(tokens):
        words += ("" if k == 0 or is_attached(tokens, k) else " ") + token.raw
    return " ".join(words.split())


# --- multiples ----------------------------------------------------------------------------------


def _multiples(line: Line, about: Line, words: set[str], label_end: int, found: Found) -> None:
    is_of_context = not words.isdisjoint(v.CONTEXT) and (
        not words.isdisjoint(v.BILLED) or "context" in words or bool(about)
    )
    if is_of_context and not _is_formula(line, words):
        before = len(found)
        _context_tier(line, about, found)
        if len(found) > before:
            return
    if not about and not _is_formula(line, words):
        _multiplier(line, words, label_end, found)


def _is_formula(line: Line, words: set[str]) -> bool:
    return not words.isdisjoint(v.TIMES) and any(
        (token.text in v.TIMES and text(line, i + 1) == "(") or (token.text == ")" and text(line, i + 1) in v.TIMES)
        for i, token in enumerate(line)
    )


def _context_tier(line: Line, about: Line, found: Found) -> None:
    factors: dict[str, Decimal] = {}
    pending: list[str] = []
    span: tuple[Decimal, Decimal | None] | None = None
    used: set[int] = set()
    money = set(sightings(line))
    own = {_SIDES_OF_LABELS[token.text] for token in about if token.text in _SIDES_OF_LABELS}
    i = 0
    while i < len(line):
        token = line[i]
        factor = None if i in money else _factor(line, i)
        if factor is not None:
            for side in pending or _sides_after(line, i) or own or ("input", "output"):
                factors.setdefault(side, factor)
            pending = []
            used.add(i)
        elif token.text in _SIDES:
            pending.append(_SIDES[token.text])
        elif token.kind == "number" and token.value is not None and span is None and i not in money:
            span, end = _token_span(line, i, token.value, money)
            if span is not None:
                used |= set(range(i, end))
            i = max(i, end - 1)
        i += 1
    if factors and span is not None:
        tier = ContextTier(
            min_tokens=span[0],
            max_tokens=span[1],
            input_multiplier=factors.get("input"),
            output_multiplier=factors.get("output"),
        )
        found.add(tier, *used)


def _sides_after(line: Line, i: int) -> set[str]:
    """`2x input`: the sides named after a factor, up to the next factor or comma."""
    sides = set()
    for j in range(i + 1, min(i + _FAR, len(line))):
        if text(line, j) in {",", ";", "."} or _factor(line, j) is not None:
            break
        if text(line, j) in _SIDES:
            sides.add(_SIDES[text(line, j)])
    return sides


def _factor(line: Line, i: int) -> Decimal | None:
    """The factor at `i`: `2x`, `1.5 ×`, `x2`, `×2`, `double`."""
    token = line[i]
    if token.kind == "sign":
        return None
    if token.text in v.MULTIPLIER_WORDS:
        return Decimal(v.MULTIPLIER_WORDS[token.text])
    if token.kind == "number":
        if text(line, i + 1) in v.MULTIPLIERS and not is_number(line, i + 2):
            return token.value
        return token.value if text(line, i - 1) == "×" and not is_number(line, i - 2) else None
    if token.text[:1] == "x" and token.text[1:].isdecimal() and len(token.text) < _NEAR:
        return Decimal(token.text[1:]) + _decimals(line, i)
    return None


def _decimals(line: Line, i: int) -> Decimal:
    """The `.5` that the lexer separates from the `x1` of `x1.5`; nought if there is none."""
    value = line[i + 1].value if is_number(line, i + 1) and is_attached(line, i + 1) else None
    is_fraction = value is not None and value < 1 and line[i].text[:1] == "x" and text(line, i + 1)[:1] == "."
    return value if is_fraction and value is not None else Decimal(0)


def _token_span(
    line: Line, i: int, value: Decimal, money: set[int]
) -> tuple[tuple[Decimal, Decimal | None] | None, int]:
    """The context lengths that a number bounds, and the index after them."""
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


def _multiplier(line: Line, words: set[str], label_end: int, found: Found) -> None:
    """`Peak hours: x2`, `4K costs 1.5x`, and a row whose price is a factor."""
    money = set(sightings(line))
    if money and not label_end:
        return
    for i in range(label_end, len(line)):
        factor = None if i in money else _factor(line, i)
        if factor is None:
            continue
        before = i - 1 - (text(line, i - 1) == "×")
        after = i + 1 + bool(_decimals(line, i))
        while text(line, after) in v.MULTIPLIERS:
            after += 1
        ends = text(line, after) in {"", ".", ",", ";", "!", ")", "(", "|", "for", "if", "when"}
        is_price = text(line, after) in v.MULTIPLIED
        if label_end:
            is_said = text(line, before) == "|" and (ends or is_price)
        elif text(line, before) in {":", "="}:
            is_said = ends or is_price
        else:
            is_said = (ends or is_price) and _costs(line, before)
            is_said = is_said or (
                is_price and not words.isdisjoint(v.PRICE_WORDS) and not words.isdisjoint(v.COST_VERBS)
            )
        if is_said:
            found.add(Multiplier(factor=factor, label=_label(line, before + 1, label_end)), *range(i, after))


def _costs(line: Line, i: int) -> bool:
    """True if a verb such as `costs` is at or just before `i`."""
    return any(text(line, k) in v.COST_VERBS for k in range(max(0, i - 1), i + 1))


# --- allowances and costs without a number ------------------------------------------------------


def _free_allowance(line: Line, found: Found) -> None:
    is_priced = bool(sightings(line))
    for i, token in enumerate(line):
        counted = False
        if token.text == "first":
            counted = is_number(line, i + 1)
            quantity = line[i + 1].value if counted else Decimal(1)
            unit = noun_after(line, i + 1 + counted)
        elif token.kind == "number" and text(line, i + 1) == "free":
            quantity, unit = token.value, noun_after(line, i + 2)
        elif token.kind == "number" and not is_priced and _is_free(line, i):
            quantity, unit = token.value, noun_after(line, i + 1)
        else:
            continue
        if quantity is not None and unit is not None:
            found.add(FreeAllowance(quantity=quantity, unit=unit), i, i + counted)
            return


def _is_free(line: Line, i: int) -> bool:
    """True for `5 images per day are free`: a known unit and then a word for free."""
    after = [token.text for token in line[i + 1 : i + 8]]
    if not after or not any(word in v.UNITS for word in after[:2]) or text(line, i - 1) in {"-", "x", "per", "/"}:
        return False
    return any(word in v.FREE_WORDS for word in after) and not any(
        token.kind == "number" for token in line[i + 1 : i + 8]
    )


def _called_bots(words: set[str], found: Found) -> None:
    if words.isdisjoint(v.CALLED) and words.isdisjoint({"other", "any"}):
        return
    if words & {"bots", "bot"} and words & {"plus", "additional", "addition", "top", "+"} and words & v.PRICE_WORDS:
        found.append(PlusCalledBots())


def _undisclosed(words: set[str], found: Found) -> None:
    if words & {"additional", "extra", "other"} and words & v.PRICE_WORDS:
        found.append(UndisclosedCosts())
