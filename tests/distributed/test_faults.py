"""A shared crawl under attack, load and neglect, with a real Redis: nothing hangs, and no page is lost."""

import zlib
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from poe_scraper.distributed.tasks import Tasks
from poe_scraper.replica import Replica, running
from tests.distributed.conftest import RedisServer, wait_until
from tests.spiders.conftest import StartedCrawl
from tests.spiders.conftest import visits as visits_by_handle

Starter = Callable[..., Any]

pytestmark = pytest.mark.browser


def visits(replica: Replica) -> Counter[str]:
    """How often each bot's page was requested, by the bot's key."""
    return Counter({handle.lower(): count for handle, count in visits_by_handle(replica).items()})


@pytest.fixture
def tasks(redis: RedisServer) -> Tasks:
    """What a crawl keeps in Redis, for somebody who may write there."""
    return Tasks(redis.client, "poe_models", lease=60)


def _has_logged(crawl: StartedCrawl, text: str) -> bool:
    return text in crawl.output.read_text()


def queued(tasks: Tasks, count: int) -> dict[str, bytes]:
    """The tasks, once there are so many."""
    wait_until(lambda: tasks.state().tasks == count)
    held: Any = tasks.server.hgetall(tasks.tasks)
    return {key.decode(): task for key, task in held.items()}


def test_the_second_of_two_publishers_ends(start: Starter, redis: RedisServer, tasks: Tasks, tmp_path: Path) -> None:
    shared = {"POE_REDIS_URL": redis.url, "POE_REDIS_LEASE": "3"}
    with running(bots=8) as replica:
        publishers = [start(replica, environment=shared, folder=tmp_path / name) for name in ("one", "two")]
        pages = queued(tasks, 8)
        worker = start(replica, {"CONCURRENT_REQUESTS_PER_DOMAIN": "1"}, environment=shared, role="worker")
        # a page that the worker has read is queued again: not a duplicate for it
        wait_until(lambda: bool(tasks.state().results))
        again = next(key for key in pages if not tasks.server.hexists(tasks.tasks, key))
        tasks.server.hset(tasks.tasks, again, pages[again])
        tasks.server.lpush(tasks.waiting, again)
        ended = sorted((each.wait() for each in publishers), key=lambda done: int(done.status))
        assert worker.wait().status == 0
        asked = visits(replica)
    assert [done.status for done in ended] == [0, 1]
    assert "already serves a crawl of process " in ended[1].log
    assert ended[1].report["finish_reason"] == "queue_busy"
    assert len(ended[0].bots) == 8
    assert asked == Counter(pages.keys()) + Counter([again])
    assert tasks.server.keys("*") == []


@pytest.mark.slow
def test_what_others_wrote_into_redis_is_refused_and_its_pages_are_asked_for_again(
    start: Starter, redis: RedisServer, tasks: Tasks
) -> None:
    shared = {"POE_REDIS_URL": redis.url}
    with running(bots=6) as replica:
        publisher = start(replica, environment=shared)
        pages = queued(tasks, 6)
        waiting: Any = tasks.server.lrange(tasks.waiting, -2, -1)
        rubbish, elsewhere = (key.decode() for key in waiting)
        tasks.server.hset(tasks.tasks, rubbish, b"\x1b[2J")
        altered = zlib.decompress(pages[elsewhere]).replace(replica.url.encode(), b"http://evil.example")
        tasks.server.hset(tasks.tasks, elsewhere, zlib.compress(altered))
        # results: one that is rubbish in place of a page's, and one for nothing
        leased = tasks.lease_next("evil")
        assert leased is not None
        tasks.finish(leased[0], zlib.compress(b'{"id": "1", "bot": {"id": "free"}}'))
        tasks.server.rpush(tasks.results, b"\x1b[2J")
        worker = start(replica, environment=shared, role="worker")
        done, left = publisher.wait(), worker.wait()
        asked = visits(replica)
    assert left.status == 0, left.log
    assert done.status == 5, done.log
    assert asked == Counter(pages.keys())
    assert all(bot["observed"]["page"] and bot["errors"] == [] for bot in done.bots.values())
    assert [problem["code"] for problem in done.report["problems"]] == ["queue_garbled"]
    assert done.log.count("was refused: ") == 2 + 1, "one line each, and one in the summary"
    assert left.log.count("in Redis was refused: ") == 2
    assert "\x1b" not in done.log + left.log


@pytest.mark.slow
def test_a_page_that_can_never_be_used_is_given_up(start: Starter, redis: RedisServer, tasks: Tasks) -> None:
    with running(bots=1) as replica:
        publisher = start(replica, environment={"POE_REDIS_URL": redis.url})
        for _ in range(3):
            [key] = queued(tasks, 1)
            tasks.lease_next("evil")
            tasks.finish(key, b"rubbish")
        done = publisher.wait()
    assert done.status == 5, done.log
    assert (done.report["failed"], done.report["finish_reason"]) == ({"queue_garbled": 1}, "finished")


