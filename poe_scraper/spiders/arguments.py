"""Arguments of the spiders, converted from the text that `-a NAME=VALUE` gives.

Each function takes that text, or None if the argument was not given, and raises `UsageError` for a text that is not
accepted. An empty text is never accepted: a shell variable that is not set must not mean "everything".
"""

from poe_scraper.failures import UsageError
from poe_scraper.feed.shard import Shard
from poe_scraper.pages.catalog import is_handle

ALL = "all"
"""The value of `creators` for all known creators."""


def bots(text: str | None) -> tuple[str, ...]:
    """Handles of bots, separated by commas; none if not given."""
    return () if text is None else _handles("bots", text, "handles of bots, separated by commas")


def creators(text: str | None) -> tuple[str, ...]:
    """Handles of creators, separated by commas, `all` among them for all known ones; none if not given."""
    return () if text is None else _handles("creators", text, "handles of creators, separated by commas, or all")


def _handles(argument: str, text: str, rule: str) -> tuple[str, ...]:
    handles = tuple(dict.fromkeys(handle.strip() for handle in text.split(",") if handle.strip()))
    wrong = next((handle for handle in handles if not is_handle(handle)), None)
    if wrong is not None or not handles:
        raise _refusal(argument, rule, text if wrong is None else wrong)
    return handles


def limit(text: str | None) -> int | None:
    """A whole number of at least 1; None if not given."""
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) == 0:
        raise _refusal("limit", "a whole number of at least 1", text)
    return int(text)


def only(text: str | None) -> str:
    """`pricing` or `info`; empty if not given."""
    return _one_of("only", text, "pricing", "info")


def force(text: str | None) -> bool:
    """`true` or `false`; False if not given."""
    return _one_of("force", text and text.lower(), "true", "false", "1", "0") in {"true", "1"}


def role(text: str | None) -> str:
    """`worker`; empty if not given."""
    return _one_of("role", text, "worker")


def _one_of(argument: str, text: str | None, *accepted: str) -> str:
    if text is None:
        return ""
    if text not in accepted:
        raise _refusal(argument, " or ".join(word for word in accepted if word not in {"0", "1"}), text)
    return text


def shard(text: str | None) -> Shard | None:
    """`i/n`; None if not given."""
    if text is None:
        return None
    part, _, parts = text.partition("/")
    numbers = part.isascii() and part.isdigit() and parts.isascii() and parts.isdigit() and len(text) < 20
    if not numbers or not 1 <= int(part) <= int(parts):
        raise _refusal("shard", "i/n with 1 <= i <= n, such as 2/4", text)
    return Shard(int(part), int(parts))


def _refusal(argument: str, rule: str, text: str) -> UsageError:
    return UsageError(f"{argument} must be {rule}, got {text[:200]!r}")
