"""The replica from Python: start it, change what it serves, and look at the requests that it got."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .faults import Faults

STOP_TIMEOUT = 10
"""Seconds that a replica may take to stop."""


class Replica:
    """A running replica.

    Args:
        url: its address, such as `http://127.0.0.1:8000`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        """Address of the site, for `POE_SITE_URL`."""
        self.api_url = f"{url}/v1/models"
        """Address of the models API, for `POE_API_URL`."""

    def _control(self, name: str, change: Mapping[str, Any] | None = None) -> dict[str, Any]:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            body = None if change is None else json.dumps(change)
            connection.request("GET" if change is None else "POST", f"/_replica/{name}", body)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != 200:
            raise ValueError(text.strip())
        state: dict[str, Any] = json.loads(text)
        return state

    def faults(self) -> dict[str, Any]:
        """The rules in force (`faults`), their `seed`, and `hits`: who met each fault how often."""
        return self._control("faults")

    def set_faults(self, *rules: str, seed: int | None = None) -> None:
        """Replace all rules; without any there are no faults. Visits are counted from zero again.

        Args:
            rules: `NAME=SHARE` or `NAME@HANDLE`, optionally followed by `:once`.
            seed: None keeps the seed in force.

        Raises:
            ValueError: a rule is wrong.
        """
        self._control("faults", {"faults": rules} | ({} if seed is None else {"seed": seed}))

    def requests(self) -> dict[str, Any]:
        """The requests: `total`, `by_kind`, `by_handle`, `by_host` and `log`; see docs/replica.md."""
        return self._control("requests")

    def forget_requests(self) -> None:
        """Count requests from zero again."""
        self._control("requests", {})

    def catalog(self) -> dict[str, Any]:
        """All bots and creators, which is what a crawl should find."""
        return self._control("catalog")

    def change(
        self,
        *,
        remove: Sequence[str] = (),
        add: Sequence[Mapping[str, Any]] = (),
        set: Mapping[str, Mapping[str, Any]] | None = None,  # noqa: A002 - as the control endpoint calls it
    ) -> None:
        """Change bots, as `Catalog.change` does.

        Args:
            remove: API ids of bots to remove.
            add: new bots; `id` is required.
            set: new values of fields, by API id.

        Raises:
            ValueError: an id or a field is unknown. Nothing is changed then.
        """
        self._control("catalog", {"remove": remove, "add": add, "set": set or {}})

    def account(self) -> dict[str, Any]:
        """The account: `balance`, `history`, `older_format` and the number of `sessions`."""
        return self._control("account")

    def change_account(self, **change: Any) -> None:
        """Change the account.

        Args:
            change: `balance` (points), `history` (usages, newest first), `usages` (how many to make up
                instead), `older_format` (true reports usage as in older answers), `sign_out` (true
                ends all sessions).

        Raises:
            ValueError: the change has another key.
        """
        self._control("account", change)


@contextmanager
def running(
    *,
    bots: int | None = None,
    data: Path | None = None,
    recording: Path | None = None,
    faults: Iterable[str] = (),
    seed: int = 0,
    port: int = 0,
) -> Iterator[Replica]:
    """Start a replica in a process of its own, and stop it at the end of the block.

    Args:
        bots: how many bots its API lists; None: the catalog that comes with the package.
        data: recorded bots to serve instead of the catalog.
        recording: a folder of `poe-scraper probe --record` to serve instead of the mock site.
        faults: rules, as `Replica.set_faults` takes them.
        seed: of the faults.
        port: TCP port; 0 takes a free one.

    Yields:
        The replica, ready for requests.

    Raises:
        ValueError: a rule is wrong.
        RuntimeError: it did not start; the reason is on stderr.
    """
    rules = tuple(faults)
    Faults(rules, seed)
    command = [sys.executable, "-m", __package__, f"--port={port}", f"--seed={seed}"]
    if recording is not None:
        command.append(f"--recording={recording}")
    command += [f"--fault={rule}" for rule in rules]
    if bots is not None:
        command.append(f"--bots={bots}")
    if data is not None:
        command.append(f"--data={data}")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)  # noqa: S603
    with process:
        try:
            assert process.stdout is not None  # noqa: S101 - stdout is a pipe
            line = process.stdout.readline()
            if not line.startswith("replica: "):
                message = f"the replica did not start (exit status {process.wait(STOP_TIMEOUT)})"
                raise RuntimeError(message)
            yield Replica(line.split()[1])
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
