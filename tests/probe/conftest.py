"""The probe as a user runs it: `poe-scraper probe` in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from poe_scraper.replica import Replica, running

Probe = Callable[..., "Probed"]


class Probed:
    """A probe that has ended."""

    def __init__(self, process: "subprocess.CompletedProcess[str]") -> None:
        self.status = process.returncode
        self.stdout = process.stdout
        self.stderr = process.stderr

    @property
    def result(self) -> dict[str, Any]:
        """What `--json` printed."""
        return dict(json.loads(self.stdout))

    @property
    def steps(self) -> dict[str, dict[str, Any]]:
        """The steps by name."""
        return {step["name"]: step for step in self.result["steps"]}

    @property
    def states(self) -> dict[str, str]:
        """`ok`, `failed` or `skipped`, by step."""
        return {name: step["state"] for name, step in self.steps.items()}

    @property
    def failed(self) -> dict[str, str]:
        """The failure code of each failed step."""
        return {name: step["code"] for name, step in self.steps.items() if step["state"] == "failed"}


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    """Run the command against a replica, or against another site by its address."""

    def run(site: Replica | str, *words: str, **environment: str) -> Probed:
        url, api_url = (site.url, site.api_url) if isinstance(site, Replica) else (site, f"{site}/v1/models")
        env = {
            **os.environ,
            "POE_SITE_URL": url,
            "POE_API_URL": api_url,
            "POE_OUTPUT_DIR": str(tmp_path / "output"),
            "XDG_CACHE_HOME": str(tmp_path.with_name(f"{tmp_path.name}-cache")),  # a learned query is kept there
            **environment,
        }
        program = Path(sys.executable).with_name("poe-scraper")
        return Probed(
            subprocess.run(
                [program, "probe", *words],
                env=env,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=200,
                check=False,
            )
        )

    return run


@pytest.fixture(scope="package")
def shared_replica() -> Iterator[Replica]:
    with running() as replica:
        yield replica


@pytest.fixture
def replica(shared_replica: Replica) -> Iterator[Replica]:
    """A replica without faults."""
    shared_replica.set_faults()
    yield shared_replica
    shared_replica.set_faults()
