"""Reading a table: the first column is the label, every other a price or an attribute."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from poe_scraper.items import Adjustment, Bound, Currency, Per, Variable
from poe_scraper.rates import vocabulary as v
from poe_scraper.rates.adjustments import Found as Adjustments
from poe_scraper.rates.adjustments import adjustments
from poe_scraper.rates.compounds import Found, compounds, groups, is_counterpart
from poe_scraper.rates.dates import without
from poe_scraper.rates.document import Line, Table
from poe_scraper.rates.grammar import Price, is_number, prices, quantified, starts_with_bare_number, struck_starts, text
from poe_scraper.rates.ledger import Entry, Ledger
from poe_scraper.rates.lexer import Token, numbers_of, piece, sightings
from poe_scraper.rates.numbers import DECIMAL, GROUPED, PLAIN, DecimalStyle
from poe_scraper.rates.prose import label_before, option_of
from poe_scraper.rates.titles import Title, is_emphasised, title

_SHORT = 120
MAX_COLUMNS = 64
"""A wider table is no price list: what it holds is left unparsed."""


@dataclass(slots=True)
class _Cell:
    line: Line
    folded: str
    tokens: Sequence[Token]
    amounts: Sequence[int]
    numbers: Sequence[int]
    style: DecimalStyle = PLAIN
    effective: str = ""
    prices: Sequence[Price] = ()
    explained: frozenset[int] = frozenset()
    """Indexes of the tokens of amounts that are no prices."""
    carried: set[int] | frozenset[int] = frozenset()
    """Indexes of the tokens whose numbers rates or adjustments carry."""

    def take(self, found: Found) -> None:
        """Sets what was found in the cell."""
        self.prices, self.explained = found

    @property
    def is_priced(self) -> bool:
        """True if it is a price and not a text that mentions one."""
        if not self.prices:
            return False
        first = self.prices[0].first
        return first == 0 or all(token.kind != "word" for token in self.tokens[:first])

    @property
    def is_filled(self) -> bool:
        return self.folded.casefold() not in v.PLACEHOLDERS


@dataclass(slots=True)
class _Column:
    title: Title
    variant: str
    """The header without its currency, where it names more than a price."""
    currency: Currency | None
    is_price: bool


def read_table(table: Table, section: Title | None, ledger: Ledger) -> None:
    """Reads a table into the ledger.

    Args:
        table: the table.
        section: the title that governs it.
        ledger: takes its prices and adjustments.
    """
    rows = [[_cell(line, ledger.style) for line in row] for row in table.rows if row]
    header = [_cell(line, ledger.style) for line in table.header]
    if any(_priced_alone(cell) for cell in header[1:] if cell.amounts):
        rows.insert(0, header)
        header = []
    width = max(map(len, rows), default=0)
    if width > MAX_COLUMNS:
        _leave(rows, ledger)
        return
    for cell in header:
        ledger.account(cell.folded, cell.amounts, ())
    reader = _Reader(header, width, section, ledger)
    reader.find_prices(rows)
    for row in rows:
        reader.read(row)


def _leave(rows: Sequence[Sequence[_Cell]], ledger: Ledger) -> None:
    for row in rows:
        for cell in row:
            ledger.account(cell.folded, cell.amounts, ())


def _cell(line: Line, style: DecimalStyle) -> _Cell:
    folded, tokens, amounts, numbers, found = piece(line.text, style)
    if not found:
        return _Cell(line, folded, tokens, amounts, numbers, style)
    tokens = without(tokens, found)
    return _Cell(line, folded, tokens, sightings(tokens), numbers_of(tokens), style, found[0].words)


def _priced_alone(cell: _Cell) -> bool:
    cell.take(_found(cell, None))
    return cell.is_priced


def _found(cell: _Cell, currency: Currency | None) -> Found:
    if cell.line.struck or cell.effective or len(cell.line.text) > _SHORT:
        struck = struck_starts(cell.tokens, cell.line.struck)
        return compounds(cell.tokens, prices(cell.tokens, currency, struck))
    return _known_found(cell.line.text, cell.style, currency)


@lru_cache(maxsize=2048)
def _known_found(text: str, style: DecimalStyle, currency: Currency | None) -> Found:
    """Many bots ask the same price."""
    tokens = piece(text, style).tokens
    return compounds(tokens, prices(tokens, currency))


def _is_bare_price(cell: _Cell) -> bool:
    """True if a cell is a number, or a range, and nothing else but a bound or a denominator."""
    tokens = cell.tokens
    if not cell.numbers or cell.amounts:
        return False
    found = _found(cell, "points")
    return (
        len(found.prices) == 1
        and all(token.kind != "word" for token in tokens[: found.prices[0].first])
        and all(token.kind == "sign" for token in tokens[found.prices[0].last :])
    )


class _Reader:
    """Reads one table, row by row.

    Args:
        header: its cells; empty if it has no header.
        width: how many columns it has.
        section: the title that governs it.
        ledger: takes what it says.
    """

    def __init__(self, header: Sequence[_Cell], width: int, section: Title | None, ledger: Ledger) -> None:
        self._section = section
        self._ledger = ledger
        self._corner = title(header[0].folded) if header else title("")
        self._governing = self._governing_currency()
        self._columns = [self._column(cell) for cell in header]
        self._columns += [self._column(_Cell(Line(""), "", (), (), ())) for _ in range(width - len(header))]
        self._has_variants = False
        self._label = title("")

    def _governing_currency(self) -> Currency | None:
        """The currency that the title, the first header or the prose names for bare numbers."""
        section = self._section.currency if self._section is not None else None
        return section or self._corner.currency or self._ledger.currency

    def _column(self, cell: _Cell) -> _Column:
        named = title(cell.folded)
        currency = named.currency
        if currency is None and named.names_price and not named.names_both:
            currency = self._governing or self._ledger.bare
        return _Column(named, "" if named.is_plain else _without_currency(cell.folded), currency, named.names_price)

    # --- which columns are prices ---------------------------------------------------------------

    def find_prices(self, rows: Sequence[Sequence[_Cell]]) -> None:
        """Reads the prices of all cells, and finds out which columns hold prices.

        A column does by its header, or because most of its cells are prices, or, under a title that names a
        currency or a price, because its cells are bare numbers.
        """
        for row in rows:
            for cell, column in zip(row, self._columns, strict=False):
                if cell.numbers or (column.is_price and cell.folded.casefold() in v.FREE):
                    self._find(cell, column, row[0])
        if self._ledger.is_doubtful:
            for row in rows:
                self._decide_by_counterpart(row)
        has_price_header = any(column.is_price for column in self._columns[1:])
        for i, column in enumerate(self._columns):
            if not column.is_price:
                self._mark(i, [row[i] for row in rows if i < len(row)], has_price_header)
        if not has_price_header and not any(cell.prices for row in rows for cell in row):
            self._mark_bare(rows, of_title=self._is_of_prices())
        elif not has_price_header and self._governing is not None:
            self._mark_bare(rows, of_title=False)
        self._has_variants = _has_variants(self._columns, rows)

    def _is_of_prices(self) -> bool:
        """True if the title or the first header names a price."""
        return self._corner.is_of_prices or (self._section is not None and self._section.is_of_prices)

    def _find(self, cell: _Cell, column: _Column, first: _Cell) -> None:
        currency = column.currency
        if currency == "points" and cell.style.point and not cell.style.point_of_points and self._ledger.bare is None:
            # dollars have decimals here, which says nothing of `8.250` points
            cell.style = cell.style._replace(point=False)
            cell.tokens = piece(cell.line.text, cell.style).tokens if not cell.effective else cell.tokens
        if cell.amounts:
            cell.take(_found(cell, currency))
            if column.title.names_both and cell.prices:
                cell.prices = _with_other_currency(cell)
        elif cell.numbers:
            if currency is None and cell is not first:
                label = title(first.folded)
                currency = label.currency or (self._ledger.bare if label.is_of_prices else None)
            if currency is not None and ((column.is_price and cell is not first) or _is_bare_price(cell)):
                cell.take(_found(cell, currency))
        elif column.is_price:
            cell.prices = (Price(currency or "points", Decimal(0), None, 0, len(cell.tokens)),)

    def _decide_by_counterpart(self, row: Sequence[_Cell]) -> None:
        """Reads `1.500 points` as what the dollars of the same row say, if they leave one reading."""
        doubtful = [
            (cell, column)
            for cell, column in zip(row[1:], self._columns[1:], strict=False)
            if cell.numbers and not cell.prices and (cell.amounts or column.currency == "points")
        ]
        if len(doubtful) != 1:
            return
        usd = [price for cell in row for price in cell.prices if price.currency == "USD"]
        cell, column = doubtful[0]
        if len(usd) != 1:
            return
        for style in (GROUPED, DECIMAL):
            tokens = piece(cell.line.text, style).tokens
            found = compounds(tokens, prices(tokens, column.currency))
            if len(found.prices) == 1 and is_counterpart(usd[0], found.prices[0]):
                cell.tokens = tokens
                cell.take(found)

    def _mark(self, i: int, cells: Sequence[_Cell], has_price_header: bool) -> None:
        """Marks a column whose cells are prices, apart from short remarks such as `included`."""
        column = self._columns[i]
        priced = sum([cell.is_priced for cell in cells if cell.prices])
        if not priced:
            return
        filled = sum([cell.is_filled and not _is_remark(cell) for cell in cells])
        column.is_price = priced * 2 >= filled
        if not column.is_price or has_price_header:
            return
        column.currency = self._governing or self._ledger.bare
        for cell in cells:
            if cell.numbers and not cell.amounts and column.currency is not None and _is_bare_price(cell):
                cell.take(_found(cell, column.currency))

    def _mark_bare(self, rows: Sequence[Sequence[_Cell]], of_title: bool) -> None:
        """Marks columns of bare numbers under a title that names a currency or, if `of_title`, a price."""
        currency = self._governing or (self._ledger.bare if of_title else None)
        if self._governing is None and not of_title:
            return
        for i, column in enumerate(self._columns):
            cells = [row[i] for row in rows if i < len(row)]
            filled = [cell for cell in cells if cell.is_filled and not _is_remark(cell)]
            if i == 0 or column.is_price or not v.MEASURES.isdisjoint(column.title.words):
                continue
            bare = [cell for cell in filled if not cell.amounts and starts_with_bare_number(cell.tokens)]
            if not bare or (len(bare) + sum(cell.is_priced for cell in filled)) * 2 < len(filled):
                continue
            column.is_price = True
            for cell in bare:
                if currency is not None:
                    cell.take(_found(cell, currency))

    # --- rows -----------------------------------------------------------------------------------

    def read(self, row: Sequence[_Cell]) -> None:
        """Reads a row: prices, an adjustment, or a title inside the table."""
        first = row[0]
        if first.folded:
            self._label = title(first.folded)
        if not first.prices and not any(cell.folded for cell in row[1:]):
            if first.folded.endswith(":") or is_emphasised(first.line):
                self._section = title(first.folded.rstrip(": "))
            self._ledger.account(first.folded, first.amounts, ())
            return
        priced = self._priced(row)
        if self._label.is_no_price and priced:
            return
        self._adjust(row, priced)
        entries: list[tuple[int, Entry]] = []
        if priced:
            further = self._attributes(row, priced)
            entries = [(i, entry) for i in priced if row[i].prices for entry in self._entries(row, i, priced, further)]
            lacking = False
            for i, entry in entries:
                row[i].carried = row[i].carried.union(entry.price.accounts_for)
                lacking = lacking or entry.per is None or entry.per.unit is None
            if lacking:
                self._share_denominators(entries, row)
            for _, entry in entries:
                self._ledger.enter(entry)
        self._account(row, priced, bool(entries))

    def _priced(self, row: Sequence[_Cell]) -> list[int]:
        """Indexes of the cells that hold the row's prices."""
        mentioned = [i for i, cell in enumerate(row) if cell.prices]
        priced = [i for i in mentioned if self._columns[i].is_price] or mentioned
        if priced and not row[priced[0]].amounts and self._label.text and _is_allowance(row, row[priced[0]]):
            return []
        return priced

    def _entries(self, row: Sequence[_Cell], i: int, priced: Sequence[int], further: Mapping[str, str]) -> list[Entry]:
        """The prices of a cell as entries; none where nothing names what is priced."""
        cell, column, section = row[i], self._columns[i], self._section
        attributes = dict(further)
        is_headless = priced[0] == 0 and row[0].is_priced
        if is_headless:
            # where a row begins with its price, the next text is its label
            named = attributes.pop(next(iter(attributes)), "") if attributes else ""
            label = named or (section.text if section is not None else "")
            label = (label or column.title.text) if column.title.is_plain else column.title.text
        elif i == 0:
            label = label_before(cell.tokens, 0, cell.prices[0].first, cell.line)
        else:
            label = self._label.text
        if not label:
            return []
        effective = cell.effective or self._label.effective or (section.effective if section is not None else "")
        if self._has_variants and column.variant and not is_headless:
            attributes["effective" if column.title.effective else "column"] = column.variant
        elif effective or column.title.effective:
            attributes["effective"] = effective or column.title.effective
        if cell.effective and not is_headless:
            attributes["effective"] = cell.effective
        one_time = self._label.is_one_time or column.title.is_one_time
        one_time = one_time or (section is not None and section.is_one_time)
        bound = column.title.bound if self._label.bound == "exact" else self._label.bound
        if cell.prices[-1].last < len(cell.tokens) and _is_more_added(cell):
            bound = "from" if bound == "exact" else bound
        where = None if section is None else section.text
        if len(cell.prices) < 2 or i == 0:
            return [
                Entry(label, where, attributes, price, price.per, _stronger(bound, price), one_time)
                for price in cell.prices
            ]
        return [
            Entry(label, where, {**attributes, **option}, price, price.per, _stronger(bound, price), one_time)
            for price, option in zip(cell.prices, self._options(cell, column), strict=True)
        ]

    def _options(self, cell: _Cell, column: _Column) -> Iterator[Mapping[str, str]]:
        """What tells the prices of one cell apart: `Text: 10 points, Image: 20 points`."""
        position, words = 0, ""
        together = groups(cell.tokens, cell.prices)
        if len(together) == 1:
            yield from [{}] * len(cell.prices)
            return
        for group in together:
            words = label_before(cell.tokens, position, group[0].first, cell.line)
            position = max(price.last for price in group)
            for price in group:
                option = option_of(price, cell.tokens, cell.line, (self._label, column.title))
                if price.note is not None and option:
                    cell.carried |= set(range(*price.note))
                yield option or ({"variant": words} if words else {})

    def _attributes(self, row: Sequence[_Cell], priced: Sequence[int]) -> dict[str, str]:
        return {
            column.title.text or f"column {i + 1}": row[i].folded
            for i, column in enumerate(self._columns[: len(row)])
            if i > 0 and not column.is_price and row[i].folded and i not in priced
        }

    def _share_denominators(self, entries: Sequence[tuple[int, Entry]], row: Sequence[_Cell]) -> None:
        """Where a cell names no denominator: the other currency's, the column's, the label's, the title's."""
        named: dict[tuple[str, str], Per] = {}
        for i, entry in entries:
            if entry.per is not None:
                named.setdefault((entry.price.currency, self._columns[i].variant), entry.per)
        unit_cell = next(filter(None, (self._unit_cell(i, cell) for i, cell in enumerate(row))), None)
        for i, entry in entries:
            column = self._columns[i]
            if entry.per is None:
                other = "USD" if entry.price.currency == "points" else "points"
                entry.per = (
                    named.get((other, column.variant))
                    or unit_cell
                    or column.title.per
                    or self._label.per
                    or (self._section.per if self._section is not None else None)
                    or (self._corner.per if self._corner.names_price else None)
                )
            if entry.per is not None and entry.per.unit is None and entry.per.quantity >= 1000:
                unit = column.title.unit or self._label.unit or (self._section.unit if self._section else None)
                unit = unit or next(
                    (known.unit for known in named.values() if known.quantity == entry.per.quantity), None
                )
                entry.per = entry.per.model_copy(update={"unit": unit})

    def _unit_cell(self, i: int, cell: _Cell) -> Per | None:
        column = self._columns[i]
        if i == 0 or column.is_price or not cell.tokens:
            return None
        if column.title.text.casefold() in v.UNIT_HEADERS or text(cell.tokens, 0) in {"per", "/"}:
            return quantified(cell.tokens)
        return None

    # --- what changes prices, and the account ---------------------------------------------------

    def _adjust(self, row: Sequence[_Cell], priced: Sequence[int]) -> None:
        """Reads what a row says besides its prices."""
        found: list[Adjustment] = []
        if priced:
            wordy = [cell for i in priced if (cell := row[i]).prices[-1].last < len(cell.tokens)]
            if not wordy:
                return
            label = row[0].tokens if 0 not in priced else ()
            for cell in wordy:
                adjusted = adjustments(cell.tokens, about=label)
                if adjusted:
                    found += adjusted
                    cell.carried |= adjusted.accounts_for
                    kept = [price for price in cell.prices if cell.carried.isdisjoint(price.accounts_for)]
                    cell.prices = kept
        else:
            adjusted = _row_adjustments(tuple([cell.line.text for cell in row]), row[0].style)
            found += adjusted
            start = 0
            for cell in row:
                cell.carried |= {i - start for i in adjusted.accounts_for}
                start += len(cell.tokens) + 1
            if not found and self._points_elsewhere(row):
                found.append(Variable(label=self._label.text))
        if found:
            self._ledger.adjust([adjustment for i, adjustment in enumerate(found) if adjustment not in found[:i]])

    def _points_elsewhere(self, row: Sequence[_Cell]) -> bool:
        """True if words are where the row's price should be."""
        cells = [(cell, column) for cell, column in zip(row[1:], self._columns[1:], strict=False) if column.is_price]
        return any(cell.is_filled for cell, _ in cells) and not any(
            cell.amounts or self._unexplained(cell, has_price=False) for cell, _ in cells
        )

    def _unexplained(self, cell: _Cell, has_price: bool) -> list[int]:
        """Indexes of the numbers of a cell in a price column that nothing carries and nothing explains.

        A number with a unit after it, next to a price or in a text, is part of an explanation: `(64 est. tokens)`.
        """
        left = [i for i in cell.numbers if i not in cell.carried and i not in cell.explained]
        if not has_price and left and left[0] == 0:
            return left
        return [i for i in left if not _is_explained(cell.tokens, i)]

    def _account(self, row: Sequence[_Cell], priced: Sequence[int], is_read: bool) -> None:
        """Leaves the whole row if an amount in it is carried by nothing."""
        for i, cell in enumerate(row):
            if cell.carried.issuperset(cell.numbers) and cell.carried.issuperset(cell.amounts):
                continue
            left: Sequence[int] = [k for k in cell.amounts if k not in cell.carried and k not in cell.explained]
            if not left and (i in priced or (self._columns[i].is_price and (i > 0 or not is_read))):
                left = self._unexplained(cell, bool(cell.carried))
            if not left and not is_read and i > 0 and (self._governing is not None or self._label.is_of_prices):
                left = self._unexplained(cell, has_price=True)
            if left:
                self._ledger.leave(" | ".join(other.folded for other in row if other.folded))
                return


