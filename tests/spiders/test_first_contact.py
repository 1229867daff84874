"""What is known, or must be expected, of the real site: a crawl reads every card there, or loses none that it had."""

from collections.abc import Callable
from typing import Any

import pytest

from poe_scraper.replica import Replica, running
from tests.spiders.conftest import KnownSite

Crawler = Callable[..., Any]

pytestmark = pytest.mark.browser

BOTS = 6


def priced(done: Any) -> int:
    return sum(bool(bot["pricing"]["rates"]) for bot in done.bots.values())


def cards(replica: Replica) -> int:
    """How many of the listed bots have a card."""
    return sum(bool(bot["listed"] and bot["rate_card"]) for bot in replica.catalog()["bots"])


ON_A_PAGE = (
    "label_points",
    "label_icon",
    "label_aria",
    "label_link",
    "label_menuitem",
    "label_twice",
    "listener_late",
    "chunk_slow",
    "check_clears",
    "flight_data",
    "object_selection",
    "object_nullable",
    "gql_2025",
)


def test_every_card_is_read_however_a_page_shows_it(crawl: Crawler) -> None:
    # by default: scripts and style sheets from a second host, the dialog a lazily loaded chunk
    with running(bots=30) as replica:
        handles = [bot["handle"] for bot in replica.catalog()["bots"] if bot["listed"] and bot["rate_card"]]
        shown = dict(zip(handles, (*ON_A_PAGE, *ON_A_PAGE), strict=False))
        replica.set_faults(*(f"{fault}@{handle}" for handle, fault in shown.items()))
        done = crawl(replica)
        hits = replica.faults()["hits"]
        expected = cards(replica)
    assert done.status == 0, done.log
    assert hits.keys() == set(ON_A_PAGE)
    assert (priced(done), len(done.bots)) == (expected, 30)
    assert all(bot["creator"] and bot["errors"] == [] for bot in done.bots.values())


@pytest.mark.parametrize("fault", ["named_host", "check_clears_host", "check_clears", "flight_data", "gql_2025"])
def test_every_card_is_read_where_all_pages_are_alike(crawl: Crawler, fault: str) -> None:
    with running(bots=BOTS, faults=[f"{fault}=1"]) as replica:
        done = crawl(replica)
        expected = cards(replica)
    assert done.status == 0, done.log
    assert (priced(done), len(done.bots)) == (expected, BOTS)
    assert all(bot["creator"] and bot["errors"] == [] for bot in done.bots.values())


@pytest.mark.parametrize(
    ("fault", "crawls", "says"),
    [
        ("card_empty", 2, "no longer show"),
        ("card_no_details", 2, "no longer show"),
        ("card_no_details_reworded", 1, "no longer show"),
        ("no_rates", 2, "Rates could not be opened"),
        ("label_renamed", 3, "Rates could not be opened"),
        ("sign_in_wall", 2, "sign"),
        ("error_200", 2, "neither"),
        ("challenge", 1, "bot check"),
        ("challenge_login", 1, "bot check"),
        ("access_denied", 1, "challenged"),
        ("script_named_host", 1, "POE_SITE_HOSTS"),
    ],
)
def test_no_price_is_lost_however_often_the_site_shows_none(
    crawl: Crawler, known: KnownSite, fault: str, crawls: int, says: str
) -> None:
    settings = {"RETRY_TIMES": "0", "POE_CHECK_WAIT": "0.2"}
    known.replica.set_faults(f"{fault}=1")
    for _ in range(crawls):
        done = crawl(known.replica, settings=settings, force="true")
        assert done.status in {3, 4, 5}, done.log
        assert priced(done) == cards(known.replica)
        for name, bot in known.before.bots.items():
            assert done.bots[name]["pricing"]["rates"] == bot["pricing"]["rates"]
            assert done.bots[name]["status"] == "active"
        assert says.casefold() in done.log.casefold()


@pytest.mark.parametrize("fault", ["profile_no_panel", "profile_streamed"])
def test_a_profile_gives_all_of_its_bots(crawl: Crawler, fault: str) -> None:
    with running(faults=[f"{fault}=1"]) as replica:
        creator = max(replica.catalog()["creators"], key=lambda creator: len(creator["bots"]))
        done = crawl(replica, spider="poe_creators", creators=creator["handle"], only="info")
        deleted = {bot["handle"] for bot in replica.catalog()["bots"] if bot.get("deleted")}
    assert done.status == 0, done.log
    assert {bot["handle"] for bot in done.bots.values()} == set(creator["bots"]) - deleted
