"""A feed to deliver, and what it is delivered to."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter, Publication
from tests import made_feed
from tests.publishing.receiver import Receiver
from tests.spiders.conftest import crawl, start

__all__ = ["crawl", "start"]

Publish = Callable[[int], Publication]


@pytest.fixture
def store(tmp_path: Path) -> FeedStore:
    """The feed of `tests.made_feed`, in version 2."""
    return FeedStore(made_feed.publish(tmp_path / "output"))


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A webhook that is asked directly, whatever proxies this machine has."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def publish(store: FeedStore) -> Publish:
    """Publish the feed again, so many days later; the description of a bot tells the days, where they are even."""

    def published(days: int) -> Publication:
        at = made_feed.SECOND + timedelta(days=days)
        words = f"Talks for {days // 2 * 2} days." if days > 1 else "Talks about anything."
        bots = [
            bot.model_copy(update={"description": words}) if bot.id == "gpt-test" else bot
            for bot in made_feed.bots(made_feed.SECOND)
        ]
        with FeedWriter(store, "a test") as writer:
            return writer.publish(bots, made_feed.run(at), now=at)

    return published
