"""`schedule`: run a crawl on a Scrapyd, and wait until it is over."""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import click
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from poe_scraper.cli import options
from poe_scraper.cli.exits import ENDING_LOGGER, ExitCode
from poe_scraper.cli.terminal import echo_json, notice, safe
from poe_scraper.failures import ScrapydError, UsageError
from poe_scraper.settings import scrapyd_login

_TIMEOUT = (10, 120)
"""Seconds to connect, and to wait for an answer: Scrapyd answers a first `schedule.json` once it has listed the
spiders of the project in a process of its own."""

_TAIL = 64 * 1024
"""Bytes at the end of a job's log that are read."""

_ENDING = re.compile(rf"^.*\[{re.escape(ENDING_LOGGER)}\] INFO: (?P<text>.*)$", re.MULTILINE)
_EXIT_CODE = re.compile(r"Exit code (\d+)")


@click.command(
    epilog=options.examples(
        "schedule",
        "schedule -a limit=20 -s POE_LOCK_WAIT=3600",
        "schedule --url https://crawler.example.org --no-wait",
    )
)
@click.option(
    "--url",
    envvar="SCRAPYD_URL",
    default="http://127.0.0.1:6800",
    show_default="$SCRAPYD_URL, else http://127.0.0.1:6800",
    help="Address of the Scrapyd.",
)
@click.option("--project", default="poe_scraper", show_default=True, help="Project to run, as it was deployed.")
@click.option("--spider", default="poe_models", show_default=True, help="Spider to run.")
@click.option("-a", "arguments", multiple=True, metavar="NAME=VALUE", help="Spider argument, as of scrapy crawl.")
@click.option("-s", "settings", multiple=True, metavar="NAME=VALUE", help="Setting, as of scrapy crawl.")
@click.option("--no-wait", is_flag=True, help="Print the job's id, and do not wait for its end.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Time between two looks at the job.",
)
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    metavar="N",
    help="Further tries where Scrapyd cannot be reached, after 0, 1, 2, 4, ... seconds.",
)
@options.as_json
def schedule(
    url: str,
    project: str,
    spider: str,
    arguments: Sequence[str],
    settings: Sequence[str],
    no_wait: bool,
    interval: float,
    retries: int,
    as_json: bool,
) -> int:
    """Run a crawl on a Scrapyd, and end as it ends.

    The exit code is the crawl's own, which its log tells; 1 where the log does not tell, or Scrapyd fails. Name and
    password of the Scrapyd are read from SCRAPYD_USERNAME and SCRAPYD_PASSWORD. Ctrl-C ends the wait and leaves the
    job alone.
    """
    scrapyd = _Scrapyd(url, retries=retries)
    given = dict(options.pairs(arguments, "-a"))
    if reserved := given.keys() & _RESERVED:
        message = f"-a {', '.join(sorted(reserved))}: Scrapyd gives this name a meaning of its own."
        raise UsageError(message)
    job = scrapyd.schedule(project, spider, given, dict(options.pairs(settings, "-s")))
    if no_wait:
        _print(_Job(job, "scheduled"), as_json=as_json)
        return ExitCode.DONE
    notice(f"job {job} is scheduled at {url}")
    done = scrapyd.wait(project, spider, job, interval)
    _print(done, as_json=as_json)
    if done.exit_code is None:
        message = (
            f"job {job} is over, and its log does not tell how it ended: it was killed, its LOG_LEVEL is above INFO, "
            f"or the project in Scrapyd is older than this command. Log: {done.log or 'none is kept'}"
        )
        raise ScrapydError(message)
    return done.exit_code


@dataclass(frozen=True)
class _Job:
    """A job, as far as Scrapyd tells."""

    id: str
    state: str
    log: str | None = None
    exit_code: int | None = None
    summary: tuple[str, ...] = field(default=())


def _print(job: _Job, *, as_json: bool) -> None:
    for line in job.summary:
        click.echo(line, err=True)
    if as_json:
        echo_json({"job": job.id, "state": job.state, "exit_code": job.exit_code, "log": job.log})
    else:
        click.echo(job.id)


# --- Scrapyd -----------------------------------------------------------------------------------

_RESERVED = frozenset({"project", "spider", "setting", "jobid", "priority", "_version"})
"""Parameters of schedule.json; every other one is an argument of the spider."""


