"""For `scrapyd-deploy`, which builds eggs with it. All that it says stands in pyproject.toml."""

from setuptools import setup

setup()
