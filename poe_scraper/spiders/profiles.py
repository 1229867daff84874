"""Visiting creators' profiles, and the pages of the bots on them."""

import json
from collections import defaultdict
from collections.abc import Iterator
from importlib.resources import files
from typing import cast

from scrapy import Request
from scrapy.http import Response

from poe_scraper.clock import now
from poe_scraper.failures import Code, ObservationError
from poe_scraper.items import Bot, BotError
from poe_scraper.pages.catalog import bot_url, is_handle
from poe_scraper.pages.profile import read_profile
from poe_scraper.spiders import arguments
from poe_scraper.spiders.arguments import ALL
from poe_scraper.spiders.visits import PageVisits
from poe_scraper.untrusted import safe


def shipped_creators() -> tuple[str, ...]:
    """Handles of the creators that ship with the package, as observed in October 2026."""
    return tuple(json.loads(files(__package__).joinpath("creators.json").read_text(encoding="utf-8")))


class ProfileVisits(PageVisits):
    """Base of the spiders that find bots on profiles.

    Arguments beside those of `PageVisits`:
        creators: handles of creators, separated by commas, whose profiles are read; `all` for all known.
    """

    def __init__(self, creators: str | None = None, **others: str) -> None:
        super().__init__(**others)
        self.creators = arguments.creators(creators)
        self.known_by_creator: dict[str, set[str]] = {}
        if creators:
            self.crawl_state.arguments["creators"] = creators

    def profile_requests(self) -> Iterator[Request]:
        """A request for the profile of every creator asked for."""
        if not self.creators:
            return
        handles = {handle.casefold(): handle for handle in self.creators}
        everyone = handles.pop(ALL, None) is not None
        if everyone:
            handles |= {handle.casefold(): handle for handle in shipped_creators()}
        known = defaultdict(set)
        for entry in self.crawl_state.known.entries():
            creator = str((entry["creator"] or {}).get("handle"))
            if not entry["creator"] or not is_handle(creator):
                continue
            if everyone:
                handles.setdefault(creator.casefold(), creator)
            if "creator" in entry["discovered_by"] and self.crawl_state.in_scope(key := entry["id"].casefold()):
                known[creator.casefold()].add(key)
        self.known_by_creator = dict(known)
        for handle in handles.values():
            yield Request(
                bot_url(self.site_url, handle),
                self.parse_profile,
                errback=self.page_failed,
                cb_kwargs={"creator": handle},
                meta={"playwright": True, "poe_page": "profile", "handle_httpstatus_all": True, "dont_retry": True},
                priority=1,  # find all pages to visit soon
            )

    def parse_profile(self, response: Response, creator: str) -> Iterator[Bot | Request]:
        """Yield each bot in scope, or a request for its page if that is due."""
        self.count_traffic(response, document="profile")
        request, at = cast("Request", response.request), now()
        profile = self.read(
            response,
            lambda html: read_profile(html, url=response.url, at=at, site_url=self.site_url, creator=creator),
        )
        if isinstance(profile, ObservationError):
            yield from self.not_read(request, profile.code, str(profile))
            return
        self.has_come(request)
        self.crawl_state.catalog_ok = True
        if profile.shortfall is None:
            keys = {bot.key for bot in profile.bots}
            self.crawl_state.unlisted |= self.known_by_creator.get(creator.casefold(), set()) - keys
        else:
            self._note(creator, Code.PROFILE_INCOMPLETE, profile.shortfall)
        for bot in profile.bots:
            if not self.crawl_state.in_scope(bot.key):
                continue
            # if the API lists the bot, its entry there has led to a visit
            yield bot if bot.key in self.crawl_state.listed else self.visit_if_due(bot, at)

    def given_up(self, request: Request, code: Code, message: str) -> Iterator[Bot]:
        """Note a profile that failed for good; yield what is known of a bot whose page did."""
        creator = request.cb_kwargs.get("creator")
        if creator is not None:
            self._note(creator, code, message)
            return
        seen = self.asked_for_by(request)
        if code == Code.NOT_FOUND and not {"api", "handle"}.intersection(seen.discovered_by):
            # profiles may name bots that were deleted: that is neither a failure nor a bot
            error = BotError(stage="page", code=code, message=message, at=now())
            yield seen.model_copy(update={"discovered_by": (), "errors": (error,)})
        else:
            yield from super().given_up(request, code, message)

    def _note(self, creator: str, code: Code, message: str) -> None:
        self.logger.warning("profile of %s: %s: %s", creator, code, safe(message))
        message = f"profile of {creator}: {message}"
        self.crawl_state.note("profile", code, message)
