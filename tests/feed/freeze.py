"""Freezes the current schema, and a feed that fits it: `python -m tests.feed.freeze`.

The fixtures of a released schema version never change. Those of the next one are frozen anew until it is released.
"""

import tempfile
from pathlib import Path

from poe_scraper.items import SCHEMA_VERSION
from tests.made_feed import publish


def main() -> None:
    fixtures = Path(__file__).with_name("fixtures")
    with tempfile.TemporaryDirectory() as name:
        folder = publish(Path(name))
        for kind, published in (("feed", "models.json"), ("schema", "models.schema.json")):
            (fixtures / f"{kind}-{SCHEMA_VERSION}.json").write_bytes((folder / published).read_bytes())


if __name__ == "__main__":
    main()
