"""How a crawl grows with its workers: `python -m benchmarks.scale [--bots 300] [--write docs/scale.md]`.

Crawls a replica with one, two and three workers that share the crawl through a Redis of their own, all on
this machine: once as fast as possible against a site that answers at once, and once with the default,
polite pace against a site that takes two seconds for a page. Prints tables; with `--write` they replace the
text between the marks in that file.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

import psutil
from redis import Redis
from redis.exceptions import ConnectionError as NotYetReady

from poe_scraper.distributed.messages import FORMAT
from poe_scraper.replica import Replica, running

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->"
WORKERS = (1, 2, 3)
FAST = {"CONCURRENT_REQUESTS_PER_DOMAIN": "6", "AUTOTHROTTLE_ENABLED": "false"}


@dataclass
class Measured:
    """One crawl."""

    bots: int
    workers: int
    seconds: float
    """From the first page that was asked for to the last."""
    cpu: dict[str, float]
    """Seconds of processor time by kind of process."""
    memory: float
    """Megabytes of the largest worker with its browser."""
    redis: dict[str, float]
    """What Redis had to do, a bot."""


@contextmanager
def redis_server() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        path = Path(folder, "redis.sock")
        words = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", folder]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        try:
            while not _answers(f"unix://{path}"):
                Event().wait(0.05)
            yield f"unix://{path}", process
        finally:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        return bool(Redis.from_url(url).ping())
    except NotYetReady:
        return False


class Meter:
    """Samples what processes and their children use."""

    def __init__(self, processes: dict[int, str]) -> None:
        self.processes = processes
        self.memory = 0.0
        self._used: dict[tuple[str, int], float] = {}
        self._over = Event()
        self._thread = Thread(target=self._sample)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._over.wait(0.5):
            for pid, kind in self.processes.items():
                try:
                    process = psutil.Process(pid)
                    tree = [(process, kind), *((child, "browsers") for child in process.children(recursive=True))]
                except psutil.NoSuchProcess:
                    continue
                total = 0
                for each, what in tree:
                    try:
                        times = each.cpu_times()
                        total += each.memory_full_info().uss
                    except psutil.NoSuchProcess:
                        continue
                    self._used[what, each.pid] = times.user + times.system
                if kind == "workers":
                    self.memory = max(self.memory, total / 1e6)

    def cpu(self) -> dict[str, float]:
        used: defaultdict[str, float] = defaultdict(float)
        for (kind, _), seconds in self._used.items():
            used[kind] += seconds
        return dict(used)


def measure(bots: int, workers: int, settings: dict[str, str], faults: list[str]) -> Measured:
    with ExitStack() as stack:
        url, redis = stack.enter_context(redis_server())
        replica = stack.enter_context(running(bots=bots, faults=faults))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        site = next(each for each in psutil.Process().children() if "poe_scraper.replica" in " ".join(each.cmdline()))
        processes = {site.pid: "site", redis.pid: "Redis"}
        started = [start(replica, url, folder, settings, "role=worker") for _ in range(workers)]
        processes |= {process.pid: "workers" for process in started}
        wait_for_workers(url, workers)
        publisher = start(replica, url, folder, settings)
        processes[publisher.pid] = "publisher"
        with Meter(processes) as meter:
            if publisher.wait() != 0:
                raise SystemExit("the crawl failed: run it by hand to see why")
            info: Any = Redis.from_url(url).info()
        for process in started:
            process.wait()
        pages = [entry["at"] for entry in replica.requests()["log"] if entry["kind"] == "document"]
        return Measured(
            bots=bots,
            workers=workers,
            seconds=max(pages) - min(pages),
            cpu=meter.cpu(),
            memory=meter.memory,
            redis={
                "commands": info["total_commands_processed"] / bots,
                "in": info["total_net_input_bytes"] / bots,
                "out": info["total_net_output_bytes"] / bots,
                "peak": info["used_memory_peak"] / bots,
            },
        )


def start(replica: Replica, redis: str, folder: str, settings: dict[str, str], *role: str) -> subprocess.Popen[bytes]:
    words = [f"-s{name}={value}" for name, value in settings.items()] + [f"-a{word}" for word in role]
    environment = {"POE_API_URL": replica.api_url, "POE_SITE_URL": replica.url, "POE_REDIS_URL": redis}
    return subprocess.Popen(
        [sys.executable, "-m", "scrapy", "crawl", "poe_models", "-sLOG_LEVEL=ERROR", *words],
        cwd=ROOT,
        env={**os.environ, **environment, "POE_OUTPUT_DIR": folder},
        stderr=subprocess.DEVNULL,
    )


def wait_for_workers(redis: str, workers: int) -> None:
    """Wait until all of them are there, so that none starts in the middle."""
    until = time.monotonic() + 60
    while Redis.from_url(redis).zcard(f"poe_models:{FORMAT}:workers") < workers:
        if time.monotonic() > until:
            raise SystemExit("a worker did not start")
        Event().wait(0.1)


def table(rows: list[Measured]) -> str:
    kinds = ("workers", "browsers", "publisher", "Redis", "site")
    lines = [
        f"| workers | bots/s | speed | {' | '.join(f'{kind}, CPU ms/bot' for kind in kinds)} | MB a worker |",
        "| --- " * (len(kinds) + 4) + "|",
    ]
    for row in rows:
        speed = rows[0].seconds / row.seconds * row.bots / rows[0].bots
        used = " | ".join(f"{row.cpu.get(kind, 0.0) / row.bots * 1000:.1f}" for kind in kinds)
        cells = f"| {row.workers} | {row.bots / row.seconds:.1f} | {speed:.2f} | {used} | {row.memory:.0f} |"
        lines.append(cells)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bots", type=int, default=300)
    parser.add_argument("--write", type=Path, help="a file with the marks that the tables go between")
    options = parser.parse_args()
    load = os.getloadavg()[2]
    fast = [measure(options.bots, workers, FAST, []) for workers in WORKERS]
    slow = [measure(options.bots // 2, workers, {}, ["slow=1"]) for workers in WORKERS]
    redis = fast[-1].redis
    cores = psutil.cpu_count()
    memory = psutil.virtual_memory().total / 2**30
    text = f"""\
Measured on {datetime.now(UTC):%Y-%m-%d} by `python -m benchmarks.scale --bots {options.bots}` on one machine with {cores} cores and
{memory:.0f} GB, which ran the site, Redis and the publisher, too. Load average of the last 15 minutes: {load:.1f}.

A site that answers at once, as fast as the machine can, {options.bots} bots:

{table(fast)}

A site that takes two seconds for a page, the default pace, {options.bots // 2} bots:

{table(slow)}

For each bot, Redis ran {redis["commands"]:.0f} commands, took in {redis["in"] / 1000:.1f} kB, gave out {redis["out"] / 1000:.1f} kB, and
held {redis["peak"] / 1000:.1f} kB at most, an empty Redis included.
"""  # noqa: E501
    print(text)
    if options.write:
        whole = options.write.read_text(encoding="utf-8")
        before, rest = whole.split(BEGIN)
        _, after = rest.split(END)
        options.write.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
