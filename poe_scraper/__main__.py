"""The program: `poe-scraper`, and `python -m poe_scraper`."""

import signal
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line. Until it is imported, Ctrl-C ends the process without a traceback."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # a background shell and nohup ignore it
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from poe_scraper.cli import main as command_line

    signal.signal(signal.SIGINT, handler)
    command_line()


if __name__ == "__main__":
    main()
