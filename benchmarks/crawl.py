"""How fast and how politely bots are crawled: `python benchmarks/crawl.py [--bots 200] [--concurrency 8]`.

In one run, on one machine, with one browser and one concurrency, against the replica:

- the product: the whole process, from `scrapy crawl` to the published feed;
- a plain scrapy-playwright spider: a page for each request, Playwright's own waits and clicks;
- raw Playwright without a framework: pages that are used again;
- the product again on the unchanged catalog.

Prints ratios, and what each asked the site for. With `--scale` it crawls up to 5,000 fabricated bots
instead, and prints how time and memory grow.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from poe_scraper.browser import find_browser
from poe_scraper.replica import Replica, running

ROOT = Path(__file__).parents[1]
CONSOLE = Console()


# --- the product -------------------------------------------------------------------------------


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


# --- what it is held against -------------------------------------------------------------------


def plain_spider(urls: list[str], concurrency: int) -> None:
    """A page for each request, as scrapy-playwright's documentation has it."""
    import scrapy
    from scrapy.crawler import AsyncCrawlerProcess
    from scrapy_playwright.page import PageMethod

    class Plain(scrapy.Spider):
        name = "plain"
        custom_settings = {  # noqa: RUF012 - Scrapy's convention
            "CONCURRENT_REQUESTS": concurrency,
            "CONCURRENT_REQUESTS_PER_DOMAIN": concurrency,
            "DOWNLOAD_HANDLERS": {"http": "scrapy_playwright.handler.ScrapyPlaywrightDownloadHandler"},
            "PLAYWRIGHT_LAUNCH_OPTIONS": {"executable_path": find_browser()},
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


async def raw_playwright(urls: list[str], concurrency: int) -> None:
    """Nothing but Playwright, and as many pages as may be open at a time."""
    from playwright.async_api import async_playwright

    waiting = iter(urls)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_browser())
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


def asked(replica: Replica, bots: int) -> tuple[float, float]:
    """Requests and bytes a bot since the last look."""
    counts = replica.requests()
    replica.forget_requests()
    total: Any = counts["total"]
    sent = sum(kind["bytes"] for kind in counts["by_kind"].values())
    return total / bots, sent / bots


def compare(bots: int, concurrency: int) -> None:
    """The product against the others."""
    with running(bots=int(bots * 1.2)) as replica, tempfile.TemporaryDirectory() as folder:
        with_card = [bot for bot in replica.catalog()["bots"] if bot["listed"] and bot["rate_card"] is not None]
        handles = [bot["handle"] for bot in with_card][:bots]
        urls = [f"{replica.url}/{handle}" for handle in handles]
        addresses = Path(folder, "urls.json")
        addresses.write_text(json.dumps(urls))
        rows: list[tuple[str, float, float, float]] = []

        def run(name: str, took: float) -> None:
            rows.append((name, took, *asked(replica, len(urls))))

        replica.forget_requests()
        chosen = f"bots={','.join(handles)}"
        output = Path(folder, "output")
        run("product", product(replica, output, concurrency, "-a", chosen))
        for name in ("plain", "raw"):
            words = [__file__, "--only", name, "--urls", str(addresses), "--concurrency", str(concurrency)]
            run({"plain": "plain scrapy-playwright", "raw": "raw Playwright"}[name], seconds(words))

    table = Table("crawl", "seconds", "bots/s", "speed", "requests/bot", "bytes/bot")
    fastest = rows[0][1]
    for name, took, requests, size in rows:
        speed = f"{took / fastest:.2f}"
        table.add_row(name, f"{took:.1f}", f"{len(urls) / took:.1f}", speed, f"{requests:.2f}", f"{size:,.0f}")
    CONSOLE.print(f"{len(urls)} bots, {concurrency} at a time; speed: how many times faster the product is")
    CONSOLE.print(table)


def unchanged(bots: int, concurrency: int) -> None:
    """A first crawl against a second one of the same catalog."""
    with running(bots=bots) as replica, tempfile.TemporaryDirectory() as folder:
        first = product(replica, Path(folder), concurrency)
        replica.forget_requests()
        second = product(replica, Path(folder), concurrency)
        kinds = ", ".join(replica.requests()["by_kind"])
    CONSOLE.print(
        f"{bots} bots: first crawl {first:.1f} s, unchanged second {second:.1f} s, "
        f"{first / second:.0f} times faster; it asked for: {kinds}"
    )


# --- scale -------------------------------------------------------------------------------------


@contextmanager
def memory_of_children() -> Iterator[list[tuple[float, float]]]:
    """Megabytes of the Python process and of its children's tree, sampled while the block runs."""
    samples: list[tuple[float, float]] = []
    over = Event()

    def sample() -> None:
        while not over.wait(0.5):
            mine = psutil.Process()
            crawls = [child for child in mine.children() if "crawl" in _command(child)]
            for crawl in crawls:
                try:
                    tree = sum(child.memory_info().rss for child in crawl.children(recursive=True))
                    samples.append((crawl.memory_info().rss / 1e6, tree / 1e6))
                except psutil.NoSuchProcess:
                    continue

    thread = Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def scale(concurrency: int) -> None:
    """How time and memory grow with the catalog."""
    table = Table("bots", "seconds", "ms/bot", "Python MB at 25 / 50 / 75 / 100 %", "browser MB, same")
    for bots in (625, 1250, 2500, 5000):
        with running(bots=bots) as replica, tempfile.TemporaryDirectory() as folder, memory_of_children() as samples:
            took = product(replica, Path(folder), concurrency)
        quarters = [samples[int((len(samples) - 1) * share)] for share in (0.25, 0.5, 0.75, 1)]
        python, browser = (" / ".join(f"{quarter[i]:.0f}" for quarter in quarters) for i in (0, 1))
        table.add_row(f"{bots:,}", f"{took:.0f}", f"{took / bots * 1000:.0f}", python, browser)
    CONSOLE.print(table)


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bots", type=int, default=200)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--scale", action="store_true")
    parser.add_argument("--only", choices=["plain", "raw"], help=argparse.SUPPRESS)
    parser.add_argument("--urls", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        urls = json.loads(options.urls.read_text())
        if options.only == "plain":
            plain_spider(urls, options.concurrency)
        else:
            asyncio.run(raw_playwright(urls, options.concurrency))
    elif options.scale:
        scale(options.concurrency)
    else:
        os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
        compare(options.bots, options.concurrency)
        unchanged(options.bots, options.concurrency)


if __name__ == "__main__":
    main()
