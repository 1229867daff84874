"""Crawls that a real Scrapyd runs, from an egg, against a replica."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import logparser
import psutil
import pytest

from poe_scraper.cli import main
from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter
from poe_scraper.replica import Replica, running
from tests.deploy.conftest import PASSWORD, USER, Scrapyd, started

Schedule = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def replica() -> Iterator[Replica]:
    with running(bots=8) as replica:
        yield replica


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "output"


@pytest.fixture
def settings(replica: Replica, folder: Path) -> list[str]:
    """Settings that point a job at the replica, and at a folder of the test."""
    given = {"POE_API_URL": replica.api_url, "POE_SITE_URL": replica.url, "POE_OUTPUT_DIR": str(folder)}
    return [f"-s{name}={value}" for name, value in given.items()]


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        Event().wait(0.05)


def ended(process: "subprocess.Popen[str]") -> tuple[int, dict[str, Any], str]:
    """Exit code, JSON and remarks of a schedule command."""
    out, remarks = process.communicate(timeout=240)
    return process.returncode, json.loads(out or "{}"), remarks


def running_jobs(scrapyd: Scrapyd) -> dict[str, int]:
    """Process ids of the jobs that run, by job."""
    return {job["id"]: job["pid"] for job in scrapyd.get("listjobs.json")["running"]}


@pytest.mark.browser
def test_of_two_jobs_at_once_one_publishes_and_the_other_waits_for_it(
    scrapyd: Scrapyd, replica: Replica, folder: Path, settings: list[str]
) -> None:
    bots = {bot["id"] for bot in replica.catalog()["bots"] if bot["listed"]}
    given = [word.removeprefix("-s") for word in settings]
    given += ["POE_LOCK_WAIT=600", "DOWNLOAD_TIMEOUT=5", "RETRY_TIMES=100", "POE_BACKOFF=0.05"]
    replica.set_faults("api_silent=1")  # whoever is first does not get on before the other has met it
    jobs = [
        scrapyd.post("schedule.json", project="poe_scraper", spider="poe_models", setting=given)["jobid"]
        for _ in range(2)
    ]

    def waits_for(first: str, second: str) -> bool:
        pid = running_jobs(scrapyd).get(first)
        met = rf"Waiting, \d+ seconds at most, for process {pid} on .* \(crawl of poe_models, Scrapyd's job {first}\)"
        return re.search(met, scrapyd.log(second)) is not None

    wait_until(lambda: waits_for(*jobs) or waits_for(*reversed(jobs)))
    first, second = jobs if waits_for(*jobs) else reversed(jobs)
    assert running_jobs(scrapyd).keys() == set(jobs)
    assert "Waiting" not in scrapyd.log(first)
    replica.set_faults()
    wait_until(lambda: not running_jobs(scrapyd))

    reports = {report.arguments["_job"]: report for report in FeedStore(folder).runs()}
    assert reports.keys() == set(jobs)
    assert (reports[first].outcome, reports[first].visited, reports[first].added) == ("published", 8, 8)
    assert (reports[second].outcome, reports[second].visited, reports[second].not_due) == ("unchanged", 0, 8)
    feed = FeedStore(folder).current()
    assert feed is not None
    assert FeedStore(folder).versions() == [1]
    assert {bot.id for bot in feed.data} == bots
    assert all(bot.observed.page and not bot.errors for bot in feed.data)

    finished = {job["id"]: job for job in scrapyd.get("listjobs.json", project="poe_scraper")["finished"]}
    assert finished[second]["start_time"] < finished[first]["end_time"]
    for job in jobs:
        assert finished[job]["log_url"] == f"/logs/poe_scraper/poe_models/{job}.log"
        assert "Traceback" not in scrapyd.log(job)
        assert scrapyd.log(job).endswith("Exit code 0\n")
    # what ScrapydWeb shows of the job
    figures = logparser.parse(scrapyd.log(first))
    assert (figures["finish_reason"], figures["items"]) == ("finished", 8)
    assert figures["crawler_stats"]["poe/pages/rendered"] == 8
    assert figures["log_categories"]["error_logs"]["count"] == 0
    assert "version 1: 8 added" in scrapyd.log(first)
    assert "version 1: unchanged" in scrapyd.log(second)
    wait_until(lambda: all(any("Process finished" in line and job in line for line in scrapyd.said) for job in jobs))


def test_a_job_that_does_not_wait_ends_and_names_the_other_one(
    schedule: Schedule, folder: Path, settings: list[str]
) -> None:
    with FeedWriter(FeedStore(folder), "the first crawl"):
        code, result, said = ended(schedule(*settings, "-aonly=info"))
    assert (code, result["exit_code"], result["state"]) == (1, 1, "finished")
    assert f"is being written by process {os.getpid()} on " in said
    assert "(the first crawl). Try again later." in said
    assert FeedStore(folder).current() is None


def test_jobs_that_wait_can_be_cancelled_or_get_their_turn(
    scrapyd: Scrapyd, schedule: Schedule, folder: Path, settings: list[str]
) -> None:
    words = [*settings, "-aonly=info", "-sPOE_LOCK_WAIT=600"]
    before = set(running_jobs(scrapyd))
    with FeedWriter(FeedStore(folder), "the first crawl"):
        waiting = [schedule(*words), schedule(*words)]
        wait_until(
            lambda: (
                sum(
                    f"for process {os.getpid()} on" in scrapyd.log(job) for job in running_jobs(scrapyd).keys() - before
                )
                == 2
            )
        )
        third = schedule(*words)  # scrapyd.conf lets two run
        wait_until(lambda: bool(scrapyd.get("listjobs.json")["pending"]))
        (pending,) = scrapyd.get("listjobs.json")["pending"]
        assert scrapyd.post("cancel.json", project="poe_scraper", job=pending["id"])["prevstate"] == "pending"
        code, result, said = ended(third)
        assert (code, result) == (1, {})
        assert f"no longer knows job {pending['id']}: it was cancelled before it started" in said

        cancelled = min(running_jobs(scrapyd))
        assert scrapyd.post("cancel.json", project="poe_scraper", job=cancelled)["prevstate"] == "running"
        wait_until(lambda: cancelled not in running_jobs(scrapyd))
    done = {result["job"]: (code, said) for code, result, said in map(ended, waiting)}
    code, said = done.pop(cancelled)
    assert code == 130, scrapyd.log(cancelled)
    assert "Nothing was published" in said
    assert "Traceback" not in scrapyd.log(cancelled)
    [(job, (code, said))] = done.items()
    assert code == 0, said
    assert "the feed is free." in scrapyd.log(job)
    assert FeedStore(folder).versions() == [1]


def test_the_exit_code_is_the_jobs_own(schedule: Schedule, replica: Replica, settings: list[str]) -> None:
    replica.set_faults("api_500=1")
    unreachable = schedule(*settings, "-aonly=info", "-sRETRY_TIMES=0")
    wrong = schedule(*settings, "-alimit=none")
    code, result, said = ended(unreachable)
    replica.set_faults()
    assert (code, result["exit_code"]) == (4, 4)
    assert "the models API at" in said
    code, result, said = ended(wrong)
    assert (code, result["exit_code"]) == (2, 2)
    assert "limit must be a whole number of at least 1, got 'none'" in said


def test_the_project_of_a_job_may_be_deleted_meanwhile(
    scrapyd: Scrapyd, egg: Path, schedule: Schedule, folder: Path, settings: list[str]
) -> None:
    before = set(running_jobs(scrapyd))
    try:
        with FeedWriter(FeedStore(folder), "the first crawl"):
            waiting = schedule(*settings, "-aonly=info", "-sPOE_LOCK_WAIT=600")
            wait_until(lambda: any("Waiting, " in scrapyd.log(job) for job in running_jobs(scrapyd).keys() - before))
            scrapyd.post("delproject.json", project="poe_scraper")
        code, result, said = ended(waiting)
    finally:
        scrapyd.post("addversion.json", egg=egg, project="poe_scraper", version="1")
    assert (code, result["exit_code"]) == (0, 0), said
    assert FeedStore(folder).versions() == [1]


def test_a_job_goes_on_when_scrapyd_ends(
    python: Path, egg: Path, folder: Path, settings: list[str], tmp_path: Path
) -> None:
    given = [word.removeprefix("-s") for word in settings]
    place = tmp_path / "scrapyd"
    place.mkdir()
    (place / "scrapyd.conf").write_text("[scrapyd]\npoll_interval = 0.1\n")
    with FeedWriter(FeedStore(folder), "the first crawl"):
        with started(python, place) as server:
            server.post("addversion.json", egg=egg, project="poe_scraper", version="1")
            given += ["POE_LOCK_WAIT=600"]
            job = server.post("schedule.json", project="poe_scraper", spider="poe_models", only="info", setting=given)[
                "jobid"
            ]
            wait_until(lambda: "Waiting, " in server.log(job))
            pid = running_jobs(server)[job]
        process = psutil.Process(pid)
        assert process.is_running()
    process.wait(timeout=240)
    assert server.log(job).endswith("Exit code 0\n")
    assert FeedStore(folder).versions() == [1]


def test_a_log_without_an_exit_code_is_a_failure(schedule: Schedule, settings: list[str]) -> None:
    code, result, said = ended(schedule(*settings, "-aonly=info", "-sLOG_LEVEL=WARNING"))
    assert (code, result["state"], result["exit_code"]) == (1, "finished", None)
    assert "its log has no exit code" in said
    assert f"/logs/poe_scraper/poe_models/{result['job']}.log" in said


# --- wrong use ---------------------------------------------------------------------------------


@pytest.fixture
def run(
    scrapyd: Scrapyd, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Run `poe-scraper schedule` in the test's own process: exit code, and what it said."""
    monkeypatch.setenv("SCRAPYD_URL", scrapyd.url)
    monkeypatch.setenv("SCRAPYD_USERNAME", USER)
    monkeypatch.setenv("SCRAPYD_PASSWORD", PASSWORD)

    def run(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as end:
            main(["schedule", "--retries", "0", *words])
        said = capsys.readouterr()
        assert PASSWORD not in said.out + said.err
        assert isinstance(end.value.code, int)
        return end.value.code, said.out + said.err

    return run


Run = Callable[..., tuple[int, str]]


def test_a_project_or_spider_that_is_not_there(run: Run) -> None:
    code, said = run("--project", "other")
    assert (code, said.endswith("refuses: project 'other' not found\n")) == (1, True)
    code, said = run("--spider", "other")
    assert (code, said.endswith("refuses: spider 'other' not found\n")) == (1, True)


def test_a_wrong_password(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRAPYD_PASSWORD", "wrong")
    code, said = run()
    assert code == 1
    assert "rejected the user name or password: set SCRAPYD_USERNAME and SCRAPYD_PASSWORD" in said


def test_no_scrapyd(run: Run, replica: Replica) -> None:
    code, said = run("--url", "http://127.0.0.1:9")
    assert code == 1
    assert "Scrapyd at http://127.0.0.1:9 cannot be reached: [Errno 111] Connection refused" in said
    code, said = run("--url", replica.url)
    assert code == 1
    assert f"{replica.url} answered 404, but not as Scrapyd does" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--url", "127.0.0.1:6800"], "is not the address of a Scrapyd server, such as http://127.0.0.1:6800"),
        (["--url", f"http://me:{PASSWORD}@127.0.0.1"], "set SCRAPYD_USERNAME and SCRAPYD_PASSWORD instead"),
        (["-a", "limit"], "'limit' is not of the form KEY=VALUE"),
        (["-a", "priority=1"], "this name is reserved by Scrapyd"),
        (["--interval", "0"], "0"),
    ],
)
def test_wrong_usage(run: Run, words: list[str], message: str) -> None:
    code, said = run(*words)
    assert code == 2
    assert message in said


def test_a_job_that_is_not_waited_for(run: Run, scrapyd: Scrapyd, replica: Replica, settings: list[str]) -> None:
    code, said = run("--no-wait", *settings, "-aonly=info")
    job = said.strip()
    assert code == 0
    wait_until(lambda: scrapyd.get("status.json", job=job)["currstate"] == "finished")
    assert scrapyd.log(job).endswith("Exit code 0\n")
