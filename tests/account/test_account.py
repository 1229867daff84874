"""The account endpoints: cassettes as their contract, and the replica for what takes many requests."""

import gzip
import io
import json
import logging
import stat
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from betamax import Betamax

from poe_scraper import api
from poe_scraper.account import endpoints
from poe_scraper.account.endpoints import FRESH_FOR, MAX_WAIT, Account, Balance, UsageHistory, retrying_session
from poe_scraper.failures import Code, ObservationError, UsageError
from poe_scraper.replica import Replica, running
from tests.dripping import dripping

CASSETTES = Path(__file__).parents[1] / "cassettes"
KEY = "poe-key-that-must-not-be-written"
RECORDED_AT = datetime(2026, 11, 23, 7, 51, 23, 81761, tzinfo=UTC)
MONTH = RECORDED_AT - timedelta(days=30)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test looks into the user's own cache, or uses the user's key."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("POE_API_KEY", raising=False)
    monkeypatch.delenv("POE_API_URL", raising=False)
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def replica() -> Iterator[Replica]:
    with running(bots=3) as replica:
        yield replica


@pytest.fixture
def poe(replica: Replica, monkeypatch: pytest.MonkeyPatch) -> Replica:
    """The replica without faults, where the account is looked for."""
    replica.set_faults()
    replica.change_account(balance=1500, history=[], older_format=False)
    replica.forget_requests()
    monkeypatch.setenv("POE_API_URL", replica.api_url)
    monkeypatch.setenv("POE_API_KEY", KEY)
    return replica


def entry(number: int, **more: Any) -> dict[str, Any]:
    """A usage as the endpoint tells it; the greater the number, the newer."""
    return {
        "creation_time": 1_790_000_000_000_000 + number * 60_000_000,
        "bot_name": "Grok-4.7",
        "query_id": f"q-{number}",
        "usage_type": "API",
        "cost_points": 300,
        "cost_usd": "0.009091",
        "cost_breakdown_in_points": {"Input": 100, "Output": 200},
        **more,
    }


NOW = datetime(2026, 9, 22, tzinfo=UTC)  # 1_790_000_000 is 2026-09-21 14:13:20


# --- the contract ------------------------------------------------------------------------------


def recorded(cassette: str) -> tuple[Account, Betamax]:
    session = requests.Session()
    tape = Betamax(session, cassette_library_dir=str(CASSETTES))
    return Account(KEY, session=session), tape.use_cassette(
        cassette, record="none", match_requests_on=["method", "uri"]
    )


def interactions(cassette: str) -> list[Any]:
    interactions: list[Any] = json.loads((CASSETTES / f"{cassette}.json").read_text())["http_interactions"]
    return interactions


def test_balance() -> None:
    account, tape = recorded("account-balance")
    with tape:
        left = account.balance(now=RECORDED_AT)
    assert left == Balance(at=RECORDED_AT, points=Decimal(1500), usd=Decimal("0.045455"))


def test_usage_comes_in_pages() -> None:
    account, tape = recorded("account-usage")
    with tape:
        history = account.usage(MONTH, now=RECORDED_AT)
    assert len(interactions("account-usage")) == 2
    assert len(history.usages) == 130
    assert [usage.at for usage in history.usages] == sorted((usage.at for usage in history.usages), reverse=True)
    newest = history.usages[0]
    assert newest.id == "q-00000130"
    assert MONTH < newest.at < RECORDED_AT
    assert newest.points == sum(points for points in newest.parts.values() if points)
    assert newest.usd == (newest.points / 33_000).quantize(Decimal("0.000001"))


def test_the_older_format_reads_the_same() -> None:
    account, tape = recorded("account-usage-older")
    with tape:
        history = account.usage(MONTH, now=RECORDED_AT)
    (interaction,) = interactions("account-usage-older")
    older = json.loads(interaction["response"]["body"]["string"])["data"]
    assert [usage.bot for usage in history.usages] == [each["app_name"] for each in older]
    assert [usage.at.timestamp() for usage in history.usages] == [each["creation_time"] for each in older]
    assert len(history.usages) == 5


