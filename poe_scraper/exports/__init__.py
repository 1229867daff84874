"""The feed in the formats that other tools read. `docs/cli.md` says which fact goes where."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TypeAlias

from poe_scraper.feed.reader import FeedReader
from poe_scraper.feed.store import FeedStore


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
HistoryWriter: TypeAlias = Callable[[FeedReader, FeedStore], Export]


@dataclass(frozen=True)
class Format:
    """A format: what it is, and whether a terminal can show it.

    Args:
        module: the module of its `export` function.
        summary: one line about it.
        text: True if it is one text file.
        history: True if it has more than one version: its `export` is a `HistoryWriter`, not a `Writer`.
    """

    module: str
    summary: str
    text: bool = True
    history: bool = False


FORMATS: dict[str, Format] = {
    "csv": Format("csv", "one line per price"),
    "jsonl": Format("jsonl", "one bot per line, as in the feed"),
    "parquet": Format("parquet", "one row per price (needs the extra 'parquet')", text=False),
    "sqlite": Format("sqlite", "a database of bots, prices and changes", text=False, history=True),
    "xlsx": Format("xlsx", "a workbook of prices and bots (needs the extra 'xlsx')", text=False),
    "litellm": Format("litellm", "LiteLLM's price map"),
    "models.dev": Format("models_dev", "a provider folder of models.dev, in TOML", text=False),
    "llm-prices": Format("llm_prices", "the JSON of llm-prices"),
    "history-parquet": Format(
        "history_parquet", "every price that ever held (needs 'parquet')", text=False, history=True
    ),
    "llm-prices-history": Format("llm_prices_history", "the history of llm-prices", history=True),
    "openai": Format("openai", "OpenAI's list of models"),
}


def export(feed: FeedReader, name: str, store: FeedStore) -> Export:
    """The feed in a format of `FORMATS`.

    Args:
        feed: the current feed, or a version of it.
        name: the format.
        store: the folder of the feed, for formats that have its history.

    Raises:
        PoeScraperError: the format needs a package that is not installed; the text says which.
        FeedError: a bot of the feed does not fit the schema, or its log cannot be read.
    """
    form = FORMATS[name]
    module = import_module(f"{__name__}.{form.module}")
    if form.history:
        history_writer: HistoryWriter = module.export
        return history_writer(feed, store)
    writer: Writer = module.export
    return writer(feed)
