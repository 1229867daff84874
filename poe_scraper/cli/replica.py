"""`poe-scraper replica`: a stand-in for Poe on this machine."""

from poe_scraper.replica.__main__ import replica

__all__ = ["replica"]
