"""Which hosts a browser contacts: the policy itself, and what real browsers make of it."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe_scraper.browser.network import MAX_LEARNED, NetworkPolicy, check_hosts, listed_hosts, named_hosts
from poe_scraper.browser.pool import PagePool, Visit
from poe_scraper.browser.proxies import Proxies
from poe_scraper.failures import Code, ObservationError, UsageError
from tests.browser.conftest import Server, chrome, in_pool, listening

Serve = Callable[..., Server]

# --- the setting -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("auto", (True, ())),
        ("", (True, ())),
        (" AUTO , cdn.example.com", (True, ("cdn.example.com",))),
        ("CDN.example.com,*.Poecdn.net", (False, ("cdn.example.com", "*.poecdn.net"))),
        ("[::1], 127.0.0.1,localhost", (False, ("::1", "127.0.0.1", "localhost"))),
    ],
)
def test_the_setting(setting: str, expected: tuple[bool, tuple[str, ...]]) -> None:
    assert listed_hosts(setting) == expected


@pytest.mark.parametrize(
    "entry",
    ["https://cdn.example.com", "cdn.example.com:443", "a b", "*", "*.", "a..b", "-a.com", "a.com/x", "a*.com", "~x"],
)
def test_an_entry_that_is_not_a_host(entry: str) -> None:
    with pytest.raises(UsageError, match="POE_SITE_HOSTS must be") as error:
        NetworkPolicy("https://poe.com", f"poe.com,{entry}")
    assert repr(entry) in str(error.value)


def test_a_listed_host_must_exist() -> None:
    settings = {"POE_SITE_URL": "http://127.0.0.1:1", "POE_SITE_HOSTS": "localhost, nowhere.invalid"}
    with pytest.raises(UsageError, match=r"does not exist: nowhere\.invalid"):
        check_hosts(settings)
    check_hosts({**settings, "POE_SITE_HOSTS": "localhost,*.nowhere.invalid"})
    # without a network, nothing is known of the list
    check_hosts({**settings, "POE_SITE_URL": "https://site.invalid"})
    # behind a proxy, the proxy resolves names
    check_hosts({**settings, "PLAYWRIGHT_LAUNCH_OPTIONS": {"proxy": {"server": "127.0.0.1:3128"}}})


# --- the policy --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("poe.com", True),
        ("www.poe.com", True),
        ("psc2.cf2.poecdn.net", True),
        ("challenges.cloudflare.com", True),
        ("known.example", True),
        ("poecdn.net", False),
        ("evilpoe.com", False),
        ("poe.com.evil.example", False),
        ("cloudflare.com", False),
    ],
)
def test_auto(host: str, allowed: bool) -> None:
    policy = NetworkPolicy("https://poe.com/", "auto", known=["known.example"])
    assert policy.hosts.allow(host) is allowed
    assert policy.hosts.refuse(f"https://{host}/x") is not allowed
    assert policy.hosts.refuse(f"wss://{host}/x") is not allowed


def test_a_list_is_exact() -> None:
    policy = NetworkPolicy("https://poe.com", "cdn.example", known=["known.example"])
    assert policy.hosts.patterns == ("poe.com", "cdn.example")
    assert not policy.learn('<script src="https://x.example/a.js">', "https://poe.com/", ["x.example"])


def test_addresses_without_a_host_are_not_refused() -> None:
    policy = NetworkPolicy("https://poe.com")
    assert not any(map(policy.hosts.refuse, ("data:text/html,x", "blob:https://poe.com/1", "about:blank")))
    assert policy.hosts.refuse("https://[bad/")


DOCUMENT = """<!DOCTYPE html><base href="https://base.example/x/">
<script src="https://a.example/_next/a.js"></script><script src=//b.example/b.js></script>
<link rel="stylesheet" href="https://C.example/c.css"><link rel=preload as=script href="https://d.example:8443/d.js">
<link rel=modulepreload href="https://e.example/e.js"><link rel="alternate stylesheet" href="https://f.example/f.css">
<script src="relative.js"></script><script>/* <script src="https://inline.example/x.js"> */</script>
<img src="https://img.example/i.png"><link rel=preload as=font href="https://font.example/f"><a href="https://l.example">
<link rel=icon href="https://icon.example/i"><iframe src="https://frame.example/"></iframe><script src="https://[/x">
<!-- <script src="https://comment.example/x.js"></script> -->"""


def test_hosts_that_a_document_names() -> None:
    expected = {f"{letter}.example" for letter in "abcdef"} | {"base.example"}
    assert named_hosts(DOCUMENT, "https://poe.com/GPT-5") == expected


@given(st.text(st.sampled_from('<>"=/ abscriptlnkhef:.!-&;[]\x00é')))
def test_any_document_can_be_searched(document: str) -> None:
    assert all(isinstance(host, str) for host in named_hosts(document, "https://poe.com/"))


def test_a_document_teaches_the_hosts_that_were_refused() -> None:
    policy = NetworkPolicy("https://poe.com")
    assert policy.learn(DOCUMENT, "https://poe.com/x", ["a.example", "tracker.example"])
    assert policy.hosts.allow("a.example")
    assert not policy.hosts.allow("b.example")
    assert not policy.hosts.allow("tracker.example")
    assert not policy.learn(DOCUMENT, "https://poe.com/x", ["a.example", "tracker.example"])
    assert not policy.learn(DOCUMENT, "https://elsewhere.example/x", ["b.example"])


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "10.0.0.7", "localhost", "printer.local", "169.254.169.254"])
def test_a_public_site_does_not_reach_into_the_local_network(host: str) -> None:
    bare = host.strip("[]")
    document = f'<script src="http://{host}/x.js"></script>'
    policy = NetworkPolicy("https://poe.com", known=[bare])
    assert not policy.learn(document, "https://poe.com/", [bare])
    assert not policy.hosts.allow(bare)
    assert NetworkPolicy("http://127.0.0.9:80").learn(document, "http://127.0.0.9/", [bare])


def test_what_is_learned_is_bounded() -> None:
    policy = NetworkPolicy("https://poe.com")
    hosts = [f"h{number}.example" for number in range(3 * MAX_LEARNED)]
    before = len(policy.hosts.patterns)
    for host in hosts:
        policy.learn(f'<script src="https://{host}/x.js">', "https://poe.com/", [host])
    assert len(policy.hosts.patterns) == before + MAX_LEARNED


# --- real browsers -----------------------------------------------------------------------------


@pytest.fixture(params=["own", "behind a proxy", "elsewhere"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Options of a pool for each kind of browser."""
    if request.param == "elsewhere":
        with chrome(tmp_path / "elsewhere") as address:
            yield {"cdp_url": address}
    else:
        # what proxies do is tested with proxies; here all is contacted directly, through the relay
        yield {} if request.param == "own" else {"proxies": Proxies("http://127.0.0.1:9", "", bypass=("*",))}


