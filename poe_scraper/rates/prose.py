"""Reading prose and lists: prices with the thing that is priced before or behind them."""

from collections.abc import Collection, Iterator, Sequence

from poe_scraper.items import POINTS_PER_USD, Bound, Currency, FreeAllowance
from poe_scraper.rates import vocabulary as v
from poe_scraper.rates.adjustments import adjustments
from poe_scraper.rates.document import Line
from poe_scraper.rates.grammar import Price, denominator, groups, is_number, prices, struck_starts, text
from poe_scraper.rates.ledger import Entry, Ledger
from poe_scraper.rates.lexer import Token, sightings
from poe_scraper.rates.titles import Title, named_currency, title

_SEPARATORS = {":", "=", "-", "–", "—", "→", "|"}
_LEADING = {
    ",", ";", "and", "or", ")", "·", "|", "•", ".", "*", "-", "–", "—", "+", "plus", "then",
    "▪", "►", "✓", '"',
}  # fmt: skip
_ENDS = {",", ".", ";", "(", "plus", "+", "!", "|", "·", "•", "and", "\n"}
_MAX_LABEL_WORDS = 10
_MAX_ABOVE_WORDS = 6
_REACH = 60
"""How many tokens behind a sentence may still complete it."""


def read_line(line: Line, words: Sequence[Token], section: Title | None, ledger: Ledger, above: str = "") -> None:
    """Reads a line of text into the ledger.

    Args:
        line: the line.
        words: its tokens.
        section: the title that governs it.
        ledger: takes its prices and adjustments.
        above: the line above it in the same paragraph, if that holds no amount.
    """
    if len(above.split()) > _MAX_ABOVE_WORDS or above.endswith(tuple(v.SENTENCE_ENDS)) or _is_generic(above):
        above = ""
    struck = struck_starts(words, line.struck)
    for start, end in _sentences(words):
        _read_sentence(line, words[start:end], words[end : end + _REACH], struck, section, ledger, above)


def _sentences(line: Sequence[Token]) -> Iterator[tuple[int, int]]:
    start = 0
    for i, token in enumerate(line):
        if token.text in v.SENTENCE_ENDS and (i + 1 == len(line) or line[i + 1].start > token.end):
            if (i and line[i - 1].text in v.ABBREVIATIONS) or (i + 1 < len(line) and line[i + 1].raw in v.POINTS):
                continue
            yield start, i + 1
            start = i + 1
    if start < len(line):
        yield start, len(line)


def _read_sentence(
    line: Line,
    sentence: Sequence[Token],
    behind: Sequence[Token],
    struck: Collection[int],
    section: Title | None,
    ledger: Ledger,
    above: str,
) -> None:
    adjusted = adjustments(sentence, behind)
    ledger.adjust(adjusted)
    currency = _currency_of_key(sentence, section, ledger)
    seen = sightings(sentence)
    if not seen and currency is None:
        _read_billing(sentence, ledger)
        return
    start = _behind_key(sentence) if currency is not None else 0
    found = prices(sentence[start:], currency, struck)
    for price in found if start else ():
        price.first, price.last = price.first + start, price.last + start
        price.accounts_for = tuple(i + start for i in price.accounts_for)
        if price.per_words is not None:
            price.per_words = price.per_words[0] + start, price.per_words[1] + start
    carried = set(adjusted.accounts_for)
    found = [price for price in found if carried.isdisjoint(price.accounts_for)]
    if _is_exchange_rate(sentence, found):
        return
    leading, label, position = "", "", 0
    together = groups(sentence, found)
    for i, group in enumerate(together):
        end = together[i + 1][0].first if i + 1 < len(together) else len(sentence)
        own = label_before(sentence, position, group[0].first, line)
        lead_in = [token.text for token in sentence[position : group[0].first]]
        if not leading or not _is_clause(own):
            leading = own or leading
        if not leading and text(sentence, 0) in v.MARKETING:
            break
        label = (
            (_purpose(sentence, group, end, line) if _is_generic(leading) else "")
            or leading
            or above
            or _label_behind(sentence, group, end, line)
            or label
            or next((found.unit for found in adjusted if isinstance(found, FreeAllowance) and found.unit), "")
            or (section.text if section is not None else "")
        )
        position = max(price.last for price in group)
        if label:
            said: Bound = "exact"
            if i + 1 == len(together) and _is_more_added(sentence, position):
                said = "from"
            elif not v.TYPICAL.isdisjoint(lead_in):
                said = "about"
            _enter(label, group, section, ledger, said)
            carried.update(k for price in group for k in price.accounts_for)
    piece = " ".join(line.text[sentence[0].start : sentence[-1].end].split())
    if currency is not None and not found:
        ledger.leave(piece)
    else:
        ledger.account(piece, seen, carried)


