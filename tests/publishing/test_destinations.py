"""Copies of the feed in folders, on an FTP and an SFTP server, and in fsspec's memory."""

import asyncio
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import asyncssh
import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

from poe_scraper.cli.exits import ExitCode, crawl_exit_code
from poe_scraper.feed.store import FeedStore
from poe_scraper.items import Feed, RunError, RunReport
from poe_scraper.publishing import DeliverySettings, deliver
from poe_scraper.publishing.destinations import TRIES, public_name
from tests.made_feed import SECOND
from tests.publishing.conftest import Publish

SMALL = ["slim.json", "models.json.gz", "version.json"]
FILES = ["changes.jsonl", "changes.atom", "models.schema.json", "models.json", *SMALL]
VERSIONS = ["versions/000001.json.gz", "versions/000002.json.gz"]


def send(store: FeedStore, *urls: str, timeout: float = 60) -> tuple[RunError, ...]:
    settings = DeliverySettings(publish_to=urls, backoff=0, timeout=timeout)
    return deliver(store, version=2, new_version=True, settings=settings)


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def published(store: FeedStore) -> dict[str, bytes]:
    return {name: data for name, data in content(store.folder).items() if name in FILES or name.startswith("versions/")}


class Fragile:
    """fsspec's memory, and a hand that can pull the plug."""

    def __init__(self) -> None:
        self.files = MemoryFileSystem()
        self.errors: dict[str, list[BaseException]] = {}
        self.puts: list[str] = []

    def before_put(self, path: str) -> None:
        name = Path(path).name
        self.puts.append(name)
        if waiting := self.errors.get(name):
            raise waiting.pop(0)


@pytest.fixture
def fragile(monkeypatch: pytest.MonkeyPatch) -> Fragile:
    monkeypatch.setattr(MemoryFileSystem, "store", {})
    monkeypatch.setattr(MemoryFileSystem, "pseudo_dirs", [""])
    place, put_file = Fragile(), MemoryFileSystem.put_file

    def put(self: MemoryFileSystem, lpath: str, rpath: str, **kwargs: Any) -> None:
        place.before_put(rpath)
        put_file(self, lpath, rpath, **kwargs)

    monkeypatch.setattr(MemoryFileSystem, "put_file", put)
    return place


class NoBackendsError(Exception):
    """What a backend raises that nobody foresaw."""


# --- a folder ----------------------------------------------------------------------------------


def test_a_folder_gets_the_feed_byte_for_byte(store: FeedStore, tmp_path: Path) -> None:
    mirror = tmp_path / "www" / "prices"
    assert send(store, str(mirror)) == ()
    assert content(mirror) == published(store)
    assert [*published(store)] != []


def test_what_is_there_is_not_sent_again(store: FeedStore, tmp_path: Path, publish: Publish) -> None:
    mirror = tmp_path / "mirror"
    send(store, mirror.as_uri())
    before = {path: path.stat().st_ino for path in mirror.rglob("*.*")}
    assert send(store, mirror.as_uri()) == ()
    assert {path: path.stat().st_ino for path in mirror.rglob("*.*")} == before
    assert not publish(1).new_version
    assert send(store, mirror.as_uri()) == ()
    changed = {path.name for path in mirror.rglob("*.*") if before.get(path) != path.stat().st_ino}
    assert changed == {"models.json", *SMALL}
    assert content(mirror) == published(store)


