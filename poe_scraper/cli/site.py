"""`site`: the feed as a catalogue for people."""

import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import click

from poe_scraper.cli.options import as_json, examples, output_dir, the_feed
from poe_scraper.cli.terminal import echo_json, safe
from poe_scraper.feed.reader import feed_folder
from poe_scraper.feed.store import FeedStore


@click.command(epilog=examples("site --out site", "site --serve", "site --out site --serve --port 8000"))
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write. What is unchanged in it is not written again.",
)
@click.option("--serve", is_flag=True, help="Show it on 127.0.0.1 until interrupted; without --out, keep nothing.")
@click.option("--port", type=click.IntRange(0, 65535), default=8322, show_default=True, help="0 takes a free one.")
@output_dir
@as_json
def site(out: Path | None, serve: bool, port: int, output_dir: Path | None, as_json: bool) -> None:
    """Build the catalogue: every bot and its prices as static pages that any web server can serve."""
    if out is None and not serve:
        message = "Give --out DIR, --serve, or both."
        raise click.UsageError(message)
    from poe_scraper.site import build

    feed = the_feed(output_dir)
    with nullcontext(str(out)) if out else tempfile.TemporaryDirectory() as name:
        built = build(feed, FeedStore(feed_folder(output_dir)), Path(name))
        if as_json:
            files = {"written": built.written, "unchanged": built.unchanged, "removed": built.removed}
            counts = {state: len(names) for state, names in files.items()}
            echo_json({"out": str(out) if out else None, "version": feed.version, "bots": built.bots, **counts})
        else:
            where = f" in {safe(out)}" if out else ""
            changed = (
                f"{len(built.written)} files written, {len(built.unchanged)} unchanged, {len(built.removed)} removed"
            )
            click.echo(f"A catalogue of {built.bots} bots{where}: {changed}.")
        if serve:
            _serve(Path(name), port)


def _serve(folder: Path, port: int) -> None:
    from poe_scraper.site.server import make_server

    try:
        server = make_server(folder, port)
    except OSError as error:
        message = f"port {port} cannot be used: {error.strerror}. Choose another with --port."
        raise click.ClickException(message) from error
    with server:
        click.echo(f"It is shown at http://127.0.0.1:{server.server_port}/ until you press Ctrl-C.")
        sys.stdout.flush()
        server.serve_forever()
