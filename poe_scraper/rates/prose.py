"""Reading prose and lists: prices with the thing that is priced before or after them."""

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from poe_scraper.items import Bound, Currency, FreeAllowance
from poe_scraper.rates import vocabulary as v
from poe_scraper.rates.adjustments import adjustments
from poe_scraper.rates.compounds import Found, compounds, groups
from poe_scraper.rates.dates import Period, without
from poe_scraper.rates.document import Line
from poe_scraper.rates.grammar import Price, denominator, is_attached, is_number, prices, struck_starts, text
from poe_scraper.rates.ledger import Entry, Ledger
from poe_scraper.rates.lexer import Piece, Token, numbers_of, sightings
from poe_scraper.rates.titles import Title, named_currency, title

_SEPARATORS = {":", "=", "-", "–", "—", "→", "|"}
_LEADING = {
    ",", ";", ":", "and", "or", ")", "·", "|", "•", ".", "*", "-", "–", "—", "+", "plus", "then",
    "▪", "►", "✓", '"',
}  # fmt: skip
_ENDS = {",", ".", ";", "(", "plus", "+", "!", "|", "·", "•", "and", "\n"}
_MAX_LABEL_WORDS = 10
_MAX_ABOVE_WORDS = 6
_MAX_KEY_WORDS = 12
_MAX_ITEM_WORDS = 30
_MAX_DATED = 200
"""A sentence with more tokens is not searched for the price that a date belongs to."""
_REACH = 60
"""How many tokens after a sentence may still complete it."""


def read_line(line: Line, words: Piece, section: Title | None, ledger: Ledger, above: str = "") -> None:
    """Reads a line of text into the ledger.

    Args:
        line: the line.
        words: the line, lexed.
        section: the title that governs it.
        ledger: takes its prices and adjustments.
        above: the line above it in the same paragraph, if that holds no amount.
    """
    if len(above.split()) > _MAX_ABOVE_WORDS or above.endswith(tuple(v.SENTENCE_ENDS)) or _is_generic(above):
        above = ""
    tokens = words.tokens
    struck = struck_starts(tokens, line.struck) if line.struck else ()
    if words.periods:
        tokens = without(tokens, words.periods)
    for start, end in _sentences(tokens):
        is_whole = end - start == len(words.tokens)
        amounts = words.amounts if is_whole else sightings(tokens[start:end]) if words.amounts else ()
        sentence = _Sentence(line, tokens[start:end], amounts, words.periods, section, ledger)
        sentence.read(tokens[end : end + _REACH], struck, above)


def _sentences(line: Sequence[Token]) -> Iterator[tuple[int, int]]:
    start = 0
    for i in [i for i, token in enumerate(line) if token.text in v.SENTENCE_ENDS]:
        if i + 1 == len(line) or line[i + 1].start > line[i].end:
            if (i and line[i - 1].text in v.ABBREVIATIONS) or (i + 1 < len(line) and line[i + 1].raw in v.POINTS):
                continue
            yield start, i + 1
            start = i + 1
    if start < len(line):
        yield start, len(line)


