"""`poe-scraper replica`: a mock of Poe, or a recording, on this machine."""

from poe_scraper.replica.__main__ import replica

__all__ = ["replica"]
