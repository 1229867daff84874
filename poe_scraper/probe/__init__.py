"""One look at one page, told step by step: `poe-scraper probe`, and the recordings it makes."""
