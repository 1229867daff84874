"""Run reports."""

from poe_scraper.feed.report import new_run_id


def test_run_ids_sort_by_time() -> None:
    ids = [new_run_id() for _ in range(200)]
    times = [run_id.partition("-")[0] for run_id in ids]
    assert times == sorted(times)
    assert len(set(times)) > 1, "runs of one second can be told apart"
    assert new_run_id() > "20260101T000000Z-ffff", "ids of earlier releases sort by the same rule"