def test_a_file_that_was_lost_or_cut_short_there_is_sent_again(store: FeedStore, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    send(store, str(mirror))
    (mirror / "versions" / "000001.json.gz").write_bytes(b"")
    (mirror / "changes.atom").unlink()
    assert send(store, str(mirror)) == ()
    assert content(mirror) == published(store)


def test_a_changed_file_of_the_same_size_is_sent(store: FeedStore, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    send(store, str(mirror))
    store.atom.write_bytes(store.atom.read_bytes().replace(b"Poe's", b"POE'S"))
    assert send(store, str(mirror)) == ()
    assert content(mirror) == published(store)


def test_a_folder_that_missed_versions_catches_up(store: FeedStore, tmp_path: Path, publish: Publish) -> None:
    mirror = tmp_path / "mirror"
    mirror.write_text("in the way", encoding="utf-8")
    (failure,) = send(store, str(mirror))
    assert failure.code == "delivery_failed"
    assert failure.message.startswith(f"{mirror}: ")
    publish(2)
    mirror.unlink()
    assert not publish(3).new_version
    assert send(store, str(mirror)) == ()
    assert content(mirror) == published(store)
    assert "versions/000003.json.gz" in content(mirror)


def test_without_the_record_files_are_sent_again(store: FeedStore, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    send(store, str(mirror))
    (store.folder / ".delivered.json").write_text("{broken", encoding="utf-8")
    assert send(store, str(mirror)) == ()
    assert content(mirror) == published(store)


# --- servers -----------------------------------------------------------------------------------


class FtpServer:
    """A real FTP server on loopback, and the commands that it was given."""

    def __init__(self, folder: Path) -> None:
        commands: list[tuple[str, str]] = []
        logins: list[str] = []

        class Users(DummyAuthorizer):  # type: ignore[misc]
            def validate_authentication(self, username: str, password: str, handler: FTPHandler) -> None:
                logins.append(password)
                super().validate_authentication(username, password, handler)

        users = Users()
        users.add_user("joe", "s3cret!", str(folder), perm="elradfmwMT")

        class Handler(FTPHandler):  # type: ignore[misc]
            authorizer = users
            auth_failed_timeout = 0
            use_sendfile = False

            def log_cmd(self, cmd: str, arg: str, respcode: int, respstr: str) -> None:
                commands.append((cmd, arg.removeprefix(f"{folder}/")))

        self.commands, self.logins = commands, logins
        self.server = FTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.address[1]}"
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while not self._ending.is_set():
            self.server.serve_forever(timeout=0.05, blocking=False, handle_exit=False)

    def appeared(self) -> list[str]:
        """Names of the files that were renamed to their place, in order; forgotten then."""
        names = [arg for command, arg in self.commands if command == "RNTO"]
        self.commands.clear()
        return names

    def close(self) -> None:
        self._ending.set()
        self._thread.join()
        self.server.close_all()


@pytest.fixture
def ftp(tmp_path: Path) -> Iterator[FtpServer]:
    folder = tmp_path / "ftp"
    folder.mkdir()
    server = FtpServer(folder)
    yield server
    server.close()


def test_an_ftp_server_gets_versions_first_and_what_is_polled_last(
    store: FeedStore, tmp_path: Path, ftp: FtpServer, publish: Publish
) -> None:
    url = f"ftp://joe:s3cret!@{ftp.address}/www/prices"
    folder = tmp_path / "ftp" / "www" / "prices"
    assert send(store, url) == ()
    assert ftp.appeared() == [f"www/prices/{name}" for name in VERSIONS + FILES]
    assert content(folder) == published(store)
    publish(2)
    assert send(store, url) == ()
    expected = ["versions/000003.json.gz", "changes.jsonl", "changes.atom", "models.json", *SMALL]
    assert ftp.appeared() == [f"www/prices/{name}" for name in expected]
    assert content(folder) == published(store)


def test_a_wrong_password_is_tried_once(store: FeedStore, ftp: FtpServer) -> None:
    (failure,) = send(store, f"ftp://joe:guess@{ftp.address}/www")
    assert failure.message == f"ftp://{ftp.address}/www: error_perm: 530 Authentication failed."
    assert ftp.logins == ["guess"]


@pytest.fixture
def sftp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """Address and line in `known_hosts` of a real SFTP server on loopback; the user's home is an empty folder."""
    home, root = tmp_path / "home", tmp_path / "sftp"
    (home / ".ssh").mkdir(parents=True)
    root.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    key = asyncssh.generate_private_key("ssh-ed25519")

    class Server(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == ("joe", "s3cret!")

    started: Future[tuple[int, asyncio.AbstractEventLoop]] = Future()
    ending = asyncio.Event()

    async def serve() -> None:
        server = await asyncssh.create_server(
            Server,
            "127.0.0.1",
            0,
            server_host_keys=[key],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(root).encode()),
        )
        started.set_result((server.get_port(), asyncio.get_running_loop()))
        await ending.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))  # what still runs in it then is cancelled
    thread.start()
    port, loop = started.result(timeout=30)
    yield f"127.0.0.1:{port}", f"[127.0.0.1]:{port} {key.export_public_key().decode()}"
    loop.call_soon_threadsafe(ending.set)
    thread.join()


