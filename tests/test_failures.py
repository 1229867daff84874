"""The documentation of the failure codes, held against the codes."""

import re
from pathlib import Path

from poe_scraper.failures import FAILURES, Code

DOCUMENT = Path(__file__).parents[1] / "docs" / "failures.md"


def test_every_code_has_a_meaning() -> None:
    assert FAILURES.keys() == set(Code)


def test_the_documentation_says_what_the_code_says() -> None:
    rows = re.findall(r"^\| `.*$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [
        f"| `{code}` | {failure.meaning} | {'yes' if failure.retried else 'no'} | {failure.remedy} |"
        for code, failure in FAILURES.items()
    ]
