"""The documents as a site: every link and anchor leads somewhere, every command and option is in the reference."""

import importlib.util
from pathlib import Path
from types import ModuleType

import click
import pytest

from poe_scraper.cli import COMMANDS, cli
from tests.docs.documents import ROOT

pytest.importorskip("mkdocs", reason="needs the extra 'docs'")


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs" / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_site_builds_without_warnings(tmp_path: Path) -> None:
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path)))
    for page in ("index", "readme", "commands", "architecture"):
        assert list(tmp_path.glob(f"{page}.html")) or (tmp_path / page / "index.html").exists()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_reference_has_every_option(name: str, hooks: ModuleType) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    text = hooks.command_reference().partition(f"### {name}\n")[2].partition("\n### ")[0]
    assert f"Usage: poe-scraper {name} " in text
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.opts[0] in text
