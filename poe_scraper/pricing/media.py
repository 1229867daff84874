"""Comparable units for media: what one image or a clip of some seconds takes on bots that price another unit.

A bot may charge per message, megapixel, clip or use for what a user counts in images or seconds. Each such answer
rests on an assumption, which is said in words.
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from poe_scraper.items import Bot, Bound
from poe_scraper.pricing.abilities import abilities
from poe_scraper.pricing.kinds import modalities
from poe_scraper.pricing.prices import Price

MEDIA: dict[str, frozenset[str]] = {"images": frozenset({"image"}), "seconds": frozenset({"video", "audio"})}
"""Usages that count what a bot makes, and the modalities they can be."""

_IMAGE_UNITS: tuple[str | None, ...] = ("megapixel", "generation", "message", "request", None)
_CLIP_UNITS: tuple[str | None, ...] = ("video", "clip", "song", "track", "generation", "message", "request", None)

CHARACTERS_PER_SECOND = 15
"""Of text read aloud: 150 words of six characters a minute."""
TOKENS_PER_SECOND = 25
"""Of audio that a bot makes, where it counts tokens: Gemini's rate."""

_DURATION = re.compile(r"(?<![\d.])(\d{1,5}(?:\.\d+)?)\s*-?\s*(?:s|secs?|seconds?)\b", re.IGNORECASE)
_DURATION_NAMES = frozenset({"duration", "length", "seconds", "duration (s)", "length (s)"})
_BARE_NUMBER = re.compile(r"\d{1,5}(?:\.\d+)?")


class Assumed(NamedTuple):
    """What a usage is counted as on a bot that prices another unit."""

    usage: str
    """The name of the usage that is counted instead."""
    quantity: Fraction
    """How much of it."""
    prices: list[Price]
    """The prices that fit it."""
    words: str
    """The assumption, as a clause."""
    bound: Bound = "exact"
    """`about` if the assumption is only a rate that is usual."""


def named_by(price: Price) -> frozenset[str]:
    """The modalities that a price names, in its label, section or attributes, as those of what the bot makes."""
    if price.is_given or price.is_service:
        return frozenset()
    texts = (price.label, price.section, *price.attributes.values(), price.unit)
    return frozenset(modality for text in texts for modality in modalities(text)) - {"file", "citation"}


def makes(bot: Bot, prices: Sequence[Price]) -> frozenset[str]:
    """What a bot makes: the API's output modalities, what the prices of its card name, and audio if it speaks or sings.

    A bot that transcribes makes text, whatever its card calls the recording.
    """
    told = {modality.casefold() for modality in bot.architecture.output_modalities} if bot.architecture else set()
    made = told.union(*map(named_by, prices))
    able = abilities(bot)
    if "transcribes" in able:
        return frozenset(made - {"audio"} | {"text"})
    return frozenset(made | {"audio"} if able & {"speaks", "composes"} else made)


def assumed(name: str, quantity: Fraction, prices: Sequence[Price], made: frozenset[str]) -> Assumed | None:
    """What `images` or `seconds` are counted as, if no price is per image or second; None if nothing fits.

    Args:
        name: `images` or `seconds`.
        quantity: how many.
        prices: of the card.
        made: what the bot makes.
    """
    for unit in _IMAGE_UNITS if name == "images" else _CLIP_UNITS:
        fitting = [price for price in prices if price.unit == unit and _fits(price, name, made)]
        found = [price for price in fitting if not MEDIA[name].isdisjoint(named_by(price))] or fitting
        if found:
            return _images(quantity, unit, found) if name == "images" else _clips(quantity, unit, found)
    return _spoken(quantity, prices) if name == "seconds" and "audio" in made else None


def _fits(price: Price, name: str, made: frozenset[str]) -> bool:
    """True if a price can be that of what is asked for. `Image to video` is not a price of an image."""
    if price.is_given or price.is_service or price.first.per.qualifier == "additional":
        return False
    named = named_by(price) - {"text"}
    if name == "images" and "video" in named:
        return False
    return not MEDIA[name].isdisjoint(named or made)


def _images(quantity: Fraction, unit: str | None, found: list[Price]) -> Assumed:
    words = "one image is one megapixel" if unit == "megapixel" else f"one {unit or 'use'} makes one image"
    return Assumed(_usage(unit), quantity, found, words)


def _clips(seconds: Fraction, unit: str | None, found: list[Price]) -> Assumed:
    """Clips of the shortest duration on the card that is long enough; several of the longest if none is."""
    lengths = {length for price in found if (length := duration(price)) is not None}
    if not lengths:
        each = f"one {unit or 'use'} makes a clip of {_seconds(seconds)}"
        return Assumed(_usage(unit), Fraction(1), found, each)
    length = min((each for each in lengths if each >= seconds), default=max(lengths))
    count = ceil(seconds / length)
    fitting = [price for price in found if duration(price) in {None, length}]
    words = f"{_seconds(seconds)} are {count} {'clip' if count == 1 else 'clips'} of {_seconds(length)}"
    return Assumed(_usage(unit), Fraction(count), fitting, words)


def _spoken(seconds: Fraction, prices: Sequence[Price]) -> Assumed | None:
    """Speech on a bot that counts the characters of the text, or the tokens of the audio."""
    characters = [price for price in prices if price.unit == "character" and not price.is_service]
    if characters:
        words = f"one second of speech is {CHARACTERS_PER_SECOND} characters"
        return Assumed("characters", seconds * CHARACTERS_PER_SECOND, characters, words, "about")
    tokens = [price for price in prices if price.unit == "token" and "audio" in named_by(price)]
    if tokens:
        words = f"one second of speech is {TOKENS_PER_SECOND} tokens; those of the text are not counted"
        return Assumed("output_tokens", seconds * TOKENS_PER_SECOND, tokens, words, "about")
    return None


def duration(price: Price) -> Fraction | None:
    """Seconds that a price is for, from its attributes, label or section: `5s`, or `5` in a column named Duration."""
    for name, value in price.attributes.items():
        if name.casefold() in _DURATION_NAMES and _BARE_NUMBER.fullmatch(value.strip()):
            return Fraction(value.strip())
    for text in (*price.attributes.values(), price.label, price.section or ""):
        if found := _DURATION.search(text):
            return Fraction(found[1])
    return None


def _seconds(value: Fraction) -> str:
    return f"{float(value):g} s"


def _usage(unit: str | None) -> str:
    return "messages" if unit == "message" else unit or "use"
