"""What is known, or must be expected, of the real site: a crawl reads every card there, or loses none that it had."""

from collections.abc import Callable
from typing import Any

import pytest

from poe_scraper.replica import Replica, running

Crawler = Callable[..., Any]

pytestmark = pytest.mark.browser

BOTS = 8


def priced(done: Any) -> int:
    return sum(bool(bot["pricing"]["rates"]) for bot in done.bots.values())


def cards(replica: Replica) -> int:
    """How many of the listed bots have a card."""
    return sum(bool(bot["listed"] and bot["rate_card"]) for bot in replica.catalog()["bots"])


@pytest.mark.parametrize(
    "fault",
    [
        None,  # scripts and style sheets from a second host, the dialog a lazily loaded chunk
        "named_host",
        "label_points",
        "label_icon",
        "label_aria",
        "label_link",
        "label_menuitem",
        "label_twice",
        "listener_late",
        "chunk_slow",
        "check_clears",
        "check_clears_host",
        "flight_data",
        "object_selection",
        "object_nullable",
        "gql_2025",
    ],
)
def test_every_card_is_read(crawl: Crawler, fault: str | None) -> None:
    with running(bots=BOTS, faults=[f"{fault}=1"] if fault else []) as replica:
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
        ("sign_in_wall", 3, "sign"),
        ("error_200", 3, "neither"),
        ("challenge", 1, "bot check"),
        ("challenge_login", 1, "bot check"),
        ("access_denied", 1, "challenged"),
        ("script_named_host", 1, "POE_SITE_HOSTS"),
    ],
)
def test_no_price_is_lost_however_often_the_site_shows_none(crawl: Crawler, fault: str, crawls: int, says: str) -> None:
    settings = {"RETRY_TIMES": "0", "POE_CHECK_WAIT": "0.2"}
    with running(bots=BOTS) as replica:
        before = crawl(replica)
        replica.set_faults(f"{fault}=1")
        ends = [crawl(replica, settings=settings, force="true") for _ in range(crawls)]
        expected = cards(replica)
    assert before.status == 0, before.log
    for done in ends:
        assert done.status in {3, 4, 5}, done.log
        assert priced(done) == expected
        for name, bot in before.bots.items():
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
