"""A mock of Poe's API and site, for demonstrations, tests and benchmarks.

It answers as Poe is known to answer, can show the faults that are known of such sites, and shares no code
with what reads Poe's answers, so that both cannot be wrong in the same way.

    with running(bots=20, faults=["page_500=0.1:once"]) as replica:
        ...  # crawl replica.api_url and replica.url
"""

from .control import Replica, running

__all__ = ["Replica", "running"]
