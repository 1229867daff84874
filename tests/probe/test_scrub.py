"""What a recording must not hold: secrets and personal data, wherever they are and however they are escaped."""

import json
from html import escape
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe_scraper.probe.scrub import Scrubber, clean_scripts, kept_headers

SECRET = 'zQ9+k/3v"Lé=7'  # every escape changes it
TOKEN = "a1b2c3d4e5f6a7b8c9d0"


def scrubbed(html: str, **headers: str) -> str:
    scrubber = Scrubber("GPT-5")
    scrubber.learn_headers({name.replace("_", "-"): value for name, value in headers.items()})
    scrubber.learn_html(html)
    return scrubber.clean_html(html)


@pytest.mark.parametrize(
    "html",
    [
        '<meta name="csrf-token" content="{}">',
        '<input type="hidden" name="formkey" value="{}">',
        '<body data-session-id="{}"></body>',
        '<script id="__NEXT_DATA__" type="application/json">{{"props": {{"formkey": "{}"}}}}</script>',
        '<script type="application/json">{{"deviceId": {{"value": "{}"}}}}</script>',
        '<script>window.__ENV = {{csrfToken: "{}"}}</script>',
        '<script>const form_key = "{}";</script>',
        '<script>self.__next_f.push([1,"5:{{\\"formkey\\":\\"{}\\"}}\\n"])</script>',
        '<a href="/share?token={}&amp;x=1">link</a>',
        '<img src="https://cdn.example/p.png?X-Amz-Signature={}">',
        "<p>Authorization: Bearer {}</p>",
        '<script type="application/json">{{"state": "{{\\"accessToken\\": \\"{}\\"}}"}}</script>',
    ],
)
def test_a_secret_goes_by_its_name(html: str) -> None:
    document = f"<html><body><h1>GPT-5</h1>{html.format(TOKEN)}</body></html>"
    clean = scrubbed(document)
    assert TOKEN not in clean
    assert clean == document.replace(TOKEN, "x" * len(TOKEN))


@pytest.mark.parametrize(
    "text",
    [
        "jane.doe@example.com",
        "jane%40example.com",
        "8f14e45f-ceea-467f-a4d2-93c0a5d5d0a1",
        "203.0.114.77",
        "2606:4700:4700::1111",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "sk-proj-AbCdEf0123456789AbCd",
    ],
)
def test_a_secret_goes_by_its_form(text: str) -> None:
    assert scrubbed(f"<p>before {text} after</p>") == f"<p>before {'x' * len(text)} after</p>"


def test_a_ray_id_goes() -> None:
    clean = scrubbed("<p>Cloudflare Ray ID: <strong>8f3a1b2c4d5e6f70</strong></p>")
    assert clean == "<p>Cloudflare Ray ID: <strong>xxxxxxxxxxxxxxxx</strong></p>"


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:8000 and [::1] and 10:30:45",
        "a::before { color: red } version 1.2.3.4.5",
        '<img src="logo@2x.png"> 160 per 1,000 tokens, "max_tokens": "8192", "input_tokens": "1000000"',
        '{"buildId": "Xk2PqsdfR", "botId": 1017, "handle": "GPT-5", "extensions": {"hash": "aabbccdd"}}',
        "| Input | 75 points/1k tokens | $2.02/1M tokens |",
    ],
)
def test_what_is_neither_secret_nor_personal_stays(text: str) -> None:
    assert scrubbed(text) == text


@pytest.mark.parametrize(
    "write",
    [
        str,
        escape,
        lambda text: quote(text, safe=""),
        lambda text: json.dumps({"text": text}),
        lambda text: json.dumps({"text": text}, ensure_ascii=False),
        lambda text: json.dumps({"text": json.dumps({"text": text})}),
        lambda text: json.dumps({"text": text}).replace("/", "\\/"),
    ],
)
def test_a_secret_of_one_place_goes_everywhere(write: Any) -> None:
    scrubber = Scrubber()
    scrubber.learn_headers({"poe-formkey": SECRET})
    text = write(f"before {SECRET} after")
    assert scrubber.leaks(text)
    clean = scrubber.clean(text)
    assert not scrubber.leaks(clean)
    assert "zQ9" not in clean
    assert "before" in clean
    assert "after" in clean


@given(secret=st.text(min_size=6, max_size=40).filter(lambda text: len(text.strip()) >= 6))
def test_no_secret_survives(secret: str) -> None:
    scrubber = Scrubber()
    scrubber.learn(secret)
    body = json.dumps({"card": f"| Input | {secret} |", "nested": json.dumps([secret])})
    clean = scrubber.clean(body)
    assert secret not in str(json.loads(clean)["card"]) or set(secret) <= set("x")
    assert not scrubber.leaks(clean) or set(secret) <= set("x")


