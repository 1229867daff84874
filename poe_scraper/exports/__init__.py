"""The feed in the formats that other tools read. `docs/cli.md` says which fact goes where."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TypeAlias

from poe_scraper.feed.reader import FeedReader


@dataclass(frozen=True)
class Export:
    """A feed in another format.

    Args:
        files: content by file name; names may have folders. Most formats are one file.
        bots: how many bots are in it.
        reasons: how many active bots are not, by the reason why the format cannot say what they cost.
    """

    files: Mapping[str, bytes]
    bots: int
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def left_out(self) -> int:
        """How many active bots are not in it."""
        return sum(self.reasons.values())


Writer: TypeAlias = Callable[[FeedReader], Export]


@dataclass(frozen=True)
class Format:
    """A format: what it is, and whether a terminal can show it.

    Args:
        module: the module of its `export` function.
        summary: one line about it.
        text: True if it is one text file.
    """

    module: str
    summary: str
    text: bool = True


FORMATS: dict[str, Format] = {
    "csv": Format("csv", "one line per price"),
    "jsonl": Format("jsonl", "one bot per line, as in the feed"),
    "parquet": Format("parquet", "one row per price (needs the extra 'parquet')", text=False),
    "xlsx": Format("xlsx", "a workbook of prices and bots (needs the extra 'xlsx')", text=False),
    "litellm": Format("litellm", "LiteLLM's price map"),
    "models.dev": Format("models_dev", "a provider folder of models.dev, in TOML", text=False),
    "llm-prices": Format("llm_prices", "the JSON of llm-prices"),
    "openai": Format("openai", "OpenAI's list of models"),
}


def export(feed: FeedReader, name: str) -> Export:
    """The feed in a format of `FORMATS`.

    Raises:
        PoeScraperError: the format needs a package that is not installed; the text says which.
        FeedError: a bot of the feed does not fit the schema.
    """
    writer: Writer = import_module(f"{__name__}.{FORMATS[name].module}").export
    return writer(feed)
