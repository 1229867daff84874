"""Whole crawls of the models API that bring their feed elsewhere."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from poe_scraper import settings
from poe_scraper.cli.exits import ExitCode
from poe_scraper.cli.feed import reread
from poe_scraper.replica import running
from tests.feed.test_reread import feed_read_wrongly
from tests.publishing.receiver import SECRET, Receiver

Crawler = Callable[..., Any]


def test_a_crawl_delivers_and_posts_to_the_webhook(crawl: Crawler, tmp_path: Path, receiver: Receiver) -> None:
    mirror = tmp_path / "mirror"
    environment = {
        "POE_PUBLISH_TO": f"{mirror}, nowhere://joe:s3cret@prices",
        "POE_WEBHOOK_URL": receiver.url,
        "POE_WEBHOOK_SECRET": SECRET,
        "POE_BACKOFF": "0",
    }
    receiver.answers = [(500, {})]
    with running(bots=12) as replica:
        done = crawl(replica, environment=environment, only="info")
        again = crawl(replica, environment=environment, only="info")
    assert done.status == ExitCode.DEGRADED, done.log
    (problem,) = done.report["problems"]
    assert problem["code"] == "delivery_failed"
    assert problem["message"] == "nowhere://prices: ValueError: Protocol not known: nowhere"
    assert problem["message"] in done.log
    assert (mirror / "models.json").read_bytes() == again.files[done.folder / "models.json"]
    first, second = receiver.payloads()
    assert first == second
    log = done.files[done.folder / "changes.jsonl"].decode().splitlines()
    assert first["data"]["changes"] == [json.loads(line) for line in log]
    assert len(log) == 12
    assert again.report["outcome"] == "unchanged"
    for output in (done.everything(), again.everything()):
        assert "s3cret" not in output
        assert SECRET not in output
        assert "T0PSECRET" not in output


def test_a_shard_is_delivered_by_the_merge(crawl: Crawler, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    with running(bots=12) as replica:
        done = crawl(replica, environment={"POE_PUBLISH_TO": str(mirror)}, only="info", shard="1/2")
    assert done.report["outcome"] == "published", done.log
    assert not mirror.exists()


def test_a_new_reading_is_delivered(tmp_path: Path, monkeypatch: Any) -> None:
    store, mirror = feed_read_wrongly(tmp_path / "output", "70"), tmp_path / "mirror"
    monkeypatch.setattr(settings, "POE_PUBLISH_TO", f"{mirror} nowhere://prices")
    arguments = ["--write", "--output-dir", str(store.folder)]
    done = CliRunner().invoke(reread, arguments, standalone_mode=False)
    assert done.return_value == ExitCode.DEGRADED, done.output
    assert (mirror / "models.json").read_bytes() == store.models.read_bytes()
    (report,) = store.runs()
    assert [problem.code for problem in report.problems] == ["delivery_failed"]
