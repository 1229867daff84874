"""`export`."""

import sys
from pathlib import Path

import click

from poe_scraper.cli.options import as_json, examples, output_dir, the_feed
from poe_scraper.cli.terminal import echo_json, notice, safe
from poe_scraper.exports import FORMATS, Export
from poe_scraper.exports import export as exported
from poe_scraper.failures import PoeScraperError
from poe_scraper.feed.reader import feed_folder
from poe_scraper.feed.store import FeedStore

_FORMATS = "\b\nFormats:\n" + "\n".join(f"  {name:<20}{form.summary}" for name, form in FORMATS.items())


@click.command(
    epilog=_FORMATS
    + "\n\n"
    + examples(
        "export csv > prices.csv", "export xlsx -o poe.xlsx", "export models.dev -o poe/", "export sqlite -o poe.db"
    )
)
@click.argument("name", metavar="FORMAT", type=click.Choice(list(FORMATS)))
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="File to write, or folder where the format is several files.  [default: stdout]",
)
@click.option("--version", metavar="N", type=click.IntRange(min=1), help="Version of the feed.  [default: the current]")
@output_dir
@as_json
def export(name: str, output: Path | None, version: int | None, output_dir: Path | None, as_json: bool) -> None:
    """Write the feed in another format. Bots whose price a format cannot say exactly are left out, and counted."""
    to_stdout = output is None or str(output) == "-"
    if to_stdout and not FORMATS[name].text:
        message = f"{name} is not one text file: name a file or folder with --output."
        raise click.UsageError(message)
    if to_stdout and as_json:
        message = "--json reports what was written: give --output too."
        raise click.UsageError(message)
    store = FeedStore(feed_folder(output_dir))
    feed = the_feed(output_dir) if version is None else store.open_version(version)
    made = exported(feed, name, store)
    if made.left_out:
        reasons = "; ".join(f"{count}: {reason}" for reason, count in sorted(made.reasons.items()))
        notice(f"{made.left_out} active bots are left out: {name} cannot say exactly what they cost ({reasons}).")
    if output is None or to_stdout:
        sys.stdout.buffer.write(next(iter(made.files.values())))
        return
    paths = _write(made, output)
    if as_json:
        echo_json(
            {
                "format": name,
                "files": [str(path) for path in paths],
                "bots": made.bots,
                "left_out": made.left_out,
                "reasons": dict(made.reasons),
            }
        )
    else:
        click.echo(f"{made.bots} bots in {safe(paths[0] if len(paths) == 1 else output)}")


def _write(made: Export, output: Path) -> list[Path]:
    several = len(made.files) > 1
    written = []
    for name, content in made.files.items():
        path = output / name if several or output.is_dir() else output
        try:
            if several:
                output.mkdir(exist_ok=True)
                path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            message = f"{path} could not be written: {error.strerror}."
            raise PoeScraperError(message) from error
        written.append(path)
    return written
