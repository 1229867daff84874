"""`scrapy crawl` with a clear word on wrong arguments, and an exit status that tells how the crawl ended."""

import argparse

from scrapy.commands import crawl
from scrapy.exceptions import UsageError as ScrapyUsageError

from poe_scraper.browser.session import asked_session
from poe_scraper.cli.ending import ending, log_ending
from poe_scraper.cli.exits import ExitCode
from poe_scraper.distributed import is_shared
from poe_scraper.failures import UsageError
from poe_scraper.untrusted import safe


class Command(crawl.Command):
    """Run a spider of the project."""

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Run the crawl; the exit statuses are those of `poe-scraper`."""
        if len(args) != 1:
            raise ScrapyUsageError("name one spider")
        crawler = self._create_crawler(args[0])
        check_arguments = getattr(crawler.spidercls, "check_arguments", None)
        try:
            asked_session(crawler.settings)
            is_shared(crawler.settings, opts.spargs.get("role", ""))
            if check_arguments is not None:
                check_arguments(**opts.spargs)
        except UsageError as error:
            log_ending([safe(str(error))], ExitCode.WRONG_USAGE, crawler.settings)
            raise ScrapyUsageError(str(error), print_help=False) from error
        process = self.crawler_process
        assert process is not None  # noqa: S101 - Scrapy makes it before it runs a command
        process.crawl(crawler, **opts.spargs)
        process.start()
        self.exitcode = ending(crawler)
