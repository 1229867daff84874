"""Whether Poe answered with a card in English.

A creator may write a card in any language: it is read as far as numbers, tables and currencies go. Poe's own
card is another matter. Where Poe answers in another language, the same card has other labels than in the last
crawl, so that it must be asked for again.
"""

import re

_SEPARATORS = re.compile(r"<[^<>]*>|[|\n\r]")
_REMARK = re.compile(r"\s*[(（][^()（）]*[)）]\s*$")

# Poe's own card is `| Type | Rate (USD) | Rate (Points) |` over `Input` and `Output`.
# Some of its words may have stayed English.
_TYPES = {
    "type", "service", "item", "类型", "類型", "種類", "タイプ", "유형", "tipo", "typ", "tipe", "loại", "tür", "тип",
    "النوع",
}  # fmt: skip
_RATES = {
    "rate", "费率", "費率", "レート", "料金", "요금", "tarifa", "tarif", "tarifas", "taxa", "tariffa", "tarief",
    "tarieven",
    "taux", "sätze",
    "satz", "ставка", "тариф", "السعر", "oran", "ücret", "giá", "mức phí",
}  # fmt: skip
_SIDES = {
    "输入", "输出", "輸入", "輸出", "入力", "出力", "입력", "출력", "entrada", "salida", "saída", "eingabe", "ausgabe",
    "entrée",
    "sortie", "ingresso", "uscita", "masukan", "keluaran", "đầu vào", "đầu ra", "giriş", "çıkış", "invoer",
    "uitvoer", "ввод", "вывод", "الإدخال", "الإخراج",
}  # fmt: skip
_SIDE_PARTS = ("输入", "输出", "輸入", "輸出", "入力", "出力", "입력", "출력")
"""Those in scripts that put no space between words: `Image 输出`."""


def is_english(card: str) -> bool:
    """True unless Poe itself answered in another language.

    It did if the card has the labels of Poe's own card (type, rate, input or output) in another language.

    Args:
        card: the card's markdown, or its HTML.
    """
    cells = {_REMARK.sub("", cell).strip(" *_:").casefold() for cell in _SEPARATORS.split(card)}
    if not (cells & _TYPES and cells & _RATES):
        return True
    return not (cells & _SIDES or any(part in card for part in _SIDE_PARTS))