def test_an_sftp_server_gets_the_feed_where_its_key_is_known(
    store: FeedStore, tmp_path: Path, sftp: tuple[str, str]
) -> None:
    address, known_host = sftp
    url = f"sftp://joe:s3cret!@{address}/prices"
    (failure,) = send(store, url)
    assert "Host key is not trusted" in failure.message
    assert content(tmp_path / "sftp") == {}
    (tmp_path / "home" / ".ssh" / "known_hosts").write_text(known_host, encoding="utf-8")
    assert send(store, url) == ()
    assert content(tmp_path / "sftp" / "prices") == published(store)
    assert send(store, url) == ()


# --- failures ----------------------------------------------------------------------------------


def test_a_destination_that_dies_midway_keeps_its_old_feed(
    store: FeedStore, tmp_path: Path, publish: Publish, fragile: Fragile
) -> None:
    assert send(store, "memory://prices") == ()
    old = fragile.files.cat_file("/prices/models.json")
    publish(2)
    fragile.errors["changes.jsonl"] = [NoBackendsError("gone") for _ in range(TRIES)]
    mirror = tmp_path / "mirror"
    (failure,) = send(store, "memory://prices", str(mirror))
    assert failure.message == "memory://prices: NoBackendsError: gone"
    assert fragile.files.exists("/prices/versions/000003.json.gz")
    assert fragile.files.cat_file("/prices/models.json") == old
    assert Feed.model_validate_json(old).version == 2
    assert content(mirror) == published(store)
    assert send(store, "memory://prices") == ()
    assert fragile.files.cat_file("/prices/models.json") == store.models.read_bytes()


def test_a_retry_continues_where_the_attempt_failed(store: FeedStore, fragile: Fragile) -> None:
    fragile.errors["changes.atom"] = [ConnectionResetError("by peer")]
    assert send(store, "memory://prices") == ()
    names = [Path(name).name for name in VERSIONS + FILES]
    place = names.index("changes.atom")
    assert fragile.puts == names[: place + 1] + names[place:]


def test_tries_are_bounded(store: FeedStore, fragile: Fragile) -> None:
    fragile.errors["000001.json.gz"] = [ConnectionResetError("by peer") for _ in range(100)]
    (failure,) = send(store, "memory://prices")
    assert failure.code == "delivery_failed"
    assert len(fragile.puts) == TRIES


