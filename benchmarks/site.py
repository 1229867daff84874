"""How big and how fast the catalogue is: `python benchmarks/site.py [--bots N ...] [--screenshots DIR]`.

Sizes are of everything that the page of all bots loads, in bytes as gzip packs them. Times are taken in a real
Chromium, from the key to the next frame after it; they depend on the machine. The feeds are fabricated: prices are
those of the starter feed, each bot's multiplied by a factor of its own; names and descriptions are drawn.
"""

import argparse
import gzip
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from poe_scraper.browser.executable import find_browser
from poe_scraper.feed.reader import open_feed, starter_feed
from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter
from poe_scraper.items import Bot, Creator, Rate, Run
from poe_scraper.pricing.prices import page_prices
from poe_scraper.pricing.primary import primary_price
from poe_scraper.site import BuildResult, build

FIRST = datetime(2026, 10, 23, 12, tzinfo=UTC)
KEYS = "claude sonnet video image fast turbo pro 4 mini x"
LOADED = (
    "index.html", "data/bots.js", "assets/site.css", "assets/cost.js", "assets/page.js", "assets/table.js"
)  # fmt: skip
SYLLABLES = [consonant + vowel for consonant in "bcdfghklmnprst" for vowel in "aeiou"]
SIZES = {"phone": 390, "wide": 1280}


def words(chance: random.Random, count: int) -> list[str]:
    return ["".join(chance.choices(SYLLABLES, k=chance.randint(1, 4))) for _ in range(count)]


def scaled(rate: Rate, factor: Decimal) -> Rate:
    def times(amount: Decimal | None) -> Decimal | None:
        return None if amount is None else Decimal(f"{float(amount * factor):.3g}")

    changed = {name: times(getattr(rate, name)) for name in ("amount", "max_amount", "list_amount")}
    return rate.model_copy(update=changed)


def repriced(bot: Bot, factor: Decimal) -> Bot:
    rates = tuple(scaled(rate, factor) for rate in bot.pricing.rates)
    primary = primary_price(page_prices(rates), seen=bot.last_seen.date())
    return bot.model_copy(update={"pricing": bot.pricing.model_copy(update={"rates": rates, "primary": primary})})


