"""A recording of a site that plants secrets and personal data wherever it can."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from poe_scraper.probe.recording import read_recording
from poe_scraper.replica import running

from .conftest import Probe

API_KEY = "poe-API-key-PLANTED-01"
SECRETS = {
    "api key": API_KEY,
    "api address": "PLANTED23api",
    "session cookie": "PLANTED-02-c00kie==",
    "script cookie": "PLANTED-03-script",
    "form key": "PLANTED04f0rmk3y",
    "tag id": "PLANTED05tag",
    "response header": "PLANTED-06-resp",
    "csrf meta": "PLANTED07meta",
    "hidden field": "PLANTED08field",
    "inline script": "PLANTED09inline",
    "json": "PLANTED10json/+",
    "nested json": "PLANTED11nested",
    "graphql request": "PLANTED12gqlreq",
    "graphql answer": "PLANTED13gqlans",
    "url query": "PLANTED14url",
    "photo": "PLANTED15photo",
    "visitor name": "Wilhelmina Übermensch",
    "visitor handle": "PLANTED16wilma",
    "visitor number": "1617181920",
    "e-mail": "wilhelmina@PLANTED17.example",
    "other e-mail": "hello@PLANTED21.example",
    "device id": "17171717-aaaa-4bbb-8ccc-171717171717",
    "ip address": "198.41.18.18",
    "nameless": "PLANTED22nameless",
    "streamed": "PLANTED19stream",
}
ECHOED = (
    "api key",
    "api address",
    "session cookie",
    "form key",
    "tag id",
    "response header",
    "graphql request",
    "graphql answer",
)
"""Secrets that the document also holds where nothing says what they are."""
CARD = "| Type | Rate |\n|---|---|\n| Input (text) | $2.02/1M tokens |\n| Output (text) | $6.06/1M tokens |\n"
BOT = {
    "__typename": "Bot",
    "botId": 4711,
    "handle": "Secretive-Bot",
    "displayName": "Secretive-Bot",
    "description": f"Ask {SECRETS['other e-mail']} for more.",
    "poweredBy": "Powered by a server.",
    "creator": {"handle": "someone", "fullName": "Some One", "isDeleted": False},
    "deletionState": "not_deleted",
    "isDown": False,
}
VIEWER = {
    "uid": int(SECRETS["visitor number"]),
    "handle": SECRETS["visitor handle"],
    "fullName": SECRETS["visitor name"],
    "primaryEmail": SECRETS["e-mail"],
    "profilePhotoUrl": f"https://pfst.example/{SECRETS['photo']}.png",
}
SCRIPT = """
document.body.append("echo of %(script cookie)s");
document.cookie = "seen=%(script cookie)s; path=/";
const k = "%(form key)s", unused = "%(nameless)s";
document.querySelector("button").addEventListener("click", async () => {
  const answer = await fetch("/api/gql_POST?session_id=%(url query)s", {
    method: "POST",
    headers: {"content-type": "application/json", "poe-formkey": k, ["poe-tag" + "-id"]: "%(tag id)s",
              "poe-queryname": "RateCardModalQuery", "poegraphql": "1"},
    body: JSON.stringify({queryName: "RateCardModalQuery", variables: {botId: 4711},
                          extensions: {hash: "ab".repeat(32)}, ["device" + "Id"]: "%(graphql request)s"}),
  });
  const data = await answer.json();
  const dialog = document.createElement("div");
  dialog.setAttribute("role", "dialog");
  dialog.textContent = data.data.botById.botPricing.rateMenuMarkdown;
  document.body.append(dialog);
});
"""


def document() -> str:
    data = {
        "props": {
            "pageProps": {
                "data": {"mainQuery": {"bot": BOT, "viewer": VIEWER}},
                "formkey": SECRETS["json"],
                "isLoggedIn": True,
                "state": json.dumps({"auth": {"accessToken": SECRETS["nested json"]}}),
                "settings": {"deviceId": SECRETS["device id"], "tchannelData": {"channel": "chan-PLANTED-20"}},
            }
        },
        "buildId": "build-1",
    }
    streamed = json.dumps([1, f'7:{{"visitorId":"{SECRETS["streamed"]}"}}\n'])
    half = len(streamed) // 2 + 8
    chunks = [json.loads(streamed)[1][: half - 4], json.loads(streamed)[1][half - 4 :]]
    pushes = "".join(f"<script>self.__next_f.push({json.dumps([1, chunk])})</script>" for chunk in chunks)
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Secretive-Bot - Poe</title>'
        f'<meta name="csrf-token" content="{SECRETS["csrf meta"]}">'
        f'<script>window.__config = {{sessionToken: "{SECRETS["inline script"]}"}}; self.__next_f = [];</script>'
        f'{pushes}</head><body><div id="__next"><nav>Hello {SECRETS["visitor name"]}</nav>'
        f"<p>Echo of {', '.join(SECRETS[name] for name in ECHOED)}</p>"
        f"<p>Your IP: {SECRETS['ip address']}</p>"
        '<header class="BotInfoCardHeader_container__a1"><h1>Secretive-Bot</h1></header>'
        '<div class="BotInfoCardActionBar_actionBar__b2"><button>Rates</button></div>'
        f'<form><input type="hidden" name="form_key" value="{SECRETS["hidden field"]}"></form>'
        f'<a href="/share/1?token={SECRETS["url query"]}">Share</a></div>'
        f'<script id="__NEXT_DATA__" type="application/json">{json.dumps(data)}</script>'
        f"<script>{SCRIPT % SECRETS}</script></body></html>"
    )


class Site(BaseHTTPRequestHandler):
    """Serves one bot."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def answer(self, body: str, content_type: str, status: int = 200, **headers: str) -> None:
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        if self.path.startswith("/v1/models"):
            entry = {"id": "secretive-bot", "object": "model", "description": SECRETS["e-mail"]}
            self.answer(json.dumps({"object": "list", "data": [entry]}), "application/json", Set_Cookie="api=1")
        elif self.path.startswith("/Secretive-Bot") or self.path.startswith("/secretive-bot"):
            cookie = f"p-b={SECRETS['session cookie']}; Path=/; HttpOnly"
            self.answer(document(), "text/html", Set_Cookie=cookie, X_Session_Id=SECRETS["response header"])
        else:
            self.answer("", "text/plain", 404)

    def do_POST(self) -> None:
        answer = {
            "data": {"botById": {"botPricing": {"rateMenuMarkdown": CARD}}, "csrf": SECRETS["graphql answer"]},
            "viewer": VIEWER,
        }
        self.answer(json.dumps(answer), "application/json")


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def planted() -> dict[str, str]:
    """All planted secrets, and the parts of the visitor name."""
    parts = {f"part {part}": part for part in SECRETS["visitor name"].split()}
    return {**SECRETS, **parts, "channel": "chan-PLANTED-20"}


