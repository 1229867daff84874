"""Every fault does what its row in the table says. Faults of the page's own script are tested in test_browser.py."""

import json
import re
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from poe_scraper.replica import Replica
from poe_scraper.replica.faults import FAULTS, Faults

from .conftest import Site
from .test_browser import PAGE_CHECKS

BOT = "Grok-4.7"
PATIENCE = 0.4
"""Seconds to wait for a response that never comes."""


class Visit:
    """BOT's page, its card, the API and the account, as a client without a browser sees them."""

    def __init__(self, http: requests.Session, replica: Replica, site: Site, next_data: Callable[[str], Any]) -> None:
        self.http = http
        self.replica = replica
        self.site = site
        self.next_data = next_data

    def page(self, **how: Any) -> requests.Response:
        how = {"timeout": 30, "allow_redirects": False, **how}
        return self.http.get(f"{self.replica.url}/{BOT}", **how)

    def bot(self) -> Any:
        return self.next_data(self.page().text)["props"]["pageProps"]["data"]["mainQuery"]["bot"]

    def card_answer(self, **how: Any) -> requests.Response:
        bot_id = next(bot["bot_id"] for bot in self.replica.catalog()["bots"] if bot["handle"] == BOT)
        self.page()
        return self.site.query("RateCardModalQuery", {"botId": bot_id}, **how)

    def card(self) -> str:
        card = self.card_answer().json()["data"]["botById"]["botPricing"]["rateMenuMarkdown"]
        assert isinstance(card, str)
        return card

    def models(self, **how: Any) -> requests.Response:
        return self.http.get(self.replica.api_url, **{"timeout": 60, **how})

    def entries(self) -> list[Any]:
        entries = self.models().json()["data"]
        assert isinstance(entries, list)
        return entries

    def fine_entries(self) -> list[Any]:
        rules = self.replica.faults()["faults"]
        self.replica.set_faults()
        entries = self.entries()
        self.replica.set_faults(*rules)
        return entries

    def balance(self) -> requests.Response:
        address = f"{self.replica.url}/usage/current_balance"
        return self.http.get(address, headers={"Authorization": "Bearer key"}, timeout=10)


Check = Callable[[Visit], None]


def status(
    send: Callable[[Visit], requests.Response], code: int, *, retry_after: str | None = None, holds: str = ""
) -> Check:
    def check(visit: Visit) -> None:
        answer = send(visit)
        assert answer.status_code == code
        assert answer.headers.get("Retry-After") == retry_after
        assert holds in answer.text

    return check


def redirect(to: Callable[[Replica], str]) -> Check:
    def check(visit: Visit) -> None:
        answer = visit.page()
        assert (answer.status_code, answer.headers["Location"]) == (307, to(visit.replica))

    return check


def cut(send: Callable[[Visit], requests.Response]) -> Check:
    def check(visit: Visit) -> None:
        with pytest.raises(requests.exceptions.RequestException, match=r"IncompleteRead|more expected"):
            send(visit)

    return check


def late(send: Callable[[Visit], requests.Response]) -> Check:
    def check(visit: Visit) -> None:
        start = time.monotonic()
        answer = send(visit)
        assert time.monotonic() - start >= 2
        assert answer.status_code == 200

    return check


def never(send: Callable[..., requests.Response]) -> Check:
    def check(visit: Visit) -> None:
        with pytest.raises(requests.exceptions.ReadTimeout):
            send(visit, timeout=PATIENCE)

    return check


def reset(path: str) -> Check:
    def check(visit: Visit) -> None:
        with socket.create_connection(
            (urlsplit(visit.replica.url).hostname, urlsplit(visit.replica.url).port)
        ) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            with pytest.raises(ConnectionResetError):
                client.recv(1)

    return check


def retry_after_a_year(visit: Visit) -> None:
    answer = visit.page()
    assert answer.status_code == 429
    wait = parsedate_to_datetime(answer.headers["Retry-After"]) - datetime.now(UTC)
    assert timedelta(days=364) < wait < timedelta(days=366)


def wrong_clock(visit: Visit) -> None:
    headers = visit.page().headers
    assert parsedate_to_datetime(headers["Date"]) > datetime.now(UTC) + timedelta(days=364)
    assert parsedate_to_datetime(headers["Expires"]) < datetime.now(UTC) - timedelta(days=364)


