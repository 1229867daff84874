"""The Python API."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from poe_scraper import api
from poe_scraper.failures import FeedError, UnknownBotError, UnpricedError, UsageError
from tests.made_feed import FIRST, SECOND, publish


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(tmp_path_factory.mktemp("feed"))


def test_it_imports_nothing_of_the_crawl() -> None:
    program = (
        "import sys\n"
        "from poe_scraper import api\n"
        "api.get_all_models(); api.search_models('gpt'); api.cost('gpt-5.4', input_tokens=1)\n"
        "print(sorted({'scrapy', 'twisted', 'playwright', 'click', 'rich'} & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert (result.stdout, result.stderr) == ("[]\n", "")


def test_a_feed_is_loaded_once_and_reloaded_on_demand(tmp_path: Path) -> None:
    publish(tmp_path)
    feed = api.load_models(tmp_path)
    assert api.load_models(str(tmp_path)) is feed
    assert api.get_model_by_id("GPT-test", tmp_path) is feed["gpt-test"]
    (tmp_path / "models.json").unlink()
    for version in (tmp_path / "versions").iterdir():
        version.unlink()
    assert api.load_models(tmp_path) is feed
    with pytest.raises(FeedError, match="There is no feed"):
        api.reload_models(tmp_path)


def test_all_models(folder: Path) -> None:
    bots = api.get_all_models(folder)
    assert [bot.id for bot in bots] == sorted(bot.id for bot in bots)
    assert len(bots) == 9
    assert bots[0] is api.get_model_by_id("api-only", folder)
    assert [bot.id for bot in bots[-2:]] == ["secretive", "video-maker"]
    with pytest.raises(IndexError):
        bots[9]


def test_models_with_pricing(folder: Path) -> None:
    ids = [bot.id for bot in api.get_models_with_pricing(folder)]
    assert ids == ["api-only", "flat-chat", "free-chat", "gpt-test", "hostile", "newcomer", "video-maker"]


def test_models_needing_update(folder: Path) -> None:
    def due(max_age: timedelta) -> list[str]:
        now = SECOND + timedelta(hours=1)
        return [bot.id for bot in api.get_models_needing_update(max_age, now=now, output_dir=folder)]

    assert due(timedelta(days=1)) == ["api-only", "hostile"]  # never seen; failed
    assert len(due(timedelta(minutes=59))) == 8  # the one that is gone is not due


def test_search_models(folder: Path) -> None:
    found = api.search_models("chat", max_price=Decimal("0.001"), output_dir=folder)
    assert [bot.id for bot in found] == ["free-chat"]
    assert len(api.search_models(order="price", limit=3, gone=True, output_dir=folder)) == 3


def test_unknown_bot(folder: Path) -> None:
    assert api.get_model_by_id("nobody", folder) is None
    with pytest.raises(UnknownBotError, match="Did you mean gpt-test") as unknown:
        api.cost("gpt-tets", messages=1, output_dir=folder)
    assert unknown.value.near == ("gpt-test",)
    with pytest.raises(UnknownBotError):
        api.history("nobody", folder)


@pytest.mark.parametrize(
    ("at", "points"),
    [
        (None, "60"),
        (SECOND, "60"),
        (SECOND.date(), "60"),
        (SECOND - timedelta(seconds=1), "75"),
        (date(2026, 10, 26), "75"),
        (FIRST, "75"),
    ],
)
def test_cost_at_a_time(folder: Path, at: date | None, points: str) -> None:
    for bot in ("GPT-TEST", api.load_models(folder)["gpt-test"]):
        assert api.cost(bot, input_tokens=1000, at=at, output_dir=folder).points.amount == Decimal(points)


def test_cost_at_a_time_without_a_price(folder: Path) -> None:
    with pytest.raises(FeedError, match="No version of the feed was in force"):
        api.cost("gpt-test", input_tokens=1, at=FIRST - timedelta(seconds=1), output_dir=folder)
    with pytest.raises(UsageError, match="has no time zone"):
        api.cost("gpt-test", input_tokens=1, at=datetime(2026, 10, 21), output_dir=folder)  # noqa: DTZ001
    with pytest.raises(UnknownBotError):  # it came with version 2
        api.cost("newcomer", images=1, at=FIRST, output_dir=folder)


def test_cost_refuses_to_guess(folder: Path) -> None:
    with pytest.raises(UnpricedError, match="does not disclose"):
        api.cost("secretive", messages=1, output_dir=folder)


def test_history(folder: Path) -> None:
    first, second = api.history("gpt-test", folder)
    assert (first.version, first.at, second.version, second.at) == (1, FIRST, 2, SECOND)
    assert first.bot.pricing.rates[0].amount == Decimal("2.27")


def test_the_starter_feed_has_no_earlier_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POE_OUTPUT_DIR", raising=False)
    assert api.reload_models().starter
    assert len(api.history("gpt-5.4")) == 1
    assert api.cost("gpt-5.4", input_tokens=1, at=datetime(2026, 11, 1, tzinfo=UTC)).points.amount == Decimal("0.075")
    with pytest.raises(FeedError, match="No version of the feed was in force at 2026-10-01"):
        api.cost("gpt-5.4", input_tokens=1, at=date(2026, 10, 1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: api.search_models(limit=-1), "limit: .* greater than or equal to 1, got -1"),
        (lambda: api.search_models(limit=0), "limit"),
        (lambda: api.search_models(limit=True), "limit"),
        (lambda: api.search_models(7), "query: .* string, got 7"),  # type: ignore[arg-type]
        (lambda: api.search_models(order="cheap"), "order: .*'price'.*, got 'cheap'"),  # type: ignore[arg-type]
        (lambda: api.search_models(max_price=float("nan")), "max_price"),
        (lambda: api.get_model_by_id(None), "name"),  # type: ignore[arg-type]
        (lambda: api.cost(None, messages=1), "bot"),  # type: ignore[arg-type]
        (lambda: api.cost("gpt-test", input_tokens="12k"), "input_tokens"),  # type: ignore[arg-type]
        (lambda: api.cost("gpt-5", input_tokens=-1), "input_tokens must be a number of at least 0, got -1"),
        (lambda: api.cost("gpt-test", units=3), "units"),  # type: ignore[arg-type]
        (lambda: api.cost("gpt-test", messages=1, at="2026"), "at"),  # type: ignore[arg-type]
        (lambda: api.get_models_needing_update(5), "max_age"),  # type: ignore[arg-type]
        (lambda: api.get_models_needing_update(now=datetime(2026, 1, 1)), "now: .*timezone"),  # noqa: DTZ001
        (lambda: api.history(4), "name"),  # type: ignore[arg-type]
        (lambda: api.audit(5), "usages"),  # type: ignore[arg-type]
        (lambda: api.load_models(5), "output_dir"),  # type: ignore[arg-type]
        (lambda: api.load_models("a\0b"), "output_dir must be a path"),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FeedError, match="cannot be read"):
        api.load_models(tmp_path / "file")


def test_a_feed_is_read_again_only_if_it_has_changed(tmp_path: Path) -> None:
    publish(tmp_path)
    feed = api.load_models(tmp_path)
    assert api.reload_models(tmp_path) is feed
    text = (tmp_path / "models.json").read_bytes()
    (tmp_path / "models.json").write_bytes(text.replace(b'"GPT-Test"', b'"GPT-Best"'))
    again = api.reload_models(tmp_path)
    assert again is not feed
    assert again["gpt-test"].handle == "GPT-Best"
    assert api.load_models(tmp_path) is again


def test_cheapest() -> None:
    ranking = api.cheapest("image", {"images": 4})
    assert ranking.costs[0][0].usd.amount == Decimal("0.0104")
    assert dict(ranking.unfit)["aurasr"] == "it works on what you give it"
    with pytest.raises(UsageError, match="usage: there is no 'pictures'"):
        api.cheapest("image", {"pictures": 4})
    with pytest.raises(UsageError, match="purpose"):
        api.cheapest("painting")  # type: ignore[arg-type]
