"""Monitors: check every run against limits, with Spidermon.

https://spidermon.readthedocs.io
"""

from importlib.util import find_spec
from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.settings import BaseSettings

from poe_scraper.clock import now
from poe_scraper.failures import Code
from poe_scraper.items import RunError
from poe_scraper.pipelines.publish import PublishPipeline


class MonitorsAddon:
    """A Scrapy add-on that enables Spidermon if `POE_MONITORS` is set. Only this package imports Spidermon.

    https://docs.scrapy.org/en/latest/topics/addons.html
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Create the add-on for a crawler."""
        return cls(crawler)

    def update_settings(self, settings: BaseSettings) -> None:
        """Add Spidermon with our suite, unless the settings name another one.

        Raises:
            NotConfigured: `POE_MONITORS` is not set.
        """
        if not settings.getbool("POE_MONITORS"):
            raise NotConfigured
        if find_spec("spidermon") is None:
            self.crawler.signals.connect(self.report_missing_package, signals.engine_stopped)
            return
        settings["EXTENSIONS"]["spidermon.contrib.scrapy.extensions.Spidermon"] = 500
        settings.set("SPIDERMON_ENABLED", True, "addon")
        # the feed is published and the report written when the engine stops, which may be after spider_closed
        settings.set("SPIDERMON_ENGINE_STOP_MONITORS", ["poe_scraper.monitors.suite.PoeModelsSuite"], "addon")

    def report_missing_package(self) -> None:
        """Add to the run report that Spidermon is not installed."""
        report_problems(self.crawler, ["POE_MONITORS needs Spidermon: pip install 'poe-scraper[monitors]'"])


def report_problems(crawler: Crawler, messages: list[str]) -> None:
    """Add the messages of monitors to the report of a finished run. They change its exit code.

    Raises:
        FeedError: the report cannot be written.
    """
    publisher = crawler.get_item_pipeline(PublishPipeline)
    if publisher is not None:
        at = now()
        publisher.amend(
            tuple(RunError(stage="monitors", code=Code.MONITOR_FAILED, message=message, at=at) for message in messages)
        )
