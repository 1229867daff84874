"""Build a catalogue from a feed."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from importlib.abc import Traversable
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from poe_scraper import __version__
from poe_scraper.failures import FAILURES, Code
from poe_scraper.feed import disk
from poe_scraper.feed.history import Snapshot, bot_snapshots
from poe_scraper.feed.reader import FeedReader
from poe_scraper.feed.selection import Selection, select, unit_price
from poe_scraper.feed.store import FeedStore
from poe_scraper.items import Bot, Change
from poe_scraper.pricing import amounts
from poe_scraper.pricing.checks import CHECK_KINDS
from poe_scraper.pricing.questions import QUESTIONS
from poe_scraper.site import data, prices, timeline
from poe_scraper.site.chart import chart
from poe_scraper.site.folder import Folder
from poe_scraper.untrusted import safe

VERSIONS = 50
"""How many of the newest versions the page of changes shows; `changes.jsonl` has all."""

STALE_DAYS = 7
"""How many days a price may be older than the data as a whole before its row in the table says when it was seen."""

CHARTS = 6
"""How many price charts a bot's page has at most; the first is shown, the others are folded."""

OPEN = 10
"""How many of the newest versions, or steps of a bot, are shown; the older ones are folded."""

STEPS = 60
"""How many of the newest steps a bot's page lists."""

_NAMES = 60
"""How many bots one list of the page of changes names."""

_MOVES = 8
"""How many bots with changed prices a version lists while the page of changes has room."""

_MOVES_IN_ALL = 120
"""How many the page lists in all: it must stay small, whatever happened in 200 versions."""

_PRICES_EACH = 4
"""How many changed prices of one bot a version lists."""

_UNFOLDED = 30
"""How many changed prices a page shows at once; what changed before them is folded."""

ASSETS = ("site.css", "cost.js", "page.js", "table.js", "compare.js", "bot.js", "icon.svg")

_PLAIN_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


@dataclass(frozen=True)
class BuildResult:
    """The result of a build. File names are relative to the folder.

    Args:
        bots: number of bots in the catalogue.
        written: files that are new or have changed.
        unchanged: files that were already up to date.
        removed: files of an earlier build that are no longer part of the catalogue.
    """

    bots: int
    written: Sequence[str]
    unchanged: Sequence[str]
    removed: Sequence[str]


def build(feed: FeedReader, store: FeedStore, out: Path) -> BuildResult:
    """Write the catalogue of a feed. If nothing that it is made from has changed, nothing is computed.

    Args:
        feed: the feed to show.
        store: the feed's folder, for its history, run reports and the files to copy.
        out: the folder to write. It must be empty, not exist yet, or contain an earlier catalogue.

    Raises:
        CatalogueError: the folder cannot be written, or contains something else.
        FeedError: the feed or its history cannot be read.
    """
    folder = Folder(out, _stamp(feed, store))
    if not folder.is_current():
        _Catalogue(feed, store, folder).write()
        folder.close()
    return BuildResult(len(feed), folder.written, folder.unchanged, folder.removed)


def _stamp(feed: FeedReader, store: FeedStore) -> str:
    """Stands for all that a catalogue is made from: the feed and its history, and the code and templates."""
    # the files may be newer than the feed that was read
    digest = hashlib.sha256(f"{__version__} {feed.starter} {feed.version} {feed.generated_at}".encode())
    paths = [*store.current_files, *store.run_files()[-1:], *store.refused_files()[-1:]]
    for path in [] if feed.starter else paths:
        digest.update(f"{path.name} {disk.digest(path) if path.exists() else ''}".encode())
    digest.update(repr(store.versions()).encode())
    for package in ("poe_scraper.site", "poe_scraper.pricing", "poe_scraper.starter"):
        for source in _sources(resources.files(package)):
            digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()


def _sources(folder: Traversable) -> Iterator[Traversable]:
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        if each.is_dir() and each.name != "__pycache__":
            yield from _sources(each)
        elif each.is_file():
            yield each


def page_name(bot_id: str) -> str:
    """The file name of a bot's page without suffix: the id if it is a safe file name, else a digest of it."""
    key = bot_id.casefold()
    if _PLAIN_NAME.fullmatch(key):
        return key
    return f"bot-{hashlib.sha256(key.encode(errors='surrogatepass')).hexdigest()[:20]}"


