"""Bugs of our own while one page is read: they cost that page, and the bot stays as it is known."""

from datetime import UTC, datetime

import pytest
from scrapy import signals
from scrapy.http import HtmlResponse, Request, Response
from scrapy.utils.test import get_crawler

from poe_scraper.failures import Code
from poe_scraper.items import Bot
from poe_scraper.spiders.poe_models import PoeModelsSpider

AT = datetime(2026, 10, 20, 12, tzinfo=UTC)


def test_a_bug_in_the_reader_gives_the_bot_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_bot(*args: object, **kwargs: object) -> Bot:
        raise ZeroDivisionError

    monkeypatch.setattr("poe_scraper.spiders.visits.read_bot", read_bot)
    monkeypatch.setattr("poe_scraper.spiders.visits.check_answer", lambda *args, **kwargs: None)
    crawler = get_crawler(PoeModelsSpider)
    spider = PoeModelsSpider.from_crawler(crawler)
    seen = Bot(id="gpt-test", url="https://poe.com/GPT-Test", owned_by="OpenAI", first_seen=AT, last_seen=AT)
    request = spider.visit_if_due(seen, AT)
    assert isinstance(request, Request)
    found = list(spider.parse_page(HtmlResponse(request.url, body=b"<html>", request=request)))
    (bot,) = found
    assert isinstance(bot, Bot)
    assert (bot.id, bot.owned_by) == ("gpt-test", "OpenAI")
    assert [(error.stage, error.code) for error in bot.errors] == [("page", Code.INTERNAL_ERROR)]
    assert crawler.stats.get_value(f"poe/failures/{Code.INTERNAL_ERROR}") == 1


def test_a_bug_in_another_component_counts_as_a_failure() -> None:
    crawler = get_crawler(PoeModelsSpider)
    spider = PoeModelsSpider.from_crawler(crawler)
    for _ in range(2):
        crawler.signals.send_catch_log(signals.spider_error, failure=None, response=Response("x:"), spider=spider)
    assert crawler.stats.get_value(f"poe/failures/{Code.INTERNAL_ERROR}") == 2
