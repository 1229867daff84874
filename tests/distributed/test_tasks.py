"""What a shared crawl keeps in Redis: no task is lost, no result counts twice."""

from collections.abc import Iterator

import pytest
from scrapy import Request, Spider
from scrapy.utils.request import request_from_dict

from poe_scraper.distributed import serializer
from poe_scraper.distributed.tasks import QueueState, Tasks, address
from tests.distributed.conftest import RedisServer, redis_server, wait_until


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture
def tasks(server: RedisServer) -> Tasks:
    server.client.flushall()
    made = Tasks(server.client, "crawl", lease=60)
    made.begin("all", max_age=60)
    for task in ("a", "b"):
        made.add(task, task.encode())
    return made


def impatient(tasks: Tasks) -> Tasks:
    """The same tasks, for a process that thinks every other one dead soon."""
    return Tasks(tasks.server, "crawl", lease=0.05)


def test_a_task_is_leased_once_and_finished_once(tasks: Tasks) -> None:
    assert [tasks.lease_next("one"), tasks.lease_next("two"), tasks.lease_next("one")] == [
        ("a", b"a"),
        ("b", b"b"),
        None,
    ]
    assert tasks.finish("a", b"A")
    assert not tasks.finish("a", b"again")
    assert tasks.state() == QueueState(results=[b"A"], tasks=1, workers=0, published=False)
    assert tasks.state(since=1).results == []


def test_tasks_of_a_dead_worker_are_leased_again_first(tasks: Tasks) -> None:
    tasks.heartbeat("dead")
    assert tasks.lease_next("dead") == ("a", b"a")
    assert tasks.heartbeat("alive") == 0
    wait_until(lambda: impatient(tasks).heartbeat() == 1)
    assert tasks.lease_next("alive") == ("a", b"a")
    assert tasks.finish("a", b"from the dead"), "the first result counts, whoever it comes from"
    assert not tasks.finish("a", b"from the living")
    assert tasks.state().results == [b"from the dead"]


def test_a_task_that_was_finished_meanwhile_is_not_leased_again(tasks: Tasks) -> None:
    tasks.lease_next("slow")
    tasks.leave("slow")
    tasks.finish("a", b"A")
    assert tasks.lease_next("other") == ("b", b"b")
    assert tasks.lease_next("other") is None


def test_a_worker_that_leaves_returns_only_its_own_tasks(tasks: Tasks) -> None:
    tasks.heartbeat("one")
    tasks.heartbeat("two")
    tasks.lease_next("one")
    tasks.lease_next("two")
    tasks.leave("one")
    assert tasks.lease_next("two") == ("a", b"a")
    assert tasks.lease_next("two") is None
    assert tasks.state().workers == 1


def test_nothing_is_leased_while_leasing_is_paused(tasks: Tasks) -> None:
    tasks.pause(60)
    assert tasks.lease_next("one") is None
    tasks.pause(0)
    wait_until(lambda: tasks.lease_next("one") is not None)


def test_one_publisher_at_a_time(tasks: Tasks) -> None:
    first, second = impatient(tasks), impatient(tasks)
    assert tasks.acquire_lead() is None
    assert tasks.state().published
    holder = second.acquire_lead()
    assert holder is not None
    assert holder.startswith("process ")
    assert tasks.renew_lead()
    tasks.resign()
    assert first.acquire_lead() is None
    wait_until(lambda: second.acquire_lead() is None)  # the first one died
    assert not first.renew_lead()
    first.resign()
    assert second.state().published or not second.renew_lead(), "one that was taken for dead ends nobody's lead"


def test_an_unfinished_crawl_with_the_same_identity_is_resumed(tasks: Tasks) -> None:
    tasks.finish("a", b"A")
    assert tasks.begin("all", max_age=60)
    assert tasks.state().results == [b"A"]
    assert not tasks.begin("some", max_age=60)
    assert tasks.state() == QueueState(results=[], tasks=0, workers=0, published=False)


def test_a_report_after_the_end_leaves_nothing_behind(tasks: Tasks) -> None:
    tasks.report(b"figures")
    assert tasks.state().results == [b"figures"]
    tasks.clear()
    tasks.report(b"more figures")
    tasks.finish("b", b"B")
    assert tasks.server.keys("*") == []


def test_a_request_survives_serialization() -> None:
    spider = Spider(name="any")
    request = Request(
        "https://poe.com/A?b=ü",
        spider.parse,
        method="POST",
        body=b"\xff{}",
        cb_kwargs={"seen": "{}"},
        meta={"poe_page": "bot"},
    )
    request.headers["X-Note"] = "é".encode("latin-1")
    back = request_from_dict(serializer.loads(serializer.dumps(request.to_dict(spider=spider))), spider=spider)
    assert back.to_dict(spider=spider) == request.to_dict(spider=spider)


def test_a_request_that_names_code_to_import_gets_none() -> None:
    data = Request("https://poe.com/A").to_dict() | {"_class": "subprocess.Popen"}
    assert "_class" not in serializer.loads(serializer.dumps(data))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:secret@host:6380/2", "host:6380/2"),
        ("rediss://:secret@host", "host:6379"),
        ("unix://:secret@/run/redis.sock", "/run/redis.sock"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert address(url) == shown
