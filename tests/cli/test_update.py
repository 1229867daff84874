"""What `poe-scraper update` prints."""

from pathlib import Path

from poe_scraper.replica import running
from tests.cli.conftest import Command


def test_quiet_prints_nothing_unless_something_fails(program: Command, tmp_path: Path) -> None:
    with running(bots=3) as replica:
        here = {"POE_API_URL": replica.api_url, "POE_SITE_URL": replica.url}
        done = program("update", "--only", "info", "--quiet", PYTHONWARNINGS="ignore", **here)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert (tmp_path / "output" / "models.json").is_file()
        loud = program("update", "--only", "info", PYTHONWARNINGS="ignore", **here)
    assert "3 bots seen" in loud.stderr
    failed = program("update", "--only", "info", "--quiet", PYTHONWARNINGS="ignore", **here)
    assert failed.returncode == 4
    assert "could not be reached" in failed.stderr
    assert "Nothing was published" in failed.stderr
