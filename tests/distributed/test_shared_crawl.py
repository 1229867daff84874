"""One crawl by many processes, with a real Redis between them."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from poe_scraper.distributed.messages import FORMAT
from poe_scraper.feed.changes import facts
from poe_scraper.items import Bot
from poe_scraper.replica import Replica, running
from tests.distributed.conftest import RedisServer, wait_until
from tests.spiders.conftest import visits

Starter = Callable[..., Any]

pytestmark = pytest.mark.browser


def listed(replica: Replica) -> set[str]:
    return {bot["id"] for bot in replica.catalog()["bots"] if bot["listed"]}


def without_times(bots: dict[str, Any]) -> dict[str, Any]:
    return {name: facts(Bot.model_validate(bot)) for name, bot in bots.items()}


def holds_pages(redis: RedisServer, pid: int) -> bool:
    """Whether the worker of that process has pages leased."""
    return any(f":{pid}:" in str(owner) for owner in redis.client.hvals(f"poe_models:{FORMAT}:leases"))


@pytest.mark.slow
def test_three_workers_share_a_crawl(start: Starter, redis: RedisServer) -> None:
    shared = {"POE_REDIS_URL": redis.url}
    with running(bots=200) as replica:
        workers = [start(replica, environment=shared, role="worker") for _ in range(3)]
        publisher = start(replica, environment=shared)
        done = publisher.wait()
        ended = [worker.wait() for worker in workers]
        asked = visits(replica)
        ids = listed(replica)
    assert done.status == 0, done.log
    assert set(asked.values()) == {1}
    assert asked.total() == 200
    assert set(done.bots) == ids
    assert all(bot["observed"]["page"] and bot["errors"] == [] for bot in done.bots.values())
    assert done.feed["version"] == 1
    assert len([path for path in done.files if path.parent.name == "versions"]) == 1
    assert (done.report["visited"], done.report["failed"], done.report["finish_reason"]) == (200, {}, "finished")
    assert done.report["requests"]["document"] >= 200
    for worker in ended:
        assert worker.status == 0, worker.log
        assert " 0 pages read" not in worker.log, "a worker had nothing to do"
    assert redis.client.keys("*") == []
    assert redis.password not in done.everything() + "".join(worker.log for worker in ended)


@pytest.mark.slow
def test_a_worker_that_is_killed_leaves_its_pages_to_the_others(start: Starter, redis: RedisServer) -> None:
    shared = {"POE_REDIS_URL": redis.url, "POE_REDIS_LEASE": "3"}
    with running(bots=60) as replica:
        victim, *others = [start(replica, environment=shared, role="worker") for _ in range(3)]
        publisher = start(replica, environment=shared)
        wait_until(lambda: visits(replica).total() >= 15 and holds_pages(redis, victim.process.pid))
        os.kill(victim.process.pid, signal.SIGKILL)
        done = publisher.wait()
        ended = [worker.wait() for worker in others]
        asked = visits(replica)
        ids = listed(replica)
    assert done.status == 0, done.log
    assert set(done.bots) == ids
    assert all(bot["observed"]["page"] and bot["errors"] == [] for bot in done.bots.values())
    assert done.feed["version"] == 1
    assert [worker.status for worker in ended] == [0, 0]
    assert any("of a dead worker" in log for log in (done.log, *(worker.log for worker in ended)))
    assert asked.total() <= 60 + 12, "more than what the dead worker held was asked for again"


@pytest.mark.slow
def test_another_publisher_resumes_a_crawl(start: Starter, redis: RedisServer, tmp_path: Path) -> None:
    shared = {"POE_REDIS_URL": redis.url, "POE_REDIS_LEASE": "2"}
    with running(bots=24) as replica:
        alone = start(replica, folder=tmp_path / "alone").wait()
        replica.forget_requests()
        publisher = start(replica, environment=shared)
        worker = start(replica, environment=shared, role="worker")
        wait_until(lambda: redis.client.llen(f"poe_models:{FORMAT}:results") >= 3)
        os.kill(publisher.process.pid, signal.SIGKILL)
        done = start(replica, environment=shared).wait()
        assert worker.wait().status == 0
        asked = visits(replica)
    assert done.status == 0, done.log
    assert "Resuming a crawl" in done.log
    assert set(asked.values()) == {1}
    assert done.report["visited"] == 24
    assert without_times(done.bots) == without_times(alone.bots)


def test_a_publisher_without_workers_gives_up_and_loses_nothing(start: Starter, redis: RedisServer) -> None:
    shared = {"POE_REDIS_URL": redis.url, "POE_REDIS_LEASE": "2"}
    with running(bots=6) as replica:
        lonely = start(replica, environment=shared | {"POE_REDIS_WAIT": "0.1"}).wait()
        assert lonely.status == 1
        assert lonely.report["finish_reason"] == "no_worker"
        assert "6 pages waited" in lonely.log
        worker = start(replica, environment=shared, role="worker")
        done = start(replica, environment=shared).wait()
        assert (done.status, worker.wait().status) == (0, 0), done.log
        assert set(visits(replica).values()) == {1}
        # the second publisher of a crawl reports the first one
        redis.client.set("poe_models:publisher", "process 1 on elsewhere")
        second = start(replica, environment=shared | {"POE_REDIS_LEASE": "0.5"}).wait()
    assert second.status == 1
    assert "already serves a crawl of process 1 on elsewhere" in second.log
    assert second.report["finish_reason"] == "queue_busy"


def test_a_redis_that_dies_ends_the_crawl_in_order(start: Starter, redis: RedisServer) -> None:
    shared = {"POE_REDIS_URL": redis.url, "POE_REDIS_LEASE": "1"}
    with running(bots=40) as replica:
        worker = start(replica, environment=shared, role="worker")
        publisher = start(replica, environment=shared)
        wait_until(lambda: visits(replica).total() >= 5)
        redis.process.kill()
        ended = [publisher.wait(), worker.wait()]
        again = start(replica, environment=shared).wait()
    for one in (*ended, again):
        assert one.status == 1, one.log
        assert "Check that Redis runs, and POE_REDIS_URL" in one.log
        assert redis.password not in one.everything()
    assert ended[0].report["finish_reason"] == "queue_unreachable"
    assert not ended[0].report["complete"]
    assert again.report["outcome"] == "failed"


def test_a_bug_costs_one_page(start: Starter, redis: RedisServer) -> None:
    shared = {"POE_REDIS_URL": redis.url}
    with running(bots=4) as replica:
        mistaken = {"SPIDER_MIDDLEWARES": '{"tests.distributed.mistake.MistakeMiddleware": 900}'}
        worker = start(replica, mistaken, environment=shared, role="worker")
        done = start(replica, environment=shared).wait()
        assert worker.process.wait(60) == 0
    assert done.status == 5, done.log
    assert (done.report["failed"], done.report["finish_reason"]) == ({"internal_error": 1}, "finished")
    assert len(done.bots) == 3


def test_workers_that_the_site_blocks_end_the_crawl(start: Starter, redis: RedisServer) -> None:
    shared = {"POE_REDIS_URL": redis.url, "POE_MAX_BLOCKED": "3", "POE_MAX_WAIT": "0.2", "POE_CHECK_WAIT": "0.2"}
    with running(bots=8, faults=["challenge=1"]) as replica:
        worker = start(replica, environment=shared, role="worker")
        done = start(replica, environment=shared).wait()
        left = worker.wait()
        asked = visits(replica)
    assert left.status == 4, left.log
    assert done.status == 4, done.log
    assert done.report["finish_reason"] == "site_blocks"
    assert "x challenged" in done.report["problems"][0]["message"]
    assert asked.total() <= 3 + 2 * 6


@pytest.mark.parametrize(
    ("environment", "arguments", "words"),
    [
        ({}, {"role": "worker"}, "role=worker needs POE_REDIS_URL"),
        ({"POE_REDIS_URL": "redis://127.0.0.1"}, {"role": "worker", "limit": "3"}, "takes no other argument"),
        ({"POE_REDIS_URL": "redis://127.0.0.1"}, {"role": "boss"}, "role must be worker, got 'boss'"),
        ({"POE_REDIS_URL": "http://user:pass-word@host"}, {}, "POE_REDIS_URL must be redis://"),
    ],
)
def test_settings_that_cannot_be_shared_fail_at_once(
    start: Starter, environment: dict[str, str], arguments: dict[str, str], words: str
) -> None:
    done = start(environment=environment, **arguments).wait()
    assert done.status == 2
    assert words in done.log
    assert "pass-word" not in done.log


def test_redis_is_imported_by_shared_crawls_alone() -> None:
    program = "import sys; import poe_scraper.spiders.poe_models, poe_scraper.cli.ending; print('redis' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output == "False\n"
