"""The replica's command; `poe-scraper replica` is the same."""

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from .catalog import Catalog
from .faults import FAULTS, Faults
from .hosts import Hosts
from .ledger import Ledger
from .messages import Answering
from .recording import RecordedSite, Recording, RecordingError
from .router import Router

MakeSite = Callable[[Ledger, Hosts], Answering]


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="Port; 0 takes a free one.")
@click.option(
    "--bots",
    type=click.IntRange(min=1),
    metavar="N",
    help="List exactly N bots in the API: an even choice of the catalog, or more bots, made up.",
)
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Serve recorded bots instead of the catalog that comes with the package.",
)
@click.option(
    "--recording",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Serve a recording of poe-scraper probe --record instead of the mock site.",
)
@click.option(
    "--fault",
    "--weather",
    "fault_rules",
    multiple=True,
    metavar="NAME=SHARE|NAME@HANDLE",
    help="Show a fault to a share of the requests, or to visitors of one bot or creator. Repeatable. "
    "With :once at the end, only the first visit meets it. --list-faults prints the names.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Chooses which requests meet a fault.")
@click.option("--list-faults", is_flag=True, help="Print every fault with what it does, and exit.")
def replica(
    port: int,
    bots: int | None,
    data: Path | None,
    recording: Path | None,
    fault_rules: tuple[str, ...],
    seed: int,
    list_faults: bool,
) -> None:
    """Serve a mock of Poe's API and site on 127.0.0.1 until interrupted."""
    if list_faults:
        for name, fault in FAULTS.items():
            click.echo(f"{name:24} {fault.does}")
        return
    if recording is None:
        make_site = _mock_site(bots, data, fault_rules, seed)
    elif bots is not None or data is not None or fault_rules:
        message = "--recording cannot be combined with --bots, --data and --fault"
        raise click.UsageError(message)
    else:
        make_site = _recorded_site(recording)

    # Twisted takes a moment to import, and only a running server needs it.
    from twisted.internet.error import CannotListenError

    from .server import serve

    try:
        serve(make_site, port)
    except CannotListenError as error:
        message = f"port {port} cannot be used: {error.socketError}. Choose another with --port."
        raise click.ClickException(message) from error


def _mock_site(bots: int | None, data: Path | None, fault_rules: Sequence[str], seed: int) -> MakeSite:
    try:
        faults = Faults(fault_rules, seed)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--fault") from error
    try:
        catalog = Catalog.load(bots, data)
    except (ValueError, OSError) as error:
        raise click.BadParameter(str(error), param_hint="--data") from error
    try:
        catalog.require(faults.handles)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--fault") from error
    return lambda ledger, hosts: Router(catalog, faults, ledger, hosts)


def _recorded_site(folder: Path) -> MakeSite:
    try:
        recording = Recording(folder)
    except RecordingError as error:
        raise click.BadParameter(str(error), param_hint="--recording") from error
    return lambda ledger, _: RecordedSite(recording, ledger)


if __name__ == "__main__":
    replica(prog_name="replica")
