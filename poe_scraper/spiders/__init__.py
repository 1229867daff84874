"""The crawls."""
