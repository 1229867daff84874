"""Bots that stand on creators' profiles: found, priced, joined with the API's, and gone when they are gone."""

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from scrapy.utils.test import get_crawler

from poe_scraper.failures import UsageError
from poe_scraper.feed.merge import merge
from poe_scraper.feed.spool import KnownBots
from poe_scraper.rates import read_card
from poe_scraper.replica import running
from poe_scraper.spiders.poe_creators import PoeCreatorsSpider
from poe_scraper.spiders.poe_models import PoeModelsSpider
from poe_scraper.spiders.profiles import shipped_creators
from tests.cli.conftest import POE_SCRAPER
from tests.feed.sightings import T0, visited
from tests.feed.sightings import listed as listed_bot

Crawler = Callable[..., Any]

CREATORS = "paperlantern,halfmoonworks,closedatelier"


def problems(done: Any) -> dict[str, str]:
    """The code of each profile that failed or fell short, by creator."""
    return {
        problem["message"].removeprefix("profile of ").partition(":")[0]: problem["code"]
        for problem in done.report["problems"]
        if problem["stage"] == "profile"
    }


def profiles_asked_for(replica: Any, creators: set[str]) -> int:
    return sum(entry["path"].strip("/") in creators for entry in replica.requests()["log"])


@pytest.mark.slow
@pytest.mark.browser
def test_crawls_with_and_without_creators(crawl: Crawler) -> None:
    """One feed over five crawls: what profiles add, what stays without them, and what is gone when."""
    with running(bots=5) as replica:
        served = {bot["id"]: bot for bot in replica.catalog()["bots"]}
        there = [bot for bot in served.values() if not bot["listed"] and not bot["deleted"]]
        paper = [bot["id"] for bot in there if bot["creator"] == "paperlantern"]
        moon = [bot["id"] for bot in there if bot["creator"] == "halfmoonworks"]
        assert (len(paper), len(moon)) == (104, 30)
        in_both, deleted, delisted = paper[0], paper[50], paper[-1]

        alone = crawl(replica)
        assert (alone.status, len(alone.bots), problems(alone)) == (0, 5, {})

        # with creators: every bot of theirs, and its rates
        replica.change(set={in_both: {"listed": True}, delisted: {"listed": True}})
        replica.forget_requests()
        grown = crawl(replica, creators=CREATORS)
        assert grown.status == 5, grown.log
        assert problems(grown) == {"closedatelier": "login_required", "halfmoonworks": "profile_incomplete"}
        assert "it says that it has 48 bots, and shows 30" in grown.log
        assert set(grown.bots) == {*alone.bots, *paper, *moon}
        assert profiles_asked_for(replica, set(CREATORS.split(","))) == grown.report["requests"]["profile"] == 3
        for key in [*paper, *moon]:
            bot = grown.bots[key]
            found_by = ["api", "creator"] if key in {in_both, delisted} else ["creator"]
            assert bot["discovered_by"] == found_by
            assert (bot["handle"], bot["creator"]["handle"]) == (served[key]["handle"], served[key]["creator"])
            assert (bot["owned_by"] is not None) == (bot["observed"]["catalog"] is not None) == ("api" in found_by)
            assert bot["pricing"]["rate_card"] == served[key]["rate_card"]
            assert bool(bot["pricing"]["rates"]) == bool(read_card(served[key]["rate_card"] or "").rates)
        by_handle = replica.requests()["by_handle"]
        assert {by_handle[served[key]["handle"]]["document"] for key in [*paper, *moon]} == {1}, "visited once each"

        # without: nothing that only profiles show is gone, and what the API now lists or drops keeps its history
        replica.change(
            set={moon[1]: {"listed": True}, delisted: {"listed": False}, deleted: {"deleted": True}},
            remove=[moon[0]],
        )
        again = crawl(replica)
        assert again.status == 0, again.log
        assert {bot["status"] for bot in again.bots.values()} == {"active"}
        assert again.bots.keys() == grown.bots.keys()
        assert again.bots[moon[1]]["discovered_by"] == ["api", "creator"]
        assert again.report["visited"] == 0
        for key, bot in again.bots.items():
            assert bot["first_seen"] == grown.bots[key]["first_seen"]
            assert bot["pricing"]["rates"] == grown.bots[key]["pricing"]["rates"]
            assert key == moon[1] or bot["discovered_by"] == grown.bots[key]["discovered_by"]

        # the profile that was read in full says which of its bots is gone; the short one says nothing
        fewer = crawl(replica, spider="poe_creators", creators=CREATORS)
        assert problems(fewer) == problems(grown)
        assert [key for key, bot in fewer.bots.items() if bot["status"] == "gone"] == [deleted]
        assert fewer.bots[delisted]["discovered_by"] == ["api", "creator"]

        # a bot that left the API is looked for on its page, where no profile is read
        replica.change(remove=[delisted])
        last = crawl(replica, settings={"POE_MAX_AGE": "0"})
    assert last.status == 0, last.log
    assert {key for key, bot in last.bots.items() if bot["status"] == "gone"} == {deleted, delisted}


