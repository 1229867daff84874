import json
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, sync_playwright

from poe_scraper.replica import Replica, running


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
    """A replica without faults that has not been asked anything."""
    shared_replica.set_faults(seed=0)
    shared_replica.forget_requests()
    yield shared_replica
    shared_replica.set_faults()


# Playwright keeps an event loop running in the thread: it must end before tests elsewhere run one
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    found = (shutil.which(name) for name in ("chromium-headless-shell", "chromium", "google-chrome"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=next((path for path in found if path), None), args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en-US")
    yield context.new_page()
    context.close()


@pytest.fixture
def next_data() -> Callable[[str], Any]:
    """Reads what stands in `__NEXT_DATA__` of a page."""

    def read(html: str) -> Any:
        match = re.search(r'<script id="__NEXT_DATA__" type="application/json">(.*?)</script>', html, re.DOTALL)
        assert match is not None, "no __NEXT_DATA__"
        return json.loads(match[1])

    return read