def slow_bytes(visit: Visit) -> None:
    start = time.monotonic()
    answer = visit.page(stream=True)
    answer.raw.read(1)
    first = time.monotonic() - start
    rest = answer.raw.read()
    assert time.monotonic() - start >= 1.5 > first
    assert rest.endswith(b"</html>")


def endless(visit: Visit) -> None:
    answer = visit.page(stream=True)
    pieces = answer.iter_content(None)
    start = next(pieces)
    assert b"__NEXT_DATA__" in start
    assert b"</body>" not in start
    assert next(pieces) == b"\n"
    answer.close()


def content_type(expected: str) -> Check:
    def check(visit: Visit) -> None:
        answer = visit.page()
        assert answer.headers["Content-Type"].split(";")[0] == expected
        assert "__NEXT_DATA__" in answer.text

    return check


def moved_hydration(visit: Visit) -> None:
    props = visit.next_data(visit.page().text)["props"]["pageProps"]
    assert "data" not in props
    assert BOT in [entity.get("handle") for entity in props["initialState"]["entities"]]


def no_hydration(visit: Visit) -> None:
    text = visit.page().text
    assert "__NEXT_DATA__" not in text
    assert "botId" not in text


def flight_text(html: str) -> str:
    """What the scripts of a page push, joined."""
    pushed = re.findall(r"<script>self\.__next_f\.push\((\[1,.*?\])\)</script>", html)
    return "".join(json.loads(piece)[1] for piece in pushed)


def flight_data(visit: Visit) -> None:
    description = "Costs $2. " + "Straße " * 300
    visit.replica.change(set={"grok-4.7": {"description": description, "powered_by": "$5 a day"}})
    html = visit.page().text
    assert "__NEXT_DATA__" not in html
    text = flight_text(html)
    assert f":T{len(description.encode()):x},{description}" in text, "long texts have a line of their own"
    assert '"poweredBy":"$$5 a day"' in text
    assert re.search(r'"description":"\$[0-9a-f]+"', text)


def object_selection(visit: Visit) -> None:
    bot = visit.bot()
    assert bot.keys() >= {"handle", "creator", "description", "poweredBy", "isDeleted", "isDown"}
    assert not bot.keys() & {"botId", "deletionState"}


def object_nullable(visit: Visit) -> None:
    creator = visit.bot()["creator"]
    assert creator["nullableHandle"] == "xAI"
    assert "handle" not in creator


def object_deleted(visit: Visit) -> None:
    assert visit.bot()["isDeleted"] is True


def profile_streamed(visit: Visit) -> None:
    visit.replica.set_faults("profile_streamed@paperlantern")
    html = visit.http.get(f"{visit.replica.url}/paperlantern", timeout=10).text
    lines = flight_text(html).splitlines()
    counts = [line.count('"deletionState"') for line in lines if '"createdBotsConnection"' in line]
    assert counts == [20, 20, 20, 20, 20, 10]


def profile_no_panel(visit: Visit) -> None:
    visit.replica.set_faults("profile_no_panel@paperlantern")
    html = visit.http.get(f"{visit.replica.url}/paperlantern", timeout=10).text
    user = visit.next_data(html)["props"]["pageProps"]["data"]["mainQuery"]["user"]
    assert len(user["createdBotsConnection"]["edges"]) == user["createdBotCount"] == 110
    assert user["createdBotsConnection"]["pageInfo"]["hasNextPage"] is False


def garbled_hydration(visit: Visit) -> None:
    with pytest.raises(json.JSONDecodeError):
        visit.next_data(visit.page().text)


def empty_hydration(visit: Visit) -> None:
    assert visit.bot() is None


def huge_description(visit: Visit) -> None:
    assert len(visit.bot()["description"]) == 20_000_000


def huge_page(visit: Visit) -> None:
    assert 7_900_000 < len(visit.page().content) < 8_200_000
    assert visit.bot()["handle"] == BOT


def many_attributes(visit: Visit) -> None:
    text = visit.page().text
    assert ' data-a0="" ' in text
    assert ' data-a59999=""' in text


def gzip_bomb(visit: Visit) -> None:
    answer = visit.page(stream=True)
    packed = answer.raw.read(decode_content=False)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(packed) < 300_000
    unpacker = zlib.decompressobj(wbits=31)
    size = 0
    while packed:
        size += len(unpacker.decompress(packed, 1_000_000))
        packed = unpacker.unconsumed_tail
    assert size > 200_000_000


