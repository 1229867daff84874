"""The monitors, on made reports and on real crawls of the models API."""

import json
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy import signals
from scrapy.settings import Settings
from scrapy.signalmanager import SignalManager
from spidermon.core.actions import Action
from spidermon.runners import MonitorRunner

from poe_scraper.cli.exits import ExitCode, crawl_exit_code
from poe_scraper.feed.report import figures
from poe_scraper.items import BotError, RunError, RunReport
from poe_scraper.monitors import MonitorsAddon
from poe_scraper.monitors.suite import PoeModelsSuite
from poe_scraper.replica import running
from tests.made_feed import FIRST, SECOND, bots

GOOD = RunReport(
    id="r",
    started_at=SECOND,
    finished_at=SECOND,
    finish_reason="finished",
    outcome="published",
    version=2,
    visited=100,
    failed={"timeout": 10},
    bots=110,
    active=100,
    active_with_rates=80,
    with_unparsed=5,
    with_differences=5,
    oldest_page=SECOND - timedelta(days=7),
)

DRIFT = BotError(stage="catalog", code="catalog_drift", field="supported_features", message="odd", at=SECOND)


class Publisher:
    """What the monitors know of the publishing pipeline."""

    def __init__(self, report: RunReport | None) -> None:
        self.report = report

    def amend(self, problems: tuple[RunError, ...]) -> None:
        if self.report is not None:
            self.report = self.report.model_copy(update={"problems": problems})


def crawler(publisher: Publisher, **changed: Any) -> Any:
    settings = Settings()
    settings.setmodule("poe_scraper.settings", priority="project")
    settings.setdict(changed, priority="cmdline")
    return SimpleNamespace(
        settings=settings, signals=SignalManager(), get_item_pipeline=lambda _: publisher, stats=None
    )


def watched(report: RunReport | None, **changed: Any) -> list[str]:
    """What the monitors add to a report."""
    publisher = Publisher(report)
    MonitorRunner().run(PoeModelsSuite(), crawler=crawler(publisher, **changed), stats={})
    return [problem.message for problem in publisher.report.problems] if publisher.report else []


def test_a_run_at_its_limits_passes() -> None:
    assert watched(GOOD) == []


@pytest.mark.parametrize(
    ("beyond", "message"),
    [
        (
            {"outcome": "refused", "reasons": ("Too few bots.",)},
            "outcome: Nothing was published (refused). Too few bots.",
        ),
        ({"outcome": "failed"}, "outcome: Nothing was published (failed). "),
        (
            {"active_with_rates": 79},
            "coverage: Active bots with prices: 79 of 100 (79.0%); POE_MONITOR_COVERAGE requires 80.0%",
        ),
        (
            {"oldest_page": SECOND - timedelta(days=7, seconds=1)},
            "age: The oldest page was read 604801 seconds ago; POE_MONITOR_AGE allows 604800",
        ),
        (
            {"failed": {"timeout": 9, "challenged": 1}, "visited": 99},
            "failures: Failed pages (1 x challenged, 9 x timeout): 10 of 99 (10.1%); POE_MONITOR_FAILURES allows 10.0%",
        ),
        (
            {"problems": (DRIFT,)},
            "catalog_drift: The models API has changed these fields: supported_features",
        ),
        (
            {"with_unparsed": 6},
            "unparsed: Bots with an amount that could not be parsed: 6 of 110 (5.5%); POE_MONITOR_UNPARSED allows 5.0%",
        ),
        (
            {"with_differences": 6, "bots": 99, "with_unparsed": 4},
            "differences: Bots whose prices contradict each other: 6 of 99 (6.1%); POE_MONITOR_DIFFERENCES allows 5.0%",
        ),
    ],
)
def test_a_run_beyond_a_limit_is_named(beyond: dict[str, Any], message: str) -> None:
    assert watched(GOOD.model_copy(update=beyond)) == [message]


def test_limits_are_settings() -> None:
    assert watched(GOOD, POE_MONITOR_COVERAGE="0.81", POE_MONITOR_FAILURES="0.05") != []
    assert watched(GOOD.model_copy(update={"active_with_rates": 0}), POE_MONITOR_COVERAGE="0") == []


def test_a_feed_without_pages_has_no_age() -> None:
    assert watched(GOOD.model_copy(update={"oldest_page": None})) == []


def test_a_failed_monitor_degrades_the_run() -> None:
    problem = RunError(stage="monitors", code="monitor_failed", message="x", at=SECOND)
    report = RunReport.model_validate_json(GOOD.model_dump_json()).model_copy(update={"failed": {}})
    assert crawl_exit_code(report) == ExitCode.DONE
    assert crawl_exit_code(report.model_copy(update={"problems": (problem,)})) == ExitCode.DEGRADED


