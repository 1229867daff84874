"""Back-off, with a clock that stands still."""

import asyncio
from dataclasses import dataclass, field

import pytest
from scrapy import Request
from scrapy.http import Response
from scrapy.utils.test import get_crawler

from poe_scraper.middlewares import BackoffMiddleware

URL = "https://poe.com/Grok-4.7"
ANOTHER = "https://poe.com/Another"
API = "https://api.poe.com/v1/models"


@dataclass
class Clock:
    """A clock that only waiting moves."""

    now: float = 1000.0
    calls: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.calls.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("poe_scraper.middlewares.asyncio.sleep", clock.sleep)
    monkeypatch.setattr("poe_scraper.middlewares.monotonic", clock.monotonic)
    monkeypatch.setattr("poe_scraper.middlewares.random.uniform", lambda low, high: 1.0)
    return clock


@pytest.fixture
def middleware(clock: Clock) -> BackoffMiddleware:
    crawler = get_crawler(settings_dict={"POE_BACKOFF": 2, "POE_MAX_WAIT": 120})
    crawler.crawling = True
    return BackoffMiddleware.from_crawler(crawler)


def waited(middleware: BackoffMiddleware, clock: Clock, url: str = URL, retries: int = 0) -> float:
    """Seconds that a request was held back."""
    before = clock.now
    assert asyncio.run(middleware.process_request(Request(url, meta={"retry_times": retries}))) is None
    return clock.now - before


def answer(middleware: BackoffMiddleware, status: int, retry_after: str | None) -> None:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    asyncio.run(middleware.process_response(Request(URL), Response(URL, status=status, headers=headers)))


def test_a_first_try_waits_for_nothing(middleware: BackoffMiddleware, clock: Clock) -> None:
    assert waited(middleware, clock) == 0
    assert clock.calls == []


def test_each_retry_waits_twice_as_long(middleware: BackoffMiddleware, clock: Clock) -> None:
    waits = [waited(middleware, clock, retries=retry) for retry in range(1, 10)]
    assert waits == [2, 4, 8, 16, 32, 64, 120, 120, 120]


@pytest.mark.parametrize(
    ("status", "retry_after", "wait"),
    [
        (429, "7", 7.0),
        (503, "7", 7.0),
        (200, "7", 0),
        (429, None, 0),
        (429, "soon", 0),
        (429, "-3", 0),
        (429, "0", 0),
        (429, "999999999999999", 120.0),
        (429, "Thu, 01 Jan 1970 00:00:00 GMT", 0),
        (429, "Fri, 31 Dec 9999 23:59:59 GMT", 120.0),
        (429, "\u0667", 0),
    ],
)
def test_retry_after_holds_back_the_whole_host(
    middleware: BackoffMiddleware, clock: Clock, status: int, retry_after: str | None, wait: float
) -> None:
    answer(middleware, status, retry_after)
    assert waited(middleware, clock, API) == 0
    assert waited(middleware, clock, ANOTHER) == wait
    assert waited(middleware, clock, ANOTHER) == 0


def test_a_host_that_refuses_is_left_alone_longer_each_time(middleware: BackoffMiddleware, clock: Clock) -> None:
    waits = []
    for _ in range(4):
        for _ in range(3):  # three pages were under way when it refused
            middleware.hold_back(Request(URL))
        assert waited(middleware, clock, API) == 0
        waits.append(waited(middleware, clock, ANOTHER))
    assert waits == [2, 4, 8, 16]
    middleware.forgive(Request(ANOTHER))
    middleware.hold_back(Request(URL))
    assert waited(middleware, clock, ANOTHER) == 2


def test_a_wait_that_begins_meanwhile_counts_for_who_waits_already(
    middleware: BackoffMiddleware, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sleep(seconds: float) -> None:
        if not clock.calls:
            answer_in_loop = middleware.process_response(
                Request(URL), Response(URL, status=429, headers={"Retry-After": "9"})
            )
            await answer_in_loop
        await clock.sleep(seconds)

    monkeypatch.setattr("poe_scraper.middlewares.asyncio.sleep", sleep)
    assert waited(middleware, clock, retries=1) == 9


@pytest.mark.parametrize("interrupted", [True, False])
def test_what_waits_goes_back_to_the_scheduler_when_the_crawl_ends(
    middleware: BackoffMiddleware, clock: Clock, interrupted: bool
) -> None:
    if interrupted:
        middleware.crawler.crawling = False
    else:
        middleware.release()
    back = asyncio.run(middleware.process_request(Request(URL, meta={"retry_times": 1})))
    assert back is not None
    assert (back.url, back.dont_filter, back.meta["retry_times"]) == (URL, True, 1)
    assert waited(middleware, clock) == 0  # what need not wait is not touched