def clearing(visit: Visit) -> None:
    agent = {"User-Agent": "one"}
    check = visit.page(headers=agent)
    assert (check.status_code, check.headers["cf-mitigated"]) == (403, "challenge")
    script = re.search(r'src="([^"]+)" data-answer="([^"]+)"', check.text)
    assert script is not None
    assert "location.reload" in visit.http.get(urljoin(check.url, script[1]), timeout=10).text
    cleared = visit.http.post(urljoin(check.url, script[2]), headers=agent, timeout=10)
    assert cleared.cookies["cf_clearance"]
    assert visit.page(headers=agent).status_code == 200
    assert visit.page(headers={"User-Agent": "two"}).status_code == 403, "a cookie belongs to a browser"
    visit.http.cookies.clear()
    assert visit.page(headers=agent).status_code == 403


def challenge_login(visit: Visit) -> None:
    answer = visit.page(allow_redirects=True)
    assert answer.url == f"{visit.replica.url}/login?redirect_url=%2F{BOT}"
    assert answer.status_code == 403
    assert "<title>Just a moment...</title>" in answer.text
    assert "Performing security verification" in answer.text
    other = visit.http.get(f"{visit.replica.url}/login?redirect_url=%2FKimi-K3", timeout=10)
    assert other.status_code == 200


def card_says(expected: str) -> Check:
    def check(visit: Visit) -> None:
        assert visit.card() == expected

    return check


def other_release(visit: Visit) -> None:
    key = re.compile(r"poeFormKey=function\(\)\{return\"(\w+)\"")
    names = [key.search(html) for html in (visit.page().text, visit.http.get(f"{visit.replica.url}/Kimi-K3").text)]
    assert names[0] is not None
    assert names[1] is not None
    assert names[0][1] != names[1][1]


def hostile_text(visit: Visit) -> None:
    bot = visit.bot()
    for key in ("displayName", "description", "poweredBy"):
        assert "\x1b[31m" in bot[key]
        assert "<script>" in bot[key]
    assert bot["handle"] == BOT
    visit.replica.set_faults("hostile_text@paperlantern")
    html = visit.http.get(f"{visit.replica.url}/paperlantern", timeout=10).text
    user = visit.next_data(html)["props"]["pageProps"]["data"]["mainQuery"]["user"]
    assert "../../etc/passwd" in [edge["node"]["handle"] for edge in user["createdBotsConnection"]["edges"]]


def card_is_null(visit: Visit) -> None:
    assert visit.card_answer().json() == {"data": {"botById": None}}


def card_has_errors(visit: Visit) -> None:
    answer = visit.card_answer().json()
    assert answer["data"] is None
    assert answer["errors"]


def raw_tag(visit: Visit) -> None:
    visit.replica.change(set={"grok-4.7": {"rate_card": "1,334 points ($0.040) / image, $2.02/1M, $0.0000005/KB"}})
    raw = "[usd_milli_cents=4000] / image, [usd_milli_cents=202000]/1M, $0.0000005/KB"
    assert visit.card() == raw


def other_language(visit: Visit) -> None:
    card = visit.card()
    assert "| 输入 |" in card
    assert "Input" not in card


def garbage(visit: Visit) -> None:
    answer = visit.models()
    assert answer.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def not_a_list(visit: Visit) -> None:
    assert not isinstance(visit.models().json()["data"], list)


def empty(visit: Visit) -> None:
    assert visit.entries() == []


def half(visit: Visit) -> None:
    fine = visit.fine_entries()
    assert visit.entries() == fine[::2]


def new_keys(visit: Visit) -> None:
    fine = visit.fine_entries()
    answer = visit.models().json()
    assert answer.keys() - {"object", "data"}
    assert all(entry.keys() > known.keys() for entry, known in zip(answer["data"], fine, strict=True))


def wrong_types(visit: Visit) -> None:
    fine = visit.fine_entries()
    wrong = [n for n, entry in enumerate(visit.entries()) if entry != fine[n]]
    assert wrong == list(range(0, len(fine), 10))


def more_models(*ids: str) -> Check:
    def check(visit: Visit) -> None:
        fine = visit.fine_entries()
        entries = visit.entries()
        assert entries[: len(fine)] == fine
        assert [entry["id"] for entry in entries[len(fine) :]][: len(ids)] == list(ids)

    return check


def features_as_objects(visit: Visit) -> None:
    fine = {entry["id"]: entry for entry in visit.fine_entries()}
    for entry in visit.entries():
        known = fine[entry["id"]]
        assert [feature["name"] for feature in entry["supported_features"]] == known.get("supported_features", [])
        for key, price in (known["pricing"] or {}).items():
            if price is not None:
                assert Decimal(entry["pricing"][key]) == Decimal(price) * Decimal("1.1")


