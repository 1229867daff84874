"""The changes of a version at a webhook, whose receiver checks signatures with the specification's own library."""

import json
import logging
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter
from poe_scraper.items import Change, RunError
from poe_scraper.publishing import DeliverySettings, deliver, webhook
from poe_scraper.publishing.record import Record
from poe_scraper.publishing.webhook import MAX_BODY, MAX_MISSED, RETRIES, message
from tests import made_feed
from tests.dripping import dripping
from tests.publishing.conftest import Publish
from tests.publishing.receiver import PATH, SECRET, Receiver

Notify = Callable[..., tuple[RunError, ...]]


@pytest.fixture
def notify(store: FeedStore, receiver: Receiver) -> Notify:
    def notified(version: int, *, new_version: bool = True, **settings: str) -> tuple[RunError, ...]:
        given: dict[str, Any] = {"webhook_url": receiver.url, "webhook_secret": SECRET} | settings
        return deliver(store, version=version, new_version=new_version, settings=DeliverySettings(**given, backoff=0))

    return notified


def lines(store: FeedStore, version: int) -> list[dict[str, Any]]:
    found = map(json.loads, store.change_log.read_text(encoding="utf-8").splitlines())
    return [line for line in found if line["version"] == version]


# --- what is posted ----------------------------------------------------------------------------


def test_a_receiver_gets_exactly_the_changes(store: FeedStore, receiver: Receiver, notify: Notify) -> None:
    assert notify(2) == ()
    (headers, _), (payload,) = receiver.posts[0], receiver.payloads()
    changes = lines(store, 2)
    assert payload == {
        "type": "feed.published",
        "timestamp": "2026-10-27T12:00:00Z",
        "data": {
            "schema_version": "1.1",
            "version": 2,
            "bots": {"added": 1, "gone": 1, "back": 0, "changed": 2},
            "total": len(changes),
            "left_out": 0,
            "changes": changes,
        },
    }
    assert {change["kind"] for change in changes} == {"added", "gone", "changed"}
    assert headers["path"] == PATH
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "feed-2-20261027T120000Z"


def test_a_forged_post_would_be_seen(receiver: Receiver, notify: Notify) -> None:
    notify(2)
    headers, body = receiver.posts[0]
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.replace(b"gpt-test", b"gpt-fake"), headers)


def test_an_unchanged_run_posts_nothing(receiver: Receiver, notify: Notify, publish: Publish) -> None:
    notify(2)
    receiver.posts.clear()
    assert not publish(1).new_version
    assert notify(2, new_version=False) == ()
    assert receiver.posts == []


def test_nothing_of_the_past_is_posted_when_a_webhook_is_new(receiver: Receiver, notify: Notify) -> None:
    assert notify(2, new_version=False) == ()
    assert receiver.posts == []


def test_hostile_text_travels_as_json(store: FeedStore, receiver: Receiver, notify: Notify) -> None:
    at = made_feed.SECOND + timedelta(days=9)
    bots = [
        bot.model_copy(update={"description": made_feed.HOSTILE}) if bot.id == "gpt-test" else bot
        for bot in made_feed.bots(made_feed.SECOND)
    ]
    with FeedWriter(store, "a test") as writer:
        writer.publish(bots, made_feed.run(at), now=at)
    notify(2)
    receiver.posts.clear()
    assert notify(3) == ()
    headers, body = receiver.posts[0]
    assert not re.search(rb"[\x00-\x1f]", body)
    assert not any(set("\r\n\x1b") & set(value) for value in headers.values())
    (payload,) = receiver.payloads()
    assert payload["data"]["changes"][0]["new"] == made_feed.HOSTILE


def test_a_body_is_bounded_and_says_how_much_it_leaves_out() -> None:
    added = {"version": 7, "at": made_feed.FIRST, "kind": "changed", "field": "description"}
    words = "é" * 1000
    changes = [Change.model_validate(added | {"bot": f"bot-{number}", "new": words}) for number in range(1000)]
    message_id, body = message(changes)
    assert message_id == "feed-7-20261020T120000Z"
    data = json.loads(body)["data"]
    assert 0 < MAX_BODY - len(body) < 3000
    assert data["total"] == 1000
    assert data["bots"]["changed"] == 1000
    assert data["left_out"] == 1000 - len(data["changes"]) > 0
    assert [change["bot"] for change in data["changes"]] == [f"bot-{n}" for n in range(len(data["changes"]))]


# --- when it does not arrive -------------------------------------------------------------------


@pytest.mark.parametrize("answer", [(500, {}), (503, {}), (429, {"retry-after": "0"}), (408, {})])
def test_a_post_is_tried_again(receiver: Receiver, notify: Notify, answer: tuple[int, dict[str, str]]) -> None:
    receiver.answers = [answer]
    assert notify(2) == ()
    assert receiver.posts[0][1] == receiver.posts[1][1]
    first, second = receiver.payloads()
    assert first == second


def test_tries_are_bounded_and_the_next_run_posts_what_is_missing(
    store: FeedStore, receiver: Receiver, notify: Notify, publish: Publish
) -> None:
    receiver.answers = [(500, {})] * 100
    (failure,) = notify(2)
    assert (failure.stage, failure.code) == ("delivery", "webhook_failed")
    assert failure.message == f"version 2: {receiver.origin} answered 500"
    assert len(receiver.posts) == RETRIES + 1
    ids = {headers["webhook-id"] for headers, _ in receiver.posts}
    receiver.answers, receiver.posts = [], []
    publish(2)
    assert notify(3) == ()
    assert {receiver.posts[0][0]["webhook-id"]} == ids
    first, second = receiver.payloads()
    assert first["data"]["changes"] == lines(store, 2)
    assert second["data"]["changes"] == lines(store, 3)
    assert notify(3, new_version=False) == ()
    assert receiver.posts == []


