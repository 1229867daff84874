"""The gate: reasons why a candidate is refused."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from poe_scraper.feed.gate import Gate, PriceMoves
from poe_scraper.feed.merge import merge
from poe_scraper.feed.spool import BotSpool, KnownBots
from poe_scraper.items import ApiPricing, Bot, Rate
from tests.feed.sightings import T0, listed, named, visited


def reasons(published: Sequence[Bot], candidate: Sequence[Bot], gate: Gate | None = None) -> tuple[str, ...]:
    """What the gate says, the prices compared as the writer does it."""
    known, prices = KnownBots(published), PriceMoves()
    for bot in candidate:
        if (before := known.find(bot)) is not None:
            prices.add(before, bot)
    return (gate or Gate()).reasons(known, BotSpool(candidate), prices)


def bots(number: int, **more: Any) -> list[Bot]:
    return [merge(None, visited(listed(f"bot-{n:03}", T0, **more), T0)) for n in range(number)]


def gone(bot: Bot) -> Bot:
    return bot.model_copy(update={"status": "gone", "gone_since": T0})


def priced(bot: Bot, factor: str) -> Bot:
    """The bot with its card's price times a factor."""
    (rate,) = bot.pricing.rates
    rate = rate.model_copy(update={"amount": rate.amount * Decimal(factor)})
    return bot.model_copy(update={"pricing": bot.pricing.model_copy(update={"rates": (rate,)})})


def api_priced(bot: Bot, price: str) -> Bot:
    pricing = bot.pricing.model_copy(update={"api": ApiPricing(prompt=Decimal(price))})
    return bot.model_copy(update={"pricing": pricing})


OLD = bots(100)


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        pytest.param(OLD, None, id="the same"),
        pytest.param(OLD + bots(120)[100:], None, id="more"),
        pytest.param(OLD[:80], None, id="80 % stay"),
        pytest.param(OLD[:79], "79 active bots, 79.0% of the 100 published ones; at least 80%", id="79 % stay"),
        pytest.param(
            OLD[:79] + [gone(bot) for bot in OLD[79:]], "79 active bots, 79.0%", id="gone bots are not active"
        ),
        pytest.param([], "has no bots", id="none"),
        pytest.param([priced(b, "5") for b in OLD[:5]] + OLD[5:], None, id="5 % jump"),
        pytest.param(
            [priced(b, "5") for b in OLD[:6]] + OLD[6:],
            "Prices of 6 of 100 bots, 6.0%, moved by a factor of 5 or more; at most 5% may. "
            "The first are bot-000: Input from 0.075 to 0.375 points; bot-001: ",
            id="6 % jump",
        ),
        pytest.param([priced(b, "4.99") for b in OLD], None, id="all prices rise, none jumps"),
        pytest.param([priced(b, "0.2") for b in OLD], "moved by a factor", id="all fall to a fifth"),
        pytest.param([priced(b, "0.21") for b in OLD], None, id="all fall to a bit more"),
        pytest.param([priced(b, "0") for b in OLD], "Input from 0.075 to 0 points", id="all become free"),
        pytest.param([priced(b, "-1") for b in OLD], "moved by a factor", id="all change sign"),
        pytest.param([api_priced(b, "0.0001") for b in OLD], "API prompt from 0.000002 to 0.0001 USD", id="API x50"),
    ],
)
def test_reasons(candidate: list[Bot], reason: str | None) -> None:
    told = reasons(OLD, candidate)
    assert len(told) == (0 if reason is None else 1)
    assert reason is None or reason in told[0]


def test_losses_and_jumps_are_both_told() -> None:
    assert len(reasons(OLD, [priced(b, "50") for b in OLD[:50]])) == 2


def test_bots_found_elsewhere_do_not_make_up_for_half_of_the_api() -> None:
    others = [merge(None, visited(named(f"named-{n}", T0), T0)) for n in range(300)]
    told = reasons(OLD + others, OLD[:50] + others)
    assert [reason[:64] for reason in told] == ["The candidate has 50 active bots of the models API, 50.0% of the"]


def test_the_first_feed_passes_unless_it_is_empty() -> None:
    assert reasons([], OLD[:1]) == ()
    assert reasons([], []) == ("The candidate has no bots.",)


def test_other_limits() -> None:
    assert reasons(OLD, OLD[:50], Gate(min_share=0.5)) == ()
    assert reasons(OLD, [priced(OLD[0], "5"), *OLD[1:]], Gate(max_jumps=0)) != ()


def test_prices_are_compared_per_unit() -> None:
    def per_million(bot: Bot) -> Bot:
        rate = {**bot.pricing.rates[0].model_dump(), "amount": "75000"}
        rate["per"]["quantity"] = "1000000"
        pricing = bot.pricing.model_copy(update={"rates": (Rate.model_validate(rate),)})
        return bot.model_copy(update={"pricing": pricing})

    assert reasons(OLD, [per_million(bot) for bot in OLD]) == ()


def test_prices_that_only_one_of_both_has_do_not_count() -> None:
    def relabelled(bot: Bot) -> Bot:
        rate = bot.pricing.rates[0].model_copy(update={"label": "Other", "amount": Decimal(9999)})
        pricing = bot.pricing.model_copy(update={"rates": (rate,)})
        return bot.model_copy(update={"pricing": pricing})

    assert reasons(OLD, [relabelled(bot) for bot in OLD]) == ()


def unpriced(bot: Bot, **lost: Any) -> Bot:
    return bot.model_copy(update={"pricing": bot.pricing.model_copy(update=lost)})


@pytest.mark.parametrize(
    ("lost", "source"), [({"rates": ()}, "page"), ({"api": None}, "models API"), ({"api": ApiPricing()}, "models API")]
)
def test_lost_prices(lost: dict[str, Any], source: str) -> None:
    five = [*(unpriced(bot, **lost) for bot in OLD[:5]), *OLD[5:]]
    assert reasons(OLD, five) == ()
    six = [*(unpriced(bot, **lost) for bot in OLD[:6]), *OLD[6:]]
    (reason,) = reasons(OLD, six)
    assert reason == (
        f"6 of 100 bots with prices from their {source}, 6.0%, lose them; at most 5% may. "
        "The first are bot-000, bot-001, bot-002."
    )
    assert reasons(OLD, six, Gate(max_lost=0.06)) == ()


def test_two_bots_that_lose_their_prices_are_their_own_matter() -> None:
    """Two of ten are a fifth, and yet no more than two creators who changed their minds."""
    for count, refused in ((2, False), (3, True)):
        candidate = [*(unpriced(bot, rates=()) for bot in OLD[:count]), *OLD[count:10]]
        assert bool(reasons(OLD[:10], candidate)) is refused


def test_bots_that_had_no_price_do_not_count_as_losing_one() -> None:
    bare = [unpriced(bot, rates=(), api=None) for bot in OLD[:90]]
    assert reasons([*bare, *OLD[90:]], [*bare, *(unpriced(bot, rates=()) for bot in OLD[90:93]), *OLD[93:]]) != ()


def test_the_upper_end_of_a_range_counts() -> None:
    def ranged(bot: Bot, upper: str) -> Bot:
        rate = bot.pricing.rates[0].model_copy(update={"max_amount": Decimal(upper)})
        return bot.model_copy(update={"pricing": bot.pricing.model_copy(update={"rates": (rate,)})})

    before = [ranged(bot, "100") for bot in OLD]
    assert reasons(before, [ranged(bot, "499") for bot in OLD]) == ()
    assert "moved by a factor" in reasons(before, [ranged(bot, "500") for bot in OLD])[0]
