"""What was delivered so far: `.delivered.json` in the feed's folder."""

import logging
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ValidationError

from poe_scraper.feed import disk

logger = logging.getLogger(__name__)

_FILE = ".delivered.json"


class Record(BaseModel):
    """What was delivered.

    Where it is lost, files are sent once more, and the webhook begins with the newest version.
    """

    destinations: dict[str, dict[str, str]] = {}
    """By name of the destination: the SHA-256 of each file that it has, versions apart."""
    webhook_through: int | None = None
    """Versions up to this one were posted, the missed ones apart; null before the first."""
    webhook_missed: list[int] = []
    """Versions whose post failed."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The record of a feed's folder; an empty one where there is none, or a broken one."""
        path = folder / _FILE
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return cls()
        except ValidationError:
            logger.warning("%s is broken: what was delivered before is not known.", path)
            return cls()

    def save(self, folder: Path) -> None:
        """Write the record.

        Raises:
            FeedError: it cannot be written.
        """
        disk.replace(folder / _FILE, [self.model_dump_json(indent=2).encode() + b"\n"])
