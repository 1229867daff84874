"""The file that keeps a session."""

import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from poe_scraper.browser.session import (
    Cookie,
    Session,
    asked_session,
    keep_session,
    read_session,
    remove_session,
    session_path,
)
from poe_scraper.failures import SessionError, UsageError

SECRET = "cookie-value-that-must-not-be-shown"
SITE = "https://poe.com"
FUTURE = 4_000_000_000.0


def cookie(name: str = "p-b", domain: str = "poe.com", expires: float = FUTURE) -> Cookie:
    return Cookie.model_validate({"name": name, "value": SECRET, "domain": domain, "expires": expires})


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder of a user."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "poe-scraper"


@pytest.fixture
def kept(data: Path) -> Path:
    """A session that was kept."""
    keep_session(Session((cookie(),)), session_path())
    return session_path()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_kept_is_what_is_read(kept: Path) -> None:
    assert read_session(kept, SITE) == Session((cookie(),))


def test_it_is_a_storage_state_as_playwright_writes_it(kept: Path) -> None:
    state = json.loads(kept.read_text())
    assert state["origins"] == []
    assert state["cookies"] == [
        {
            "name": "p-b",
            "value": SECRET,
            "domain": "poe.com",
            "path": "/",
            "expires": FUTURE,
            "httpOnly": False,
            "secure": False,
            "sameSite": "Lax",
        }
    ]


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_nobody_else_can_read_it_at_any_time(data: Path, umask: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data.mkdir(parents=True, mode=0o755)  # somebody else has made it
    seen: list[tuple[str, int]] = []

    def fsync(descriptor: int) -> None:
        seen.extend((path.name, mode(path)) for path in data.iterdir())

    monkeypatch.setattr("os.fsync", fsync)
    before = os.umask(umask)
    try:
        keep_session(Session((cookie(),)), session_path())
    finally:
        os.umask(before)
    assert seen == [(".session.json.tmp", 0o600)]
    assert [(path.name, mode(path)) for path in data.iterdir()] == [("session.json", 0o600)]
    assert mode(data) == 0o700


def test_the_folder_of_a_file_elsewhere_is_left_as_it_is(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir(mode=0o755)
    keep_session(Session((cookie(),)), folder / "poe.json")
    assert (mode(folder), mode(folder / "poe.json")) == (0o755, 0o600)


def test_what_cannot_be_written_leaves_the_old_one(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    before = kept.read_bytes()
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SessionError, match="No space left") as raised:
        keep_session(Session((cookie("other"),)), kept)
    assert SECRET not in f"{raised.value!r}{raised.value.__cause__!r}"
    assert [(path, path.read_bytes()) for path in kept.parent.iterdir()] == [(kept, before)]


def test_a_writer_that_died_is_in_nobodys_way(kept: Path) -> None:
    stray = kept.with_name(".session.json.tmp")
    stray.write_text(SECRET)
    keep_session(Session((cookie("new"),)), kept)
    assert not stray.exists()
    stray.write_text(SECRET)
    assert remove_session(kept)
    assert not stray.exists()
    assert not remove_session(kept)


def test_only_the_sites_own_cookies() -> None:
    own = [cookie(domain=domain) for domain in ("poe.com", ".poe.com", "www.poe.com", ".POE.com")]
    others = [cookie(domain=domain) for domain in ("google.com", "notpoe.com", "poe.com.evil.example", "com.poe", "")]
    assert Session.of_site([*own, *others], SITE) == Session(tuple(own))
    assert Session.of_site([cookie(domain=".poe.com")], "https://www.poe.com").cookies


def test_cookies_of_others_in_a_file_are_not_used(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    keep_session(Session((cookie(), cookie(domain="example.com"))), path)
    assert read_session(path, SITE) == Session((cookie(),))


@pytest.mark.parametrize("permission", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_read_is_refused(kept: Path, permission: int) -> None:
    kept.chmod(permission)
    with pytest.raises(UsageError, match="chmod 600"):
        read_session(kept, SITE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f'{{"cookies": [{{"name": 5, "value": "{SECRET}"}}]}}', "not a Playwright storage state"),
        (f'{{"cookies": [{{"name": "p-b", "value": ["{SECRET}"], "domain": "poe.com"}}]}}', "not a Playwright storage"),
        (f'"{SECRET}"', "not a Playwright storage state"),
        (f'{{"cookies": {SECRET}', "not a Playwright storage state"),
        ('{"cookies": []}', "no session with poe.com"),
        (f'{{"cookies": [{{"name": "p-b", "value": "{SECRET}", "domain": "evil.example"}}]}}', "no session with"),
    ],
)
def test_a_file_that_holds_no_session(kept: Path, content: str, message: str) -> None:
    kept.write_text(content)
    with pytest.raises(UsageError, match=message) as raised:
        read_session(kept, SITE)
    assert SECRET not in f"{raised.value!r}"
    assert raised.value.__cause__ is None
    assert SECRET not in f"{raised.value.__context__}"


def test_values_stay_out_of_what_python_shows() -> None:
    session = Session((cookie(),))
    assert SECRET not in f"{session!r} {session} {session.cookies[0]} {[*session.cookies]}"


def test_when_it_ends() -> None:
    assert Session((cookie(expires=-1),)).ends_at is None
    session = Session((cookie(expires=1_800_000_000), cookie("other", expires=FUTURE)))
    assert session.ends_at == datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
    assert session.has_ended(datetime(2027, 1, 16, tzinfo=UTC))
    assert not session.has_ended(datetime(2027, 1, 14, tzinfo=UTC))


def settings(asked: str, **more: str) -> dict[str, Any]:
    return {"POE_STORAGE_STATE": asked, "POE_SITE_URL": SITE, **more}


def test_the_words_that_ask_for_a_session(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for asked in ("", "0", "false", "False"):
        assert asked_session(settings(asked)) is None
    for asked in ("1", "true", "True", str(kept)):
        assert asked_session(settings(asked)) == Session((cookie(),))
    monkeypatch.setenv("HOME", str(kept.parent))
    assert asked_session(settings("~/session.json")) == Session((cookie(),))
    with pytest.raises(UsageError, match="poe-scraper login"):
        asked_session(settings(str(tmp_path / "none.json")))
    with pytest.raises(UsageError, match="cannot be read"):
        asked_session(settings(str(tmp_path)))


def test_the_session_of_a_running_browser(data: Path) -> None:
    with pytest.raises(UsageError, match="PLAYWRIGHT_CDP_URL"):
        asked_session(settings("browser"))
    given = asked_session(settings("browser", PLAYWRIGHT_CDP_URL="http://127.0.0.1:9222"))
    assert given == Session(in_browser=True)
    with pytest.raises(UsageError, match="running Chrome"):
        session_path("browser")


def poe(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    program = Path(sys.executable).with_name("poe-scraper")
    kept = {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    env = {**kept, **environment}
    return subprocess.run([program, *words], capture_output=True, text=True, check=False, env=env, timeout=60)


def test_logout_removes_it_and_says_what_it_leaves(kept: Path) -> None:
    done = poe("logout")
    assert (done.returncode, kept.exists()) == (0, False)
    assert "At Poe it goes on" in done.stdout
    assert "no session" in poe("logout").stdout


def test_login_without_a_display(data: Path, tmp_path: Path) -> None:
    (tmp_path / "chromium").write_text("#!/bin/sh\n")
    (tmp_path / "chromium").chmod(0o755)
    done = poe("login", POE_BROWSER_PATH=str(tmp_path / "chromium"))
    assert done.returncode == 1
    assert "no display" in done.stderr
    assert not data.exists()


def test_login_without_a_browser_that_shows_a_window(tmp_path: Path) -> None:
    shell = tmp_path / "chromium-headless-shell"
    shell.write_text("#!/bin/sh\n")
    shell.chmod(0o755)
    done = poe(
        "login", DISPLAY=":0", PATH=str(tmp_path), POE_BROWSER_PATH=str(shell), PLAYWRIGHT_BROWSERS_PATH=str(tmp_path)
    )
    assert done.returncode == 1
    assert "apt-get install chromium " in done.stderr


def test_a_crawl_with_a_session_that_is_none_does_not_start(data: Path, tmp_path: Path) -> None:
    for words in (["poe-scraper", "update"], ["scrapy", "crawl", "poe_models"]):
        done = subprocess.run(
            [Path(sys.executable).with_name(words[0]), *words[1:]],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "POE_STORAGE_STATE": "true", "POE_OUTPUT_DIR": str(tmp_path / "output")},
            timeout=60,
        )
        assert done.returncode == 2, done.stderr
        assert "poe-scraper login" in done.stderr
        assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(("expires", "state"), [(FUTURE, "ok"), (1.0, "failed")])
def test_doctor_looks_at_it(kept: Path, tmp_path: Path, expires: float, state: str) -> None:
    keep_session(Session((cookie(expires=expires),)), kept)
    done = poe(
        "doctor",
        "--json",
        POE_STORAGE_STATE="true",
        POE_SITE_URL=SITE,
        POE_API_URL="http://127.0.0.1:1/v1/models",
        POE_BROWSER_PATH="/nowhere",
        POE_OUTPUT_DIR=str(tmp_path),
    )
    (finding,) = [finding for finding in json.loads(done.stdout) if finding["name"] == "session"]
    assert finding["state"] == state
    assert (finding["remedy"] == "Sign in again: poe-scraper login.") == (state == "failed")
    assert SECRET not in done.stdout + done.stderr
