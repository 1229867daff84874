"""Crawls that something happens to: they recover, or end in order and can go on later."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import psutil
import pytest

from benchmarks import faults
from poe_scraper.replica import running
from tests.spiders.conftest import HEADLINES, visits

Crawler = Callable[..., Any]

pytestmark = pytest.mark.browser


def wait_until(condition: Callable[[], bool], started: Any) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + 120
    while not condition():
        assert started.process.poll() is None, f"the crawl has ended:\n{started.output.read_text()}"
        assert time.monotonic() < deadline, f"it does not happen:\n{started.output.read_text()}"
        Event().wait(0.02)


@pytest.mark.slow
def test_a_browser_that_is_killed_costs_no_bot(start: Crawler) -> None:
    kills = ["chromium"] * 5 + ["--type=renderer", "run-driver"]
    with running(bots=70, faults=["gql_slow=0.1:once"]) as replica:
        started = start(replica)
        for number, victims in enumerate(kills, start=1):
            wait_until(
                lambda number=number, victims=victims: bool(  # type: ignore[misc]
                    visits(replica).total() >= 9 * number and started.descendants(victims)
                ),
                started,
            )
            if number == 1:
                processes = [psutil.Process(started.process.pid), *started.descendants("")]
                listening = [
                    connection
                    for process in processes
                    for connection in process.net_connections("inet")
                    if connection.status == psutil.CONN_LISTEN
                ]
            for process in started.descendants(victims):
                process.kill()
        done = started.wait()
        asked = visits(replica)
    assert listening == []
    assert done.status == 0, done.log
    assert len(done.bots) == 70
    assert all(bot["observed"]["page"] and bot["errors"] == [] for bot in done.bots.values())
    assert "the browser died" in done.log
    assert asked.total() <= 70 + len(kills) * 6, "more than the pages in flight were asked for again"


@pytest.mark.slow
def test_a_site_that_blocks_everything_is_left_alone(crawl: Crawler) -> None:
    with running(bots=40) as replica:
        before = crawl(replica)
        assert before.status == 0, before.log
        replica.set_faults("challenge=0.7", "page_429=0.2", "login=0.1")
        replica.forget_requests()
        after = crawl(replica, {"POE_CHECK_WAIT": "0.2"}, force="true")
        asked = visits(replica)
    assert after.status == 4, after.log
    assert 20 <= asked.total() <= 20 + 2 * 6
    assert after.report["finish_reason"] == "site_blocks"
    assert after.report["outcome"] == "published"
    (problem,) = after.report["problems"]
    assert problem["code"] == "site_blocks"
    assert "x challenged" in problem["message"]
    summary = after.log[after.log.index("Poe blocks the crawl, so it stopped asking.") :]
    assert "bots seen" in summary
    for handle, bot in after.bots.items():
        assert bot["pricing"] == before.bots[handle]["pricing"]
        assert bot["status"] == "active"
    failed = [bot["handle"] for bot in after.bots.values() if bot["errors"]]
    assert failed
    assert set(failed) <= asked.keys()


def test_a_site_that_answers_now_and_then_is_not_given_up(crawl: Crawler) -> None:
    with running(bots=30, faults=["challenge=0.5"], seed=1) as replica:
        done = crawl(replica, settings={"RETRY_TIMES": "6", "POE_CHECK_WAIT": "0.2"})
    assert done.report["finish_reason"] == "finished"
    assert sum(bool(bot["observed"]["page"]) for bot in done.bots.values()) > 25


def test_a_changed_site_is_said_first(crawl: Crawler) -> None:
    with running(bots=6, faults=["js_exception=1"]) as replica:
        done = crawl(replica, settings={"RETRY_TIMES": "0"})
    assert done.status == 5
    assert sum(done.report["failed"].values()) >= 5
    (headline,) = [line for line in done.log.splitlines() if line.startswith(HEADLINES)]
    assert done.log.index(headline) < done.log.index(" bots seen")


def test_an_interrupted_crawl_publishes_a_part_and_can_be_resumed(
    start: Crawler, crawl: Crawler, tmp_path: Path
) -> None:
    # a crawl that learns the host of the scripts visits some pages twice
    settings = {"JOBDIR": str(tmp_path / "job"), "POE_SITE_HOSTS": "auto,localhost"}
    with running(bots=30) as replica:
        assert crawl(replica, only="info").status == 0
        ids = {bot["id"] for bot in replica.catalog()["bots"] if bot["listed"]}
        handles = [bot["handle"] for bot in replica.catalog()["bots"] if bot["listed"]]
        replica.set_faults(f"page_429_date@{handles[10]}:once")  # the whole host has to wait for two minutes
        replica.forget_requests()
        started = start(replica, settings=settings)
        wait_until(lambda: replica.faults()["hits"] != {}, started)
        started.interrupt()
        part = started.wait()
        asked_first = visits(replica)
        whole = crawl(replica, settings=settings)
        asked = visits(replica)
    assert part.status == 130, part.log
    assert "Interrupted:" in part.log
    assert (part.report["finish_reason"], part.report["complete"]) == ("shutdown", False)
    assert 0 < asked_first.total() < 30
    assert part.bots.keys() == ids
    assert {bot["status"] for bot in part.bots.values()} == {"active"}
    read = {bot["id"] for bot in part.bots.values() if bot["observed"]["page"]}
    assert 0 < len(read) < 30
    assert whole.status == 0, whole.log
    assert whole.report["complete"] is True
    assert all(bot["observed"]["page"] and bot["errors"] == [] for bot in whole.bots.values())
    assert asked == Counter([*handles, handles[10]]), "asked for again"


@pytest.mark.slow
def test_storms_lose_nothing(tmp_path: Path) -> None:
    with running(bots=10, seed=101) as replica:
        known = faults.crawl(replica, tmp_path)
        assert len(known.bots) == 10
        for seed in (101, 102):
            outcome = faults.storm(replica, known, tmp_path, seed)
            assert outcome.wrong == []
            assert outcome.crawl.status in {0, 3, 4, 5}, outcome.crawl.log


def test_a_clock_that_is_set_back_during_a_crawl_loses_nothing(crawl: Crawler) -> None:
    set_back = {"SPIDER_MIDDLEWARES": '{"tests.spiders.clock.SetBackMiddleware": 900}'}
    with running(bots=4) as replica:
        first = crawl(replica)
        second = crawl(replica, settings=set_back, force="true")
        third = crawl(replica, force="true")
    for done in (first, second, third):
        assert done.status == 0, done.log
        assert (done.report["visited"], len(done.bots)) == (4, 4)
        assert all(bot["first_seen"] <= bot["last_seen"] for bot in done.bots.values())
        assert {name: bot["pricing"]["rates"] for name, bot in done.bots.items()} == {
            name: bot["pricing"]["rates"] for name, bot in first.bots.items()
        }
    assert second.report["finished_at"] == second.report["started_at"]
    assert third.report["id"] > second.report["id"] > first.report["id"]
    assert third.bots.keys() == first.bots.keys()
