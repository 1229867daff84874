"""A Chromium for tests of pages. A conftest imports the fixture, and its tests share one browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from poe_scraper.browser.executable import find_browser


# Playwright keeps an event loop running in the thread: it must end before tests elsewhere run one
@pytest.fixture(name="browser", scope="package")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        yield browser
        browser.close()
