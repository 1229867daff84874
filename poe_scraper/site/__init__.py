"""The catalogue: a feed as a static website.

`build` (site/build.py) writes it into a folder that any web server can serve and that also opens from disk.
The pages load nothing from outside the folder. The command is `poe-scraper site`.
"""

from poe_scraper.site.build import BuildResult, build
from poe_scraper.site.folder import CatalogueError

__all__ = ["BuildResult", "CatalogueError", "build"]
