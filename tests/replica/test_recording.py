"""Recordings, served again. The folders are written here, in the format of docs/recordings.md."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from playwright.sync_api import Page, expect

from poe_scraper.cli.replica import replica as command
from poe_scraper.replica import Replica, running

CARD = "| Type | Rate |\n|---|---|\n| Input | 7 points/1k tokens |"
ANSWER = {"data": {"botById": {"botPricing": {"rateMenuMarkdown": CARD}}}}
QUERY = {"queryName": "RateCardModalQuery", "variables": {"botId": 1}, "extensions": {"hash": "x" * 64}}
ENTRY = {"id": "some-bot", "object": "model", "created": 1767225600000, "pricing": None}
RENDERED = """<!DOCTYPE html><html><head><title>Some-Bot - Poe</title>
<script src="https://scripts.example/app.js"></script><link rel="stylesheet" href="https://styles.example/app.css">
<script id="__NEXT_DATA__" type="application/json">{"bot": {"handle": "Some-Bot"}}</script></head>
<body><script>document.title = "the page's own script ran"</script>
<nav><a href="/rates">Rates</a></nav><main><h1>Some-Bot</h1><button>Rates</button></main>
<div class="Modal_modalOverlay"><div role="dialog"><h1>Rates</h1><table><tr><td>Input</td></tr></table></div></div>
<img src="https://pictures.example/a.png"><script id="poe-scraper-observation">{}</script></body></html>"""

RECORDING: dict[str, Any] = {
    "format": 1,
    "made_at": "2026-11-25T12:00:00Z",
    "versions": {},
    "kind": "bot",
    "subject": "Some-Bot",
    "site_url": "https://poe.com",
    "api": {
        "url": "https://api.poe.com/v1/models",
        "status": 200,
        "headers": {"x-ratelimit-limit-requests": "500"},
        "entries": 300,
        "left_out": 0,
        "entry": ENTRY,
        "problem": None,
    },
    "robots": {"obeyed": True, "asked": True, "status": 200},
    "page": {
        "url": "https://poe.com/Some-Bot",
        "status": 200,
        "headers": {"content-type": "text/html; charset=utf-8"},
        "documents": [{"method": "GET", "url": "https://poe.com/some-bot", "type": "Document", "status": 307}],
        "requests": [],
        "queries": ["ViewerStateQuery", "RateCardModalQuery"],
        "blocked_hosts": [],
        "with_session": False,
        "problem": None,
    },
    "graphql": [
        {
            "query": "ViewerStateQuery",
            "url": "https://poe.com/api/gql_POST",
            "headers": {},
            "request": json.dumps({"queryName": "ViewerStateQuery"}),
            "status": 200,
            "answer": "{}",
        },
        {
            "query": "RateCardModalQuery",
            "url": "https://poe.com/api/gql_POST",
            "headers": {},
            "request": json.dumps(QUERY),
            "status": 200,
            "answer": json.dumps(ANSWER),
        },
    ],
}

PATIENCE = 0.5
"""Seconds to wait for a response that never comes."""

Serve = Callable[..., Replica]


def write(folder: Path, facts: dict[str, Any], rendered: str = RENDERED, document: str = RENDERED) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "recording.json").write_text(json.dumps(facts), "utf-8")
    (folder / "rendered.html").write_text(rendered, "utf-8")
    (folder / "document.html").write_text(document, "utf-8")
    return folder


def changed(**parts: Any) -> dict[str, Any]:
    """The recording with some facts changed, such as `page={"status": 403}`; None replaces a whole part."""
    facts = copy.deepcopy(RECORDING)
    for name, part in parts.items():
        if isinstance(part, dict):
            facts[name].update(part)
        else:
            facts[name] = part
    return facts


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serves a recording that is written for the test."""
    started = []

    def start(facts: dict[str, Any] = RECORDING, *pages: str) -> Replica:
        running_replica = running(recording=write(tmp_path / "recording", facts, *pages))
        started.append(running_replica)
        return running_replica.__enter__()

    yield start
    for running_replica in started:
        running_replica.__exit__(None, None, None)


@pytest.mark.browser
def test_a_click_opens_the_recorded_dialog_and_sends_the_recorded_queries(serve: Serve, page: Page) -> None:
    site = serve()
    page.goto(f"{site.url}/some-bot")
    assert page.url == f"{site.url}/Some-Bot"
    assert page.title() == "Some-Bot - Poe"
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("#poe-scraper-observation")).to_have_count(0)
    assert page.locator("#__NEXT_DATA__").text_content() == '{"bot": {"handle": "Some-Bot"}}'
    with page.expect_response(lambda answer: "RateCardModalQuery" in (answer.request.post_data or "")) as answer:
        page.get_by_role("button", name="Rates").click()
    assert answer.value.json() == ANSWER
    expect(page.get_by_role("dialog").locator("td")).to_have_text("Input")
    assert set(site.requests()["by_host"]) == {"127.0.0.1"}


