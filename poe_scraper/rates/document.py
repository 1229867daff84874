"""The structure of a card: lines of text and tables, in reading order, from markdown or from HTML.

Markdown goes through cmark-gfm, the reference implementation of GitHub-flavoured markdown, and its HTML
through the same reader as the Rates dialog. So both give the same blocks.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from cmarkgfm import cmark
from lxml import etree

LineKind = Literal["text", "heading", "item"]
Element = etree._Element
Spans = Sequence[tuple[int, int]]
"""Starts and ends of pieces of a text."""

_OPTIONS = cmark.Options.CMARK_OPT_UNSAFE | cmark.Options.CMARK_OPT_STRIKETHROUGH_DOUBLE_TILDE
_EXTENSIONS = ("table", "strikethrough")

_STRUCK = {"del", "s", "strike"}
_EMPHASISED = {"strong", "b", "em", "i"}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_TITLES = {"div", "span", *_HEADINGS}
_BLOCKS = {
    "p", "div", "section", "article", "main", "header", "footer", "aside", "blockquote", "pre", "ul", "ol", "dl",
    "dt", "dd", "details", "summary", "figure", "figcaption", "form", "html", "body", "table", "li", "hr",
    "center", "fieldset", "nav", "address", *_HEADINGS,
}  # fmt: skip
_LISTS = {"ul", "ol", "dl"}
_ITEMS = {"li", "dt", "dd"}
_BREAK_AS_TEXT = re.compile(r"<br ?/?>", re.IGNORECASE)
_CHROME = {"button", "svg", "style", "script", "noscript", "template"}

_MAX_DEPTH = 60
_PARSER = etree.HTMLParser(remove_comments=True, remove_pis=True)

_SPLIT_NUMBER = re.compile(r"(?<=\d)\u200b+(?=\d)|(?<=\d)[\ufe0e\ufe0f]?\u20e3")
"""What may be inside a number: zero-width spaces, and the keys around the digits of `4️⃣0️⃣`."""

_INVISIBLE: dict[int, str | None] = {
    0x200B: " ",
    **dict.fromkeys((0x00AD, 0x061C, 0x180E, 0x200C, 0x200D, 0x200E, 0x200F, 0x202A, 0x202B, 0x202C)),
    **dict.fromkeys((0x2060, 0x2066, 0x2067, 0x2068, 0x2069, 0xFEFF)),
}
"""Characters that show nothing; one of them may end a word.

Those that turn the order of the text (U+202D, U+202E) stay, to be distrusted.
"""


@dataclass(slots=True)
class Line:
    """A line, or a table's cell. Spans count characters of `text`."""

    text: str
    kind: LineKind = "text"
    depth: int = 0
    """How many lists it stands in."""
    paragraph: int = 0
    """Lines with the same number stand in one paragraph."""
    struck: Spans = ()
    emphasised: Spans = ()

    @property
    def folded(self) -> str:
        """The text with its white space folded."""
        return " ".join(self.text.split())


@dataclass(slots=True)
class Table:
    """A table. Rows may be shorter or longer than the header."""

    header: list[Line]
    rows: list[list[Line]]


Block = Line | Table


def from_markdown(card: str) -> list[Block]:
    """The blocks of a card's markdown."""
    text = card.encode("utf-8", "replace").decode() if not card.isascii() else card
    html: str = cmark.markdown_to_html_with_extensions(text, _OPTIONS, _EXTENSIONS)
    return _blocks(html, dialog=False)


def from_dialog(html: str) -> list[Block]:
    """The blocks of the card in a Rates dialog, without the dialog's own title and buttons."""
    return _blocks(html.encode("utf-8", "replace").decode().replace("\0", "\ufffd"), dialog=True)


def _blocks(html: str, dialog: bool) -> list[Block]:
    try:
        root = etree.fromstring(f"<div>{html}</div>", _PARSER)
    except etree.XMLSyntaxError:
        return []
    if root is None:
        return []
    if dialog:
        _remove_chrome(root)
    reader = _Reader(has_spans="span=" in html)
    reader.content(root)
    if "|" not in html and "&" not in html:  # no bar, nor an entity that may be one
        return reader.blocks
    return list(_with_pipe_tables(reader.blocks))


