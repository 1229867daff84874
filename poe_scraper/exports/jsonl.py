"""JSON Lines: one bot a line, as it stands in the feed. https://jsonlines.org"""

import json

from poe_scraper.exports import Export
from poe_scraper.feed.reader import FeedReader


def export(feed: FeedReader) -> Export:
    """The bots, in ASCII."""
    lines = "".join(json.dumps(entry, separators=(",", ":")) + "\n" for entry in feed.entries)
    return Export({"models.jsonl": lines.encode()}, bots=len(feed))