@pytest.mark.browser
def test_no_planted_secret_is_recorded(probe: Probe, site: str, planted: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    api_url = f"{site}/v1/models?token={SECRETS['api address']}"
    done = probe(site, "--record", str(folder), POE_API_KEY=API_KEY, POE_API_URL=api_url)
    assert done.status == 0, done.stdout + done.stderr
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    assert set(files) == {"document.html", "rendered.html", "recording.json", "result.json", "screenshot.png"}
    for name, content in files.items():
        for what, secret in planted.items():
            for written in (secret, json.dumps(secret)[1:-1], secret.encode().hex()):
                assert written.encode() not in content, f"{what} in {name}"
        assert b"PLANTED" not in content, name
    assert done.stdout.isascii()
    assert "PLANTED" not in done.stdout + done.stderr


@pytest.mark.browser
def test_what_is_recorded_is_still_whole(probe: Probe, site: str, tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    done = probe(site, "Secretive-Bot", "--record", str(folder), "--json")
    evidence = read_recording(folder)
    assert evidence.page is not None
    recording = json.loads((folder / "recording.json").read_bytes())
    answer = json.loads(recording["graphql"][0]["answer"])
    assert answer["data"]["botById"]["botPricing"]["rateMenuMarkdown"] == CARD
    assert recording["graphql"][0]["query"] == "RateCardModalQuery"
    recorded = json.loads((folder / "result.json").read_bytes())
    assert recorded["steps"] == done.result["steps"]


@pytest.mark.browser
def test_a_recording_with_a_session(probe: Probe, tmp_path: Path) -> None:
    with running(bots=5) as replica:
        form = {"email": "wilma.f@example.com", "code": "123456"}
        signed_in = requests.post(f"{replica.url}/login", data=form, allow_redirects=False, timeout=20)
        cookie = {"name": "p-b", "value": signed_in.cookies["p-b"], "domain": "127.0.0.1", "path": "/"}
        state = tmp_path / "session.json"
        state.touch(mode=0o600)
        state.write_text(json.dumps({"cookies": [cookie], "origins": []}))
        done = probe(replica, "--record", str(tmp_path / "recording"), POE_STORAGE_STATE=str(state))
    assert done.status == 0, done.stdout + done.stderr
    assert "without a screenshot" in done.stderr
    files = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "recording").iterdir()}
    assert set(files) == {"document.html", "rendered.html", "recording.json", "result.json"}
    assert '"viewer": {' in files["document.html"] or '"viewer":{' in files["document.html"]
    for name, text in files.items():
        assert "wilma" not in text, name
        assert cookie["value"] not in text, name
