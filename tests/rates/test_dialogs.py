"""What stands in a Rates dialog besides the card."""

import pytest

from poe_scraper.rates import read_card, read_dialog

CARD = "| Type | Rate |\n|---|---|\n| Image | ~~200 points~~ **100 points** / image |"
TABLE = (
    "<table><thead><tr><th>Type</th><th>Rate</th></tr></thead><tbody><tr><td>Image</td>"
    "<td><del>200 points</del> <strong>100 points</strong> / image</td></tr></tbody></table>"
)


@pytest.mark.parametrize(
    "dialog",
    [
        TABLE,
        f'<div role="dialog">{TABLE}</div>',
        f'<div role="dialog" aria-labelledby="t"><h2 id="t">What it costs:</h2>{TABLE}</div>',
        f'<div role="dialog"><header><div>Rates</div><button>Close</button></header><div>{TABLE}</div></div>',
        f'<div role="dialog"><div class="Modal_x"><h3> Rates </h3>{TABLE}<button>OK, 5 points</button></div></div>',
        f'<div role="dialog"><svg><title>5 points</title></svg>{TABLE}<div role="button">5 points</div></div>',
        f'<div role="dialog"><span aria-hidden="true">5 points</span>{TABLE}<style>.a{{}}</style></div>',
        TABLE.replace("del>", "s>"),
        TABLE.replace("<td>Image", '<td class="a"><div><p><span>Image</span></p></div>'),
        TABLE.replace("<thead>", "").replace("</thead>", "").replace("<tbody>", "").replace("</tbody>", ""),
    ],
)
def test_card_is_read_and_the_dialog_is_not(dialog: str) -> None:
    assert read_dialog(dialog) == read_card(CARD)


def test_a_cards_own_bold_rates_is_kept_without_a_dialogs_title() -> None:
    assert [rate.section for rate in read_dialog(f"<p><strong>Rates</strong></p>{TABLE}").rates] == ["Rates"]


def test_a_cards_own_title_is_kept() -> None:
    dialog = f'<div role="dialog"><h2>Rates</h2><h2>Rates</h2>{TABLE}</div>'

    assert [rate.section for rate in read_dialog(dialog).rates] == ["Rates"]


@pytest.mark.parametrize("html", ["", "<", "<div", "</div></div>", "<table><tr><td>", "\0", "<!doctype html>"])
def test_broken_html_gives_an_empty_reading(html: str) -> None:
    assert read_dialog(html) == read_card("")
