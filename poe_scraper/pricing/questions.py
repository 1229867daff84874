"""The cheapest bot for a purpose: which bots fit it, what one standard use of it is, and their costs in order."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from typing import Any, Literal, NamedTuple, TypeAlias

from poe_scraper.items import Bot
from poe_scraper.pricing import costs, media
from poe_scraper.pricing.abilities import abilities
from poe_scraper.pricing.conclusions import examine
from poe_scraper.pricing.costs import Cost, Ranking
from poe_scraper.pricing.kinds import words_of

Purpose: TypeAlias = Literal["chat", "image", "video", "speech", "music", "search"]


class Question(NamedTuple):
    """A purpose and one standard use for it."""

    label: str
    """What a button says."""
    usage: dict[str, Decimal]
    """The standard use, as arguments of `cost`."""
    words: str
    """The standard use in words."""
    unfit: str
    """Why most bots do not fit."""


QUESTIONS: dict[Purpose, Question] = {
    "chat": Question(
        "Chat",
        {"input_tokens": Decimal(20_000), "output_tokens": Decimal(3_000), "messages": Decimal(10)},
        "10 messages with 20,000 tokens in and 3,000 out",
        "it does not answer in text",
    ),
    "image": Question("Image", {"images": Decimal(1)}, "one image", "it does not make images"),
    "video": Question("Video", {"seconds": Decimal(5)}, "a clip of 5 seconds", "it does not make videos"),
    "speech": Question("Speech", {"seconds": Decimal(60)}, "one minute of speech", "it does not speak"),
    "music": Question("Music", {"seconds": Decimal(60)}, "one minute of music or sound", "it does not make music"),
    "search": Question(
        "Search",
        {"searches": Decimal(1), "messages": Decimal(1)},
        "one search; where a bot counts tokens, those of its answer come on top",
        "it has no price of a search",
    ),
}

EDITS = "it works on what you give it"
VIDEO_WITH_SOUND = "it makes sound for videos"


def misfit(bot: Bot, purpose: Purpose) -> str | None:
    """Why a bot does not fit a purpose; None if it does."""
    return misfits(bot)[purpose]


def misfits(bot: Bot) -> dict[Purpose, str | None]:
    """Why a bot does not fit each purpose; None if it does. Its modalities, card, names and description decide."""
    able = abilities(bot)
    examined = examine(bot.pricing)
    made = media.makes(bot, examined.page)
    writes = any(
        price.unit == "token" and "output" in price.kinds and price.is_about_text and media.named_by(price) <= {"text"}
        for price in (*examined.page, *examined.api)
    )
    only_text = not made - {"text", "file", "citation"} and not able & {"edits", "speaks", "transcribes"}
    searched = any(price.unit == "search" or "search" in words_of(price.label) for price in examined.page)
    edits = EDITS if "edits" in able else None
    sounds = "audio" in made
    fits = {
        "chat": writes or only_text,
        "image": "image" in made,
        "video": "video" in made,
        "speech": sounds and "speaks" in able,
        "music": sounds and not ("speaks" in able or writes),
        "search": "searches" in able or searched,
    }
    found: dict[Purpose, str | None] = {
        purpose: None if fits[purpose] else question.unfit for purpose, question in QUESTIONS.items()
    }
    for purpose in ("image", "video"):
        found[purpose] = found[purpose] or edits
    if sounds and "video" in made and "transcribes" not in able:
        found["speech"] = found["music"] = VIDEO_WITH_SOUND
    return found


def rank(
    bots: Iterable[Bot],
    purpose: Purpose,
    *,
    cost: Callable[..., Cost] = costs.cost,
    **usage: Any,
) -> Ranking:
    """Rank the active bots that fit a purpose by what one use costs on them.

    Args:
        bots: to choose from.
        purpose: what they are for.
        cost: computes a cost from a bot, attributes and usage, such as `poe_scraper.pricing.costs.cost`.
        usage: as for `cost`; the purpose's standard use by default.

    Raises:
        UsageError: as for `cost`.
    """
    active = (bot for bot in bots if bot.status != "gone")
    usage = usage or dict(QUESTIONS[purpose].usage)
    return costs.ranked(active, misfit=partial(misfit, purpose=purpose), cost=cost, **usage)