class _Scrapyd:
    """The HTTP API of a Scrapyd: https://scrapyd.readthedocs.io/en/latest/api.html .

    Args:
        url: its address.
        retries: how often a request is made again that did not reach it, or that changes nothing and failed.
    """

    def __init__(self, url: str, *, retries: int) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            message = f"--url: {url!r} is not the address of a Scrapyd server, such as http://127.0.0.1:6800"
            raise UsageError(message)
        if parts.username or parts.password:
            message = "--url: set SCRAPYD_USERNAME and SCRAPYD_PASSWORD instead of naming them in the address"
            raise UsageError(message)
        self._url = url.rstrip("/")
        self._session = requests.Session()
        retry = Retry(
            total=retries,
            backoff_factor=0.5,
            allowed_methods=["GET", "HEAD"],  # what was sent may have been done; what did not connect was not
            status_forcelist=[502, 503, 504],
            raise_on_status=False,
        )
        self._session.mount(self._url, HTTPAdapter(max_retries=retry))
        self._session.auth = scrapyd_login()

    def schedule(self, project: str, spider: str, arguments: dict[str, str], settings: dict[str, str]) -> str:
        """Schedule a job.

        Returns:
            Its id.

        Raises:
            ScrapydError: Scrapyd cannot be reached, or refuses.
        """
        form = [("project", project), ("spider", spider), *arguments.items()]
        form += [("setting", f"{name}={value}") for name, value in settings.items()]
        return str(self._call("POST", "schedule.json", data=form)["jobid"])

    def wait(self, project: str, spider: str, job: str, interval: float) -> _Job:
        """Look at a job until it is over.

        Args:
            project, spider, job: which.
            interval: seconds between two looks.

        Raises:
            ScrapydError: Scrapyd cannot be reached any more, or does not know the job any more.
        """
        state = ""
        while True:
            jobs = self._call("GET", "listjobs.json", params={"project": project})
            found = [(name, entry) for name in _STATES for entry in jobs.get(name, ()) if entry.get("id") == job]
            if not found:
                message = (
                    f"Scrapyd at {self._url} does not know job {job} any more: it was cancelled before it began, "
                    f"or Scrapyd was started anew. Its log, if any: {self._url}/logs/{project}/{spider}/{job}.log"
                )
                raise ScrapydError(message)
            [(now, entry)] = found[:1]
            if now == "finished":
                return self._ended(job, entry.get("log_url"))
            if now != state:
                notice(f"job {job} is {now}")
            state = now
            time.sleep(interval)

    def _ended(self, job: str, log_url: str | None) -> _Job:
        if log_url is None or not log_url.startswith("/"):
            return _Job(job, "finished")
        log = self._url + log_url
        size = int(self._request("HEAD", log_url).headers.get("Content-Length", 0))
        # Twisted, which serves it, fails where the last N bytes of a smaller file are asked for
        answer = self._request("GET", log_url, headers={"Range": f"bytes={max(0, size - _TAIL)}-"})
        told = list(_ending(answer.content.decode(errors="replace"))) if answer.ok else []
        if told and (code := _EXIT_CODE.fullmatch(told[-1])):
            return _Job(job, "finished", log, int(code[1]), tuple(told[:-1]))
        return _Job(job, "finished", log)

    def _call(self, method: str, service: str, **request: Any) -> dict[str, Any]:
        """The answer of a service of Scrapyd's API."""
        answer = self._request(method, f"/{service}", **request)
        if answer.status_code in {401, 403}:
            message = f"Scrapyd at {self._url} wants another name or password: set SCRAPYD_USERNAME, SCRAPYD_PASSWORD"
            raise ScrapydError(message)
        try:
            told = answer.json()
        except requests.JSONDecodeError:
            told = None
        if not isinstance(told, dict) or told.get("status") not in {"ok", "error"}:
            message = f"{self._url} answers {answer.status_code} and does not speak as Scrapyd does"
            raise ScrapydError(message)
        if told["status"] == "error":
            # a traceback of the project's, where it could not be loaded: what matters comes last
            reason = safe((str(told.get("message")).strip().splitlines() or ["no reason given"])[-1])
            message = f"Scrapyd at {self._url} refuses: {reason}"
            raise ScrapydError(message)
        return told

    def _request(self, method: str, path: str, **request: Any) -> requests.Response:
        try:
            return self._session.request(method, self._url + path, timeout=_TIMEOUT, **request)
        except requests.RequestException as error:
            message = f"Scrapyd at {self._url} cannot be reached: {_cause(error)}"
            if method == "POST" and not isinstance(error, requests.ConnectTimeout):
                message += f". Should it have taken the job all the same, {self._url}/jobs shows it"
            raise ScrapydError(message) from error


_STATES = ("pending", "running", "finished")


def _ending(log: str) -> Iterator[str]:
    """What the project said last in a log: a summary, and the exit code."""
    return (safe(found["text"]) for found in _ENDING.finditer(log))


def _cause(error: BaseException) -> str:
    """The innermost reason of a request that failed."""
    reason = getattr(error.args[0] if error.args else None, "reason", None) or error
    return safe(str(reason).rpartition(": ")[2])[:300]
