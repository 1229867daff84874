"""Which rates of a card are one price in two currencies, and which price is which."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from poe_scraper.items import Rate

_WORD = re.compile(r"[a-z]+")
_OTHER_INPUT = {"image", "images", "audio", "video", "file", "files", "cache", "cached", "caching", "citation"}
_NOT_INPUT = {"input", "inputs", "cache", "cached", "caching", "search", "reference", "upload"}


class Pair(NamedTuple):
    """One price, in one or both currencies."""

    usd: Rate | None
    points: Rate | None

    @property
    def first(self) -> Rate:
        """The dollars, or the points where there are no dollars."""
        rate = self.usd or self.points
        assert rate is not None
        return rate

    @property
    def subject(self) -> str:
        """The label, and what tells the price from its neighbours."""
        return ", ".join((self.first.label, *self.first.attributes.values()))


def pairs(rates: Sequence[Rate]) -> list[Pair]:
    """The prices of a card, in its order; the n-th dollars of a row belong to its n-th points."""
    rows: dict[tuple[str, str | None, tuple[tuple[str, str], ...]], tuple[list[Rate], list[Rate]]] = {}
    for rate in rates:
        row = rows.setdefault((rate.label, rate.section, tuple(rate.attributes.items())), ([], []))
        row[rate.currency == "points"].append(rate)
    found = []
    for usd, points in rows.values():
        for i in range(max(len(usd), len(points))):
            found.append(Pair(usd[i] if i < len(usd) else None, points[i] if i < len(points) else None))
    return found


def input_tokens(rate: Rate) -> bool:
    """Whether it is the price of a token of text that goes in."""
    words = _words(rate)
    return rate.per.unit == "token" and bool(words & {"input", "prompt"}) and not words & _OTHER_INPUT


def output_tokens(rate: Rate) -> bool:
    """Whether it is the price of a token of text that comes out."""
    words = _words(rate)
    return rate.per.unit == "token" and bool(words & {"output", "completion"}) and not words & _OTHER_INPUT


def output_images(rate: Rate) -> bool:
    """Whether it is the price of an image that comes out, by image or by token."""
    words = _words(rate)
    return rate.per.unit in {"image", "token"} and bool(words & {"image", "images"}) and "input" not in words


def per_message(rate: Rate) -> bool:
    """Whether it is a flat price."""
    return rate.per.unit in {"message", "request"}


def is_main(rate: Rate) -> bool:
    """Whether it is the price of what the bot makes, and not of something that goes in."""
    return not _words(rate) & _NOT_INPUT


def _words(rate: Rate) -> set[str]:
    return set(_WORD.findall(rate.label.lower()))
