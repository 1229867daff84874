"""How fast rate cards are read: `python benchmarks/rates.py [BOTS.json]`.

BOTS.json is a list of objects with `rate_card`. Prints cards per second of three readings of the same cards in
the same run, and how time grows with the length of a card, up to a megabyte of what is hardest to read.

The plain reading that ours is compared with renders the markdown with markdown-it-py, parses the HTML with
Beautiful Soup and its built-in parser, and finds dollars and points in the cells with one pattern.

With `--checks` it prints the table of `docs/rates.md` instead.
"""

import argparse
import gc
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from time import process_time
from typing import Any

from bs4 import BeautifulSoup
from markdown_it import MarkdownIt

from poe_scraper.items import ApiPricing, Check, Rate, Reading
from poe_scraper.pricing.checks import checks
from poe_scraper.rates import grammar, lexer, numbers, read_card, tables, titles

ROUNDS = 15
BOTS = Path(__file__).parents[2] / "shared" / "poe" / "bots.json"

_MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_PRICE = re.compile(r"\$\s*(\d[\d.,]*)|(\d[\d.,]*)\s*(?:points?|pts)")
MEMORIES = (
    lexer._known_piece,
    grammar._per,
    titles._known_title,
    numbers.readings,
    tables._known_found,
    tables._row_adjustments,
    tables._without_currency,
)


def read_plainly(card: str) -> Reading:
    """The plain way: a table's first cells are labels, and dollars and points in the others are prices."""
    rates = []
    for row in BeautifulSoup(_MARKDOWN.render(card), "html.parser").find_all("tr"):
        label, *cells = (cell.get_text(" ", strip=True) for cell in row.find_all(["td", "th"]))
        for cell in cells:
            for usd, points in _PRICE.findall(cell):
                amount = Decimal((usd or points).replace(",", ""))
                rates.append(Rate(label=label, currency="USD" if usd else "points", amount=amount))
    return Reading(rates=tuple(rates))


def seconds(read: Callable[[str], Reading], cards: Sequence[str]) -> float:
    """One round over the cards, in seconds of this process."""
    gc.collect()
    start = process_time()
    for card in cards:
        read(card)
    return process_time() - start


def speed(cards: Sequence[str]) -> None:
    """Times the readings in turn, so that whatever else the machine does meets all of them alike.

    Our reader remembers the words of the cards it has read. Its round starts with nothing remembered, else all
    rounds but the first would be read from memory; the round `again` shows what that would give.
    """
    rounds = []
    for _ in range(ROUNDS):
        plain = seconds(read_plainly, cards)
        for memory in MEMORIES:
            memory.cache_clear()
        rounds.append((plain, seconds(read_card, cards), seconds(read_card, cards)))
    plain, ours, again = map(min, zip(*rounds, strict=True))
    print(f"{len(cards)} cards, {sum(map(len, cards))} characters, best of {ROUNDS} rounds")
    print(f"plain reading  {len(cards) / plain:8.0f} cards/s")
    print(f"ours           {len(cards) / ours:8.0f} cards/s")
    print(f"ours, again    {len(cards) / again:8.0f} cards/s, the same cards a second time")
    print(f"ours is {plain / ours:.1f} times as fast")


