"""Back-off, with a clock that stands still."""

import asyncio

import pytest
from scrapy import Request
from scrapy.http import Response
from scrapy.utils.test import get_crawler

from poe_scraper import middlewares
from poe_scraper.middlewares import BackoffMiddleware

URL = "https://poe.com/Grok-4.7"


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited, without waiting them."""
    seconds: list[float] = []

    async def sleep(wait: float) -> None:
        seconds.append(wait)

    monkeypatch.setattr(middlewares.asyncio, "sleep", sleep)
    monkeypatch.setattr(middlewares, "monotonic", lambda: 1000.0)
    monkeypatch.setattr(middlewares.random, "uniform", lambda low, high: 1.0)
    return seconds


@pytest.fixture
def middleware() -> BackoffMiddleware:
    return BackoffMiddleware.from_crawler(get_crawler(settings_dict={"POE_BACKOFF": 2}))


def ask(middleware: BackoffMiddleware, url: str = URL, retries: int = 0) -> None:
    asyncio.run(middleware.process_request(Request(url, meta={"retry_times": retries})))


def answer(middleware: BackoffMiddleware, status: int, retry_after: str | None) -> None:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    asyncio.run(middleware.process_response(Request(URL), Response(URL, status=status, headers=headers)))


def test_a_first_try_waits_for_nothing(middleware: BackoffMiddleware, waited: list[float]) -> None:
    ask(middleware)
    assert waited == []


def test_each_retry_waits_twice_as_long(middleware: BackoffMiddleware, waited: list[float]) -> None:
    for retry in range(1, 10):
        ask(middleware, retries=retry)
    assert waited == [2, 4, 8, 16, 32, 64, 120, 120, 120]


@pytest.mark.parametrize(
    ("status", "retry_after", "wait"),
    [
        (429, "7", [7.0]),
        (503, "7", [7.0]),
        (200, "7", []),
        (429, None, []),
        (429, "soon", []),
        (429, "-3", []),
        (429, "0", []),
        (429, "999999999999999", [120.0]),
        (429, "Thu, 01 Jan 1970 00:00:00 GMT", []),
        (429, "Fri, 31 Dec 9999 23:59:59 GMT", [120.0]),
        (429, "\u0667", []),
    ],
)
def test_retry_after_holds_back_the_whole_host(
    middleware: BackoffMiddleware, waited: list[float], status: int, retry_after: str | None, wait: list[float]
) -> None:
    answer(middleware, status, retry_after)
    ask(middleware, "https://poe.com/Another")
    assert waited == wait
    ask(middleware, "https://api.poe.com/v1/models")
    assert waited == wait


def test_the_wait_ends(
    middleware: BackoffMiddleware, waited: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(middleware, 429, "7")
    monkeypatch.setattr(middlewares, "monotonic", lambda: 1007.0)
    ask(middleware)
    assert waited == []
