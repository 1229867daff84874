"""What a price pays for, as its label tells: which tokens, of which modality, going in or coming out.

This is the only vocabulary of these words. Words of the cache come from the card reader, which needs them too.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from poe_scraper.rates.vocabulary import CACHE, WRITING

TokenKind: TypeAlias = Literal["input", "output", "cached", "cache_write", "cache_write_surcharge"]

_WORD = re.compile(r"[a-z]+")

_INPUT = frozenset({"input", "inputs", "prompt", "prompts"})
_OUTPUT = frozenset({"output", "outputs", "completion", "completions"})
_STORAGE = frozenset({"storage", "stored", "storing"})

_GIVEN = frozenset({"input", "inputs", "reference", "references", "upload", "uploads", "uploaded"})
"""What the user gives: the price of such a thing is not the price of what the bot makes."""
_CIRCUMSTANCE = frozenset({"with", "without", "from", "no", "plus"})
"""Beside these words, an input is a circumstance of what the bot makes: `Video without image input`."""
_PRICE_FILLERS = frozenset({"price", "prices", "pricing", "cost", "costs", "rate", "rates", "fee", "fees", "tokens"})

_SERVICES = frozenset({"search", "searches", "fetch", "tool", "tools", "surcharge", "citation", "citations"})
"""What a bot uses on the way to its answer."""

_MODALITIES = {
    word: modality
    for modality, words in {
        "text": "text",
        "image": "image images picture pictures photo photos",
        "video": "video videos frame frames",
        "audio": "audio speech voice sound music",
        "file": "file files document documents pdf pdfs",
        "citation": "citation citations",
    }.items()
    for word in words.split()
}


def words_of(text: str | None) -> frozenset[str]:
    """The English words of a label in lower case, without order and numbers."""
    return frozenset(_WORD.findall((text or "").casefold()))


def token_kinds(*texts: str | None) -> frozenset[TokenKind]:
    """Which tokens a price is for, from the first text that names a kind; empty if none does.

    `Input/Output` names two kinds. Storage in the cache and cached output are no kind of ours.

    Args:
        texts: label, attributes, section, qualifier: the most specific text first.
    """
    for text in texts:
        words = words_of(text)
        if words & CACHE:
            if words & _STORAGE or (words & _OUTPUT and not words & _INPUT):
                return frozenset()
            if not words & WRITING:
                return frozenset({"cached"})
            return frozenset({"cache_write_surcharge" if "surcharge" in words else "cache_write"})
        kinds: set[TokenKind] = set()
        if words & _INPUT:
            kinds.add("input")
        if words & _OUTPUT:
            kinds.add("output")
        if kinds:
            return frozenset(kinds)
    return frozenset()


def modalities(label: str | None) -> frozenset[str]:
    """The modalities that a label names: `text`, `image`, `video`, `audio`, `file`, `citation`."""
    return frozenset(_MODALITIES[word] for word in words_of(label) if word in _MODALITIES)


def is_given(label: str, qualifier: str | None, attributes: Mapping[str, str], section: str | None) -> bool:
    """True if a price is for something that the user gives, such as a reference image.

    A label or qualifier says so with a word among others, attributes and section only if they say nothing else: the
    section `With video input` is about what the bot makes.
    """
    for text in (label, qualifier):
        words = words_of(text)
        if words & _OUTPUT:
            return False
        if words & _GIVEN and not words & _CIRCUMSTANCE:
            return True
    return _says_only(_GIVEN, (*attributes.values(), section))


def _says_only(meant: frozenset[str], texts: Iterable[str | None]) -> bool:
    return any((words := words_of(text) - _PRICE_FILLERS) and words <= meant for text in texts)


def is_service(label: str) -> bool:
    """True if a label names something that a bot uses on the way, such as a web search, or the cache."""
    return bool(words_of(label) & (_SERVICES | CACHE))
