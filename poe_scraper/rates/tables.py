"""Reading a table: the first column is the label, every other a price or an attribute."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from poe_scraper.items import Currency, Per, Variable
from poe_scraper.rates import vocabulary as v
from poe_scraper.rates.adjustments import adjustments
from poe_scraper.rates.document import Line, Table
from poe_scraper.rates.grammar import Price, is_number, prices, quantified, struck_starts, text
from poe_scraper.rates.ledger import Entry, Ledger
from poe_scraper.rates.lexer import Token, piece
from poe_scraper.rates.prose import label_before
from poe_scraper.rates.titles import Title, is_emphasised, title

MAX_COLUMNS = 64
"""A wider table is no price list: what it holds is left unparsed."""


@dataclass(slots=True)
class _Cell:
    line: Line
    folded: str
    tokens: Sequence[Token]
    amounts: Sequence[int]
    prices: Sequence[Price] = ()

    @property
    def struck(self) -> set[int]:
        """Where its struck-out tokens start."""
        return struck_starts(self.tokens, self.line.struck) if self.line.struck else set()

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
        label = title(row[0].folded)
        of_row = label.currency if label.names_price else None
        for i, (cell, column) in enumerate(zip(row, columns, strict=False)):
            _read_prices(cell, column, column.currency or (of_row if i > 0 else None))
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
    found = prices(cell.tokens, currency, cell.struck) if cell.amounts else []
    return bool(found) and all(token.kind != "word" for token in cell.tokens[: found[0].first])


def _read_prices(cell: _Cell, column: _Column, currency: Currency | None) -> None:
    if cell.amounts or (currency is not None and any(token.kind == "number" for token in cell.tokens)):
        cell.prices = prices(cell.tokens, currency, cell.struck)
    elif column.is_price and cell.folded.casefold() in v.FREE:
        cell.prices = [Price(currency or "points", Decimal(0), None, 0, len(cell.tokens))]


def _mark_price_columns(columns: Sequence[_Column], rows: Sequence[Sequence[_Cell]]) -> None:
    """A column is one of prices by its header, or where most of its cells are prices."""
    for i, column in enumerate(columns):
        if column.is_price:
            continue
        filled = [row[i] for row in rows if i < len(row) and row[i].folded.casefold() not in v.PLACEHOLDERS]
        column.is_price = sum(cell.is_priced for cell in filled) * 2 > len(filled)


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


@dataclass(slots=True)
class _Priced:
    """A price of a row, with the column it stands in."""

    entry: Entry
    cell: _Cell
    column: _Column
    variant: str


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
        if not priced:
            self._adjust(row)
        self._share_denominators(priced, row)
        for found in priced:
            self._ledger.enter(found.entry)
        for i, cell in enumerate(row):
            if cell.amounts or cell.prices:
                carried = {k for found in priced if found.cell is cell for k in found.entry.price.accounts_for}
                numbers = cell.amounts or [k for price in cell.prices for k in price.accounts_for]
                self._ledger.account(cell.folded, numbers, carried)
            elif i > 0 and self._columns[i].is_price and not cell.prices and _is_bare_number(cell.tokens):
                self._ledger.leave(cell.folded)

    def _priced(self, row: Sequence[_Cell]) -> list[_Priced]:
        cells = [
            (i, cell, column) for i, (cell, column) in enumerate(zip(row, self._columns, strict=False)) if cell.prices
        ]
        if any(column.is_price for _, _, column in cells):
            cells = [(i, cell, column) for i, cell, column in cells if column.is_price]
        if not cells or (self._label.text and _is_allowance(row, cells[0][1])):
            return []
        headless = cells[0][0] == 0 and cells[0][1].is_priced
        attributes = self._attributes(row, {i for i, _, _ in cells})
        # where the row begins with its price, the next text is its label
        named = attributes.pop(next(iter(attributes)), "") if headless and attributes else ""
        found = []
        for i, cell, column in cells:
            label = self._label_of(i, cell, column, headless, named)
            variant = column.variant if self._has_variants and not headless else ""
            own = {**attributes, "column": variant} if variant else attributes
            section = None if self._section is None else self._section.text
            one_time = self._is_one_time(column)
            for price in cell.prices if label else ():
                if price.bound == "exact":
                    price.bound = column.title.bound if self._label.bound == "exact" else self._label.bound
                found.append(_Priced(Entry(label, section, own, price, one_time), cell, column, variant))
        return found

    def _attributes(self, row: Sequence[_Cell], priced: set[int]) -> dict[str, str]:
        return {
            column.title.text or f"column {i + 1}": cell.folded
            for i, (cell, column) in enumerate(zip(row, self._columns, strict=False))
            if i > 0 and i not in priced and not column.is_price and cell.folded
        }

    def _label_of(self, i: int, cell: _Cell, column: _Column, headless: bool, named: str) -> str:
        if headless:
            if not column.title.is_plain:
                return column.title.text
            return named or (self._section.text if self._section is not None else "")
        return label_before(cell.tokens, 0, cell.prices[0].first, cell.line) if i == 0 else self._label.text

    def _is_one_time(self, column: _Column) -> bool:
        in_section = self._section is not None and self._section.is_one_time
        return in_section or self._label.is_one_time or column.title.is_one_time

    def _share_denominators(self, priced: Sequence[_Priced], row: Sequence[_Cell]) -> None:
        """Where a cell names no denominator: the other currency's, the column's, the label's, the title's."""
        if all(found.entry.price.per is not None and found.entry.price.per.unit is not None for found in priced):
            return
        named: dict[tuple[str, str], Per] = {}
        for found in priced:
            price = found.entry.price
            if price.per is not None:
                named.setdefault((price.currency, found.variant), price.per)
        unit_cell = next(filter(None, (self._unit_cell(i, cell) for i, cell in enumerate(row))), None)
        for found in priced:
            price = found.entry.price
            if price.per is None:
                other = "USD" if price.currency == "points" else "points"
                price.per = (
                    named.get((other, found.variant))
                    or unit_cell
                    or found.column.title.per
                    or self._label.per
                    or (self._section.per if self._section is not None else None)
                )
            if price.per is not None and price.per.unit is None and price.per.quantity >= 1000:
                unit = found.column.title.unit or self._label.unit
                price.per = price.per.model_copy(update={"unit": unit})

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
