"""JSON Lines: one bot a line, for programs that make tables of it. https://jsonlines.org

Each line is a bot as it stands in the feed, with two differences that such programs need: objects without fixed fields,
such as `attributes`, are JSON text, so that every field has one type; and the bots that have a value in a field that no
line above them has come first, since types are inferred from the first lines.
"""

import json
from collections.abc import Iterator
from typing import Any

from poe_scraper.exports import Export
from poe_scraper.feed.reader import FeedReader

_WITHOUT_FIXED_FIELDS = frozenset({"attributes", "figures", "api_other", "schema", "default_value"})


def export(feed: FeedReader) -> Export:
    """The bots, in ASCII."""
    first: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    known: set[str] = set()
    for entry in feed.entries:
        bot = {name: _regular(name, value) for name, value in entry.items()}
        fields = set(_filled("", bot))
        (others if fields <= known else first).append(bot)
        known |= fields
    lines = "".join(json.dumps(bot, separators=(",", ":")) + "\n" for bot in (*first, *others))
    return Export({"models.jsonl": lines.encode()}, bots=len(feed))


def _regular(name: str, value: Any) -> Any:
    if name in _WITHOUT_FIXED_FIELDS:
        return None if value is None else json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return {key: _regular(key, part) for key, part in value.items()}
    if isinstance(value, list):
        return [_regular("", part) for part in value]
    return value


def _filled(path: str, value: Any) -> Iterator[str]:
    """The paths of the fields that have a value."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _filled(f"{path}.{key}", part)
    elif isinstance(value, list):
        for part in value:
            yield from _filled(f"{path}[]", part)
    elif value is not None:
        yield path