class _Catalogue:
    def __init__(self, feed: FeedReader, store: FeedStore, folder: Folder) -> None:
        self.feed = feed
        self.store = store
        self.folder = folder
        self.changes = [change for change in store.changes() if change.version <= feed.version]
        by_bot: dict[str, list[Change]] = {}
        for change in self.changes:
            by_bot.setdefault(change.bot.casefold(), []).append(change)
        self.snapshots = {bot.key: bot_snapshots(bot, by_bot.get(bot.key, ())) for bot in feed.bots}
        self.free = {entry["id"] for entry in select(feed, Selection(free=True, gone=True))}
        self.environment = _environment()

    def write(self) -> None:
        assets = resources.files(__package__) / "assets"
        contents = {f"assets/{name}": assets.joinpath(name).read_bytes() for name in ASSETS}
        listings = [self._listing(bot) for bot in self.feed.bots]
        self.pricing = {bot.key: listing["pricing"] for bot, listing in zip(self.feed.bots, listings, strict=True)}
        head = {
            "pointsPerUsd": format(self.feed.points_per_usd, "f"),
            "date": self.feed.generated_at.isoformat(),
        }
        contents["data/bots.js"] = data.script({**head, "questions": data.questions(), "bots": listings})
        for name, content in contents.items():
            self.folder.write(name, content)
        # a new URL per content: the browser must not use a cached script with a newer page
        digests = {name: hashlib.sha256(content).hexdigest()[:12] for name, content in contents.items()}
        self.environment.globals["asset"] = lambda name: f"{name}?{digests[name]}"
        self._copies()
        self._bots()
        rows = [self._row(bot, listing) for bot, listing in zip(self.feed.bots, listings, strict=True)]
        self._page("index", rows=rows, facets=_facets(listings), purposes=_purposes())
        self._page("compare")
        limits = {"open": OPEN, "most": _NAMES, "each": _PRICES_EACH}
        self._page("changes", versions=self._versions(), more=self._more_versions(), **limits)
        self._page("about", **self._about())

    def _page(self, name: str, **context: Any) -> None:
        text = self.environment.get_template(f"{name}.html").render(
            page=name, root="", feed=self.feed, files=self.copied, **context
        )
        self.folder.write(f"{name}.html", text.encode())

    # --- files of the feed

    def _copies(self) -> None:
        """Copy the files of the feed, so that visitors can download the data."""
        wanted = self.store.current_files
        self.copied = [] if self.feed.starter else [path.name for path in wanted if path.exists()]
        for path in wanted:
            if path.name in self.copied:
                self.folder.write(path.name, path.read_bytes())

    # --- the table

    def _listing(self, bot: Bot) -> dict[str, Any]:
        entry = self.feed.entry(bot.id)
        primary = bot.pricing.primary
        price = unit_price(entry, self.feed.points_per_usd)
        page = page_name(bot.id)
        changed = self._last_change(bot)
        return data.listing(
            bot,
            {
                "page": page if page != bot.id else None,
                "unit": primary and primary.per.unit,
                "price": None if price is None else f"{price:f}",
                "free": int(bot.id in self.free),
                "unsure": int(bool(prices.doubts(bot))),
                "gone": int(bot.status == "gone"),
                "changed": changed and f"{changed:%Y-%m-%d}",
                "seen": f"{_seen(bot):%Y-%m-%dT%H:%M:%SZ}",
            },
        )

    def _last_change(self, bot: Bot) -> datetime | None:
        """When its prices or status last changed. The first version of the feed does not count as a change."""
        first = self.changes[0].version if self.changes else 0
        last = self.snapshots[bot.key][-1]
        return last.at if last.version > first else None

    def _row(self, bot: Bot, listing: dict[str, Any]) -> dict[str, Any]:
        seen = _seen(bot)
        changed = self._last_change(bot)
        recent = changed is not None and self.feed.generated_at - changed <= timedelta(days=30)
        return {
            "bot": bot,
            "page": page_name(bot.id),
            "price": prices.row(bot, self.feed.points_per_usd),
            "makes": listing.get("out", []),
            "seen": seen if self.feed.generated_at - seen > timedelta(days=STALE_DAYS) else None,
            "unsure": listing.get("unsure"),
            "changed": changed if recent else None,
        }

    # --- a bot

    def _bots(self) -> None:
        template = self.environment.get_template("bot.html")
        for bot in self.feed.bots:
            name = page_name(bot.id)
            found = self.snapshots[bot.key]
            text = template.render(
                page="bot",
                root="../",
                name=name,
                bot=bot,
                price=prices.shown(bot.pricing.primary, self.feed.points_per_usd) if bot.pricing.primary else None,
                seen=_seen(bot),
                doubts=prices.doubts(bot),
                sections=prices.sections(bot),
                api=prices.api_prices(bot.pricing.api),
                steps=(steps := timeline.steps(found))[:STEPS],
                older=max(len(steps) - STEPS, 0),
                open=_unfolded(steps),
                charts=_charts(bot, found),
                data=self._script_data(bot),
            )
            self.folder.write(f"bots/{name}.html", text.encode())
            self.folder.write(f"bots/{name}.json", data.readable(self.feed.entry(bot.id)))

    def _script_data(self, bot: Bot) -> Markup:
        bot_data = {"id": bot.id, "pricing": self.pricing[bot.key]}
        text = data.json_text({"pointsPerUsd": str(self.feed.points_per_usd), "bot": bot_data})
        return Markup(text)  # noqa: S704 - escaped

    # --- changes

    def _versions(self) -> list[dict[str, Any]]:
        """The changes of each of the newest versions, newest first."""
        numbers = sorted({change.version for change in self.changes})[-VERSIONS:]
        wanted = set(numbers)
        moved: dict[int, list[tuple[Bot, timeline.Step]]] = {}
        for bot in self.feed.bots:
            for step in timeline.steps(self.snapshots[bot.key]):
                if step.snapshot.version in wanted and (step.prices or step.adjustments):
                    moved.setdefault(step.snapshot.version, []).append((bot, step))
        recent = (change for change in self.changes if change.version in wanted)
        versions = [
            self._version(number, [*group], moved.get(number, []))
            for number, group in groupby(recent, lambda change: change.version)
        ]
        room, unfolded = _MOVES_IN_ALL, _UNFOLDED
        for version in reversed(versions):
            shown = version["moved"][: min(_MOVES, room)]
            room -= len(shown)
            unfolded -= sum(min(len(step.prices), _PRICES_EACH) for _, step in shown)
            more = len(version["moved"]) - len(shown)
            version |= {"more_moved": more, "moved": shown, "unfolded": unfolded >= 0}
        return versions[::-1]

    def _version(self, number: int, changes: list[Change], moved: list[tuple[Bot, timeline.Step]]) -> dict[str, Any]:
        fields: dict[str, list[str]] = {}
        for change in changes:
            if change.kind == "changed" and change.field and not change.field.startswith("pricing."):
                fields.setdefault(change.bot, []).append(change.field.replace("_", " "))
        kinds = {
            kind: [self._named(change.bot) for change in changes if change.kind == kind]
            for kind in ("added", "gone", "back")
        }
        others = [(self._named(bot), ", ".join(names)) for bot, names in fields.items()]
        return {"number": number, "at": changes[0].at, "moved": moved, "others": others, "kinds": kinds}

    def _more_versions(self) -> int:
        return max(len({change.version for change in self.changes}) - VERSIONS, 0)

    def _named(self, bot_id: str) -> dict[str, str | None]:
        bot = self.feed.get(bot_id)
        if bot is None:  # gone, and no longer in the feed
            return {"name": bot_id, "page": None}
        return {"name": bot.display_name or bot.handle or bot.id, "page": page_name(bot.id)}

    # --- about

    def _about(self) -> dict[str, Any]:
        active = [bot for bot in self.feed.bots if bot.status == "active"]
        report = next(self.store.runs(), None) if not self.feed.starter else None
        refusal = next(self.store.refusals(), None) if not self.feed.starter else None
        failures = {
            code: (count, FAILURES[Code(code)].meaning if code in set(Code) else "")
            for code, count in (report.failed if report else {}).items()
        }
        return {
            "coverage": _coverage(active, len(self.feed) - len(active)),
            "total": len(active),
            "ages": _ages(active, self.feed.generated_at),
            "report": report,
            "failures": failures,
            "failed_bots": [bot for bot in active if bot.errors],
            "refusal": refusal if report and refusal and refusal.at > report.started_at else None,
            "versions": self.store.versions() if not self.feed.starter else [],
            "program": __version__,
        }


