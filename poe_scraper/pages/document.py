"""A rendered page as a document, and the JSON inside it: the page's own data, and what the crawl observed."""

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import lxml.etree
import lxml.html
from pydantic import BaseModel, ValidationError

from poe_scraper.failures import Code, ObservationError

OBSERVATION_ID = "poe-scraper-observation"
"""Id of the element that `record.js` adds to a page, with what was observed in it."""

_MAX_ATTRIBUTES = 200
"""Attributes of one element that are kept: libxml2 takes time quadratic in their number."""

_MAX_DIGITS = 1000
"""Digits of an integer that is read."""

_TAG = re.compile(
    r"""<[a-zA-Z][^\s/>]*(?:[\s/]+[^\s/>=]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?)*""",
)
_ATTRIBUTE = re.compile(r"""[\s/]+[^\s/>=]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?""")

_MAX_FAILURES = 100
"""Pieces of malformed JSON that are passed over: each costs time linear in the text around it."""

_Observation = TypeVar("_Observation", bound=BaseModel)


# --- the document ------------------------------------------------------------------------------


def parse_document(html: str) -> lxml.html.HtmlElement:
    """Parse a page, in time linear in its size.

    Raises:
        ObservationError: the page is empty.
    """
    # lxml refuses text with an encoding declaration, and reads bytes without one as Latin-1
    parser = lxml.html.HTMLParser(encoding="utf-8", huge_tree=True)
    try:
        return lxml.html.document_fromstring(_without_surplus(html).encode("utf-8", "replace"), parser=parser)
    except lxml.etree.ParserError:
        raise ObservationError(Code.SITE_CHANGED, "the page is empty") from None


def _without_surplus(html: str) -> str:
    """The page, with no more than `_MAX_ATTRIBUTES` attributes on an element."""
    kept, end = [], 0
    for tag in _TAG.finditer(html):
        if tag.end() - tag.start() < 2 * _MAX_ATTRIBUTES:
            continue
        for number, attribute in enumerate(_ATTRIBUTE.finditer(html, tag.start(), tag.end())):
            if number == _MAX_ATTRIBUTES:
                kept.append(html[end : attribute.start()])
                end = tag.end()
                break
    return "".join([*kept, html[end:]]) if kept else html


def observed(document: lxml.html.HtmlElement, shape: type[_Observation]) -> _Observation:
    """Read what was observed in a page.

    Args:
        document: the page.
        shape: model of the observation.

    Raises:
        ObservationError: the observation is missing or does not fit the model.
    """
    elements = document.xpath("//script[@id=$id]", id=OBSERVATION_ID)
    if not elements:
        message = f"the document has no observation (element #{OBSERVATION_ID})"
        raise ObservationError(Code.SITE_CHANGED, message)
    try:
        return shape.model_validate_json(elements[-1].text or "")
    except ValidationError as error:
        message = f"the observation in the document is malformed ({error.error_count()} errors)"
        raise ObservationError(Code.SITE_CHANGED, message) from None


# --- the page's own data -----------------------------------------------------------------------


def page_data(document: lxml.html.HtmlElement) -> list[object]:
    """The JSON values of the page's own data.

    These are `__NEXT_DATA__` (Next.js's pages router; observed on Poe) and the rows that scripts push to
    `self.__next_f` (its app router, which Poe may move to).
    """
    values = [parse_json(script.text) for script in document.xpath('//script[@id="__NEXT_DATA__"]')]
    chunks = [chunk for script in document.xpath("//script[not(@src)]") for chunk in _pushed(script.text or "")]
    if chunks:
        values.extend(_flight_rows("".join(chunks)).values())
        values.extend(parse_json(chunk) for chunk in chunks if chunk.startswith("{"))
    return [value for value in values if value is not None]


def json_objects(*values: object) -> Iterator[Mapping[str, object]]:
    """Every JSON object within values, each once, outermost first."""
    waiting = deque(values)
    seen: set[int] = set()
    while waiting:
        value = waiting.popleft()
        if not isinstance(value, dict | list) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            yield value
        waiting.extend(value.values() if isinstance(value, dict) else value)


