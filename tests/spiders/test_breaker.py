"""When a crawl stops asking."""

from collections.abc import Callable

import pytest

from poe_scraper.failures import Code
from poe_scraper.spiders.breaker import BLOCKING, FIRST_PAGES, LOCAL, CircuitBreaker, Stop


@pytest.fixture
def breaker() -> CircuitBreaker:
    return CircuitBreaker(max_blocked=3, site_url="https://poe.com")


def test_it_stops_at_the_limit_and_not_before(breaker: CircuitBreaker) -> None:
    assert breaker.page_failed(Code.CHALLENGED) is None
    assert breaker.page_failed(Code.RATE_LIMITED) is None
    stop = breaker.page_failed(Code.CHALLENGED)
    message = "the last 3 answers of https://poe.com were not its pages (2 x challenged, 1 x rate_limited)"
    assert stop == Stop(Code.SITE_BLOCKS, message)


@pytest.mark.parametrize("code", sorted(BLOCKING))
def test_every_blocking_failure_counts(code: Code) -> None:
    assert CircuitBreaker(1, "https://poe.com").page_failed(code) is not None


def test_a_page_of_the_site_resets_the_count(breaker: CircuitBreaker) -> None:
    comes: list[Callable[[], object]] = [
        breaker.site_answered,
        breaker.page_read,
        lambda: breaker.page_failed(Code.SITE_CHANGED),
    ]
    for come in comes:
        assert breaker.page_failed(Code.TIMEOUT) is None
        assert breaker.page_failed(Code.TIMEOUT) is None
        come()
    assert breaker.page_failed(Code.TIMEOUT) is None
    assert breaker.page_failed(Code.TIMEOUT) is None
    assert breaker.page_failed(Code.TIMEOUT) is not None


@pytest.mark.parametrize("code", sorted(LOCAL))
def test_trouble_of_the_local_browser_neither_counts_nor_resets(breaker: CircuitBreaker, code: Code) -> None:
    for _ in range(10):
        assert breaker.page_failed(code) is None
    breaker.page_failed(Code.TIMEOUT)
    breaker.page_failed(code)
    breaker.page_failed(Code.TIMEOUT)
    assert breaker.page_failed(Code.TIMEOUT) is not None


def test_zero_never_stops() -> None:
    breaker = CircuitBreaker(0, "https://poe.com")
    assert [breaker.page_failed(Code.CHALLENGED) for _ in range(100)] == [None] * 100


def test_the_first_pages_that_all_lack_something_end_the_crawl(breaker: CircuitBreaker) -> None:
    messages = ["no Rates button"] * (FIRST_PAGES - 1) + ["no dialog"]
    *before, stop = [breaker.page_lacks(Code.SITE_CHANGED, message) for message in messages]
    assert before == [None] * (FIRST_PAGES - 1)
    message = "the first 5 pages of https://poe.com lack what the crawl looks for: no Rates button"
    assert stop == Stop(Code.SITE_CHANGED, message)


def test_one_good_page_is_enough_to_go_on(breaker: CircuitBreaker) -> None:
    for _ in range(FIRST_PAGES - 1):
        breaker.page_lacks(Code.CARD_MISSING, "no card")
    breaker.page_read()
    assert [breaker.page_lacks(Code.CARD_MISSING, "no card") for _ in range(20)] == [None] * 20


def test_a_profile_says_nothing_about_bot_pages(breaker: CircuitBreaker) -> None:
    for _ in range(FIRST_PAGES - 1):
        breaker.page_lacks(Code.SITE_CHANGED, "no Rates button")
        breaker.site_answered()
    assert breaker.page_lacks(Code.SITE_CHANGED, "no Rates button") is not None


@pytest.mark.parametrize(
    ("last", "expected"), [(Code.BLOCKED_HOST, Code.BLOCKED_HOST), (Code.SITE_CHANGED, Code.SITE_CHANGED)]
)
def test_a_blocked_host_is_the_reason_if_all_pages_show_one(
    breaker: CircuitBreaker, last: Code, expected: Code
) -> None:
    for _ in range(FIRST_PAGES - 1):
        breaker.page_lacks(Code.BLOCKED_HOST, "refused: cdn.example")
    stop = breaker.page_lacks(last, "refused: cdn.example")
    assert stop is not None
    assert stop.code == expected