@pytest.mark.parametrize(
    ("cassette", "code", "message"),
    [
        ("account-401", Code.ACCOUNT_REFUSED, "api.poe.com/usage/current_balance refused the key (401). Check POE"),
        ("account-429", Code.RATE_LIMITED, "answered 429, too many requests, and asks to wait 1 s."),
    ],
)
def test_refusals(cassette: str, code: Code, message: str) -> None:
    account, tape = recorded(cassette)
    with tape, pytest.raises(ObservationError) as raised:
        account.balance(now=RECORDED_AT)
    assert raised.value.code == code
    assert message in str(raised.value)
    assert KEY not in f"{raised.value!r} {vars(raised.value)} {account!r}"


def test_cassettes_name_no_other_host_and_no_key() -> None:
    for cassette in CASSETTES.glob("account-*.json"):
        text = cassette.read_text()
        assert KEY not in text
        hosts = {urlsplit(each["request"]["uri"]).netloc for each in interactions(cassette.stem)}
        assert hosts == {"api.poe.com"}


# --- many requests -----------------------------------------------------------------------------


def test_2500_usages(poe: Replica) -> None:
    poe.change_account(usages=2500)
    now = datetime.now(UTC)
    history = api.usage(now=now)
    assert len({usage.id for usage in history.usages}) == 2500
    assert poe.requests()["by_kind"]["account"]["count"] == 25
    expected = sum(each["cost_points"] for each in poe.account()["history"])
    assert sum(usage.points for usage in history.usages) == expected
    week = api.usage(timedelta(days=7), now=now, fresh=True)
    assert 570 < len(week.usages) < 590
    assert week.usages == tuple(usage for usage in history.usages if usage.at >= now - timedelta(days=7))
    assert poe.requests()["by_kind"]["account"]["count"] == 25 + 6


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 200])
def test_page_ends(poe: Replica, count: int) -> None:
    poe.change_account(history=[entry(number) for number in reversed(range(count))])
    history = api.usage(timedelta(days=2), now=NOW)
    assert [usage.id for usage in history.usages] == [f"q-{number}" for number in reversed(range(count))]


def test_a_passing_429_is_waited_out(poe: Replica) -> None:
    poe.set_faults("account_429=1:once")
    assert api.balance().points == 1500
    assert poe.requests()["by_kind"]["account"]["count"] == 2


def test_waiting_is_bounded() -> None:
    adapter = retrying_session().get_adapter("https://api.poe.com")
    retry = adapter.max_retries  # type: ignore[attr-defined]
    assert retry.parse_retry_after("86400") == MAX_WAIT
    assert retry.parse_retry_after("Fri, 31 Dec 2100 23:59:59 GMT") == MAX_WAIT


