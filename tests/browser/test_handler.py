"""The download handler: what it overrides of scrapy-playwright, and whole crawls through it."""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from scrapy_playwright.handler import Config, ScrapyPlaywrightDownloadHandler
from scrapy_playwright.provider import PlaywrightBrowserProvider

from poe_scraper.browser.handler import PagePoolDownloadHandler
from poe_scraper.replica import running
from tests.browser.test_proxies import forward_proxy

# --- scrapy-playwright's private names ----------------------------------------------------------


def test_what_is_overridden_is_still_there() -> None:
    """If this fails, scrapy-playwright has moved: adapt `browser.handler`, then raise the version in pyproject.toml."""
    parent = ScrapyPlaywrightDownloadHandler
    for name, parameters in {
        "_maybe_launch_in_thread": ["self"],
        "_download_request": ["self", "request", "spider"],
        "_launch": ["self"],
        "_close": ["self"],
    }.items():
        method = getattr(parent, name)
        assert inspect.iscoroutinefunction(method), name
        assert list(inspect.signature(method).parameters) == parameters, name
    ours = {name for name, value in vars(PagePoolDownloadHandler).items() if inspect.isfunction(value)}
    private = {name for name in ours if name.startswith("_") and not name.startswith("__") and hasattr(parent, name)}
    assert private == {"_maybe_launch_in_thread", "_download_request", "_close"}


def test_what_the_provider_and_the_pool_use_is_still_there() -> None:
    assert {"cdp_url", "cdp_kwargs", "connect_url", "launch_options", "startup_context_kwargs"} <= set(
        Config.__dataclass_fields__
    )
    for name in ("start", "launch_browser", "launch_persistent_context", "close"):
        assert inspect.iscoroutinefunction(getattr(PlaywrightBrowserProvider, name))


# --- whole crawls --------------------------------------------------------------------------------


def crawl(url: str, api_url: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    env |= {"POE_SITE_URL": url, "POE_API_URL": api_url, "POE_OUTPUT_DIR": str(folder), **environment}
    program = Path(sys.executable).with_name("poe-scraper")
    return subprocess.run([program, "update"], capture_output=True, text=True, check=False, env=env, timeout=240)


@pytest.mark.slow
@pytest.mark.browser
def test_a_crawl_through_a_forward_proxy(tmp_path: Path) -> None:
    with running(bots=4) as replica, forward_proxy() as (port, asked):
        done = crawl(replica.url, replica.api_url, tmp_path / "feed", http_proxy=f"http://127.0.0.3:{port}")
        assert done.returncode == 0, done.stderr
        assert f"GET {replica.api_url}" in asked
        pages = [request for request in asked if request.startswith(f"GET {replica.url}/") and "api" not in request]
        assert len(pages) >= 4
    feed = json.loads((tmp_path / "feed" / "models.json").read_text())
    assert sum(bool(bot["observed"]["page"]) for bot in feed["data"]) == 4


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"POE_SITE_HOSTS": "https://cdn.example.com"}, "POE_SITE_HOSTS must be"),
        ({"POE_SITE_HOSTS": "localhost,nowhere.invalid"}, "a host that does not exist: nowhere.invalid"),
        ({"http_proxy": "ftp://p:1"}, "http_proxy must be the address of a proxy"),
        ({"POE_BROWSER_PROFILE": "/etc"}, "is not a profile of Chromium or Chrome"),
        ({"POE_BROWSER_PROFILE": "true", "POE_STORAGE_STATE": "true"}, "exclude each other"),
    ],
)
def test_bad_settings_end_at_once(tmp_path: Path, environment: dict[str, str], message: str) -> None:
    done = crawl("http://127.0.0.1:9", "http://127.0.0.1:9/v1/models", tmp_path / "feed", **environment)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr
    assert not (tmp_path / "feed").exists()


@pytest.mark.browser
def test_a_driver_that_does_not_start_ends_the_crawl(tmp_path: Path) -> None:
    driver = tmp_path / "node"
    driver.write_text(
        "#!/bin/sh\n"
        'echo "$0: error while loading shared libraries: libatomic.so.1: cannot open shared object file" >&2\n'
        "exit 127\n"
    )
    driver.chmod(0o755)
    with running(bots=2) as replica:
        done = crawl(replica.url, replica.api_url, tmp_path / "feed", PLAYWRIGHT_NODEJS_PATH=str(driver))
    assert "libatomic1" in done.stderr
    assert "blocks" not in done.stderr
    assert done.returncode == 1, done.stderr
    assert not (tmp_path / "feed" / "models.json").exists()