def test_an_unchanged_run_posts_what_is_missing(receiver: Receiver, notify: Notify) -> None:
    receiver.answers = [(500, {})] * (RETRIES + 1)
    assert len(notify(2)) == 1
    receiver.posts.clear()
    assert notify(2, new_version=False) == ()
    assert [payload["data"]["version"] for payload in receiver.payloads()] == [2]


def test_versions_of_a_run_that_died_before_it_posted_are_posted(
    receiver: Receiver, notify: Notify, publish: Publish
) -> None:
    notify(2)
    publish(2)
    publish(4)
    receiver.posts.clear()
    assert notify(4) == ()
    assert [payload["data"]["version"] for payload in receiver.payloads()] == [3, 4]


def test_a_refused_version_does_not_block_the_next(receiver: Receiver, notify: Notify, publish: Publish) -> None:
    receiver.answers = [(413, {})]
    (failure,) = notify(2)
    assert failure.message == f"version 2: {receiver.origin} answered 413"
    assert len(receiver.payloads()) == 1
    publish(2)
    receiver.answers = [(413, {})]
    assert [failure.message[:9] for failure in notify(3)] == ["version 2"]
    assert [payload["data"]["version"] for payload in receiver.payloads()] == [2, 3]


def test_a_receiver_that_is_down_gets_one_attempt(receiver: Receiver, notify: Notify, publish: Publish) -> None:
    receiver.answers = [(500, {})] * 100
    notify(2)
    publish(2)
    receiver.posts.clear()
    assert [failure.message[:9] for failure in notify(3)] == ["version 2"]
    assert len(receiver.posts) == RETRIES + 1
    receiver.answers.clear()
    receiver.posts.clear()
    assert notify(3, new_version=False) == ()
    assert [payload["data"]["version"] for payload in receiver.payloads()] == [2, 3]


def test_a_receiver_that_drips_header_bytes_is_left(notify: Notify, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "TOTAL_TIMEOUT", 0.2)
    with dripping(b"HTTP/1.1 204 No Content\r\nx-slow: ") as address:
        [failure] = notify(2, webhook_url=f"{address}{PATH}")
    assert failure.message == f"version 2: {address}: no response in 0.2 s"


def test_a_version_that_changed_no_bot_is_not_posted(store: FeedStore, receiver: Receiver, notify: Notify) -> None:
    first = [line for line in store.change_log.read_bytes().splitlines(keepends=True) if b'"version":1,' in line]
    store.change_log.write_bytes(b"".join(first))
    assert notify(2) == ()
    assert receiver.posts == []
    assert Record.load(store.folder).webhook_missed == []


def test_only_the_newest_versions_are_kept_for_later(
    store: FeedStore, receiver: Receiver, notify: Notify, publish: Publish
) -> None:
    notify(2)
    newest = 2
    for days in range(2, 2 * MAX_MISSED + 6, 2):
        newest = publish(days).version
    receiver.posts.clear()
    (failure,) = notify(newest)
    assert failure.message == f"versions 3 to {newest - MAX_MISSED} are given up: too many versions are waiting"
    expected = list(range(newest - MAX_MISSED + 1, newest + 1))
    assert [payload["data"]["version"] for payload in receiver.payloads()] == expected


def test_a_redirect_is_not_followed(receiver: Receiver, notify: Notify) -> None:
    receiver.answers = [(307, {"location": f"{receiver.origin}/elsewhere"})]
    (failure,) = notify(2)
    assert failure.message == f"version 2: {receiver.origin} answered 307; redirects are not followed"
    assert [headers["path"] for headers, _ in receiver.posts] == [PATH]


def test_a_receiver_that_is_not_there_is_named(receiver: Receiver, notify: Notify) -> None:
    receiver.close()
    (failure,) = notify(2)
    assert failure.message == f"version 2: {receiver.origin}: no response (NewConnectionError)"


# --- settings and secrets ----------------------------------------------------------------------


@pytest.mark.parametrize("secret", ["", "hush", "whsec_c2hvcnQ=", "whsec_not base64, not at all, never"])
def test_a_secret_that_is_not_a_key_is_refused(receiver: Receiver, notify: Notify, secret: str) -> None:
    (failure,) = notify(2, webhook_secret=secret)
    assert failure.message.startswith("POE_WEBHOOK_SECRET must be")
    assert not secret or secret not in failure.message
    assert receiver.posts == []


@pytest.mark.parametrize("url", ["hooks.example/T0PSECRET", "ftp://hooks.example/x", "https:///x", "http://h:x/"])
def test_an_invalid_address_is_refused(notify: Notify, url: str) -> None:
    (failure,) = notify(2, webhook_url=url)
    assert failure.message.startswith("POE_WEBHOOK_URL must start")
    assert "T0PSECRET" not in failure.message


def test_secrets_are_never_shown(
    store: FeedStore, receiver: Receiver, notify: Notify, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.answers = [(500, {})] * (RETRIES + 1)
    failures = [*notify(2)]
    receiver.close()
    failures += notify(2, new_version=False)
    assert len(failures) == 2
    output = caplog.text + "".join(path.read_text() for path in store.folder.glob(".*.json"))
    output += " ".join(failure.message for failure in failures)
    assert "T0PSECRET" not in output
    assert SECRET.removeprefix("whsec_") not in output
