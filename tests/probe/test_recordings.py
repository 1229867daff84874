"""Recordings give the result that they were recorded with: read again, and served to a real Chromium."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from poe_scraper.failures import UsageError
from poe_scraper.probe.recording import read_recording, result_of
from poe_scraper.replica import running

from .conftest import Probe

RECORDINGS = Path(__file__).parent.parent / "recordings"
NAMES = sorted(folder.name for folder in RECORDINGS.iterdir() if folder.is_dir())
QUICK = {
    "all-is-well",
    "bot-check-that-stays",
    "button-renamed",
    "profile-without-panel",
    "query-refused",
    "streamed-data",
}
"""One of each kind; the others are served by `make test-slow`."""
AT = datetime(2026, 11, 25, tzinfo=UTC)


def recorded(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "result.json").read_bytes()))


def outcome(result: dict[str, Any]) -> dict[str, Any]:
    """A result without the words of its steps, which name hosts and counts."""
    return {**result, "steps": [{key: step[key] for key in ("name", "state", "code")} for step in result["steps"]]}


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_is_read_again(name: str) -> None:
    folder = RECORDINGS / name
    assert outcome(result_of(read_recording(folder), AT)) == outcome(recorded(folder))


@pytest.mark.browser
@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def test_a_recording_is_served_again(probe: Probe, name: str, tmp_path: Path) -> None:
    facts = json.loads((RECORDINGS / name / "recording.json").read_bytes())
    subject = f"@{facts['subject']}" if facts["kind"] == "profile" else facts["subject"]
    with running(recording=RECORDINGS / name) as replica:
        probe(replica, subject, "--record", str(tmp_path / "again"), POE_CHECK_WAIT="1", POE_PAGE_TIMEOUT="10")
    assert outcome(recorded(tmp_path / "again")) == outcome(recorded(RECORDINGS / name))


def test_recordings_cover_success_and_failure() -> None:
    states = [{step["state"] for step in recorded(RECORDINGS / name)["steps"]} for name in NAMES]
    assert any(state == {"ok"} for state in states)
    failed = {step["name"] for name in NAMES for step in recorded(RECORDINGS / name)["steps"] if step["code"]}
    assert failed >= {"api", "robots", "page", "bot", "trigger", "query", "card"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not a recording"),
        ("[]", "format 1"),
        ('{"format": 2}', "format 1, got format 2"),
        ('{"format": 1}', "is not a recording"),
        ('{"format": 1, "kind": "bot", "subject": "a", "site_url": 7}', "is not a recording"),
    ],
)
def test_a_damaged_recording(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "recording.json").write_text(content)
    (tmp_path / "rendered.html").write_text("")
    with pytest.raises(UsageError, match=message):
        read_recording(tmp_path)


def test_no_recording(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a recording"):
        read_recording(tmp_path / "nothing")
