"""`cache` and `clear-cache`: the age of the feed's data, and cached responses from Poe."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from poe_scraper.cli.exits import ExitCode
from poe_scraper.cli.options import as_json, crawl_settings, examples, output_dir, the_feed
from poe_scraper.cli.terminal import console, echo_json, fail, safe
from poe_scraper.feed.reader import FeedReader


@click.command(epilog=examples("cache", "cache --json"))
@output_dir
@as_json
def cache(output_dir: Path | None, as_json: bool) -> None:
    """Show how many bot pages were read by earlier crawls, how old they are, and what is cached of your account."""
    feed = the_feed(output_dir)
    ages = _ages(feed, datetime.now(UTC))
    kept = _account_cache()
    answers = len([*kept.glob("*.json")])
    if as_json:
        account = {"folder": str(kept), "answers": answers}
        echo_json({"version": feed.version, "starter": feed.starter, "bots": ages, "account": account})
        return
    out = console()
    names = {
        "last_run": "page read by the last run",
        "earlier": "page read by an earlier run",
        "never": "page never read",
        "older_than_a_day": "page read more than a day ago",
        "older_than_a_week": "page read more than a week ago",
    }
    for name, label in names.items():
        out.print(f"{label + ':':<33}{ages[name]:>6} bots")
    out.print(f"{'cached account responses:':<33}{answers:>6}")


def _ages(feed: FeedReader, now: datetime) -> dict[str, int]:
    seen = [bot.observed.page.at if bot.observed.page else None for bot in feed.values() if bot.status == "active"]
    times = [at for at in seen if at is not None]
    return {
        "last_run": sum(at >= feed.run.started_at for at in times),
        "earlier": sum(at < feed.run.started_at for at in times),
        "never": seen.count(None),
        "older_than_a_day": sum(now - at > timedelta(days=1) for at in times),
        "older_than_a_week": sum(now - at > timedelta(days=7) for at in times),
    }


@click.command(epilog=examples("clear-cache --yes"))
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def clear_cache(yes: bool) -> int:
    """Delete the crawl's HTTP cache and the cached responses about your account. The feed is kept."""
    code = ExitCode.DONE
    for name, folder in (("HTTP cache", _http_cache()), ("account cache", _account_cache())):
        if not folder.is_dir():
            click.echo(f"There is no {name} in {safe(folder)}.")
        elif not _deleted(folder, yes):
            code = ExitCode.FAILED
    return code


def _deleted(folder: Path, yes: bool) -> bool:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if not yes and not click.confirm(f"Delete {safe(folder)} ({size:,} bytes)?"):
        return False
    try:
        shutil.rmtree(folder)
    except OSError as error:
        fail(f"{folder} could not be deleted: {error.strerror}.")
        return False
    click.echo(f"Deleted {safe(folder)} ({size:,} bytes).")
    return True


def _http_cache() -> Path:
    """The folder of Scrapy's HTTP cache, from the crawl's settings."""
    from scrapy.utils.project import data_path

    return Path(data_path(crawl_settings()["HTTPCACHE_DIR"])).absolute()


def _account_cache() -> Path:
    """The folder where `balance` and `usage` cache responses."""
    from poe_scraper.account.endpoints import cache_folder

    return cache_folder()