def _is_generic(label: str) -> bool:
    """Whether a label says no more than `price`."""
    return all(word.casefold() in v.PRICE_WORDS for word in label.split())


def _is_clause(label: str) -> bool:
    """Whether words before a price lead to it and name nothing: `(rounded up), with a minimum charge`."""
    return "," in label or "(" in label


def _purpose(sentence: Sequence[Token], group: Sequence[Price], limit: int, line: Line) -> str:
    """What a price is for: `the price is 30 points per second for 720p`."""
    start = max(price.last for price in group)
    return _label_behind(sentence, [], limit, line, start) if text(sentence, start) == "for" else ""


def _is_more_added(sentence: Sequence[Token], end: int) -> bool:
    """Whether the words behind the last price say that something without an amount comes on top of it."""
    return not v.ADDITION.isdisjoint(token.text for token in sentence[end : end + 2])


def _enter(label: str, group: Sequence[Price], section: Title | None, ledger: Ledger, said: Bound) -> None:
    named = title(label)
    shared = next((price.per for price in group if price.per is not None), None)
    per = shared or named.per or (section.per if section is not None else None)
    one_time = named.is_one_time or (section is not None and section.is_one_time)
    for price in group:
        its_per = price.per or per
        if its_per is not None and its_per.unit is None and its_per.quantity >= 1000:
            its_per = its_per.model_copy(update={"unit": named.unit})
        bound = named.bound if price.bound == "exact" else price.bound
        bound = said if said == "from" or bound == "exact" else bound
        where = section.text if section is not None else None
        ledger.enter(Entry(label, where, {}, price, its_per, bound, one_time))


# --- labels -------------------------------------------------------------------------------------


def label_before(sentence: Sequence[Token], start: int, end: int, line: Line) -> str:
    """The thing that is priced, from the words between two indexes before the price; empty where none is named."""
    while start < end and sentence[start].text in _LEADING:
        start += 1
    if start + 1 < end and sentence[start].text in v.NOTES and sentence[start + 1].text == ":":
        start += 2
    while end > start and sentence[end - 1].text in {"(", "[", "*", '"'}:
        end -= 1
    cut = end
    while cut > start and sentence[cut - 1].text in v.COST_FILLERS and sentence[cut - 1].text not in v.COST_VERBS:
        cut -= 1
    last = text(sentence, cut - 1) if cut > start else ""
    if last in _SEPARATORS and _is_separator(sentence, cut - 1):
        while cut > start and sentence[cut - 1].text in _SEPARATORS:
            cut -= 1
        end = cut
    elif last in v.COST_VERBS and _is_verb(sentence, start, cut - 1):
        end = cut - 1
        while end > start and sentence[end - 1].text in v.AUXILIARIES:
            end -= 1
        start = _subject(sentence, start, end)
    elif (
        last in {",", "then", "and", ";", "with", "plus"}
        or end - start > _MAX_LABEL_WORDS
        or text(sentence, start) in v.MARKETING
    ):
        return ""
    elif start < end and sentence[start].text in v.ARTICLES:
        start += 1
    while end > start and (sentence[end - 1].text in v.PREPOSITIONS or sentence[end - 1].text in _LEADING - {")"}):
        end -= 1
    if end - start == 1 and sentence[start].text in v.PRONOUNS:
        return ""
    return _words(sentence, start, end, line)


def _is_verb(sentence: Sequence[Token], start: int, i: int) -> bool:
    """Whether a word such as `cost` is the verb of `images cost`, and not the noun of `base cost`."""
    subject = i - 1
    while subject > start and sentence[subject].text in v.ADVERBS:
        subject -= 1
    return i == start or sentence[i].text not in v.NOUNS_TOO or sentence[subject].text.endswith("s")


