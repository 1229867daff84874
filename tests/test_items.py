"""The nouns: what they take and what they make of it."""

import json
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from poe_scraper.items import Parameter


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.7", 0.7),
        ("1.0", 1),
        ("5", 5),
        ('{"type": "number", "minimum": 0.1, "enum": [0.5, null, "a", true]}', None),
        ("[[0.25]]", [[0.25]]),
        ("1e400", float("inf")),
        ("1e-400", 0),
    ],
)
def test_a_parameter_takes_fractions_read_as_decimals(text: str, value: Any) -> None:
    told = json.loads(text, parse_float=Decimal)
    parameter = Parameter.model_validate({"name": "temperature", "default_value": told, "schema": told})
    assert parameter.default_value == parameter.json_schema == (json.loads(text) if value is None else value)
    json.loads(parameter.model_dump_json(by_alias=True))


def test_a_parameter_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(ValidationError, match="nested deeper than 100 levels"):
        Parameter.model_validate({"name": "deep", "schema": json.loads("[" * 900 + "]" * 900)})
