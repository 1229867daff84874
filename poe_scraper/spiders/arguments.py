"""Arguments of the spiders, from the text that `-a NAME=VALUE` gives.

Each function takes that text, empty where the argument is missing, and raises `UsageError` with a
message that says what is accepted.
"""

from poe_scraper.failures import UsageError
from poe_scraper.feed.shard import Shard
from poe_scraper.pages.catalog import is_handle


def bots(text: str) -> tuple[str, ...]:
    """Handles separated by commas."""
    return _handles(f"bots={text!r}", text, "handle of a bot; accepted: handles separated by commas")


def creators(text: str) -> tuple[str, ...]:
    """Handles separated by commas; `all` stands for all known creators."""
    return _handles(f"creators={text!r}", text, "handle of a creator; accepted: handles separated by commas, or all")


def _handles(argument: str, text: str, expected: str) -> tuple[str, ...]:
    handles = tuple(dict.fromkeys(handle.strip() for handle in text.split(",") if handle.strip()))
    for handle in handles:
        if not is_handle(handle):
            message = f"{argument}: {handle!r} is no {expected}"
            raise UsageError(message)
    return handles


def limit(text: str) -> int | None:
    """A whole number from 1; None where empty."""
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        message = f"limit={text!r} is not accepted: a whole number from 1 is"
        raise UsageError(message)
    return int(text)


def only(text: str) -> str:
    """`pricing` or `info`; empty for both."""
    if text not in {"", "pricing", "info"}:
        message = f"only={text!r} is not accepted: pricing or info is"
        raise UsageError(message)
    return text


def force(text: str) -> bool:
    """`true` or `false`; empty is false."""
    if text.lower() not in {"", "true", "false", "1", "0"}:
        message = f"force={text!r} is not accepted: true or false is"
        raise UsageError(message)
    return text.lower() in {"true", "1"}


def role(text: str) -> str:
    """`worker`, or empty."""
    if text not in {"", "worker"}:
        message = f"role={text!r} is not accepted: worker is"
        raise UsageError(message)
    return text


def shard(text: str) -> Shard | None:
    """`i/n`; None where empty."""
    if not text:
        return None
    part, _, parts = text.partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        message = f"shard={text!r} is not accepted: i/n with 1 <= i <= n is, such as 2/4"
        raise UsageError(message)
    return Shard(int(part), int(parts))
