"""How Poe's own script asks for a rate card: what is accepted, kept and read again."""

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe_scraper.browser.card_query import CardQuery, card_query_path, keep_card_query, read_card_query

LEARNED = {
    "path": "/api/gql_POST",
    "method": "POST",
    "headers": {"content-type": "application/json", "poe-formkey": "secret", "poe-revision": "r1"},
    "body": {"queryName": "RateCardModalQuery", "variables": {"botId": 1}, "extensions": {"hash": "a1"}},
}


def test_what_is_kept_is_read_again_and_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "query.json"
    query = CardQuery.from_page(LEARNED)
    assert query is not None
    keep_card_query(path, query)
    keep_card_query(path, query)
    assert read_card_query(path) == query
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["query.json"]
    assert "secret" not in repr(query)
    assert "secret" not in str(query)


@pytest.mark.parametrize(
    "changed",
    [
        {"path": "//evil.test/gql"},
        {"path": "https://evil.test/gql"},
        {"path": "/api/gql?token=1"},
        {"method": "GET"},
        {"headers": {"a": 1}},
        {"headers": {f"h{number}": "x" for number in range(100)}},
        {"headers": {"a": "x" * 10_000}},
        {"body": "text"},
        {"body": None},
    ],
)
def test_a_query_of_another_form_is_not_used(changed: dict[str, object]) -> None:
    assert CardQuery.from_page({**LEARNED, **changed}) is None


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda part: st.lists(part) | st.dictionaries(st.text(), part))
)
def test_a_page_may_report_anything(value: object) -> None:
    assert CardQuery.from_page(value) is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[" * 50_000, b"\xff", b"null", json.dumps({**LEARNED, "path": 1}).encode()]
)
def test_a_damaged_file_is_as_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "query.json"
    path.write_bytes(content)
    assert read_card_query(path) is None
    assert read_card_query(tmp_path) is None
    assert read_card_query(tmp_path / "missing.json") is None


@pytest.mark.parametrize(
    "site_url", ["https://poe.com", "http://[::1]:8000", "http://user:secret@127.0.0.1:8000/x", "../../etc"]
)
def test_each_site_has_its_own_file(site_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = card_query_path(site_url)
    assert path.resolve().is_relative_to(tmp_path.resolve())
    assert path.parent.name == "poe-scraper"
    assert "secret" not in path.name
    assert path != card_query_path("https://other.test")