def _subject(sentence: Sequence[Token], start: int, end: int) -> int:
    """Where the subject of a verb starts, behind a clause such as `if you attach images,` and an article."""
    if text(sentence, start) in v.SUBORDINATE:
        start = next((i + 1 for i in range(end - 1, start, -1) if sentence[i].text == ","), start)
    return start + (start < end and sentence[start].text in v.ARTICLES)


def _is_separator(sentence: Sequence[Token], i: int) -> bool:
    return sentence[i].text != "-" or sentence[i].start > sentence[i - 1].end or i + 1 == len(sentence)


def _label_behind(sentence: Sequence[Token], group: Sequence[Price], limit: int, line: Line, behind: int = 0) -> str:
    """The thing that is priced, from the denominator or from the words behind the price."""
    for price in group:
        if price.per_words is not None and price.per_words[0] < price.per_words[1]:
            return _words(sentence, *price.per_words, line)
    start = behind = max((price.last for price in group), default=behind)
    while start < limit and sentence[start].text in _BEHIND:
        start += 1
    end = start
    while end < min(limit, start + _MAX_LABEL_WORDS) and sentence[end].text not in _ENDS:
        end += 1
    return _words(sentence, start, end, line) if start > behind else ""


_BEHIND = {"for", "each", "a", "an", "the", "-", "–", "—", ":", "to", ")"}


def _words(sentence: Sequence[Token], start: int, end: int, line: Line) -> str:
    if end - start > 1 and sentence[start].text == "(" and ")" not in {token.text for token in sentence[start:end]}:
        start += 1
    if not any(token.kind != "sign" for token in sentence[start:end]):
        return ""
    return " ".join(line.text[sentence[start].start : sentence[end - 1].end].split())


# --- keys and statements ------------------------------------------------------------------------


def _behind_key(sentence: Sequence[Token]) -> int:
    """The index behind the `:` or `=` of `key: number`; 0 where the sentence is not of that form."""
    for i, token in enumerate(sentence):
        if token.text in {":", "="}:
            return i + 1 if is_number(sentence, i + 1) else 0
    return 0


def _currency_of_key(sentence: Sequence[Token], section: Title | None, ledger: Ledger) -> Currency | None:
    """The currency of the bare number in `Points: 100`, or in `720p: 100` under a title that names one."""
    start = _behind_key(sentence)
    if not start or (start + 1 < len(sentence) and sentence[start + 1].text not in _AFTER_BARE):
        return None
    key = named_currency({token.text for token in sentence[: start - 1]})
    return key or (section.currency if section is not None else None) or ledger.currency


_AFTER_BARE = {"/", "per", "(", "+", "-", "–", "each", "for"}


def _read_billing(sentence: Sequence[Token], ledger: Ledger) -> None:
    """`Pricing is per second of video`, `All prices are in points`."""
    for i, token in enumerate(sentence):
        if token.text not in v.BILLING_WORDS:
            continue
        j = i + 1
        words = set()
        while j < len(sentence) and sentence[j].text in v.BILLING_FILLERS:
            words.add(sentence[j].text)
            j += 1
        if not words.isdisjoint(v.POINTS):
            ledger.currency = "points"
        elif not words.isdisjoint(v.DOLLARS):
            ledger.currency = "USD"
        if text(sentence, j) in {"per", "each"} and (found := denominator(sentence, j)) is not None:
            ledger.bill_per(found.per)
        return


def _is_exchange_rate(sentence: Sequence[Token], found: Sequence[Price]) -> bool:
    """`$1 = 33,000 points`, `1 point = $0.00003`: explains the currencies, and prices nothing."""
    if len(found) != 2 or {price.currency for price in found} != {"USD", "points"} or found[0].first > 1:
        return False
    between = {token.text for token in sentence[found[0].last : found[1].first]}
    usd, points = sorted(found, key=lambda price: price.currency)
    if between.isdisjoint({"=", "is", "equals", "≈"}) or 1 not in {usd.amount, points.amount} or not usd.amount:
        return False
    return POINTS_PER_USD * 3 / 4 < points.amount / usd.amount < POINTS_PER_USD * 3 / 2
