"""`make demo`, without its crawl."""

import socket
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest

from poe_scraper.replica import demo


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Sequence[Any], dict[str, str] | None]]:
    """The commands that the demo runs, with their environment. None is run; each succeeds."""
    ran: list[tuple[Sequence[Any], dict[str, str] | None]] = []

    def run(command: Sequence[Any], env: dict[str, str] | None = None, **_: Any) -> Any:
        ran.append((command, env))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    return ran


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """A free port for the demo."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        number: int = server.getsockname()[1]
    monkeypatch.setattr(demo, "PORT", number)
    return number


@pytest.mark.parametrize("configured", ["elsewhere", "", None])
def test_the_feed_goes_to_a_folder_of_its_own(
    monkeypatch: pytest.MonkeyPatch, commands: list[Any], port: int, configured: str | None
) -> None:
    if configured is None:
        monkeypatch.delenv("POE_OUTPUT_DIR", raising=False)
    else:
        monkeypatch.setenv("POE_OUTPUT_DIR", configured)
    assert demo.main() == 0
    (_, environment), (listing, _) = commands
    assert environment["POE_OUTPUT_DIR"] == "output/demo"
    assert environment["POE_SITE_URL"] == f"http://127.0.0.1:{port}"
    assert list(listing[-2:]) == ["--output-dir", "output/demo"]


def test_a_port_in_use_ends_the_demo_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, commands: list[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        monkeypatch.setattr(demo, "PORT", number)
        assert demo.main() == 1
    assert commands == []
    assert f"port {number} cannot be used" in capfd.readouterr().err
