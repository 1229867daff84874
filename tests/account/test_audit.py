"""Bills, held against the prices that were in force."""

import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil
from pathlib import Path
from random import Random

import pytest

from poe_scraper import api
from poe_scraper.account.audit import Audit, BotAudit, audit
from poe_scraper.account.endpoints import Usage
from poe_scraper.account.expectations import Expected
from poe_scraper.feed.reader import FeedReader
from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter
from poe_scraper.items import ApiPricing, Bot, ContextWindow, Feed, Pricing
from tests.made_feed import TIER, bot, both, pricing, rate, run, tokens

FIRST = datetime(2026, 11, 1, 12, tzinfo=UTC)
SECOND = datetime(2026, 11, 15, 12, tzinfo=UTC)
WINDOW = ContextWindow(context_length=400_000, max_output_tokens=128_000)
CACHE = {"kind": "cache_discount", "percent": "90"}
SURCHARGE = {"kind": "cache_write_surcharge", "percent": "25"}
CALLED = {"kind": "plus_called_bots"}
UNDISCLOSED = {"kind": "undisclosed_costs"}
FREE = {"kind": "free_allowance", "quantity": "100", "unit": "point"}

Parts = dict[str, int | None]


def usage(name: str, points: object, parts: Parts | None = None, at: datetime = SECOND, number: int = 0) -> Usage:
    sent = at + timedelta(minutes=number)
    return Usage.model_validate(
        {
            "id": f"{name}-{sent.isoformat()}",
            "at": sent,
            "bot": name,
            "kind": "API",
            "points": str(points),
            "usd": "0",
            "parts": {label: None if figure is None else str(figure) for label, figure in (parts or {}).items()},
        }
    )


def judged(
    prices: Pricing, points: object, parts: Parts | None = None, window: ContextWindow | None = WINDOW
) -> BotAudit:
    """A bill of the only bot of a feed."""
    feed = Feed(
        version=1, generated_at=FIRST, run=run(FIRST), data=(bot("Some-Bot", FIRST, prices, context_window=window),)
    )
    reader = FeedReader(feed.model_dump_json().encode(), "made here")
    (bot_audit,) = audit([usage("SOME-bot", points, parts, at=FIRST)], FeedStore(Path("nowhere")), reader).bots
    assert bot_audit.bot == "some-bot"
    return bot_audit


FLAT = pricing(both("Total cost", "0.0059", "195", "message"))
FLAT_USD = pricing([rate("Total cost", "USD", "0.0059", "1", "message")])
FLAT_API = pricing([], api=ApiPricing(request=Decimal("0.0051")))
SIZES = pricing(both("1K", "0.03", "990", "message") + both("4K", "0.06", "1980", "message"))
IMAGE = pricing(both("Image Output", "0.03", "990", "image"))
TALK = pricing(tokens("Input (text)", "2.27", "75") + tokens("Output (text)", "13.64", "450"))
TIERED = pricing(tokens("Input", "2.27", "75") + tokens("Output", "13.64", "450"), (TIER, CACHE, SURCHARGE))
DEAR = pricing(tokens("Input", "1000", "33000"), (CACHE,))
VIDEO = pricing(both("Video Output", "0.09", "3000", "second"))
MIXED = pricing(
    tokens("Input", "2.27", "75") + tokens("Output", "13.64", "450") + both("Web search", "0.01", "330", "search")
)
NO_UNIT = pricing(both("720p", "0.31", "10230", None))


