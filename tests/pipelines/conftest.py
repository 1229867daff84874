"""Crawls that send no request: items pass the item pipelines as Scrapy calls them, in this process."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from scrapy import Spider
from scrapy.exceptions import CloseSpider, DropItem
from scrapy.utils.conf import build_component_list
from scrapy.utils.misc import build_from_crawler, load_object
from scrapy.utils.test import get_crawler

from poe_scraper import settings as project_settings
from poe_scraper.feed.store import FeedStore
from poe_scraper.items import Bot, BotError
from poe_scraper.pipelines.publish import PublishPipeline
from poe_scraper.spiders.state import CrawlState

Item = Bot | tuple[Bot, dict[str, Any]] | dict[str, Any]
"""A bot; a bot with values that no validation has seen; a plain dictionary."""


class MadeSpider(Spider):
    """A spider of this project, as far as the pipelines can tell."""

    name = "made"
    crawl_state: CrawlState


@dataclass
class Crawl:
    """What a crawl does."""

    items: Sequence[Item]
    settings: dict[str, str]
    stats: dict[str, Any] = field(default_factory=dict)
    stop_after: int | None = None
    state: dict[str, Any] = field(default_factory=dict)


class Crawls:
    """Crawls into one folder, run one after another by `run`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: list[Crawl] = []

    def add(
        self,
        items: Sequence[Item],
        settings: dict[str, str] | None = None,
        *,
        stats: dict[str, Any] | None = None,
        stop_after: int | None = None,
        **state: Any,
    ) -> None:
        given = {"POE_OUTPUT_DIR": str(self.folder), **(settings or {})}
        self.made.append(Crawl(items, given, stats or {}, stop_after, state))

    def run(self) -> list[dict[str, Any]]:
        done = [asyncio.run(_run(crawl)) for crawl in self.made]
        self.made = []
        return done

    def crawl(self, items: Sequence[Item], settings: dict[str, str] | None = None, **given: Any) -> dict[str, Any]:
        """One crawl on its own."""
        self.add(items, settings, **given)
        (done,) = self.run()
        return done

    @property
    def bots(self) -> dict[str, Bot]:
        feed = FeedStore(self.folder).current()
        return {bot.id: bot for bot in feed.data} if feed else {}

    def files(self) -> dict[str, bytes]:
        """All files but the locks and the run reports."""
        paths = (path for path in self.folder.rglob("*") if path.is_file() and not path.name.startswith(".lock"))
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in paths if path.parent.name != "runs"}


async def _run(crawl: Crawl) -> dict[str, Any]:
    defaults = {name: value for name, value in vars(project_settings).items() if name.isupper()}
    crawler = get_crawler(MadeSpider, {**defaults, "EXTENSIONS": {}, **crawl.settings})
    spider = MadeSpider.from_crawler(crawler)
    crawler.spider = spider
    spider.crawl_state = state = _state(crawl.state)
    for key, count in crawl.stats.items():
        crawler.stats.set_value(key, count)
    paths = {**crawler.settings.getdict("ITEM_PIPELINES"), PublishPipeline: 400}
    pipelines = [build_from_crawler(load_object(path), crawler) for path in build_component_list(paths)]
    publisher = pipelines[-1]
    assert isinstance(publisher, PublishPipeline)
    dropped: list[str] = []
    try:
        await publisher.open_spider()
        knew = sorted(state.known)
        for item in crawl.items[: crawl.stop_after]:
            made = _made(item)
            try:
                for pipeline in pipelines:
                    made = pipeline.process_item(made)
            except DropItem as error:
                dropped.append(str(error))
        reason = "finished" if crawl.stop_after is None else "stopped"
    except CloseSpider as error:
        reason, knew = str(error.reason), []
    await publisher.spider_closed(reason)
    report = publisher.report
    return {
        "finish_reason": reason,
        "dropped": dropped,
        "knew": knew,
        "report": report.model_dump(mode="json") if report else None,
    }


def _made(item: Item) -> Any:
    if isinstance(item, tuple):
        bot, update = item
        return bot.model_copy(update=update)
    return item


def _state(given: dict[str, Any]) -> CrawlState:
    return CrawlState(
        arguments=given.get("arguments", {}),
        catalog_ok=given.get("catalog_ok", True),
        complete=given.get("complete", True),
        listed=frozenset(given.get("listed", ())),
        unlisted=set(given.get("unlisted", ())),
        problems=[BotError.model_validate(problem) for problem in given.get("problems", ())],
    )


@pytest.fixture
def crawls(tmp_path: Path) -> Crawls:
    return Crawls(tmp_path / "output")
