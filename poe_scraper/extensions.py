"""Scrapy extensions.

https://docs.scrapy.org/en/latest/topics/extensions.html
"""

import logging
import sys
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.exceptions import UsageError as ScrapyUsageError
from scrapy.settings import BaseSettings

from poe_scraper.failures import UsageError
from poe_scraper.settings import check
from poe_scraper.spiders.state import state_of


class SettingsAddon:
    """Checks our settings, for Scrapy commands that run a spider of another kind, such as `scrapy shell`.

    https://docs.scrapy.org/en/latest/topics/addons.html
    """

    def update_settings(self, settings: BaseSettings) -> None:
        """Convert our settings to their types.

        Raises:
            scrapy.exceptions.UsageError: a value is wrong. Scrapy's commands print it and exit with 2.
        """
        try:
            check(settings)
        except UsageError as error:
            raise ScrapyUsageError(str(error), print_help=False) from error


class ListenersAddon:
    """Leaves out Scrapy's listeners unless they are asked for: importing aiohttp takes 8 MB and a tenth of the start.

    https://docs.scrapy.org/en/latest/topics/addons.html
    """

    def update_settings(self, settings: BaseSettings) -> None:
        """Remove extensions that are switched off before Scrapy imports them."""
        for switch, extension in (
            ("TELNETCONSOLE_ENABLED", "scrapy.extensions.telnet.TelnetConsole"),
            ("REMOTE_CONTROL_ENABLED", "scrapy.extensions.remote_control.RemoteControl"),
        ):
            if not settings.getbool(switch):
                # None in EXTENSIONS is not enough: Scrapy imports what it disables
                settings["EXTENSIONS_BASE"].pop(extension, None)


class Traffic:
    """Counts requests and bytes that need no browser: the models API and `robots.txt`.

    The browser's traffic is counted with each page.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.stats = crawler.stats
        crawler.signals.connect(self.request_reached_downloader, signals.request_reached_downloader)
        crawler.signals.connect(self.bytes_received, signals.bytes_received)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the extension for a crawler."""
        return cls(crawler)

    def request_reached_downloader(self, request: Request) -> None:
        """Count a request."""
        if not request.meta.get("poe_page"):
            self.stats.inc_value(f"poe/requests/{_kind(request)}")

    def bytes_received(self, data: bytes, request: Request) -> None:
        """Count a chunk of a response, as it was transferred."""
        self.stats.inc_value(f"poe/bytes/{_kind(request)}", len(data))


def _kind(request: Request) -> str:
    return "api" if request.meta.get("poe_catalog") else "robots"


class ProgressBar:
    """Shows how many of the due pages are done, on a terminal only."""

    def __init__(self, crawler: Crawler) -> None:
        console = Console(stderr=True)
        if not console.is_terminal:
            raise NotConfigured
        self.state = state_of(crawler)
        self.progress = Progress(
            TextColumn("bot pages"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[failed]} failed"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self.log_handlers: list[logging.StreamHandler[TextIO]] = []
        self.task = self.progress.add_task("bot pages", total=None, failed=0)
        self.crawler = crawler
        crawler.signals.connect(self.spider_opened, signals.spider_opened)
        crawler.signals.connect(self.item_scraped, signals.item_scraped)
        crawler.signals.connect(self.spider_closed, signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the extension for a crawler."""
        return cls(crawler)

    def spider_opened(self) -> None:
        """Show the bar, with log lines above it."""
        terminal = sys.stderr
        self.progress.start()  # from here on sys.stderr writes above the bar
        self.log_handlers = [
            handler
            for handler in logging.root.handlers
            if isinstance(handler, logging.StreamHandler) and handler.stream is terminal
        ]
        self._log_to_stderr()

    def item_scraped(self) -> None:
        """Count a finished bot."""
        stats = self.crawler.stats
        done = stats.get_value("poe/pages/rendered", 0)
        failed = sum(count for key, count in stats.get_stats().items() if key.startswith("poe/failures/"))
        total = self.state.pages
        self.progress.update(self.task, completed=done + failed, total=total, failed=failed)

    def spider_closed(self) -> None:
        """Remove the bar."""
        self.progress.stop()
        self._log_to_stderr()

    def _log_to_stderr(self) -> None:
        for handler in self.log_handlers:
            handler.setStream(sys.stderr)
