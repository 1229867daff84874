"""How fast and how politely bots are crawled: `python -m benchmarks.crawl [--write docs/performance.md]`.

In one run, on one machine, with one browser and one concurrency, against the replica:

- poe-scraper: the whole process, from `scrapy crawl` to the published feed; and again, when it knows the handles;
- a plain scrapy-playwright spider: a page for each request, Playwright's own waits and clicks;
- raw Playwright without a framework: pages that are reused; and again with the launch flags of poe-scraper.

All of them may contact the same hosts: the site, and the host of its scripts. Prints ratios, the requests of
each crawl, and which processes used the time. With `--scale` it crawls up to 5,000 made-up bots instead, shows
how time and memory grow, and crawls each catalog again unchanged.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import psutil

from benchmarks.document import table, tell
from poe_scraper.browser.executable import find_browser, launch_options
from poe_scraper.browser.network import NetworkPolicy
from poe_scraper.replica import Replica, running

ROOT = Path(__file__).parents[1]

SAME_HOSTS = "--host-resolver-rules=MAP * ^NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"
"""Lets a browser contact the replica's site and the host of its scripts, and no tracker."""


# --- poe-scraper -------------------------------------------------------------------------------


def product(replica: Replica, folder: Path, concurrency: int, *words: str) -> float:
    """Seconds that a whole `scrapy crawl` takes."""
    pace = {
        "CONCURRENT_REQUESTS_PER_DOMAIN": concurrency,
        "AUTOTHROTTLE_TARGET_CONCURRENCY": concurrency,
        "AUTOTHROTTLE_START_DELAY": 0,
        "POE_API_URL": replica.api_url,
        "POE_SITE_URL": replica.url,
        "POE_OUTPUT_DIR": folder,
        "LOG_LEVEL": "WARNING",
    }
    settings = [word for name, value in pace.items() for word in ("-s", f"{name}={value}")]
    return seconds(["-m", "scrapy", "crawl", "poe_models", *settings, *words])


def seconds(words: list[str]) -> float:
    """Wall-clock seconds of a Python process that must succeed."""
    started = time.monotonic()
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    return time.monotonic() - started


# --- the others --------------------------------------------------------------------------------


def plain_spider(urls: list[str], concurrency: int) -> None:
    """A page for each request, as in scrapy-playwright's documentation."""
    import scrapy
    from scrapy.crawler import AsyncCrawlerProcess
    from scrapy_playwright.page import PageMethod

    class Plain(scrapy.Spider):
        name = "plain"
        custom_settings = {  # noqa: RUF012 - Scrapy's convention
            "CONCURRENT_REQUESTS": concurrency,
            "CONCURRENT_REQUESTS_PER_DOMAIN": concurrency,
            "DOWNLOAD_HANDLERS": {"http": "scrapy_playwright.handler.ScrapyPlaywrightDownloadHandler"},
            "PLAYWRIGHT_LAUNCH_OPTIONS": {"executable_path": find_browser(), "args": [SAME_HOSTS]},
            "LOG_LEVEL": "WARNING",
            "TELNETCONSOLE_ENABLED": False,
        }

        async def start(self) -> Any:
            for url in urls:
                methods = [
                    PageMethod("wait_for_selector", "button:text-is('Rates')", state="attached"),
                    PageMethod("dispatch_event", "button:text-is('Rates')", "click"),
                    PageMethod("wait_for_selector", "[role=dialog] [class*=markdownContainer]"),
                ]
                yield scrapy.Request(url, meta={"playwright": True, "playwright_page_methods": methods})

        def parse(self, response: Any) -> Any:
            yield {"url": response.url, "dialog": response.css("[role=dialog]").get()}

    process = AsyncCrawlerProcess()
    process.crawl(Plain)
    process.start()


