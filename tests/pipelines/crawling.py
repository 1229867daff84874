"""Real crawls that send no request: `python -m tests.pipelines.crawling < CRAWLS`.

CRAWLS is a JSON list; each entry has `items`, `spider` (attributes) and `settings`. An item is `{"dict": ...}` or
`{"bot": ..., "update": ...}`. The crawls run one after another; what came of each is printed as a JSON list.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import scrapy
from scrapy import signals
from scrapy.crawler import AsyncCrawlerRunner, Crawler
from scrapy.exceptions import CloseSpider
from scrapy.settings import Settings
from scrapy.utils.log import configure_logging
from scrapy.utils.reactor import install_reactor

from poe_scraper.items import Bot, BotError
from poe_scraper.pipelines.publish import PublishPipeline
from poe_scraper.spiders.state import CrawlState


class MadeSpider(scrapy.Spider):
    """Yields the items it was given, as a spider of the project would."""

    name = "made"

    def __init__(self, items: list[dict[str, Any]], attributes: dict[str, Any]) -> None:
        super().__init__()
        self.items = items
        self.crawl_state = CrawlState(
            arguments=attributes.get("arguments", {}),
            catalog_ok=attributes.get("catalog_ok", True),
            complete=attributes.get("complete", True),
            listed=frozenset(attributes.get("listed", ())),
            unlisted=set(attributes.get("unlisted", ())),
            problems=[BotError.model_validate(problem) for problem in attributes.get("problems", ())],
        )
        self.stop_after = attributes.get("stop_after")
        self.stats: dict[str, Any] = attributes.get("stats", {})
        self.knew: list[str] = []

    async def start(self) -> AsyncIterator[Any]:
        self.knew = sorted(self.crawl_state.known)
        for key, count in self.stats.items():
            self.crawler.stats.set_value(key, count)
        for number, item in enumerate(self.items):
            if number == self.stop_after:
                raise CloseSpider("stopped")
            if "bot" in item:
                yield Bot.model_validate(item["bot"]).model_copy(update=item["update"])
            else:
                yield item["dict"]


async def crawl(runner: AsyncCrawlerRunner, made: dict[str, Any]) -> dict[str, Any]:
    settings = runner.settings.copy()
    settings.setdict(made["settings"], priority="cmdline")
    crawler = Crawler(MadeSpider, settings)
    dropped: list[str] = []
    reasons: list[str] = []

    def note_drop(exception: BaseException) -> None:
        dropped.append(str(exception))

    def note_end(reason: str) -> None:
        reasons.append(reason)

    crawler.signals.connect(note_drop, signals.item_dropped)
    crawler.signals.connect(note_end, signals.spider_closed)
    await runner.crawl(crawler, items=made["items"], attributes=made["spider"])
    publisher = crawler.get_item_pipeline(PublishPipeline)
    report = publisher.report if publisher else None
    return {
        "finish_reason": reasons[0] if reasons else None,
        "dropped": dropped,
        "knew": getattr(crawler.spider, "knew", None),
        "report": report.model_dump(mode="json") if report else None,
    }


async def main() -> None:
    settings = Settings()
    settings.setmodule("poe_scraper.settings", priority="project")
    settings.set("EXTENSIONS", {}, priority="cmdline")
    settings.set("DOWNLOAD_HANDLERS", {}, priority="cmdline")
    runner = AsyncCrawlerRunner(settings)
    done = [await crawl(runner, made) for made in json.load(sys.stdin)]
    json.dump(done, sys.stdout)


if __name__ == "__main__":
    configure_logging({"LOG_LEVEL": "INFO"})
    install_reactor("twisted.internet.asyncioreactor.AsyncioSelectorReactor")
    from twisted.internet.defer import Deferred
    from twisted.internet.task import react

    react(lambda _reactor: Deferred.fromFuture(asyncio.ensure_future(main())))
