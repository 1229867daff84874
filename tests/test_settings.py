"""Settings: one module reads the environment, every value is checked once, and docs/settings.md lists them all."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.settings import Settings

from poe_scraper import settings
from poe_scraper.failures import UsageError
from poe_scraper.feed.reader import feed_folder

ROOT = Path(__file__).parents[1]


def checked(name: str, value: object) -> Any:
    """The value of a setting of a crawl, after the check."""
    made = Settings()
    made.setmodule(settings, priority="project")
    made.set(name, value, priority="cmdline")
    settings.check(made)
    return made[name]


def test_the_documents_list_every_setting_of_ours() -> None:
    ours = {name for name in vars(settings) if name.startswith("POE_")}
    documented = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(POE_[A-Z_]+)` \|", documented, re.MULTILINE))
    assert listed == ours


def test_only_settings_read_the_environment() -> None:
    reads = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in (ROOT / "poe_scraper").rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"\benviron\b|\bgetenv\b", line) and "{**os.environ" not in line
    ]
    elsewhere = [line for line in reads if not line.startswith("poe_scraper/settings.py")]
    assert len(reads) > len(elsewhere)
    # variables of the desktop, of Playwright and of the operating system are not settings of ours
    others = re.compile("DISPLAY|PLAYWRIGHT_NODEJS_PATH|TMPDIR")
    assert [line for line in elsewhere if not others.search(line)] == []


def test_every_upper_case_name_is_a_setting_of_scrapy_or_ours() -> None:
    """Scrapy takes every upper-case name of the module for a setting."""
    foreign = {name for name in dir(settings) if name.isupper() and not name.startswith(("POE_", "PLAYWRIGHT_"))}
    # read with a default of its own by the middleware that warns of copied meta keys
    assert foreign - {"META_COPY_WARN_SKIP_KEYS"} <= set(Settings())


SECONDS = "a number of seconds of at least 0"
SWITCH = "true or false (also yes, no, on, off, 1, 0)"
API = "an http:// or https:// address, such as https://api.poe.com/v1/models"
SITE = "an http:// or https:// address without query, such as https://poe.com"


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("POE_MAX_AGE", "a day", SECONDS),
        ("POE_MAX_AGE", "1d", SECONDS),
        ("POE_MAX_AGE", "-5", SECONDS),
        ("POE_MAX_AGE", "nan", SECONDS),
        ("POE_MAX_AGE", "inf", SECONDS),
        ("POE_MAX_AGE", [1], SECONDS),
        ("POE_PAGE_TIMEOUT", "0", "a number of seconds above 0"),
        ("POE_REDIS_LEASE", "-1", "a number of seconds above 0"),
        ("POE_KEEP_GONE", "-1", "a number of days of at least 0"),
        ("POE_MEMORY_LIMIT", "2 GB", "a number of megabytes of at least 0"),
        ("POE_KEEP_VERSIONS", "2.5", "a whole number of at least 0"),
        ("POE_KEEP_VERSIONS", "-1", "a whole number of at least 0"),
        ("POE_KEEP_RUNS", "inf", "a whole number of at least 0"),
        ("POE_PAGE_USES", "0", "a whole number of at least 1"),
        ("POE_GATE_MIN_SHARE", "80", "a number from 0 to 1"),
        ("POE_GATE_MAX_LOST", "-0.1", "a number from 0 to 1"),
        ("POE_MONITORS", "maybe", SWITCH),
        ("POE_ACCEPT", "2", SWITCH),
        ("POE_API_URL", "foo", API),
        ("POE_API_URL", "ftp://poe.com/v1", API),
        ("POE_API_URL", "https://", API),
        ("POE_API_URL", "https://poe.com:port/", API),
        ("POE_API_URL", "https://poe.com/a b", API),
        ("POE_SITE_URL", "poe.com", SITE),
        ("POE_SITE_URL", "https://poe.com#bots", SITE),
    ],
)
def test_a_wrong_value_is_named_with_its_rule(
    monkeypatch: pytest.MonkeyPatch, name: str, value: Any, rule: str
) -> None:
    message = f"{name} must be {rule}, got {str(value)!r}"
    with pytest.raises(UsageError) as raised:
        checked(name, value)
    assert str(raised.value) == message
    if isinstance(value, str):
        monkeypatch.setenv(name, value)
        for read in (lambda: settings.environment(name), settings.check_environment):
            with pytest.raises(UsageError) as raised:
                read()
            assert str(raised.value) == message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POE_API_URL", "ftp://user:secret-word@poe.com/"),
        ("POE_SITE_URL", "https://poe.com/?token=secret-word"),
        ("POE_SITE_URL", "user:secret-word@poe.com"),
    ],
)
def test_no_message_quotes_a_secret(name: str, value: str) -> None:
    with pytest.raises(UsageError) as raised:
        checked(name, value)
    assert "secret-word" not in str(raised.value)
    assert name in str(raised.value)


@pytest.mark.parametrize("empty", ["", "  ", None])
def test_an_empty_value_means_the_default(monkeypatch: pytest.MonkeyPatch, empty: str | None) -> None:
    defaults = {"POE_OUTPUT_DIR": "output", "POE_MAX_AGE": 86400, "POE_API_URL": "https://api.poe.com/v1/models"}
    for name, default in defaults.items():
        assert checked(name, empty) == default
        if empty is not None:
            monkeypatch.setenv(name, empty)
        assert settings.environment(name) == default
    assert feed_folder() == Path("output")


@pytest.mark.parametrize("word", ["1", "true", "True", "YES", "on"])
def test_words_that_switch_on(word: str) -> None:
    assert checked("POE_MONITORS", word) is True


@pytest.mark.parametrize("word", ["0", "false", "No", "OFF"])
def test_words_that_switch_off(word: str) -> None:
    assert checked("POE_MONITORS", word) is False


@given(st.text(max_size=20) | st.floats() | st.integers() | st.booleans() | st.none())
def test_a_value_is_converted_or_refused(value: object) -> None:
    for name in ("POE_MAX_AGE", "POE_KEEP_VERSIONS", "POE_GATE_MAX_LOST", "POE_MONITORS", "POE_API_URL"):
        try:
            first = checked(name, value)
        except UsageError:
            continue
        assert checked(name, first) == first


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("POE_OUTPUT_DIR", "POE_STORAGE_STATE", "POE_BROWSER_PATH"):
        assert checked(name, "~/poe") == str(tmp_path / "poe")
    monkeypatch.setenv("POE_OUTPUT_DIR", "~/feed")
    assert feed_folder() == tmp_path / "feed"


def test_a_lone_slash_does_not_matter() -> None:
    assert checked("POE_SITE_URL", "https://poe.com/") == "https://poe.com"


NO_HOME = "import pwd\n\ndef unknown(uid):\n    raise KeyError(uid)\n\npwd.getpwuid = unknown\n"


@pytest.mark.parametrize(
    ("words", "variables", "expected"),
    [
        (["list", "--limit", "1"], {}, "408 bots"),
        (["logout"], {}, "There is no home folder: set HOME or XDG_DATA_HOME to a folder"),
        (["list"], {"POE_OUTPUT_DIR": "~/feed"}, "POE_OUTPUT_DIR must be a path without ~, because there is no home"),
    ],
)
def test_a_user_without_a_home_gets_no_traceback(
    tmp_path: Path, words: list[str], variables: dict[str, str], expected: str
) -> None:
    """A container may run as a user id that has no entry in /etc/passwd, without HOME."""
    (tmp_path / "sitecustomize.py").write_text(NO_HOME)
    kept = {name: value for name, value in os.environ.items() if name not in {"HOME", "XDG_CACHE_HOME"}}
    done = subprocess.run(
        [Path(sys.executable).with_name("poe-scraper"), *words],
        env={**kept, "PYTHONPATH": str(tmp_path), **variables},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert expected in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", [["poe-scraper", "update"], ["poe-scraper", "merge", "x"], ["scrapy", "crawl", "poe_models"]]
)
def test_a_wrong_variable_ends_a_command_at_once(tmp_path: Path, words: list[str]) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name(words[0]), *words[1:]],
        env={**os.environ, "POE_MAX_AGE": "a day", "SCRAPY_SETTINGS_MODULE": "poe_scraper.settings"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "POE_MAX_AGE must be a number of seconds of at least 0, got 'a day'" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
