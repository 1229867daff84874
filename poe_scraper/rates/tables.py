"""Reading a table: the first column is the label, every other a price or an attribute."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from poe_scraper.items import Currency, Per, Variable
from poe_scraper.rates import vocabulary as v
from poe_scraper.rates.adjustments import adjustments
from poe_scraper.rates.document import Line, Table
from poe_scraper.rates.grammar import Price, is_number, prices, quantified, struck_starts, text
from poe_scraper.rates.ledger import Entry, Ledger
from poe_scraper.rates.lexer import Token, piece
from poe_scraper.rates.prose import label_before
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
    has_number: bool
    prices: Sequence[Price] = ()

    @property
    def is_priced(self) -> bool:
        """Whether it is a price, and not a text that mentions one."""
        return bool(self.prices) and all(token.kind != "word" for token in self.tokens[: self.prices[0].first])


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
    rows = [[_cell(line) for line in row] for row in table.rows]
    header = [_cell(line) for line in table.header]
    if any(_priced_alone(cell, None) for cell in header[1:]):
        rows.insert(0, header)
        header = []
    width = max(map(len, rows), default=0)
    if width > MAX_COLUMNS:
        _leave(rows, ledger)
        return
    for cell in header:
        ledger.account(cell.folded, cell.amounts, ())
    columns = [_column(cell, section, ledger) for cell in header]
    columns += [_column(_cell(Line("")), section, ledger) for _ in range(width - len(columns))]
    for row in rows:
        for cell, column in zip(row, columns, strict=False):
            if cell.folded:
                _read_prices(cell, column, row[0])
    _mark_price_columns(columns, rows)
    reader = _Rows(columns, _has_variants(columns, rows), section, ledger)
    for row in rows:
        reader.read(row)


def _leave(rows: Sequence[Sequence[_Cell]], ledger: Ledger) -> None:
    for row in rows:
        for cell in row:
            ledger.account(cell.folded, cell.amounts, ())


def _cell(line: Line) -> _Cell:
    return _Cell(line, *piece(line.text))


def _column(cell: _Cell, section: Title | None, ledger: Ledger) -> _Column:
    named = title(cell.folded)
    currency = named.currency
    if currency is None and named.names_price:
        currency = (section.currency if section is not None else None) or ledger.currency
    return _Column(named, "" if named.is_plain else _without_currency(cell.folded), currency, named.names_price)


def _priced_alone(cell: _Cell, currency: Currency | None) -> bool:
    found = _prices(cell, currency) if cell.amounts else ()
    return bool(found) and all(token.kind != "word" for token in cell.tokens[: found[0].first])


def _prices(cell: _Cell, currency: Currency | None) -> Sequence[Price]:
    if cell.line.struck or len(cell.line.text) > _SHORT:
        struck = struck_starts(cell.tokens, cell.line.struck)
        return prices(cell.tokens, currency, struck)
    return _known_prices(cell.line.text, currency)


@lru_cache(maxsize=2048)
def _known_prices(text: str, currency: Currency | None) -> Sequence[Price]:
    """Many bots ask the same price."""
    return prices(piece(text).tokens, currency)


def _read_prices(cell: _Cell, column: _Column, first: _Cell) -> None:
    currency = column.currency
    if cell.amounts:
        cell.prices = _prices(cell, currency)
    elif cell.has_number:
        if currency is None and cell is not first:
            label = title(first.folded)
            currency = label.currency if label.names_price else None
        if currency is not None:
            cell.prices = _prices(cell, currency)
    elif column.is_price and cell.folded.casefold() in v.FREE:
        cell.prices = [Price(currency or "points", Decimal(0), None, 0, len(cell.tokens))]


def _mark_price_columns(columns: Sequence[_Column], rows: Sequence[Sequence[_Cell]]) -> None:
    """A column is one of prices by its header, or where most of its cells are prices."""
    for i, column in enumerate(columns):
        if column.is_price:
            continue
        cells = [row[i] for row in rows if i < len(row)]
        priced = sum([cell.is_priced for cell in cells if cell.prices])
        if priced:
            filled = [cell for cell in cells if cell.folded.casefold() not in v.PLACEHOLDERS]
            column.is_price = priced * 2 > len(filled)


def _has_variants(columns: Sequence[_Column], rows: Sequence[Sequence[_Cell]]) -> bool:
    """Whether one currency stands in several price columns of a row, and their headers tell them apart."""
    if not any(column.variant for column in columns if column.is_price):
        return False
    for row in rows:
        seen: set[str] = set()
        for cell, column in zip(row, columns, strict=False):
            here = {price.currency for price in cell.prices} if column.is_price else set()
            if here & seen:
                return True
            seen |= here
    return False


class _Rows:
    """Reads the rows of one table, in their order."""

    def __init__(self, columns: Sequence[_Column], has_variants: bool, section: Title | None, ledger: Ledger) -> None:
        self._columns = columns
        self._has_variants = has_variants
        self._section = section
        self._ledger = ledger
        self._label = title("")

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
        entries = [(i, entry) for i in priced for entry in self._entries(row, i, priced)]
        if not entries:
            self._adjust(row)
        elif any(entry.per is None or entry.per.unit is None for _, entry in entries):
            self._share_denominators(entries, row)
        carried: dict[int, set[int]] = {}
        for i, entry in entries:
            self._ledger.enter(entry)
            carried.setdefault(i, set()).update(entry.price.accounts_for)
        for i, cell in enumerate(row):
            if cell.amounts or cell.prices:
                numbers = cell.amounts or [k for price in cell.prices for k in price.accounts_for]
                self._ledger.account(cell.folded, numbers, carried.get(i, ()))
            elif i > 0 and self._columns[i].is_price and _is_bare_number(cell.tokens):
                self._ledger.leave(cell.folded)

    def _priced(self, row: Sequence[_Cell]) -> list[int]:
        """Indexes of the cells that hold the row's prices."""
        mentioned = [i for i, cell in enumerate(row) if cell.prices]
        priced = [i for i in mentioned if self._columns[i].is_price] or mentioned
        if priced and not row[priced[0]].amounts and self._label.text and _is_allowance(row, row[priced[0]]):
            return []
        return priced

    def _entries(self, row: Sequence[_Cell], i: int, priced: Sequence[int]) -> list[Entry]:
        """The prices of a cell as entries; none where nothing names what is priced."""
        cell, column, section = row[i], self._columns[i], self._section
        attributes = self._attributes(row, priced)
        is_headless = priced[0] == 0 and row[0].is_priced
        if is_headless:
            # where a row begins with its price, the next text is its label
            named = attributes.pop(next(iter(attributes)), "") if attributes else ""
            label = named or (section.text if section is not None else "")
            label = label if column.title.is_plain else column.title.text
        elif i == 0:
            label = label_before(cell.tokens, 0, cell.prices[0].first, cell.line)
        else:
            label = self._label.text
        if not label:
            return []
        if self._has_variants and column.variant and not is_headless:
            attributes["column"] = column.variant
        one_time = self._label.is_one_time or column.title.is_one_time
        one_time = one_time or (section is not None and section.is_one_time)
        bound = column.title.bound if self._label.bound == "exact" else self._label.bound
        where = None if section is None else section.text
        return [
            Entry(
                label,
                where,
                attributes,
                price,
                price.per,
                bound if price.bound == "exact" else price.bound,
                one_time,
            )
            for price in cell.prices
        ]

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
                )
            if entry.per is not None and entry.per.unit is None and entry.per.quantity >= 1000:
                unit = column.title.unit or self._label.unit
                entry.per = entry.per.model_copy(update={"unit": unit})

    def _unit_cell(self, i: int, cell: _Cell) -> Per | None:
        column = self._columns[i]
        if i == 0 or column.is_price or not cell.tokens:
            return None
        if column.title.text.casefold() in v.UNIT_HEADERS or text(cell.tokens, 0) in {"per", "/"}:
            return quantified(cell.tokens)
        return None

    def _adjust(self, row: Sequence[_Cell]) -> None:
        found = adjustments([token for cell in row for token in cell.tokens])
        self._ledger.adjust(found)
        if not found and self._points_elsewhere(row):
            self._ledger.adjust([Variable(label=self._label.text)])

    def _points_elsewhere(self, row: Sequence[_Cell]) -> bool:
        """Whether words stand where the row's price should."""
        return any(
            column.is_price
            and cell.folded.casefold() not in v.PLACEHOLDERS
            and not is_number(cell.tokens, 0)
            and not _is_bare_number(cell.tokens)
            for cell, column in zip(row[1:], self._columns[1:], strict=False)
        )


def _is_allowance(row: Sequence[_Cell], cell: _Cell) -> bool:
    return cell.folded.casefold() in v.FREE and bool(adjustments([token for cell in row for token in cell.tokens]))


def _is_bare_number(line: Sequence[Token]) -> bool:
    """Whether a cell is a number without a word for what it counts."""
    start = 1 if text(line, 0) in {"+", "-", "~", "≈"} else 0
    if not is_number(line, start) or text(line, start + 1) in _NO_AMOUNT:
        return False
    return not (start + 1 < len(line) and line[start + 1].kind == "word")


def _without_currency(header: str) -> str:
    """A header without a currency at its end: `720p (USD)` and `720p (Points)` are one variant."""
    line = piece(header).tokens
    end = len(line)
    while end and line[end - 1].text in _CURRENCY_WORDS:
        end -= 1
    if end < len(line) and not _CURRENCY_NAMES.isdisjoint(token.text for token in line[end:]):
        return header[: line[end - 1].end]
    return header


_NO_AMOUNT = v.MULTIPLIERS | {"%"}
_CURRENCY_NAMES = v.POINTS | v.DOLLARS | {"$"}
_CURRENCY_WORDS = _CURRENCY_NAMES | {"(", ")", "in", "-", "–", "/"}
