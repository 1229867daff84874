"""Which rates of a card are one price in two currencies, and which price is which."""

import re
from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

from poe_scraper.items import Rate

_WORD = re.compile(r"[a-z]+")
_OTHER_INPUT = {"image", "images", "audio", "video", "file", "files", "cache", "cached", "caching", "citation"}
_CACHED = {"cache", "cached", "caching"}
_NOT_INPUT = {"input", "inputs", "cache", "cached", "caching", "search", "reference", "upload"}


class Pair(NamedTuple):
    """One price, in one or both currencies."""

    first: Rate
    """The dollars, or the points where there are no dollars."""
    usd: Rate | None
    points: Rate | None

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
    return [
        Pair(first, usd, points)
        for row in rows.values()
        for usd, points in zip_longest(*row)
        if (first := usd or points) is not None
    ]


def input_tokens(rate: Rate) -> bool:
    """Whether it is the price of a token of text that goes in."""
    words = _words(rate)
    return rate.per.unit == "token" and bool(words & {"input", "prompt"}) and not words & _OTHER_INPUT


def output_tokens(rate: Rate) -> bool:
    """Whether it is the price of a token of text that comes out."""
    words = _words(rate)
    return rate.per.unit == "token" and bool(words & {"output", "completion"}) and not words & _OTHER_INPUT


def cached_tokens(rate: Rate) -> bool:
    """Whether it is the price of a token that is read from the cache."""
    words = _words(rate)
    return rate.per.unit == "token" and bool(words & _CACHED) and not words & {"write", "writes", "surcharge", "output"}


def cache_writes(rate: Rate) -> bool:
    """Whether it is the price of a token that is written to the cache."""
    words = _words(rate)
    return rate.per.unit == "token" and bool(words & _CACHED) and bool(words & {"write", "writes"})


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
