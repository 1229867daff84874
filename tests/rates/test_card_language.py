"""Whether a card came in English."""

import pytest

from poe_scraper.rates import is_english


@pytest.mark.parametrize(
    "card",
    [
        "",
        "100 ($0.003)",
        "| Type | Rate |\n|---|---|\n| Input | 9 points/1k tokens |",
        "**通义 Qwen Pricing**\n\n| Type | Rate |\n|---|---|\n| Input | 9 points |",
        "| 480P | $0.1/sec |",
        "<p>Café: 5 points</p>",
        "Price: ~5 points — “up to”",
    ],
)
def test_english(card: str) -> None:
    assert is_english(card)


@pytest.mark.parametrize(
    "card",
    [
        "| 类型 | 费率 (USD) |\n|---|---|\n| 输入 | $0.25/1M tokens |\n| 输出 | $0.5/1M tokens |",
        "| 種類 | レート |\n|---|---|\n| 入力 | 9 points/1k tokens |",
        "Ввод: 9 points",
        "Cost overview:\n| Service | Rate |\n|---|---|\n| Image 输出 | 85 points |\n| Video | 9 points |",
        "| Tipo | Tarifa |\n|---|---|\n| Entrada | 9 puntos |",
        "| Typ | Preis |\n|---|---|\n| Eingabe | 9 Punkte |",
        "الإدخال: 9 نقاط",
    ],
)
def test_other_languages(card: str) -> None:
    assert not is_english(card)
