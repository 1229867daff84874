"""Run a spider in this process, and end it in order on SIGINT, SIGTERM and SIGHUP."""

import signal

from scrapy import Spider
from scrapy.crawler import Crawler, CrawlerProcessBase
from scrapy.utils.defer import deferred_from_coro


def run_spider(process: CrawlerProcessBase, spider: type[Spider], **arguments: object) -> Crawler:
    """Run a spider to its end.

    Before it has started, Ctrl-C ends the process at once: nothing was read yet. Afterwards, SIGINT and SIGTERM end the
    crawl in order, and a second one at once (both by Scrapy). SIGHUP, which the end of a terminal or an ssh connection
    sends, possibly several times, also ends the crawl in order. It stays ignored under nohup.

    Args:
        process: the process that runs it.
        spider: its class.
        arguments: its arguments.
    """
    from twisted.internet import reactor

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    crawler = process.create_crawler(spider)
    process.crawl(crawler, **arguments)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        reactor.callWhenRunning(signal.signal, signal.SIGHUP, lambda *_: reactor.callFromThread(_stop, crawler))
    process.start()
    return crawler


def _stop(crawler: Crawler) -> None:
    deferred_from_coro(crawler.stop_async())
