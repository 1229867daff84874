"""A real Scrapyd, with the project's egg as its only copy of the project."""

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import threading
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).parents[2]
SOURCES = ("pyproject.toml", "setup.py", "scrapy.cfg", "README.md", "LICENSE")
USER, PASSWORD = "somebody", "a secret of the tests"


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has all that the project needs, and not the project."""
    folder = tmp_path_factory.mktemp("python")
    venv.create(folder)
    program = folder / "bin" / "python"
    where = subprocess.run(
        [program, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    # .pth files there, where an editable install hangs, are not read
    packages = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    Path(where.stdout.strip(), "packages.pth").write_text("\n".join(packages))
    return program


@pytest.fixture(scope="session")
def egg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's egg, as scrapyd-deploy builds it."""
    folder = tmp_path_factory.mktemp("sources")
    shutil.copytree(ROOT / "poe_scraper", folder / "poe_scraper", ignore=shutil.ignore_patterns("__pycache__"))
    for name in SOURCES:
        shutil.copy(ROOT / name, folder)
    built = folder / "poe_scraper.egg"
    done = subprocess.run(
        [sys.executable, "-m", "scrapyd_client.deploy", "--build-egg", built, "--debug"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert built.exists(), done.stdout + done.stderr
    return built


@dataclass
class Scrapyd:
    """A Scrapyd that runs in a folder of its own."""

    url: str
    folder: Path
    said: list[str]

    def get(self, service: str, **parameters: str) -> dict[str, Any]:
        """What a service of its API answers."""
        return self._told(requests.get(self.url + service, parameters, auth=(USER, PASSWORD), timeout=120))

    def post(self, service: str, egg: Path | None = None, **form: str | list[str]) -> dict[str, Any]:
        """What a service of its API answers to an order."""
        files = {"egg": egg.read_bytes()} if egg else None
        return self._told(requests.post(self.url + service, form, files=files, auth=(USER, PASSWORD), timeout=120))

    def log(self, job: str) -> str:
        """The log of a job so far; empty before it has one."""
        path = self.folder / "logs" / "poe_scraper" / "poe_models" / f"{job}.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def _told(self, answer: requests.Response) -> dict[str, Any]:
        result: dict[str, Any] = answer.json()
        assert result["status"] == "ok", result
        return result


@pytest.fixture(scope="session")
def scrapyd(tmp_path_factory: pytest.TempPathFactory, python: Path, egg: Path) -> Iterator[Scrapyd]:
    """The project's scrapyd.conf with a name and a password, and with a poll interval for people in a hurry."""
    folder = tmp_path_factory.mktemp("scrapyd")
    conf = (ROOT / "scrapyd.conf").read_text(encoding="utf-8")
    quick = conf.replace("poll_interval = 2\n", "poll_interval = 0.1\n")
    assert quick != conf
    (folder / "scrapyd.conf").write_text(quick)
    with started(python, folder) as server:
        server.post("addversion.json", egg=egg, project="poe_scraper", version="1")
        yield server


@contextmanager
def started(python: str | Path, folder: Path, **environment: str) -> Iterator[Scrapyd]:
    """Start a Scrapyd in a folder that holds its scrapyd.conf, and end it with the block."""
    process, port, said = _start(python, folder, environment)
    try:
        yield Scrapyd(f"http://127.0.0.1:{port}/", folder, said)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _start(
    python: str | Path, folder: Path, environment: dict[str, str]
) -> "tuple[subprocess.Popen[str], int, list[str]]":
    """Start Scrapyd on a port that is free. It takes none from the system itself, so another may be quicker."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("POE_", "PYTHONPATH"))}
    said: list[str] = []
    for _ in range(5):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [python, "-W", "ignore", "-m", "scrapyd", "--pidfile="],
            cwd=folder,
            env={
                **ours,
                **environment,
                "SCRAPYD_BIND_ADDRESS": "127.0.0.1",
                "SCRAPYD_HTTP_PORT": str(port),
                "SCRAPYD_USERNAME": USER,
                "SCRAPYD_PASSWORD": PASSWORD,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if f"Site starting on {port}" in line:
                threading.Thread(target=said.extend, args=(process.stdout,), daemon=True).start()
                return process, port, said
        process.wait(timeout=30)
    pytest.fail("".join(said))


@pytest.fixture
def schedule(scrapyd: Scrapyd, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Start `poe-scraper schedule` beside the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [Path(sys.executable).with_name("poe-scraper"), "schedule", "--json", "--interval", "0.1", *words],
            cwd=tmp_path,
            env={**os.environ, "SCRAPYD_URL": scrapyd.url, "SCRAPYD_USERNAME": USER, "SCRAPYD_PASSWORD": PASSWORD},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()