def test_redis_may_be_away_for_a_moment(start: Starter, redis: RedisServer, tasks: Tasks) -> None:
    shared = {"POE_REDIS_URL": redis.url, "POE_REDIS_LEASE": "60"}
    with running(bots=16) as replica:
        crawls = start(replica, environment=shared), start(replica, environment=shared, role="worker")
        wait_until(lambda: visits(replica).total() >= 4)
        redis.kill()
        for each in crawls:
            wait_until(partial(_has_logged, each, "cannot be reached: trying again"))
        redis.start()
        done, left = (each.wait() for each in crawls)
        asked = visits(replica)
    assert (done.status, left.status) == (0, 0), done.log
    assert done.report["visited"] == len(done.bots) == len(asked) == 16
    assert set(asked.values()) == {1}


@pytest.mark.slow
def test_redis_may_come_back_with_older_data(start: Starter, redis: RedisServer, tasks: Tasks) -> None:
    shared = {"POE_REDIS_URL": redis.url}
    with running(bots=3) as replica:
        publisher = start(replica, environment=shared)
        pages = queued(tasks, 3)
        for key in list(pages)[:2]:  # read by the publisher, and then forgotten by Redis
            tasks.lease_next("forgotten")
            tasks.server.hdel(tasks.leases, key)
            tasks.server.rpush(tasks.results, zlib.compress(b'{"id": "%s"}' % key.encode()))
        wait_until(lambda: tasks.server.info("commandstats")["cmdstat_llen"]["calls"] > 5)
        tasks.server.ltrim(tasks.results, 1, 0)
        for key in pages:
            tasks.finish(key, zlib.compress(b'{"id": "%s again", "key": "%s"}' % (key.encode(), key.encode())))
        done = publisher.wait()
    assert done.report["finish_reason"] == "finished", done.log
    assert done.report["problems"] == []


@pytest.mark.slow
def test_a_page_that_scrapy_drops_is_reported(start: Starter, redis: RedisServer) -> None:
    shared = {"POE_REDIS_URL": redis.url}
    with running(bots=3) as replica:
        swallowing = {"SPIDER_MIDDLEWARES": '{"tests.distributed.mistake.SwallowMiddleware": 900}'}
        worker = start(replica, swallowing, environment=shared, role="worker")
        done = start(replica, environment=shared).wait()
        left = worker.wait()
    assert (done.status, left.status) == (5, 0), done.log
    assert (done.report["failed"], done.report["finish_reason"]) == ({"internal_error": 1}, "finished")
    assert "was dropped by a component of Scrapy" in left.log


@pytest.mark.slow
def test_a_crawl_whose_workers_finish_nothing_ends(start: Starter, redis: RedisServer, tasks: Tasks) -> None:
    tasks.heartbeat("a worker that is alive, and does nothing")
    with running(bots=2) as replica:
        done = start(replica, environment={"POE_REDIS_URL": redis.url, "POE_REDIS_WAIT": "0.2"}).wait()
    assert done.status == 1, done.log
    assert done.report["finish_reason"] == "no_progress"
    assert "none of 2 pages was finished in 0 s" in done.log
    assert tasks.state().tasks == 2, "the next publisher resumes the crawl"


def test_a_crawl_ends_with_its_last_worker_if_the_site_has_changed(start: Starter, redis: RedisServer) -> None:
    shared = {"POE_REDIS_URL": redis.url}
    with running(bots=16, faults=["error_200=1"]) as replica:
        worker = start(replica, environment=shared, role="worker")
        done, left = start(replica, environment=shared).wait(), worker.wait()
    assert left.status == 5, left.log
    assert done.report["finish_reason"] == "site_changed"
    assert done.log.count("Poe seems to have changed its site: ") == 1


@pytest.mark.slow
def test_a_worker_of_another_version_says_so(start: Starter, redis: RedisServer, tasks: Tasks) -> None:
    tasks.server.set(tasks.publisher, "process 1 on a machine with an older version (0a1b2c3d)")
    tasks.server.hset("poe_models:tasks", "gpt-5", b"a task of the older version")
    with running(bots=1) as replica:
        worker = start(replica, environment={"POE_REDIS_URL": redis.url}, role="worker").wait()
    assert worker.status == 1, worker.log
    assert "is another version of poe-scraper" in worker.log
    assert tasks.server.hget("poe_models:tasks", "gpt-5") == b"a task of the older version"