@pytest.mark.parametrize(
    ("fault", "code"), [("account_500=1", Code.SERVER_ERROR), ("account_401=1", Code.ACCOUNT_REFUSED)]
)
def test_faults(poe: Replica, fault: str, code: Code, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poe_scraper.account.endpoints.RETRIES", 0)
    poe.set_faults(fault)
    with pytest.raises(ObservationError) as raised:
        api.usage()
    assert raised.value.code == code


def test_no_server_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poe_scraper.account.endpoints.RETRIES", 0)
    with running(bots=1) as gone:
        monkeypatch.setenv("POE_API_URL", gone.api_url)
    with pytest.raises(ObservationError) as raised:
        api.balance(api_key=KEY)
    assert raised.value.code == Code.CONNECTION_FAILED


# --- odd answers -------------------------------------------------------------------------------


class Answers(requests.adapters.BaseAdapter):
    """Gives prepared answers, the last one for ever."""

    def __init__(self, *bodies: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__()
        self.bodies = [*bodies]
        self.status = status
        self.headers = headers or {}
        self.asked: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.asked.append(request)
        answer = requests.Response()
        answer.request = request
        answer.status_code = self.status
        answer.headers.update(self.headers)
        answer.raw = io.BytesIO(self.bodies.pop(0) if len(self.bodies) > 1 else self.bodies[0])
        return answer

    def close(self) -> None:
        pass


def answered(adapter: Answers) -> Account:
    session = requests.Session()
    session.mount("https://", adapter)
    return Account(KEY, session=session)


def page(*entries: object, has_more: bool = False) -> bytes:
    return json.dumps({"has_more": has_more, "length": len(entries), "data": entries}).encode()


def history_of(*entries: object) -> UsageHistory:
    return answered(Answers(page(*entries))).usage(NOW - timedelta(days=30), now=NOW)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Just a moment...</html>",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"current_point_balance": "many", "data": {}}',
        b'{"current_point_balance": true, "data": [1, 2]}',
        b'{"current_point_balance": 1e999999, "data": [{"creation_time": 1}]}',
        b'{"current_point_balance": NaN}',
    ],
)
def test_garbage(body: bytes) -> None:
    account = answered(Answers(body))
    for ask in (lambda: account.balance(now=NOW), lambda: account.usage(NOW, now=NOW)):
        with pytest.raises(ObservationError) as raised:
            ask()
        assert raised.value.code == Code.ACCOUNT_GARBLED


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\nx-slow: ", b'HTTP/1.1 200 OK\r\n\r\n{"data": "'])
def test_an_answer_that_comes_byte_by_byte_is_left(begin: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "TOTAL_TIMEOUT", 0.2)
    with dripping(begin) as address:
        monkeypatch.setenv("POE_API_URL", f"{address}/v1/models")
        with pytest.raises(ObservationError, match=r"did not answer in full in 0\.2 s") as raised:
            Account(KEY).balance(now=NOW)
    assert raised.value.code == Code.TIMEOUT


def test_an_answer_that_inflates_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(b'{"current_point_balance": 1, "more": "' + b" " * 50_000_000 + b'"}')
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb)
    with dripping(head + bomb) as address:
        monkeypatch.setenv("POE_API_URL", f"{address}/v1/models")
        with pytest.raises(ObservationError, match="larger than 16 MB"):
            Account(KEY).balance(now=NOW)


def test_a_redirect_is_not_followed() -> None:
    adapter = Answers(b"", status=302, headers={"Location": "https://example.org/"})
    with pytest.raises(ObservationError, match="its status is 302"):
        answered(adapter).balance(now=NOW)
    assert [request.url for request in adapter.asked] == ["https://api.poe.com/usage/current_balance"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"query_id": None},
        {"query_id": ""},
        {"bot_name": 7},
        {"creation_time": "yesterday"},
        {"creation_time": 10**30},
        {"creation_time": None},
        {"cost_points": None},
        {"cost_points": "NaN"},
        {"cost_usd": {}},
        {"usage_type": None},
    ],
)
def test_an_entry_that_cannot_be_read_is_counted(wrong: dict[str, Any]) -> None:
    history = history_of(entry(2), entry(1, **wrong), entry(0))
    assert [usage.id for usage in history.usages] == ["q-2", "q-0"]
    assert history.left_out == 1


@pytest.mark.parametrize(
    ("breakdown", "parts"),
    [
        (None, {}),
        ([], {}),
        ({"Input": "1,200 points", "Output": "1 point"}, {"Input": 1200, "Output": 1}),
        ({"Input": 0.5, "Total": 0.5}, {"Input": Decimal("0.5")}),
        ({"Input": "a few", "Output": True}, {"Input": None, "Output": None}),
    ],
)
def test_breakdowns(breakdown: object, parts: dict[str, Any]) -> None:
    (usage,) = history_of(entry(0, cost_breakdown_in_points=breakdown)).usages
    assert usage.parts == parts


def test_pages_that_repeat_end() -> None:
    adapter = Answers(page(entry(1), entry(0), has_more=True))
    with pytest.raises(ObservationError, match="repeat"):
        answered(adapter).usage(NOW - timedelta(days=30), now=NOW)
    assert len(adapter.asked) == 2


