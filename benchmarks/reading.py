"""How fast a feed is read: `python -m benchmarks.reading [--write docs/performance.md] [MODELS.json]`.

Everything is told as a ratio to `json.load` of the same file in the same run. Without a file it is a
feed of 500 bots, made of the starter feed.
"""

import argparse
import gc
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

from benchmarks.document import table, tell
from poe_scraper import api
from poe_scraper.feed.reader import read_feed, starter_feed
from poe_scraper.items import Feed

ROUNDS = 15
BOTS = 500


def seconds(what: Callable[[], object]) -> float:
    """The best of several rounds, in seconds of this process."""
    best = float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        start = process_time()
        kept = what()
        best = min(best, process_time() - start)
        del kept
    return best


def made_feed(folder: Path) -> Path:
    """A feed of `BOTS` bots: those of the starter feed, the first ones twice."""
    starter = starter_feed()
    entries: list[dict[str, Any]] = list(starter.entries)
    copies = [
        entry | {"id": f"{entry['id']}-copy", "handle": f"{entry['handle']}-Copy"}
        for entry in entries[: BOTS - len(entries)]
    ]
    head = {
        "object": "list",
        "schema_version": starter.schema_version,
        "version": 1,
        "generated_at": starter.generated_at.isoformat(),
        "points_per_usd": str(starter.points_per_usd),
        "run": starter.run.model_dump(mode="json"),
    }
    path = folder / "models.json"
    data = sorted(entries + copies, key=lambda entry: str(entry["id"]))
    path.write_text(json.dumps(head | {"data": data}), encoding="utf-8")
    return path


def cpu_of_list(folder: Path) -> float:
    """CPU seconds of `poe-scraper list`, start-up included: the best of five."""
    command: list[str | Path] = [
        Path(sys.executable).with_name("poe-scraper"),
        "list",
        "--output-dir",
        folder,
    ]
    best = float("inf")
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="?", type=Path)
    parser.add_argument("--write", type=Path, metavar="DOCUMENT")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path: Path = options.models or made_feed(Path(folder))
        report(path.absolute(), options.write)


def report(path: Path, document: Path | None) -> None:
    def plain() -> object:
        with path.open("rb") as file:
            return json.load(file)

    def whole() -> object:
        feed = read_feed(path)
        feed.validate()
        return feed

    base = seconds(plain)
    feed = api.load_models(path.parent)
    names = list(feed)
    api.get_all_models(path.parent)

    def lookups() -> object:
        return [api.get_model_by_id(name.upper(), path.parent) for name in names]

    rows = [
        ("json.load", base),
        ("load_models: parse and index", seconds(lambda: read_feed(path))),
        ("load_models, then look at every bot", seconds(whole)),
        ("pydantic: Feed.model_validate_json", seconds(lambda: Feed.model_validate_json(path.read_bytes()))),
        (f"{len(names)} lookups by id, another case", seconds(lookups)),
        ("poe-scraper list, whole process", cpu_of_list(path.parent)),
    ]
    figures = [[name, f"{taken * 1000:.2f}", f"{taken / base:.2f}"] for name, taken in rows]
    text = table(["", "CPU ms", "times json.load"], figures)
    tell(f"{len(names)} bots, {path.stat().st_size:,} bytes:\n\n{text}", document, "reading")


if __name__ == "__main__":
    main()
