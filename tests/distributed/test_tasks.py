"""What a shared crawl keeps in Redis: no task is lost, no result counts twice."""

import json
import pickle
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from poe_scraper.distributed import messages
from poe_scraper.distributed.messages import GarbledError, Result, Task, pack, unpack
from poe_scraper.distributed.tasks import QueueState, Tasks, address
from poe_scraper.items import Bot
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
    assert tasks.state() == QueueState([b"A"], tasks=1, workers=0, received=1, publisher="", paused=False)
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
    assert tasks.acquire_lead() == ""
    holder = tasks.state().publisher
    assert holder.startswith("process ")
    assert not tasks.state().is_foreign
    tasks.resign()
    assert first.acquire_lead() == ""
    wait_until(lambda: second.acquire_lead() == "")  # the first one died
    assert not first.renew_lead()
    first.resign()
    assert second.state().publisher or not second.renew_lead(), "one that was taken for dead ends nobody's lead"


def test_a_publisher_that_lives_keeps_the_lead_and_one_that_ends_meanwhile_leaves_it_free(tasks: Tasks) -> None:
    def waiting(holder: str, after: Callable[[], object]) -> str:
        """What a second publisher is told that waits while the first one, whose lease is short, does something."""
        tasks.server.set(tasks.publisher, holder, px=5_000)
        with ThreadPoolExecutor(1) as pool:
            told = pool.submit(impatient(tasks).acquire_lead)
            wait_until(lambda: tasks.server.info("commandstats").get("cmdstat_pttl", {"calls": 0})["calls"] >= 2)
            after()
            return told.result()

    for after in (
        lambda: tasks.server.pexpire(tasks.publisher, 60_000),
        lambda: tasks.server.delete(tasks.publisher),
        lambda: tasks.server.set(tasks.publisher, "third", px=60_000),
    ):
        tasks.server.config_resetstat()
        assert waiting("first", after) == "first"


def test_a_lead_that_expired_while_redis_was_away_is_taken_again(tasks: Tasks) -> None:
    assert tasks.acquire_lead() == ""
    tasks.server.delete(tasks.publisher)
    assert tasks.renew_lead()
    tasks.server.set(tasks.publisher, "another")
    assert not tasks.renew_lead()


def test_a_worker_gives_back_what_it_does_not_hold(tasks: Tasks) -> None:
    tasks.heartbeat("one")
    tasks.lease_next("one")
    tasks.lease_next("one")
    assert tasks.heartbeat("one", ["a", "b"]) == 0
    assert tasks.heartbeat("two") == 0
    assert tasks.heartbeat("one", ["b"]) == 1
    assert tasks.lease_next("two") == ("a", b"a")


def test_pages_without_task_and_result_are_known(tasks: Tasks) -> None:
    tasks.finish("a", b"A")
    assert tasks.unfinished(since=1) == {"b"}
    assert tasks.unfinished(since=0) is None, "results have arrived that were not read"


def test_thousands_of_tasks_cost_no_more_each_than_two(server: RedisServer) -> None:
    def cost(count: int) -> tuple[int, int]:
        """Commands that Redis runs, and bytes that it sends, to lease and finish two tasks of so many."""
        server.client.flushall()
        tasks = Tasks(server.client, "crawl", lease=60)
        tasks.begin("all", max_age=60)
        for number in range(count):
            tasks.add(f"{number:04}", b"task")
        tasks.finish("0000", b"result")  # scripts are loaded
        tasks.lease_next("worker")
        tasks.heartbeat("worker", ["0001"])
        tasks.state()
        server.client.config_resetstat()
        for _ in range(2):
            key, _task = tasks.lease_next("worker") or ("", b"")
            tasks.heartbeat("worker", ["0001", key])
            tasks.finish(key, b"result")
            tasks.state(since=100)
        commands = {name: figures["calls"] for name, figures in server.client.info("commandstats").items()}
        return sum(commands.values()), server.client.info("stats")["total_net_output_bytes"]

    few, many = cost(4), cost(5000)
    assert many[0] == few[0]
    assert many[1] <= few[1] + 200, "a number has more digits"


def test_an_unfinished_crawl_with_the_same_identity_is_resumed(tasks: Tasks) -> None:
    tasks.finish("a", b"A")
    assert tasks.begin("all", max_age=60)
    assert tasks.state().results == [b"A"]
    assert not tasks.begin("some", max_age=60)
    assert tasks.state() == QueueState([], tasks=0, workers=0, received=0, publisher="", paused=False)


def test_a_report_after_the_end_leaves_nothing_behind(tasks: Tasks) -> None:
    tasks.report(b"figures")
    assert tasks.state().results == [b"figures"]
    tasks.clear()
    tasks.report(b"more figures")
    tasks.finish("b", b"B")
    assert tasks.server.keys("*") == []


AT = datetime(2026, 11, 1, tzinfo=UTC)
SEEN = Bot(id="GPT-5", url="https://poe.com/GPT-5", first_seen=AT, last_seen=AT)
TASK = Task(url="https://poe.com/GPT-5", seen=SEEN, known=SEEN)


def test_a_message_survives_redis() -> None:
    result = Result(id="1", key="gpt-5", bot=SEEN, stats={"poe/failures/timeout": 2}, script_hosts=("cdn.example",))
    assert unpack(Task, pack(TASK)) == TASK
    assert unpack(Result, pack(result)) == result


def altered(**fields: object) -> bytes:
    """A result that somebody altered."""
    return zlib.compress(json.dumps({"id": "1"} | fields).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"rubbish",
        pickle.dumps({"id": "1"}),
        zlib.compress(b"{"),
        zlib.compress(b"[" * 100_000),
        zlib.compress(b'{"id": "1"}')[:-3],
        altered(callback="closed"),
        altered(bot={"id": "GPT-5"}),
        altered(stats={"poe/failures/nonsense": 1}),
        altered(stats={"poe/requests/\u001b[31m": 1}),
        altered(stats={"poe/pages/rendered": -1}),
        altered(script_hosts=["evil.example/path"]),
        altered(problems=[{"code": "timeout"}]),
    ],
)
def test_a_message_that_this_project_did_not_write_is_refused(data: bytes) -> None:
    with pytest.raises(GarbledError):
        unpack(Result, data)


def test_a_message_that_inflates_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MAX_SIZE", 1000)
    with pytest.raises(GarbledError, match="larger than"):
        unpack(Result, zlib.compress(b'{"id": "' + b"1" * 100_000 + b'"}'))


@pytest.mark.parametrize(
    ("task", "key"),
    [
        (TASK, "grok-4"),
        (TASK.model_copy(update={"url": "file:///etc/passwd"}), "gpt-5"),
        (TASK.model_copy(update={"url": "https://poe.com.example/GPT-5"}), "gpt-5"),
        (TASK.model_copy(update={"known": SEEN.model_copy(update={"id": "other"})}), "gpt-5"),
    ],
)
def test_a_task_for_another_page_is_refused(task: Task, key: str) -> None:
    TASK.check("gpt-5", "https://poe.com")
    with pytest.raises(GarbledError):
        task.check(key, "https://poe.com")


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
