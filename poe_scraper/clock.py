"""The time, as facts and reports carry it."""

from datetime import UTC, datetime


def now() -> datetime:
    """The time in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