@pytest.mark.parametrize(
    ("prices", "points", "parts", "expected", "verdict"),
    [
        # flat: the posted points, rounded up already
        (FLAT, 195, None, (195, 195), "agrees"),
        (FLAT, 194, None, (195, 195), "outside"),
        (FLAT, 196, None, (195, 195), "outside"),
        (FLAT, 195, {"Total cost": 195}, (195, 195), "agrees"),
        (FLAT, 0, {"Total cost": 0}, (195, 195), "outside"),
        (FLAT, 196, {"Total cost": 196}, (195, 195), "outside"),
        (FLAT, 195, {"Input": 60, "Output": 135}, (195, 195), "agrees"),
        (FLAT, 200, {"Input": 65, "Output": 135}, (195, 195), "outside"),
        # dollars alone are rounded to their last digit: 0.00585 to 0.00595
        (FLAT_USD, 194, None, (194, 197), "agrees"),
        (FLAT_USD, 197, None, (194, 197), "agrees"),
        (FLAT_USD, 193, None, (194, 197), "outside"),
        (FLAT_USD, 198, None, (194, 197), "outside"),
        (FLAT_API, 169, None, (167, 170), "agrees"),
        (FLAT_API, 171, None, (167, 170), "outside"),
        (pricing(both("Total cost", "0", "0", "message")), 0, None, (0, 0), "agrees"),
        (pricing(both("Total cost", "0", "0", "message")), 1, None, (0, 0), "outside"),
        # several flat prices
        (SIZES, 1980, None, (1980, 1980), "agrees"),
        (SIZES, 1980, {"4K": 1980}, (1980, 1980), "agrees"),
        (SIZES, 1980, {"1K": 1980}, (990, 990), "outside"),
        (SIZES, 2970, None, (990, 2970), "cannot_tell"),
        (SIZES, 3000, None, (990, 2970), "outside"),
        (SIZES, 900, None, (990, 2970), "outside"),
        # counted units: so many times what was rounded up to 990
        (IMAGE, 990, None, (990, 990), "agrees"),
        (IMAGE, 2968, None, (2968, 2970), "agrees"),
        (IMAGE, 2970, {"Images": 2970}, (2968, 2970), "agrees"),
        (IMAGE, 2967, None, (990, None), "outside"),
        (IMAGE, 1500, {"Image Output": 1500}, (990, None), "outside"),
        (IMAGE, 989, None, (990, None), "outside"),
        # tokens: up to the context's length in, up to the longest answer out
        (TALK, 30_000, {"Input (text)": 30_000}, (0, 30_000), "agrees"),
        (TALK, 30_001, {"Input (text)": 30_001}, (0, 30_000), "outside"),
        (TALK, 57_601, {"Output": 57_601}, (0, 57_600), "outside"),
        (TALK, 87_600, None, (1, 87_600), "agrees"),
        (TALK, 87_601, None, (1, 87_600), "outside"),
        (TALK, 0, None, (1, 87_600), "outside"),
        # a breakdown that does not add up; each part may be off by the rounding
        (TALK, 150, {"Input": 50, "Output": 101}, (0, 87_600), "agrees"),
        (TALK, 150, {"Input": 50, "Output": 102}, (0, 87_600), "outside"),
        (TALK, 150, {"Input": 50, "Output": None}, None, "cannot_tell"),
        (TALK, 150, {"Input": 50, "Output": 100, "Magic": 0}, (0, 87_600), "agrees"),
        (TALK, 150, {"Input": 50, "Magic": 100}, (0, None), "cannot_tell"),
        # adjustments widen the range: twice the input above 272k, a quarter more for what is cached
        (TIERED, 75_000, {"Input": 75_000}, (0, 75_000), "agrees"),
        (TIERED, 75_001, {"Input": 75_001}, (0, 75_000), "outside"),
        (TIERED, 3, {"Cached input": 3}, (0, 75_000), "agrees"),
        (TIERED, 86_401, {"Output": 86_401}, (0, 86_400), "outside"),
        (DEAR, 3, {"Input": 3}, (3, 13_200_000), "agrees"),
        (DEAR, 2, {"Input": 2}, (3, 13_200_000), "outside"),
        # what the history does not tell
        (VIDEO, 15_000, None, (1, None), "cannot_tell"),
        (VIDEO, 1_200, {"Video Output": 1_200}, (0, None), "cannot_tell"),
        (MIXED, 5_000_000, None, (1, None), "cannot_tell"),
        (MIXED, 660, {"Web search": 660}, (659, 660), "agrees"),
        (MIXED, 700, {"Web search": 700}, (330, None), "outside"),
        (NO_UNIT, 20_460, None, (20_459, 20_460), "agrees"),
        (NO_UNIT, 5_000, None, (10_230, None), "cannot_tell"),
        # what no figure bounds
        (pricing(both("Base", "0.0059", "195", "message"), (CALLED,)), 900, None, (195, None), "cannot_tell"),
        (pricing(both("Base", "0.0059", "195", "message"), (CALLED,)), 194, None, (195, None), "outside"),
        (pricing(both("Total cost", "0.0059", "195", "message"), (FREE,)), 95, None, (0, 195), "cannot_tell"),
        (pricing(both("Total cost", "0.0059", "195", "message"), (FREE,)), 196, None, (0, 195), "outside"),
        (pricing(both("Base", "0.0059", "195", "message"), (UNDISCLOSED,)), 9, None, None, "cannot_tell"),
        (pricing(both("Total cost", "0.0059", "195", "message"), unparsed=("plus $5",)), 9, None, None, "cannot_tell"),
        (pricing([rate("Typical", "points", "40", "1", "message", bound="about")]), 90, None, None, "cannot_tell"),
        (pricing([]), 9, None, None, "cannot_tell"),
        (pricing([rate("A song", "points", "40", "1", "message", bound="from")]), 90, None, (40, None), "cannot_tell"),
        (pricing([rate("A song", "points", "40", "1", "message", bound="from")]), 39, None, (40, None), "outside"),
        (pricing([rate("A song", "points", "40", "1", "message", bound="up_to")]), 0, None, (0, 40), "agrees"),
        (pricing([rate("A song", "points", "40", "1", "message", bound="up_to")]), 41, None, (0, 40), "outside"),
        (pricing([rate("A song", "points", "40", "1", "message", max_amount="60")]), 60, None, (40, 60), "agrees"),
        (pricing([rate("A song", "points", "40", "1", "message", max_amount="60")]), 61, None, (40, 60), "outside"),
    ],
)  # fmt: skip
def test_bills(
    prices: Pricing, points: int, parts: Parts | None, expected: tuple[int, int | None] | None, verdict: str
) -> None:
    bot_audit = judged(prices, points, parts)
    figures = bot_audit.expected and (bot_audit.expected.min, bot_audit.expected.max)
    assert (bot_audit.verdict, figures) == (verdict, expected)
    assert bool(bot_audit.reasons) == (verdict != "agrees")


