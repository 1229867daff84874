"""`python -m poe_scraper` is `poe-scraper`."""

from poe_scraper.cli import main

if __name__ == "__main__":
    main()
