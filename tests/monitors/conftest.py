"""Crawls as in `tests.spiders`."""

from tests.spiders.conftest import crawl, start

__all__ = ["crawl", "start"]
