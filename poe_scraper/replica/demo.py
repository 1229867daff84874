"""`make demo`: a crawl of the replica, from nothing to a published feed."""

import os
import subprocess
import sys
from pathlib import Path

from poe_scraper.replica import running

PORT = 8321
"""The same address each time: a feed belongs to one site, and a repeated demo finds the bots that it knows."""

FOLDER = Path("output", "demo")
"""A feed of its own, whatever POE_OUTPUT_DIR says: other feeds are for real crawls."""

_PACE = {"CONCURRENT_REQUESTS_PER_DOMAIN": "8", "AUTOTHROTTLE_TARGET_CONCURRENCY": "8"}
"""Faster than a crawl of Poe, since nobody else uses the replica."""


def main() -> int:
    """Start the replica, crawl it, and show a part of the feed.

    Returns:
        The exit status of `scrapy crawl`; 1 if the replica did not start.
    """
    command = [sys.executable, "-m", "scrapy", "crawl", "poe_models", "-a", "force=true"]
    command += [word for name, value in _PACE.items() for word in ("-s", f"{name}={value}")]
    poe_scraper = Path(sys.executable).with_name("poe-scraper")
    try:
        with running(port=PORT) as replica:
            print(f"A mock of Poe is running at {replica.url}. Crawling it; the feed goes to {FOLDER}/.", flush=True)
            addresses = {"POE_API_URL": replica.api_url, "POE_SITE_URL": replica.url, "POE_OUTPUT_DIR": str(FOLDER)}
            status = subprocess.run(command, env={**os.environ, **addresses}, check=False).returncode  # noqa: S603
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    if status == 0:
        print("\nThree of its bots, as `poe-scraper list` shows them:", flush=True)
        subprocess.run([poe_scraper, "list", "--limit", "3", "--output-dir", str(FOLDER)], check=False)  # noqa: S603
    return status


if __name__ == "__main__":
    sys.exit(main())