def null_modalities(visit: Visit) -> None:
    assert all(entry["architecture"]["input_modalities"] is None for entry in visit.entries())


def odd_prices(visit: Visit) -> None:
    fine = visit.fine_entries()
    entries = visit.entries()
    assert [entry["pricing"]["prompt"] for entry in entries[:8:2]] == ["-1", "NaN", "", "free"]
    assert entries[1::2] == fine[1::2]


def money_keys(visit: Visit) -> None:
    fine = {entry["id"]: entry["pricing"] for entry in visit.fine_entries()}
    for entry in visit.entries():
        known = fine[entry["id"]]
        if known is not None:
            added = {"input_cache_write_1h", "overrides", "web_search", "video_second", "audio"}
            assert entry["pricing"].keys() - known.keys() == added
            assert known.items() <= entry["pricing"].items()


def nested_pricing(visit: Visit) -> None:
    changed = [
        (known["pricing"], entry["pricing"])
        for known, entry in zip(visit.fine_entries(), visit.entries(), strict=True)
        if known != entry
    ]
    assert len(changed) == 2
    assert all(odd == {"text": fine} for fine, odd in changed)


def created(expected: Callable[[int], int]) -> Check:
    def check(visit: Visit) -> None:
        for known, entry in zip(visit.fine_entries(), visit.entries(), strict=True):
            assert entry["created"] == expected(known["created"])

    return check


def huge_integer(visit: Visit) -> None:
    assert re.search(r'"context_length":1' + "0" * 4999 + ",", visit.models().text)


def api_hostile_text(visit: Visit) -> None:
    assert all("\x1b[31m" in entry["description"] for entry in visit.entries())


def duplicate_ids(visit: Visit) -> None:
    fine = visit.fine_entries()
    entries = visit.entries()
    assert entries[: len(fine)] == fine
    again = {entry["id"] for entry in entries[len(fine) :]}
    assert again == {entry["id"].upper() for entry in fine[::10]}


def huge(visit: Visit) -> None:
    assert len(visit.models().content) > 50_000_000


def prices_x50(visit: Visit) -> None:
    before = {entry["id"]: entry["pricing"] for entry in visit.fine_entries()}
    after = {entry["id"]: entry["pricing"] for entry in visit.entries()}
    assert before["grok-4.7"]["prompt"] == "0.0000020202"
    assert after["grok-4.7"]["prompt"] == "0.0001010100"
    assert after["grok-4.7"]["image"] is None
    assert after["veo-3.1-lite"] is None


def robots_forbid(visit: Visit) -> None:
    assert "Disallow: /\n" in visit.http.get(f"{visit.replica.url}/robots.txt", timeout=10).text


def robots(visit: Visit) -> requests.Response:
    return visit.http.get(f"{visit.replica.url}/robots.txt", timeout=10)


