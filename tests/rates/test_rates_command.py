"""`poe-scraper rates`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from poe_scraper.cli import cli
from poe_scraper.rates import read_card

CARD = """**Video**

| Type | Rate (USD) | Rate (Points) |
|---|---|---|
| 720p with a label that is longer than any terminal of eighty columns would show on a single line | \
~~$0.20~~ **$0.10**/sec | 3,300 points/sec |
| Other | Variable | |

Price: 1,00,000 points
"""


def run(*arguments: str, text: str | bytes = "") -> Result:
    return CliRunner().invoke(cli, ["rates", *arguments], input=text, env={"COLUMNS": None, "NO_COLOR": None})


def test_table_for_a_person_fits_eighty_columns() -> None:
    result = run("-", text=CARD)

    assert result.exit_code == 0
    assert "\x1b" not in result.output
    assert max(map(len, result.output.splitlines())) <= 80
    for shown in ("Video", "0.10 (was 0.20)", "3,300", "second", "Other: variable", "1,00,000 points"):
        assert shown in result.output


def test_file_and_json(tmp_path: Path) -> None:
    card = tmp_path / "card.md"
    card.write_text(CARD)

    assert json.loads(run(str(card), "--json").output) == read_card(CARD).model_dump(mode="json")


def test_html() -> None:
    result = run("-", "--html", "--json", text="<div role=dialog><h2>Rates</h2><ul><li>Image: 5 points</li></ul></div>")

    assert [(rate["label"], rate["amount"]) for rate in json.loads(result.output)["rates"]] == [("Image", "5")]


def test_batch() -> None:
    result = run("--batch", "-", text=json.dumps([{"id": "a", "card": CARD}, {"id": "b", "card": ""}]))

    assert json.loads(result.output) == {
        "a": read_card(CARD).model_dump(mode="json"),
        "b": {"rates": [], "adjustments": [], "unparsed": []},
    }


def test_a_card_cannot_steer_the_terminal() -> None:
    result = run("-", text="## \x1b]0;owned\x07[bold]x\n\n- Image\x1b[31m\u202e: 5 points\n- \x9b31m: $1.2.3")

    assert result.exit_code == 0
    assert not set("\x1b\x07\x9b\u202e") & set(result.output)


def test_card_without_prices() -> None:
    assert run("-", text="nothing").output == "No price on this card.\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "Invalid JSON"),
        ("{}", "valid array"),
        ('[{"id": "a"}]', "[0]['card']: Field required"),
        ('[{"id": 1, "card": ""}]', "[0]['id']"),
        ('[{"id": "a", "card": null}]', "[0]['card']"),
    ],
)
def test_bad_batch_is_wrong_usage(text: str, told: str) -> None:
    result = run("--batch", "-", text=text)

    assert result.exit_code == 2
    assert told in result.output


def test_a_card_that_is_no_text_is_wrong_usage() -> None:
    result = run("-", text=b"\xff\xfe5 points")

    assert result.exit_code == 2
    assert "not UTF-8 text (byte 0)" in result.output


@pytest.mark.parametrize(
    "arguments", [(), ("-", "--batch", "-"), ("does-not-exist.md",), ("--batch", "does-not-exist.json")]
)
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2
