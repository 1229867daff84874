"""Reading a rate card: text in, `Reading` out. No network, no clock."""

from poe_scraper.rates.checks import checks
from poe_scraper.rates.language import is_english
from poe_scraper.rates.primary import primary_price
from poe_scraper.rates.reader import read_card, read_dialog

__all__ = ["checks", "is_english", "primary_price", "read_card", "read_dialog"]
