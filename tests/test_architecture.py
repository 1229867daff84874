"""Packages import only what the table in docs/architecture.md allows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "poe_scraper"


def allowed_imports() -> dict[str, set[str]]:
    """What each package or module may import, as the table has it."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.partition("<!-- imports -->")[2].partition("<!-- /imports -->")[0]
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", table, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", cell)) for name, cell in rows}


def imported_modules(source: str) -> Iterator[str]:
    """Names below `poe_scraper` that a module imports, at any place in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module == "poe_scraper":
            names = [f"poe_scraper.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith("poe_scraper."))


def forbidden_imports(name: str, allowed: set[str]) -> list[str]:
    """Imports of a package or module that are not allowed, as `file: name`."""
    folder = PACKAGE / name
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{name}.py"]
    return [
        f"{file.relative_to(ROOT)}: {imported}"
        for file in files
        for imported in sorted(set(imported_modules(file.read_text(encoding="utf-8"))))
        if imported not in allowed | {name, "__version__"}
    ]


ALLOWED = allowed_imports()


def test_the_table_lists_every_package_and_module() -> None:
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert set(ALLOWED) == packages | modules


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_a_package_imports_only_what_the_table_allows(name: str) -> None:
    assert forbidden_imports(name, ALLOWED[name]) == []


def test_a_forbidden_import_is_found() -> None:
    found = forbidden_imports("api", ALLOWED["api"] - {"pricing"})
    assert found == ["poe_scraper/api.py: pricing"]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import poe_scraper.feed.reader", ["feed"]),
        ("from poe_scraper import api, __version__", ["api", "__version__"]),
        ("def later():\n    from poe_scraper.site.build import build", ["site"]),
        ("import poe_scraperish.feed\nfrom . import sibling\nfrom scrapy import Request", []),
    ],
)
def test_imports_are_found_wherever_they_are(source: str, names: list[str]) -> None:
    assert list(imported_modules(source)) == names
