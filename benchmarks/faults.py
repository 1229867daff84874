"""What bad weather does to a crawl: `python benchmarks/faults.py [--storms 30] [--write docs/faults.md]`.

Crawls a replica once for each fault that it can show, and so many times under a random mixture of all
of them. Every crawl starts with a feed that knows every bot, and visits all. Afterwards the feed is held
against its published schema, and every fact against what the replica serves.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import jsonschema

from poe_scraper.replica import Replica, running
from poe_scraper.replica.faults import FAULTS

ROOT = Path(__file__).parents[1]
BOTS = 20
VICTIMS = 6
SETTINGS = {
    "CONCURRENT_REQUESTS_PER_DOMAIN": "6",
    "AUTOTHROTTLE_TARGET_CONCURRENCY": "6",
    "POE_BACKOFF": "0.05",
    "POE_MAX_WAIT": "2",
    "POE_PAGE_TIMEOUT": "6",
    "DOWNLOAD_TIMEOUT": "6",
    "RETRY_TIMES": "1",
}
FACTS = ("handle", "display_name", "creator", "description", "powered_by")
OTHER_CONTENT = {"hostile_text": set(FACTS), "raw_tag": {"rates"}}
"""Faults with which a page really says something else: what may differ then."""


@dataclass
class Crawl:
    """A crawl, and what it left."""

    status: int
    log: str
    seconds: float
    report: dict[str, Any]
    bots: dict[str, dict[str, Any]]


@dataclass
class Outcome:
    """What came of a crawl in some weather."""

    crawl: Crawl
    hit: int
    """Bots, or requests to the API, that met a fault."""
    visits: int
    wrong: list[str] = field(default_factory=list)
    """Everything that should not be: lost facts, wrong facts, tracebacks."""


def crawl(replica: Replica, folder: Path, **settings: str) -> Crawl:
    """Run `scrapy crawl poe_models -a force=true`."""
    pace = {**SETTINGS, **settings, "POE_API_URL": replica.api_url, "POE_SITE_URL": replica.url}
    words = [word for name, value in pace.items() for word in ("-s", f"{name}={value}")]
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "scrapy", "crawl", "poe_models", "-a", "force=true", *words],
        cwd=ROOT,
        env={**os.environ, "POE_OUTPUT_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    seconds = time.monotonic() - started
    feed = json.loads((folder / "models.json").read_bytes())
    schema = json.loads((folder / "models.schema.json").read_bytes())
    jsonschema.Draft202012Validator(schema).validate(feed)
    reports = [json.loads(path.read_bytes()) for path in (folder / "runs").iterdir()]
    report = max(reports, key=lambda report: (report["finished_at"], report["started_at"]))
    return Crawl(done.returncode, done.stdout + done.stderr, seconds, report, {bot["id"]: bot for bot in feed["data"]})


def with_faults(replica: Replica, known: Crawl, start: Path, *rules: str, seed: int = 0, **settings: str) -> Outcome:
    """Crawl in some weather with a feed that knows all, and look for what is lost or wrong afterwards.

    Args:
        replica: to crawl.
        known: the crawl in fine weather whose feed stands in `start`.
        start: that feed's folder; it stays as it is.
        rules: of the weather.
        seed: of the weather.
        settings: for the crawl.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "output")
        shutil.copytree(start, folder)
        replica.set_faults(*rules, seed=seed)
        replica.forget_requests()
        after = crawl(replica, folder, **settings)
    hits = replica.faults()["hits"]
    requests = replica.requests()
    visits = sum(counts.get("document", 0) for counts in requests["by_handle"].values())
    outcome = Outcome(after, len({name for victims in hits.values() for name in victims}), visits)
    outcome.wrong = [*_wrong_facts(known, after, hits), *_unhandled(after.log)]
    if "third_party" in requests["by_kind"]:
        outcome.wrong.append("another host was asked")
    replica.set_faults()
    return outcome


