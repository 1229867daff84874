"""A session with a replica, had as a user has it: by signing in by hand in a real browser."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import BrowserContext, Page, async_playwright

from poe_scraper.browser.executable import find_browser
from poe_scraper.browser.session import Session, wait_for_sign_in
from tests.spiders.conftest import crawl as crawl
from tests.spiders.conftest import start as start

Person = Callable[[Page], Awaitable[None]]
"""What somebody does in the window that opened."""


async def type_in(page: Page, code: str = "123456") -> None:
    """Fill in the sign-in form of a replica, second factor included."""
    await page.fill("input[name=email]", "me@example.com")
    await page.fill("input[name=code]", code)
    await page.click("button")


async def sign_in_beside(context: BrowserContext, site_url: str, person: Person, seconds: float) -> Session:
    """Wait for the sign-in, while somebody does something in the window."""
    async with context.expect_page() as opened:
        waiting = asyncio.create_task(wait_for_sign_in(context, site_url, seconds=seconds))
    await person(await opened.value)
    return await waiting


def sign_in(site_url: str, person: Person = type_in, seconds: float = 60) -> Session:
    """Sign in, in a browser started for it."""
    options: dict[str, Any] = {"executable_path": find_browser(), "args": ["--no-sandbox"]}

    async def run() -> Session:
        async with async_playwright() as playwright, await playwright.chromium.launch(**options) as browser:
            return await sign_in_beside(await browser.new_context(), site_url, person, seconds)

    return asyncio.run(run())


def secret(session: Session) -> str:
    """The value of the session's cookie."""
    (value,) = {cookie.value for cookie in session.cookies if cookie.name == "p-b"}
    return value
