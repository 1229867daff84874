"""`poe-scraper reread --write`: a version that no crawl brought, and the run report that says so."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from poe_scraper.cli.feed import reread
from poe_scraper.failures import GateRefusedError
from poe_scraper.feed.merge import merge
from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter
from tests.feed.sightings import T0, listed, rates, run, visited

CARD = "| Type | Rate |\n|------|------|\n| Input | 75 points/1k tokens |\n"


def feed_read_wrongly(folder: Path, points: str) -> FeedStore:
    """A feed of one card, whose price an older reader took for another one."""
    bot = merge(None, visited(listed("gpt-test", T0, None), T0))
    pricing = bot.pricing.model_copy(update={"rate_card": CARD, "rates": rates(points)})
    with FeedWriter(FeedStore(folder), "a test") as writer:
        writer.publish([bot.model_copy(update={"pricing": pricing})], run(T0), now=T0)
    return FeedStore(folder)


def reread_all(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(reread, [*options, "--output-dir", str(folder)])


def test_a_run_report_says_where_the_version_came_from(tmp_path: Path) -> None:
    store = feed_read_wrongly(tmp_path, "70")
    done = reread_all(tmp_path, "--write")
    assert "Published as version 2." in done.stdout
    (report,) = store.runs()
    assert (report.finish_reason, report.outcome, report.version) == ("reread", "published", 2)
    assert (report.changed, report.added, report.bots, report.with_rates) == (1, 0, 1, 1)
    assert (report.seen, report.visited) == (0, 0)
    feed = store.current()
    assert feed is not None
    assert feed.run.id == report.id
    assert feed.data[0].last_seen == T0
    assert feed.data[0].pricing.rates == rates("75")


def test_a_refused_rereading_is_reported_too(tmp_path: Path) -> None:
    store = feed_read_wrongly(tmp_path, "1")
    done = reread_all(tmp_path, "--write")
    assert isinstance(done.exception, GateRefusedError)
    (report,) = store.runs()
    assert (report.finish_reason, report.outcome, report.version) == ("reread", "refused", 1)
    assert report.reasons == done.exception.reasons
    (refusal,) = store.refusals()
    assert refusal.id == report.id
    assert "Published as version 2." in reread_all(tmp_path, "--write", "--accept").stdout
    assert [report.outcome for report in store.runs()].count("published") == 1


@pytest.mark.parametrize("options", [[], ["--write"]])
def test_without_a_change_nothing_is_written(tmp_path: Path, options: list[str]) -> None:
    store = feed_read_wrongly(tmp_path, "75")
    reread_all(tmp_path, "--write", "--accept")  # conclusions are drawn anew
    runs = list(store.runs())
    assert "0 of 1 bots read differently." in reread_all(tmp_path, *options).stdout
    assert list(store.runs()) == runs
