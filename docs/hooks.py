"""What MkDocs adds to the documents: README, CONTRIBUTING and the reference of all commands.

https://www.mkdocs.org/user-guide/configuration/#hooks
"""

import re
from pathlib import Path

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from poe_scraper.cli import GROUPS, cli

ROOT = Path(__file__).parents[1]

PAGES = {"README.md": "readme.md", "CONTRIBUTING.md": "contributing.md"}
"""Documents outside of this folder, and their names in the site."""


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages that are not in this folder."""
    for name, page in PAGES.items():
        text = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
        for other, target in PAGES.items():
            text = text.replace(f"]({other}", f"]({target}")
        files.append(File.generated(config, page, content=text))
    files.append(File.generated(config, "commands.md", content=command_reference()))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Let links to files outside of this folder lead to their pages; links to sources become text."""
    for name, page in PAGES.items():
        markdown = markdown.replace(f"](../{name}", f"]({page}")
    return re.sub(r"\[([^\]]+)\]\(\.\./[^)]+\)", r"\1", markdown)


def command_reference() -> str:
    """Help of every command, as markdown."""
    parts = ["# Every command and option", ""]
    context = click.Context(cli, info_name="poe-scraper")
    for topic, commands in GROUPS.items():
        parts += [f"## {topic}", ""]
        for name in commands:
            command = cli.get_command(context, name)
            if command is not None:
                text = command.get_help(click.Context(command, info_name=name, parent=context, terminal_width=80))
                parts += [f"### {name}", "", "```text", text, "```", ""]
    return "\n".join(parts)