def visit_all(policy: NetworkPolicy, urls: list[str], **options: Any) -> tuple[list[Visit], dict[str, int]]:
    visits: list[Visit] = []

    async def work(pool: PagePool) -> None:
        visits.extend([await pool.visit(url) for url in urls])

    counted = in_pool(policy, work, **options)
    return visits, counted


@pytest.mark.browser
def test_scripts_of_another_host_are_learned_from_the_document(serve: Serve, way: dict[str, Any]) -> None:
    site, cdn, tracker = serve(), serve("127.0.0.1"), serve("127.0.0.2")
    cdn_url = f"http://localhost:{cdn.port}"
    cdn.replies["/app.js"] = f"""
        document.querySelector("h1").textContent = "Rendered";
        document.head.append(Object.assign(document.createElement("script"), {{src: "{tracker.url}/t.js"}}));
        document.body.append(Object.assign(document.createElement("iframe"), {{src: "{tracker.url}/frame"}}));
    """
    for page in ("/one", "/two", "/three"):
        site.replies[page] = f'<h1>Bare</h1><script src="{cdn_url}/app.js"></script>'
    policy = NetworkPolicy(site.url)
    visits, counted = visit_all(policy, [f"{site.url}/{page}" for page in ("one", "two", "three")], **way)
    assert ["Rendered" in visit.html for visit in visits] == [True] * 3
    assert [visit.blocked_hosts for visit in visits] == [("127.0.0.2",)] * 3
    assert policy.script_hosts == {"localhost"}
    assert counted["browsers"] == 2
    assert not tracker.asked
    assert cdn.asked["/app.js"] >= 1

    again = NetworkPolicy(site.url, known=policy.script_hosts)
    visits, counted = visit_all(again, [f"{site.url}/one"], **way)
    assert "Rendered" in visits[0].html
    assert counted["browsers"] == 1


