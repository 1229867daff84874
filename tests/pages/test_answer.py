"""Answers that are not a page of the site, told apart by `check_answer`."""

import html as html_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe_scraper.failures import Code, ObservationError
from poe_scraper.pages.answer import check_answer, is_signed_out

PAGE = "<!DOCTYPE html><html><head><title>Grok-4.7 - Poe</title></head><body>Just a moment</body></html>"
CHALLENGE = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>"
HTML = {"content-type": "text/html; charset=utf-8"}
LOGIN = "https://poe.com/login?redirect_url=%2FGrok-4.7"
SIGN_IN = "<html><head><title>Login - Poe</title></head><body><h1>Sign in</h1><form><input></form></body></html>"


def bot_check(title: str = "poe.com", body: str = "", head: str = "") -> str:
    """A page of Cloudflare's."""
    return f"<!DOCTYPE html><html><head><title>{title}</title>{head}</head><body>{body}</body></html>"


CHECKS = {
    "title": CHALLENGE,
    "text": bot_check(body="<div class='main'><h2>Performing security\n verification</h2></div>"),
    "older text": bot_check(body="<h1><span>Checking your browser</span> before accessing poe.com.</h1>"),
    "markup": bot_check(head="<script>window._cf_chl_opt = {cvId: '3'};</script>"),
    "script": bot_check(head='<script src="/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1?ray=1"></script>'),
    "no script": bot_check(body="<noscript>Enable JavaScript and cookies to continue</noscript>"),
    "denied": bot_check("Attention Required! | Cloudflare", "<h1>Sorry, you have been blocked</h1>"),
    "denied, other title": bot_check(body="<h1 data-translate='x'>Sorry, you have been blocked</h1> You are unable"),
    "error 1020": bot_check("Access denied | poe.com used Cloudflare to restrict access", "<span>Error 1020</span>"),
    "plain text": "error code: 1020",
    "rendered plain text": "<html><head></head><body><pre>error code: 1020</pre></body></html>",
}


def code_of(
    status: int = 200,
    headers: dict[str, str] = HTML,
    url: str = "https://poe.com/Grok-4.7",
    html: str = PAGE,
) -> Code | None:
    try:
        check_answer(status, headers, url, html, site_url="https://poe.com")
    except ObservationError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({}, None),
        ({"headers": {}}, None),
        ({"headers": {"content-type": "application/xhtml+xml"}}, None),
        ({"status": 403, "html": CHALLENGE}, Code.CHALLENGED),
        ({"status": 503, "html": CHALLENGE}, Code.CHALLENGED),
        ({"status": 200, "html": CHALLENGE}, Code.CHALLENGED),
        ({"status": 403, "headers": {**HTML, "cf-mitigated": "challenge"}}, Code.CHALLENGED),
        ({"status": 403}, Code.REFUSED),
        ({"status": 404}, Code.NOT_FOUND),
        ({"status": 410}, Code.NOT_FOUND),
        ({"status": 429}, Code.RATE_LIMITED),
        ({"status": 500}, Code.SERVER_ERROR),
        ({"status": 503}, Code.SERVER_ERROR),
        ({"url": LOGIN}, Code.LOGIN_REQUIRED),
        ({"url": LOGIN, "html": SIGN_IN}, Code.LOGIN_REQUIRED),
        ({"url": LOGIN, "status": 401, "html": SIGN_IN}, Code.LOGIN_REQUIRED),
        ({"url": LOGIN, "status": 403, "html": SIGN_IN}, Code.CHALLENGED),
        ({"url": LOGIN, "headers": {**HTML, "cf-mitigated": "challenge"}}, Code.CHALLENGED),
        ({"url": LOGIN, "status": 429}, Code.RATE_LIMITED),
        ({"url": LOGIN, "status": 502}, Code.SERVER_ERROR),
        ({"status": 522, "html": bot_check("poe.com | 522: Connection timed out")}, Code.SERVER_ERROR),
        ({"url": "https://poe.com.evil.example/Grok-4.7"}, Code.REDIRECTED_AWAY),
        ({"url": "http://poe.com/Grok-4.7"}, Code.REDIRECTED_AWAY),
        ({"url": "https://\u202eexample/"}, Code.REDIRECTED_AWAY),
        ({"headers": {"content-type": "application/octet-stream"}}, Code.NOT_HTML),
    ],
)
def test_codes(answer: dict[str, object], code: Code | None) -> None:
    assert code_of(**answer) == code  # type: ignore[arg-type]


@pytest.mark.parametrize("page", CHECKS.values(), ids=CHECKS)
@pytest.mark.parametrize("status", [200, 403, 429, 503])
@pytest.mark.parametrize("url", ["https://poe.com/Grok-4.7", LOGIN])
def test_bot_checks_wherever_the_redirect_led(page: str, status: int, url: str) -> None:
    assert code_of(status, html=page, url=url) == Code.CHALLENGED


APPLICATIONS = (
    '<script id="__NEXT_DATA__" type="application/json">{{"description": "{0}"}}</script>',
    '<script>self.__next_f.push([1,"{0}"])</script>',
)


@pytest.mark.parametrize("application", APPLICATIONS)
@pytest.mark.parametrize("words", ["Just a moment...", "Performing security verification", "_cf_chl_opt", "Error 1020"])
def test_a_bot_may_be_called_like_a_bot_check(application: str, words: str) -> None:
    body = f"<h1>{words}</h1><p>{words}</p>{application.format(words)}"
    script = '<script src="/cdn-cgi/challenge-platform/scripts/jsd/main.js"></script>'
    assert code_of(html=bot_check(f"{words} - Poe", body, script)) is None
    assert code_of(403, html=bot_check(words, body)) == Code.REFUSED


@given(st.sampled_from([200, 403, 404, 429, 500, 503]), st.text(), st.sampled_from(sorted(CHECKS)), st.integers(0, 400))
def test_any_text_is_classified(status: int, text: str, check: str, cut: int) -> None:
    assert code_of(status, html=text) in {None, *Code}
    page = CHECKS[check]
    code_of(status, html=page[:cut] + text + page[cut:])
    assert code_of(status, html=page + html_module.escape(text).replace("_", "")) == Code.CHALLENGED


def test_a_redirect_to_sign_in_ends_a_session() -> None:
    with pytest.raises(ObservationError) as raised:
        check_answer(200, HTML, "https://poe.com/login", PAGE, site_url="https://poe.com", session=True)
    assert raised.value.code == Code.SESSION_EXPIRED


@pytest.mark.parametrize(
    ("data", "signed_out"),
    [
        ('{"props": {"isLoggedIn": false}}', True),
        ('{"props": {"isLoggedIn": true, "data": {"viewer": null}}}', False),
        ('{"props": {"data": {"mainQuery": {"viewer": null}}}}', True),
        ('{"props": {"data": {"mainQuery": {"viewer": {"uid": 1}}, "other": [{"viewer": null}]}}}', False),
        ('{"props": {"data": {}}}', False),
        ('{"props": {"isLoggedIn": false', False),
        ("[" * 100_000, False),
    ],
)
def test_who_looks_at_a_page(data: str, signed_out: bool) -> None:
    assert is_signed_out(f'<p>x</p><script type="a" id="__NEXT_DATA__">{data}</script><p>y</p>') == signed_out
    assert not is_signed_out(f"<p>{data}</p>")


def test_a_hostile_host_is_shown_inert() -> None:
    with pytest.raises(ObservationError) as raised:
        check_answer(200, HTML, "https://\x1b[31mred\u202e/", PAGE, site_url="https://poe.com")
    assert str(raised.value).isprintable()
