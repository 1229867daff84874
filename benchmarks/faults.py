"""What faults of the site do to a crawl: `python benchmarks/faults.py [--storms 30] [--write docs/faults.md]`.

Crawls a replica once for each fault that it can show, and then under random mixtures of all of them
(storms). Every crawl starts with a feed that knows every bot, and visits all. Afterwards the feed is checked
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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
OTHER_CONTENT = {
    "hostile_text": set(FACTS),
    "hostile_cost": {"initial_points"},
    "raw_tag": {"rates"},
    "object_selection": {"display_name"},
    "api_features_objects": {"api"},
    "api_odd_prices": {"api"},
}
"""Facts that may differ since the site really says something else under a fault."""

PARTS = ("rates", "adjustments", "unparsed", "initial_points")
"""Parts of `pricing` that come from the page."""

CREATOR = "halfmoonworks"
"""The creator whose profile shows the faults of profiles."""


@dataclass
class Crawl:
    """A crawl and its result."""

    status: int
    log: str
    seconds: float
    report: dict[str, Any]
    bots: dict[str, dict[str, Any]]


@dataclass
class Outcome:
    """The result of a crawl under faults."""

    crawl: Crawl
    hit: int
    """Bots, creators or kinds of requests that met a fault."""
    visits: int
    wrong: list[str] = field(default_factory=list)
    """Lost facts, wrong facts, tracebacks, requests to third parties."""


def crawl(replica: Replica, folder: Path, *arguments: str, **settings: str) -> Crawl:
    """Run `scrapy crawl poe_models -a force=true` with further arguments and settings."""
    pace = {**SETTINGS, **settings, "POE_API_URL": replica.api_url, "POE_SITE_URL": replica.url}
    words = [word for name, value in pace.items() for word in ("-s", f"{name}={value}")]
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "scrapy", "crawl", "poe_models", "-a", "force=true", *arguments, *words],
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


def with_faults(
    replica: Replica, known: Crawl, start: Path, *rules: str, seed: int = 0, arguments: Sequence[str] = ()
) -> Outcome:
    """Crawl under faults with a feed that knows all bots, and look for lost and wrong facts afterwards.

    Args:
        replica: to crawl.
        known: the crawl without faults whose feed is in `start`.
        start: that feed's folder, which is copied.
        rules: of the faults.
        seed: of the faults.
        arguments: of the crawl.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "output")
        shutil.copytree(start, folder)
        replica.set_faults(*rules, seed=seed)
        replica.forget_requests()
        after = crawl(replica, folder, *arguments)
    hits = replica.faults()["hits"]
    requests = replica.requests()
    visits = sum(counts.get("document", 0) for counts in requests["by_handle"].values())
    outcome = Outcome(after, len({name for victims in hits.values() for name in victims}), visits)
    outcome.wrong = [*_wrong_facts(known, after, hits), *_unhandled(after.log)]
    outcome.wrong += [f"{kind} requests were sent" for kind in ("third_party", "stun") if kind in requests["by_kind"]]
    replica.set_faults()
    return outcome


def _wrong_facts(known: Crawl, after: Crawl, hits: dict[str, dict[str, int]]) -> Iterator[str]:
    """Facts that are neither what was known nor what the replica serves."""
    for identity, old in known.bots.items():
        new = after.bots.get(identity)
        if new is None or new["status"] != "active":
            yield f"{identity} is gone"
            continue
        excused = {
            fact
            for fault, facts in OTHER_CONTENT.items()
            if hits.get(fault, {}).keys() & {old["handle"], ""}  # faults of the API hit no handle
            for fact in facts
        }
        for fact in FACTS:
            if new[fact] != old[fact] and fact not in excused:
                yield f"{identity}: {fact} was {old[fact]!r} and is {new[fact]!r}"
        if new["pricing"]["api"] != old["pricing"]["api"] and "api" not in excused:
            yield f"{identity}: the API's prices were {old['pricing']['api']} and are {new['pricing']['api']}"
        for part in PARTS:
            if new["pricing"][part] != old["pricing"][part] and not excused & {part, "rates"}:
                yield f"{identity}: {part} were {old['pricing'][part]} and are {new['pricing'][part]}"
        if old["pricing"]["rates"] and not (new["pricing"]["rates"] or new["pricing"]["unparsed"]):
            yield f"{identity}: its prices are lost"


def _unhandled(log: str) -> Iterator[str]:
    if "Traceback" in log:
        traceback, _, _ = log[log.index("Traceback") :].partition("\n20")  # up to the next line of the log
        yield f"a traceback that ends: {traceback[-1000:]}"


