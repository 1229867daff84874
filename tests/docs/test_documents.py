"""Links, tables and words of the documents."""

import json
import re
from pathlib import Path

import pytest

from poe_scraper import api
from poe_scraper.cli import COMMANDS, main
from poe_scraper.cli.exits import ExitCode
from poe_scraper.settings import check
from poe_scraper.spiders.poe_creators import PoeCreatorsSpider
from poe_scraper.spiders.poe_models import PoeModelsSpider
from tests.docs.documents import DOCUMENTS, ROOT, CommandLine, command_lines

CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def anchors(path: Path) -> set[str]:
    """What GitHub makes of the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def test_the_index_lists_every_document() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"\((\w+\.md)[)#]", index))
    assert listed == {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}


def test_the_command_table_lists_every_command() -> None:
    table = CLI.partition("\n## ")[0]
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)) == set(COMMANDS)


def test_the_exit_code_table_lists_every_code() -> None:
    listed = re.findall(r"^\| (\d+) \|", section(CLI, "Exit codes"), re.MULTILINE)
    assert [int(code) for code in listed] == [code.value for code in ExitCode]


def keys_of(shape: str) -> set[str]:
    """Keys of the outermost object that a documented shape shows."""
    keys, depth, is_value = set(), 0, False
    for found in re.finditer(r'[{}\[\]:,]|"(\w+)"', shape):
        sign = found[0]
        if sign in "{[":
            depth += 1
        elif sign in "}]":
            depth -= 1
            if depth == 0:
                break
        elif depth == 1 and sign == ":":
            is_value = True
        elif depth == 1 and sign == ",":
            is_value = False
        elif depth == 1 and found[1] and not is_value:
            keys.add(found[1])
    return keys


SHAPES = {
    command: shape
    for commands, shape in re.findall(r"^\| (`.*?`) \| `(\{.*?\})`", section(CLI, "JSON"), re.MULTILINE)
    for command in re.findall(r"`(\w+)`", commands)
}


@pytest.mark.parametrize(
    "words",
    [
        ["list", "--limit", "2"],
        ["search", "grok"],
        ["show", "grok-4.7"],
        ["cost", "grok-4.7", "--input-tokens", "12k"],
        ["compare", "grok-4.7", "gpt-5", "--input-tokens", "12k"],
        ["status"],
        ["cache"],
        ["export", "csv", "--output", "prices.csv"],
        ["site", "--out", "site"],
    ],
    ids=lambda words: words[0],
)
def test_json_has_the_documented_keys(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    api.reload_models()
    with pytest.raises(SystemExit):
        main([*words, "--json"])
    assert set(json.loads(capfd.readouterr().out)) == keys_of(SHAPES[words[0]])


def options(line: CommandLine, option: str) -> list[tuple[str, str]]:
    """`NAME=VALUE` arguments after an option."""
    values = [after for word, after in zip(line.words, line.words[1:], strict=False) if word == option]
    return [(name, value) for name, _, value in (text.partition("=") for text in values)]


@pytest.mark.parametrize(
    "line",
    [line for line in command_lines("scrapy") if line.words[1] == "crawl"],
    ids=lambda line: f"{line.document}: {line.line}",
)
def test_documented_crawls_have_valid_arguments_and_settings(line: CommandLine) -> None:
    from scrapy.settings import Settings

    spider = {"poe_models": PoeModelsSpider, "poe_creators": PoeCreatorsSpider}[line.words[2]]
    spider(**dict(options(line, "-a")))
    settings = Settings()
    settings.setmodule("poe_scraper.settings", priority="project")
    for name, value in [*line.environment.items(), *options(line, "-s")]:
        assert name in settings or name.startswith(("SPIDERMON_", "JOBDIR")), name
        settings.set(name, value, priority="cmdline")
    check(settings)


def test_documented_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {line.words[1] for line in command_lines("make")}
    assert {"demo", "test"} <= named
    assert named <= targets


UNUSUAL = re.compile(
    r"stands? (in|at|on|under|beside|behind)\b|\btold\b|(?<!there )\b(is|are) no\b(?! longer)"
    r"|\bdoors?\b|\brooms?\b|\bweather\b|\bwhoever\b|holds? .{1,60} against",
    re.IGNORECASE,
)
"""Phrases that are hard to read, by the project's rules of style."""

OTHERS = {"faults.md", "replica.md", "scale.md", "scrapyd.md", "site.md"}
"""Documents with parts that programs write, or that are still to be put into plain English."""


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path.name not in OTHERS], ids=lambda path: path.name)
def test_the_language_is_plain(path: Path) -> None:
    found = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if UNUSUAL.search(line)]
    assert found == []