def _remove_chrome(root: Element) -> None:
    named = {name for element in root.iter("*") for name in (element.get("aria-labelledby") or "").split()}
    for element in list(root.iter("*")):
        hidden = element.tag in _CHROME or element.get("aria-hidden") == "true" or element.get("id") in named
        if hidden or element.get("role") == "button":
            _drop(element)
    # What is left of a title is the first text there is; a card's own bold `Rates` is none.
    first = next((element for element in root.iter("*") if (element.text or "").strip()), None)
    if first is not None and first.tag in _TITLES and len(first) == 0 and (first.text or "").strip() == "Rates":
        _drop(first)


def _drop(element: Element) -> None:
    element.text = None
    for child in list(element):
        element.remove(child)
    element.tag = "span"


class _Reader:
    """Walks the elements and collects blocks.

    Args:
        cell: True if one line is read, in which blocks and breaks are white space.
        has_spans: True if a cell may span several rows or columns.
    """

    def __init__(self, cell: bool = False, has_spans: bool = False) -> None:
        self.blocks: list[Block] = []
        self._cell = cell
        self._has_spans = has_spans
        self._kind: LineKind = "text"
        self._depth = 0
        self._level = 0
        self._paragraph = 0
        self._parts: list[str] = []
        self._length = 0
        self._struck: list[tuple[int, int]] = []
        self._emphasised: list[tuple[int, int]] = []

    def content(self, element: Element) -> None:
        """Everything inside an element. What is nested too deep for a card is taken as plain text."""
        if self._level == _MAX_DEPTH:
            self._add("".join(map(str, element.itertext())))
            return
        self._level += 1
        if element.text:
            self._add(element.text)
        for child in element:
            tag = child.tag
            if tag in _BLOCKS:
                self._block(child)
            elif tag == "br":
                self._add("\n")
            else:
                self._inline(child)
            if child.tail:
                self._add(child.tail)
        self._level -= 1

    def _block(self, element: Element) -> None:
        self._end_paragraph()
        tag = element.tag
        if tag == "table" and not self._cell:
            self._table(element)
            return
        kind, depth = self._kind, self._depth
        if tag in _HEADINGS:
            self._kind = "heading"
        elif tag in _ITEMS:
            self._kind = "item"
        elif tag in _LISTS:
            self._depth += 1
        self.content(element)
        self._end_paragraph()
        self._kind, self._depth = kind, depth

    def _inline(self, element: Element) -> None:
        if element.tag == "code":
            self._code(element)
            return
        start = self._length
        self.content(element)
        if self._length > start:
            if element.tag in _STRUCK:
                self._struck.append((start, self._length))
                self._add(" ")  # `~~900~~ 800` is not 900 800
            elif element.tag in _EMPHASISED:
                self._emphasised.append((start, self._length))

    def _code(self, element: Element) -> None:
        """Code is set apart: what touches it is no part of its words and numbers."""
        before = self._parts[-1][-1:] if self._parts else ""
        inner = "".join(map(str, element.itertext()))
        after = (element.tail or "")[:1]
        self._add(
            f"{' ' if before.isalnum() and inner[:1].isalnum() else ''}{inner}"
            f"{' ' if after.isalnum() and inner[-1:].isalnum() else ''}"
        )

    def _add(self, text: str) -> None:
        if text == "\n" and not self._parts and not self._cell:
            return  # between two blocks
        if "<" in text:
            text = _BREAK_AS_TEXT.sub("\n", text)
        if not text.isascii():
            text = _SPLIT_NUMBER.sub("", text).translate(_INVISIBLE)
        self._parts.append(text)
        self._length += len(text)

    def line(self) -> Line:
        """What was collected since the last line."""
        line = Line("".join(self._parts), self._kind, self._depth, self._paragraph, self._struck, self._emphasised)
        self._parts, self._length, self._struck, self._emphasised = [], 0, [], []
        return line

    def _end_paragraph(self) -> None:
        if self._cell:
            self._add("\n")
        elif self._parts:
            self._paragraph += 1
            whole = self.line()
            if not whole.text.isspace():
                self.blocks += [line for line in _parts(whole, "\n") if line.text.strip()]

    def _table(self, table: Element) -> None:
        rows = []
        for part in table:
            if part.tag == "tr":
                rows.append(part)
            elif part.tag in {"thead", "tbody", "tfoot"}:
                rows.extend(row for row in part if row.tag == "tr")
            else:
                self._block(part)
        elements = [[cell for cell in row if cell.tag in {"td", "th"}] for row in rows]
        cells = _with_spans(elements) if self._has_spans else [list(map(_cell, row)) for row in elements]
        if cells:
            self.blocks.append(Table(cells[0], cells[1:]))


