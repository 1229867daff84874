"""The crawl of creators' profiles alone."""

from collections.abc import AsyncIterator

from scrapy import Request

from poe_scraper.spiders.arguments import ALL
from poe_scraper.spiders.profiles import ProfileVisits


class PoeCreatorsSpider(ProfileVisits):
    """Reads creators' profiles, and renders the page of each bot there that is due.

    The models API is not asked: what the feed knows of it stays as it is.

    Arguments (`scrapy crawl poe_creators -a NAME=VALUE`):
        creators: handles of creators, separated by commas; `all`, the default, for all known.
        limit, only, force, shard: as in `PageVisits`.

    Yields `items.Bot` as seen in this crawl: one for each bot in scope, its page facts where it was visited.
    """

    name = "poe_creators"
    accepted = "limit=N only=pricing|info force=true shard=i/n creators=A,B|all"

    def __init__(self, creators: str = ALL, **others: str) -> None:
        super().__init__(creators, **others)

    async def start(self) -> AsyncIterator[Request]:
        """Ask for the profiles. Without a browser to render pages with, end at once."""
        self.require_browser()
        for request in self.profile_requests():
            yield request
