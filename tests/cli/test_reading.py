"""The commands that read the feed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from poe_scraper.cli import COMMANDS
from tests.cli.conftest import Command
from tests.made_feed import HOSTILE

READING = [
    ("list",),
    ("list", "--sort", "price", "--gone"),
    ("search", "chat"),
    ("show", "gpt-test"),
    ("show", "HOSTILE"),
    ("show", "api-only"),
    ("show", "leaver"),
    ("cost", "GPT-Test", "--input-tokens", "272001", "--cached-input-tokens", "5"),
    ("compare", "gpt-test", "flat-chat", "--messages", "1", "--output-tokens", "10"),
    ("history", "gpt-test"),
    ("diff",),
    ("diff", "1", "2"),
    ("status",),
    ("cache",),
    ("reread",),
]


def name(arguments: tuple[str, ...]) -> str:
    return " ".join(arguments)


# --- every command -----------------------------------------------------------------------------


def test_help_lists_every_command(poe: Command) -> None:
    result = poe("--help")
    assert result.returncode == 0
    for command, (_, line) in COMMANDS.items():
        assert re.search(rf"^  {command} +{re.escape(line[:40])}", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_shows_an_example(poe: Command, command: str) -> None:
    result = poe(command, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    if command != "replica":  # it is a program of its own: python -m poe_scraper.replica
        assert f"Examples:\n    poe-scraper {command}" in result.stdout
    # mcp speaks nothing but JSON
    without = {"setup", "update", "login", "logout", "clear-cache", "replica", "mcp"}
    assert "--json" in result.stdout or command in without


def test_version(poe: Command) -> None:
    assert re.fullmatch(r"poe-scraper, version \d+\.\d+\.\d+\n", poe("--version").stdout)


@pytest.mark.parametrize("arguments", READING, ids=name)
def test_output_fits_80_columns_and_has_no_control_characters(
    poe: Command, feed: Path, arguments: tuple[str, ...]
) -> None:
    result = poe(*arguments, "--output-dir", feed)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout
    assert not re.search(r"[^\S\n ]|[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", result.stdout)
    assert max(map(cell_len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize("arguments", READING, ids=name)
def test_json_is_json(poe: Command, feed: Path, arguments: tuple[str, ...]) -> None:
    result = poe(*arguments, "--output-dir", feed, "--json")
    assert (result.returncode, result.stderr) == (0, "")
    assert isinstance(json.loads(result.stdout), dict)
    assert result.stdout.isascii()


@pytest.mark.parametrize(
    "arguments", [words for words in READING if words not in {("reread",), ("diff", "1", "2")}], ids=name
)
def test_every_reading_command_works_right_after_installation(poe: Command, arguments: tuple[str, ...]) -> None:
    bots = {"gpt-test": "gpt-5.4", "api-only": "gpt-5.2", "leaver": "o3", "flat-chat": "gemma-3-27b"}
    result = poe(*(bots.get(word.lower(), "gpt-5.4" if word == "HOSTILE" else word) for word in arguments))
    assert result.returncode == 0, result.stderr
    assert "2026-10-22" in result.stderr
    assert "poe-scraper update" in result.stderr


def test_markup_of_a_bot_is_shown_as_it_is(poe: Command, feed: Path) -> None:
    assert "[bold]markup[/bold]" in HOSTILE
    assert "[bold]markup[/bold]" in poe("show", "hostile", "--output-dir", feed).stdout


# --- list and search ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "bots"),
    [
        ("", "api-only flat-chat free-chat gpt-test hostile newcomer secretive video-maker"),
        ("--gone", "api-only flat-chat free-chat gpt-test hostile leaver newcomer secretive video-maker"),
        ("--creator FILMS", "video-maker"),
        ("--creator @films", "video-maker"),
        ("--owner acme\xa0labs", "gpt-test"),
        ("--input image", "video-maker"),
        ("--output-modality video", "video-maker"),
        ("--output text --priced", "api-only flat-chat free-chat gpt-test hostile newcomer"),
        ("--unpriced", "secretive"),
        ("--free", "free-chat"),
        ("--not-free --unit message", "flat-chat hostile"),
        ("--unit second", "video-maker"),
        ("--max-price 0.03", "flat-chat free-chat hostile newcomer"),
        ("--max-price 1 --unit token", ""),
        ("--sort price", "newcomer free-chat flat-chat hostile video-maker api-only gpt-test secretive"),
        ("--sort newest --limit 1", "gpt-test"),
        ("--sort context --limit 1", "gpt-test"),
        ("--sort name --limit 2", "api-only flat-chat"),
    ],
)
def test_list(poe: Command, feed: Path, options: str, bots: str) -> None:
    result = json.loads(poe("list", *options.split(" ") if options else (), "--output-dir", feed, "--json").stdout)
    assert [bot["id"] for bot in result["bots"]] == bots.split()
    assert result["count"] == len(bots.split())


@pytest.mark.parametrize(
    ("text", "bots"),
    [
        ("chat", "flat-chat free-chat"),
        ("CHAT flat", "flat-chat"),
        ("gpt-test", "gpt-test"),
        ("anything", "gpt-test"),
        ("films", "video-maker"),
        ("acme labs", "gpt-test"),
        ("nothing-like-it", ""),
    ],
)
def test_search(poe: Command, feed: Path, text: str, bots: str) -> None:
    result = json.loads(poe("search", *text.split(), "--output-dir", feed, "--json").stdout)
    assert [bot["id"] for bot in result["bots"]] == bots.split()


def test_a_bot_in_the_list(poe: Command, feed: Path) -> None:
    result = json.loads(poe("list", "--owner", "Acme Labs", "--output-dir", feed, "--json").stdout)
    assert result == {
        "version": 2,
        "starter": False,
        "count": 1,
        "bots": [
            {
                "id": "gpt-test",
                "handle": "GPT-Test",
                "display_name": "GPT-Test",
                "status": "active",
                "creator": "acme",
                "owned_by": "Acme Labs",
                "input_modalities": ["text"],
                "output_modalities": ["text"],
                "price": {
                    "label": "Input",
                    "section": None,
                    "attributes": {},
                    "per": {"quantity": "1000000", "unit": "token", "qualifier": None},
                    "bound": "exact",
                    "usd": "1.82",
                    "points": "60000",
                    "source": "page",
                    "suspect": False,
                },
            }
        ],
    }


# --- show, cost, compare -----------------------------------------------------------------------


def test_show(poe: Command, feed: Path) -> None:
    result = poe("show", "gpt-TEST", "--output-dir", feed).stdout
    for words in (
        "GPT-Test",
        "@acme",
        "Acme Labs",
        "400,000 tokens",
        "2026-10-27 12:00 UTC",
        "$1.82/1M tokens",
        "450 points/1k tokens",
        "context above 272,000 tokens: input x 2, output x 1.5",
        "input read from the cache costs 90 % less",
        "prompt: $0.00000227/token",
        "API against card, completion: agrees",
    ):
        assert words in result


def test_show_lists_errors(poe: Command, feed: Path) -> None:
    result = poe("show", "hostile", "--output-dir", feed).stdout
    assert "On the card, but not parsed" in result
    assert "card_unparsed at rates" in result


def test_show_json_is_the_bot_as_in_the_feed(poe: Command, feed: Path) -> None:
    result = json.loads(poe("show", "hostile", "--output-dir", feed, "--json").stdout)
    entries = json.loads((feed / "models.json").read_bytes())["data"]
    assert result["bot"] == next(entry for entry in entries if entry["id"] == "hostile")
    assert result["version"] == 2


def test_cost(poe: Command, feed: Path) -> None:
    usage = ("--input-tokens", "272000", "--cached-input-tokens", "1_000", "--output-tokens", "1000")
    result = poe("cost", "GPT-Test", *usage, "--output-dir", feed).stdout
    assert result.startswith("gpt-test: 33,327 points, $1.010904\n")
    assert "- output_tokens: context above 272,000 tokens: input x 2, output x 1.5" in result
    bill = json.loads(poe("cost", "GPT-Test", *usage, "--output-dir", feed, "--json").stdout)
    assert bill["points"] == {"amount": "33327", "max_amount": None, "bound": "exact", "converted": False}
    assert [line["usage"] for line in bill["lines"]] == [
        "input_tokens",
        "cached_input_tokens",
        "output_tokens",
    ]


def test_cost_of_a_day(poe: Command, feed: Path) -> None:
    usage = ("cost", "gpt-test", "--input-tokens", "1000", "--output-dir", feed)
    assert poe(*usage).stdout.startswith("gpt-test: 60 points")
    assert poe(*usage, "--at", "2026-10-26").stdout.startswith("gpt-test: 75 points")
    before = poe(*usage, "--at", "2026-10-19")
    assert before.returncode == 1
    assert "the oldest here, version 1, is of 2026-10-20" in before.stderr


def test_cost_lists_the_choices(poe: Command, feed: Path) -> None:
    usage = ("cost", "video-maker", "--seconds", "5", "--output-dir", feed)
    asked = poe(*usage)
    assert asked.returncode == 1
    assert asked.stdout == ""
    assert "several prices fit seconds" in asked.stderr
    assert "  --attribute label=720P\n  --attribute label=1080P\n" in asked.stderr
    result = json.loads(poe(*usage, "--json").stdout)
    assert result["choices"] == [{"label": "720P"}, {"label": "1080P"}]
    assert poe(*usage, "--attribute", "label=720p").stdout.startswith("video-maker: 15,000 points, $0.45\n")


def test_compare_sorts_by_price_and_says_what_it_cannot(poe: Command, feed: Path) -> None:
    bots = ("gpt-test", "flat-chat", "free-chat", "secretive", "Flat-Chat")
    usage = ("--messages", "1", "--output-tokens", "100")
    result = json.loads(poe("compare", *bots, *usage, "--output-dir", feed, "--json").stdout)
    assert [bill["bot"] for bill in result["costs"]] == ["free-chat", "gpt-test", "flat-chat"]
    assert [unknown["bot"] for unknown in result["unknown"]] == ["secretive"]
    shown = poe("compare", *bots, *usage, "--output-dir", feed).stdout
    assert "does not disclose" in " ".join(shown.split())


def test_compare_ranks_all_bots_for_a_purpose(poe: Command, feed: Path) -> None:
    shown = poe("compare", "--for", "image", "--output-dir", feed).stdout
    assert shown.startswith("Image: one image.\n")
    assert re.search(r"^newcomer +990 +0\.03 1\.00x$", shown, re.MULTILINE)
    assert "bots do not fit: it does not make images" in shown
    shown = poe("compare", "--for", "image", "--images", "4", "--output-dir", feed).stdout
    assert "3,960" in shown
    assert "one image." not in shown


# --- history and diff --------------------------------------------------------------------------


def test_history(poe: Command, feed: Path) -> None:
    result = poe("history", "GPT-test", "--output-dir", feed).stdout
    bars = re.findall(r"(\d) (2026-10-\d\d) \$([\d.]+) (█+)", result)
    assert [bar[:3] for bar in bars] == [("1", "2026-10-20", "2.27"), ("2", "2026-10-27", "1.82")]
    assert len(bars[0][3]) == 30
    assert len(bars[1][3]) == 24
    assert "-19.8 %" in result
    assert "75 points/1k tokens" in result


def test_history_json(poe: Command, feed: Path) -> None:
    result = json.loads(poe("history", "gpt-test", "--output-dir", feed, "--json").stdout)
    first, second = result["snapshots"]
    assert (first["version"], first["at"], first["prices"]) == (1, "2026-10-20T12:00:00Z", [])
    usd, points = second["prices"]
    assert (usd["label"], usd["currency"], usd["old"]["amount"], usd["new"]["amount"], usd["percent"]) == (
        "Input",
        "USD",
        "2.27",
        "1.82",
        "-19.8",
    )
    assert points["percent"] == "-20.0"


def test_history_of_a_bot_that_is_gone(poe: Command, feed: Path) -> None:
    result = json.loads(poe("history", "leaver", "--output-dir", feed, "--json").stdout)
    assert [snapshot["status"] for snapshot in result["snapshots"]] == ["active", "gone"]


@pytest.mark.parametrize("versions", [(), ("1",), ("1", "2")], ids=name)
def test_diff(poe: Command, feed: Path, versions: tuple[str, ...]) -> None:
    result = json.loads(poe("diff", *versions, "--output-dir", feed, "--json").stdout)
    assert (result["from"], result["to"]) == (1, 2)
    assert (result["added"], result["gone"], result["back"]) == (["newcomer"], ["leaver"], [])
    free, changed = result["changed"]
    assert free == {"bot": "free-chat", "fields": ["description"], "prices": []}
    assert changed["bot"] == "gpt-test"
    assert "pricing.rates" in changed["fields"]
    assert [price["percent"] for price in changed["prices"]] == ["-19.8", "-20.0"]


def test_diff_backwards_and_with_itself(poe: Command, feed: Path) -> None:
    back = json.loads(poe("diff", "2", "1", "--output-dir", feed, "--json").stdout)
    assert (back["added"], back["gone"], back["back"]) == ([], ["newcomer"], ["leaver"])
    same = poe("diff", "2", "2", "--output-dir", feed)
    assert (same.returncode, same.stdout) == (0, "There is no earlier version to compare version 2 with.\n")
    missing = poe("diff", "1", "9", "--output-dir", feed)
    assert missing.returncode == 1
    assert "Version 9 does not exist" in missing.stderr


# --- status, cache, schema ---------------------------------------------------------------------


def test_status(poe: Command, feed: Path) -> None:
    result = json.loads(poe("status", "--output-dir", feed, "--json").stdout)
    assert result["version"] == 2
    assert result["versions"] == [1, 2]
    assert result["generated_at"] == "2026-10-27T12:00:00Z"
    assert result["bots"] == {
        "total": 9,
        "active": 8,
        "gone": 1,
        "priced": 7,
        "with_rates": 6,
        "with_api_price": 2,
        "with_unparsed": 1,
        "with_errors": 1,
        "page_never_seen": 1,
    }
    assert [run["id"] for run in result["runs"]] == ["20261027T120000Z-test", "20261020T120000Z-test"]
    (refusal,) = result["refusals"]
    assert refusal["reasons"]
    shown = poe("status", "--output-dir", feed).stdout
    assert "8 active, 1 gone" in shown
    assert "ago" in shown
    assert " ".join(refusal["reasons"][0].split()[:5]) in shown


def test_cache(poe: Command, feed: Path) -> None:
    result = json.loads(poe("cache", "--output-dir", feed, "--json").stdout)["bots"]
    assert (result["last_run"], result["earlier"], result["never"]) == (7, 0, 1)


def test_schema_is_the_published_one(poe: Command, feed: Path) -> None:
    assert poe("schema").stdout == (feed / "models.schema.json").read_text(encoding="utf-8")


# --- failures ----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["show", "cost", "compare", "history"])
def test_unknown_bot(poe: Command, feed: Path, command: str) -> None:
    usage = ("--messages", "1") if command in {"cost", "compare"} else ()
    result = poe(command, "gpt-tset", *usage, "--output-dir", feed)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "Error: The feed has no bot 'gpt-tset'. Did you mean gpt-test?\n"


def test_a_folder_without_a_feed(poe: Command, tmp_path: Path) -> None:
    result = poe("list", "--output-dir", tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert f"There is no feed {tmp_path}/models.json. Crawl one with 'poe-scraper update'." in result.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": 5}, "it has no list of bots"),
        ({"schema_version": "2.0"}, "has schema 2.0, and this program reads 1.x"),
        (
            {"data": [{"id": "x", "handle": None, "status": "active", "pricing": []}]},
            "bot 'x': url: Field required",
        ),
    ],
)
def test_a_broken_feed(poe: Command, feed: Path, tmp_path: Path, change: dict[str, Any], message: str) -> None:
    whole = json.loads((feed / "models.json").read_bytes())
    (tmp_path / "models.json").write_text(json.dumps(whole | change))
    result = poe("list", "--priced", "--output-dir", tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr
