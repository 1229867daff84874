"""Shards: each crawled into a feed of its own, and merged into one."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from poe_scraper.cli import main
from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter
from poe_scraper.items import Bot, CatalogSighting, Observed, Run, RunReport, Site
from poe_scraper.replica import running
from tests.distributed.test_shared_crawl import without_times
from tests.spiders.conftest import Crawl

Starter = Callable[..., Any]
Merge = Callable[..., Crawl]

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def merge(capsys: pytest.CaptureFixture[str]) -> Merge:
    """Run `poe-scraper merge`."""

    def run(output: Path, *parts: Path, options: tuple[str, ...] = ()) -> Crawl:
        with pytest.raises(SystemExit) as ended:
            main(["merge", *map(str, parts), "--output-dir", str(output), *options])
        captured = capsys.readouterr()
        return Crawl(int(ended.value.code or 0), captured.out + captured.err, output)

    return run


@pytest.mark.slow
@pytest.mark.browser
def test_two_shards_merged_equal_one_crawl(start: Starter, merge: Merge, tmp_path: Path) -> None:
    whole, merged = tmp_path / "whole", tmp_path / "merged"
    parts = [tmp_path / "parts" / "1", tmp_path / "parts" / "2"]
    once = {"RETRY_TIMES": "0"}
    with running(bots=12) as replica:
        failing, *_ = (bot["handle"] for bot in replica.catalog()["bots"] if bot["listed"])
        replica.set_faults(f"page_500@{failing}")

        def crawl_both_ways() -> tuple[Crawl, Crawl]:
            one = start(replica, once, folder=whole)
            shards = [start(replica, once, folder=part, shard=f"{n}/2") for n, part in enumerate(parts, start=1)]
            for shard in shards:
                shard.wait()
            return one.wait(), merge(merged, *parts)

        one, both = crawl_both_ways()
        assert (both.status, one.status) == (5, 5), both.log
        assert without_times(both.bots) == without_times(one.bots)
        assert both.report["finish_reason"] == "merged"
        assert (both.report["seen"], both.report["visited"]) == (one.report["seen"], one.report["visited"])

        gone, *_ = sorted(bot["id"] for bot in replica.catalog()["bots"] if bot["listed"])
        replica.change(remove=[gone], add=[{"id": "new-bot"}])
        one, both = crawl_both_ways()
    assert without_times(both.bots) == without_times(one.bots)
    assert both.bots[gone]["status"] == "gone"
    assert "new-bot" in both.bots
    assert both.feed["version"] == 2
    lines = [json.loads(line) for line in both.files[merged / "changes.jsonl"].splitlines()]
    assert {line["kind"] for line in lines if line["version"] == 2} == {"added", "gone"}

    again = merge(merged, *reversed(parts))
    assert "unchanged" in again.log
    assert again.feed["version"] == 2
    assert json.loads(merge(merged, *parts, options=("--json",)).log)["outcome"] == "unchanged"


def bot(name: str, **facts: Any) -> Bot:
    sighting = Observed(catalog=CatalogSighting(at=NOW, url="https://api.poe.com/v1/models"))
    known = {"id": name, "url": f"https://poe.com/{name}", "first_seen": NOW, "last_seen": NOW, "observed": sighting}
    return Bot.model_validate(known | {"discovered_by": ("api",)} | facts)


def publish(folder: Path, *bots: Bot, shard: str = "", **fields: Any) -> Path:
    """A feed as a crawl leaves it."""
    run = Run(id=f"{NOW:%Y%m%dT%H%M%SZ}-0001", started_at=NOW, finished_at=NOW)
    with FeedWriter(FeedStore(folder), "test") as writer:
        writer.publish(bots, run, now=NOW)
        report = {"id": run.id, "started_at": NOW, "finished_at": NOW, "finish_reason": "finished", "complete": True}
        report |= {"outcome": "published", "arguments": {"shard": shard} if shard else {}}
        writer.report(RunReport.model_validate(report | fields))
    return folder


def halves(tmp_path: Path, **fields: Any) -> list[Path]:
    """Two parts. By their keys, `d` belongs to the first of two shards, `a` and `c` to the second."""
    return [
        publish(tmp_path / "one", bot("d"), shard="1/2", **fields),
        publish(tmp_path / "two", bot("a"), bot("c"), shard="2/2", **fields),
    ]


def test_parts_become_one_version_with_its_history(merge: Merge, tmp_path: Path) -> None:
    earlier = NOW - timedelta(days=30)
    output = publish(tmp_path / "all", bot("a", first_seen=earlier, last_seen=earlier), bot("c"), bot("left"))
    done = merge(output, *halves(tmp_path), options=("--accept",))
    assert done.status == 0, done.log
    assert "Shard 1/2:" in done.log
    assert {name: each["status"] for name, each in done.bots.items()} == {
        "a": "active",
        "c": "active",
        "d": "active",
        "left": "gone",
    }
    assert datetime.fromisoformat(done.bots["a"]["first_seen"]) == earlier
    assert datetime.fromisoformat(done.bots["a"]["last_seen"]) == NOW
    assert done.feed["version"] == 2
    assert done.report["complete"]


def test_an_incomplete_part_marks_no_bot_as_gone(merge: Merge, tmp_path: Path) -> None:
    output = publish(tmp_path / "all", *(bot(name) for name in ("a", "c", "d", "left")))
    done = merge(output, *halves(tmp_path, complete=False))
    assert done.status == 0, done.log
    assert "which did not cover its whole shard" in done.log
    assert done.bots["left"]["status"] == "active"
    assert not done.report["complete"]


def test_bots_of_other_shards_are_left_to_theirs(merge: Merge, tmp_path: Path) -> None:
    one, _ = halves(tmp_path)
    two = publish(tmp_path / "old", bot("a"), bot("d", display_name="of another split"), shard="2/2")
    done = merge(tmp_path / "all", one, two)
    assert done.status == 0, done.log
    assert done.bots["d"]["display_name"] is None


def test_what_was_seen_later_is_kept(merge: Merge, tmp_path: Path) -> None:
    output = publish(tmp_path / "all", bot("a", display_name="newer"))
    one, _ = halves(tmp_path)
    two = publish(tmp_path / "older", bot("a", last_seen=NOW - timedelta(hours=1)), bot("c"), shard="2/2")
    done = merge(output, one, two)
    assert done.status == 0, done.log
    assert done.bots["a"]["display_name"] == "newer"


def test_the_gate_checks_the_merged_feed(merge: Merge, tmp_path: Path) -> None:
    output = publish(tmp_path / "all", *(bot(f"bot-{number}") for number in range(10)))
    before = (output / "models.json").read_bytes()
    done = merge(output, *halves(tmp_path))
    assert done.status == 3
    assert "active bots" in done.log
    assert done.report["outcome"] == "refused"
    assert (output / "models.json").read_bytes() == before
    assert merge(output, *halves(tmp_path / "again"), options=("--accept",)).status == 0


def test_failed_pages_of_a_part_are_reported(merge: Merge, tmp_path: Path) -> None:
    done = merge(tmp_path / "all", *halves(tmp_path, failed={"timeout": 2}))
    assert done.status == 5
    assert done.report["failed"] == {"timeout": 4}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: [publish(path / "x", bot("d"), shard="1/2")], "Shard 2/2 is missing"),
        (lambda path: [*halves(path), publish(path / "x", bot("d"), shard="1/2")], "are both shard 1/2"),
        (lambda path: [publish(path / "x", bot("d"), shard="1/3"), halves(path)[1]], "parts of different splits"),
        (lambda path: [halves(path)[0], publish(path / "x", bot("a"))], "is not a part: its last crawl"),
        (lambda path: [halves(path)[0], path], "has no crawled feed"),
        (lambda path: halves(path, finished_at=NOW - timedelta(days=2)), "is stale: its last crawl"),
        (lambda path: halves(path, outcome="failed"), "was failed: crawl it again"),
    ],
)
def test_incomplete_sets_of_parts_are_refused(
    merge: Merge, tmp_path: Path, make: Callable[[Path], list[Path]], words: str
) -> None:
    done = merge(tmp_path / "all", *make(tmp_path))
    assert done.status == 1
    assert words in done.log
    assert not (tmp_path / "all").exists()


def test_the_output_folder_cannot_be_a_part(merge: Merge, tmp_path: Path) -> None:
    one, two = halves(tmp_path)
    done = merge(one, one, two)
    assert done.status == 1
    assert "name another folder" in done.log


def test_parts_of_different_sites_are_not_merged(merge: Merge, tmp_path: Path) -> None:
    one, two = halves(tmp_path)
    site = Site(url="https://other.example", api_url="https://other.example/v1/models")
    for folder, where in ((one, Site(url="https://poe.com", api_url="https://api.poe.com/v1/models")), (two, site)):
        feed = json.loads((folder / "models.json").read_bytes())
        (folder / "models.json").write_text(json.dumps(feed | {"site": where.model_dump()}))
    done = merge(tmp_path / "all", one, two)
    assert done.status == 1
    assert "one is of https://poe.com, " in done.log
    assert "two is of https://other.example." in done.log


def test_parts_are_not_merged_into_the_feed_of_another_site(merge: Merge, tmp_path: Path) -> None:
    parts = halves(tmp_path)
    for folder in parts:
        feed = json.loads((folder / "models.json").read_bytes())
        site = {"url": "https://poe.com", "api_url": "https://api.poe.com/v1/models", "script_hosts": []}
        (folder / "models.json").write_text(json.dumps(feed | {"site": site}))
    elsewhere = Site(url="https://other.example", api_url="https://other.example/v1/models")
    with FeedWriter(FeedStore(tmp_path / "all"), "a test", elsewhere) as writer:
        writer.publish([bot("a")], Run(id="1", started_at=NOW, finished_at=NOW), now=NOW)
    done = merge(tmp_path / "all", *parts)
    assert done.status == 2
    assert "belongs to another site" in done.log
