"""Dies while it publishes: `python -m tests.feed.dying BASE TARGETS [first]`.

Publishes once in a copy of BASE and counts the calls that touch the disk. Then, for each of them, it
copies BASE to TARGETS/<number> and forks a child that publishes the same there and is killed at that
call: before it, or for a write half-way through it. Prints the number of calls.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter
from tests.made_feed import FIRST, SECOND, bots, run

TOUCHES_DISK = ("open", "write", "fsync", "replace", "truncate", "unlink", "mkdir", "close")


class Counter:
    """Counts calls of `os`; kills the process at one of them."""

    def __init__(self, deadly: int | None) -> None:
        self.calls = 0
        self.deadly = deadly
        for name in TOUCHES_DISK:
            setattr(os, name, self._counted(name, getattr(os, name)))

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.calls == self.deadly:
                if name == "write":
                    call(args[0], bytes(args[1])[: len(args[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return counted


def publish(folder: Path, *, first: bool) -> None:
    at = FIRST if first else SECOND
    with FeedWriter(FeedStore(folder), "a dying crawl") as writer:
        writer.publish(bots(at), run(at), now=at)


def main(base: Path, targets: Path, *, first: bool) -> None:
    whole = targets / "whole"
    shutil.copytree(base, whole)
    pid = os.fork()
    if pid == 0:
        counter = Counter(deadly=None)
        publish(whole, first=first)
        (targets / "calls").write_text(str(counter.calls))
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    calls = int((targets / "calls").read_text())
    for number in range(1, calls + 1):
        folder = targets / f"{number}"
        shutil.copytree(base, folder)
        pid = os.fork()
        if pid == 0:
            Counter(deadly=number)
            publish(folder, first=first)
            os._exit(0)
        status = os.waitpid(pid, 0)[1]
        assert os.WIFSIGNALED(status), f"outlived call {number}"
    print(calls)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), first="first" in sys.argv[3:])