# --- one fault at a time -----------------------------------------------------------------------


def table(names: list[str]) -> tuple[list[str], int]:
    """A row of Markdown for each fault, and the number of wrong facts."""
    rows, wrong = [], 0
    with running(bots=BOTS, seed=4) as replica, tempfile.TemporaryDirectory() as scratch:
        starts: dict[bool, tuple[Crawl, Path]] = {}
        # not the first, which `other_bot` leads to
        victims = [bot["handle"] for bot in replica.catalog()["bots"] if bot["listed"]][1 : VICTIMS + 1]
        for name in names:
            target = FAULTS[name].target
            on_profile = target == "profile"
            arguments = ("-a", f"creators={CREATOR}") if on_profile else ()
            if on_profile not in starts:
                replica.set_faults()
                folder = Path(scratch, target)
                starts[on_profile] = (crawl(replica, folder, *arguments), folder)
            rules = [f"{name}@{handle}" for handle in victims] if target == "page" else [f"{name}=1"]
            outcome = with_faults(replica, *starts[on_profile], *rules, arguments=arguments)
            wrong += len(outcome.wrong)
            rows.append(_row(name, outcome))
            print(rows[-1], *outcome.wrong, sep="\n    ", flush=True)
    return rows, wrong


def _row(name: str, outcome: Outcome) -> str:
    done = outcome.crawl
    hit = {"page": f"{outcome.hit} of {BOTS} pages", "profile": f"{outcome.hit} profile"}.get(
        FAULTS[name].target, "every request"
    )
    again = outcome.visits - len(done.bots) - (FAULTS[name].target == "profile")
    did = {"refused": "kept the old feed: the gate refused the new one", "failed": "kept the old feed"}.get(
        done.report["outcome"], "read all pages" if not done.report["failed"] else "read the other pages"
    )
    if again > 0:
        did += f", {again} more visit{'s' * (again > 1)}"
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
    """Lines of text about storms, and the number of wrong facts."""
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
        f"- {count} crawls of {BOTS} bots: {visits} visits of pages; {hit} bots or kinds of requests met a fault.",
        f"- Exit codes: {ends}.",
        f"- Bots in the feeds afterwards: {bots} of {count * BOTS}, {marked} of them marked with a failure.",
        f"- Tracebacks, lost facts and wrong facts: {wrong}.",
    ], wrong


DOCUMENT = """# Crawls under faults

Written by `python benchmarks/faults.py --write docs/faults.md` on {date}. The replica shows the faults;
[replica.md](replica.md) describes each of them, [failures.md](failures.md) the codes.

Every crawl starts with a feed that knows all {bots} bots, and visits every page (`force=true`). A fault of a
page hits every visit of {victims} bots; a fault of a profile, of the API or of `robots.txt` hits every request.
These crawls retry a failed page once, give a page 6 seconds, and wait at most 2 seconds when the site asks them
to wait; a crawl with the default settings retries three times, gives 30 seconds, and waits up to 120.
*Wrong* counts bots, prices and texts in the feed that differ from what the replica serves, tracebacks, and
requests to third parties. Every feed was checked against its published schema.

Exit codes: 0 done, 3 the gate refused the new feed, 4 Poe could not be reached, 5 done but degraded.

## One fault at a time

| fault | hit | what the crawl did | codes in feed and report | exit | the feed afterwards | wrong |
| --- | --- | --- | --- | --- | --- | --- |
{rows}

## All faults together

Each crawl meets another random mixture of all faults: six of ten visits of a page meet one, and three of ten
requests to the API.

{storms}
"""


def main() -> None:
    """Crawl, print, and exit with 1 if anything was lost or wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--storms", type=int, default=30, help="crawls under a mixture of all faults")
    parser.add_argument("--faults", help="only these faults, separated by commas")
    parser.add_argument("--write", type=Path, help="write the document to this file")
    arguments = parser.parse_args()
    crawled = [name for name, fault in FAULTS.items() if fault.target != "account"]
    names = arguments.faults.split(",") if arguments.faults else crawled
    rows, lost = table(names)
    lines, lost_in_storms = storms(arguments.storms) if arguments.storms else ([], 0)
    print(*lines, sep="\n")
    if arguments.write:
        today = datetime.now(UTC).strftime("%Y-%m-%d")
        text = DOCUMENT.format(date=today, bots=BOTS, victims=VICTIMS, rows="\n".join(rows), storms="\n".join(lines))
        arguments.write.write_text(text, encoding="utf-8")
    sys.exit(bool(lost or lost_in_storms))


if __name__ == "__main__":
    main()
