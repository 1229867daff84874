"""Odd answers of the models API, crawled: what cannot be read is kept and reported, everything else moves on."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from poe_scraper.replica import running
from tests.spiders.conftest import KnownSite

Crawler = Callable[..., Any]
TwoCrawls = Callable[[str], tuple[Any, Any]]

BOTS = 16


@pytest.fixture
def two_crawls(crawl: Crawler, known: KnownSite) -> TwoCrawls:
    """A crawl without a fault, and one with it, into the same feed."""

    def after(fault: str) -> tuple[Any, Any]:
        known.replica.set_faults(f"{fault}=1")
        return known.before, crawl(known.replica, only="info")

    return after


def problems(done: Any) -> dict[str, str]:
    return {problem["code"]: problem["message"] for problem in done.report["problems"]}


def api_prices(bot: dict[str, Any]) -> dict[str, str]:
    return {name: price for name, price in (bot["pricing"]["api"] or {}).items() if price is not None}


def test_features_in_another_form_do_not_freeze_prices(two_crawls: TwoCrawls) -> None:
    before, after = two_crawls("api_features_objects")
    assert after.status == 5
    assert "supported_features could not be read in " in problems(after)["catalog_drift"]
    assert "The models API has changed" in after.log
    for name, bot in after.bots.items():
        old = before.bots[name]
        assert bot["supported_features"] == old["supported_features"]
        for key, price in api_prices(bot).items():
            assert Decimal(price) > Decimal(api_prices(old)[key])
        assert {error["field"] for error in bot["errors"]} <= {"supported_features"}


def test_a_missing_modality_costs_that_value_alone(two_crawls: TwoCrawls) -> None:
    before, after = two_crawls("api_null_modalities")
    assert after.status == 5
    for name, bot in after.bots.items():
        assert bot["architecture"] == before.bots[name]["architecture"]
        assert bot["display_name"] == before.bots[name]["display_name"]


def test_a_new_bot_keeps_everything_but_the_odd_price(crawl: Crawler) -> None:
    with running(bots=BOTS, faults=["api_odd_prices=1"]) as replica:
        done = crawl(replica, only="info")
    odd = [bot for bot in done.bots.values() if any(error["field"] == "pricing.api.prompt" for error in bot["errors"])]
    variable = [bot for bot in done.bots.values() if "prompt" in bot["pricing"]["api_variable"]]
    assert odd
    assert variable
    for bot in [*odd, *variable]:
        assert bot["display_name"]
        assert bot["description"]
        assert (bot["pricing"]["api"] or {}).get("prompt") is None
    assert len(done.bots) == BOTS


def test_unknown_price_keys_are_kept_and_said_once(two_crawls: TwoCrawls) -> None:
    before, after = two_crawls("api_money_keys")
    assert after.status == 0, after.log
    message = problems(after)["price_key_unknown"]
    assert "web_search" in message
    assert after.log.count(message) == 1
    for name, bot in after.bots.items():
        assert bot["pricing"]["api"] == before.bots[name]["pricing"]["api"]
    assert any("overrides" in bot["pricing"]["api_other"] for bot in after.bots.values())


def test_nested_prices_leave_the_known_ones(two_crawls: TwoCrawls) -> None:
    before, after = two_crawls("api_nested_pricing")
    changed = [name for name, bot in after.bots.items() if bot["errors"]]
    assert len(changed) == 2
    for name in changed:
        assert after.bots[name]["pricing"]["api"] == before.bots[name]["pricing"]["api"]
        assert [error["field"] for error in after.bots[name]["errors"]] == ["pricing.api"]
        assert "pricing.api" in after.bots[name]["observed"]["catalog"]["kept"]
    assert "pricing.api is missing from 2 of 16 entries" in problems(after)["field_malformed"]


@pytest.mark.parametrize(("fault", "status"), [("api_created_seconds", 0), ("api_created_zero", 5)])
def test_the_unit_of_created_changes_nothing(two_crawls: TwoCrawls, fault: str, status: int) -> None:
    before, after = two_crawls(fault)
    assert after.status == status
    assert {name: bot["created"] for name, bot in after.bots.items()} == {
        name: bot["created"] for name, bot in before.bots.items()
    }


def test_an_odd_id_protects_only_the_bot_that_it_may_be(crawl: Crawler) -> None:
    with running(bots=8) as replica:
        before = crawl(replica, only="info")
        leaving = sorted(before.bots)[:2]
        replica.change(remove=leaving)
        replica.set_faults("api_odd_ids=1")
        after = crawl(replica, {"POE_GATE_MIN_SHARE": "0.5"})  # in full: a part never marks bots as gone
    gone = [name for name, bot in after.bots.items() if bot["status"] == "gone"]
    assert gone == leaving
    assert "entry_malformed" in problems(after)


def test_a_huge_number_costs_itself_alone(two_crawls: TwoCrawls) -> None:
    before, after = two_crawls("api_huge_integer")
    assert after.status == 0, after.log
    assert after.bots.keys() == before.bots.keys()
    for name, bot in after.bots.items():
        assert bot["context_window"] == before.bots[name]["context_window"]
