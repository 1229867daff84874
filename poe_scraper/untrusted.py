"""Untrusted and secret text: the one place where it is made safe for terminals, spreadsheets, feeds and reports."""

import re
from urllib.parse import urlsplit, urlunsplit

_JOINERS = frozenset("\u200c\u200d")  # emoji and Indic scripts are written with them
_FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")  # ASCII and full-width; some spreadsheets obey both


def safe(text: object) -> str:
    """Text without anything that a terminal would execute, on one line.

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
    """Text that a spreadsheet shows and does not evaluate: text that looks like a formula gets a leading `'`."""
    shown = safe(text)
    return f"'{shown}" if shown.lstrip()[:1] in _FORMULA and shown.strip() else shown


def public_url(url: str) -> str:
    """The URL without user, password, query and fragment, which may hold secrets.

    What cannot be parsed as a URL is returned up to the first `?` or `#`, without a user.
    """
    bare = re.split(r"[?#]", url, maxsplit=1)[0]
    try:
        parts = urlsplit(bare)
    except ValueError:
        scheme, separator, rest = bare.rpartition("://")
        authority, slash, path = rest.partition("/")
        return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
