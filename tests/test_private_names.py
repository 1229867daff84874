"""Names of other packages that are not public and that we use, each in one module. This fails first when one moves."""

import inspect

import pytest
from scrapy.extensions.httpcache import RFC2616Policy


def test_scrapy() -> None:
    """Used in `poe_scraper.httpcache`."""
    parameters = inspect.signature(RFC2616Policy._set_conditional_validators).parameters
    assert list(parameters) == ["self", "request", "cachedresponse"]


def test_scrapy_redis() -> None:
    """Used in `poe_scraper.distributed.scheduler`."""
    queue = pytest.importorskip("scrapy_redis.queue")
    assert list(inspect.signature(queue.Base._encode_request).parameters) == ["self", "request"]
    assert list(inspect.signature(queue.Base._decode_request).parameters) == ["self", "encoded_request"]