def _wrong_facts(known: Crawl, after: Crawl, hits: dict[str, dict[str, int]]) -> Iterator[str]:
    """Facts that are not what the replica serves, and so not what was known."""
    for identity, old in known.bots.items():
        new = after.bots.get(identity)
        if new is None or new["status"] != "active":
            yield f"{identity} is gone"
            continue
        excused = {
            fact for fault, facts in OTHER_CONTENT.items() if hits.get(fault, {}).get(old["handle"]) for fact in facts
        }
        for fact in FACTS:
            if new[fact] != old[fact] and fact not in excused:
                yield f"{identity}: {fact} was {old[fact]!r} and is {new[fact]!r}"
        if new["pricing"]["api"] != old["pricing"]["api"]:
            yield f"{identity}: the API's prices were {old['pricing']['api']} and are {new['pricing']['api']}"
        for part in ("rates", "adjustments", "unparsed", "initial_points"):
            if new["pricing"][part] != old["pricing"][part] and "rates" not in excused:
                yield f"{identity}: {part} were {old['pricing'][part]} and are {new['pricing'][part]}"
        if old["pricing"]["rates"] and not (new["pricing"]["rates"] or new["pricing"]["unparsed"]):
            yield f"{identity}: its prices are lost"


def _unhandled(log: str) -> Iterator[str]:
    if "Traceback" in log:
        traceback, _, _ = log[log.index("Traceback") :].partition("\n20")  # up to the next line of the log
        yield f"a traceback that ends: {traceback[-1000:]}"


# --- one fault at a time -----------------------------------------------------------------------


def table(names: list[str]) -> tuple[list[str], int]:
    """A row of Markdown for each fault, and how many facts went wrong."""
    rows, wrong = [], 0
    with running(bots=BOTS, seed=4) as replica, tempfile.TemporaryDirectory() as scratch:
        known = crawl(replica, Path(scratch))
        # not the first, which `other_bot` leads to
        victims = [bot["handle"] for bot in replica.catalog()["bots"] if bot["listed"]][1 : VICTIMS + 1]
        for name in names:
            on_pages = FAULTS[name].target == "page"
            rules = [f"{name}@{handle}" for handle in victims] if on_pages else [f"{name}=1"]
            outcome = with_faults(replica, known, Path(scratch), *rules)
            wrong += len(outcome.wrong)
            rows.append(_row(name, outcome))
            print(rows[-1], *outcome.wrong, sep="\n    ", flush=True)
    return rows, wrong


def _row(name: str, outcome: Outcome) -> str:
    done = outcome.crawl
    on_pages = FAULTS[name].target == "page"
    hit = f"{outcome.hit} of {BOTS} pages" if on_pages else "every request"
    again = outcome.visits - BOTS
    did = {"refused": "kept the old feed: the gate refused the new one", "failed": "kept the old feed"}.get(
        done.report["outcome"], "read all pages" if not done.report["failed"] else "read the others"
    )
    if again > 0:
        did += f", {again} visits again"
    codes = sorted(
        {error["code"] for bot in done.bots.values() for error in bot["errors"]}
        | {problem["code"] for problem in done.report["problems"]}
    )
    marked = sum(bool(bot["errors"]) for bot in done.bots.values())
    holds = f"{len(done.bots)} bots, {marked} of them marked" if marked else f"{len(done.bots)} bots"
    lost = len(outcome.wrong) or "none"
    named = ", ".join(f"`{code}`" for code in codes) or "-"
    return f"| `{name}` | {hit} | {did} | {named} | {done.status} | {holds} | {lost} |"


# --- all faults together -----------------------------------------------------------------------


