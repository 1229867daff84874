"""The time, as facts and reports carry it."""

from datetime import UTC, datetime


def now() -> datetime:
    """The time in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def text(moment: datetime) -> str:
    """A time in UTC as JSON and tables have it: `2026-10-22T03:00:00Z`."""
    return moment.isoformat().replace("+00:00", "Z")


def end_of(started_at: datetime) -> datetime:
    """The time in UTC, as the end of what began then: never before it, though the clock may have been set back."""
    return max(now(), started_at)
