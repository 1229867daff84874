"""`poe-scraper` through its real entry point, on a real feed."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from poe_scraper.cli import main
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
def program(tmp_path: Path, environment: dict[str, str]) -> Command:
    """Runs the installed `poe-scraper` as `poe` does, in a process of its own."""

    def run(*arguments: str | Path, stdin: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [POE_SCRAPER, *map(str, arguments)],
            cwd=tmp_path,
            env=environment | {"XDG_CACHE_HOME": str(tmp_path / "cache")} | more,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def poe(tmp_path: Path, environment: dict[str, str]) -> Command:
    """Runs `poe-scraper` in this process and an empty folder, without a feed unless `--output-dir` names one."""

    def run(*arguments: str | Path, stdin: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
        words = [*map(str, arguments)]
        streams = {name: io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for name in ("stdout", "stderr")}
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path)
            for name in set(os.environ) - set(environment):
                patch.delenv(name)
            for name, value in (environment | {"XDG_CACHE_HOME": str(tmp_path / "cache")} | more).items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
            for name, stream in streams.items():
                patch.setattr(sys, name, stream)
            with pytest.raises(SystemExit) as ended:
                main(words)
        printed = {}
        for name, stream in streams.items():
            stream.flush()
            printed[name] = stream.buffer.getvalue().decode().replace("\r\n", "\n")
        return subprocess.CompletedProcess(words, int(ended.value.code or 0), printed["stdout"], printed["stderr"])

    return run
