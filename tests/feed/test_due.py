"""What is due."""

from datetime import timedelta

import pytest

from poe_scraper.feed.due import is_due, is_news
from poe_scraper.feed.merge import carry_over, merge
from poe_scraper.feed.spool import BotSpool, KnownBots
from poe_scraper.items import Architecture, Bot, BotError
from tests.feed.sightings import DAY, T0, failed, listed, malformed, named, visited

KNOWN = merge(None, visited(listed("gpt-test", T0), T0))
NOW = T0 + timedelta(hours=23)
SEEN = listed("gpt-test", NOW)


def on_site(bot: Bot, url: str) -> Bot:
    """The bot, its page seen at another address."""
    assert bot.observed.page is not None
    page = bot.observed.page.model_copy(update={"url": url})
    return bot.model_copy(update={"observed": bot.observed.model_copy(update={"page": page})})


UNPARSED = BotError(stage="rates", code="card_unparsed", message="1 piece", at=T0)


@pytest.mark.parametrize(
    ("known", "seen", "due"),
    [
        pytest.param(KNOWN, SEEN, False, id="seen lately"),
        pytest.param(None, SEEN, True, id="unknown"),
        pytest.param(merge(None, listed("gpt-test", T0)), SEEN, True, id="page never seen"),
        pytest.param(merge(KNOWN, failed(listed("gpt-test", T0), T0)), SEEN, True, id="page failed"),
        pytest.param(merge(KNOWN, visited(SEEN, NOW, None)), SEEN, True, id="card missing"),
        pytest.param(KNOWN.model_copy(update={"errors": (UNPARSED,)}), SEEN, False, id="card not understood"),
        pytest.param(merge(KNOWN, malformed("gpt-test", NOW)), SEEN, False, id="entry was malformed"),
        pytest.param(KNOWN, malformed("gpt-test", NOW), False, id="entry is malformed"),
        pytest.param(KNOWN, listed("gpt-test", NOW, "0.000003"), True, id="API price changed"),
        pytest.param(KNOWN, listed("gpt-test", NOW, None), True, id="API price went"),
        pytest.param(KNOWN, listed("gpt-test", NOW, owned_by="Other"), True, id="owner changed"),
        pytest.param(KNOWN, listed("gpt-test", NOW, architecture=Architecture()), True, id="modalities changed"),
        pytest.param(KNOWN, listed("gpt-test", NOW, display_name="Other"), False, id="name the page knows better"),
        pytest.param(merge(None, visited(named("gpt-test", T0), T0)), SEEN, False, id="listed for the first time"),
        pytest.param(KNOWN.model_copy(update={"status": "gone"}), SEEN, True, id="back"),
        pytest.param(on_site(KNOWN, "https://www.poe.com/GPT-Test"), SEEN, False, id="seen on a subdomain"),
        pytest.param(on_site(KNOWN, "http://127.0.0.1:8321/GPT-Test"), SEEN, True, id="seen on another site"),
    ],
)
def test_due(known: Bot | None, seen: Bot, due: bool) -> None:
    assert is_due(known, seen, now=NOW, max_age=DAY) is due


@pytest.mark.parametrize(
    ("age", "due"), [(timedelta(0), False), (DAY, False), (DAY + timedelta(seconds=1), True), (-DAY, True)]
)
def test_age(age: timedelta, due: bool) -> None:
    now = T0 + age
    assert is_due(KNOWN, listed("gpt-test", now), now=now, max_age=DAY) is due


def test_force() -> None:
    assert is_due(KNOWN, SEEN, now=NOW, max_age=DAY, force=True)


UNSEEN = merge(None, listed("gpt-test", T0))
"""A bot whose page was never seen: what the API says of it counts."""


@pytest.mark.parametrize(
    ("known", "seen", "news"),
    [
        pytest.param(KNOWN, SEEN, False, id="the same"),
        pytest.param(KNOWN, listed("gpt-test", NOW, display_name="Other"), False, id="name the page knows better"),
        pytest.param(UNSEEN, SEEN, False, id="the same, page never seen"),
        pytest.param(UNSEEN, listed("gpt-test", NOW, display_name="Other"), True, id="name the page has not told yet"),
        pytest.param(None, SEEN, True, id="unknown"),
        pytest.param(KNOWN, listed("gpt-test", NOW, "0.000003"), True, id="API price changed"),
        pytest.param(KNOWN, listed("gpt-test", NOW, owned_by="Other"), True, id="owner changed"),
        pytest.param(KNOWN, SEEN.model_copy(update={"id": "GPT-Test"}), True, id="id in another case"),
        pytest.param(KNOWN, visited(SEEN, NOW), True, id="page seen"),
        pytest.param(KNOWN, failed(SEEN, NOW), True, id="page failed"),
        pytest.param(KNOWN, malformed("gpt-test", NOW), True, id="entry is malformed"),
        pytest.param(merge(KNOWN, malformed("gpt-test", T0)), SEEN, True, id="entry was malformed"),
        pytest.param(KNOWN.model_copy(update={"status": "gone"}), SEEN, True, id="back"),
        pytest.param(KNOWN.model_copy(update={"discovered_by": ("creator",)}), SEEN, True, id="found elsewhere"),
        pytest.param(merge(None, visited(named("gpt-test", T0), T0)), SEEN, True, id="listed for the first time"),
    ],
)
def test_news(known: Bot | None, seen: Bot, news: bool) -> None:
    assert is_news(known, seen) is news
    if known is not None and seen.observed.catalog is not None:
        bots = BotSpool()
        carry_over(KnownBots([known]), bots, unchanged={"gpt-test": seen.observed.catalog}, complete=True, now=NOW)
        assert (bots["gpt-test"] == merge(known, seen)) is not news, "what no item is made of needs none"
