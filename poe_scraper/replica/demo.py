"""`make demo`: a crawl of the stand-in, from nothing to a published feed."""

import os
import subprocess
import sys
from pathlib import Path

from poe_scraper.replica import running

PORT = 8321
"""The same address each time, so that a repeated demo finds the bots that it knows."""

FOLDER = Path("output", "demo")
"""A feed of its own: `output/` is for real crawls."""


def main() -> int:
    """Start the replica, crawl it, and say where the feed is.

    Returns:
        The exit status of `scrapy crawl`.
    """
    command = [sys.executable, "-m", "scrapy", "crawl", "poe_models", "-a", "force=true"]
    with running(port=PORT) as replica:
        print(f"A stand-in for Poe serves at {replica.url}. Crawling it:", flush=True)
        # the stand-in is ours: there is nobody to be slow for
        pace = {"CONCURRENT_REQUESTS_PER_DOMAIN": "8", "AUTOTHROTTLE_TARGET_CONCURRENCY": "8"}
        options = [word for name, value in pace.items() for word in ("-s", f"{name}={value}")]
        addresses = {"POE_API_URL": replica.api_url, "POE_SITE_URL": replica.url, "POE_OUTPUT_DIR": str(FOLDER)}
        status = subprocess.run(  # noqa: S603
            [*command, *options], env={**os.environ, **addresses}, check=False
        ).returncode
    if status == 0:
        poe_scraper = Path(sys.executable).with_name("poe-scraper")
        print("\nThree of its bots, as `poe-scraper list` shows them:", flush=True)
        subprocess.run([poe_scraper, "list", "--limit", "3", "--output-dir", str(FOLDER)], check=False)  # noqa: S603
    return status


if __name__ == "__main__":
    sys.exit(main())
