"""The calculation in the browser and `poe_scraper.pricing.costs` agree to the last digit."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from poe_scraper.failures import UnpricedError
from poe_scraper.feed.reader import starter_feed
from poe_scraper.items import POINTS_PER_USD, Bot, Pricing
from poe_scraper.pricing.costs import cost
from poe_scraper.site import data

CASES = json.loads((Path(__file__).parents[1] / "pricing" / "costs_cases.json").read_text(encoding="utf-8"))
SCRIPT = Path(data.__file__).parent / "assets" / "cost.js"

COMPUTE = """(calls) => calls.map(({ bot, usage, attributes, pointsPerUsd }) => {
    try {
        return Cost.cost(bot, usage, { attributes, pointsPerUsd });
    } catch (error) {
        if (!(error instanceof Cost.Unpriced)) throw error;
        return { refused: error.message, choices: error.choices };
    }
})"""

USAGES: list[dict[str, Any]] = [
    {"input_tokens": 123_457, "output_tokens": 789, "messages": 3},
    {"input_tokens": 300_001, "cached_input_tokens": 17, "cache_write_tokens": 5, "output_tokens": 1},
    {"images": 7},
    {"seconds": "12.34"},
    {"characters": 4321},
    {"units": {"use": 3}},
    {"messages": 1, "searches": 2},
]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.set_content("<p>")
    page.add_script_tag(content=SCRIPT.read_text(encoding="utf-8"))
    yield page
    page.close()


def in_python(bot: Bot, usage: dict[str, Any], attributes: Any, points_per_usd: Decimal) -> dict[str, Any]:
    units = {unit: Decimal(str(count)) for unit, count in usage.get("units", {}).items()}
    named: dict[str, Any] = {name: Decimal(str(count)) for name, count in usage.items() if name != "units"}
    try:
        bill = cost(bot, **named, units=units, attributes=attributes, points_per_usd=points_per_usd)
    except UnpricedError as error:
        return {"refused": error.reason, "choices": list(error.choices)}
    result = bill.model_dump(mode="json")
    result["lines"] = [{**line, "applied": [item["kind"] for item in line["applied"]]} for line in result["lines"]]
    return result


def in_browser(page: Page, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = page.evaluate(COMPUTE, calls)
    for answer in answers:
        for line in answer.get("lines", ()):
            line["applied"] = [item["kind"] for item in line["applied"]]
    return answers


def call(bot: Bot, usage: dict[str, Any], attributes: Any, points_per_usd: Decimal) -> dict[str, Any]:
    return {
        "bot": data.page_data(bot),
        "usage": usage,
        "attributes": attributes,
        "pointsPerUsd": format(points_per_usd, "f"),
    }


def test_every_case(page: Page) -> None:
    arguments: list[tuple[Bot, Any, Any, Decimal]] = []
    template = starter_feed().at(0)
    for case in CASES:
        bot = template.model_copy(update={"pricing": Pricing.model_validate(case["pricing"])})
        rate = Decimal(case.get("points_per_usd", POINTS_PER_USD))
        arguments.append((bot, case["usage"], case.get("attributes", {}), rate))
    answers = in_browser(page, [call(*each) for each in arguments])
    for case, each, answer in zip(CASES, arguments, answers, strict=True):
        assert answer == in_python(*each), case["case"]
    assert sum("refused" in answer for answer in answers) == sum("refused" in case for case in CASES)


@pytest.mark.parametrize("usage", USAGES, ids=" ".join)
def test_every_bot_of_the_starter_feed(page: Page, usage: dict[str, Any]) -> None:
    arguments: list[tuple[Bot, Any, Any, Decimal]] = [(bot, usage, {}, Decimal(33_000)) for bot in starter_feed().bots]
    answers = in_browser(page, [call(*each) for each in arguments])
    for each, answer in zip(arguments, answers, strict=True):
        assert answer == in_python(*each)
    assert any("lines" in answer for answer in answers)


@pytest.mark.parametrize(
    ("usage", "message"),
    [
        ({}, "nothing is used"),
        ({"messages": "0"}, "nothing is used"),
        ({"messages": "-1"}, "at least 0"),
        ({"messages": "many"}, "not a number"),
        ({"messages": "."}, "not a number"),
    ],
)
def test_wrong_usage(page: Page, usage: dict[str, Any], message: str) -> None:
    result = page.evaluate(
        "([bot, usage]) => { try { Cost.cost(bot, usage); } catch (error) { return String(error); } }",
        [data.page_data(starter_feed().at(0)), usage],
    )
    assert result.startswith("RangeError")
    assert message in result


def test_keys_of_objects_are_only_keys(page: Page) -> None:
    pricing = Pricing.model_validate(
        {
            "rates": [
                {"label": "A", "currency": "USD", "amount": amount, "attributes": {"__proto__": name}}
                for amount, name in (("1", "x"), ("2", "constructor"))
            ]
        }
    )
    bot = starter_feed().at(0).model_copy(update={"pricing": pricing})
    text = data.script({"bot": data.page_data(bot)}).decode()
    choices = page.evaluate(
        text
        + """
        try { Cost.cost(Data.bot, { units: { use: "1" } }); }
        catch (error) { JSON.stringify(error.choices); }"""
    )
    assert json.loads(choices) == [{"__proto__": "x"}, {"__proto__": "constructor"}]