def storm(replica: Replica, known: Crawl, start: Path, seed: int) -> Outcome:
    """A crawl under a random mixture of all faults, which depends on the seed alone."""
    random = Random(seed)
    rules = []
    for target, total in (("page", 0.6), ("models", 0.3), ("robots", 0.2)):
        names = [name for name, fault in FAULTS.items() if fault.target == target]
        weights = [random.random() ** 3 for _ in names]
        rules += [f"{name}={total * weight / sum(weights):.5f}" for name, weight in zip(names, weights, strict=True)]
    return with_faults(replica, known, start, *rules, seed=seed)


def storms(count: int) -> tuple[list[str], int]:
    """Lines of text about so many storms, and how many facts went wrong."""
    hit = visits = bots = marked = wrong = 0
    statuses: dict[int, int] = {}
    with running(bots=BOTS, seed=4) as replica, tempfile.TemporaryDirectory() as scratch:
        known = crawl(replica, Path(scratch))
        for seed in range(1, count + 1):
            outcome = storm(replica, known, Path(scratch), seed)
            done = outcome.crawl
            hit, visits, bots = hit + outcome.hit, visits + outcome.visits, bots + len(done.bots)
            marked += sum(bool(bot["errors"]) for bot in done.bots.values())
            wrong += len(outcome.wrong)
            statuses[done.status] = statuses.get(done.status, 0) + 1
            print(
                f"storm {seed}: exit {done.status}, {outcome.hit} hit, {done.seconds:.0f} s",
                *outcome.wrong,
                sep="\n    ",
                flush=True,
            )
    ends = ", ".join(f"{times} with {status}" for status, times in sorted(statuses.items()))
    return [
        f"- {count} crawls of {BOTS} bots: {visits} visits of pages; {hit} bots or API requests met a fault.",
        f"- Exit codes: {ends}.",
        f"- Bots in the feeds afterwards: {bots} of {count * BOTS}, {marked} of them marked with a failure.",
        f"- Tracebacks, lost facts and wrong facts: {wrong}.",
    ], wrong


DOCUMENT = """# In bad weather

Made by `python benchmarks/faults.py --write docs/faults.md`. The faults are the replica's; what each
is stands in [replica.md](replica.md), what the codes mean in [failures.md](failures.md).

Every crawl starts with a feed that knows all {bots} bots, and is told to visit every page. A fault of a
page hits every visit of {victims} bots, one of the API or of `robots.txt` every request. The crawls try a
failed page once again, give a page 6 seconds, and wait at most 2 seconds for a host that asks to be left
alone; a user's crawls try three times again, give 30 seconds, and wait up to 120.
*Wrong* counts bots, prices and texts in the feed that are not what the replica serves, tracebacks, and
requests to other hosts. Every feed was held against its published schema.

Exit codes: 0 done, 3 the gate refused the new feed, 4 Poe could not be reached, 5 some pages failed.

## One fault at a time

| fault | hit | what the crawl did | codes in feed and report | exit | the feed afterwards | wrong |
| --- | --- | --- | --- | --- | --- | --- |
{rows}

## All faults together

Each crawl meets its own random mixture of all of these faults: six of ten visits of a page, three of ten
requests to the API.

{storms}
"""


def main() -> None:
    """Crawl, print, and end with 1 if anything was lost or wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--storms", type=int, default=30, help="crawls under a mixture of all faults")
    parser.add_argument("--faults", help="these alone, separated by commas")
    parser.add_argument("--write", type=Path, help="write the document to this file")
    arguments = parser.parse_args()
    crawled = [name for name, fault in FAULTS.items() if fault.target != "account"]
    names = arguments.faults.split(",") if arguments.faults else crawled
    rows, lost = table(names)
    lines, lost_in_storms = storms(arguments.storms) if arguments.storms else ([], 0)
    print(*lines, sep="\n")
    if arguments.write:
        text = DOCUMENT.format(bots=BOTS, victims=VICTIMS, rows="\n".join(rows), storms="\n".join(lines))
        arguments.write.write_text(text, encoding="utf-8")
    sys.exit(bool(lost or lost_in_storms))


if __name__ == "__main__":
    main()
