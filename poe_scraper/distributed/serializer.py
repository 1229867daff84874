"""Serialize requests as JSON. scrapy-redis uses pickle by default, which runs code when it is loaded.

https://github.com/rmax/scrapy-redis: `SCHEDULER_SERIALIZER`
"""

import json
import zlib
from typing import Any


def dumps(request: dict[str, Any]) -> bytes:
    """Serialize the result of `Request.to_dict` as compressed JSON."""
    headers = {name.decode("latin-1"): [each.decode("latin-1") for each in values]
               for name, values in request["headers"].items()}  # fmt: skip
    text = json.dumps(request | {"headers": headers, "body": request["body"].decode("latin-1")})
    return zlib.compress(text.encode())


def loads(data: bytes) -> dict[str, Any]:
    """Deserialize a request, for `request_from_dict`."""
    request: dict[str, Any] = json.loads(zlib.decompress(data))
    request["headers"] = {
        name.encode("latin-1"): [each.encode("latin-1") for each in values]
        for name, values in request["headers"].items()
    }
    request["body"] = request["body"].encode("latin-1")
    request.pop("_class", None)  # it would name a class to import; all requests here are plain `Request` objects
    return request
