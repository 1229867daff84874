import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page

from poe_scraper.replica import Replica, running
from tests.chromium import chromium  # noqa: F401 - the fixture `browser`


@pytest.fixture(scope="session")
def http() -> Iterator[requests.Session]:
    """Plain HTTP, straight to the replica."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture(scope="session")
def shared_replica() -> Iterator[Replica]:
    with running() as replica:
        yield replica


@pytest.fixture
def replica(shared_replica: Replica) -> Iterator[Replica]:
    """A replica without faults that has not got any request."""
    shared_replica.set_faults(seed=0)
    shared_replica.forget_requests()
    yield shared_replica
    shared_replica.set_faults()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en-US")
    yield context.new_page()
    context.close()


class Site:
    """The site as its own scripts use it.

    Args:
        http: a session that may carry cookies.
        replica: that serves the site.
    """

    def __init__(self, http: requests.Session, replica: Replica) -> None:
        self._http = http
        self._url = replica.url
        html = http.get(f"{replica.url}/Grok-4.7", timeout=10).text
        key = re.search(r"poeFormKey=function\(\)\{return\"(\w+)\"", html)
        app = re.search(r'src="([^"]+/pages/_app-[^"]+)"', html)
        assert key is not None
        assert app is not None
        release = re.search(r"const release = (\{.*\});", http.get(app[1], timeout=10).text)
        assert release is not None
        self._form_key = key[1]
        self._release = json.loads(release[1])

    def query(self, name: str, variables: object, *, language: str = "en-US", **how: Any) -> requests.Response:
        """Send a GraphQL query as the site's scripts do."""
        headers = {
            "poegraphql": "1",
            "poe-queryname": name,
            "poe-revision": self._release["revision"],
            "poe-formkey": self._form_key,
            "accept-language": language,
        }
        body = {"queryName": name, "variables": variables, "extensions": {"hash": self._release["hashes"].get(name)}}
        how = {"timeout": 30, "headers": headers, "json": body, **how}
        return self._http.post(f"{self._url}/api/gql_POST", **how)


@pytest.fixture(scope="session")
def shared_site(http: requests.Session, shared_replica: Replica) -> Site:
    return Site(http, shared_replica)


@pytest.fixture
def site(shared_site: Site, replica: Replica) -> Site:
    """The scripts of the replica's current release."""
    return shared_site


@pytest.fixture
def next_data() -> Callable[[str], Any]:
    """Reads the `__NEXT_DATA__` of a page."""

    def read(html: str) -> Any:
        match = re.search(r'<script id="__NEXT_DATA__" type="application/json">(.*?)</script>', html, re.DOTALL)
        assert match is not None, "no __NEXT_DATA__"
        return json.loads(match[1])

    return read
