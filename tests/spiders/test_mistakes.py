"""A mistake of our own in the reading of one page."""

from scrapy import signals
from scrapy.http import Response
from scrapy.utils.test import get_crawler

from poe_scraper.failures import Code
from poe_scraper.spiders.poe_models import PoeModelsSpider


def test_it_counts_as_a_failure() -> None:
    crawler = get_crawler(PoeModelsSpider)
    spider = PoeModelsSpider.from_crawler(crawler)
    for _ in range(2):
        crawler.signals.send_catch_log(signals.spider_error, failure=None, response=Response("x:"), spider=spider)
    assert crawler.stats.get_value(f"poe/failures/{Code.INTERNAL_ERROR}") == 2
