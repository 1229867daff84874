"""`balance`, `usage` and `audit` through the real entry point, against the replica."""

import csv
import io
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from poe_scraper.replica import Replica, running
from tests.cli.conftest import POE_SCRAPER
from tests.made_feed import FORMULA, HOSTILE, SECOND, publish

KEY = "poe-key-that-must-not-be-written"
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def replica() -> Iterator[Replica]:
    with running(bots=1) as replica:
        yield replica


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(tmp_path_factory.mktemp("feed"))


@pytest.fixture
def poe(replica: Replica, tmp_path: Path) -> Command:
    """Runs `poe-scraper` in an empty folder with an empty cache; nothing it says may hold the key."""
    replica.set_faults()
    replica.change_account(balance=1500, history=[], older_format=False)

    def run(*arguments: str, key: str = KEY) -> "subprocess.CompletedProcess[str]":
        result = subprocess.run(
            [POE_SCRAPER, *arguments],
            cwd=tmp_path,
            env={
                "PATH": "/usr/bin:/bin",
                "XDG_CACHE_HOME": str(tmp_path / "cache"),
                "POE_API_URL": replica.api_url,
                "POE_API_KEY": key,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert KEY not in result.stdout + result.stderr
        assert "Traceback" not in result.stderr
        assert CONTROL.search(result.stdout.replace("\r\n", "\n")) is None
        return result

    return run


def entry(number: int, name: str, points: int, **more: Any) -> dict[str, Any]:
    """A usage as the endpoint tells it: minutes after the second version of the feed."""
    return {
        "creation_time": int(SECOND.timestamp() * 1_000_000) + number * 60_000_000,
        "bot_name": name,
        "query_id": f"q-{number}",
        "usage_type": "API",
        "cost_points": points,
        "cost_usd": format(Decimal(points) / 33_000, ".6f"),
        "cost_breakdown_in_points": {},
        **more,
    }


SINCE = f"{SECOND:%Y-%m-%d}"
HISTORY = [
    entry(2000, "GPT-Test", 300, usage_type="Chat", cost_breakdown_in_points={"Input": 100, "Output (text)": 200}),
    entry(3, "GPT-Test", 100),
    entry(2, "Flat-Chat", 195),
    entry(1, FORMULA + HOSTILE, 5, usage_type=HOSTILE),
]


def test_balance(poe: Command) -> None:
    shown = poe("balance")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("1,500 points ($0.0455), ")
    result = json.loads(poe("balance", "--json").stdout)
    assert (result["points"], result["usd"]) == ("1500", "0.045455")
    assert result["at"].endswith("Z")


def test_a_fresh_balance(poe: Command, replica: Replica) -> None:
    poe("balance")
    replica.change_account(balance=99)
    assert poe("balance").stdout.startswith("1,500 points")
    assert poe("balance", "--fresh").stdout.startswith("99 points")
    replica.change_account(balance=98)
    assert poe("balance", "--no-cache").stdout.startswith("98 points")


@pytest.mark.parametrize(
    ("by", "rows"),
    [
        ("bot", [("GPT-Test", 2, "400"), ("Flat-Chat", 1, "195"), (FORMULA + HOSTILE, 1, "5")]),
        ("day", [("2026-10-28", 1, "300"), ("2026-10-27", 3, "300")]),
        ("kind", [("Chat", 1, "300"), ("API", 2, "295"), (HOSTILE, 1, "5")]),
    ],
)
def test_usage_json(poe: Command, replica: Replica, by: str, rows: list[tuple[str, int, str]]) -> None:
    replica.change_account(history=HISTORY)
    result = json.loads(poe("usage", "--since", SINCE, "--by", by, "--json").stdout)
    assert [result[name] for name in ("by", "since", "left_out")] == [by, "2026-10-27T00:00:00Z", 0]
    assert result["total"] == {"messages": 4, "points": "600", "usd": "0.018182"}
    assert [(row["name"], row["messages"], row["points"]) for row in result["rows"]] == rows


@pytest.mark.parametrize("by", ["bot", "day", "kind", "message"])
def test_usage_table(poe: Command, replica: Replica, by: str) -> None:
    replica.change_account(history=HISTORY)
    shown = poe("usage", "--since", SINCE, "--by", by)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert re.search(r"^Total +(4 +)?600 +0\.0182$", shown.stdout, re.MULTILINE)
    assert "4 messages from 2026-10-27 00:00 to " in shown.stdout
    assert max(map(cell_len, shown.stdout.splitlines())) <= 80


def test_usage_csv(poe: Command, replica: Replica) -> None:
    replica.change_account(history=HISTORY)
    header, *rows = csv.reader(io.StringIO(poe("usage", "--since", SINCE, "--csv").stdout))
    assert header == ["bot", "messages", "points", "usd"]
    assert rows[0] == ["GPT-Test", "2", "400", "0.012121"]
    assert rows[2][0].startswith("'=HYPERLINK")
    header, *rows = csv.reader(io.StringIO(poe("usage", "--since", SINCE, "--by", "message", "--csv").stdout))
    assert header == ["id", "at", "bot", "kind", "points", "usd", "parts"]
    assert rows[0][:6] == ["q-2000", "2026-10-28T21:20:00Z", "GPT-Test", "Chat", "300", "0.009091"]
    assert json.loads(rows[0][6]) == {"Input": "100", "Output (text)": "200"}


def test_usage_of_messages_as_json(poe: Command, replica: Replica) -> None:
    replica.change_account(history=HISTORY, older_format=True)
    result = json.loads(poe("usage", "--since", SINCE, "--by", "message", "--json").stdout)
    assert [row["id"] for row in result["rows"]] == ["q-2000", "q-3", "q-2", "q-1"]
    assert result["rows"][0]["parts"] == {"Input": "100", "Output (text)": "200"}


def test_no_usage(poe: Command) -> None:
    shown = poe("usage", "--since", "1")
    assert (shown.returncode, shown.stdout[:16]) == (0, "0 messages from ")
    assert json.loads(poe("usage", "--since", "1", "--by", "message", "--json").stdout)["rows"] == []


def test_entries_that_cannot_be_read_are_reported(poe: Command, replica: Replica) -> None:
    replica.change_account(history=[HISTORY[0], {**HISTORY[1], "cost_points": None}])
    shown = poe("usage", "--since", SINCE)
    assert shown.returncode == 0
    assert shown.stderr == "Note: Entries that could not be read and are left out: 1.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--since", "soon"), "'soon' is not a date"),
        (("--since", "-3"), "is not a date"),
        (("--since", "9" * 30), "is not a date"),
        (("--since", "2999-01-01"), "is in the future"),
        (("--json", "--csv"), "not both"),
    ],
)
def test_wrong_usage(poe: Command, arguments: tuple[str, ...], message: str) -> None:
    shown = poe("usage", *arguments)
    assert shown.returncode == 2
    assert message in shown.stderr