class _Sentence:
    """A sentence, or a line of a list, with the place it has on the card."""

    def __init__(
        self,
        line: Line,
        tokens: Sequence[Token],
        amounts: Sequence[int],
        dates: Sequence[Period],
        section: Title | None,
        ledger: Ledger,
    ) -> None:
        self._line = line
        self._tokens = tokens
        self._dates = dates
        self._section = section
        self._ledger = ledger
        self._amounts = amounts

    def read(self, following: Sequence[Token], struck: Collection[int], above: str) -> None:
        """Reads what the sentence says into the ledger.

        Args:
            following: the tokens after it.
            struck: where tokens start that are struck out.
            above: the line above it, which may be its label.
        """
        if not self._amounts and not numbers_of(self._tokens):
            self._ledger.adjust(adjustments(self._tokens, following))
            read_statement(self._tokens, self._ledger)
            return
        start, currency = self._key()
        found = self._found(start, currency, struck)
        about = self._tokens[: self._amounts[0]] if self._amounts else ()
        adjusted = adjustments(self._tokens, following, about=about)
        self._ledger.adjust(adjusted)
        if not self._amounts and not start and not self._is_listed():
            read_statement(self._tokens, self._ledger)
            return
        if self._has_other_currency():
            found = Found((), found.explained)
        carried = {*found.explained, *adjusted.accounts_for}
        kept = [price for price in found.prices if adjusted.accounts_for.isdisjoint(price.accounts_for)]
        for group, label, bound in self._labelled(kept, adjusted, above):
            self._enter(label, group, bound)
            carried.update(i for price in group for i in price.accounts_for)
        self._account(start, carried)

    # --- prices ---------------------------------------------------------------------------------

    def _found(self, start: int, currency: Currency | None, struck: Collection[int]) -> Found:
        if not start:
            return compounds(self._tokens, prices(self._tokens, None, struck))
        tokens = self._tokens[start:]
        found = compounds(tokens, prices(tokens, currency, struck))
        return Found([_moved(price, start) for price in found.prices], frozenset(i + start for i in found.explained))

    def _labelled(
        self, found: Sequence[Price], adjusted: Sequence[object], above: str
    ) -> Iterator[tuple[Sequence[Price], str, Bound]]:
        """The prices, those of two currencies together, each with its label and what its words say of its bound."""
        tokens = self._tokens
        leading, label, position = "", "", 0
        together = groups(tokens, found)
        ends = [0, *(max(price.last for price in group) for group in together)]
        if any(_is_list(tokens[start : group[0].first]) for start, group in zip(ends, together, strict=False)):
            return
        for i, group in enumerate(together):
            end = together[i + 1][0].first if i + 1 < len(together) else len(tokens)
            own = label_before(tokens, position, group[0].first, self._line)
            lead_in = {token.text for token in tokens[position : group[0].first]}
            if not leading or text(tokens, group[0].first - 1) in _SEPARATORS or not _is_clause(own):
                leading = own or leading
            if not leading and text(tokens, 0) in v.MARKETING:
                return
            label = (
                (self._purpose(group, end) if _is_generic(leading) else "")
                or leading
                or above
                or _label_after(tokens, group, end, self._line)
                or label
                or next((found.unit for found in adjusted if isinstance(found, FreeAllowance) and found.unit), "")
                or (self._section.text if self._section is not None else "")
            )
            position = max(price.last for price in group)
            if label:
                yield group, label, self._bound(i + 1 == len(together), position, lead_in)

    def _bound(self, is_last: bool, end: int, lead_in: Collection[str]) -> Bound:
        if is_last and not v.ADDITION.isdisjoint(token.text for token in self._tokens[end : end + 2]):
            return "from"  # something without an amount comes on top
        return "exact" if v.LEADS_TO_ESTIMATE.isdisjoint(lead_in) else "about"

    def _purpose(self, group: Sequence[Price], limit: int) -> str:
        """What a price is for: `the price is 30 points per second for 720p`."""
        start = max(price.last for price in group)
        if text(self._tokens, start) != "for":
            return ""
        return _label_after(self._tokens, [], limit, self._line, start)

    def _enter(self, label: str, group: Sequence[Price], said: Bound) -> None:
        named, section = title(label), self._section
        shared = next((price.per for price in group if price.per is not None), None)
        per = shared or named.per or (section.per if section is not None else None)
        one_time = named.is_one_time or (section is not None and section.is_one_time)
        effective = self._effective(group)
        for price in group:
            its_per = price.per or per
            if its_per is not None and its_per.unit is None and its_per.quantity >= 1000:
                unit = named.unit or (section.unit if section is not None else None)
                its_per = its_per.model_copy(update={"unit": unit})
            bound = named.bound if price.bound == "exact" else price.bound
            bound = said if said == "from" or bound == "exact" else bound
            if price.max_amount is not None and price.bound == "exact" and bound != "about":
                bound = "exact"
            where = section.text if section is not None else None
            attributes = {"effective": effective} if effective else {}
            attributes.update(option_of(price, self._tokens, self._line, (named,)))
            if attributes.get("variant") == label:
                del attributes["variant"]
            self._ledger.enter(Entry(label, where, attributes, price, its_per, bound, one_time))

    def _effective(self, group: Sequence[Price]) -> str:
        """The words that say from or until when a price holds: those after it, else those before it."""
        if not self._dates or len(self._tokens) > _MAX_DATED:
            return self._section.effective if self._section is not None else ""
        tokens = self._tokens
        first, last = group[0].first, max(price.last for price in group)
        before = max((i for i in range(first) if self._is_amount(i)), default=-1)
        after = min((i for i in range(last, len(tokens)) if self._is_amount(i)), default=len(tokens))
        for date in self._dates:
            place = bisect_left(tokens, date.start, key=lambda token: token.start)
            if last <= place <= after and not (place < after < len(tokens) and self._is_parted(last, place)):
                return date.words
            if before < place <= first and (before < 0 or self._is_parted(before, place)):
                return date.words
        return self._section.effective if self._section is not None else ""

    def _is_amount(self, i: int) -> bool:
        return self._tokens[i].kind in {"number", "tag"}

    def _is_parted(self, start: int, end: int) -> bool:
        """True if a comma or a conjunction is between two tokens."""
        return any(token.text in {",", ";", "and", "then", "or"} for token in self._tokens[start:end])

    # --- bare numbers ---------------------------------------------------------------------------

    def _key(self) -> tuple[int, Currency | None]:
        """Where the bare price of `Points: 100` or `720p: 100` starts, and its currency; 0 where there is none."""
        start = key_end(self._tokens) or (self._is_listed() and self._final_number())
        if not start:
            return 0, None
        words = {token.text for token in self._tokens[:start]}
        key = title(self._line.text[self._tokens[0].start : self._tokens[start].start].rstrip(" :=-–—"))
        section = self._section
        currency = named_currency(words) or (section.currency if section is not None else None) or self._ledger.currency
        if currency is None and ((section is not None and section.is_of_prices) or (key.is_plain and key.is_of_prices)):
            currency = self._ledger.bare
        if key.is_no_price or not _is_bare_price(self._tokens, start, currency):
            return 0, None
        if named_currency(words) is None and not v.MEASURES.isdisjoint(words) and not key.is_of_prices:
            return 0, None
        return start, currency

    def _final_number(self) -> int:
        """Where the number of `Cached 5` is; 0 where the line does not end in a number after words alone."""
        last = len(self._tokens) - 1
        is_last = last > 0 and is_number(self._tokens, last) and not self._amounts
        return last if is_last and all(token.kind != "number" for token in self._tokens[:last]) else 0

    def _is_listed(self) -> bool:
        """True for a line of a list under a title or a statement that names a currency: its numbers need an account."""
        return (
            (self._ledger.currency or (self._section.currency if self._section is not None else None)) is not None
            and self._line.kind == "item"
            and len(self._tokens) <= _MAX_ITEM_WORDS
            and any(token.kind == "number" for token in self._tokens)
        )

    def _has_other_currency(self) -> bool:
        """True if an amount is in a currency that a reading does not have: the sentence is left unparsed as a whole."""
        tokens = self._tokens
        return any(
            text(tokens, i - 1) in v.OTHER_CURRENCIES or text(tokens, i + 1) in v.OTHER_CURRENCIES
            for i in self._amounts
        )

    def _account(self, start: int, carried: Collection[int]) -> None:
        """Leaves the sentence if an amount in it is carried by nothing.

        In a list under a title that names a currency, and after a key such as `Cost:`, every number is an amount
        unless a unit after it says what else it counts.
        """
        needed = list(self._amounts)
        if start or self._is_listed():
            first = start or self._value() or min((i for i in carried if self._is_amount(i)), default=0)
            needed += [i for i in range(first, len(self._tokens)) if self._is_amount(i) and self._is_loose(i)]
        piece = " ".join(self._line.text[self._tokens[0].start : self._tokens[-1].end].split())
        self._ledger.account(piece, needed, carried)

    def _value(self) -> int:
        """The index after the sign between a label and its value; 0 where there is none."""
        for i, token in enumerate(self._tokens):
            if token.text in _SEPARATORS and _is_separator(self._tokens, i):
                return i + 1
        return 0

    def _is_loose(self, i: int) -> bool:
        """True if a number is no part of a name such as `GPT-5`, and no unit after it says what it counts."""
        is_name = (
            i > 1
            and self._tokens[i - 1].text == "-"
            and is_attached(self._tokens, i)
            and is_attached(self._tokens, i - 1)
        )
        return not is_name and text(self._tokens, i + 1) not in v.UNITS


