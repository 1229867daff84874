"""`probe`: one look at one page, step by step."""

import textwrap
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from poe_scraper import clock
from poe_scraper.cli import options
from poe_scraper.cli.exits import ExitCode, probe_exit_code
from poe_scraper.cli.terminal import echo_json, safe
from poe_scraper.failures import UsageError
from poe_scraper.probe.evidence import Evidence
from poe_scraper.probe.steps import Step, steps

_WIDTH = 80
_INDENT = 18
"""Columns before what was found."""


@click.command(epilog=options.examples("probe", "probe GPT-5", "probe @openai", "probe GPT-5 --record gpt-5"))
@click.argument("target", metavar="[BOT|@CREATOR]", default="")
@click.option(
    "--record",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep a recording in this folder, which must be new or empty. Secrets and personal data are removed.",
)
@options.as_json
@click.option("-v", "--verbose", is_flag=True, help="Log every request.")
def probe(target: str, record: Path | None, as_json: bool, verbose: bool) -> int:
    """Look at one page of Poe and say step by step what works and what does not.

    BOT is a bot's handle, @CREATOR a creator's; without either, a bot from the models API is taken. The page is
    requested and read as a crawl does it, with the same settings, but once, and nothing is published. Exit codes
    are those of a crawl: 0 all is well, 4 Poe cannot be reached or blocks, 5 something is missing.
    """
    # Scrapy takes a moment to import
    from scrapy.crawler import AsyncCrawlerProcess

    from poe_scraper.browser.preflight import check_settings
    from poe_scraper.browser.profile import profile_folder
    from poe_scraper.browser.session import asked_session
    from poe_scraper.browser.watcher import VisitWatcher
    from poe_scraper.cli.running import run_spider
    from poe_scraper.clock import now
    from poe_scraper.pages.catalog import is_handle
    from poe_scraper.probe.recording import prepare_folder, recording_watcher, secrets_in, write_recording
    from poe_scraper.probe.spider import ProbeSpider, probe_settings

    subject = target.removeprefix("@")
    if target and not is_handle(subject):
        message = f"BOT must be a handle such as GPT-5, or @ and a creator's handle, got {target!r}"
        raise UsageError(message)
    settings = probe_settings(options.crawl_settings())
    settings.set("LOG_LEVEL", "DEBUG" if verbose else "CRITICAL", priority="cmdline")
    check_settings(settings)  # wrong settings are reported before anything starts
    session = asked_session(settings)
    secrets = secrets_in(settings, session)
    watcher = VisitWatcher()
    if record is not None:
        prepare_folder(record)
        is_anonymous = session is None and profile_folder(settings) is None
        watcher = recording_watcher(subject, secrets, screenshot=is_anonymous)
    process = AsyncCrawlerProcess(settings)
    kind = "profile" if target.startswith("@") else "bot"
    crawler = run_spider(process, ProbeSpider, kind=kind, subject=subject, watcher=watcher)
    spider = crawler.spider
    if not isinstance(spider, ProbeSpider):
        return ExitCode.FAILED
    if crawler.stats.get_value("finish_reason") == "shutdown":
        return ExitCode.INTERRUPTED
    at = now()
    found = steps(spider.evidence, at)
    if record is not None:
        write_recording(record, spider.evidence, watcher, at=at, secrets=secrets)
    code = probe_exit_code(step.code for step in found if step.state == "failed")
    if as_json:
        echo_json(_as_json(spider.evidence, found, at, code))
    else:
        for line in report(spider.evidence, found):
            click.echo(line)
    if record is not None:
        screenshot = "" if watcher.screenshot else ", without a screenshot"
        click.echo(f"Recording: {safe(record)}{screenshot}. Look through it before you send it.", err=True)
    return code


def report(evidence: Evidence, found: tuple[Step, ...]) -> Iterator[str]:
    """The steps for a person, in lines of at most 80 columns where words allow it.

    Args:
        evidence: what the steps rest on.
        found: the steps.
    """
    title = f"{evidence.subject} at {evidence.page.url}" if evidence.page else f"A bot of {evidence.site_url}"
    yield from _wrapped(title, "")
    for step in found:
        yield from _wrapped(step.found, f"{step.state:<8} {step.name:<8} ")
        if step.remedy:
            yield from _wrapped(step.remedy, " " * _INDENT)


def _wrapped(text: str, before: str) -> list[str]:
    return textwrap.wrap(
        safe(text),
        _WIDTH,
        initial_indent=before,
        subsequent_indent=" " * len(before),
        break_on_hyphens=False,
        break_long_words=False,
    )


def _as_json(evidence: Evidence, found: tuple[Step, ...], at: datetime, code: ExitCode) -> dict[str, Any]:
    page = evidence.page
    return {
        "at": clock.text(at.replace(microsecond=0)),
        "subject": evidence.subject or None,
        "kind": evidence.kind,
        "url": page.url if page else None,
        "steps": [step.model_dump() for step in found],
        "exit_code": int(code),
    }
