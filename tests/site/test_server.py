"""The server of `site --serve`: the catalogue's files, for the user's own browser, and nothing else."""

from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from tests.site.conftest import served


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = tmp_path_factory.mktemp("served")
    (place / "secret.txt").write_text("secret")
    (place / "site-secret").mkdir()
    (place / "site-secret" / "index.html").write_text("secret")
    folder = place / "site"
    (folder / "data").mkdir(parents=True)
    (folder / "index.html").write_text("catalogue")
    (folder / "data" / "one.json").write_text("{}")
    (folder / "out.txt").symlink_to(place / "secret.txt")
    (folder / "up").symlink_to(place)
    (folder / "beside").symlink_to(place / "site-secret")
    (folder / "again.html").symlink_to(folder / "index.html")
    link = place / "link"  # the folder itself may be one
    link.symlink_to(folder)
    with served(link) as url:
        yield url


def answer(address: str, path: str, host: str | None = None, method: str = "GET") -> tuple[int, str]:
    connection = HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection.request(method, path, headers={} if host is None else {"Host": host})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


@pytest.mark.parametrize("path", ["/", "/index.html", "/again.html", "/data/one.json?x=1"])
def test_files_are_served(address: str, path: str) -> None:
    assert answer(address, path) in {(200, "catalogue"), (200, "{}")}
    assert answer(address, path, host="LocalHost:8000")[0] == 200


@pytest.mark.parametrize(
    "path",
    ["/out.txt", "/up/secret.txt", "/up/", "/beside/", "/beside/index.html", "/../secret.txt", "/%2e%2e/secret.txt"],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_nothing_outside_of_the_folder_is_served(address: str, path: str, method: str) -> None:
    status, text = answer(address, path, method=method)
    assert status == 404
    assert "secret" not in text


def test_no_folder_is_listed(address: str) -> None:
    status, text = answer(address, "/data/")
    assert status == 404
    assert "one.json" not in text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", ""])
def test_another_host_name_is_refused(address: str, host: str) -> None:
    status, text = answer(address, "/", host=host.format(port=urlsplit(address).port))
    assert status == 421
    assert "catalogue" not in text