def read_statement(tokens: Sequence[Token], ledger: Ledger) -> None:
    """Reads what prose says of all prices: `Pricing is per second of video`, `All prices are in points`."""
    for i in [i for i, token in enumerate(tokens) if token.text in _STATING]:
        if tokens[i].text not in v.BILLING_WORDS and text(tokens, i + 1) != "per":
            continue
        j, words = i, set()
        while j < len(tokens) and (tokens[j].text in v.BILLING_FILLERS or j == i):
            words.add(tokens[j].text)
            j += 1
        currency = named_currency(words)
        if currency is not None:
            ledger.currency = currency
        if text(tokens, j) in {"per", "each", "/"} and (found := denominator(tokens, j)) is not None:
            ledger.bill_per(found.per)
        if currency is not None or j > i + 1:
            return


_STATING = v.BILLING_WORDS | v.POINTS | v.DOLLARS


def currency_of_statement(tokens: Sequence[Token]) -> Currency | None:
    """The currency that `All prices in USD per image.` names for a whole card."""
    if not 0 < len(tokens) <= _REACH or tokens[0].text not in v.STATEMENT_OPENERS:
        return None
    ledger = Ledger()
    read_statement(tokens, ledger)
    return ledger.currency


def _moved(price: Price, by: int) -> Price:
    words = None if price.per_words is None else (price.per_words[0] + by, price.per_words[1] + by)
    note = None if price.note is None else (price.note[0] + by, price.note[1] + by)
    return replace(
        price,
        first=price.first + by,
        last=price.last + by,
        accounts_for=tuple(i + by for i in price.accounts_for),
        per_words=words,
        note=note,
    )