@pytest.mark.parametrize("command", ["balance", "usage", "audit"])
def test_refusals(poe: Command, replica: Replica, command: str) -> None:
    unset = poe(command, key="")
    assert unset.returncode == 2
    assert "POE_API_KEY" in unset.stderr
    replica.set_faults("account_401=1")
    refused = poe(command)
    assert refused.returncode == 4
    assert "refused the key (401). Check POE_API_KEY" in refused.stderr


def test_the_cache_commands_cover_the_account(poe: Command, feed: Path) -> None:
    poe("balance")
    poe("usage")
    result = json.loads(poe("cache", "--output-dir", str(feed), "--json").stdout)["account"]
    assert result["answers"] == 2
    kept = Path(result["folder"])
    assert len([*kept.iterdir()]) == 2
    assert poe("clear-cache", "--yes").returncode == 0
    assert not kept.exists()
    assert re.search(r"cached account responses: +0$", poe("cache", "--output-dir", str(feed)).stdout, re.MULTILINE)


# --- audit -------------------------------------------------------------------------------------


def test_audit_where_all_is_right(poe: Command, replica: Replica, feed: Path) -> None:
    replica.change_account(history=HISTORY)
    shown = poe("audit", "--since", SINCE, "--output-dir", str(feed))
    assert (shown.returncode, shown.stderr) == (0, "")
    assert re.search(r"^flat-chat +1 +195 +195 +195 +agrees *$", shown.stdout, re.MULTILINE)
    assert re.search(r"^gpt-test +2 +400 +100-300 +0-[\d,]+ +agrees *$", shown.stdout, re.MULTILINE)
    assert "cannot tell: the feed has no such bot" in shown.stdout
    assert "0 of 3 bots billed outside their cards, from 2026-10-27 00:00 to " in " ".join(shown.stdout.split())
    assert max(map(cell_len, shown.stdout.splitlines())) <= 80


def test_audit_that_finds_something(poe: Command, replica: Replica, feed: Path) -> None:
    wrong = [entry(4000 + number, "Flat-Chat", 390 + number) for number in (5, 4, 3, 2, 1)]
    replica.change_account(history=wrong + HISTORY)
    shown = poe("audit", "--since", SINCE, "--output-dir", str(feed))
    assert shown.returncode == 6
    assert re.search(r"^flat-chat +6 +2,160 +195-395 +195 +OUTSIDE *$", shown.stdout, re.MULTILINE)
    assert "- flat-chat: billed 395: expected 195" in shown.stdout
    assert "- flat-chat: and 2 more; --json lists all" in shown.stdout
    done = poe("audit", "--since", SINCE, "--output-dir", str(feed), "--json")
    result = json.loads(done.stdout)
    assert (done.returncode, result["messages"], result["outside"]) == (6, 9, 1)
    flat = next(bot for bot in result["bots"] if bot["bot"] == "flat-chat")
    assert flat["expected"] == {"min": "195", "max": "195"}
    assert [finding["usage"]["points"] for finding in flat["findings"]] == ["395", "394", "393", "392", "391"]
    assert {finding["version"] for finding in flat["findings"]} == {2}


def test_audit_says_whose_prices_it_uses(poe: Command, replica: Replica) -> None:
    now = datetime.now(UTC)
    replica.change_account(history=[entry(0, "DeepSeek-V3-Turbo-DI", 195, creation_time=int(now.timestamp()))])
    shown = poe("audit", "--since", "1")
    assert shown.returncode == 0
    assert "prices that ship with poe-scraper" in shown.stderr
    assert "0 of 1 bots" in shown.stdout