async def raw_playwright(urls: list[str], concurrency: int, options: Mapping[str, Any]) -> None:
    """Only Playwright, with `concurrency` pages; `options` are for the launch."""
    from playwright.async_api import async_playwright

    waiting = iter(urls)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**options)
        context = await browser.new_context()

        async def worker() -> None:
            page = await context.new_page()
            for url in waiting:
                await page.goto(url, wait_until="commit")
                rates = page.locator("button:text-is('Rates')")
                await rates.dispatch_event("click")
                await page.locator("[role=dialog] [class*=markdownContainer]").wait_for()
                await page.content()

        await asyncio.gather(*(worker() for _ in range(concurrency)))
        await browser.close()


# --- the runs ----------------------------------------------------------------------------------


@dataclass
class Sample:
    """Megabytes of the processes of a crawl, and their seconds of CPU so far by kind of process."""

    python: float
    browser: float
    cpu: dict[str, float]


@contextmanager
def watched(replica: Replica) -> Iterator[list[Sample]]:
    """Sample the crawl that runs meanwhile, twice a second."""
    samples: list[Sample] = []
    over = Event()
    cpu: dict[int, tuple[str, float]] = {}

    def look(crawl: psutil.Process, server: psutil.Process, server_before: float) -> None:
        browser = 0.0
        for process in crawl.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                kind = "driver" if "node" in process.name() else "Chromium"
                memory = process.memory_info().rss / 1e6
                browser += memory if kind == "Chromium" else 0.0
                cpu[process.pid] = (kind, sum(process.cpu_times()[:2]))
        cpu[crawl.pid] = ("Python", sum(crawl.cpu_times()[:2]))
        cpu[server.pid] = ("replica", sum(server.cpu_times()[:2]) - server_before)
        spent: dict[str, float] = {}
        for kind, seconds in cpu.values():
            spent[kind] = spent.get(kind, 0.0) + seconds
        samples.append(Sample(crawl.memory_info().rss / 1e6, browser, spent))

    def watch() -> None:
        server = process_of(replica)
        server_before = sum(server.cpu_times()[:2])
        while not over.wait(0.5):
            for child in psutil.Process().children():
                with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                    if "crawl" in child.cmdline():
                        look(child, server, server_before)

    thread = Thread(target=watch)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()


def process_of(replica: Replica) -> psutil.Process:
    """The process that serves a replica."""
    port = urlsplit(replica.url).port
    for process in psutil.Process().children():
        if any(connection.laddr.port == port for connection in process.net_connections() if connection.laddr):
            return process
    message = f"no child of this process serves {replica.url}"
    raise LookupError(message)


def requested(replica: Replica, bots: int) -> tuple[float, float]:
    """Requests and bytes per bot since the last call."""
    counts = replica.requests()
    replica.forget_requests()
    total: Any = counts["total"]
    sent = sum(kind["bytes"] for kind in counts["by_kind"].values())
    return total / bots, sent / bots