def test_the_length_in_bytes_stays() -> None:
    text = f"1a:T{len(SECRET.encode()):x},{SECRET}"
    scrubber = Scrubber()
    scrubber.learn(SECRET)
    clean = scrubber.clean(text)
    assert len(clean.encode()) == len(text.encode())
    assert len(clean) == len(text)


def test_a_secret_that_two_chunks_share() -> None:
    row = json.dumps({"formkey": TOKEN})
    first, second = f"5:{row[:20]}", f"{row[20:]}\n"
    chunks = "".join(f"<script>self.__next_f.push({json.dumps([1, text])})</script>" for text in (first, second))
    clean = scrubbed(f"<html><body>{chunks}</body></html>")
    assert TOKEN[:8] not in clean
    assert TOKEN[-8:] not in clean


def test_the_visitor_goes_and_the_bot_stays() -> None:
    data = {
        "viewer": {
            "handle": "janedoe77",
            "fullName": "Jane Doe",
            "uid": 123456789,
            "primaryEmail": "jane@example.com",
            "profilePhotoUrl": "https://cdn.example/u/jane-9.png",
            "isAdult": True,
        },
        "bot": {"handle": "GPT-5", "displayName": "GPT-5", "creator": {"handle": "openai", "fullName": "OpenAI"}},
    }
    script = f'<script id="__NEXT_DATA__" type="application/json">{json.dumps(data)}</script>'
    clean = scrubbed(f"<html><body>{script}<nav>Hi Jane! @janedoe77</nav><p>Janes of 123456789</p></body></html>")
    for text in ("Jane ", "Doe", "janedoe77", "123456789", "jane@example.com", "jane-9"):
        assert text not in clean
    assert "Janes of" in clean  # a longer word
    cleaned = json.loads(clean.partition('json">')[2].partition("</script>")[0])
    assert cleaned["bot"] == data["bot"]
    assert cleaned["viewer"]["isAdult"] is True


def test_the_visitor_is_the_creator_of_the_bot() -> None:
    scrubber = Scrubber("Claude-Opus-4.7")
    scrubber.learn_json({"viewer": {"fullName": "Claude"}})
    assert scrubber.clean("Claude-Opus-4.7") == "Claude-Opus-4.7"


def test_cookies() -> None:
    scrubber = Scrubber()
    scrubber.learn_cookies(
        [
            {"name": "p-b", "value": "Zx81%3D%3D"},
            {"name": "consent", "value": "accepted"},
            {"name": "theme", "value": "d"},
            {"name": "p-lat", "value": "lowercase"},
        ]
    )
    text = "Zx81%3D%3D and Zx81== are accepted; lowercase is d"
    assert scrubber.clean(text) == "xxxxxxxxxx and xxxxxx are accepted; xxxxxxxxx is d"


def test_a_set_cookie_header() -> None:
    header = "cf_clearance=AbC123xyz; Path=/; Domain=poe.com; Expires=Wed, 21 Oct 2026 07:28:00 GMT; SameSite=None"
    scrubber = Scrubber()
    scrubber.learn_headers({"Set-Cookie": header})
    assert scrubber.found == ("AbC123xyz",)


def test_headers_that_are_kept() -> None:
    headers = {
        "Content-Type": "text/html",
        "Set-Cookie": "p-b=1",
        "poe-formkey": "f",
        "CF-RAY": "8f3a",
        "x-unknown": "1",
        "Location": "/login?redirect_url=%2FGPT-5#token=1",
        "x-ratelimit-remaining-requests": "499",
    }
    assert kept_headers(headers) == {
        "content-type": "text/html",
        "location": "/login",
        "x-ratelimit-remaining-requests": "499",
    }


def test_programs_are_emptied_and_data_stays() -> None:
    html = (
        '<script>var k = compute("f" + 1)</script><SCRIPT async src="/a.js"></SCRIPT>'
        '<script id="__NEXT_DATA__" type="application/json">{"a": 1}</script>'
        '<script>self.__next_f.push([1,"a"])</script><script type=module>import "x"</script>'
    )
    assert clean_scripts(html) == (
        '<script></script><SCRIPT async src="/a.js"></SCRIPT>'
        '<script id="__NEXT_DATA__" type="application/json">{"a": 1}</script>'
        '<script>self.__next_f.push([1,"a"])</script><script type=module></script>'
    )


def test_a_bot_check_is_still_one() -> None:
    html = '<script>window._cf_chl_opt={cRay:"8f3a1b2c4d5e6f70"};window._cf_chl_opt.a=1</script>'
    assert clean_scripts(html) == "<script>/* _cf_chl_opt */</script>"