@pytest.mark.browser
def test_a_link_to_another_page_opens_nothing(serve: Serve, page: Page) -> None:
    site = serve()
    page.goto(f"{site.url}/Some-Bot")
    with page.expect_navigation():
        page.get_by_role("link", name="Rates").click()
    assert page.url == f"{site.url}/rates"
    assert "gql" not in site.requests()["by_kind"]


@pytest.mark.browser
def test_nothing_is_asked_of_the_recorded_hosts(serve: Serve, page: Page) -> None:
    site = serve()
    failures: dict[str, str | None] = {}
    page.on("requestfailed", lambda request: failures.update({request.url: request.failure}))
    page.goto(f"{site.url}/Some-Bot")
    page.wait_for_load_state("networkidle")
    hosts = {"https://scripts.example/app.js", "https://styles.example/app.css", "https://pictures.example/a.png"}
    assert failures.keys() <= hosts
    assert set(failures.values()) <= {"csp", "net::ERR_BLOCKED_BY_CSP"}


@pytest.mark.browser
def test_hosts_that_were_refused_are_asked_for_by_names_that_do_not_exist(serve: Serve, page: Page) -> None:
    site = serve(changed(page={"blocked_hosts": ["chunks.example"]}))
    with page.expect_event("requestfailed", lambda request: "chunks.example" in request.url) as failed:
        page.goto(f"{site.url}/Some-Bot")
    assert failed.value.url == "http://chunks.example.invalid/"
    assert "NAME_NOT_RESOLVED" in (failed.value.failure or "")


@pytest.mark.browser
def test_hosts_that_the_dialog_needed_are_asked_for_with_the_click(serve: Serve, page: Page) -> None:
    site = serve(changed(page={"blocked_hosts": ["chunks.example"], "needed_hosts": ["chunks.example"]}))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site.url}/Some-Bot")
    page.wait_for_load_state("networkidle")
    assert "http://chunks.example.invalid/" not in asked
    with page.expect_request("http://chunks.example.invalid/"):
        page.get_by_role("button", name="Rates").click()


def get(http: requests.Session, site: Replica, path: str, **how: Any) -> requests.Response:
    return http.get(site.url + path, **{"timeout": 10, "allow_redirects": False, **how})


def test_the_api_lists_the_recorded_bot(http: requests.Session, serve: Serve) -> None:
    answer = get(http, serve(), "/v1/models")
    assert answer.json() == {"object": "list", "data": [ENTRY]}
    assert answer.headers["x-ratelimit-limit-requests"] == "500"


@pytest.mark.parametrize(
    ("api", "status", "body"),
    [
        ({"status": 401, "problem": {"code": "catalog_refused", "message": ""}}, 401, '"error"'),
        ({"problem": {"code": "catalog_empty", "message": ""}}, 200, '"data": []'),
        ({"entry": None}, 200, "not-recorded"),
    ],
)
def test_the_api_answers_as_recorded(
    http: requests.Session, serve: Serve, api: dict[str, Any], status: int, body: str
) -> None:
    answer = get(http, serve(changed(api=api)), "/v1/models")
    assert answer.status_code == status
    assert body in answer.text


def test_an_api_without_an_answer(http: requests.Session, serve: Serve) -> None:
    site = serve(changed(api={"status": None, "problem": {"code": "catalog_unreachable", "message": ""}}))
    with pytest.raises(requests.exceptions.ConnectionError):
        get(http, site, "/v1/models")


def test_status_and_telling_headers_come_as_recorded(http: requests.Session, serve: Serve) -> None:
    headers = {"content-type": "text/html", "cf-mitigated": "challenge", "retry-after": "7", "x-other": "1"}
    site = serve(changed(page={"status": 403, "headers": headers}), "", "<title>Just a moment...</title>")
    answer = get(http, site, "/Some-Bot")
    assert (answer.status_code, answer.text) == (403, "<title>Just a moment...</title>")
    assert (answer.headers["cf-mitigated"], answer.headers["retry-after"]) == ("challenge", "7")
    assert "x-other" not in answer.headers


@pytest.mark.parametrize(
    ("url", "location"),
    [("https://poe.com/login", "/login"), ("https://elsewhere.example/a", "http://elsewhere.example.invalid/")],
)
def test_redirects_lead_to_this_machine_or_nowhere(
    http: requests.Session, serve: Serve, url: str, location: str
) -> None:
    answer = get(http, serve(changed(page={"url": url})), "/some-bot")
    assert (answer.status_code, answer.headers["location"]) == (307, location)


@pytest.mark.parametrize(("code", "error"), [("timeout", "ReadTimeout"), ("connection_failed", "ConnectionError")])
def test_a_page_that_did_not_come(http: requests.Session, serve: Serve, code: str, error: str) -> None:
    site = serve(changed(page={"status": None, "headers": {}, "problem": {"code": code, "message": ""}}), "", "")
    with pytest.raises(getattr(requests.exceptions, error)):
        get(http, site, "/Some-Bot", timeout=PATIENCE if error == "ReadTimeout" else 10)


