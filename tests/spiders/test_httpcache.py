"""The models API's answer, kept between crawls: an unchanged one is not sent again, and nothing old passes for new."""

import sqlite3
from pathlib import Path

import pytest

from poe_scraper.replica import running
from tests.spiders.conftest import Crawler

KEY = "sk-a-secret-of-the-user"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the crawls of a test keep answers in."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "poe-scraper" / "http" / "answers.sqlite"


def test_an_unchanged_answer_is_not_sent_again(crawl: Crawler, kept: Path) -> None:
    with running(bots=20) as replica:
        first = crawl(replica, only="info")
        second = crawl(replica, only="info")
        replica.change(remove=[max(first.bots)])
        third = crawl(replica, only="info")
    assert [done.status for done in (first, second, third)] == [0, 0, 0]
    assert kept.exists()
    assert [done.report["requests"]["api"] for done in (first, second, third)] == [1, 1, 1]
    size = first.report["bytes"]["api"]
    assert size > 1000
    assert "api" not in second.report["bytes"], "an answer without a body"
    assert 1000 < third.report["bytes"]["api"] < size
    assert second.report["seen"] == 20
    times = [min(bot["observed"]["catalog"]["at"] for bot in done.bots.values()) for done in (first, second)]
    assert times[0] <= first.report["finished_at"] <= second.report["started_at"] <= times[1], "Poe said that it holds"
    assert third.report["seen"] == 19


def test_a_cached_response_is_not_used_if_the_request_failed(crawl: Crawler, kept: Path) -> None:
    with running(bots=6) as replica:
        crawl(replica, only="info")
        replica.set_faults("api_503=1")
        refused = crawl(replica, {"RETRY_TIMES": "0"}, only="info")
    gone = crawl(replica, {"RETRY_TIMES": "0"}, only="info")
    assert kept.exists()
    assert [done.status for done in (refused, gone)] == [4, 4]
    assert "answered 503" in refused.log
    assert "could not be reached" in gone.log


def test_with_a_key_nothing_is_cached(crawl: Crawler, kept: Path) -> None:
    with running(bots=6) as replica:
        for _ in range(2):
            done = crawl(replica, environment={"POE_API_KEY": KEY}, only="info")
            assert done.status == 0
            assert done.report["bytes"]["api"] > 1000
    with sqlite3.connect(kept) as database:
        assert database.execute("SELECT count(*) FROM answers").fetchone() == (0,)


@pytest.mark.parametrize("content", [b"no database" * 1000, b""])
def test_a_broken_cache_file_does_not_fail_the_crawl(crawl: Crawler, kept: Path, content: bytes) -> None:
    kept.parent.mkdir(parents=True)
    kept.write_bytes(content)
    with running(bots=6) as replica:
        done = crawl(replica, only="info")
    assert (done.status, done.report["seen"]) == (0, 6)
    assert ("Responses cannot be cached in" in done.log) is bool(content)


def test_a_folder_that_cannot_be_created_does_not_fail_the_crawl(crawl: Crawler, kept: Path) -> None:
    kept.parents[2].write_text("a file where the folder should be")
    with running(bots=6) as replica:
        done = crawl(replica, only="info")
    assert (done.status, done.report["seen"]) == (0, 6)
    assert "Responses cannot be cached in" in done.log
