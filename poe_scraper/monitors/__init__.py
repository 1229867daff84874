"""Monitors: a run held against limits, with Spidermon.

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
    """Turns Spidermon on where `POE_MONITORS` asks for it. Nothing of Spidermon is imported elsewhere.

    https://docs.scrapy.org/en/latest/topics/addons.html
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the add-on for a crawler."""
        return cls(crawler)

    def update_settings(self, settings: BaseSettings) -> None:
        """Add Spidermon with our suite, unless the settings name another one.

        Raises:
            NotConfigured: monitors are not asked for.
        """
        if not settings.getbool("POE_MONITORS"):
            raise NotConfigured
        if find_spec("spidermon") is None:
            self.crawler.signals.connect(self.nobody_watches, signals.engine_stopped)
            return
        settings["EXTENSIONS"]["spidermon.contrib.scrapy.extensions.Spidermon"] = 500
        settings.set("SPIDERMON_ENABLED", True, "addon")
        # when the engine stops the feed is published and the report written; at spider_closed they may not be yet
        settings.set("SPIDERMON_ENGINE_STOP_MONITORS", ["poe_scraper.monitors.suite.PoeModelsSuite"], "addon")

    def nobody_watches(self) -> None:
        """Say in the run report that Spidermon is missing."""
        report_problems(self.crawler, ["POE_MONITORS needs Spidermon: pip install 'poe-scraper[monitors]'"])


def report_problems(crawler: Crawler, messages: list[str]) -> None:
    """Add what monitors found to the report of a run that is over; it degrades the exit code.

    Raises:
        FeedError: the report cannot be written.
    """
    publisher = crawler.get_item_pipeline(PublishPipeline)
    if publisher is not None:
        at = now()
        publisher.amend(
            tuple(RunError(stage="monitors", code=Code.MONITOR_FAILED, message=message, at=at) for message in messages)
        )
