"""A limit on the total time of a network request.

`requests` limits the time between two bytes, so a server that sends a byte now and then holds a request for ever.
"""

import multiprocessing
from collections.abc import Callable
from multiprocessing.pool import ThreadPool
from typing import TypeVar

_Result = TypeVar("_Result")


def within(seconds: float, function: Callable[[], _Result]) -> _Result:
    """Call a function, and stop waiting for it after a time.

    Args:
        seconds: the limit.
        function: what to call. It runs in a thread, which is left behind at the limit and does not keep Python from
            exiting.

    Raises:
        TimeoutError: the limit was reached.
    """
    pool = ThreadPool(1)
    try:
        return pool.apply_async(function).get(seconds)
    except multiprocessing.TimeoutError:
        message = f"it took longer than {seconds:g} s"
        raise TimeoutError(message) from None
    finally:
        pool.terminate()
