"""`poe-scraper probe` against each fault of the replica, in a real Chromium."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from poe_scraper.replica import Replica, running

from .conftest import Probe

BOT = "Grok-4.7"
FAST = {"POE_PAGE_TIMEOUT": "8", "POE_CHECK_WAIT": "1"}

pytestmark = pytest.mark.browser


def test_all_is_well(probe: Probe, replica: Replica) -> None:
    done = probe(replica, "--json")
    assert done.status == 0, done.stdout + done.stderr
    assert set(done.states.values()) == {"ok"}
    found = {name: step["found"] for name, step in done.steps.items()}
    assert (
        found["api"].startswith("lists 421 models; 499 of 500 requests left") or "of 500 requests left" in found["api"]
    )
    assert "allows /" in found["robots"]
    assert "redirected from" in found["page"]
    assert "localhost" in found["page"]
    assert "botId" in found["bot"]
    assert "status 200" in found["query"]
    assert "the page's query" in found["card"]
    assert found["reading"].startswith("6 prices")
    assert "3 agree" in found["checks"]


def test_plain_text_of_at_most_80_columns(probe: Probe, replica: Replica) -> None:
    done = probe(replica, BOT)
    lines = done.stdout.splitlines()
    assert lines[0] == f"{BOT} at {replica.url}/{BOT}"
    assert [line.split()[1] for line in lines if line.startswith("ok ")] == [
        "api", "robots", "page", "bot", "trigger", "query", "card", "reading", "checks",
    ]  # fmt: skip
    assert len(lines) <= 14
    assert all(len(line) <= 80 for line in lines)


def test_a_creator(probe: Probe, replica: Replica) -> None:
    done = probe(replica, "@openai", "--json")
    assert done.status == 0, done.stdout + done.stderr
    assert list(done.states) == ["api", "robots", "page", "profile", "bots"]
    assert done.steps["bots"]["found"].startswith("26 bots")


def test_nothing_is_published(probe: Probe, replica: Replica, tmp_path: Path) -> None:
    probe(replica, BOT)
    assert list(tmp_path.iterdir()) == []


def test_one_look(probe: Probe, replica: Replica) -> None:
    replica.set_faults(f"page_503@{BOT}")
    replica.forget_requests()
    done = probe(replica, BOT, "--json")
    assert done.failed == {"page": "server_error"}
    assert replica.requests()["by_handle"][BOT] == {"document": 1}


@pytest.mark.parametrize(
    ("fault", "failed", "status"),
    [
        ("check_clears", {}, 0),
        ("login", {"page": "login_required"}, 5),
        ("page_429", {"page": "rate_limited"}, 4),
        ("other_host", {"page": "redirected_away"}, 5),
        ("other_bot", {"bot": "wrong_bot"}, 5),
        ("reset", {"page": "connection_failed"}, 4),
        ("silent", {"page": "timeout"}, 4),
        ("object_deleted", {"bot": "not_found"}, 5),
        ("named_host", {}, 0),
        ("gql_errors", {"card": "card_refused"}, 5),
    ],
)
def test_a_fault_of_the_page_of_which_there_is_no_recording(
    probe: Probe, replica: Replica, fault: str, failed: dict[str, str], status: int
) -> None:
    replica.set_faults(f"{fault}@{BOT}")
    done = probe(replica, BOT, "--json", **FAST)
    assert done.failed == failed, done.stdout
    assert done.status == status
    for name in failed:
        assert done.steps[name]["remedy"]
    names = list(done.states)
    for name in failed:
        later = {done.states[step] for step in names[names.index(name) + 1 :]}
        assert later <= {"skipped"}


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ("api_401", "catalog_refused", 4),
        ("api_503", "catalog_unreachable", 4),
        ("api_reset", "catalog_unreachable", 4),
        ("api_garbage", "catalog_garbled", 4),
        ("api_empty", "catalog_empty", 4),
    ],
)
def test_a_fault_of_the_api(probe: Probe, replica: Replica, fault: str, code: str, status: int) -> None:
    replica.set_faults(f"{fault}=1")
    done = probe(replica, BOT, "--json")
    assert done.failed == {"api": code}
    assert done.states["reading"] == "ok"  # the bot was named, so its page is read all the same
    assert done.status == status
    unnamed = probe(replica, "--json")
    assert set(unnamed.states.values()) == {"failed", "skipped"}
    assert unnamed.status == status


def test_robots_txt_forbids(probe: Probe, replica: Replica) -> None:
    replica.set_faults("robots_forbid=1")
    replica.forget_requests()
    done = probe(replica, BOT, "--json")
    assert done.failed == {"robots": "robots_forbidden"}
    assert done.status == 5
    assert "document" not in replica.requests()["by_kind"]


def test_what_is_found_instead(probe: Probe, replica: Replica) -> None:
    replica.set_faults(f"label_renamed@{BOT}")
    done = probe(replica, BOT, "--json")
    assert "Pricing" in done.steps["trigger"]["found"]
    assert (done.result["subject"], done.result["exit_code"]) == (BOT, 5)
    text = probe(replica, BOT).stdout
    for step in done.result["steps"]:
        assert f"{step['state']:<8} {step['name']:<8} " in text
    replica.set_faults(f"script_named_host@{BOT}")
    query = probe(replica, BOT, "--json").steps["query"]
    assert "chunks.localhost" in query["found"]
    assert "POE_SITE_HOSTS" in query["found"] + query["remedy"]


def test_the_terminal_is_not_obeyed(probe: Probe, replica: Replica) -> None:
    replica.set_faults(f"hostile_text@{BOT}", "api_hostile_text=1")
    for words in ((BOT,), (BOT, "--json")):
        shown = probe(replica, *words).stdout
        assert "\x1b" not in shown
        assert all(character.isprintable() or character == "\n" for character in shown)


def test_nobody_is_there(probe: Probe) -> None:
    with running(bots=1) as replica:
        port = urlsplit(replica.url).port
    done = probe(f"http://127.0.0.1:{port}", BOT, "--json")
    assert done.failed == {"api": "catalog_unreachable", "page": "connection_failed"}
    assert done.status == 4


def test_no_browser(probe: Probe, replica: Replica, tmp_path: Path) -> None:
    done = probe(replica, BOT, "--json", POE_BROWSER_PATH=str(tmp_path / "none"))
    assert done.failed == {"page": "browser_missing"}
    assert done.status == 1


@pytest.mark.parametrize("words", [("a/b",), ("@",), ("https://poe.com/GPT-5",), ("GPT-5", "Grok-4")])
def test_wrong_usage(probe: Probe, words: tuple[str, ...]) -> None:
    done = probe("http://127.0.0.1:9", *words)
    assert done.status == 2
    assert "Traceback" not in done.stderr


def test_a_wrong_setting(probe: Probe, replica: Replica, tmp_path: Path) -> None:
    replica.forget_requests()
    for environment in ({"POE_SITE_HOSTS": "a b"}, {"POE_PAGE_TIMEOUT": "soon"}, {"POE_STORAGE_STATE": "none.json"}):
        done = probe(replica, BOT, "--record", str(tmp_path / "recording"), **environment)
        assert done.status == 2, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    assert replica.requests()["total"] == 0
    assert not (tmp_path / "recording").exists()


def test_a_folder_with_files_in_it(probe: Probe, tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    done = probe("http://127.0.0.1:9", BOT, "--record", str(folder))
    assert done.status == 2
    assert "new or empty folder" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
