"""The command line: `poe-scraper`. One module per group of commands, imported when a command runs."""

import errno
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NoReturn

import click

from poe_scraper import __version__
from poe_scraper.cli.exits import ExitCode, exit_code
from poe_scraper.cli.terminal import fail, safe
from poe_scraper.failures import PoeScraperError
from poe_scraper.settings import check_environment

GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "Ask": {
        "list": ("poe_scraper.cli.listing:list_", "List bots with their price."),
        "search": ("poe_scraper.cli.listing:search", "Find bots by name, creator or description."),
        "show": ("poe_scraper.cli.show:show", "Show everything the feed knows about a bot."),
        "cost": ("poe_scraper.cli.cost:cost", "Say what a usage of a bot costs."),
        "compare": ("poe_scraper.cli.cost:compare", "Say what one usage costs on several bots."),
        "history": ("poe_scraper.cli.history:history", "Show a bot's prices over time."),
        "diff": ("poe_scraper.cli.history:diff", "Show what changed between two versions of the feed."),
        "site": ("poe_scraper.cli.site:site", "Build or show the catalogue: the feed as web pages."),
        "export": ("poe_scraper.cli.export:export", "Write the feed in another format."),
        "mcp": ("poe_scraper.cli.mcp:mcp", "Answer an agent's questions about the feed (MCP)."),
        "schema": ("poe_scraper.cli.feed:schema", "Print the JSON Schema of the feed."),
    },
    "Crawl": {
        "setup": ("poe_scraper.cli.crawl:setup", "Install a browser to crawl with."),
        "doctor": ("poe_scraper.cli.doctor:doctor", "Check that everything a crawl needs is there."),
        "probe": ("poe_scraper.cli.probe:probe", "Look at one page and say step by step what works."),
        "update": ("poe_scraper.cli.crawl:update", "Crawl Poe and publish the feed."),
        "status": ("poe_scraper.cli.status:status", "Show the feed's age and coverage, and the last runs."),
        "login": ("poe_scraper.cli.session:login", "Sign in to Poe in a browser window, for your own crawls."),
        "logout": ("poe_scraper.cli.session:logout", "Remove the session that login keeps."),
        "schedule": ("poe_scraper.cli.schedule:schedule", "Run a crawl on a Scrapyd server and wait for its end."),
        "merge": ("poe_scraper.cli.merge:merge", "Publish the feeds of all shards as one."),
        "reread": ("poe_scraper.cli.feed:reread", "Read the stored rate cards again, without a crawl."),
        "cache": ("poe_scraper.cli.cache:cache", "Count the bots that rest on earlier observations."),
        "clear-cache": ("poe_scraper.cli.cache:clear_cache", "Delete what crawls and account commands cache."),
    },
    "Your account": {
        "balance": ("poe_scraper.cli.account:balance", "Show the points left on your account."),
        "usage": ("poe_scraper.cli.account:usage", "Show what your account was charged, by bot, day or kind."),
        "audit": ("poe_scraper.cli.account:audit", "Compare every charge with the bot's published price."),
    },
    "Develop": {
        "rates": ("poe_scraper.cli.rates:rates", "Read a rate card."),
        "replica": ("poe_scraper.cli.replica:replica", "Serve a mock of Poe's API and site."),
    },
}
"""Commands by topic. Of each: where it is (`module:attribute`), and what it does in a line."""

COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()}


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
        """Write the list of commands, by topic."""
        width = max(map(len, COMMANDS))
        for topic, commands in GROUPS.items():
            with formatter.section(topic):
                formatter.write_dl([(name.ljust(width), line) for name, (_, line) in commands.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the words name; a near miss is named in the error."""
        near = get_close_matches(args[0], COMMANDS, n=1)
        if args[0] not in COMMANDS and near:
            message = f"No such command {safe(args[0])!r}. Did you mean {near[0]!r}?"
            raise click.UsageError(message, ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; end quietly if the program that reads its output has gone."""
        check_environment()
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except OSError as error:
            if error.errno not in {errno.EPIPE, errno.ENOSPC}:
                raise
            # Python flushes at exit: let it flush into nothing.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if error.errno == errno.EPIPE:
                raise click.exceptions.Exit(ExitCode.PIPE_CLOSED) from None
            message = f"The output could not be written: {error.strerror}"
            raise click.ClickException(message) from error
        return result


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the gate refused the new feed, "
    "4 Poe could not be reached, 5 done but degraded, 6 charged more or less than the card says.",
)
@click.version_option(__version__, "-V", "--version", prog_name="poe-scraper")
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
    except click.Abort as error:
        if isinstance(error.__context__, EOFError):
            fail("the question was not answered: the input ended. --yes answers it.")
            code = ExitCode.WRONG_USAGE
        else:
            code = ExitCode.INTERRUPTED
    except PoeScraperError as error:
        fail(str(error))
        code = exit_code(error)
    sys.exit(code)