def _stronger(bound: Bound, price: Price) -> Bound:
    """The bound of the row or column, where the price has none of its own or is a range that is typical."""
    if price.bound == "exact":
        return "exact" if bound in {"from", "up_to"} and price.max_amount is not None else bound
    return price.bound


def _is_explained(tokens: Sequence[Token], i: int) -> bool:
    before = i - 1
    while text(tokens, before) in v.COUNT_QUALIFIERS:
        before -= 1
    if text(tokens, before) in {"per", "/"}:
        return False  # a denominator that no price has
    after = i + 1
    while text(tokens, after) in _BEFORE_UNIT or (
        text(tokens, after - 1) in {"-", "–", "to"} and is_number(tokens, after)
    ):
        after += 1
    return text(tokens, after) in v.UNITS or text(tokens, after) in _EXPLAINING


_BEFORE_UNIT = {"est", ".", "estimated", "-", "–", "to", "more", "or", "free", "p", "k"}
_EXPLAINING = {
    "context",
    "fps",
    "p",
    "kbps",
    "hz",
    "khz",
    "days",
    "languages",
    "retries",
    "attempts",
    "parallel",
    "bit",
}


def _is_remark(cell: _Cell) -> bool:
    """True for a few words without a number: `included`, `not available`."""
    return not cell.numbers and len(cell.tokens) <= 3 and not v.REMARKS.isdisjoint(token.text for token in cell.tokens)