# --- the key -----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [None, "", "  \n"])
def test_no_key(key: str | None) -> None:
    with pytest.raises(UsageError, match="POE_API_KEY"):
        api.balance(api_key=key)


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schl\u00fcssel", "nul\0"])
def test_an_impossible_key_is_not_quoted(key: str) -> None:
    with pytest.raises(UsageError) as raised:
        api.usage(api_key=key)
    assert key not in str(raised.value)


def test_the_key_is_sent_and_never_shown(
    poe: Replica, own_cache: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        poe.change_account(usages=150)
        shown = repr((api.balance(), api.usage()))
    assert "current_balance" in caplog.text  # the HTTP client did log
    out, err = capfd.readouterr()
    kept = "".join(path.name + path.read_text() for path in own_cache.rglob("*") if path.is_file())
    assert kept
    assert KEY not in shown + caplog.text + out + err + kept


def test_a_netrc_entry_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine api.poe.com login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    adapter = Answers(b'{"current_point_balance": 3}')
    answered(adapter).balance(now=NOW)
    assert adapter.asked[0].headers["Authorization"] == f"Bearer {KEY}"


# --- kept answers ------------------------------------------------------------------------------


def test_responses_are_cached_for_five_minutes(poe: Replica, own_cache: Path) -> None:
    assert api.balance(now=NOW).points == 1500
    poe.change_account(balance=7)
    assert api.balance(now=NOW + FRESH_FOR - timedelta(seconds=1)).points == 1500
    assert api.balance(now=NOW - timedelta(seconds=1)).points == 7  # a clock that was set back
    poe.change_account(balance=8)
    assert api.balance(now=NOW, fresh=True).points == 8
    poe.change_account(balance=9)
    assert api.balance(now=NOW + FRESH_FOR).points == 9
    files = [path for path in own_cache.rglob("*") if path.is_file()]
    assert len(files) == 1
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(files[0].parent.stat().st_mode) == 0o700


def test_a_cached_history_is_used_for_shorter_periods_only(poe: Replica) -> None:
    poe.change_account(history=[entry(2), entry(1), entry(0)])
    middle = datetime.fromtimestamp(1_790_000_060, UTC)
    assert len(api.usage(middle, now=NOW).usages) == 2
    assert len(api.usage(middle + timedelta(seconds=1), now=NOW).usages) == 1
    assert poe.requests()["by_kind"]["account"]["count"] == 1
    assert len(api.usage(date(2026, 9, 21), now=NOW).usages) == 3
    assert poe.requests()["by_kind"]["account"]["count"] == 2


def test_each_key_has_its_own_cache(poe: Replica) -> None:
    api.balance(now=NOW)
    poe.change_account(balance=2)
    assert api.balance(api_key="another", now=NOW).points == 2
    assert api.balance(now=NOW).points == 1500


def test_a_broken_file_is_asked_for_again(poe: Replica, own_cache: Path) -> None:
    api.balance(now=NOW)
    (file,) = (path for path in own_cache.rglob("*") if path.is_file())
    file.write_text("{")
    assert api.balance(now=NOW).points == 1500
    assert json.loads(file.read_text())["points"] == "1500"


def test_a_cache_that_cannot_be_written_is_logged(
    poe: Replica, own_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own_cache.write_text("a file where the folder should be")
    assert api.balance(now=NOW).points == 1500
    assert "cannot be cached in" in caplog.text


# --- since -------------------------------------------------------------------------------------


@pytest.mark.parametrize("since", [timedelta(days=-1), date(2027, 1, 1), datetime(2026, 1, 1)])  # noqa: DTZ001
def test_an_invalid_since(since: date | timedelta) -> None:
    with pytest.raises(UsageError):
        api.usage(since, api_key=KEY, now=NOW)


def test_the_addresses_are_derived_from_that_of_the_models_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POE_API_URL", "https://gateway.example/poe/v1/models")
    adapter = Answers(b'{"current_point_balance": 3}')
    answered(adapter).balance(now=NOW)
    assert adapter.asked[0].url == "https://gateway.example/poe/usage/current_balance"
