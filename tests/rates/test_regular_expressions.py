"""Regular expressions read the same on every supported Python.

Possessive quantifiers and atomic groups match wrongly before Python 3.11.5 (CPython issues 100061 and 106052):
what Debian 12 runs. So the package has none.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import poe_scraper

SOURCES = sorted(Path(poe_scraper.__file__).parent.rglob("*.py"))
BROKEN = re.compile(r"(?<!\\)(?:[*+?]|\{\d*,?\d*\})\+|\(\?>")
"""`*+`, `++`, `?+`, `{1,2}+`, `(?>`."""
CLASS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]")
"""What a sign is plain text in: an escape, a character class."""


def has_broken_feature(pattern: str) -> bool:
    """True if a pattern has a possessive quantifier or an atomic group."""
    return BROKEN.search(CLASS.sub("c", pattern)) is not None


def patterns(source: Path) -> Iterator[str]:
    """Every string of a module that is part of a call of `re`."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re."):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_no_possessive_quantifiers_and_no_atomic_groups(source: Path) -> None:
    assert [pattern for pattern in patterns(source) if has_broken_feature(pattern)] == []


@pytest.mark.parametrize("pattern", [r"\d++", r"\s*+x", r"(?:ab)?+", r"a{1,3}+", r"(?>ab)c"])
def test_what_is_broken_is_found(pattern: str) -> None:
    assert has_broken_feature(pattern)


@pytest.mark.parametrize("pattern", [r"\d+\+", r"[*+]+", r"a{2}", r"\*+", r"(?<=a)b+", r"[+?+]*"])
def test_what_works_is_not_found(pattern: str) -> None:
    assert not has_broken_feature(pattern)