def _is_more_added(cell: _Cell) -> bool:
    """True if the words after the last price say that something without an amount comes on top: `+ token usage`."""
    end = max(price.last for price in cell.prices)
    return (
        not v.ADDITION.isdisjoint(token.text for token in cell.tokens[end : end + 2])
        and any(token.kind == "word" for token in cell.tokens[end + 1 :])
        and not any(token.kind == "number" for token in cell.tokens[end:])
    )


def _with_other_currency(cell: _Cell) -> Sequence[Price]:
    """`$0.10 / 3,300` under a header that names both currencies: the bare number is in the other one."""
    tokens = cell.tokens
    last = cell.prices[-1]
    i = last.last + (text(tokens, last.last) in {"/", "|", "(", ","})
    if i == last.last or len(cell.prices) != 1 or not is_number(tokens, i) or last.per is not None:
        return cell.prices
    other: Currency = "points" if last.currency == "USD" else "USD"
    span = prices(tokens[i:], other)
    if not span:
        return cell.prices
    price = span[0]
    price.first, price.last = price.first + i, price.last + i
    price.accounts_for = tuple(k + i for k in price.accounts_for)
    return (*cell.prices, price)


def _has_variants(columns: Sequence[_Column], rows: Sequence[Sequence[_Cell]]) -> bool:
    """True if several price columns hold one currency or name different things, so that their headers matter."""
    if not any(column.variant for column in columns if column.is_price):
        return False
    seen: set[str] = set()
    variants: set[str] = set()
    shared = False
    for i, column in enumerate(columns):
        if not column.is_price:
            continue
        here = {price.currency for row in rows if i < len(row) for price in row[i].prices}
        shared = shared or not here.isdisjoint(seen)
        seen |= here
        if here and column.variant:
            variants.add(column.variant)
    return len(variants) > 1 or (shared and bool(variants))


