"""From the blocks of a card to its reading."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import accumulate

from poe_scraper.items import Currency, Reading
from poe_scraper.rates import vocabulary as v
from poe_scraper.rates.document import Block, Line, Spans, Table, from_dialog, from_markdown
from poe_scraper.rates.ledger import Ledger
from poe_scraper.rates.lexer import piece
from poe_scraper.rates.prose import currency_of_statement, read_line
from poe_scraper.rates.tables import read_table
from poe_scraper.rates.titles import Title, is_emphasised, is_title, title, title_text

_AMOUNT = re.compile(r"\$\s?(\d[\d.,]*)|(?<![\w.,])(\d[\d.,]*)\s*(?:points?|pts)\b", re.IGNORECASE)
_FIRST_WORD = re.compile(r"\s*([^\W\d_]+)")
_KEY = re.compile(r"[^:=]*[:=]\s*\d")

_STATEMENT = re.compile(
    rf"[\s(*_]*(?:{'|'.join(sorted(v.STATEMENT_OPENERS))})\b.*(?:usd|dollars|points|pts|\\$)", re.IGNORECASE
)
_MAX_STATEMENT = 200

_CURRENCY_WORDS = v.POINTS | v.DOLLARS | v.POINTS_ADJECTIVES
_GLUED = re.compile(r"(?<=[^\W_])[*~`]+(?=[^\W_])")
"""Markup inside a word, which may join an amount's words with what follows."""


def read_card(markdown: str) -> Reading:
    """Reads a rate card from its markdown, as Poe's GraphQL answer gives it.

    Any text gives a reading; time is linear in its length.
    """
    blocks = from_markdown(markdown)
    shown = "\n".join(_texts(blocks))
    ledger = _read(blocks, shown)
    _account_for_hidden(markdown, shown, ledger)
    return ledger.reading()


def read_dialog(html: str) -> Reading:
    """Reads a rate card from the HTML of the Rates dialog, whose title and buttons are no part of the card.

    The reading is that of the card's markdown.
    """
    blocks = from_dialog(html)
    return _read(blocks, "\n".join(_texts(blocks))).reading()


def _read(blocks: Sequence[Block], text: str) -> Ledger:
    ledger = Ledger(text)
    sections = _Sections()
    lines = _joined(blocks)
    above: Line | None = None
    ledger.currency = _stated_currency(lines)
    for i, block in enumerate(lines):
        if isinstance(block, Table):
            read_table(block, sections.current, ledger)
            continue
        sections.enter(block)
        words = piece(block.text, ledger.style)
        following = lines[i + 1] if i + 1 < len(lines) else None
        if not words.amounts and (is_title(block, words.tokens) or _has_children(block, following)):
            sections.open(block, title(title_text(block)), nested=_has_children(block, following))
        else:
            is_continued = above is not None and above.paragraph == block.paragraph
            read_line(block, words, sections.current, ledger, above.folded if above and is_continued else "")
            above = None if words.amounts else block
            if block.kind == "heading":
                sections.open(block, title(title_text(block)), nested=False)
    return ledger


def _stated_currency(blocks: Sequence[Block]) -> Currency | None:
    """The currency of bare numbers, where one line of the card says it: `All prices in USD.` below a table."""
    if not any(isinstance(block, Table) for block in blocks):
        return None
    lines = [block.text for block in blocks if isinstance(block, Line) and len(block.text) <= _MAX_STATEMENT]
    stated = {currency_of_statement(piece(line).tokens) for line in lines if _STATEMENT.match(line)} - {None}
    return stated.pop() if len(stated) == 1 else None


class _Sections:
    """The title that governs the next line, also in nested lists."""

    def __init__(self) -> None:
        self.current: Title | None = None
        self._outer: list[tuple[int, Title | None]] = []

    def enter(self, line: Line) -> None:
        """Leaves the lists that end before a line."""
        depth = line.depth if line.kind == "item" else 0
        while self._outer and self._outer[-1][0] >= depth:
            _, self.current = self._outer.pop()

    def open(self, line: Line, governing: Title, nested: bool) -> None:
        """A title; `nested` where it governs only the list inside its own item."""
        if nested:
            self._outer.append((line.depth, self.current))
        self.current = governing


def _has_children(line: Line, following: Block | None) -> bool:
    return (
        line.kind == "item"
        and isinstance(following, Line)
        and following.kind == "item"
        and following.depth > line.depth
    )


def _joined(blocks: Sequence[Block]) -> list[Block]:
    """The blocks, with lines that go on in the next one put together."""
    joined: list[Block] = []
    run: list[Line] = []
    for block in blocks:
        if isinstance(block, Line) and run and _goes_on(run[-1], block):
            run.append(block)
            continue
        joined += _one(run)
        run = []
        if isinstance(block, Line):
            run = [block]
        else:
            joined.append(block)
    return [*joined, *_one(run)]


def _goes_on(line: Line, following: Line) -> bool:
    if line.paragraph != following.paragraph:
        return False
    last = line.text.split()[-1].casefold()
    if last[-1].isdigit():
        first = _FIRST_WORD.match(following.text)
        if first is None or first[1] not in _CURRENCY_WORDS:
            return False
        return _KEY.match(following.text, first.end()) is None
    return (last in v.OPEN_WORDS or last[-1] == "$") and not is_emphasised(line)


def _one(run: Sequence[Line]) -> list[Line]:
    if len(run) < 2:
        return list(run)
    starts = [0, *accumulate(len(line.text) + 1 for line in run)]

    def moved(spans: Callable[[Line], Spans]) -> Spans:
        return [
            (first + start, last + start)
            for line, start in zip(run, starts, strict=False)
            for first, last in spans(line)
        ]

    return [
        Line(
            " ".join(line.text for line in run),
            run[0].kind,
            run[0].depth,
            run[0].paragraph,
            moved(lambda line: line.struck),
            moved(lambda line: line.emphasised),
        )
    ]


def _account_for_hidden(markdown: str, shown: str, ledger: Ledger) -> None:
    """Finds amounts that the markdown holds and its structure hides: in addresses, comments, definitions."""
    if not _has_hiding_places(markdown) and not _is_any_sign_missing(markdown.lower(), shown.lower()):
        return
    hidden = Counter(map("".join, _AMOUNT.findall(markdown))) - Counter(map("".join, _AMOUNT.findall(shown)))
    if not hidden:
        return
    end = 0
    for match in _AMOUNT.finditer(markdown):
        amount = "".join(match.groups(""))
        if hidden[amount] <= 0:
            continue
        hidden[amount] -= 1
        if match.start() >= end:
            start = markdown.rfind("\n", 0, match.start()) + 1
            end = markdown.find("\n", match.end())
            end = len(markdown) if end < 0 else end
            ledger.leave(markdown[start:end].strip())


def _has_hiding_places(markdown: str) -> bool:
    """Whether an amount could be hidden or broken without a sign of it missing. Asked of every card: kept cheap."""
    if "<" in markdown or "&" in markdown:
        return True
    return ("*" in markdown or "~" in markdown or "`" in markdown) and _GLUED.search(markdown) is not None


def _is_any_sign_missing(written: str, shown: str) -> bool:
    """Whether a `$` or a word for points was lost: one stands in every amount."""
    return (
        written.count("$") > shown.count("$")
        or written.count("point") > shown.count("point")
        or written.count("pt") > shown.count("pt")
    )


def _texts(blocks: Sequence[Block]) -> list[str]:
    texts = []
    for block in blocks:
        if isinstance(block, Line):
            texts.append(block.text)
        else:
            texts += [cell.text for row in (block.header, *block.rows) for cell in row]
    return texts