CHECKS: dict[str, Check] = {
    "page_404": status(Visit.page, 404),
    "page_429": status(Visit.page, 429, retry_after="1"),
    "page_429_date": retry_after_a_year,
    "page_500": status(Visit.page, 500),
    "page_502": status(Visit.page, 502),
    "page_503": status(Visit.page, 503),
    "challenge": status(Visit.page, 403, holds="<title>Just a moment...</title>"),
    "challenge_503": status(Visit.page, 503, holds="<title>Just a moment...</title>"),
    "login": redirect(lambda replica: f"/login?redirect_url=%2F{BOT}"),
    "other_host": redirect(lambda replica: f"http://elsewhere.localhost:{urlsplit(replica.url).port}/"),
    "challenge_login": challenge_login,
    "check_clears": clearing,
    "access_denied": status(Visit.page, 403, holds="Sorry, you have been blocked"),
    "sign_in_wall": status(Visit.page, 200, holds="<h1>Sign in</h1>"),
    "error_200": status(Visit.page, 200, holds="<h1>Something went wrong</h1>"),
    "gzip_bomb": gzip_bomb,
    "other_bot": redirect(lambda replica: "/AnimagineXL"),
    "reset": reset(f"/{BOT}"),
    "slow": late(Visit.page),
    "slow_bytes": slow_bytes,
    "silent": never(Visit.page),
    "endless": endless,
    "truncated": cut(Visit.page),
    "wrong_type": content_type("application/octet-stream"),
    "plain_text": content_type("text/plain"),
    "wrong_clock": wrong_clock,
    "no_hydration": no_hydration,
    "moved_hydration": moved_hydration,
    "garbled_hydration": garbled_hydration,
    "empty_hydration": empty_hydration,
    "flight_data": flight_data,
    "object_selection": object_selection,
    "object_nullable": object_nullable,
    "object_deleted": object_deleted,
    "profile_no_panel": profile_no_panel,
    "profile_streamed": profile_streamed,
    "huge_description": huge_description,
    "huge_page": huge_page,
    "many_attributes": many_attributes,
    "hostile_text": hostile_text,
    "gql_500": status(Visit.card_answer, 500),
    "gql_challenge": status(Visit.card_answer, 403, holds="<title>Just a moment...</title>"),
    "gql_errors": card_has_errors,
    "gql_null": card_is_null,
    "gql_truncated": cut(Visit.card_answer),
    "gql_silent": never(Visit.card_answer),
    "gql_slow": late(Visit.card_answer),
    "other_release": other_release,
    "card_empty": card_says(""),
    "card_no_details": card_says("The creator has not provided details."),
    "card_no_details_reworded": card_says("No pricing details were given by this bot's creator."),
    "other_language": other_language,
    "raw_tag": raw_tag,
    "robots_forbid": robots_forbid,
    "robots_500": status(robots, 500),
    "api_401": status(Visit.models, 401, holds="authentication_error"),
    "api_401_key": status(Visit.models, 401, holds="invalid_api_key"),
    "api_403": status(Visit.models, 403, holds="<title>Just a moment...</title>"),
    "api_429": status(Visit.models, 429, retry_after="1", holds="rate_limit_error"),
    "api_500": status(Visit.models, 500),
    "api_502": status(Visit.models, 502),
    "api_503": status(Visit.models, 503),
    "api_reset": reset("/v1/models"),
    "api_slow": late(Visit.models),
    "api_silent": never(Visit.models),
    "api_truncated": cut(Visit.models),
    "api_garbage": garbage,
    "api_not_a_list": not_a_list,
    "api_empty": empty,
    "api_half": half,
    "api_new_keys": new_keys,
    "api_wrong_types": wrong_types,
    "api_features_objects": features_as_objects,
    "api_null_modalities": null_modalities,
    "api_odd_prices": odd_prices,
    "api_money_keys": money_keys,
    "api_nested_pricing": nested_pricing,
    "api_created_seconds": created(lambda milliseconds: milliseconds // 1000),
    "api_created_zero": created(lambda _: 0),
    "api_bad_ids": more_models("../../etc/passwd", "a/b", "", " "),
    "api_odd_ids": more_models("openai/gpt-5", "gpt-5:free", "C++-Helper", "My Bot"),
    "api_huge_integer": huge_integer,
    "api_hostile_text": api_hostile_text,
    "api_duplicate_ids": duplicate_ids,
    "api_huge": huge,
    "api_prices_x50": prices_x50,
    "account_401": status(Visit.balance, 401, holds="authentication_error"),
    "account_402": status(Visit.balance, 402),
    "account_429": status(Visit.balance, 429, retry_after="1"),
    "account_500": status(Visit.balance, 500),
}


def test_every_fault_is_checked() -> None:
    assert CHECKS.keys() | PAGE_CHECKS.keys() == FAULTS.keys()


@pytest.fixture
def visit(replica: Replica, site: Site, next_data: Callable[[str], Any]) -> Iterator[Visit]:
    known = next(bot for bot in replica.catalog()["bots"] if bot["handle"] == BOT)
    with requests.Session() as session:
        session.trust_env = False
        yield Visit(session, replica, site, next_data)
    replica.change(set={"grok-4.7": {key: known[key] for key in ("rate_card", "description", "powered_by")}})


@pytest.mark.parametrize("name", CHECKS)
def test_a_fault_does_what_it_says(visit: Visit, name: str) -> None:
    page_fault = FAULTS[name].target == "page"
    visit.replica.set_faults(f"{name}@{BOT}" if page_fault else f"{name}=1")
    CHECKS[name](visit)
    assert list(visit.replica.faults()["hits"]) == [name]
    if page_fault:
        others = visit.http.get(f"{visit.replica.url}/Kimi-K3", timeout=10)
        assert others.status_code == 200, "only the bot that the rule names meets the fault"
    visit.replica.set_faults()
    assert visit.page().status_code == 200
    assert visit.models().status_code == 200
    assert "| Input |" in visit.card() or name == "raw_tag"


@pytest.mark.parametrize("name", ["gql_errors", "gql_null", "gql_500"])
def test_faults_of_the_card_concern_the_next_page_of_a_profile(visit: Visit, name: str) -> None:
    visit.replica.set_faults(f"{name}@paperlantern")
    visit.http.get(f"{visit.replica.url}/paperlantern", timeout=10)
    answer = visit.site.query("ProfileCreatedBotsPaginationQuery", {"handle": "paperlantern", "after": "20"})
    assert "createdBotsConnection" not in answer.text


def hits(replica: Replica, http: requests.Session, rounds: int = 1) -> list[list[int]]:
    handles = [bot["handle"] for bot in replica.catalog()["bots"] if bot["listed"]][:200]
    return [[http.get(f"{replica.url}/{handle}", timeout=10).status_code for handle in handles] for _ in range(rounds)]


def test_shares_are_drawn_from_the_seed_and_add_up(replica: Replica, http: requests.Session) -> None:
    replica.set_faults("page_500=0.3", "page_503=0.2", seed=1)
    first = hits(replica, http, 2)
    for statuses in first:
        assert 40 <= statuses.count(500) <= 80
        assert 25 <= statuses.count(503) <= 55
    assert first[0] != first[1], "a second visit is drawn again"
    replica.set_faults("page_500=0.3", "page_503=0.2", seed=1)
    assert hits(replica, http, 2) == first, "the same seed draws the same"
    replica.set_faults("page_500=0.3", "page_503=0.2", seed=2)
    assert hits(replica, http, 2) != first
    counted = replica.faults()["hits"]
    assert sum(counted["page_500"].values()) > 50


def test_with_once_second_visits_meet_no_fault(replica: Replica, http: requests.Session) -> None:
    replica.set_faults("page_500=0.5:once", seed=1)
    first, second = hits(replica, http, 2)
    assert 70 <= first.count(500) <= 130
    assert set(second) == {200}
    replica.set_faults("page_503@Grok-4.7:once")
    assert [http.get(f"{replica.url}/Grok-4.7", timeout=10).status_code for _ in range(2)] == [503, 200]


def test_rules_for_a_handle_come_first(replica: Replica, http: requests.Session) -> None:
    replica.set_faults("page_500=1", "page_404@grok-4.7")
    assert http.get(f"{replica.url}/Grok-4.7", timeout=10).status_code == 404
    assert http.get(f"{replica.url}/Kimi-K3", timeout=10).status_code == 500


def test_a_reset_that_the_browser_repeats_is_not_a_visit(replica: Replica) -> None:
    replica.set_faults("reset@Grok-4.7:once")
    with requests.Session() as session:
        session.trust_env = False
        assert session.get(f"{replica.url}/Kimi-K3", timeout=10).status_code == 200
        for _ in ("used", "fresh"):
            with pytest.raises(requests.exceptions.ConnectionError):
                session.get(f"{replica.url}/Grok-4.7", timeout=10)
        assert session.get(f"{replica.url}/Grok-4.7", timeout=10).status_code == 200


@given(seed=st.integers(), subject=st.text(), share=st.floats(0, 1), attempts=st.integers(1, 5))
def test_draws_depend_on_seed_subject_and_attempt_alone(seed: int, subject: str, share: float, attempts: int) -> None:
    rule = f"slow={share:f}"
    alone = Faults([rule], seed)
    busy = Faults([rule], seed)
    for _ in range(attempts):
        busy.draw("page", subject + "x")
        busy.draw("models", subject)
        assert alone.draw("page", subject) == busy.draw("page", subject)


def test_faults_of_profiles_are_drawn_for_creators_only(replica: Replica, http: requests.Session) -> None:
    replica.set_faults("profile_no_panel=1")
    for handle in ("Grok-4.7", "paperlantern"):
        http.get(f"{replica.url}/{handle}", timeout=10)
    assert replica.faults()["hits"] == {"profile_no_panel": {"paperlantern": 1}}


def test_requests_with_too_many_cookies_are_refused(replica: Replica, http: requests.Session) -> None:
    cookies = "; ".join(f"filler-{number}={'x' * 4000}" for number in range(100))
    for path, sent, status in (("/Kimi-K3", cookies, 431), ("/v1/models", cookies, 431), ("/Kimi-K3", "a=b", 200)):
        assert http.get(replica.url + path, headers={"Cookie": sent}, timeout=10).status_code == status
