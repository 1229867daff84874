"""Answers that are no bot page, told apart by `check_answer`."""

import pytest

from poe_scraper.failures import Code, ObservationError
from poe_scraper.pages.answer import check_answer, is_signed_out

PAGE = "<!DOCTYPE html><html><head><title>Grok-4.7 - Poe</title></head><body>Just a moment</body></html>"
CHALLENGE = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>"
HTML = {"content-type": "text/html; charset=utf-8"}


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
        ({"url": "https://poe.com/login?redirect_url=%2FGrok-4.7"}, Code.LOGIN_REQUIRED),
        ({"url": "https://poe.com.evil.example/Grok-4.7"}, Code.REDIRECTED_AWAY),
        ({"url": "http://poe.com/Grok-4.7"}, Code.REDIRECTED_AWAY),
        ({"url": "https://\u202eexample/"}, Code.REDIRECTED_AWAY),
        ({"headers": {"content-type": "application/octet-stream"}}, Code.NOT_HTML),
    ],
)
def test_codes(answer: dict[str, object], code: Code | None) -> None:
    assert code_of(**answer) == code  # type: ignore[arg-type]


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
