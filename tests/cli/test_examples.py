"""Every example that `--help` shows works on a fresh install, where the starter feed answers."""

import re
import shlex
from pathlib import Path

import click
import pytest

from poe_scraper import api
from poe_scraper.cli import COMMANDS, cli, main

ROOT = Path(__file__).parents[2]

NEEDS_MORE = {
    "setup": "installs a browser",
    "update": "crawls",
    "login": "opens a window",
    "logout": "needs a session",
    "schedule": "needs a Scrapyd server",
    "merge": "needs the feeds of shards",
    "reread": "needs a crawled feed",
    "balance": "needs a key",
    "usage": "needs a key",
    "audit": "needs a key",
    "replica": "serves until interrupted",
    "diff": "needs two versions",
    "history": "needs versions",
    "doctor": "starts a browser",
    "probe": "asks Poe",
}
"""Commands whose examples cannot run on the starter feed, and why."""


def help_examples() -> list[str]:
    found = []
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        found += re.findall(r"^  (poe-scraper .*)$", command.epilog or "", re.MULTILINE)
    return found


def readme_examples() -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return [line.partition("#")[0].strip() for line in re.findall(r"^    (poe-scraper .*)$", text, re.MULTILINE)]


def runs_here(line: str) -> bool:
    words = shlex.split(line)
    return len(words) > 1 and words[1] not in NEEDS_MORE and "--serve" not in words


EXAMPLES = sorted({line for line in [*help_examples(), *readme_examples()] if runs_here(line)})


def test_every_command_has_an_example() -> None:
    shown = {shlex.split(line)[1] for line in help_examples()}
    assert set(COMMANDS) - shown <= {"replica"}


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_runs(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("card.md").write_text("| Item | Rate |\n|---|---|\n| Input | 75 points/1k tokens |\n", encoding="utf-8")
    Path("cards.json").write_text('[{"id": "a", "card": "5 points per message"}]', encoding="utf-8")
    api.reload_models()
    words = shlex.split(line.partition(">")[0].partition("<")[0])[1:]
    with Path("card.md").open(encoding="utf-8") as card:
        monkeypatch.setattr("sys.stdin", card)
        with pytest.raises(SystemExit) as ended:
            main(words)
    told = capfd.readouterr()
    assert ended.value.code == 0, told.err
    assert told.out.strip() or list(tmp_path.glob("*"))
    assert not re.search(r"^0 of \d+ bots", told.out, re.MULTILINE), "it finds nothing"