@pytest.mark.parametrize(
    ("code", "error"), [("timeout", "ConnectionError"), ("connection_failed", "ChunkedEncodingError")]
)
def test_a_page_that_broke_off(http: requests.Session, serve: Serve, code: str, error: str) -> None:
    site = serve(changed(page={"problem": {"code": code, "message": ""}}), "", "<!DOCTYPE html><p>Half a page")
    with pytest.raises(getattr(requests.exceptions, error)):
        get(http, site, "/Some-Bot", timeout=PATIENCE if code == "timeout" else 10)


@pytest.mark.parametrize(
    ("headers", "content_type"),
    [({}, "application/octet-stream"), ({"content-type": "text/plain"}, "text/plain")],
)
def test_a_file_that_is_not_a_page(
    http: requests.Session, serve: Serve, headers: dict[str, str], content_type: str
) -> None:
    page = {"headers": headers, "problem": {"code": "not_html", "message": ""}}
    assert get(http, serve(changed(page=page), "", "text"), "/Some-Bot").headers["Content-Type"] == content_type


def test_robots_txt_as_recorded(http: requests.Session, serve: Serve) -> None:
    facts = changed(page={"problem": {"code": "robots_forbidden", "message": ""}})
    assert "Disallow: /\n" in get(http, serve(facts), "/robots.txt").text


@pytest.mark.parametrize(
    ("query", "error"),
    [({"status": None, "answer": None}, "ReadTimeout"), ({"answer": None}, "ChunkedEncodingError")],
    ids=["never came", "cut short"],
)
def test_a_query_without_an_answer(http: requests.Session, serve: Serve, query: dict[str, Any], error: str) -> None:
    facts = copy.deepcopy(RECORDING)
    facts["graphql"][1].update(query)
    with pytest.raises(getattr(requests.exceptions, error)):
        http.post(f"{serve(facts).url}/api/gql_POST", json=QUERY, timeout=PATIENCE if error == "ReadTimeout" else 10)


def test_queries_that_are_not_recorded_have_errors(http: requests.Session, serve: Serve) -> None:
    site = serve(changed(graphql=[]))
    assert http.post(f"{site.url}/api/gql_POST", json=QUERY, timeout=10).json()["errors"]
    assert http.post(f"{site.url}/api/gql_POST", data="[", timeout=10).status_code == 400


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ("{", "recording.json is not JSON"),
        ("[]", "format must be 1, got None"),
        ({"format": 0}, "format must be 1, got 0"),
        ({"format": 2}, "has format 2, and this version serves format 1: update poe-scraper"),
        ({"format": 1}, "lacks what its format requires"),
        (changed(page={"status": "200"}), "'200' is not an HTTP status"),
        (changed(page=[]), "lacks what its format requires"),
        (changed(graphql=[{"query": "x"}]), "lacks what its format requires"),
        (changed(page={"url": "http://[/"}), "lacks what its format requires"),
    ],
)
def test_a_damaged_or_newer_recording_is_refused_in_one_line(tmp_path: Path, facts: Any, says: str) -> None:
    folder = write(tmp_path / "recording", {})
    (folder / "recording.json").write_text(facts if isinstance(facts, str) else json.dumps(facts), "utf-8")
    result = CliRunner().invoke(command, ["--recording", str(folder)])
    assert result.exit_code == 2
    message = result.output.splitlines()[-1]
    assert message.startswith("Error: Invalid value for --recording: ")
    assert says in message


@pytest.mark.parametrize("missing", ["recording.json", "rendered.html", "document.html"])
def test_an_incomplete_recording_is_refused(tmp_path: Path, missing: str) -> None:
    folder = write(tmp_path / "recording", RECORDING)
    (folder / missing).unlink()
    result = CliRunner().invoke(command, ["--recording", str(folder)])
    assert result.exit_code == 2
    assert f"is not a recording: {missing}: No such file or directory" in result.output


@pytest.mark.parametrize("words", [["--bots", "3"], ["--fault", "slow=1"], ["--data", __file__]])
def test_a_recording_is_served_alone(tmp_path: Path, words: list[str]) -> None:
    folder = write(tmp_path / "recording", RECORDING)
    result = CliRunner().invoke(command, ["--recording", str(folder), *words])
    assert result.exit_code == 2
    assert "cannot be combined" in result.output


def test_the_first_line_names_the_recording(tmp_path: Path) -> None:
    folder = write(tmp_path / "recording", changed(subject="Some\x1b[31m-Bot"))
    words = [sys.executable, "-m", "poe_scraper.replica", f"--recording={folder}"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().endswith(" (recording of Some[31m-Bot)\n")
        process.terminate()