def compare(bots: int, concurrency: int, document: Path | None) -> None:
    """Compare poe-scraper with the others."""
    rows: list[list[str]] = []
    with running(bots=int(bots * 1.2)) as replica, tempfile.TemporaryDirectory() as folder:
        with_card = [bot for bot in replica.catalog()["bots"] if bot["listed"] and bot["rate_card"] is not None]
        handles = [bot["handle"] for bot in with_card][:bots]
        urls = [f"{replica.url}/{handle}" for handle in handles]
        addresses = Path(folder, "urls.json")
        addresses.write_text(json.dumps(urls))
        output = Path(folder, "output")
        results: dict[str, tuple[float, float, float]] = {}
        with watched(replica) as samples:
            # by their ids, as the API lists them: the canonical address costs a redirect
            chosen = f"bots={','.join(handle.lower() for handle in handles)}"
            replica.forget_requests()
            took = product(replica, output, concurrency, "-a", chosen)
            results["poe-scraper"] = (took, *requested(replica, bots))
            spent = samples[-1].cpu
        again = product(replica, output, concurrency, "-a", chosen)
        results["poe-scraper, once more"] = (again, *requested(replica, bots))
        for name, label in (
            ("plain", "plain scrapy-playwright"),
            ("raw", "raw Playwright"),
            ("flagged", "raw Playwright, poe-scraper's launch flags"),
        ):
            words = ["-m", "benchmarks.crawl", "--only", name, "--urls", str(addresses)]
            words += ["--concurrency", str(concurrency)]
            results[label] = (seconds(words), *requested(replica, bots))
    loads_all = results["plain scrapy-playwright"]
    for label, (lasted, requests, size) in results.items():
        rows.append(
            [
                label,
                f"{lasted:.1f}",
                f"{bots / lasted:.1f}",
                f"{lasted / took:.2f}",
                f"{requests:.2f}",
                f"{requests / loads_all[1]:.2f}",
                f"{size:,.0f}",
                f"{size / loads_all[2]:.2f}",
            ]
        )
    head = ["crawl", "s", "bots/s", "time / poe-scraper's", "requests/bot", "of plain's", "bytes/bot", "of plain's"]
    tell(f"{bots} bots, {concurrency} at a time:\n\n{table(head, rows)}", document, "crawl")
    cores = os.cpu_count() or 1
    shares = [[kind, f"{used / bots * 1000:.0f}"] for kind, used in sorted(spent.items(), key=lambda pair: -pair[1])]
    shares.append(["all of these", f"{sum(spent.values()) / bots * 1000:.0f}"])
    shares.append([f"there was ({cores} cores)", f"{took * cores / bots * 1000:.0f}"])
    tell(table(["processes of the first crawl", "ms of CPU a bot"], shares), document, "time")


# --- scale -------------------------------------------------------------------------------------


def scale(concurrency: int, document: Path | None) -> None:
    """Measure how time and memory grow with the catalog, and what an unchanged catalog costs."""
    head = [
        "bots",
        "s",
        "ms/bot",
        "Python MB at 25 / 50 / 75 / 100 %",
        "most",
        "browser MB, same",
        "unchanged, s",
        "times faster",
    ]
    rows = []
    for bots in (625, 1250, 2500, 5000):
        with running(bots=bots) as replica, tempfile.TemporaryDirectory() as folder:
            with watched(replica) as samples:
                first = product(replica, Path(folder), concurrency)
            replica.forget_requests()
            second = product(replica, Path(folder), concurrency)
            if set(replica.requests()["by_kind"]) != {"api"}:
                message = "the unchanged crawl asked for pages"
                raise RuntimeError(message)
        quarters = [samples[int((len(samples) - 1) * share)] for share in (0.25, 0.5, 0.75, 1)]
        rows.append(
            [
                f"{bots:,}",
                f"{first:.0f}",
                f"{first / bots * 1000:.0f}",
                " / ".join(f"{sample.python:.0f}" for sample in quarters),
                f"{max(sample.python for sample in samples):.0f}",
                " / ".join(f"{sample.browser:.0f}" for sample in quarters),
                f"{second:.1f}",
                f"{first / second:.0f}",
            ]
        )
        print(rows[-1], file=sys.stderr)
    tell(table(head, rows), document, "scale")


def main() -> None:
    """Run the benchmark that the arguments select."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bots", type=int, default=200)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--scale", action="store_true")
    parser.add_argument("--write", type=Path, metavar="DOCUMENT")
    parser.add_argument("--only", choices=["plain", "raw", "flagged"], help=argparse.SUPPRESS)
    parser.add_argument("--urls", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        urls = json.loads(options.urls.read_text())
        if options.only == "plain":
            plain_spider(urls, options.concurrency)
        else:
            flags: dict[str, Any] = {"executable_path": find_browser(), "args": [SAME_HOSTS]}
            if options.only == "flagged":
                flags = launch_options(NetworkPolicy(urls[0], known=["localhost"]))
            asyncio.run(raw_playwright(urls, options.concurrency, flags))
    elif options.scale:
        scale(options.concurrency, options.write)
    else:
        compare(options.bots, options.concurrency, options.write)


if __name__ == "__main__":
    main()