def _with_spans(rows: Sequence[Sequence[Element]]) -> list[list[Line]]:
    """The cells of a table, where a cell that spans several rows or columns is in each of them."""
    table: list[list[Line]] = []
    pending: dict[int, tuple[int, Line]] = {}
    for elements in rows:
        row: list[Line] = []
        waiting = iter(elements)
        while True:
            column = len(row)
            if column in pending:
                left, line = pending.pop(column)
                if left > 1:
                    pending[column] = (left - 1, line)
                row.append(line)
                continue
            element = next(waiting, None)
            if element is None:
                break
            line = _cell(element)
            down = _span(element, "rowspan")
            for _ in range(_span(element, "colspan")):
                if down > 1:
                    pending[len(row)] = (down - 1, line)
                row.append(line)
        table.append(row)
    return table


def _span(element: Element, name: str) -> int:
    value = element.get(name) or "1"
    return min(int(value), _MAX_SPAN) if value.isascii() and value.isdecimal() and len(value) < _MAX_DIGITS else 1


_MAX_SPAN = 64
_MAX_DIGITS = 6


def _cell(element: Element) -> Line:
    if len(element) == 0 and (text := element.text or "").isascii() and "<" not in text:
        return Line(text)
    reader = _Reader(cell=True)
    reader.content(element)
    return reader.line()


def _parts(line: Line, separator: str) -> Iterator[Line]:
    """The pieces of a line between separators, each with its share of the spans."""
    if separator not in line.text:
        yield line
        return
    texts = line.text.split(separator)
    starts = [0, *accumulate(len(text) + 1 for text in texts)]
    struck, emphasised = _shares(line.struck, starts), _shares(line.emphasised, starts)
    for i, text in enumerate(texts):
        yield Line(text, line.kind, line.depth, line.paragraph, struck.get(i, ()), emphasised.get(i, ()))


def _shares(spans: Spans, starts: Sequence[int]) -> dict[int, list[tuple[int, int]]]:
    """What of the spans lies in each piece of a text, given where the pieces start and where the last ends."""
    shares: dict[int, list[tuple[int, int]]] = {}
    for first, last in spans:
        for i in range(bisect_right(starts, first) - 1, len(starts) - 1):
            if starts[i] >= last:
                break
            start, end = max(first - starts[i], 0), min(last, starts[i + 1] - 1) - starts[i]
            if start < end:
                shares.setdefault(i, []).append((start, end))
    return shares


# --- tables that markdown does not see ----------------------------------------------------------


def _with_pipe_tables(blocks: list[Block]) -> Iterator[Block]:
    """The blocks, with rows of `|` that are no table for want of a fitting delimiter row made one."""
    rows: list[Line] = []
    for block in blocks:
        if isinstance(block, Line) and _is_pipe_row(block) and (not rows or rows[0].paragraph == block.paragraph):
            rows.append(block)
            continue
        if rows:
            yield _pipe_table(rows)
            rows = []
        if isinstance(block, Line) and _is_pipe_row(block):
            rows.append(block)
        else:
            yield block
    if rows:
        yield _pipe_table(rows)


def _is_pipe_row(line: Line) -> bool:
    text = line.text.strip()
    return text.startswith("|") and text.find("|", 1) > 0


def _pipe_table(rows: list[Line]) -> Table:
    cells = [_pipe_cells(row) for row in rows if set(row.text) - set("|-: ")]
    has_header = bool(cells) and not any(cell.text.strip()[:1].isdigit() or "$" in cell.text for cell in cells[0])
    return Table(cells[0], cells[1:]) if has_header else Table([], cells)


def _pipe_cells(row: Line) -> list[Line]:
    cells = list(_parts(row, "|"))[1:]
    while cells and not cells[-1].text.strip():
        cells.pop()
    return cells