def test_a_report_has_the_figures_that_are_watched() -> None:
    found = bots(SECOND)
    counts = figures(2, [bot.model_dump(mode="json", by_alias=True) for bot in found])
    active = [bot for bot in found if bot.status == "active"]
    assert (counts["bots"], counts["active"]) == (len(found), len(active))
    assert counts["active_with_rates"] == sum(bool(bot.pricing.rates) for bot in active) < counts["with_rates"]
    assert counts["with_differences"] == sum(
        any(check.result == "differs" for check in bot.pricing.checks) for bot in found
    )
    assert counts["oldest_page"] == SECOND
    older = [bot if bot.id != "gpt-test" else bots(FIRST)[0] for bot in found]
    assert figures(2, [bot.model_dump(mode="json", by_alias=True) for bot in older])["oldest_page"] == FIRST


class Shout(Action):  # type: ignore[misc]
    """An action of the user's own."""

    shouted: list[int] = []  # noqa: RUF012

    def run_action(self) -> None:
        self.shouted.append(len(self.result.monitors_failed_results))


class LoudSuite(PoeModelsSuite):
    """A suite of the user's own."""

    monitors_failed_actions = (Shout,)


def test_a_custom_suite_replaces_the_default_one() -> None:
    publisher = Publisher(GOOD.model_copy(update={"active_with_rates": 0}))
    MonitorRunner().run(LoudSuite(crawler=crawler(publisher)), crawler=crawler(publisher), stats={})
    assert Shout.shouted == [1]
    assert publisher.report is not None
    assert len(publisher.report.problems) == 1
    asked = crawler(publisher, POE_MONITORS=True, SPIDERMON_ENGINE_STOP_MONITORS="mine.LoudSuite")
    MonitorsAddon.from_crawler(asked).update_settings(asked.settings)
    assert asked.settings.getlist("SPIDERMON_ENGINE_STOP_MONITORS") == ["mine.LoudSuite"]
    assert asked.settings.getbool("SPIDERMON_ENABLED")


# --- Spidermon in a crawl ----------------------------------------------------------------------


def test_a_failing_monitor_in_a_crawl(start: Callable[..., Any]) -> None:
    with running(bots=12) as replica:
        started = start(replica, settings={"POE_MONITORS": "true"}, only="info")
        status = started.process.wait(timeout=240)
    log = started.output.read_text(encoding="utf-8")
    assert status == ExitCode.DEGRADED, log
    # the feed was published when the monitors looked: only what this crawl did not ask for is missing
    assert "[Spidermon] outcome/test... OK" in log
    assert "[Spidermon] coverage/test... FAIL" in log
    (path,) = (started.folder / "runs").iterdir()
    report = json.loads(path.read_text(encoding="utf-8"))
    (problem,) = report["problems"]
    assert (problem["stage"], problem["code"]) == ("monitors", "monitor_failed")
    assert problem["message"].startswith("coverage: Active bots with prices: 0 of 12 (0.0%)")
    assert problem["message"] in log.split("[Spidermon]")[-1]
    assert datetime.fromisoformat(problem["at"]) >= datetime.fromisoformat(report["finished_at"])


def test_passing_monitors_in_a_crawl(crawl: Callable[..., Any]) -> None:
    with running(bots=12) as replica:
        done = crawl(replica, environment={"POE_MONITORS": "true", "POE_MONITOR_COVERAGE": "0"}, only="info")
    assert done.status == ExitCode.DONE, done.log
    assert done.log.count("[Spidermon]") > 6
    assert done.report["problems"] == []


def test_monitors_of_a_crawl_that_may_not_write(crawl: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.write_text("no folder", encoding="utf-8")
    with running(bots=12) as replica:
        done = crawl(replica, settings={"POE_MONITORS": "true", "POE_OUTPUT_DIR": str(folder / "output")}, only="info")
    assert done.status == ExitCode.FAILED, done.log


def test_without_spidermon_the_report_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spidermon", None)
    publisher = Publisher(GOOD)
    asked = crawler(publisher, POE_MONITORS=True)
    addon = MonitorsAddon.from_crawler(asked)
    addon.update_settings(asked.settings)
    assert "SPIDERMON_ENABLED" not in asked.settings
    asked.signals.send_catch_log(signals.engine_stopped)
    assert publisher.report is not None
    (problem,) = publisher.report.problems
    assert problem.message == "POE_MONITORS needs Spidermon: pip install 'poe-scraper[monitors]'"
