"""What a bot says of itself that its prices and modalities do not: whether it speaks, searches, or only edits.

The models API has `audio` for speech and for music, and a card's `Image Output` for a painter and for an upscaler.
A bot's names and the start of its description tell them apart.
"""

import re
from typing import Literal, TypeAlias, get_args

from poe_scraper.items import Bot

Ability: TypeAlias = Literal["edits", "speaks", "composes", "transcribes", "searches"]
"""`edits`: it works on an image, video or recording that the user has to give."""

ABILITIES: tuple[Ability, ...] = get_args(Ability)

_READ = 300
"""How many characters of a description are read: what follows is about options."""

_NAMES: dict[Ability, str] = {
    "edits": r"upscal|inpaint|outpaint|eraser|retouch|restyl|lip ?sync|rmbg|remove background|gen ?fill|\bfill\b|edit\b"
    r"|segment|try on|style transfer",
    "speaks": r"\btts\b|\bspeech\b",
    "composes": r"music|\bsongs?\b",
    "transcribes": r"whisper|transcri|audio to text|speech to text",
    "searches": r"search|\bsonar\b",
}
_TEXTS: dict[Ability, str] = {
    "edits": r"upscal(?:e|es|er|ing)\b|in-?painting|out-?painting|retouch|lip-?sync|given an? (?:image|video)"
    r"|animates given|takes in (?:an? )?(?:image|sketch|video|text input and an image)|requires an image"
    r"|(?:upload|send) an image and an audio|using an image of|(?:send|attach) (?:a|the|two) (?:video|images)\b"
    r"|removes? (?:the )?backgrounds?|removal of|segmenting|edit images with|image editing model"
    r"|especially for image editing|transfer styles between|to your photo|object addition|describe images"
    r"|still images to life|videos from images|that you give it",
    "speaks": r"text.to.speech|speech synthesis|natural-sounding speech|realistic dialogue",
    "composes": r"(?:generates?|makes?|creates?|compose[sd]?) (?:\w+ )?(?:music|songs)|music generation|melodies",
    "transcribes": r"speech recognition|speech.to.text|transcribes? ",
    "searches": r"web search|search engine|search(?:es|ing) (?:the )?web|search bot",
}
_GENERATES = re.compile(
    r"text.to.(?:image|video|audio)|send a prompt to generate|from (?:a )?(?:text|prompts?|your prompts)\b|prompt alone"
    r"|generation and (?:image )?editing|generates? (?:[\w-]+ ){0,2}images\b",
    re.IGNORECASE,
)
"""What says that a bot which also edits can start from words alone."""

_IN_NAMES = {ability: re.compile(pattern) for ability, pattern in _NAMES.items()}
_IN_TEXTS = {ability: re.compile(pattern, re.IGNORECASE) for ability, pattern in _TEXTS.items()}


def abilities(bot: Bot) -> frozenset[Ability]:
    """What the names and the description of a bot say that it does."""
    return frozenset(said((bot.id, bot.handle, bot.display_name), bot.description))


def said(names: tuple[str | None, ...], description: str | None) -> set[Ability]:
    """What names and a description say that a bot does.

    Args:
        names: id, handle, display name.
        description: in the creator's words.
    """
    words = "\n".join(re.sub(r"[\s_-]+", " ", name).casefold() for name in names if name)
    text = (description or "")[:_READ]
    found = {ability for ability in ABILITIES if _IN_NAMES[ability].search(words) or _IN_TEXTS[ability].search(text)}
    if _GENERATES.search(text):
        found.discard("edits")
    if "transcribes" in found:
        found.discard("speaks")
    return found
