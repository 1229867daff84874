"""Finding and installing a browser. What it renders is tested with the crawls."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from poe_scraper.browser.executable import find_browser, find_window_browser, install_browser, launch_options
from poe_scraper.browser.network import NetworkPolicy
from poe_scraper.failures import BrowserNotFoundError, UsageError


def program(folder: Path, name: str, script: str = "exit 0") -> Path:
    """A program that can be run."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty PATH, and no browser of Playwright's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "playwright"))
    return folder


def test_the_one_that_was_configured(path: Path, tmp_path: Path) -> None:
    program(path, "chromium")
    configured = str(program(tmp_path / "else", "my-chromium"))
    assert find_browser(configured) == configured


@pytest.mark.parametrize("configured", ["/nowhere/chromium", "/etc/passwd"])
def test_a_configured_one_that_cannot_run(path: Path, configured: str) -> None:
    program(path, "chromium")
    with pytest.raises(UsageError, match=configured):
        find_browser(configured)


def test_the_order_on_the_path(path: Path) -> None:
    for name in ("google-chrome", "chromium", "chromium-headless-shell"):
        expected = str(program(path, name))
        assert find_browser() == expected


def test_a_window_needs_more_than_a_headless_shell(path: Path, tmp_path: Path) -> None:
    shell = str(program(path, "chromium-headless-shell"))
    alias = tmp_path / "chrome"
    alias.symlink_to(shell)
    for configured in ("", shell, str(alias)):
        with pytest.raises(BrowserNotFoundError, match="apt-get install chromium "):
            find_window_browser(configured)
    chromium = str(program(path, "chromium"))
    for configured in ("", shell, str(alias)):
        assert find_window_browser(configured) == chromium
    mine = str(program(tmp_path / "else", "my-chromium"))
    assert find_window_browser(mine) == mine


def test_none(path: Path) -> None:
    with pytest.raises(BrowserNotFoundError, match="poe-scraper setup"):
        find_browser()


def test_playwrights_own(path: Path, tmp_path: Path) -> None:
    listing = subprocess.run(
        [sys.executable, "-m", "playwright", "install", "--dry-run", "--only-shell", "chromium"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    places = [Path(line.split(":", 1)[1].strip()) for line in listing.splitlines() if "location" in line]
    shell = next(place for place in places if place.name.startswith("chromium_headless_shell"))
    shell.mkdir(parents=True)
    with pytest.raises(BrowserNotFoundError):
        find_browser()
    (shell / "INSTALLATION_COMPLETE").touch()
    assert find_browser() is None


def test_only_the_site_resolves(path: Path) -> None:
    shell = str(program(path, "chromium-headless-shell"))
    options = launch_options(NetworkPolicy("https://poe.com/", "poe.com,*.example.com"))
    assert options["executable_path"] == shell
    rules = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE poe.com, EXCLUDE *.example.com"
    assert rules in options["args"]


@pytest.mark.skipif(os.geteuid() != 0, reason="as another user than root it goes through sudo")
def test_debians_is_installed_first(path: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    program(path, "apt-get", f'echo "$@" >> {log}')
    assert install_browser().endswith("chromium-headless-shell libatomic1")
    assert log.read_text().splitlines() == [
        "update -q",
        "install -y -q --no-install-recommends chromium-headless-shell libatomic1",
    ]


def test_playwrights_is_next(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(path, "apt-get", "exit 100")
    program(path, "sudo", '[ "$1" = -n ] && shift; exec "$@"')
    python = program(tmp_path / "else", "python", "exit 0")
    monkeypatch.setattr("poe_scraper.browser.executable.sys.executable", str(python))
    assert install_browser().endswith("playwright install --only-shell chromium")


def test_nothing_can_be_installed(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(path, "apt-get", "exit 100")
    program(path, "sudo", "exit 1")
    python = program(tmp_path / "else", "python", "exit 1")
    monkeypatch.setattr("poe_scraper.browser.executable.sys.executable", str(python))
    with pytest.raises(BrowserNotFoundError, match=r"apt-get update.*exit.*playwright install.*exit 1"):
        install_browser()
