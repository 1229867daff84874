"""An entry of the models API, and JSON values of any kind, for tests."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

AT = datetime(2026, 10, 22, 13, 19, 4, tzinfo=UTC)
URL = "https://api.poe.com/v1/models"

ENTRY: dict[str, Any] = {
    "id": "grok-4.7",
    "object": "model",
    "created": 1790012963916,
    "description": "Made for this test.",
    "owned_by": "XAI",
    "permission": [],
    "root": "grok-4.7",
    "parent": None,
    "architecture": {
        "input_modalities": ["text", "image"],
        "output_modalities": ["text"],
        "modality": "text,image->text",
    },
    "supported_features": ["tools"],
    "pricing": {
        "prompt": "0.0000020202",
        "completion": "6.0606e-06",
        "image": None,
        "request": None,
        "input_cache_read": "2.6e-07",
        "input_cache_write": None,
    },
    "context_window": {"context_length": 256000, "max_output_tokens": 32768},
    "context_length": 256000,
    "metadata": {
        "display_name": "Grok 4.7",
        "image": {"url": "https://example.org/grok.png", "alt": "", "width": 64, "height": 64},
        "url": "https://poe.com/grok-4.7",
    },
    "reasoning": {
        "budget": {"max_tokens": 1024, "min_tokens": 0},
        "required": False,
        "supports_reasoning_effort": True,
    },
    "parameters": [{"name": "size", "schema": {"type": "string"}, "default_value": "1k", "description": "Size."}],
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