_ROW = "| Input (text) | $0.25/1M tokens | 9 points/1k tokens |\n"
HARD: dict[str, Callable[[int], str]] = {
    "rows of a table": lambda n: "| Type | USD | Points |\n|-|-|-|\n" + _ROW * (n // len(_ROW)),
    "lines of prose": lambda n: "Image 720p: 100 points ($0.0030) / image\n" * (n // 41),
    "one sentence": lambda n: "Each image costs 100 points and $0.003 per image plus " * (n // 54),
    "many sentences": lambda n: "It costs 5 points. " * (n // 19),
    "one title": lambda n: f"**{'word ' * (n // 10)}**\n\n" + "- x: 5 points\n" * (n // 28),
    "one line of digits": lambda n: "$" + "1" * n,
    "digits and commas": lambda n: "1," * (n // 2) + " points",
    "blanks": lambda n: "5" + " " * n + "points",
    "dollars": lambda n: "$" * n,
    "struck out": lambda n: "~~$5~~ $4. " * (n // 11),
    "struck out, one after the other": lambda n: "~~$5~~ ~~5 points~~ " * (n // 20),
    "brackets": lambda n: "[" * n,
    "links": lambda n: "[a](" * (n // 4),
    "definitions": lambda n: "".join(f"[{i}]: $5\n" for i in range(n // 10)),
    "raw tags": lambda n: "[usd_milli_cents=" * (n // 17),
    "backticks": lambda n: "".join(f"x{'`' * (i % 999)} " for i in range(n // 502)),
    "emphasis": lambda n: "*a **b " * (n // 7),
    "quotes": lambda n: ">" * n,
    "nested list": lambda n: "".join(f"{' ' * (2 * (i % 300))}- 5 points\n" for i in range(n // 311)),
    "pipes": lambda n: "|" * n,
    "pipes and prices": lambda n: "| $5 " * (n // 5),
    "half a table": lambda n: "| a | $5\n" * (n // 9),
    "wide table": lambda n: "|a" * (n // 6) + "\n" + "|-" * (n // 6) + "\n" + "|5" * (n // 6) + "\n",
    "entities": lambda n: "&#36;5 " * (n // 7),
    "raw HTML": lambda n: "<b><i>$5 " * (n // 9),
    "comments": lambda n: "<!-- $5 -->\n" * (n // 12),
    "multipliers": lambda n: "input 2x output 3x context >5 " * (n // 30),
    "per cent": lambda n: "cache 5% less written " * (n // 22),
    "mark-ups": lambda n: "cost + 5% " * (n // 10),
    "formulas": lambda n: "5 points × x " * (n // 13),
    "factors": lambda n: "it costs 2x for HD " * (n // 19),
    "dates": lambda n: "5 points from Dec 1, " * (n // 21),
    "lists of prices": lambda n: "1/2/3 points, 4 for x, " * (n // 23),
    "changes": lambda n: "was 5 points -> 4 points " * (n // 25),
    "arrows": lambda n: "5 points -> 4 points " * (n // 21),
    "numbers under a title": lambda n: "**Points**\n\n" + "- a 5, 6 - 7\n" * (n // 13),
}


def growth(sizes: Sequence[int]) -> None:
    print("milliseconds for " + ", ".join(f"{size // 1000} kB" for size in sizes))
    for name, build in HARD.items():
        taken = []
        for size in sizes:
            card = build(size)
            start = process_time()
            read_card(card)
            taken.append(process_time() - start)
        figures = "".join(f"{second * 1000:9.0f}" for second in taken)
        print(
            f"{name:32}{figures}   {taken[-1] / max(taken[-2], 0.001):5.1f} times for twice the length",
            flush=True,
        )


def checked(bots: Sequence[dict[str, Any]]) -> Iterator[tuple[str, Check]]:
    for bot in bots:
        api = bot["api_pricing"]
        for check in checks(read_card(bot["rate_card"]), ApiPricing.model_validate(api) if api else None):
            yield bot["handle"], check


def print_checks(bots: Sequence[dict[str, Any]]) -> None:
    found = list(checked(bots))
    print("| check | agrees | differs | suspect | not comparable |\n|---|---|---|---|---|")
    for kind in ("usd_points", "api_page", "neighbours", "range"):
        count = Counter(check.result for _, check in found if check.kind == kind)
        print(f"| `{kind}` | {count['agrees']} | {count['differs']} | {count['suspect']} | {count['not_comparable']} |")

    print("\n| bot | prices that differ | of | reason | for example |\n|---|---|---|---|---|")
    compared = Counter((handle, check.kind) for handle, check in found if check.result != "not_comparable")
    differing: dict[tuple[str, str, str | None], list[Check]] = {}
    for handle, check in found:
        if check.result in {"differs", "suspect"}:
            differing.setdefault((handle, check.kind, check.reason), []).append(check)
    for (handle, kind, reason), prices in differing.items():
        figures = ", ".join(f"{name} {value:f}" for name, value in prices[0].figures.items())
        print(f"| {handle} | {len(prices)} | {compared[handle, kind]} | {reason} | {prices[0].subject}: {figures} |")

    print("\n| check | not comparable because | checks | bots |\n|---|---|---|---|")
    missing = [(check.kind, check.reason, handle) for handle, check in found if check.result == "not_comparable"]
    for (kind, why), times in Counter((kind, why) for kind, why, _ in missing).items():
        handles = {handle for other, reason, handle in missing if (other, reason) == (kind, why)}
        print(f"| `{kind}` | {why} | {times} | {len(handles)} |")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("bots", nargs="?", type=Path, default=BOTS)
    arguments.add_argument("--checks", action="store_true", help="print the table of docs/rates.md")
    arguments.add_argument("--no-growth", action="store_true", help="only the speed on real cards")
    options = arguments.parse_args()
    if not options.bots.is_file():
        sys.exit(f"{options.bots} does not exist: give the path of a list of bots with rate cards.")
    bots = [bot for bot in json.loads(options.bots.read_text("utf-8")) if bot["rate_card"]]
    if options.checks:
        print_checks(bots)
        return
    speed([bot["rate_card"] for bot in bots])
    if not options.no_growth:
        growth((250_000, 500_000, 1_000_000))


if __name__ == "__main__":
    main()
