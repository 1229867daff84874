"""The catalogue: a feed as static pages for people.

`build` (site/build.py) writes it into a folder that any web space can serve, or that opens from a disk.
Nothing in it asks for anything outside the folder. `poe-scraper site` is its command.
"""

from poe_scraper.site.build import Built, build
from poe_scraper.site.folder import CatalogueError

__all__ = ["Built", "CatalogueError", "build"]
