"""Copies of the feed in S3, served by moto on loopback."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from poe_scraper.feed.store import FeedStore
from poe_scraper.publishing.record import Record
from tests.publishing.conftest import Publish
from tests.publishing.test_destinations import published, send

URL = "s3://prices/poe"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of a server with an empty bucket `prices`."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server,
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="prices")
    yield client
    for name in objects(client):
        client.delete_object(Bucket="prices", Key=f"poe/{name}")
    client.delete_bucket(Bucket="prices")


def objects(s3: Any) -> dict[str, Any]:
    listed = s3.list_objects_v2(Bucket="prices").get("Contents", ())
    return {item["Key"].removeprefix("poe/"): s3.get_object(Bucket="prices", Key=item["Key"]) for item in listed}


def test_every_file_has_its_type_and_how_long_it_may_be_kept(store: FeedStore, s3: Any) -> None:
    assert send(store, URL) == ()
    found = objects(s3)
    assert {name: item["Body"].read() for name, item in found.items()} == published(store)
    immutable = "public, max-age=31536000, immutable"
    assert {name: (item["ContentType"], item["CacheControl"]) for name, item in found.items()} == {
        "models.json": ("application/json", "no-cache"),
        "models.json.gz": ("application/gzip", "no-cache"),
        "slim.json": ("application/json", "no-cache"),
        "version.json": ("application/json", "no-cache"),
        "models.schema.json": ("application/schema+json", "no-cache"),
        "changes.jsonl": ("application/jsonl", "no-cache"),
        "changes.atom": ("application/atom+xml", "no-cache"),
        "versions/000001.json.gz": ("application/gzip", immutable),
        "versions/000002.json.gz": ("application/gzip", immutable),
    }
    assert not any(item.get("ContentEncoding") for item in found.values()), "what arrives is what the name says"


@pytest.mark.parametrize("name", ["models.json", "changes.jsonl", "versions/000001.json.gz"])
def test_a_file_that_somebody_else_wrote_there_is_sent_again_whatever_its_size(
    store: FeedStore, s3: Any, name: str
) -> None:
    assert send(store, URL) == ()
    content = (store.folder / name).read_bytes()
    s3.put_object(Bucket="prices", Key=f"poe/{name}", Body=content[::-1])
    assert send(store, URL) == ()
    assert objects(s3)[name]["Body"].read() == content


def test_another_feeds_version_of_the_same_size_is_replaced(store: FeedStore, s3: Any) -> None:
    content = store.version_file(1).read_bytes()
    s3.put_object(Bucket="prices", Key="poe/versions/000001.json.gz", Body=content[::-1])
    assert send(store, URL) == ()
    assert objects(s3)["versions/000001.json.gz"]["Body"].read() == content


def test_only_what_changed_is_sent(
    store: FeedStore, s3: Any, publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert send(store, URL) == ()
    assert send(store, URL) == ()
    publish(2)
    assert send(store, URL) == ()
    assert [record.message for record in caplog.records if "files sent" in record.message] == [
        f"{URL}: {count} files sent" for count in (9, 0, 7)
    ]
    found = objects(s3)
    assert json.loads(found["models.json"]["Body"].read())["version"] == 3
    assert json.loads(gzip.decompress(found["versions/000003.json.gz"]["Body"].read()))["version"] == 3


def test_versions_that_are_no_longer_kept_are_forgotten(store: FeedStore, s3: Any) -> None:
    assert send(store, URL) == ()
    store.version_file(1).unlink()
    assert send(store, URL) == ()
    assert "versions/000001.json.gz" not in Record.load(store.folder).sent[URL]
    assert "versions/000001.json.gz" in objects(s3)
