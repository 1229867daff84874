"""Sections of documents that benchmarks write."""

from collections.abc import Iterable, Sequence
from pathlib import Path


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in markdown; columns of figures are right-aligned."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def tell(text: str, document: Path | None, section: str) -> None:
    """Print a result, and put it in its section of a document.

    Args:
        text: in markdown.
        document: a file with the lines `<!-- SECTION -->` and `<!-- /SECTION -->`; None to print alone.
        section: the section's name.

    Raises:
        ValueError: the document lacks the section.
    """
    print(f"{text}\n")
    if document is not None:
        begin, end = f"<!-- {section} -->\n", f"<!-- /{section} -->"
        before, _, rest = document.read_text(encoding="utf-8").partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            message = f"{document} has no section {section}"
            raise ValueError(message)
        document.write_text(f"{before}{begin}{text}\n{end}{after}", encoding="utf-8")