def _seen(bot: Bot) -> datetime:
    """When the prices shown were last seen."""
    sighting = bot.observed.page or bot.observed.catalog
    return sighting.at if sighting else bot.last_seen


def _charts(bot: Bot, found: Sequence[Snapshot]) -> dict[str, Any]:
    """Charts of all prices that ever changed; if none did, of the first price."""
    lines = timeline.series(found)
    moved = [line for line in lines if line.moved]
    end = bot.last_seen
    return {
        "moved": bool(moved),
        "charts": [chart(line, end) for line in (moved or lines[:1])[:CHARTS]],
        "more": max(len(moved) - CHARTS, 0),
    }


def _unfolded(steps: Sequence[timeline.Step]) -> int:
    """How many of the newest steps of a bot its page shows at once: at least one."""
    totals = accumulate(len(step.prices) for step in steps[:OPEN])
    return max(sum(total <= _UNFOLDED for total in totals), 1)


_FIELDS = {"input_tokens": "input", "output_tokens": "output"}
"""Names of the fields of "your use" that differ from those of `cost`."""


def _purposes() -> list[tuple[str, str, str]]:
    """The buttons above the table: purpose, label, and the standard use as the page's address has it."""
    return [
        (
            purpose,
            question.label,
            urlencode({_FIELDS.get(name, name): f"{count:f}" for name, count in question.usage.items()}),
        )
        for purpose, question in QUESTIONS.items()
    ]