def test_a_destination_that_hangs_does_not_block_others(
    store: FeedStore, tmp_path: Path, fragile: Fragile, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr(fragile, "before_put", lambda _: release.wait())
    try:
        mirror = tmp_path / "mirror"
        (failure,) = send(store, "memory://prices", str(mirror), timeout=1)
        assert failure.message == "memory://prices: TimeoutError: it took too long"
        assert content(mirror) == published(store)
    finally:
        release.set()


def test_a_wrong_address_is_named(store: FeedStore) -> None:
    failures = send(store, "nowhere://prices", "gopher://prices")
    assert [failure.message.partition(": ")[0] for failure in failures] == ["nowhere://prices", "gopher://prices"]


def test_a_missing_package_is_named_with_its_remedy(store: FeedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    (failure,) = send(store, "gs://prices/poe")
    assert failure.message == "gs://prices/poe: a package is missing: pip install 'poe-scraper[gcs]'"


def test_without_fsspec_the_message_names_the_remedy(store: FeedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "poe_scraper.publishing.destinations")
    monkeypatch.setitem(sys.modules, "fsspec", None)
    (failure,) = send(store, "s3://prices/poe")
    assert "pip install 'poe-scraper[publish]'" in failure.message


def test_a_failed_delivery_degrades_the_run(store: FeedStore) -> None:
    report = RunReport(
        id="r", started_at=SECOND, finished_at=SECOND, finish_reason="finished", outcome="published", version=2
    )
    assert crawl_exit_code(report) == ExitCode.DONE
    report = report.model_copy(update={"problems": send(store, "nowhere://prices")})
    assert crawl_exit_code(report) == ExitCode.DEGRADED
    assert RunReport.model_validate_json(report.model_dump_json()) == report


# --- secrets -----------------------------------------------------------------------------------


def test_secrets_of_an_address_are_never_shown(
    store: FeedStore, fragile: Fragile, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = "memory://joe:s3cr%40t@host/prices?token=abcdef"
    echo = f"{url}: s3cr%40t s3cr@t joe:s3cr@t token=abcdef"
    fragile.errors["000001.json.gz"] = [NoBackendsError(echo) for _ in range(TRIES)]
    settings = DeliverySettings.of(
        {
            "POE_PUBLISH_TO": f"{url}, ftp://joe:s3cr@t@127.0.0.1:1/x",
            "POE_PUBLISH_TIMEOUT": "60",
            "POE_WEBHOOK_URL": "",
            "POE_WEBHOOK_SECRET": "",
            "POE_BACKOFF": "0",
        }
    )
    first, second = deliver(store, version=2, new_version=True, settings=settings)
    assert first.message.startswith("memory://host/prices: NoBackendsError: ")
    assert second.message.startswith("ftp://127.0.0.1:1/x: ")
    output = caplog.text + repr(settings) + "".join(path.read_text() for path in store.folder.glob(".*.json"))
    for text in (output, first.message, second.message):
        assert "s3cr" not in text
        assert "abcdef" not in text


def test_secrets_of_the_configuration_are_never_shown(
    store: FeedStore, fragile: Fragile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(fsspec.config.conf, "memory", {"secret_key": "hush-hush"})
    fragile.errors["000001.json.gz"] = [NoBackendsError("signed with hush-hush") for _ in range(TRIES)]
    (failure,) = send(store, "memory://prices")
    assert failure.message == "memory://prices: NoBackendsError: signed with ***"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("s3://bucket/poe", "s3://bucket/poe"),
        ("/srv/www/prices", "/srv/www/prices"),
        ("ftp://u:p@host:21/x", "ftp://host:21/x"),
        ("ftp://u:p/a#s?s@host/x", "ftp://host/x"),
        ("ftp://u:p@ss@host/x", "ftp://host/x"),
        ("s3://bucket/poe?sig=1#x", "s3://bucket/poe"),
    ],
)
def test_the_public_name_of_an_address(url: str, name: str) -> None:
    assert public_name(url) == name


def test_two_accounts_of_one_server_are_two_destinations(store: FeedStore) -> None:
    failures = send(store, "nowhere://joe:a@host/x", "nowhere://ann:b@host/x")
    assert [failure.message.partition(": ")[0] for failure in failures] == ["nowhere://host/x", "nowhere://host/x (2)"]


# --- what is not asked for ---------------------------------------------------------------------


def test_nothing_is_imported_or_written_where_nothing_is_asked_for(store: FeedStore) -> None:
    code = f"""
import sys
from pathlib import Path
from poe_scraper import settings
from poe_scraper.publishing import DeliverySettings, deliver
from poe_scraper.feed.store import FeedStore
found = deliver(FeedStore(Path({str(store.folder)!r})), version=2, new_version=True,
                settings=DeliverySettings.of(vars(settings)))
assert found == ()
print([name for name in ("fsspec", "requests", "spidermon") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout.replace("'", '"')) == []
    assert not (store.folder / ".delivered.json").exists()
