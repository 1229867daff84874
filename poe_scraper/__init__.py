"""Poe Scraper: what Poe's AI models cost, as a versioned JSON feed."""

__version__ = "0.1.0"
