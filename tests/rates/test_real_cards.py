"""Real cards, where they are at hand: the annotated layouts, and every card of the observed bots."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from poe_scraper.rates import is_english, read_card, read_dialog

SHARED = Path(__file__).parents[3] / "shared"
SCORE, CARDS, BOTS = SHARED / "rates/score_cards.py", SHARED / "rates/cards.json", SHARED / "poe/bots.json"
RENDER = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared folder with the real cards is not here")


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_annotated_cards_are_all_right(tmp_path: Path) -> None:
    readings = {card["id"]: read_card(card["card"]).model_dump(mode="json") for card in load(CARDS)}
    predictions = tmp_path / "readings.json"
    predictions.write_text(json.dumps(readings))

    scored = subprocess.run(
        [sys.executable, str(SCORE), str(CARDS), str(predictions), "--misses", "20"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert scored.returncode == 0, scored.stdout
    assert f"cards right in full   {len(readings)} (100.0 %)" in scored.stdout
    assert "silent losses         0" in scored.stdout


def test_annotated_sections_are_all_right() -> None:
    """The score holds sections against each other only where a label stands twice."""
    for card in load(CARDS):
        assert [rate.section for rate in read_card(card["card"]).rates] == [rate["section"] for rate in card["rates"]]


@pytest.mark.parametrize("name", ["rates/cards.json", "poe/bots.json"])
def test_dialog_gives_what_the_markdown_gives(name: str) -> None:
    texts = [card.get("card") or card.get("rate_card") for card in load(SHARED / name)]

    for text in filter(None, texts):
        dialog = f'<div role="dialog"><h2>Rates</h2><button>Close</button><div>{RENDER(text)}</div></div>'
        assert read_dialog(dialog) == read_card(text)


def test_observed_cards_leave_nothing_unparsed() -> None:
    cards = {bot["handle"]: bot["rate_card"] for bot in load(BOTS) if bot["rate_card"]}
    readings = {handle: read_card(card) for handle, card in cards.items()}

    assert len(readings) == 389
    assert {handle: reading.unparsed for handle, reading in readings.items() if reading.unparsed} == {}
    assert [handle for handle, reading in readings.items() if not reading.rates] == []
    assert [handle for handle, card in cards.items() if not is_english(card)] == []
