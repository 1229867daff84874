"""Which bots fit a purpose, and how they rank."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from poe_scraper.items import Architecture, Bot, Pricing
from poe_scraper.pricing.abilities import said
from poe_scraper.pricing.questions import EDITS, VIDEO_WITH_SOUND, Purpose, misfit, rank
from tests.made_feed import both, tokens

SEEN = datetime(2026, 10, 22, tzinfo=UTC)


def bot(name: str, rates: list[Any], out: str | None = None, **more: Any) -> Bot:
    made = Architecture(input_modalities=("text",), output_modalities=(out,)) if out else None
    return Bot(
        id=name,
        url=f"https://poe.com/{name}",
        first_seen=SEEN,
        last_seen=SEEN,
        pricing=Pricing(rates=tuple(rates)),
        architecture=made,
        **more,
    )


@pytest.mark.parametrize(
    ("name", "description", "expected"),
    [
        ("AuraSR", "Fast and cost-effective image upscaler.", {"edits"}),
        ("SDXL-Inpainting", None, {"edits"}),
        ("Midjourney", "Images from text prompts: text-to-image, upscaling, inpainting.", set()),
        ("Ideogram", "Generate high-quality images. Style transfer: send two images.", set()),
        ("Orpheus-TTS", None, {"speaks"}),
        ("Gemini-Voice", "A text\u2011to\u2011speech model.", {"speaks"}),
        ("Whisper", "Automatic speech recognition.", {"transcribes"}),
        ("YuE-Music", None, {"composes"}),
        ("Sonar", "A search engine.", {"searches"}),
        ("GPT", "Answers. " * 40 + "Upscales images.", set()),
    ],
)
def test_what_names_and_descriptions_say(name: str, description: str | None, expected: set[str]) -> None:
    assert said((name.casefold(), name), description) == expected


IMAGE = both("Image Output", "0.01", "330", "message")
VIDEO = both("Video Output", "0.1", "3300", "second")
SPEECH = both("Total cost", "0.02", "660", "message")


@pytest.mark.parametrize(
    ("purpose", "candidate", "reason"),
    [
        ("image", bot("painter", IMAGE), None),
        ("image", bot("painter-called-text", IMAGE, "text"), None),
        ("image", bot("upscaler", IMAGE, "image"), EDITS),
        ("image", bot("talker", tokens("Output", "1", "33"), "text"), "it does not make images"),
        ("video", bot("films", VIDEO, "text"), None),
        ("video", bot("films-lipsync", VIDEO, "video"), EDITS),
        ("speech", bot("one-tts", SPEECH), None),
        ("speech", bot("hears-whisper", SPEECH, "audio"), "it does not speak"),
        ("speech", bot("a-music", SPEECH, "audio"), "it does not speak"),
        ("music", bot("a-music", SPEECH), None),
        ("music", bot("sounds", SPEECH, "audio"), None),
        ("music", bot("one-tts", SPEECH), "it does not make music"),
        ("music", bot("films", both("Video with audio", "1", "33000", "second")), VIDEO_WITH_SOUND),
        ("chat", bot("talker", tokens("Output", "1", "33")), None),
        ("chat", bot("flat", both("Total cost", "0.01", "330", "message"), "text"), None),
        ("chat", bot("painter", IMAGE, "text"), "it does not answer in text"),
        ("search", bot("finds", both("Web search", "0.01", "330", "call")), None),
        ("search", bot("some-search", SPEECH), None),
        ("search", bot("talker", tokens("Output", "1", "33")), "it has no price of a search"),
    ],
    ids=lambda value: value.id if isinstance(value, Bot) else None,
)
def test_which_bots_fit(purpose: Purpose, candidate: Bot, reason: str | None) -> None:
    assert misfit(candidate, purpose) == reason


def test_what_transcribes_speech_makes_none() -> None:
    rates = both("Audio Output", "0.02", "660", "message")
    assert misfit(bot("hears-whisper", rates, "audio"), "speech") == "it does not speak"
    assert misfit(bot("hears-whisper", rates, "audio"), "music") == "it does not make music"


def test_a_ranking_has_the_cheapest_first_and_says_why_the_others_are_missing() -> None:
    dear = both("Image", "0.03", "990", "image")
    given = both("Image input", "0.001", "33", "image")
    ranking = rank(
        [
            bot("dear", dear),
            bot("cheap", IMAGE),
            bot("upscaler", IMAGE),
            bot("left", IMAGE, status="gone", gone_since=SEEN),
            bot("films", [*VIDEO, *given], "image"),
        ],
        "image",
        images=4,
    )
    assert [(cost.bot, cost.usd.amount) for cost, _ in ranking.costs] == [
        ("cheap", Decimal("0.04")),
        ("dear", Decimal("0.12")),
    ]
    unfit = dict(ranking.unfit)
    assert unfit["upscaler"] == EDITS
    assert "for what is given to it" in unfit["films"]
    assert "left" not in unfit


@pytest.mark.parametrize(
    ("rates", "usd", "words"),
    [
        (both("Text", "0.0001", "3.3", "character"), "0.09", "one second of speech is 15 characters"),
        (tokens("Output (audio tokens)", "30", "990"), "0.045", "one second of speech is 25 tokens"),
        (SPEECH, "0.02", "one message makes a clip of 60 s"),
    ],
)
def test_a_minute_of_speech_is_comparable(rates: list[Any], usd: str, words: str) -> None:
    ((cost, _),) = rank([bot("one-tts", rates)], "speech").costs
    assert cost.usd.amount == Decimal(usd)
    assert cost.usd.bound == ("about" if "second" in words else "exact")
    assert cost.assumptions[0].startswith(words)
