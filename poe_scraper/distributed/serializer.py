"""Requests as JSON, where scrapy-redis would pickle them: to read a pickle is to run what it says.

https://github.com/rmax/scrapy-redis: `SCHEDULER_SERIALIZER`
"""

import json
import zlib
from typing import Any


def dumps(request: dict[str, Any]) -> bytes:
    """What `Request.to_dict` gave, as packed JSON."""
    headers = {name.decode("latin-1"): [each.decode("latin-1") for each in values]
               for name, values in request["headers"].items()}  # fmt: skip
    text = json.dumps(request | {"headers": headers, "body": request["body"].decode("latin-1")})
    return zlib.compress(text.encode())


def loads(data: bytes) -> dict[str, Any]:
    """The same again, for `request_from_dict`."""
    request: dict[str, Any] = json.loads(zlib.decompress(data))
    request["headers"] = {
        name.encode("latin-1"): [each.encode("latin-1") for each in values]
        for name, values in request["headers"].items()
    }
    request["body"] = request["body"].encode("latin-1")
    request.pop("_class", None)  # names code to import; ours are all plain requests
    return request
