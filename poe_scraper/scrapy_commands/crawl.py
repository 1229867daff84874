"""`scrapy crawl`: publishes the feed, checks settings and arguments first, and exits as `poe-scraper` does."""

import argparse

from scrapy.commands import crawl
from scrapy.exceptions import UsageError as ScrapyUsageError

from poe_scraper.browser.preflight import check_settings
from poe_scraper.browser.session import asked_session
from poe_scraper.cli.ending import ending, log_ending
from poe_scraper.cli.exits import ExitCode
from poe_scraper.cli.running import run_spider
from poe_scraper.distributed import is_shared
from poe_scraper.failures import UsageError
from poe_scraper.pipelines.publish import PublishPipeline
from poe_scraper.settings import check
from poe_scraper.spiders.visits import PageVisits
from poe_scraper.untrusted import safe


class Command(crawl.Command):
    """Run a spider of the project."""

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Run the crawl; the exit codes are those of `poe-scraper`."""
        if len(args) != 1:
            raise ScrapyUsageError("name one spider")
        process = self.crawler_process
        assert process is not None  # noqa: S101 - Scrapy makes it before it runs a command
        known = process.spider_loader.list()
        if args[0] not in known:
            message = f"unknown spider {args[0]!r}; this project has {', '.join(sorted(known))}"
            raise ScrapyUsageError(message, print_help=False)
        spider = process.spider_loader.load(args[0])
        if not issubclass(spider, PageVisits):
            super().run(args, opts)
            return
        try:
            check(process.settings)
            check_settings(process.settings)
            asked_session(process.settings)
            is_shared(process.settings, opts.spargs.get("role", ""))
            spider.check_arguments(**opts.spargs)
        except UsageError as error:
            log_ending([safe(str(error))], ExitCode.WRONG_USAGE, process.settings)
            raise ScrapyUsageError(safe(str(error)), print_help=False) from error
        PublishPipeline.enable(process.settings)
        self.exitcode = ending(run_spider(process, spider, **opts.spargs))
