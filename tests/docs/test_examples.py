"""Every example that `--help`, the README or a document shows works on a fresh install."""

import re
import shlex
from pathlib import Path

import click
import pytest

from poe_scraper import api
from poe_scraper.cli import COMMANDS, cli, main
from tests.docs.documents import Block, CommandLine, blocks, command_lines

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


def without_redirection(line: str) -> list[str]:
    return shlex.split(line.partition(">")[0].partition("<")[0])


def runs_here(words: list[str]) -> bool:
    return len(words) > 1 and words[1] not in NEEDS_MORE and "--serve" not in words


DOCUMENTED = command_lines("poe-scraper")

EXAMPLES = sorted(
    {
        shlex.join(words)
        for words in [*map(without_redirection, help_examples()), *(line.words for line in DOCUMENTED)]
        if runs_here(words)
    }
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder without a feed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    api.reload_models()
    return tmp_path


def test_every_command_has_an_example() -> None:
    shown = {shlex.split(line)[1] for line in help_examples()}
    assert set(COMMANDS) - shown <= {"replica"}


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_runs(
    line: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("card.md").write_text("| Item | Rate |\n|---|---|\n| Input | 75 points/1k tokens |\n", encoding="utf-8")
    Path("cards.json").write_text('[{"id": "a", "card": "5 points per message"}]', encoding="utf-8")
    with Path("card.md").open(encoding="utf-8") as card:
        monkeypatch.setattr("sys.stdin", card)
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(line)[1:])
    printed = capfd.readouterr()
    assert ended.value.code == 0, printed.err
    assert printed.out.strip() or list(folder.glob("*"))
    assert not re.search(r"^0 of \d+ bots", printed.out, re.MULTILINE), "it finds nothing"


@pytest.mark.parametrize("line", [line for line in DOCUMENTED if line.output], ids=lambda line: line.line)
@pytest.mark.usefixtures("folder")
def test_a_command_prints_what_the_document_shows(line: CommandLine, capfd: pytest.CaptureFixture[str]) -> None:
    words, output = line.words, line.output
    with pytest.raises(SystemExit):
        main(words[1:])
    assert [text.rstrip() for text in capfd.readouterr().out.splitlines()] == output.splitlines()


@pytest.mark.parametrize("line", DOCUMENTED, ids=lambda line: f"{line.document}: {line.line}")
@pytest.mark.usefixtures("folder")
def test_a_documented_command_and_its_options_exist(line: CommandLine) -> None:
    """Also of commands that cannot run here: `click` parses the line and runs nothing."""
    words = line.words
    for given in ("parts/1", "parts/2", "parts/3", "gpt-5"):
        Path(given).mkdir(parents=True)
    context = click.Context(cli, info_name="poe-scraper")
    name, command, rest = cli.resolve_command(context, words[1:])
    assert command is not None
    command.make_context(name, rest, parent=context)


PYTHON = [block for block in blocks() if block.language == "python" and "from poe_scraper import api" in block.text]


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.document)
@pytest.mark.usefixtures("folder")
def test_python_examples_run(block: Block) -> None:
    """An expression with a comment `# Decimal("...")` has that value."""
    names: dict[str, object] = {}
    text = block.text
    exec(text, names)
    exec("from decimal import Decimal", names)
    for expression, value in re.findall(r"^(\S.*?)  # (Decimal\(\"[\d.]+\"\))", text, re.MULTILINE):
        assert eval(f"{expression} == {value}", names), expression