def objects_named(name: str, *values: object) -> Iterator[Mapping[str, object]]:
    """The JSON objects within values that have this key in an object around them, and are not part of a list."""
    waiting: deque[tuple[str | None, object]] = deque((None, value) for value in values)
    seen: set[int] = set()
    while waiting:
        key, value = waiting.popleft()
        if not isinstance(value, dict | list) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            if key == name:
                yield value
            waiting.extend(value.items())
        elif value[:1] == ["$"]:  # a React element: ["$", type, key, props]
            waiting.extend((None, part) for part in value[3:4])
        else:
            waiting.extend((None, part) for part in value if isinstance(part, list))


def parse_json(text: str | None) -> object:
    """The value of a JSON text, or None if it is not JSON. An integer of absurd length is read as None."""
    try:
        return json.loads(text or "null", parse_int=_integer)
    except (ValueError, RecursionError):
        return None


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MAX_DIGITS else None


_DECODER = json.JSONDecoder(parse_int=_integer)
_PUSH = re.compile(r"__next_f[^;\n]{0,80}?\.push\(\s*(?=\[)")


def _pushed(script: str) -> Iterator[str]:
    """The texts that a script pushes to `self.__next_f`."""
    failures = 0
    for push in _PUSH.finditer(script):
        try:
            value, _ = _DECODER.raw_decode(script, push.end())
        except (ValueError, RecursionError):
            failures += 1
            if failures > _MAX_FAILURES:
                return
            continue
        if isinstance(value, list) and len(value) > 1 and isinstance(value[1], str):
            yield value[1]


_ROW = re.compile(r"""\s?([0-9a-f]{1,16}):(?:T([0-9a-f]{1,8}),|(?=["\[{\d\-ntf]))""")
_REFERENCE = re.compile(r"\$([0-9a-f]+)((?::[^:]+)*)")


def _flight_rows(text: str) -> dict[str, object]:
    """The rows of React's flight format by id, with references between them resolved.

    A row is `ID:JSON` up to the end of the line, or `ID:Tn,` and n bytes (hexadecimal) of text. Rows of other types,
    such as `ID:I[...]` for a component, are passed over. A string `$ID` or
    `$ID:key:key` stands for another row or a part of it, `$$` for a dollar sign, `$undefined` for nothing.
    https://github.com/facebook/react/blob/main/packages/react-server/src/ReactFlightServer.js
    """
    rows: dict[str, object] = {}
    at = failures = 0
    while at < len(text) and failures < _MAX_FAILURES:
        row = _ROW.match(text, at)
        if row is None:
            at = text.find("\n", at + 1) + 1 or len(text)
        elif row[2] is not None:
            size = int(row[2], 16)  # in bytes; every character has at least one
            some = text[row.end() : row.end() + size].encode("utf-8", "replace")
            content = some[:size].decode("utf-8", "ignore")
            rows[row[1]] = content
            at = row.end() + len(content)
        else:
            try:
                rows[row[1]], at = _DECODER.raw_decode(text, row.end())
            except (ValueError, RecursionError):
                failures += 1
                at = text.find("\n", row.end()) + 1 or len(text)
    for container in [value for row in rows.values() for value in _containers(row)]:
        if isinstance(container, dict):
            for name, value in container.items():
                container[name] = _resolved(value, rows)
        else:
            container[:] = [_resolved(value, rows) for value in container]
    return rows


def _containers(value: object) -> list[dict[str, object] | list[object]]:
    """Every JSON object and list within a value."""
    found: list[dict[str, object] | list[object]] = []
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict | list):
            found.append(value)
            waiting.extend(value.values() if isinstance(value, dict) else value)
    return found


def _resolved(value: object, rows: Mapping[str, object]) -> object:
    """What a value of a row stands for."""
    if not isinstance(value, str) or not value.startswith("$") or value == "$":
        return value
    if value.startswith("$$"):
        return value[1:]
    reference = _REFERENCE.fullmatch(value)
    if reference is None or reference[1] not in rows:
        return None  # undefined, a component, a symbol, a promise
    found = rows[reference[1]]
    for key in reference[2].split(":")[1:]:
        found = _part(found, key)
    return found


_ELEMENT_PARTS = {"type": 1, "key": 2, "props": 3}


def _part(value: object, key: str) -> object:
    """The part of a JSON value, or of a React element, that a key names; None if it has none."""
    if isinstance(value, Mapping):
        return value.get(key)
    if isinstance(value, Sequence) and not isinstance(value, str):
        number = _ELEMENT_PARTS.get(key) if value[:1] == ["$"] else None
        if number is None and key.isdecimal() and len(key) < 7:
            number = int(key)
        return value[number] if number is not None and number < len(value) else None
    return None
