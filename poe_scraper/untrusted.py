"""Text that comes from Poe: the one place where it is made harmless for terminals and spreadsheets."""

_JOINERS = frozenset("\u200c\u200d")  # emoji and Indic scripts are written with them
_FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")  # ASCII and full-width; some spreadsheets obey both


def safe(text: object) -> str:
    """Text that a terminal shows and does not obey, on one line.

    Control characters, terminal escapes, bidirectional overrides and other invisible format
    characters become U+FFFD; white space of any kind becomes a blank.
    """
    characters = str(text)
    if characters.isprintable():
        return characters
    return "".join(map(_safe_character, characters))


def _safe_character(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    return " " if character.isspace() else "\ufffd"


def cell(text: object) -> str:
    """Text that a spreadsheet shows and does not compute: `'` stands before what starts like a formula."""
    shown = safe(text)
    return f"'{shown}" if shown.lstrip()[:1] in _FORMULA and shown.strip() else shown