def test_tokens_without_a_known_context_cannot_be_judged() -> None:
    bot_audit = judged(TALK, 10**9, {"Input": 10**9}, window=None)
    assert bot_audit.verdict == "cannot_tell"
    assert bot_audit.reasons == (
        "the number of tokens billed is not known, and the feed does not know its context length",
    )


def test_free_tokens_are_free_whatever_the_context() -> None:
    free = pricing(tokens("Input", "0", "0") + tokens("Output", "0", "0"))
    assert judged(free, 0, {"Input": 0}, window=None).verdict == "agrees"
    assert judged(free, 5, {"Input": 5}, window=None).verdict == "outside"
    assert judged(free, 5, window=None).verdict == "outside"


def test_a_variable_price_cannot_be_judged() -> None:
    prices = pricing(tokens("Input (text)", "2.27", "75"), ({"kind": "variable", "label": "Input (file)"},))
    assert judged(prices, 10**6, {"Input (file)": 10**6}).verdict == "cannot_tell"
    assert judged(prices, 10**6).verdict == "cannot_tell"
    assert judged(prices, 10**6, {"Input (text)": 10**6}).verdict == "outside"


def test_reasons_say_what_was_billed_and_expected() -> None:
    assert judged(FLAT, 390).reasons == ("billed 390: expected 195",)
    assert judged(IMAGE, 1500).reasons == ("billed 1,500: expected 990 per image",)
    assert judged(TALK, 31_000, {"Input": 31_000}).reasons == (
        "billed 31,000: 31,000 for the part 'Input', expected 0-30,000",
    )
    assert judged(TALK, 300, {"Input": 1, "Output": 2}).reasons == ("billed 300: its parts add up to 3",)


# --- a whole history ---------------------------------------------------------------------------

POINTS_PER_USD = 33_000


