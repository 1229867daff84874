"""`scrapy crawl` with a clear word on wrong arguments, and an exit status that tells how the crawl ended."""

import argparse

from scrapy.commands import crawl
from scrapy.exceptions import UsageError as ScrapyUsageError

from poe_scraper.cli.ending import ending
from poe_scraper.failures import UsageError


class Command(crawl.Command):
    """Run a spider of the project."""

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Run the crawl; the exit statuses are those of `poe-scraper`."""
        if len(args) != 1:
            raise ScrapyUsageError("name one spider")
        crawler = self._create_crawler(args[0])
        check_arguments = getattr(crawler.spidercls, "check_arguments", None)
        if check_arguments is not None:
            try:
                check_arguments(**opts.spargs)
            except UsageError as error:
                raise ScrapyUsageError(str(error), print_help=False) from error
        process = self.crawler_process
        assert process is not None  # noqa: S101 - Scrapy makes it before it runs a command
        process.crawl(crawler, **opts.spargs)
        process.start()
        self.exitcode = ending(crawler)
