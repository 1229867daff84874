"""Shards: parts of the catalog that can be crawled separately."""

import zlib
from typing import NamedTuple


class Shard(NamedTuple):
    """One of several parts of all bots. Which bots belong to it depends on their keys alone, so it never changes."""

    part: int
    """Which one it is, from 1."""
    parts: int
    """How many there are."""

    def holds(self, key: str) -> bool:
        """Whether the bot of that `Bot.key` is in this part."""
        return zlib.crc32(key.encode()) % self.parts == self.part - 1

    def __str__(self) -> str:
        return f"{self.part}/{self.parts}"
