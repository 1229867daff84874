"""What changed between two feeds."""

from typing import Any

import pytest

from poe_scraper.feed.changes import compare
from poe_scraper.feed.merge import merge
from poe_scraper.items import Bot, BotError, Feed, InitialPoints, PrimaryPrice
from tests.feed.sightings import DAY, T0, listed, rates, run, visited

T1 = T0 + DAY


def feed(version: int, *bots: Bot) -> Feed:
    at = T0 + version * DAY
    return Feed(version=version, generated_at=at, run=run(at), data=bots)


BOT = merge(None, visited(listed("gpt-test", T0), T0))
OTHER = merge(None, visited(listed("other", T0), T0))


def changed(**facts: Any) -> Bot:
    """The bot, seen again a day later, with other facts; those of `pricing` by name."""
    prices = {name: facts.pop(name) for name in list(facts) if name in type(BOT.pricing).model_fields}
    again = merge(BOT, visited(listed("gpt-test", T1), T1))
    return again.model_copy(update={**facts, "pricing": again.pricing.model_copy(update=prices)})


def told(old: Bot, new: Bot) -> list[tuple[str, str | None, Any, Any]]:
    changes = compare(feed(1, old, OTHER), feed(2, new, OTHER))
    assert all((each.version, each.at, each.bot) == (2, T0 + 2 * DAY, new.id) for each in changes)
    return [(each.kind, each.field, each.old, each.new) for each in changes]


def rate(points: str) -> dict[str, Any]:
    return rates(points)[0].model_dump(mode="json")


PRIMARY = PrimaryPrice.model_validate(
    {"label": "Input", "per": {"quantity": "1"}, "bound": "exact", "points": "1", "source": "page"}
)
ERROR = BotError(stage="page", code="timeout", message="it failed", at=T1)
TOLD_ERROR = {"stage": "page", "code": "timeout", "message": "it failed", "field": None}


@pytest.mark.parametrize(
    ("facts", "changes"),
    [
        ({}, []),
        ({"first_seen": T1}, []),
        ({"owned_by": "Other"}, [("changed", "owned_by", "Acme", "Other")]),
        ({"description": None}, [("changed", "description", "As the page says.", None)]),
        ({"id": "GPT-Test"}, [("changed", "id", "gpt-test", "GPT-Test")]),
        ({"rates": rates("80")}, [("changed", "pricing.rates", [rate("75")], [rate("80")])]),
        (
            {"api": None},
            [("changed", "pricing.api", BOT.pricing.api and BOT.pricing.api.model_dump(mode="json"), None)],
        ),
        ({"primary": PRIMARY}, [("changed", "pricing.primary", None, PRIMARY.model_dump(mode="json"))]),
        (
            {"initial_points": InitialPoints(text="9 points")},
            [
                (
                    "changed",
                    "pricing.initial_points",
                    {"text": "75+ points", "amount": None, "bound": None},
                    {"text": "9 points", "amount": None, "bound": None},
                )
            ],
        ),
        ({"errors": (ERROR,)}, [("changed", "errors", [], [TOLD_ERROR])]),
        (
            {"owned_by": "Other", "is_down": True},
            [("changed", "owned_by", "Acme", "Other"), ("changed", "is_down", False, True)],
        ),
        ({"status": "gone", "gone_since": T1}, [("gone", None, None, None)]),
    ],
)
def test_every_change_and_nothing_else(facts: dict[str, Any], changes: list[Any]) -> None:
    assert told(BOT, changed(**facts)) == changes


def test_a_new_price_of_the_api_is_told_by_its_field() -> None:
    now = merge(BOT, listed("gpt-test", T1, "0.000003"))
    assert told(BOT, now) == [("changed", "pricing.api.prompt", "0.000002", "0.000003")]


def test_added_gone_and_back() -> None:
    first = compare(None, feed(1, BOT, OTHER))
    assert [(each.kind, each.bot, each.version) for each in first] == [("added", "gpt-test", 1), ("added", "other", 1)]
    gone = changed(status="gone", gone_since=T1)
    assert told(gone, changed(owned_by="Other")) == [
        ("back", None, None, None),
        ("changed", "owned_by", "Acme", "Other"),
    ]
    assert [each.kind for each in compare(feed(1, OTHER), feed(2, BOT, OTHER))] == ["added"]


def test_a_bot_dropped_long_after_it_was_gone_is_no_change() -> None:
    assert compare(feed(1, BOT, OTHER), feed(2, OTHER)) == []


def test_a_time_of_an_error_alone_is_no_change() -> None:
    later = ERROR.model_copy(update={"at": T1 + DAY})
    assert told(changed(errors=(ERROR,)), changed(errors=(later,))) == []