def key_end(tokens: Sequence[Token]) -> int:
    """The index after the sign of `key: number`; 0 where the tokens are not of that form."""
    for i, token in enumerate(tokens[:_MAX_KEY_WORDS]):
        is_dash = token.text in {"-", "–", "—"} and i > 0 and token.start > tokens[i - 1].end
        if token.text in {":", "="} or (is_dash and tokens[i - 1].kind != "number"):
            start = i + 1
            while text(tokens, start) in _BEFORE_BARE:
                start += 1
            if is_number(tokens, start) and i:
                return i + 1
            if token.text in {":", "="}:
                return 0
    return 0


_BEFORE_BARE = {
    "+",
    "~",
    "≈",
    "up",
    "to",
    "from",
    "about",
    "around",
    "approx",
    ".",
    "(",
    "between",
    "only",
    "just",
    "max",
    "min",
    "was",
}


def _is_bare_price(tokens: Sequence[Token], start: int, currency: Currency | None) -> bool:
    """True if what follows a key is a number that may be a price: no word says what else it counts."""
    end = start
    while end < len(tokens) and tokens[end].kind != "number":
        end += 1
    if end >= len(tokens) or any(token.text in v.POINTS | v.DOLLARS | {"$"} for token in tokens[start : end + 2]):
        return False
    return currency is not None and bool(prices(tokens[start:], currency))


def option_of(price: Price, tokens: Sequence[Token], line: Line, names: Sequence[Title]) -> Mapping[str, str]:
    """What tells a price of a list apart: the word in the same place of its label or header, or its note.

    Args:
        price: the price.
        tokens: the tokens of its piece.
        line: the line of its piece.
        names: its label and its column's header.
    """
    if price.note is not None:
        words = _words(tokens, *price.note, line)
        return {"variant": words} if words else {}
    if price.option is not None:
        k, count = price.option
        options = next((named.options for named in names if len(named.options) == count), None)
        return {"variant": options[k]} if options is not None else {}
    return {}


# --- labels -------------------------------------------------------------------------------------


def _is_generic(label: str) -> bool:
    """True if a label says no more than `price`."""
    return all(word.casefold() in v.PRICE_WORDS for word in label.split())


def _is_list(tokens: Sequence[Token]) -> bool:
    """True if the words before a price hold other amounts: `low 100, medium 200, high`."""
    return any(
        token.kind == "number"
        and text(tokens, i + 1) in {",", ";"}
        and i > 0
        and tokens[i - 1].kind == "word"
        and tokens[i - 1].text not in v.PHRASE_ENDS
        for i, token in enumerate(tokens)
    )


def _is_clause(label: str) -> bool:
    """True if words before a price lead to it and name nothing: `(rounded up), with a minimum charge`."""
    return "," in label or "(" in label


def label_before(sentence: Sequence[Token], start: int, end: int, line: Line) -> str:
    """The thing that is priced, from the words between two indexes before the price; empty where none is named."""
    start = _clause_start(sentence, start, end)
    start, end = _trimmed(sentence, start, end)
    cut = end
    while cut > start and sentence[cut - 1].text in v.COST_FILLERS and sentence[cut - 1].text not in v.COST_VERBS:
        cut -= 1
    last = text(sentence, cut - 1) if cut > start else ""
    if last in _SEPARATORS and _is_separator(sentence, cut - 1):
        end = _before_separators(sentence, start, cut)
    elif last in v.COST_VERBS and _is_verb(sentence, start, cut - 1):
        start, end = _subject(sentence, start, cut - 1)
    elif _names_nothing(sentence, start, end, last):
        return ""
    elif start < end and sentence[start].text in v.ARTICLES:
        start += 1
    while end > start + 1 and (sentence[end - 1].text in v.PREPOSITIONS or sentence[end - 1].text in _LEADING - {")"}):
        end -= 1
    if end - start == 1 and (
        sentence[start].text in v.PRONOUNS or not (last in _SEPARATORS or _is_name(sentence[start]))
    ):
        return ""
    return _words(sentence, start, end, line)


