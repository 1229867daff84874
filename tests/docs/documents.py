"""What README and docs contain: code blocks, command lines, links."""

import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?<=\n\n)((?:(?: {4}| {7}).*\n)+)")


class Block(NamedTuple):
    """A code block."""

    document: str
    """The path of its document, from the root of the project."""
    language: str
    """The word after the fence; empty for an indented block."""
    text: str


class CommandLine(NamedTuple):
    """A line that a reader is to type."""

    document: str
    line: str
    """Without prompt and comment."""
    environment: dict[str, str]
    """Variables that the line sets for the command."""
    words: list[str]
    """The command and its arguments, up to a pipe or a redirection."""
    output: str
    """What the document says that it prints; empty if it does not."""


def blocks() -> Iterator[Block]:
    """All code blocks, fenced and indented."""
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        name = str(path.relative_to(ROOT))
        for _, language, content in _FENCED.findall(text):
            yield Block(name, language, textwrap.dedent(content))
        for content in _INDENTED.findall(_FENCED.sub("", text)):
            yield Block(name, "", textwrap.dedent(content))


def command_lines(*programs: str) -> list[CommandLine]:
    """The command lines of all documents that run one of these programs."""
    return [
        line for block in blocks() if block.language in {"", "sh", "console"} for line in _lines(block, set(programs))
    ]


def _lines(block: Block, programs: set[str]) -> Iterator[CommandLine]:
    is_session = block.language == "console"
    lines = block.text.splitlines()
    for number, text in enumerate(lines):
        if is_session and not text.startswith("$ "):
            continue
        lexer = shlex.shlex(text.removeprefix("$ "), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        try:
            words = list(lexer)
        except ValueError:  # not a command
            continue
        environment = {}
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            name, _, value = words.pop(0).partition("=")
            environment[name] = value
        end = next((at for at, word in enumerate(words) if re.fullmatch(r"[|&;<>()]+", word)), len(words))
        if len(words) > 1 and words[0] in programs and not re.fullmatch(r"[|&;<>()]+", words[1]):
            following = lines[number + 1 :] if is_session else []
            end_of_output = next((at for at, line in enumerate(following) if line.startswith("$ ")), len(following))
            output = "\n".join(following[:end_of_output])
            yield CommandLine(block.document, text, environment, words[:end], output)
