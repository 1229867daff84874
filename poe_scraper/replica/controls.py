"""The control endpoint, `/_replica/`: GET returns a state, POST changes it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from .messages import JSON, TEXT, Reply, Request

Control = tuple[Callable[[], object], Callable[[dict[str, Any]], None]]
"""Returns a state as JSON, and changes it."""


def answer_control(request: Request, name: str, controls: Mapping[str, Control]) -> Reply:
    """The answer to a request to the control endpoint.

    Args:
        request: GET, or POST with a JSON object.
        name: of the control.
        controls: all controls by name. Changing one raises ValueError or TypeError if the change is invalid.
    """
    if name not in controls:
        return Reply(f"no such control: choose from {', '.join(controls)}\n".encode(), TEXT, 404)
    read, write = controls[name]
    if request.method != "POST":
        return Reply(json.dumps(read()).encode(), JSON)
    try:
        change = json.loads(request.body)
        if not isinstance(change, dict):
            message = "the body must be a JSON object"
            raise TypeError(message)
        write(change)
    except (ValueError, TypeError) as error:
        return Reply(f"{error}\n".encode(), TEXT, 400)
    return Reply(b"{}", JSON)
