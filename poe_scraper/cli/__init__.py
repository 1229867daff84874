"""The terminal door: `poe-scraper`. One module a group of commands, imported when a command runs."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from poe_scraper import __version__
from poe_scraper.cli.exits import ExitCode, exit_code
from poe_scraper.cli.terminal import fail
from poe_scraper.failures import PoeScraperError
from poe_scraper.settings import check_environment

COMMANDS: dict[str, tuple[str, str]] = {
    "setup": ("poe_scraper.cli.crawl:setup", "Install a browser to crawl with."),
    "update": ("poe_scraper.cli.crawl:update", "Crawl Poe and publish the feed."),
    "login": ("poe_scraper.cli.session:login", "Sign in to Poe in a browser window, for crawls of your own."),
    "logout": ("poe_scraper.cli.session:logout", "Remove the session that login keeps."),
    "schedule": ("poe_scraper.cli.schedule:schedule", "Run a crawl on a Scrapyd, and wait for its end."),
    "doctor": ("poe_scraper.cli.doctor:doctor", "Check that everything a crawl needs is there."),
    "status": ("poe_scraper.cli.status:status", "Age and coverage of the feed, last runs and refusals."),
    "list": ("poe_scraper.cli.listing:list_", "List bots with their price."),
    "search": ("poe_scraper.cli.listing:search", "Find bots by name, creator or description."),
    "show": ("poe_scraper.cli.show:show", "Everything the feed knows about a bot."),
    "cost": ("poe_scraper.cli.cost:cost", "What a usage of a bot costs."),
    "compare": ("poe_scraper.cli.cost:compare", "What one usage costs on several bots."),
    "balance": ("poe_scraper.cli.account:balance", "The points left on your account."),
    "usage": ("poe_scraper.cli.account:usage", "What your account was billed, by bot, day or kind."),
    "audit": ("poe_scraper.cli.account:audit", "Hold what you were billed against the bots' prices."),
    "history": ("poe_scraper.cli.history:history", "A bot's prices over time."),
    "diff": ("poe_scraper.cli.history:diff", "What changed between two versions of the feed."),
    "export": ("poe_scraper.cli.export:export", "Write the feed in another format."),
    "site": ("poe_scraper.cli.site:site", "Build or show the catalogue: the feed as web pages."),
    "schema": ("poe_scraper.cli.feed:schema", "Print the JSON Schema of the feed."),
    "merge": ("poe_scraper.cli.merge:merge", "Publish the feeds of all shards as one."),
    "reread": ("poe_scraper.cli.feed:reread", "Read the stored rate cards again, without a crawl."),
    "cache": ("poe_scraper.cli.cache:cache", "How many bots rest on earlier observations."),
    "clear-cache": (
        "poe_scraper.cli.cache:clear_cache",
        "Delete the crawl's HTTP cache and what is kept about your account.",
    ),
    "rates": ("poe_scraper.cli.rates:rates", "Read a rate card."),
    "replica": ("poe_scraper.cli.replica:replica", "Serve a stand-in for Poe's API and site."),
}
"""Name of a command: where it stands (`module:attribute`), and what it does in a line."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they run: help lists them without importing any."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names of all commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, imported now; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; quiet where whoever reads its output goes away."""
        check_environment()
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Python flushes at exit: let it flush into nothing.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(ExitCode.PIPE_CLOSED) from None
        return result


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the gate refused the new feed, "
    "4 Poe could not be reached, 5 done but some pages failed, 6 a bill is outside of what the card says.",
)
@click.version_option(__version__, prog_name="poe-scraper")
def cli() -> None:
    """What Poe's AI models cost: every price of every bot's rate card, in a versioned feed."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code.

    Args:
        arguments: the words after the program's name; those of the process by default.
    """
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a character shows `?`
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    code: int = ExitCode.DONE
    try:
        returned = cli.main(arguments, prog_name="poe-scraper", standalone_mode=False)
        if isinstance(returned, int):
            code = returned
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = ExitCode.WRONG_USAGE
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:
        code = ExitCode.INTERRUPTED
    except PoeScraperError as error:
        fail(str(error))
        code = exit_code(error)
    sys.exit(code)
