"""The record of deliveries: `.delivered.json` in the feed's folder."""

import logging
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ValidationError

from poe_scraper.feed import disk

logger = logging.getLogger(__name__)

_FILE = ".delivered.json"


class Sent(BaseModel):
    """A file that was sent to a destination."""

    sha256: str
    """Of its content."""
    tag: str | None = None
    """What the destination called that content, such as S3's ETag; null if it does not name contents."""


class Record(BaseModel):
    """What was delivered so far.

    If it is lost, all files are sent again, and the webhook starts with the newest version.
    """

    sent: dict[str, dict[str, Sent]] = {}
    """For each destination's name, the files that it received."""
    webhook_through: int | None = None
    """Versions up to this one were posted, except those in `webhook_missed`; null before the first post."""
    webhook_missed: list[int] = []
    """Versions whose post failed."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load the record of a feed's folder; an empty one if there is none or it cannot be read.

        Raises:
            FeedError: there is a folder of that name, and it cannot be renamed.
        """
        path = folder / _FILE
        if path.is_dir():
            disk.set_aside(path, f"{path} is a folder, not a file.")
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return cls()
        except (OSError, ValidationError):
            logger.warning("%s cannot be read: earlier deliveries are not known.", path)
            return cls()

    def save(self, folder: Path) -> None:
        """Write the record.

        Raises:
            FeedError: it cannot be written.
        """
        disk.replace(folder / _FILE, [self.model_dump_json(indent=2).encode() + b"\n"])
