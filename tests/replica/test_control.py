import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from poe_scraper.cli.replica import replica as command
from poe_scraper.replica import Replica, running
from poe_scraper.replica.faults import FAULTS


def test_requests_are_counted_by_kind_and_handle(http: requests.Session, replica: Replica) -> None:
    document = http.get(f"{replica.url}/Grok-4.7", headers={"User-Agent": "me", "Authorization": "secret"}, timeout=10)
    models = http.get(replica.api_url, headers={"Accept-Encoding": "identity"}, timeout=10)
    http.get(f"{replica.url}/robots.txt", timeout=10)
    http.get(f"{replica.url}/grok-4.7", allow_redirects=False, timeout=10)
    seen = replica.requests()
    assert seen["total"] == 4
    assert seen["by_kind"]["document"] == {"count": 2, "bytes": len(document.content)}
    assert seen["by_kind"]["api"] == {"count": 1, "bytes": len(models.content)}
    assert seen["by_handle"] == {"Grok-4.7": {"document": 1}}
    assert [(entry["kind"], entry["path"], entry["status"]) for entry in seen["log"]] == [
        ("document", "/Grok-4.7", 200),
        ("api", "/v1/models", 200),
        ("robots", "/robots.txt", 200),
        ("document", "/grok-4.7", 307),
    ]
    first = seen["log"][0]
    assert (first["user_agent"], first["authorized"]) == ("me", True)
    assert "secret" not in str(seen)
    replica.forget_requests()
    assert replica.requests()["total"] == 0


def test_the_catalog_changes_while_it_runs(http: requests.Session, replica: Replica) -> None:
    def ids() -> set[str]:
        return {entry["id"] for entry in http.get(replica.api_url, timeout=10).json()["data"]}

    before = ids()
    replica.change(add=[{"id": "brand-new", "rate_card": "x", "creator": "fal"}])
    replica.change(set={"brand-new": {"rate_card": "y", "api_pricing": {"prompt": "0.1"}}})
    assert ids() - before == {"brand-new"}
    bot = next(bot for bot in replica.catalog()["bots"] if bot["id"] == "brand-new")
    assert (bot["handle"], bot["rate_card"], bot["api_pricing"]) == ("Brand-New", "y", {"prompt": "0.1"})
    assert http.get(f"{replica.url}/Brand-New", timeout=10).status_code == 200
    replica.change(remove=["brand-new"])
    assert ids() == before
    assert http.get(f"{replica.url}/Brand-New", timeout=10).status_code == 404


@pytest.mark.parametrize(
    "order",
    [
        {"remove": ["grok-4.7", "none"]},
        {"add": [{"handle": "No-Id"}]},
        {"add": [{"id": "x", "colour": "red"}]},
        {"set": {"grok-4.7": {"id": "y"}}},
        {"set": {"none": {}}},
    ],
)
def test_a_wrong_change_changes_nothing(replica: Replica, order: dict[str, object]) -> None:
    before = replica.catalog()
    with pytest.raises(ValueError, match=r"no bot with the id|needs an id|not a field of a bot"):
        replica.change(**order)  # type: ignore[arg-type]
    assert replica.catalog() == before


@pytest.mark.parametrize("name", ["faults", "catalog", "account"])
def test_an_invalid_change_is_refused(http: requests.Session, replica: Replica, name: str) -> None:
    for body in ("", "[1]", "{", '{"no such thing": 1}' if name != "faults" else '{"faults": [1]}'):
        answer = http.post(f"{replica.url}/_replica/{name}", data=body, timeout=10)
        assert answer.status_code == 400, body
        assert answer.text.strip()


def test_an_unknown_control_names_the_others(http: requests.Session, replica: Replica) -> None:
    answer = http.get(f"{replica.url}/_replica/none", timeout=10)
    assert answer.status_code == 404
    assert "faults, requests, catalog, account" in answer.text


IN_BACKGROUND = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]
"""Starts a program as a background shell does: with SIGINT ignored."""


@pytest.mark.parametrize("shell", [[], IN_BACKGROUND], ids=["foreground", "background"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_a_line_when_it_is_ready_and_stops_on_a_signal(number: int, shell: list[str]) -> None:
    command = [*shell, sys.executable, "-m", "poe_scraper.replica", "--bots", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert re.fullmatch(r"replica: http://127\.0\.0\.1:\d+ \(3 bots\)\n", line)
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stdout.read() == ""


def test_a_port_in_use_is_named(replica: Replica) -> None:
    port = replica.url.rpartition(":")[2]
    result = subprocess.run(
        [sys.executable, "-m", "poe_scraper.replica", "--port", port],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert result.returncode == 1
    assert f"port {port} cannot be used" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--port", "99999"], "0<=x<=65535"),
        (["--port", "x"], "not a valid integer"),
        (["--bots", "0"], "x>=1"),
        (["--seed", "x"], "not a valid integer"),
        (["--data", "/no/such/file"], "does not exist"),
        (["--data", __file__], "is not JSON"),
        (["--fault", "slow"], "NAME=SHARE or NAME@HANDLE"),
        (["--fault", "rain=1"], "choose from page_404"),
        (["--fault", "slow=2"], "from 0 to 1"),
        (["--fault", "slow=nan"], "from 0 to 1"),
        (["--fault", "slow=0.6", "--fault", "reset=0.6"], "more than 1"),
        (["--fault", "api_500@Grok-4.7"], "takes a share"),
        (["--fault", "slow@No-Such-Bot"], "no bot and no creator"),
    ],
)
def test_wrong_options_say_what_is_accepted(arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert says in result.output


def test_a_wrong_rule_is_refused_before_the_start() -> None:
    with pytest.raises(ValueError, match="not a fault"), running(faults=["rain=1"]):
        pass


@pytest.mark.parametrize("option", ["--fault", "--weather"])
def test_the_option_for_faults_has_an_alias(option: str) -> None:
    result = CliRunner().invoke(command, [option, "rain=1"])
    assert "'rain' is not a fault" in result.output


def test_the_documentation_lists_every_fault() -> None:
    documentation = (Path(__file__).parents[2] / "docs" / "replica.md").read_text("utf-8")
    table = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", documentation.partition("## Faults")[2], re.MULTILINE)
    assert table == [(name, fault.does, fault.seen) for name, fault in FAULTS.items()]


def test_the_command_lists_every_fault() -> None:
    result = CliRunner().invoke(command, ["--list-faults"])
    assert result.exit_code == 0
    lines = [tuple(line.split(maxsplit=1)) for line in result.output.splitlines()]
    assert lines == [(name, fault.does) for name, fault in FAULTS.items()]
