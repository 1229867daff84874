"""The small files beside `models.json`: `slim.json` for programs that need little, `version.json` for those that poll.

A publication renames `models.json` first, then `slim.json` and `models.json.gz`, then `version.json`. So none of the
others is ever older than `version.json` says.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from poe_scraper.failures import UnpricedError
from poe_scraper.items import Bot, Feed
from poe_scraper.pricing.costs import cost

_MILLION = 1_000_000


class Digest:
    """SHA-256 and size of a text that is written in pieces."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """The hash of the pieces so far, in hexadecimal."""
        return self._hash.hexdigest()

    def of(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Pass pieces on, and add them."""
        for piece in pieces:
            self._hash.update(piece)
            self.size += len(piece)
            yield piece


def version_text(head: Feed, models: Digest) -> bytes:
    """`version.json`: which version `models.json` has, and its hash."""
    told = {
        "object": "version",
        **_head(head),
        "sha256": models.sha256,
        "bytes": models.size,
    }
    return json.dumps(told).encode() + b"\n"


def is_told_by(path: Path, head: Feed) -> bool:
    """Whether a `version.json` tells of this publication of the feed."""
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(told, dict) and _head(head).items() <= told.items()


def slim_text(head: Feed, lines: Iterable[bytes]) -> Iterator[bytes]:
    """`slim.json` in pieces: one line per bot, after a line of the head.

    Args:
        head: the feed; its `data` is ignored.
        lines: the bots as JSON, sorted by id.
    """
    told = {"object": "slim", **_head(head), "points_per_usd": format(head.points_per_usd, "f")}
    yield json.dumps(told).encode()[:-1] + b', "data": [\n'
    separator = b""
    for line in lines:
        yield separator + json.dumps(_slim(json.loads(line), head.points_per_usd)).encode()
        separator = b",\n"
    yield b"\n]}\n"


def _head(head: Feed) -> dict[str, Any]:
    return head.model_dump(mode="json", include={"schema_version", "version", "generated_at"})


def _slim(entry: dict[str, Any], points_per_usd: Decimal) -> dict[str, Any]:
    pricing = entry["pricing"]
    primary = pricing["primary"]
    slim = {"id": entry["id"], "status": entry["status"], "price": primary and _price(**primary)}
    if not _has_token_prices(pricing):
        return {**slim, "input": None, "output": None}
    bot = Bot.model_validate(entry)
    return {
        **slim,
        "input": _per_million(bot, points_per_usd, input_tokens=1),
        "output": _per_million(bot, points_per_usd, output_tokens=1),
    }


def _has_token_prices(pricing: dict[str, Any]) -> bool:
    """Whether a bot may have a price per token. Looking costs a hundredth of computing one."""
    return pricing["api"] is not None or any(rate["per"]["unit"] == "token" for rate in pricing["rates"])


def _per_million(bot: Bot, points_per_usd: Decimal, **token: Any) -> dict[str, Any] | None:
    """What a million tokens cost at the price of one, below every context tier; None if that is not known."""
    try:
        found = cost(bot, points_per_usd=points_per_usd, **token)
    except UnpricedError:
        return None
    usd, points = found.usd, found.points
    is_range = usd.max_amount is not None
    return _price(
        usd=None if usd.converted else _plain(usd.amount * _MILLION),
        points=None if points.converted else _plain(points.amount * _MILLION),
        per={"quantity": str(_MILLION), "unit": "token", "qualifier": None},
        bound="from" if is_range else usd.bound,
        suspect=any(note.startswith("unsure") for note in found.notes),
    )


def _plain(amount: Decimal) -> str:
    return format(amount.normalize(), "f")


def _price(
    *, usd: str | None, points: str | None, per: dict[str, Any], bound: str, suspect: bool, **_: object
) -> dict[str, Any]:
    return {"usd": usd, "points": points, "per": per, "bound": bound, "suspect": suspect}