def _is_allowance(row: Sequence[_Cell], cell: _Cell) -> bool:
    if cell.folded.casefold() not in v.FREE:
        return False
    return bool(_row_adjustments(tuple([cell.line.text for cell in row]), cell.style))


@lru_cache(maxsize=512)
def _row_adjustments(cells: tuple[str, ...], style: DecimalStyle) -> Adjustments:
    """The adjustments of a row without a price, with a bar between the tokens of its cells."""
    tokens: list[Token] = []
    for cell in cells:
        tokens += (*_cell(Line(cell), style).tokens, _BAR)
    return adjustments(tokens[:-1], label_end=len(_cell(Line(cells[0]), style).tokens))


_BAR = Token("sign", "|", -1, -1, None, "|")


@lru_cache(maxsize=512)
def _without_currency(header: str) -> str:
    """A header without a currency at its end: `720p (USD)` and `720p (Points)` are one variant."""
    line = piece(header).tokens
    end = len(line)
    while end and line[end - 1].text in _CURRENCY_WORDS:
        end -= 1
    if 0 < end < len(line) and not _CURRENCY_NAMES.isdisjoint(token.text for token in line[end:]):
        return header[: line[end - 1].end]
    return header


_CURRENCY_NAMES = v.POINTS | v.DOLLARS | {"$"}
_CURRENCY_WORDS = _CURRENCY_NAMES | {"(", ")", "in", "-", "–", "/"}