@pytest.mark.browser
def test_a_listed_host_is_not_more_than_listed(serve: Serve, way: dict[str, Any]) -> None:
    site, cdn = serve(), serve("127.0.0.1")
    site.replies["/"] = f"""<h1>Bare</h1><script src="http://localhost:{cdn.port}/app.js"></script>
        <link rel="stylesheet" href="http://localhost:{cdn.port}/app.css"><iframe src="http://127.0.0.3/frame"></iframe>"""
    visits, counted = visit_all(NetworkPolicy(site.url, "127.0.0.1"), [f"{site.url}/"], **way)
    assert visits[0].blocked_hosts == ("127.0.0.3", "localhost")
    assert counted["browsers"] == 1
    assert not cdn.asked
    cdn.replies["/app.js"] = "document.querySelector('h1').textContent = 'Rendered'"
    visits, _ = visit_all(NetworkPolicy(site.url, "localhost"), [f"{site.url}/"], **way)
    assert "Rendered" in visits[0].html


@pytest.mark.browser
def test_nothing_gets_around_the_policy(serve: Serve, way: dict[str, Any]) -> None:
    site, other = serve(), serve("127.0.0.2")
    with listening(socket.SOCK_DGRAM) as (stun, packets), listening(socket.SOCK_STREAM) as (turn, connections):
        site.replies["/"] = f"""<h1>Curious</h1><p id=log></p><script>
            const note = (what) => {{ document.getElementById("log").append(what + ";"); }};
            const away = "{other.url}";
            const tries = {{
                fetch: () => fetch(away + "/fetch", {{mode: "no-cors"}}),
                beacon: () => navigator.sendBeacon(away + "/beacon", "x"),
                image: () => Object.assign(new Image(), {{src: away + "/i.png"}}),
                script: () => import(away + "/module.js"),
                socket: () => new Promise((yes, no) => {{
                    const socket = new WebSocket("ws://127.0.0.2:{turn}/");
                    socket.onopen = yes;
                    socket.onerror = socket.onclose = no;
                }}),
                worker: () => new Promise((_, no) => {{
                    const text = "fetch('" + away + "/worker', {{mode: 'no-cors'}}).finally(() => postMessage(1))";
                    new Worker(URL.createObjectURL(new Blob([text]))).onmessage = no;
                }}),
                prefetch: () => document.head.append(
                    Object.assign(document.createElement("link"), {{rel: "prefetch", href: away + "/prefetch"}})),
                preconnect: () => document.head.append(
                    Object.assign(document.createElement("link"), {{rel: "preconnect", href: "http://127.0.0.2:{turn}"}})),
                webrtc: async () => {{
                    const peer = new RTCPeerConnection({{iceServers: [
                        {{urls: "stun:127.0.0.2:{stun}"}},
                        {{urls: "turn:127.0.0.2:{stun}", username: "a", credential: "b"}},
                        {{urls: "turn:127.0.0.2:{turn}?transport=tcp", username: "a", credential: "b"}},
                    ]}});
                    peer.createDataChannel("x");
                    const gathered = new Promise((done) => {{ peer.onicecandidate = (e) => e.candidate ?? done(); }});
                    await peer.setLocalDescription(await peer.createOffer());
                    await Promise.race([gathered, new Promise((done) => setTimeout(done, 3000))]);
                }},
            }};
            // the page goes on moving until each has had its try
            const ticking = setInterval(() => document.body.classList.toggle("busy"), 50);
            Promise.all(Object.entries(tries).map(async ([name, go]) => {{
                try {{ await go(); note(name + " done"); }} catch {{ note(name + " failed"); }}
            }})).then(() => {{ clearInterval(ticking); note("all"); }});
        </script>"""
        visits, _ = visit_all(NetworkPolicy(site.url), [f"{site.url}/"], timeout=20.0, **way)
        assert "all;" in visits[0].html.partition('id="log">')[2].partition("<")[0]
        for name in ("fetch", "script", "socket", "worker"):
            assert f"{name} failed" in visits[0].html
        assert not other.asked
        assert packets == []
        assert connections == []


