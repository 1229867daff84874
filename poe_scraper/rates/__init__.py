"""Reading a rate card: text in, `Reading` out. No network, no clock."""

from poe_scraper.rates.language import is_english
from poe_scraper.rates.reader import read_card, read_dialog

__all__ = ["is_english", "read_card", "read_dialog"]
