"""A browser profile that lasts."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from poe_scraper.browser.executable import browser_version
from poe_scraper.browser.network import NetworkPolicy
from poe_scraper.browser.pool import PagePool
from poe_scraper.browser.preflight import check_settings
from poe_scraper.browser.profile import Profile, profile_folder
from poe_scraper.failures import UsageError
from tests.browser.conftest import in_pool, serving

CHROMIUM = "Chromium 156.0.8078.108 built on Debian"


@pytest.mark.parametrize(("setting", "expected"), [("", None), ("0", None), ("false", None), ("/x/y", Path("/x/y"))])
def test_the_setting(setting: str, expected: Path | None) -> None:
    assert profile_folder({"POE_BROWSER_PROFILE": setting}) == expected


def test_true_is_a_folder_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert profile_folder({"POE_BROWSER_PROFILE": "true"}) == tmp_path / "poe-scraper" / "profile"


@pytest.mark.parametrize("other", ["PLAYWRIGHT_CDP_URL", "PLAYWRIGHT_CONNECT_URL", "POE_STORAGE_STATE"])
def test_other_settings_that_exclude_it(other: str) -> None:
    with pytest.raises(UsageError, match=f"POE_BROWSER_PROFILE and {other} exclude each other"):
        check_settings({"POE_BROWSER_PROFILE": "/x", other: "something", "POE_SITE_URL": "https://poe.com"})


def test_one_process_at_a_time(tmp_path: Path) -> None:
    first, second = Profile(tmp_path / "p", CHROMIUM), Profile(tmp_path / "p", CHROMIUM)
    first.acquire()
    for use in (second.check, second.acquire):
        with pytest.raises(UsageError, match="in use by another process of poe-scraper"):
            use()
    first.release()
    second.acquire()
    second.release()
    assert (tmp_path / "p").stat().st_mode & 0o077 == 0


def test_a_profile_that_a_browser_has_open(tmp_path: Path) -> None:
    (tmp_path / "Local State").touch()
    (tmp_path / "SingletonLock").symlink_to(f"host-{os.getpid()}")
    with pytest.raises(UsageError, match="in use by a running browser"):
        Profile(tmp_path, CHROMIUM).acquire()
    (tmp_path / "SingletonLock").unlink()
    (tmp_path / "SingletonLock").symlink_to("host-999999999")  # it was killed
    Profile(tmp_path, CHROMIUM).check()


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"Local State": "", "poe-scraper.json": '{"browser": "Google Chrome"}'}, "by Google Chrome, not by Chromium"),
        ({"Local State": "", "Last Version": "157.0.1.2"}, "made by Chromium 157, not by Chromium 156"),
        ({"prefs.js": "", "times.json": ""}, "is not a profile of Chromium or Chrome"),
        ({"holiday.jpg": ""}, "is not a profile of Chromium or Chrome"),
    ],
)
def test_a_profile_of_another_browser(tmp_path: Path, files: dict[str, str], found: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=found):
        Profile(tmp_path, CHROMIUM).acquire()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == files  # nothing was written


@pytest.mark.parametrize("mark", ["", "{", "[]", '{"browser": "Chromium"}'])
def test_an_older_profile_of_the_same_browser(tmp_path: Path, mark: str) -> None:
    for name, text in {"Local State": "", "Last Version": "120.0.1.2", "poe-scraper.json": mark}.items():
        (tmp_path / name).write_text(text)
    profile = Profile(tmp_path, CHROMIUM)
    profile.acquire()
    profile.release()
    assert json.loads((tmp_path / "poe-scraper.json").read_text()) == {"browser": "Chromium"}


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be"):
        Profile(tmp_path / "file" / "profile", CHROMIUM).acquire()


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs a full Chromium (apt-get install chromium)")
def test_a_check_that_was_cleared_in_an_earlier_process_holds(tmp_path: Path) -> None:
    seen: list[str] = []

    def reply(handler: Any) -> tuple[int, dict[str, str], bytes]:
        cookie = handler.headers.get("Cookie", "")
        if "cleared=yes" in cookie:
            seen.append(cookie)
            return 200, {"Set-Cookie": f"visit{len(seen)}=1; Max-Age=600; Path=/"}, b"<h1>The bot</h1>"
        seen.append("check")
        clear = "document.cookie = 'cleared=yes; max-age=600; path=/'; setTimeout(() => location.reload(), 200)"
        return 403, {"cf-mitigated": "challenge"}, f"<title>Just a moment...</title><script>{clear}</script>".encode()

    with serving() as site:
        site.replies["/"] = reply
        policy = NetworkPolicy(site.url)

        def crawl() -> None:
            async def work(pool: PagePool) -> None:
                for _ in range(2):
                    assert "The bot" in (await pool.visit(f"{site.url}/")).html

            profile = Profile(tmp_path / "profile", CHROMIUM)
            in_pool(policy, work, profile=profile, full=True, timeout=30.0)
            profile.acquire()  # it was released
            profile.release()

        crawl()
        crawl()
    assert seen[0] == "check"
    assert seen.count("check") == 1
    # the page after the check is part of what cleared it; what later visits stored reaches nobody
    assert set(seen[2:]) == {"cleared=yes; visit2=1"}
    assert len(seen) == 5


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs a full Chromium (apt-get install chromium)")
@pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="needs a screen (apt-get install xvfb xauth)")
def test_a_sign_in_with_the_profile_holds_for_the_crawl(tmp_path: Path) -> None:
    seen: list[str] = []

    def page(handler: Any) -> tuple[int, dict[str, str], bytes]:
        seen.append(handler.headers.get("Cookie", ""))
        return 200, {}, b"<h1>Welcome</h1>"

    with serving() as site:
        site.replies["/"] = page
        cookie = "p-b=secret; Max-Age=600; HttpOnly"
        site.replies["/login"] = (200, {"Set-Cookie": cookie}, b"<script>location.assign('/')</script>")
        done = subprocess.run(
            ["xvfb-run", "-a", Path(sys.executable).with_name("poe-scraper"), "login", "--timeout", "1"],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, "POE_SITE_URL": site.url, "POE_BROWSER_PROFILE": str(tmp_path / "profile")},
        )
        assert done.returncode == 0, done.stderr
        assert f"POE_BROWSER_PROFILE={tmp_path / 'profile'} poe-scraper update" in done.stdout
        assert "secret" not in done.stdout + done.stderr
        seen.clear()

        async def work(pool: PagePool) -> None:
            await pool.visit(f"{site.url}/")

        profile = Profile(tmp_path / "profile", browser_version(str(shutil.which("chromium"))))
        in_pool(NetworkPolicy(site.url), work, profile=profile, full=True, timeout=30.0)
    assert seen == ["p-b=secret"]
