"""`update` and `setup`: crawl Poe, and install a browser to crawl with."""

from pathlib import Path

import click

import poe_scraper.settings
from poe_scraper.browser.executable import (
    check_rendering,
    find_browser,
    install_browser,
    install_packages,
    missing_packages,
)
from poe_scraper.cli import options
from poe_scraper.failures import BrowserNotFoundError


@click.command(
    epilog=options.examples(
        "update", "update --limit 20", "update --creators all", "update --bots GPT-5,Grok-4.7 --force"
    )
)
@options.output_dir
@click.option("--bots", metavar="A,B", help="Crawl these bots alone, due or not.")
@click.option("--creators", metavar="A,B|all", help="Crawl the bots on these creators' profiles, too.")
@click.option("--limit", metavar="N", help="Visit at most N bot pages.")
@click.option("--only", metavar="pricing|info", help="Bot pages alone, or the models API alone.")
@click.option("--shard", metavar="I/N", help="Crawl the I-th of N parts of the catalog.")
@click.option("--worker", is_flag=True, help="Render pages for the crawl that is shared through POE_REDIS_URL.")
@click.option("--force", is_flag=True, help="Visit every page, due or not.")
@click.option("--accept", is_flag=True, help="Publish for once what the gate would refuse.")
@click.option("--keep", type=click.IntRange(min=1), metavar="N", help="Keep the newest N versions, not all.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing unless something fails.")
@click.option("-v", "--verbose", is_flag=True, help="Log every request.")
def update(
    output_dir: Path | None,
    bots: str | None,
    creators: str | None,
    limit: str | None,
    only: str | None,
    shard: str | None,
    worker: bool,
    force: bool,
    accept: bool,
    keep: int | None,
    quiet: bool,
    verbose: bool,
) -> int:
    """Crawl Poe and publish the feed.

    Bots whose page was seen within POE_MAX_AGE are not visited again. The same as `scrapy crawl
    poe_models`, from any folder.
    """
    from scrapy.crawler import AsyncCrawlerProcess

    from poe_scraper.browser.preflight import check_settings
    from poe_scraper.browser.session import asked_session
    from poe_scraper.cli.ending import ending
    from poe_scraper.cli.running import run_spider
    from poe_scraper.distributed import is_shared
    from poe_scraper.extensions import ProgressBar
    from poe_scraper.pipelines.publish import PublishPipeline
    from poe_scraper.spiders.poe_models import PoeModelsSpider

    asked = {"bots": bots, "creators": creators, "limit": limit, "only": only, "shard": shard}
    asked |= {"force": "true" if force else None, "role": "worker" if worker else None}
    arguments = {name: text for name, text in asked.items() if text is not None}
    PoeModelsSpider.check_arguments(**arguments)
    settings = options.crawl_settings(output_dir, accept=accept, keep=keep)
    if quiet and verbose:
        message = "--quiet and --verbose exclude each other"
        raise click.UsageError(message)
    if verbose:
        settings.set("LOG_LEVEL", "DEBUG", priority="cmdline")
    if quiet:
        settings.set("LOG_LEVEL", "ERROR", priority="cmdline")
        settings.set_in_component_priority_dict("EXTENSIONS", ProgressBar, None)
    check_settings(settings)  # wrong settings are reported before anything starts
    asked_session(settings)
    is_shared(settings, arguments.get("role", ""))
    PublishPipeline.enable(settings)
    crawler = run_spider(AsyncCrawlerProcess(settings), PoeModelsSpider, **arguments)
    return ending(crawler, quiet=quiet)


@click.command(epilog=options.examples("setup"))
def setup() -> None:
    """Install a browser to crawl with and what it needs, and check that it renders a page.

    Looks for POE_BROWSER_PATH; chromium-headless-shell, chromium and google-chrome on the PATH; the
    one that Playwright manages. Otherwise installs Debian's headless shell (as root or with sudo), else
    Playwright's. Debian packages that Playwright's driver or the browser lack are installed, too.
    """
    configured = poe_scraper.settings.POE_BROWSER_PATH
    _install_missing(missing_packages())
    try:
        found = find_browser(configured)
    except BrowserNotFoundError:
        click.echo("No browser found: installing one.")
        done = install_browser()
        click.echo(f"Installed with: {done}")
        found = find_browser(configured)
    _install_missing(missing_packages(found))
    click.echo(check_rendering(configured))


def _install_missing(packages: tuple[str, ...]) -> None:
    if packages:
        click.echo(f"Installing what Playwright's driver or the browser lacks: {', '.join(packages)}")
        install_packages(packages)
