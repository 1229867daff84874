"""Whole crawls in a real Chromium, from the models API to the published feed."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from poe_scraper.replica import running
from poe_scraper.untrusted import safe
from tests.spiders.conftest import KnownSite

Crawler = Callable[..., Any]
SHARED = Path(__file__).parents[3] / "shared"

pytestmark = pytest.mark.browser


def files(done: Any) -> dict[str, bytes]:
    return {str(path.relative_to(done.folder)): content for path, content in done.files.items()}


def visits(replica: Any) -> Counter[str]:
    """How often each bot page was asked for."""
    return Counter(entry["path"] for entry in replica.requests()["log"] if entry["kind"] == "document")


def test_a_crawl_from_nothing_to_the_feed(crawl: Crawler) -> None:
    with running() as replica:
        done = crawl(replica, limit="40")
        catalog = {bot["id"]: bot for bot in replica.catalog()["bots"]}
        by_kind = replica.requests()["by_kind"]
    assert done.status == 0, done.log
    assert done.feed["version"] == 1
    visited = [bot for bot in done.bots.values() if bot["observed"]["page"]]
    assert len(visited) == 40
    for bot in visited:
        served = catalog[bot["id"]]
        assert bot["handle"] == served["handle"]
        assert bot["pricing"]["rate_card"] == served["rate_card"]
        # a bot without Rates is asked for by the query of other pages, once one has shown how
        assert bot["observed"]["page"]["via"] in ({"graphql"} if served["rate_card"] is not None else {None, "query"})
        assert bot["errors"] == []
    assert set(by_kind) <= {"api", "robots", "document", "script", "stylesheet", "gql"}, "images or fonts were loaded"
    report = done.report
    assert (report["outcome"], report["version"]) == ("published", 1)
    assert report["requests"]["document"] >= 40
    assert report["bytes"]["document"] > 0
    assert "40 pages read, 0 failed" in done.log
    assert str(done.folder / "models.json") in done.log


def test_a_lower_case_id_and_a_cased_handle_are_one_bot(crawl: Crawler) -> None:
    with running() as replica:
        done = crawl(replica, bots="GROK-4.7")
    (bot,) = [bot for bot in done.bots.values() if bot["id"].lower() == "grok-4.7"]
    assert (bot["id"], bot["handle"], bot["status"]) == ("grok-4.7", "Grok-4.7", "active")
    assert bot["observed"]["catalog"] is not None
    assert bot["observed"]["page"]["url"] == f"{replica.url}/Grok-4.7"
    assert bot["pricing"]["rates"]


@pytest.mark.slow
def test_recorded_cards_come_through_to_the_letter(crawl: Crawler) -> None:
    recorded = SHARED / "poe" / "bots.json"
    if not recorded.exists():
        pytest.skip("the recorded bots are not here (../shared/poe/bots.json)")
    cards = {bot["handle"]: bot["rate_card"] for bot in json.loads(recorded.read_bytes()) if bot["rate_card"]}
    with running(data=recorded) as replica:
        done = crawl(replica)
    assert done.status == 0, done.log
    assert len(cards) == 389
    wrong = [handle for handle, card in cards.items() if done.bots[handle]["pricing"]["rate_card"] != card]
    assert wrong == []
    assert [bot["id"] for bot in done.bots.values() if bot["pricing"]["unparsed"]] == []


def test_an_unchanged_second_crawl_opens_no_page(crawl: Crawler, known: KnownSite) -> None:
    first = known.before
    second = crawl(known.replica)
    kinds = set(known.replica.requests()["by_kind"])
    third = crawl(known.replica, force="true")
    assert kinds == {"api"}
    assert "0 pages read, 0 failed, 16 not due" in second.log
    assert "Launching browser" in first.log
    assert "Launching browser" not in second.log
    assert first.feed["version"] == second.feed["version"] == third.feed["version"] == 1


def test_nothing_listens_unless_it_is_asked_to(crawl: Crawler) -> None:
    with running(bots=2) as replica:
        quiet = crawl(replica, only="info")
        asked = crawl(replica, {"TELNETCONSOLE_ENABLED": "true", "REMOTE_CONTROL_ENABLED": "true"}, only="info")
    assert (quiet.status, asked.status) == (0, 0)
    assert "listening" not in quiet.log
    assert "Telnet console listening on 127.0.0.1" in asked.log
    assert "Remote control HTTP server listening" in asked.log


def test_two_entries_of_one_bot_are_told_in_an_unchanged_crawl_too(crawl: Crawler, known: KnownSite) -> None:
    known.replica.set_faults("api_duplicate_ids=1")
    again = crawl(known.replica, only="info")
    assert (again.status, again.report["outcome"], again.report["seen"]) == (0, "unchanged", 16)
    assert {problem["code"] for problem in again.report["problems"]} == {"entry_duplicate"}


@pytest.mark.slow
def test_parts_never_make_the_rest_look_gone(crawl: Crawler) -> None:
    with running(bots=12) as replica:
        assert crawl(replica, only="info").status == 0
        ids = {bot["id"] for bot in replica.catalog()["bots"] if bot["listed"]}
        for arguments in (
            {"shard": "2/3", "limit": "2"},
            {"bots": min(ids)},
            {"only": "pricing", "limit": "3"},
        ):
            done = crawl(replica, **arguments)
            assert done.status == 0, done.log
            assert {bot["id"] for bot in done.bots.values() if bot["status"] == "active"} == ids


def test_a_bot_that_the_api_does_not_list_can_be_named(crawl: Crawler) -> None:
    with running() as replica:
        name = next(bot["handle"] for bot in replica.catalog()["bots"] if not bot["listed"] and bot["rate_card"])
        done = crawl(replica, bots=name)
    bot = done.bots[name.lower()]
    assert (bot["handle"], bot["discovered_by"]) == (name, ["handle"])
    assert bot["pricing"]["rates"]


def test_failed_pages_are_tried_again(crawl: Crawler) -> None:
    faults = ("page_500", "challenge", "reset", "gql_null", "no_rates", "other_language", "truncated")
    with running(bots=len(faults)) as replica:
        handles = [bot["handle"] for bot in replica.catalog()["bots"] if bot["listed"]]
        replica.set_faults(*(f"{fault}@{handle}:once" for fault, handle in zip(faults, handles, strict=True)))
        done = crawl(replica, {"POE_CHECK_WAIT": "0.2"})
        hits = replica.faults()["hits"]
    assert set(hits) == set(faults)
    assert done.status == 0, done.log
    assert all(bot["errors"] == [] and bot["observed"]["page"] for bot in done.bots.values())


FAILURES = {
    "page_404": "not_found",
    "page_429": "rate_limited",
    "page_500": "server_error",
    "challenge": "challenged",
    "login": "login_required",
    "other_host": "redirected_away",
    "other_bot": "wrong_bot",
    "reset": "connection_failed",
    "silent": "timeout",
    "truncated": "connection_failed",
    "wrong_type": "not_html",
    "gql_errors": "card_refused",
    "gql_silent": "card_refused",
    "other_language": "card_language",
    "huge_description": "too_large",
}


def test_a_page_that_fails_keeps_what_was_known_and_says_why(crawl: Crawler, known: KnownSite) -> None:
    replica = known.replica
    # the first bot is the one that `other_bot` leads to
    _, *handles = (bot["handle"] for bot in replica.catalog()["bots"] if bot["listed"])
    replica.set_faults(*(f"{fault}@{handle}" for fault, handle in zip(FAILURES, handles, strict=True)))
    quick = {"RETRY_TIMES": "1", "POE_PAGE_TIMEOUT": "4", "POE_CHECK_WAIT": "0.2"}
    after = crawl(replica, settings=quick, force="true")
    assert "third_party" not in replica.requests()["by_kind"], "another host was asked"
    assert after.status == 5, after.log
    in_feed = {bot["handle"]: bot for bot in known.before.feed["data"]}
    codes = {}
    for bot in after.feed["data"]:
        old = in_feed[bot["handle"]]
        if bot["handle"] not in handles:
            continue
        codes[bot["handle"]] = [error["code"] for error in bot["errors"]]
        for field in ("display_name", "description", "creator", "powered_by", "pricing"):
            assert bot[field] == old[field]
        assert bot["observed"]["page"] == old["observed"]["page"]
    expected = {handle: [code] for handle, code in zip(handles, FAILURES.values(), strict=True)}
    assert codes == expected
    assert after.report["failed"] == dict(Counter(FAILURES.values()))


def test_robots_txt_is_obeyed_by_every_request(crawl: Crawler) -> None:
    with running(bots=12, faults=["robots_forbid=1"]) as replica:
        done = crawl(replica)
        assert set(replica.requests()["by_kind"]) == {"api", "robots"}
    assert done.report["failed"] == {"robots_forbidden": 12}
    assert done.status == 5


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("api_401", 4, "answered 401"),
        ("api_500", 4, "answered 500"),
        ("api_garbage", 4, "not JSON"),
        ("api_empty", 4, "listed no usable model"),
        ("api_truncated", 4, "could not be reached"),
        ("api_huge", 4, "could not be reached"),
        ("api_half", 3, "active bots"),
        ("api_prices_x50", 3, "factor of 5"),
    ],
)
def test_a_bad_catalog_leaves_the_feed_as_it_was(
    crawl: Crawler, known: KnownSite, fault: str, status: int, words: str
) -> None:
    known.replica.set_faults(f"{fault}=1")
    after = crawl(known.replica, settings={"RETRY_TIMES": "1"})
    assert after.status == status, after.log
    assert words in after.log
    left = files(after)
    before = {name: content for name, content in files(known.before).items() if not name.startswith(("runs/", "."))}
    assert {name: left[name] for name in before} == before
    assert any(words in reason["message"] for reason in after.report["problems"]) or any(
        words in reason for reason in after.report["reasons"]
    )


def test_without_a_network_one_clear_error(crawl: Crawler, tmp_path: Path) -> None:
    with running(bots=3) as replica:
        before = files(crawl(replica, only="info"))
    addresses = {"POE_API_URL": replica.api_url, "POE_SITE_URL": replica.url}
    done = crawl(environment=addresses, settings={"RETRY_TIMES": "1"})
    assert done.status == 4
    (error,) = [line for line in done.log.splitlines() if " ERROR: " in line]
    assert replica.api_url in error
    assert "Check the network" in error
    left = files(done)
    assert {name: left[name] for name in before} == before


def test_without_a_browser_the_crawl_ends_at_once(crawl: Crawler, tmp_path: Path) -> None:
    with running(bots=3) as replica:
        done = crawl(
            replica,
            environment={"PATH": "", "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path), "POE_BROWSER_PATH": ""},
        )
        assert replica.requests()["total"] == 0
    assert done.status == 1
    assert "poe-scraper setup" in done.log
    assert "apt-get install chromium-headless-shell" in done.log
    assert "models.json" not in files(done)


@pytest.mark.parametrize(
    ("arguments", "accepted"),
    [
        ({"limit": "abc"}, "limit must be a whole number of at least 1, got 'abc'"),
        ({"limit": ""}, "limit must be a whole number of at least 1, got ''"),
        ({"only": "prices"}, "pricing or info"),
        ({"force": "maybe"}, "true or false"),
        ({"shard": "5/4"}, "i/n with 1 <= i <= n"),
        ({"bots": "a/b"}, "bots must be handles of bots, separated by commas, got 'a/b'"),
        ({"bots": ""}, "bots must be handles of bots, separated by commas, got ''"),
        ({"bots": " , "}, "bots must be handles of bots, separated by commas, got ' , '"),
        ({"colour": "red"}, "bots=A,B limit=N"),
    ],
)
def test_wrong_arguments_end_at_once(crawl: Crawler, arguments: dict[str, str], accepted: str) -> None:
    done = crawl(**arguments)
    assert done.status == 2
    assert accepted in done.log
    assert not done.folder.exists()


@pytest.mark.parametrize(
    ("fault", "codes"),
    [
        ("api_wrong_types", {"entry_malformed"}),
        ("api_bad_ids", {"entry_malformed"}),
        ("api_duplicate_ids", {"entry_duplicate"}),
        ("api_new_keys", {"price_key_unknown"}),
        ("api_hostile_text", set()),
    ],
)
def test_a_malformed_entry_never_ends_the_crawl(crawl: Crawler, known: KnownSite, fault: str, codes: set[str]) -> None:
    known.replica.set_faults(f"{fault}=1")
    after = crawl(known.replica, only="info")
    assert after.status == 0, after.log
    assert {problem["code"] for problem in after.report["problems"]} == codes
    assert [bot["id"] for bot in after.feed["data"]] == [bot["id"] for bot in known.before.feed["data"]]
    assert all(bot["status"] == "active" for bot in after.feed["data"])
    prices = [[bot["pricing"]["api"] for bot in crawl.feed["data"]] for crawl in (known.before, after)]
    assert prices[0] == prices[1]


def test_the_key_appears_nowhere_and_hostile_text_is_inert(crawl: Crawler) -> None:
    key = "poe-key-that-must-not-be-seen"
    faults = ["page_500=0.3", "hostile_text=0.7", "api_500=0.3", "api_hostile_text=0.7"]
    with running(bots=8, faults=faults) as replica:
        done = crawl(
            replica,
            settings={"LOG_LEVEL": "DEBUG", "RETRY_TIMES": "1", "STATS_DUMP": "true"},
            environment={"POE_API_KEY": key},
        )
        hits = replica.faults()["hits"]
    assert done.feed["data"]
    assert key not in done.everything()
    assert "hostile_text" in hits
    lines = done.log.split("\n")
    assert [line for line in lines if safe(line) != line] == [], "text from Poe can steer a terminal"
