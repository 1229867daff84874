"""A stand-in for Poe's API and site."""