@pytest.mark.browser
def test_a_style_sheet_loads_and_a_font_does_not(serve: Serve) -> None:
    site = serve()
    site.replies["/lazy.css"] = '@font-face { font-family: x; src: url("/x.woff2") } h1 { font-family: x; color: red }'
    site.replies["/lazy.js"] = "document.querySelector('h1').textContent = 'Dialog'"
    # as webpack's loader does: a chunk counts as loaded if its style sheet and its script are
    site.replies["/"] = """<h1>Bare</h1><img src="/picture.png"><script>
        const load = (tag, attributes) => new Promise((onload, onerror) => document.head.append(
            Object.assign(document.createElement(tag), attributes, {onload, onerror})));
        load("link", {rel: "stylesheet", href: "/lazy.css"}).then(() => load("script", {src: "/lazy.js"}));
    </script>"""
    visits, _ = visit_all(NetworkPolicy(site.url), [f"{site.url}/"])
    assert "Dialog" in visits[0].html
    assert dict(site.asked) == {"/": 1, "/lazy.css": 1, "/lazy.js": 1}


@pytest.mark.browser
@pytest.mark.skipif(not os.path.exists("/proc/net/if_inet6"), reason="needs IPv6")  # noqa: PTH110
def test_a_site_that_has_ipv6_alone(serve: Serve, way: dict[str, Any]) -> None:
    site = serve("::1")
    site.replies["/"] = "<h1>Six</h1>"
    visits, _ = visit_all(NetworkPolicy(site.url), [f"{site.url}/"], **way)
    assert "Six" in visits[0].html


@pytest.mark.browser
def test_a_redirect_to_another_host_is_not_followed(serve: Serve, way: dict[str, Any]) -> None:
    site, other = serve(), serve("127.0.0.2")
    site.replies["/"] = (302, {"Location": f"{other.url}/elsewhere"}, b"")

    async def work(pool: PagePool) -> None:
        with pytest.raises(ObservationError, match=r"redirects to another host, 127\.0\.0\.2") as error:
            await pool.visit(f"{site.url}/")
        assert error.value.code == Code.REDIRECTED_AWAY

    in_pool(NetworkPolicy(site.url), work, **way)
    assert not other.asked


@pytest.mark.browser
def test_redirects_are_told(serve: Serve) -> None:
    site = serve()
    site.replies |= {"/a": (302, {"Location": "/b"}, b""), "/b": (301, {"Location": "/c"}, b""), "/c": "<h1>C</h1>"}
    visits, _ = visit_all(NetworkPolicy(site.url), [f"{site.url}/a"])
    assert (visits[0].url, visits[0].redirects) == (f"{site.url}/c", (f"{site.url}/a", f"{site.url}/b"))


@pytest.mark.browser
def test_concurrent_visits_learn_once(serve: Serve) -> None:
    site, cdn = serve(), serve()
    cdn.replies["/app.js"] = "document.querySelector('h1').textContent = 'Rendered'"
    site.replies["/"] = f'<h1>Bare</h1><script src="http://localhost:{cdn.port}/app.js"></script>'

    async def work(pool: PagePool) -> None:
        visits = await asyncio.gather(*(pool.visit(f"{site.url}/?{number}") for number in range(4)))
        assert all("Rendered" in visit.html for visit in visits)

    assert in_pool(NetworkPolicy(site.url), work)["browsers"] == 2
