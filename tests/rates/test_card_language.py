"""Whether Poe answered with a card in English."""

import pytest

from poe_scraper.rates import is_english, read_card

TRANSLATED = [
    "| 类型 | 费率 (USD) | 费率 (积分) |\n|---|---|---|\n| 输入 | $0.25/1M tokens | 9 points/1k tokens |",
    "| 種類 | レート |\n|---|---|\n| 入力 | 9 points/1k tokens |",
    "| Tipo | Tarifa (USD) | Tarifa (puntos) |\n|---|---|---|\n| Entrada (texto) | $1 | 33 |",
    "| Typ | Tarif (USD) |\n|---|---|\n| Ausgabe | $1 |",
    "| Type | Rate (USD) | Rate (Points) |\n|---|---|---|\n| 输入 (text) | $1 | 33 |",
    "Cost overview:\n| Service | Rate |\n|---|---|\n| Image 输出 | 85 points |",
    "<table><tr><th>Тип</th><th>Тариф (USD)</th></tr><tr><td>Ввод</td><td>$1</td></tr></table>",
]


@pytest.mark.parametrize(
    "card",
    [
        "",
        "100 ($0.003)",
        "| Type | Rate |\n|---|---|\n| Input | 9 points/1k tokens |",
        "**通义 Qwen Pricing**\n\n| Type | Rate |\n|---|---|\n| Input | 9 points |",
        "<p>Café: 5 points</p>",
        "Price: ~5 points — “up to”",
        "Bild¹: 5 points\nImage²: ½ point\nDelay: 5 µs ℹ",
    ],
)
def test_english(card: str) -> None:
    assert is_english(card)


@pytest.mark.parametrize("card", TRANSLATED)
def test_poes_own_card_in_another_language(card: str) -> None:
    assert not is_english(card)


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("| 功能 | 费用 |\n|---|---|\n| 文生图 | 100 积分 / 张 |\n| 视频 | $0.5 |", ["100 points", "0.5 USD"]),
        ("| Leistung | Preis |\n|---|---|\n| Bild | 100 Punkte |\n| Video | 0,15 $ |", ["100 points", "0.15 USD"]),
        ("## Preise\n\n- Eingabe: 10 points\n- Ausgabe: 30 points", ["10 points", "30 points"]),
        ("| Servicio | Precio |\n|---|---|\n| Imagen | 1.250,5 puntos |", ["1250.5 points"]),
        ("画像: 100 ポイント\n動画: $0.10", ["100 points", "0.10 USD"]),
        ("| 项目 | 价格 |\n|---|---|\n| 短文 | 20 |\n| 长文 | 80 |", ["20 points", "80 points"]),
    ],
)
def test_a_creators_card_in_another_language_is_read(card: str, expected: list[str]) -> None:
    reading = read_card(card)

    assert is_english(card)
    assert [f"{rate.amount:f} {rate.currency}" for rate in reading.rates] == expected
    assert reading.unparsed == ()


@pytest.mark.parametrize(
    "card",
    [
        "Ein Bild kostet 5 Taler zu je 3 points",
        "| 项目 | 价格 |\n|---|---|\n| 短文 | 二十 20 |",
        "Prix : 5 € par image",
    ],
)
def test_what_is_not_understood_is_left_unparsed(card: str) -> None:
    assert read_card(card).rates or read_card(card).unparsed
