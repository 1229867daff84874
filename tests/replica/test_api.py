import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from poe_scraper.replica import Replica, running

from .conftest import Site

RECORDED = Path(__file__).parents[3] / "shared" / "poe" / "bots.json"


def entries(http: requests.Session, replica: Replica) -> dict[str, Any]:
    answer = http.get(replica.api_url, timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    body = answer.json()
    assert body["object"] == "list"
    return {entry["id"]: entry for entry in body["data"]}


def test_at_least_400_bots_are_listed_and_nine_of_ten_have_a_card(http: requests.Session, replica: Replica) -> None:
    listed = entries(http, replica)
    assert len(listed) >= 400
    cards = {bot["id"]: bot["rate_card"] for bot in replica.catalog()["bots"] if bot["listed"]}
    assert cards.keys() == listed.keys()
    assert sum(bool(card) for card in cards.values()) >= 0.9 * len(cards)


def test_an_entry_has_the_shape_of_the_api(http: requests.Session, replica: Replica) -> None:
    listed = entries(http, replica)
    optional = {"permission", "parent", "supported_features"}
    for entry in listed.values():
        assert entry.keys() | optional == {
            "id",
            "object",
            "created",
            "description",
            "owned_by",
            "permission",
            "root",
            "parent",
            "architecture",
            "supported_features",
            "pricing",
            "context_window",
            "context_length",
            "metadata",
            "reasoning",
            "parameters",
        }
        assert entry["id"] == entry["id"].lower()
        assert entry["object"] == "model"
        assert entry["created"] > 1_000_000_000_000, "Unix milliseconds"
        assert entry["architecture"].keys() == {"input_modalities", "output_modalities", "modality"}
        if entry["pricing"] is not None:
            assert all(value is None or Decimal(value) >= 0 for value in entry["pricing"].values())
        for parameter in entry["parameters"]:
            assert parameter.keys() == {"name", "schema", "default_value", "description"}
    for key in optional:
        assert 40 < sum(key not in entry for entry in listed.values()) < len(listed), f"some entries lack {key}"
    grok = listed["grok-4.7"]
    assert grok["pricing"]["prompt"] == "0.0000020202"
    assert grok["architecture"]["modality"] == "text,image->text"


def test_every_answer_of_the_api_names_its_rate_limit(http: requests.Session, replica: Replica) -> None:
    left = []
    for path in ("/v1/models", "/usage/current_balance", "/v1/models"):
        headers = http.get(replica.url + path, timeout=10).headers
        assert headers["x-ratelimit-limit-requests"] == "500"
        assert 0 < int(headers["x-ratelimit-reset-requests"]) <= 60
        left.append(int(headers["x-ratelimit-remaining-requests"]))
    assert left[0] > left[1] > left[2] or max(left) == 499, "a new minute may have begun"


@pytest.mark.parametrize(("authorization", "status"), [("Bearer ", 401), ("Bearer", 401), ("Bearer k", 200)])
def test_an_empty_key_is_refused(http: requests.Session, replica: Replica, authorization: str, status: int) -> None:
    answer = http.get(replica.api_url, headers={"Authorization": authorization}, timeout=10)
    assert answer.status_code == status


def test_an_unchanged_answer_is_not_sent_twice(http: requests.Session, replica: Replica) -> None:
    tag = http.get(replica.api_url, timeout=10).headers["ETag"]
    again = http.get(replica.api_url, headers={"If-None-Match": tag}, timeout=10)
    assert (again.status_code, again.content) == (304, b"")
    replica.change(set={"grok-4.7": {"owned_by": "Somebody"}})
    changed = http.get(replica.api_url, headers={"If-None-Match": tag}, timeout=10)
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag
    replica.change(set={"grok-4.7": {"owned_by": "XAI"}})
    assert http.get(replica.api_url, headers={"If-None-Match": tag}, timeout=10).status_code == 304


def test_gzip_is_sent_to_those_who_ask(http: requests.Session, replica: Replica) -> None:
    plain = http.get(replica.api_url, headers={"Accept-Encoding": "identity"}, timeout=10)
    packed = http.get(replica.api_url, headers={"Accept-Encoding": "gzip"}, timeout=10, stream=True)
    raw = packed.raw.read(decode_content=False)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(raw) < len(plain.content) / 4
    assert gzip.decompress(raw) == plain.content


@pytest.mark.parametrize("count", [1, 7, 1000])
def test_bots_lists_exactly_as_many(http: requests.Session, count: int) -> None:
    with running(bots=count) as replica:
        listed = entries(http, replica)
        assert len(listed) == count
        bots = [bot for bot in replica.catalog()["bots"] if bot["listed"]]
        assert len({bot["handle"].casefold() for bot in bots}) == count
        for bot in bots[:: max(1, count // 10)]:
            assert http.get(f"{replica.url}/{bot['handle']}", timeout=10).status_code == 200


def test_fabricated_cards_vary_and_are_the_same_at_every_start(http: requests.Session) -> None:
    seen = []
    for _ in range(2):
        with running(bots=900) as replica:
            seen.append(replica.catalog()["bots"])
    assert seen[0] == seen[1]
    assert len({bot["rate_card"] for bot in seen[0] if bot["creator"].startswith("workshop-")}) > 200


@pytest.mark.skipif(not RECORDED.exists(), reason="needs ../shared/poe/bots.json")
def test_recorded_cards_come_byte_for_byte(http: requests.Session) -> None:
    recorded = json.loads(RECORDED.read_text("utf-8"))
    with running(data=RECORDED) as replica:
        site = Site(http, replica)
        listed = entries(http, replica)
        assert listed.keys() == {bot["handle"] for bot in recorded}
        bots = {bot["id"]: bot for bot in replica.catalog()["bots"]}
        exact = 0
        for bot in recorded:
            shown = bots[bot["handle"]]
            assert shown["handle"].lower() == bot["handle"].lower()
            assert listed[bot["handle"]]["description"] == (bot["description"] or "")
            answer = site.query("RateCardModalQuery", {"botId": shown["bot_id"]}).json()
            card = answer["data"]["botById"]["botPricing"]["rateMenuMarkdown"]
            assert card == bot["rate_card"], bot["handle"]
            exact += card is not None
        assert exact == 389


def test_invalid_recorded_data_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bots.json"
    path.write_text('[{"handle": "A"}]')
    with pytest.raises(RuntimeError, match="exit status 2"), running(data=path):
        pass


def test_account_needs_a_key(http: requests.Session, replica: Replica) -> None:
    answer = http.get(f"{replica.url}/usage/current_balance", timeout=10)
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "authentication_error"
    replica.change_account(balance=77)
    answer = http.get(f"{replica.url}/usage/current_balance", headers={"Authorization": "Bearer k"}, timeout=10)
    assert answer.json() == {"current_point_balance": 77}


def usages(http: requests.Session, replica: Replica, **arguments: str) -> requests.Response:
    return http.get(
        f"{replica.url}/usage/points_history",
        params=arguments,
        headers={"Authorization": "Bearer k"},
        timeout=10,
    )


def test_usage_comes_in_pages_newest_first(http: requests.Session, replica: Replica) -> None:
    replica.change_account(usages=250, older_format=False)
    pages: list[Any] = []
    after: dict[str, str] = {}
    while True:
        page = usages(http, replica, limit="100", **after).json()
        assert page["length"] == len(page["data"])
        pages.append(page["data"])
        if not page["has_more"]:
            break
        after = {"starting_after": page["data"][-1]["query_id"]}
    assert [len(page) for page in pages] == [100, 100, 50]
    together = [usage for page in pages for usage in page]
    assert together == replica.account()["history"]
    times = [usage["creation_time"] for usage in together]
    assert times == sorted(times, reverse=True)
    assert times[0] > 1_000_000_000_000_000, "Unix microseconds"
    assert together[0].keys() == {
        "creation_time",
        "bot_name",
        "query_id",
        "usage_type",
        "cost_points",
        "cost_usd",
        "cost_breakdown_in_points",
    }


def test_usage_in_the_older_format(http: requests.Session, replica: Replica) -> None:
    replica.change_account(usages=3, older_format=True)
    usage = usages(http, replica).json()["data"][0]
    assert "bot_name" not in usage
    assert usage["app_name"]
    assert usage["creation_time"] < 10_000_000_000, "Unix seconds"


@pytest.mark.parametrize("arguments", [{"limit": "101"}, {"limit": "0"}, {"limit": "x"}, {"starting_after": "x"}])
def test_wrong_arguments_of_the_history_are_refused(
    http: requests.Session, replica: Replica, arguments: dict[str, str]
) -> None:
    answer = usages(http, replica, **arguments)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
