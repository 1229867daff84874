"""Pages and catalogs as the replica serves them, with something in them changed at random.

Whatever is changed, nothing but an `ObservationError` comes out, and no fact that the original does not hold.
"""

import json
import re
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poe_scraper import rates
from poe_scraper.failures import Code, ObservationError
from poe_scraper.items import Bot
from poe_scraper.pages.bot import read_bot
from poe_scraper.pages.catalog import Catalog, read_catalog
from poe_scraper.replica.answers import graphql, model, models
from poe_scraper.replica.catalog import Bot as ServedBot
from poe_scraper.replica.catalog import Catalog as ServedCatalog
from poe_scraper.replica.documents import Documents
from poe_scraper.replica.hosts import Hosts
from poe_scraper.replica.release import Release
from tests.pages.made_pages import STYLES, changed, flight_scripts, script_json

AT = datetime(2026, 10, 22, 13, 19, 7, tzinfo=UTC)
SITE = "https://poe.com"
HOSTS = Hosts(8000)
RELEASE = Release(HOSTS)
SERVED = ServedCatalog.load(60)
BOTS = [bot for bot in SERVED.listed() if bot.rate_card is not None and bot.description][:12]


def parts_of(bot: ServedBot) -> dict[str, Any]:
    """What a rendered page of a bot is made of."""
    shell = Documents(RELEASE, HOSTS).bot_page(bot, "A Creator", None).decode()
    hydration = re.search(r'<script id="__NEXT_DATA__"[^>]*>(.*?)</script>', shell, re.DOTALL)
    assert hydration is not None
    query = {"queryName": "RateCardModalQuery", "variables": {"botId": bot.bot_id}}
    return {
        "hydration": json.loads(hydration[1]),
        "answer": json.loads(graphql(SERVED, RELEASE, query, None, chinese=False)),
        "observation": {"trigger": True, "settled": False, "actionBar": True, "answers": [{"status": 200}]},
    }


PARTS = [parts_of(bot) for bot in BOTS]
MODELS = json.loads(models([model(bot) for bot in BOTS], None))


def document(parts: dict[str, Any], style: str = "pages") -> str:
    """The page as the browser hands it over, its data as Next.js's pages router or app router sends it."""
    observation = parts["observation"]
    answers = observation.get("answers") if isinstance(observation, dict) else None
    if isinstance(answers, list) and answers and isinstance(answers[0], dict):
        observation = {**observation, "answers": [{**answers[0], "text": json.dumps(parts["answer"])}]}
    data = script("__NEXT_DATA__", parts["hydration"])
    if style == "app":
        data = flight_scripts([("0", ["$", "main", None, parts["hydration"]])], size=2000)
    return (
        f"<!DOCTYPE html><html><body><h1>A bot</h1>{data}{script('poe-scraper-observation', observation)}</body></html>"
    )


def script(name: str, data: object) -> str:
    """A script element that holds JSON."""
    return f'<script id="{name}">{script_json(data)}</script>'


def read(bot: ServedBot, html: str) -> Bot | None:
    """The bot that a page shows; None where it cannot be used."""
    seen = Bot(id=bot.id, url=f"{SITE}/{bot.handle}", first_seen=AT, last_seen=AT)
    try:
        return read_bot(html, url=f"{SITE}/{bot.handle}", at=AT, site_url=SITE, seen=seen)
    except ObservationError:
        return None


def assert_no_wrong_fact(bot: ServedBot, found: Bot) -> None:
    assert found.handle == bot.handle
    assert found.display_name in {bot.display_name, bot.handle}
    assert found.description in {bot.description, None}
    assert found.powered_by in {bot.powered_by, None}
    assert found.creator is None or found.creator.handle == bot.creator
    assert found.pricing.rate_card in {bot.rate_card, None}
    if found.pricing.rate_card is not None:
        assert found.pricing.rates == rates.read_card(bot.rate_card or "").rates
    else:
        assert found.pricing.rates == ()


def test_the_originals_are_read() -> None:
    for (bot, parts), style in product(zip(BOTS, PARTS, strict=True), STYLES):
        found = read(bot, document(parts, style))
        assert found is not None
        assert (found.display_name, found.description) == (bot.display_name, bot.description)
        assert found.pricing.rate_card == bot.rate_card
        assert_no_wrong_fact(bot, found)


@settings(max_examples=400)
@given(
    st.data(),
    st.sampled_from(range(len(BOTS))),
    st.sampled_from(["hydration", "answer", "observation"]),
    st.sampled_from(STYLES),
)
def test_a_page_with_a_change_gives_no_wrong_fact(data: st.DataObject, number: int, part: str, style: str) -> None:
    parts = {**PARTS[number], part: data.draw(changed(PARTS[number][part]))}
    if (found := read(BOTS[number], document(parts, style))) is not None:
        assert_no_wrong_fact(BOTS[number], found)


@settings(max_examples=400)
@given(st.data(), st.sampled_from(range(len(BOTS))), st.sampled_from(STYLES))
def test_a_page_that_is_cut_gives_no_wrong_fact(data: st.DataObject, number: int, style: str) -> None:
    html = document(PARTS[number], style)
    start = data.draw(st.integers(0, len(html)))
    cut = html[:start] + html[start + data.draw(st.sampled_from([1, 40, 4000, len(html)])) :]
    read(BOTS[number], cut)
    if (found := read(BOTS[number], html[:start])) is not None:
        assert_no_wrong_fact(BOTS[number], found)


def test_another_bots_page_is_refused() -> None:
    for mine, other in zip(BOTS, PARTS[1:], strict=False):
        seen = Bot(id=mine.id, url=f"{SITE}/{mine.handle}", first_seen=AT, last_seen=AT)
        with pytest.raises(ObservationError) as refused:
            read_bot(document(other), url=f"{SITE}/{mine.handle}", at=AT, site_url=SITE, seen=seen)
        assert refused.value.code == Code.WRONG_BOT


ORIGINAL = {
    bot.id: bot for bot in read_catalog(json.dumps(MODELS).encode(), url=f"{SITE}/models", at=AT, site_url=SITE).bots
}


def catalog(body: bytes) -> Catalog:
    try:
        return read_catalog(body, url=f"{SITE}/models", at=AT, site_url=SITE)
    except ObservationError:
        return Catalog((), ())


@settings(max_examples=400)
@given(changed(MODELS))
def test_a_catalog_with_a_change_gives_no_wrong_fact(answer: Any) -> None:
    found = catalog(json.dumps(answer).encode())
    touched = [bot for bot in found.bots if bot != ORIGINAL.get(bot.id)]
    assert len(touched) <= 1
    for bot in touched:
        original = ORIGINAL[bot.id]
        differing = {name for name in Bot.model_fields if getattr(bot, name) != getattr(original, name)}
        assert len(differing - {"errors", "observed"}) <= 1, differing


@given(st.integers(0, len(json.dumps(MODELS))), st.sampled_from([1, 30, 3000]), st.binary(max_size=6))
def test_a_catalog_that_is_cut_is_read_or_refused(start: int, length: int, inserted: bytes) -> None:
    body = json.dumps(MODELS).encode()
    catalog(body[:start] + inserted + body[start + length :])