def cards(at: datetime) -> list[Bot]:
    later = at == SECOND
    talk = TIERED if later else pricing(tokens("Input", "2.52", "84") + tokens("Output", "13.64", "450"), (TIER, CACHE))
    flat = both("Total cost", *(("0.0061", "200") if later else ("0.0059", "195")), "message")
    return [
        bot(name, at, prices, context_window=WINDOW)
        for name, prices in {
            "Talker": talk,
            "Talker-Wrong": talk,
            "Flat-Chat": pricing(flat),
            "Flat-Wrong": pricing(flat),
            "Small-Flat": pricing(both("Total cost", "0.00045", "15", "message")),
            "Api-Flat": pricing([], api=ApiPricing(request=Decimal("0.0051"))),
            "Painter": IMAGE,
            "Painter-Wrong": IMAGE,
            "Films": VIDEO,
            "Free-Chat": pricing(both("Total cost", "0", "0", "message")),
            "Secretive": pricing([], (UNDISCLOSED,)),
        }.items()
    ]


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A feed of two versions: the prices of some bots changed between them."""
    folder = tmp_path_factory.mktemp("feed")
    with FeedWriter(FeedStore(folder), "a test") as writer:
        for at in (FIRST, SECOND):
            writer.publish(cards(at), run(at), now=at)
    return folder


def talked(draw: Random, at: datetime) -> tuple[int, Parts]:
    """What a message of the token bots costs: real prices behind the posted ones, and real rounding."""
    into = Fraction("2.2671" if at >= SECOND else "2.5201") * POINTS_PER_USD / 10**6
    out = Fraction("13.6361") * POINTS_PER_USD / 10**6
    fresh, cached, made = draw.randrange(1, 200_000), draw.randrange(200_000), draw.randrange(1, 128_000)
    tier = (2, Fraction(3, 2)) if fresh + cached > 272_000 else (1, 1)
    parts = ((fresh + Fraction(cached, 10)) * into * tier[0], made * out * tier[1])
    return ceil(sum(parts, Fraction(0))), {"Input": round(parts[0]), "Output": round(parts[1])}


TWINS = {"Talker-Wrong": "Talker", "Flat-Wrong": "Flat-Chat", "Painter-Wrong": "Painter"}
"""Bots that are billed wrongly once, and those whose prices they share."""


def rightly(name: str, at: datetime, draw: Random) -> tuple[int, Parts]:
    """What a message costs, and its breakdown, which Poe leaves out at times."""
    count = draw.randrange(1, 5)
    flat = 200 if at >= SECOND else 195
    bills: dict[str, Callable[[], tuple[int, Parts]]] = {
        "Talker": lambda: talked(draw, at),
        "Flat-Chat": lambda: (flat, {"Total cost": flat}),
        "Small-Flat": lambda: (ceil(Fraction("0.00045") * POINTS_PER_USD), {}),
        "Api-Flat": lambda: (ceil(Fraction("0.0051") * POINTS_PER_USD), {}),
        "Painter": lambda: (ceil(count * Fraction("989.4")), {"Image Output": ceil(count * Fraction("989.4"))}),
        "Films": lambda: (count * 3000, {}),
        "Free-Chat": lambda: (0, {}),
        "Secretive": lambda: (draw.randrange(5000), {}),
    }  # fmt: skip
    points, parts = bills[TWINS.get(name, name)]()
    return points, parts if draw.random() < 0.7 else {}


def fabricated(seed: int) -> list[Usage]:
    """Sixteen days of all bots, of which three are billed wrongly once."""
    draw = Random(seed)
    handles = [bot.handle or "" for bot in cards(FIRST)]
    usages = []
    for number in range(600):
        at = FIRST + timedelta(minutes=number * 40)
        if SECOND - timedelta(hours=2) <= at < SECOND:
            continue
        name = handles[number % len(handles)]
        points, parts = rightly(name, at, draw)
        usages.append(usage(draw.choice((name, name.upper(), name.lower())), points, parts, at))
    wrong = [
        usage("Flat-Wrong", 195, {"Total cost": 195}, SECOND + timedelta(hours=5)),  # the price before
        usage("Talker-Wrong", 90_000, {"Input": 10, "Output": 89_990}, SECOND + timedelta(hours=6)),
        usage("Painter-Wrong", 1_485, {}, FIRST + timedelta(hours=7)),
    ]
    return usages + wrong


def by_id(result: Audit) -> dict[str, BotAudit]:
    return {bot_audit.bot: bot_audit for bot_audit in result.bots}


@pytest.mark.parametrize("seed", range(5))
def test_exactly_the_three_that_were_billed_wrongly(feed: Path, seed: int) -> None:
    usages = fabricated(seed)
    result = api.audit(usages, feed)
    assert {bot_audit.bot: bot_audit.outside for bot_audit in result.outside} == {
        "flat-wrong": 1,
        "painter-wrong": 1,
        "talker-wrong": 1,
    }
    by_bot = by_id(result)
    assert sum(each.messages for each in result.bots) == len(usages)
    assert sum(each.points for each in result.bots) == sum(each.points for each in usages)
    verdicts = {name: each.verdict for name, each in by_bot.items() if name not in {bot.bot for bot in result.outside}}
    assert verdicts == {
        "talker": "agrees",
        "flat-chat": "agrees",
        "small-flat": "agrees",
        "api-flat": "agrees",
        "painter": "agrees",
        "free-chat": "agrees",
        "films": "cannot_tell",
        "secretive": "cannot_tell",
    }
    assert all(by_bot[name].undetermined == 0 for name, verdict in verdicts.items() if verdict == "agrees")


# --- the price in force ------------------------------------------------------------------------


def exactly(points: int) -> Expected:
    return Expected(min=Decimal(points), max=Decimal(points))


def test_each_message_is_compared_with_the_price_of_its_time(feed: Path) -> None:
    before, after = SECOND - timedelta(microseconds=1), SECOND
    bot_audit = by_id(api.audit([usage("flat-chat", 195, at=before), usage("FLAT-CHAT", 200, at=after)], feed))[
        "flat-chat"
    ]
    assert (bot_audit.verdict, bot_audit.undetermined) == ("agrees", 0)
    assert [finding.version for finding in bot_audit.findings] == [2, 1]
    assert [finding.expected for finding in bot_audit.findings] == [exactly(200), exactly(195)]
    assert bot_audit.expected == Expected(min=Decimal(195), max=Decimal(200))
    late = by_id(api.audit([usage("flat-chat", 195, at=after)], feed))["flat-chat"]
    assert late.verdict == "outside"
    assert late.findings[0].version == 2


def test_a_price_charged_before_it_was_seen_cannot_be_judged(feed: Path) -> None:
    (bot_audit,) = api.audit([usage("flat-chat", 200, at=SECOND - timedelta(days=1))], feed).bots
    assert bot_audit.verdict == "cannot_tell"
    assert bot_audit.reasons == ("it fits the prices of version 2, and it is not known when they changed",)
    (bot_audit,) = api.audit([usage("flat-chat", 201, at=SECOND - timedelta(days=1))], feed).bots
    assert bot_audit.verdict == "outside"


def test_a_price_that_was_confirmed_later_was_in_force(tmp_path: Path) -> None:
    with FeedWriter(FeedStore(tmp_path), "a test") as writer:
        for at, price in ((FIRST, "195"), (FIRST + timedelta(days=3), "195"), (SECOND, "200")):
            prices = pricing([rate("Total cost", "points", price, "1", "message")])
            other = pricing([rate("Total cost", "points", str(at.day), "1", "message")])  # makes a version of each
            writer.publish([bot("Flat", at, prices), bot("Other", at, other)], run(at), now=at)
    (early,) = api.audit([usage("flat", 200, at=FIRST + timedelta(days=2))], tmp_path).bots
    assert early.verdict == "outside"  # 195 points were seen a day later
    (late,) = api.audit([usage("flat", 200, at=FIRST + timedelta(days=4))], tmp_path).bots
    assert late.verdict == "cannot_tell"


def test_a_message_long_after_the_last_look_says_so(feed: Path) -> None:
    (bot_audit,) = api.audit([usage("flat-chat", 5, at=SECOND + timedelta(days=9))], feed).bots
    assert bot_audit.reasons == ("billed 5: expected 200; prices last seen 2026-11-15",)


def test_messages_that_no_version_covers(feed: Path) -> None:
    result = by_id(api.audit([usage("flat-chat", 1, at=FIRST - timedelta(days=1)), usage("nobody", 1)], feed))
    assert result["flat-chat"].reasons == ("the feed has its prices only since 2026-11-01 12:00 UTC (version 1)",)
    assert result["nobody"].reasons == ("the feed has no such bot",)
    assert {bot_audit.verdict for bot_audit in result.values()} == {"cannot_tell"}


def test_each_version_is_read_once_and_only_where_needed(feed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(path: Path) -> FeedReader:
        read.append(path.name)
        return FeedReader(gzip.decompress(path.read_bytes()), str(path))

    monkeypatch.setattr("poe_scraper.account.audit.read_feed", counted)
    api.audit([usage("talker", 5, at=SECOND, number=number) for number in range(20)], feed)
    assert read == ["000002.json.gz"]
    api.audit([usage("talker", 5, at=FIRST, number=number) for number in range(20)], feed)
    assert read[1:] == ["000002.json.gz", "000001.json.gz"]


def test_nothing_was_billed(feed: Path) -> None:
    assert api.audit([], feed) == Audit()


def test_with_the_starter_feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POE_OUTPUT_DIR", raising=False)
    api.reload_models()
    result = by_id(api.audit([usage("DeepSeek-V3-Turbo-DI", 195), usage("gpt-oss-20b-t", 16)]))
    assert result["deepseek-v3-turbo-di"].verdict == "agrees"
    assert result["gpt-oss-20b-t"].verdict == "outside"