def _facets(listings: Iterable[dict[str, Any]]) -> dict[str, list[tuple[str, int]]]:
    """The choices of each filter, with the number of bots for each."""
    found: dict[str, Counter[str]] = {name: Counter() for name in ("creator", "owner", "in", "out", "unit")}
    for listing in listings:
        for name, counter in found.items():
            value = listing.get(name)
            counter.update([value] if isinstance(value, str) else value or ())
    order = {"in": _by_count, "out": _by_count, "unit": _by_count}
    return {name: sorted(counter.items(), key=order.get(name, _by_name)) for name, counter in found.items()}


def _by_name(item: tuple[str, int]) -> tuple[Any, ...]:
    return item[0].casefold(), item[0]


def _by_count(item: tuple[str, int]) -> tuple[Any, ...]:
    return -item[1], item[0]


def _coverage(active: Sequence[Bot], gone: int) -> list[tuple[str, int, str]]:
    def count(label: str, test: Any, remark: str) -> tuple[str, int, str]:
        return label, sum(bool(test(bot)) for bot in active), remark

    return [
        ("Active bots", len(active), f"{gone} more are gone and still listed for a while"),
        count("With a price", lambda bot: bot.pricing.primary, "of any kind"),
        count("With a rate card", lambda bot: bot.pricing.rates, "read from the bot\u2019s page"),
        count("With an API price", lambda bot: bot.pricing.api, "from Poe\u2019s models API"),
        count("With an amount that could not be parsed", lambda bot: bot.pricing.unparsed, "shown as on the card"),
        count(
            "Where two sources differ",
            lambda bot: any(check.result in {"differs", "suspect"} for check in bot.pricing.checks),
            "by more than rounding",
        ),
        count("Failed on the last visit", lambda bot: bot.errors, "older data is shown"),
        count("Page never read", lambda bot: bot.observed.page is None, "rate card unknown"),
    ]


def _ages(active: Sequence[Bot], now: datetime) -> list[tuple[str, int]]:
    """Number of pages by age, counted back from the feed's date."""
    limits = (("up to a day", 1), ("up to a week", 7), ("up to 30 days", 30), ("older", 10**6))
    ages = [now - bot.observed.page.at for bot in active if bot.observed.page]
    counts = []
    least = timedelta.min
    for name, days in limits:
        most = timedelta(days=days)
        counts.append((name, sum(least < age <= most for age in ages)))
        least = most
    return counts


# --- templates ---------------------------------------------------------------------------------


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("poe_scraper.site"),
        autoescape=True,
        finalize=_inert,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": amounts.number,
        "words": amounts.in_words,
        "per": lambda per: amounts.per(per.model_dump()),
        "rate": amounts.rate,
        "figure": prices.figure,
        "compared": prices.compared,
        "day": lambda at: f"{at.day} {at:%b %Y}",
        "instant": lambda at: f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "page_name": page_name,
        "block": _block,
        "short": _short,
        "web_address": _web_address,
    }
    environment.globals["check_kinds"] = CHECK_KINDS
    return environment


def _inert(value: object) -> object:
    """Text without control characters and bidirectional overrides; Jinja escapes it afterwards."""
    return safe(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _short(text: str, length: int = 60) -> str:
    """Text cut to a number of characters, for a table cell."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _block(text: str) -> Markup:
    """Text of several lines, for an element that preserves line breaks."""
    return Markup("\n").join(escape(safe(line)) for line in text.splitlines())


def _web_address(url: str) -> str:
    """The address if it is safe to link to (http or https), else an empty string."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in {"http", "https"} and parts.netloc else ""
