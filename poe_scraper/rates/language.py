"""Whether a card came in English."""

import re

_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+")

_FOREIGN = {
    "entrada", "salida", "saída", "puntos", "pontos", "punti", "punkte", "eingabe", "ausgabe", "entrée", "sortie",
    "ingresso", "uscita", "tarifa", "tarif", "kosten", "coût", "costo", "custo", "nachricht", "mensaje",
    "mensagem", "messaggio", "masukan", "keluaran", "đầu", "điểm", "giriş", "çıkış", "puan", "invoer", "uitvoer",
}  # fmt: skip
"""Words that Poe's card has in other languages of Latin script, and never in English."""

_FOREIGN_PARTS = (
    "输入", "输出", "积分", "輸入", "輸出", "積分", "點數", "入力", "出力", "ポイント", "입력", "출력", "포인트",
)  # fmt: skip
"""The same in scripts that put no space between words: input, output, points."""


def is_english(card: str) -> bool:
    """Whether a card (its text, markdown or HTML) came in English.

    It did not when a word of the price list stands there in another language, or when most of its lines hold
    letters of another script. A card of numbers alone, or with a foreign name on it, is English.
    """
    lines = [line for line in card.splitlines() if _LETTER.search(line)]
    if any(part in card for part in _FOREIGN_PARTS):
        return False
    foreign = sum(any(not _LATIN.match(letter) for letter in _LETTER.findall(line)) for line in lines)
    if foreign * 2 > len(lines):
        return False
    return not any(word in _FOREIGN for word in _WORD.findall(card.casefold()))
