"""`doctor` as a contract with the models API: cassettes of plain HTTP, and the real command."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from betamax import Betamax

from poe_scraper.cli.doctor import Finding, ask_api
from poe_scraper.replica import running

CASSETTES = Path(__file__).parent.parent / "cassettes"
KEY = "poe-key-that-must-not-be-written"
RECORDED_AT = datetime(2026, 11, 23, 5, 43, tzinfo=UTC)

with Betamax.configure() as config:
    config.cassette_library_dir = str(CASSETTES)
    config.define_cassette_placeholder("<POE_API_KEY>", KEY)


def ask(cassette: str, *, now: datetime = RECORDED_AT, key: str = KEY) -> list[Finding]:
    session = requests.Session()
    with Betamax(session).use_cassette(cassette, record="none", match_requests_on=["method", "uri"]):
        return list(ask_api(session, "https://api.poe.com/v1/models", key=key, now=lambda: now))


def test_the_models_api_in_full_shape() -> None:
    api, clock = ask("models")
    assert (api.state, api.found) == ("ok", "https://api.poe.com/v1/models lists 12 models")
    assert clock.state == "ok"


def test_a_clock_that_is_off() -> None:
    _, clock = ask("models", now=RECORDED_AT.replace(hour=7))
    assert clock.state == "failed"
    assert clock.remedy is not None


@pytest.mark.parametrize(
    ("cassette", "found"),
    [
        ("models-401", "https://api.poe.com/v1/models answered 401"),
        ("models-500", "https://api.poe.com/v1/models answered 500"),
        ("models-garbage", "the models API's answer is not JSON"),
    ],
)
def test_an_api_that_fails(cassette: str, found: str) -> None:
    (api,) = ask(cassette)
    assert api.state == "failed"
    assert api.found.startswith(found)
    assert api.remedy
    assert KEY not in f"{api}"


def test_the_key_is_sent_and_never_recorded(tmp_path: Path) -> None:
    with running(bots=3) as replica:
        session = requests.Session()
        recorder = Betamax(session, cassette_library_dir=str(tmp_path))
        with recorder.use_cassette("new", record="once"):
            list(ask_api(session, replica.api_url, key=KEY, now=lambda: datetime.now(UTC)))
    recorded = (tmp_path / "new.json").read_text()
    assert "<POE_API_KEY>" in recorded
    assert KEY not in recorded
    for cassette in CASSETTES.iterdir():
        assert KEY not in cassette.read_text()
        assert "Bearer <POE_API_KEY>" in cassette.read_text()


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("poe-scraper")
    env = {**os.environ, "POE_API_KEY": KEY, **environment}
    return subprocess.run([program, *words], capture_output=True, text=True, check=False, env=env, timeout=120)


@pytest.mark.browser
def test_the_command_where_all_is_well(tmp_path: Path) -> None:
    with running(bots=3) as replica:
        done = run("doctor", "--json", "--output-dir", str(tmp_path), POE_API_URL=replica.api_url)
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 0, done.stdout
    assert list(findings) == ["python", "settings", "browser", "api", "clock", "feed", "disk"]
    assert findings["browser"]["state"] == "ok"
    assert findings["feed"]["state"] == "warning"
    assert KEY not in done.stdout + done.stderr


def test_the_command_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "models.json").write_text("{")
    with running(bots=1) as replica:
        closed = urlsplit(replica.url).port
    done = run(
        "doctor",
        "--output-dir",
        str(tmp_path),
        POE_API_URL=f"http://127.0.0.1:{closed}/v1/models",
        POE_BROWSER_PATH=str(tmp_path / "no-browser"),
    )
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    for name in ("browser", "api", "feed"):
        assert any(line.startswith(f"failed   {name}") for line in lines), done.stdout
    assert "poe-scraper setup" in done.stdout
    assert KEY not in done.stdout + done.stderr


def test_settings_that_a_crawl_would_refuse(tmp_path: Path) -> None:
    done = run(
        "doctor",
        "--json",
        POE_API_URL="http://127.0.0.1:9/v1/models",
        POE_BROWSER_PATH=str(tmp_path / "no-browser"),
        POE_SITE_HOSTS="not a host",
    )
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert findings["settings"]["state"] == "failed"
    assert "POE_SITE_HOSTS" in findings["settings"]["found"]


def test_an_output_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run(
        "doctor",
        "--json",
        POE_OUTPUT_DIR=str(tmp_path / "file" / "feed"),
        POE_API_URL="http://127.0.0.1:9/v1/models",
        POE_BROWSER_PATH=str(tmp_path / "no-browser"),
    )
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert findings["disk"]["state"] == "failed"
    assert "cannot be written" in findings["disk"]["found"]
