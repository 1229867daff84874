"""How `poe-scraper` behaves on terminals and in pipes."""

import os
import pty
import re
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poe_scraper.cli import COMMANDS
from poe_scraper.cli.terminal import age
from poe_scraper.untrusted import cell, safe
from tests.cli.conftest import POE_SCRAPER, Command
from tests.made_feed import GPT_CARD, publish


def on_a_terminal(environment: dict[str, str], *arguments: str | Path) -> str:
    """What a command writes to a terminal of 80 columns."""
    main, terminal = pty.openpty()
    with subprocess.Popen([POE_SCRAPER, *map(str, arguments)], stdout=terminal, stderr=terminal, env=environment):
        os.close(terminal)
        result = b""
        try:
            while part := os.read(main, 65536):
                result += part
        except OSError:  # Linux says so when the last writer has gone
            pass
        finally:
            os.close(main)
    return result.decode()


def test_colours_on_a_terminal_only(poe: Command, environment: dict[str, str], feed: Path) -> None:
    arguments = ("diff", "--output-dir", feed)
    colours = re.compile(r"\x1b\[[\d;]*3\dm")
    terminal = environment | {"TERM": "xterm-256color", "COLUMNS": "80"}
    assert colours.search(on_a_terminal(terminal, *arguments))
    assert not colours.search(on_a_terminal(terminal | {"NO_COLOR": "1"}, *arguments))
    assert "\x1b" not in poe(*arguments).stdout


def test_hostile_text_does_not_reach_a_terminal(environment: dict[str, str], feed: Path) -> None:
    result = on_a_terminal(environment | {"TERM": "xterm", "COLUMNS": "80"}, "show", "hostile", "--output-dir", feed)
    assert "\ufffd[31mred" in result
    assert "\x1b" not in re.sub(r"\x1b\[[\d;]*m", "", result)  # what is left are our own styles
    assert not re.search(r"[\x07\x9b\u202e\x00]", result)


def test_a_closed_pipe_is_not_a_failure(environment: dict[str, str], feed: Path) -> None:
    with subprocess.Popen(
        [POE_SCRAPER, "export", "jsonl", "--output-dir", feed],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_starts_as_a_program(program: Command, name: str) -> None:
    done = program(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"poe-scraper {name}" in done.stdout


def test_interrupt(environment: dict[str, str], tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "poe-scraper" / "http"
    cache.mkdir(parents=True)
    with subprocess.Popen(
        [POE_SCRAPER, "clear-cache"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment | {"PYTHONUNBUFFERED": "1", "XDG_CACHE_HOME": str(tmp_path / "cache")},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(6) == b"Delete"  # it is about to wait for an answer
        while process.poll() is None:  # a signal just before the wait does not end it: Python's own race
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=1)
        assert b"Traceback" not in process.stderr.read()
    assert process.returncode == 130
    assert cache.is_dir()


@pytest.mark.parametrize(
    ("answer", "options", "code", "left"),
    [("n\n", (), 1, True), ("y\n", (), 0, False), ("", ("--yes",), 0, False)],
)
def test_clear_cache(
    program: Command, tmp_path: Path, answer: str, options: tuple[str, ...], code: int, left: bool
) -> None:
    cache = tmp_path / "cache" / "poe-scraper" / "http"
    cache.mkdir(parents=True)
    (cache / "page").write_bytes(b"x" * 1234)
    assert program("clear-cache", *options, stdin=answer).returncode == code
    assert cache.exists() == left


def test_clear_cache_where_nobody_answers(program: Command, tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "poe-scraper" / "http"
    cache.mkdir(parents=True)
    done = program("clear-cache", stdin="")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "Error: the question was not answered: the input ended. --yes answers it."
    assert cache.exists()


def test_clear_cache_without_a_cache(program: Command) -> None:
    result = program("clear-cache")
    assert result.returncode == 0
    assert result.stdout.startswith("There is no HTTP cache in ")


def test_list_imports_nothing_heavy(environment: dict[str, str], feed: Path) -> None:
    program = (
        "import sys\n"
        "from poe_scraper.cli import main\n"
        "try:\n"
        "    main(sys.argv[1:])\n"
        "except SystemExit:\n"
        "    heavy = {'scrapy', 'twisted', 'playwright', 'pydantic', 'jsonschema', 'lxml', 'requests'}\n"
        "    print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, "list", "--output-dir", str(feed)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "gpt-test" in result.stdout.lower()
    assert result.stderr == "[]\n"


def test_reread_writes_what_changes(poe: Command, tmp_path: Path) -> None:
    folder = publish(tmp_path / "feed")
    shown = poe("reread", "--output-dir", folder)
    assert "1 of 9 bots read differently.\nNothing was written" in shown.stdout
    assert "$2.27/1M tokens" in shown.stdout  # as GPT_CARD has it; the feed says 1.82
    assert "$2.27/1M tokens" in GPT_CARD
    assert poe("status", "--output-dir", folder, "--json").stdout.count('"version": 2,')
    written = poe("reread", "--write", "--output-dir", folder)
    assert "Published as version 3." in written.stdout
    assert "0 of 9 bots read differently." in poe("reread", "--write", "--output-dir", folder).stdout
    assert "$2.27" in poe("list", "--owner", "Acme Labs", "--output-dir", folder).stdout


def test_reread_needs_a_crawled_feed(poe: Command) -> None:
    result = poe("reread")
    assert result.returncode == 1
    assert "output has no crawled feed" in result.stderr


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\tb\r\nc\u00a0d", "a b  c d"),
        ("\x1b[31m", "\ufffd[31m"),
        ("\u202eevil\u2069\u200f", "\ufffdevil\ufffd\ufffd"),
        ("\x9b\x00\ud800\ue000", "\ufffd\ufffd\ufffd\ufffd"),
        ("日本 👩\u200d🚀 é", "日本 👩\u200d🚀 é"),
    ],
)
def test_safe(text: str, shown: str) -> None:
    assert safe(text) == shown


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r\n=1", "  =1", "＝1", "＠x"])
def test_cells_that_start_like_a_formula(text: str) -> None:
    assert cell(text).startswith("'")


@pytest.mark.parametrize("text", ["a=1", "", " ", "1-2", "'=1"])
def test_cells_that_do_not(text: str) -> None:
    assert cell(text) == text


NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("past", "words"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=23, minutes=59), "23 hours ago"),
        (timedelta(days=29), "29 days ago"),
        (timedelta(days=32), "1 month ago"),
        (timedelta(days=800), "2 years ago"),
        (timedelta(seconds=-1), "in the future"),
    ],
)
def test_age(past: timedelta, words: str) -> None:
    assert age(NOW - past, NOW) == words
