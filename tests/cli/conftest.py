"""`poe-scraper` through its real entry point, on a real feed."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.made_feed import publish

POE_SCRAPER = Path(sys.executable).with_name("poe-scraper")

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a feed of two versions. Read it, never write it."""
    return publish(tmp_path_factory.mktemp("feed"))


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("POE_", "NO_COLOR", "COLUMNS"))}
    return kept | {"PYTHONWARNINGS": "default"}


@pytest.fixture
def poe(tmp_path: Path, environment: dict[str, str]) -> Command:
    """Runs `poe-scraper` in an empty folder, without a feed unless `--output-dir` names one."""

    def run(*arguments: str | Path, stdin: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [POE_SCRAPER, *map(str, arguments)],
            cwd=tmp_path,
            env=environment | {"XDG_CACHE_HOME": str(tmp_path / "cache")} | more,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
