"""Crawls of a site that has changed, needs another host, or is another site: they stop early and lose nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from poe_scraper.replica import running
from tests.spiders.conftest import HEADLINES, KnownSite, visits

Crawler = Callable[..., Any]

pytestmark = pytest.mark.browser

BOTS = 16
IN_FLIGHT = 6
"""Pages that are requested at the same time."""


def prices(done: Any) -> dict[str, Any]:
    return {name: bot["pricing"]["rates"] for name, bot in done.bots.items()}


@pytest.mark.parametrize(
    ("fault", "piece"),
    [
        ("error_200", "neither the bot's data nor its header"),
        ("card_no_details", "bots that have a rate card in the feed show none"),
    ],
)
def test_a_changed_site_is_noticed_after_the_first_pages(
    crawl: Crawler, known: KnownSite, fault: str, piece: str
) -> None:
    known.replica.set_faults(f"{fault}=1")
    for _ in range(2):
        known.replica.forget_requests()
        after = crawl(known.replica, force="true")
        asked = visits(known.replica)
        assert after.status in {3, 5}, after.log
        assert after.report["finish_reason"] in {"site_changed", "blocked_host"}
        assert prices(after) == prices(known.before)
        assert asked.total() <= BOTS + 2 * IN_FLIGHT, "pages were requested again and again"
        (headline,) = [line for line in after.log.splitlines() if line.startswith(HEADLINES)]
        assert piece in headline
        assert "The crawl stopped" in headline
        assert after.log.index(headline) < after.log.rindex("bots seen")


def test_one_odd_bot_does_not_stop_a_crawl(crawl: Crawler, known: KnownSite) -> None:
    handles = [bot["handle"] for bot in known.replica.catalog()["bots"] if bot["listed"]]
    known.replica.set_faults(*(f"error_200@{handle}" for handle in handles[:4]))
    done = crawl(known.replica, settings={"RETRY_TIMES": "0"}, force="true")
    assert done.status == 5, done.log
    assert done.report["finish_reason"] == "finished"
    assert done.report["failed"] == {"site_changed": 4}


def test_a_host_that_is_needed_is_named(crawl: Crawler) -> None:
    with running(bots=BOTS, faults=["script_named_host=1"]) as replica:
        done = crawl(replica)
        asked = visits(replica)
    assert done.status == 5, done.log
    assert done.report["finish_reason"] == "blocked_host"
    # the first pages are loaded again once the document's hosts are known
    assert asked.total() <= BOTS + 2 * IN_FLIGHT
    (headline,) = [line for line in done.log.splitlines() if line.startswith(HEADLINES[1])]
    assert "refused: " in headline
    assert "POE_SITE_HOSTS" in headline


def test_a_browser_that_does_not_start_is_not_poes_fault(crawl: Crawler, tmp_path: Path) -> None:
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\necho 'error while loading shared libraries' >&2\nexit 127\n")
    broken.chmod(0o755)
    with running(bots=BOTS) as replica:
        done = crawl(replica, environment={"POE_BROWSER_PATH": str(broken)})
        assert visits(replica).total() == 0
    assert done.status == 1, done.log
    assert done.report["finish_reason"] == "browser_broken"
    assert "The crawl ended because of its browser, not because of Poe." in done.log
    assert "Poe blocks" not in done.log


def test_another_site_is_refused_before_the_first_request(crawl: Crawler) -> None:
    with running(bots=3) as replica:
        before = crawl(replica, only="info")
    with running(bots=3) as replica:
        after = crawl(replica, only="info")
        assert replica.requests()["total"] == 0
    assert after.status == 2, after.log
    assert after.report == before.report
    assert "POE_OUTPUT_DIR" in after.log