def fabricated(count: int) -> list[Bot]:
    """The starter feed's bots, over and over, each copy with names, a description and prices of its own."""
    chance = random.Random(9)
    starter = list(starter_feed().bots)
    vocabulary = words(chance, 3000)
    weights = [1 / (place + 5) for place in range(len(vocabulary))]
    creators = [word + str(place) for place, word in enumerate(words(chance, max(count // 12, 1)))]
    bots = []
    for place in range(count):
        bot = repriced(starter[place % len(starter)], Decimal(chance.randint(50, 400)) / 100)
        handle = bot.handle or bot.id
        if place >= len(starter):
            handle = f"{'-'.join(words(chance, 2)).title()}-{place}"
        description = " ".join(chance.choices(vocabulary, weights, k=60)).capitalize() + "."
        creator = bot.creator if place < len(starter) else Creator(handle=chance.choice(creators))
        facts = {
            "id": handle.lower(),
            "handle": handle,
            "url": f"https://poe.com/{handle}",
            "creator": creator,
            "description": description,
            "first_seen": FIRST,
            "last_seen": FIRST,
        }
        bots.append(bot.model_copy(update=facts))
    return sorted(bots, key=lambda bot: bot.id)


def publish(folder: Path, bots: list[Bot]) -> None:
    """Publish three weekly versions; each moves the prices of one bot in ten."""
    chance = random.Random(10)
    with FeedWriter(FeedStore(folder), "a benchmark") as writer:
        for week in range(3):
            at = FIRST + timedelta(days=7 * week)
            if week:
                bots = [
                    repriced(bot, Decimal(chance.choice(("0.8", "1.25", "0.9")))) if chance.random() < 0.1 else bot
                    for bot in bots
                ]
            bots = [bot.model_copy(update={"last_seen": at}) for bot in bots]
            run = Run(id=f"{at:%Y%m%dT%H%M%SZ}-bench", started_at=at, finished_at=at, seen=len(bots))
            writer.publish(bots, run, now=at, accept=True)


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = find_browser()
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def typing(page: Page, address: str) -> list[float]:
    """Milliseconds from each key to the frame that shows what it found: each key typed, then taken back."""
    page.goto(address)
    page.evaluate(
        """() => {
            window.taken = [];
            const told = new MessageChannel();
            let start = 0;
            told.port1.onmessage = () => { window.taken.push(performance.now() - start); window.painted(); };
            document.getElementById("q").addEventListener("input", () => {
                requestAnimationFrame(() => told.port2.postMessage(0));
            });
            document.addEventListener("keydown", () => { start = performance.now(); }, true);
            window.key = () => new Promise((resolve) => { window.painted = resolve; });
        }"""
    )
    search = page.locator("#q")
    search.focus()
    for key in KEYS + "\b" * len(KEYS):
        done = page.evaluate_handle("() => ({ promise: window.key() })")
        page.keyboard.press("Backspace" if key == "\b" else "Space" if key == " " else key)
        done.evaluate("(waiting) => waiting.promise")
    taken: list[float] = page.evaluate("() => window.taken")
    return taken[:50]


def packed(folder: Path) -> int:
    return sum(len(gzip.compress((folder / name).read_bytes(), 6)) for name in LOADED)


def built(folder: Path, bots: list[Bot]) -> tuple[Path, BuildResult, float, float]:
    """The catalogue of a published feed, and the seconds that a first and a second build take."""
    publish(folder / "feed", bots)
    out = folder / "site"
    taken = []
    for _ in range(2):
        start = time.perf_counter()
        done = build(open_feed(folder / "feed"), FeedStore(folder / "feed"), out)
        taken.append(time.perf_counter() - start)
    return out, done, taken[0], taken[1]


def report(browser: Browser, counts: list[int]) -> None:
    print("| bots | index, gzip | time per key, median of 50 | slowest key | build | build without changes |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for count in counts:
        with tempfile.TemporaryDirectory() as name:
            out, done, first, second = built(Path(name), fabricated(count))
            page = browser.new_page()
            taken = typing(page, (out / "index.html").as_uri())
            page.close()
            assert not done.written, done.written
            print(
                f"| {count:,} | {packed(out) / 1000:.0f} kB | {statistics.median(taken):.0f} ms | {max(taken):.0f} ms "
                f"| {first:.1f} s | {second:.1f} s |",
                flush=True,
            )


def screenshots(browser: Browser, folder: Path) -> None:
    """Every kind of page at two widths, light and dark."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        out, _, _, _ = built(Path(name), fabricated(408))
        root = out.as_uri()
        moved = FeedStore(Path(name, "feed")).changes(after=1)
        changed = next(change.bot for change in moved if change.bot.startswith("gpt"))
        views = {
            "index": "index.html",
            "index-filters": "index.html?out=video&sort=price&unit=second&bot=kling-2.1-master",
            "index-price": "index.html?sort=price",
            "index-use": "index.html?input=20000&output=3000&messages=10&sort=cost",
            "bot": f"bots/{changed}.html",
            "bot-use": f"bots/{changed}.html?input=20000&output=3000&messages=1",
            "compare": "compare.html?bot=gpt-5.4&bot=claude-sonnet-4.6&bot=grok-4&input=20000&output=3000",
            "changes": "changes.html",
            "about": "about.html",
        }
        for scheme in ("light", "dark"):
            for size, width in SIZES.items():
                page = browser.new_page(
                    viewport={"width": width, "height": 900},
                    color_scheme="dark" if scheme == "dark" else "light",
                )
                for view, address in views.items():
                    page.goto(f"{root}/{address}")
                    page.screenshot(
                        path=folder / f"{view}-{size}-{scheme}.png", full_page=view.startswith(("bot", "compare"))
                    )
                page.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bots", type=int, nargs="+", default=[500, 5000])
    parser.add_argument("--screenshots", type=Path, metavar="DIR", help="take pictures of every page instead")
    options = parser.parse_args()
    with chromium() as browser:
        if options.screenshots:
            screenshots(browser, options.screenshots)
        else:
            report(browser, options.bots)


if __name__ == "__main__":
    main()
