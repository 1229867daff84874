"""Pages and catalogs as the replica serves them, with something in them changed at random.

Whatever is changed, nothing but an `ObservationError` comes out, and no fact that the original does not hold.
"""

import copy
import json
import re
from datetime import UTC, datetime
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

AT = datetime(2026, 10, 22, 13, 19, 7, tzinfo=UTC)
SITE = "https://poe.com"
HOSTS = Hosts(80)
RELEASE = Release(HOSTS)
SERVED = ServedCatalog.load(60)
BOTS = [bot for bot in SERVED.listed() if bot.rate_card is not None and bot.description][:12]
JUNK: tuple[Any, ...] = (None, 0, -1, 1.5, True, "", [], {}, [[]], {"a": None}, [None, {"handle": 3}])


def parts_of(bot: ServedBot) -> dict[str, Any]:
    """What a rendered page of a bot is made of."""
    shell = Documents(RELEASE, HOSTS).bot_page(bot, "A Creator", None).decode()
    hydration = re.search(r'<script id="__NEXT_DATA__"[^>]*>(.*?)</script>', shell, re.DOTALL)
    assert hydration is not None
    query = {"queryName": "RateCardModalQuery", "variables": {"botId": bot.bot_id}}
    return {
        "hydration": json.loads(hydration[1]),
        "answer": json.loads(graphql(SERVED, RELEASE, query, None, chinese=False)),
        "observation": {"trigger": True, "settled": False, "hasHeader": True, "answers": [{"status": 200}]},
    }


PARTS = [parts_of(bot) for bot in BOTS]
MODELS = json.loads(models([model(bot) for bot in BOTS], None))


def document(parts: dict[str, Any]) -> str:
    """The page as the browser hands it over."""
    observation = parts["observation"]
    answers = observation.get("answers") if isinstance(observation, dict) else None
    if isinstance(answers, list) and answers and isinstance(answers[0], dict):
        observation = {**observation, "answers": [{**answers[0], "text": json.dumps(parts["answer"])}]}
    scripts = (("__NEXT_DATA__", parts["hydration"]), ("poe-scraper-observation", observation))
    tags = (f'<script id="{name}">{json.dumps(data)}</script>'.replace("<\\/", "<") for name, data in scripts)
    return f"<!DOCTYPE html><html><body><h1>A bot</h1>{''.join(tags)}</body></html>"


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


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """A JSON value with one thing in it removed, renamed, wrapped or replaced."""
    value = copy.deepcopy(value)
    holder, key = value, draw(st.sampled_from(sorted(value)))
    while isinstance(holder[key], dict | list) and holder[key] and draw(st.integers(0, 9)):
        holder = holder[key]
        key = draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
    match draw(st.sampled_from(["remove", "rename", "wrap", "replace", "replace"])):
        case "remove":
            del holder[key]
        case "rename" if isinstance(holder, dict):
            holder[f"{key}2"] = holder.pop(key)
        case "wrap":
            holder[key] = draw(st.sampled_from([[holder[key]], {"node": holder[key]}]))
        case _:
            holder[key] = draw(st.sampled_from(JUNK))
    return value


def test_the_originals_are_read() -> None:
    for bot, parts in zip(BOTS, PARTS, strict=True):
        found = read(bot, document(parts))
        assert found is not None
        assert (found.display_name, found.description) == (bot.display_name, bot.description)
        assert found.pricing.rate_card == bot.rate_card
        assert_no_wrong_fact(bot, found)


@settings(max_examples=400)
@given(st.data(), st.sampled_from(range(len(BOTS))), st.sampled_from(["hydration", "answer", "observation"]))
def test_a_page_with_a_change_gives_no_wrong_fact(data: st.DataObject, number: int, part: str) -> None:
    parts = {**PARTS[number], part: data.draw(changed(PARTS[number][part]))}
    if (found := read(BOTS[number], document(parts))) is not None:
        assert_no_wrong_fact(BOTS[number], found)


@settings(max_examples=400)
@given(st.data(), st.sampled_from(range(len(BOTS))))
def test_a_page_that_is_cut_gives_no_wrong_fact(data: st.DataObject, number: int) -> None:
    html = document(PARTS[number])
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
