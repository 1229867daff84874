"""`schedule`: run a crawl on a Scrapyd server and wait for it to finish."""

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
"""Seconds to connect, and to wait for a response. The first `schedule.json` takes long, because Scrapyd starts a
process to list the project's spiders."""

_TAIL = 64 * 1024
"""Number of bytes read from the end of a job's log."""

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
    help="Address of the Scrapyd server.",
)
@click.option("--project", default="poe_scraper", show_default=True, help="Name of the deployed project.")
@click.option("--spider", default="poe_models", show_default=True, help="Spider to run.")
@click.option("-a", "arguments", multiple=True, metavar="NAME=VALUE", help="Spider argument, as for scrapy crawl.")
@click.option("-s", "settings", multiple=True, metavar="NAME=VALUE", help="Setting, as for scrapy crawl.")
@click.option("--no-wait", is_flag=True, help="Print the job's id and do not wait for it to finish.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Time between checks of the job.",
)
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    metavar="N",
    help="Retries if Scrapyd cannot be reached, after 0, 1, 2, 4, ... seconds.",
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
    """Run a crawl on a Scrapyd server and exit with the crawl's exit code.

    The exit code is read from the job's log. It is 1 if the log has none, or if Scrapyd fails. The user name and
    password for Scrapyd are read from SCRAPYD_USERNAME and SCRAPYD_PASSWORD. Ctrl-C stops waiting; the job goes on.
    """
    scrapyd = _Scrapyd(url, retries=retries)
    given = dict(options.pairs(arguments, "-a"))
    if reserved := given.keys() & _RESERVED:
        message = f"-a {', '.join(sorted(reserved))}: this name is reserved by Scrapyd."
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
            f"job {job} has finished, but its log has no exit code: it was killed, its LOG_LEVEL is above INFO, "
            f"or the project in Scrapyd is older than this command. Log: {done.log or 'not kept'}"
        )
        raise ScrapydError(message)
    return done.exit_code


@dataclass(frozen=True)
class _Job:
    """A job, as Scrapyd reports it."""

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
"""Parameters of schedule.json; all others are spider arguments."""


class _Scrapyd:
    """A client for Scrapyd's HTTP API: https://scrapyd.readthedocs.io/en/latest/api.html .

    Args:
        url: the server's address.
        retries: how often to retry a request that could not connect, or a GET or HEAD that failed.
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
            # a POST that was sent may have taken effect; failed connections are always retried
            allowed_methods=["GET", "HEAD"],
            status_forcelist=[502, 503, 504],
            raise_on_status=False,
        )
        self._session.mount(self._url, HTTPAdapter(max_retries=retry))
        self._session.auth = scrapyd_login()

    def schedule(self, project: str, spider: str, arguments: dict[str, str], settings: dict[str, str]) -> str:
        """Schedule a job and return its id.

        Raises:
            ScrapydError: Scrapyd cannot be reached, or refuses.
        """
        form = [("project", project), ("spider", spider), *arguments.items()]
        form += [("setting", f"{name}={value}") for name, value in settings.items()]
        return str(self._call("POST", "schedule.json", data=form)["jobid"])

    def wait(self, project: str, spider: str, job: str, interval: float) -> _Job:
        """Poll a job until it has finished.

        Args:
            project: the job's project.
            spider: the job's spider.
            job: the job's id.
            interval: seconds between two polls.

        Raises:
            ScrapydError: Scrapyd can no longer be reached, or no longer knows the job.
        """
        state = ""
        while True:
            # of all projects: Scrapyd refuses to list a project that was deleted, though its jobs go on
            jobs = self._call("GET", "listjobs.json")
            found = [(name, entry) for name in _STATES for entry in jobs.get(name, ()) if entry.get("id") == job]
            if not found:
                message = (
                    f"Scrapyd at {self._url} no longer knows job {job}: it was cancelled before it started, "
                    "its project was deleted, or Scrapyd was restarted. "
                    f"Its log, if any: {self._url}/logs/{project}/{spider}/{job}.log"
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
        # Twisted, which serves the log, fails if asked for the last N bytes of a file with fewer than N
        answer = self._request("GET", log_url, headers={"Range": f"bytes={max(0, size - _TAIL)}-"})
        lines = list(_ending(answer.content.decode(errors="replace"))) if answer.ok else []
        if lines and (code := _EXIT_CODE.fullmatch(lines[-1])):
            return _Job(job, "finished", log, int(code[1]), tuple(lines[:-1]))
        return _Job(job, "finished", log)

    def _call(self, method: str, service: str, **request: Any) -> dict[str, Any]:
        """Call a service of Scrapyd's API and return its response."""
        answer = self._request(method, f"/{service}", **request)
        if answer.status_code in {401, 403}:
            message = (
                f"Scrapyd at {self._url} rejected the user name or password: set SCRAPYD_USERNAME and SCRAPYD_PASSWORD"
            )
            raise ScrapydError(message)
        try:
            result = answer.json()
        except requests.JSONDecodeError:
            result = None
        if not isinstance(result, dict) or result.get("status") not in {"ok", "error"}:
            message = f"{self._url} answered {answer.status_code}, but not as Scrapyd does"
            raise ScrapydError(message)
        if result["status"] == "error":
            # this is a traceback if the project could not be loaded: its last line has the reason
            reason = safe((str(result.get("message")).strip().splitlines() or ["no reason given"])[-1])
            message = f"Scrapyd at {self._url} refuses: {reason}"
            raise ScrapydError(message)
        return result

    def _request(self, method: str, path: str, **request: Any) -> requests.Response:
        try:
            return self._session.request(method, self._url + path, timeout=_TIMEOUT, **request)
        except requests.RequestException as error:
            message = f"Scrapyd at {self._url} cannot be reached: {_cause(error)}"
            if method == "POST" and not isinstance(error, requests.ConnectTimeout):
                message += f". Check {self._url}/jobs: the job may have been scheduled"
            raise ScrapydError(message) from error


_STATES = ("pending", "running", "finished")


def _ending(log: str) -> Iterator[str]:
    """The lines that a crawl logs at its end: a summary, then the exit code."""
    return (safe(found["text"]) for found in _ENDING.finditer(log))


def _cause(error: BaseException) -> str:
    """The root cause of a failed request."""
    reason = getattr(error.args[0] if error.args else None, "reason", None) or error
    return safe(str(reason).rpartition(": ")[2])[:300]