def _clause_start(sentence: Sequence[Token], start: int, end: int) -> int:
    """Where the words start that a semicolon or an open bracket separates from what is before them."""
    for i in range(end - 1, start - 1, -1):
        if sentence[i].text == ")":
            break
        if sentence[i].text == ";" or (sentence[i].text == "(" and i < end - 1):
            return i + 1
    return start


def _is_name(token: Token) -> bool:
    """True if a word alone may be a label."""
    return token.text not in v.PREPOSITIONS and token.text not in _LEADING - {")"}


def _trimmed(sentence: Sequence[Token], start: int, end: int) -> tuple[int, int]:
    """The words without signs, conjunctions and `Note:` before them, and without a bracket or `was` after them."""
    while start < end and sentence[start].text in _LEADING:
        start += 1
    if start + 1 < end and sentence[start].text in v.NOTES and sentence[start + 1].text == ":":
        start += 2
    while end > start and sentence[end - 1].text in _BEFORE_AMOUNT:
        end -= 1
    return start, end


_BEFORE_AMOUNT = {"(", "[", "*", '"'} | v.FORMERLY | v.NOWADAYS


def _before_separators(sentence: Sequence[Token], start: int, end: int) -> int:
    while end > start and sentence[end - 1].text in _SEPARATORS:
        end -= 1
    return end


def _names_nothing(sentence: Sequence[Token], start: int, end: int, last: str) -> bool:
    """True if the words before a price lead to it from something else, or are too many for a name."""
    return (
        last in {",", "then", "and", ";", "with", "plus"}
        or text(sentence, start) in {"depending", "based", "regardless", "according", "including"}
        or (text(sentence, start) == "after" and text(sentence, start + 1) in {"that", "this", "them", "those"})
        or end - start > _MAX_LABEL_WORDS
        or text(sentence, start) in v.MARKETING
    )


def _is_verb(sentence: Sequence[Token], start: int, i: int) -> bool:
    """True if a word such as `cost` is the verb of `images cost` and not the noun of `base cost`."""
    subject = i - 1
    while subject > start and sentence[subject].text in v.ADVERBS:
        subject -= 1
    return i == start or sentence[i].text not in v.NOUNS_TOO or sentence[subject].text.endswith("s")


def _subject(sentence: Sequence[Token], start: int, end: int) -> tuple[int, int]:
    """Where the subject of a verb is, after a clause such as `if you attach images,` and an article."""
    while end > start and sentence[end - 1].text in v.AUXILIARIES:
        end -= 1
    if text(sentence, start) in v.SUBORDINATE:
        start = next((i + 1 for i in range(end - 1, start, -1) if sentence[i].text == ","), start)
    return start + (start < end and sentence[start].text in v.ARTICLES), end


def _is_separator(sentence: Sequence[Token], i: int) -> bool:
    return sentence[i].text != "-" or sentence[i].start > sentence[i - 1].end or i + 1 == len(sentence)


def _label_after(sentence: Sequence[Token], group: Sequence[Price], limit: int, line: Line, after: int = 0) -> str:
    """The thing that is priced, from the denominator or from the words after the price."""
    for price in group:
        if price.per_words is not None and price.per_words[0] < price.per_words[1]:
            return _words(sentence, *price.per_words, line)
    start = after = max((price.last for price in group), default=after)
    while start < limit and sentence[start].text in _AFTER:
        start += 1
    end = start
    while end < min(limit, start + _MAX_LABEL_WORDS) and sentence[end].text not in _ENDS:
        end += 1
    return _words(sentence, start, end, line) if start > after else ""


_AFTER = {"for", "each", "a", "an", "the", "-", "–", "—", ":", "to", ")"}


def _words(sentence: Sequence[Token], start: int, end: int, line: Line) -> str:
    if end - start > 1 and sentence[start].text == "(" and ")" not in {token.text for token in sentence[start:end]}:
        start += 1
    if not any(token.kind != "sign" for token in sentence[start:end]):
        return ""
    return " ".join(line.text[sentence[start].start : sentence[end - 1].end].split())
