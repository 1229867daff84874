"""A rendered page as a document, and the JSON inside it: the page's own data, and what the crawl observed."""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from typing import TypeVar

import lxml.etree
import lxml.html
from pydantic import BaseModel, ValidationError

from poe_scraper.failures import Code, ObservationError

OBSERVATION_ID = "poe-scraper-observation"
"""Id of the element that `record.js` adds to a page, with what was observed in it."""

_Observation = TypeVar("_Observation", bound=BaseModel)


def parse_document(html: str) -> lxml.html.HtmlElement:
    """The document; raises `ObservationError` where there is nothing in it."""
    # lxml refuses a text with an encoding declaration, and bytes without one it takes for Latin-1
    parser = lxml.html.HTMLParser(encoding="utf-8", huge_tree=True)
    try:
        return lxml.html.document_fromstring(html.encode("utf-8", "replace"), parser=parser)
    except lxml.etree.ParserError:
        raise ObservationError(Code.SITE_CHANGED, "the page is empty") from None


def observed(document: lxml.html.HtmlElement, shape: type[_Observation]) -> _Observation:
    """What was observed in the page; raises `ObservationError` where that is missing or of another shape."""
    elements = document.xpath("//script[@id=$id]", id=OBSERVATION_ID)
    if not elements:
        message = f"the document holds no observation (element #{OBSERVATION_ID})"
        raise ObservationError(Code.SITE_CHANGED, message)
    try:
        return shape.model_validate_json(elements[-1].text or "")
    except ValidationError as error:
        message = f"the document's observation is broken: {error.error_count()} errors"
        raise ObservationError(Code.SITE_CHANGED, message) from None


def hydrated_objects(document: lxml.html.HtmlElement) -> Iterator[Mapping[str, object]]:
    """Every JSON object of the page's own data (`__NEXT_DATA__`), outermost first."""
    for script in document.xpath('//script[@id="__NEXT_DATA__"]'):
        yield from json_objects(parse_json(script.text))


def parse_json(text: str | None) -> object:
    """The value of a JSON text; None where it is none."""
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None


def json_objects(value: object) -> Iterator[Mapping[str, object]]:
    """Every JSON object within a value, outermost first."""
    waiting = deque([value])
    while waiting:
        value = waiting.popleft()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