FAULTS = {
    "page_404": "not_found",
    "page_500": "server_error",
    "login": "login_required",
    "other_bot": "wrong_profile",
    "js_exception": None,  # the data of a small profile lists all of its bots
    "no_hydration": "profile_incomplete",
    "hostile_text": "profile_incomplete",
    "moved_hydration": None,
    "new_classes": None,
    "moved_elements": None,
}


@pytest.mark.browser
def test_a_profile_that_fails_makes_nothing_gone(crawl: Crawler) -> None:
    with running() as replica:
        catalog = replica.catalog()
        small = [one for one in catalog["creators"] if 0 < len(one["bots"]) <= 20 and not one["sign_in"]]
        handles = [one["handle"] for one in small[: len(FAULTS)]]
        faults = {**dict(zip(handles, FAULTS, strict=True)), "paperlantern": "gql_errors"}
        asked = {"creators": ",".join(faults), "only": "info", "spider": "poe_creators"}
        before = crawl(replica, **asked)
        assert (before.status, problems(before)) == (0, {}), before.log
        there = {bot["id"].lower() for bot in catalog["bots"] if not bot["deleted"] and bot["creator"] in faults}
        assert set(before.bots) == there
        replica.set_faults(*(f"{fault}@{handle}" for handle, fault in faults.items()))
        after = crawl(replica, settings={"RETRY_TIMES": "1"}, **asked)
    expected = {handle: code for handle, fault in faults.items() if (code := FAULTS.get(fault, "profile_incomplete"))}
    assert problems(after) == expected
    assert after.status == 5
    assert {key for key, bot in after.bots.items() if bot["status"] == "active"} == there
    assert not any("passwd" in key or "script" in key for key in after.bots)


# --- what is asked for -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spider", "given", "words"),
    [
        (PoeModelsSpider, {"creators": "a b"}, "must be handles of creators"),
        (PoeModelsSpider, {"creators": "../x"}, "must be handles of creators"),
        (PoeModelsSpider, {"creators": ""}, "must be handles of creators"),
        (PoeModelsSpider, {"creators": "xAI", "bots": "Grok-4.7"}, "exclude each other"),
        (PoeCreatorsSpider, {"bots": "Grok-4.7"}, "unknown spider argument bots"),
        (PoeCreatorsSpider, {"shard": "3/2"}, "i/n"),
    ],
)
def test_wrong_arguments(spider: type[PoeModelsSpider], given: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        spider.check_arguments(**given)


def test_the_terminal_command_takes_creators() -> None:
    words = [str(POE_SCRAPER), "update", "--creators", "a b"]
    told = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 2
    assert "creators must be handles of creators, separated by commas, or all, got 'a b'" in told.stderr


def asked_for(spider: type[PoeModelsSpider] | type[PoeCreatorsSpider], **given: str) -> list[str]:
    """Paths of the profiles that a crawl asks for, given a feed with one bot of the creator `Acme-Makers`."""
    made = spider.from_crawler(get_crawler(spider, {"POE_SITE_URL": "https://poe.com"}), **given)
    known = merge(None, visited(listed_bot("gpt-test", T0), T0))
    assert known.creator is not None
    maker = known.creator.model_copy(update={"handle": "Acme-Makers"})
    made.crawl_state.known = KnownBots([known.model_copy(update={"creator": maker})])
    return [request.url.removeprefix("https://poe.com/") for request in made.profile_requests()]


def test_which_profiles_are_asked_for() -> None:
    assert asked_for(PoeModelsSpider) == []
    assert asked_for(PoeModelsSpider, creators="xAI, poe,xAI") == ["xAI", "poe"]
    everybody = [*shipped_creators(), "Acme-Makers"]
    assert sorted(asked_for(PoeModelsSpider, creators="all")) == sorted(everybody)
    assert sorted(asked_for(PoeCreatorsSpider)) == sorted(everybody)
    assert sorted(asked_for(PoeModelsSpider, creators="all,XAI,other")) == sorted([*everybody, "other"])


def test_the_shipped_creators() -> None:
    creators = shipped_creators()
    assert len(creators) == len({handle.casefold() for handle in creators}) >= 30
    assert {"poe", "openai", "xAI"} <= set(creators)


@pytest.mark.parametrize(("reason", "gone"), [("finished", {"gpt-test"}), ("shutdown", set()), ("site_blocks", set())])
def test_only_a_crawl_that_finished_makes_bots_gone(reason: str, gone: set[str]) -> None:
    spider = PoeCreatorsSpider()
    spider.crawl_state.unlisted = {"gpt-test"}
    spider.closed(reason)
    assert spider.crawl_state.unlisted == gone
