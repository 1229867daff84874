"""A provider folder of models.dev: `provider.toml`, and `models/<lab>/<id>.toml` for each bot.

Shape: https://github.com/anomalyco/models.dev (its schema of July 2026). Objects are strict: a key too many or too few
fails. Costs are USD per million tokens. A file names the model that it inherits from with `base_model` if models.dev
has one of the bot's id: what Poe does not say, such as `open_weights`, then comes from there. Other bots are left out.
"""

import re
from collections import Counter
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files as package_files
from typing import Any

import tomli_w

from poe_scraper.exports import Export
from poe_scraper.exports.tokens import LeftOutError, TokenPriced, TokenPrices, token_priced
from poe_scraper.feed.reader import FeedReader
from poe_scraper.untrusted import safe

_PROVIDER = {
    "name": "Poe",
    "env": ["POE_API_KEY"],
    "npm": "@ai-sdk/openai-compatible",
    "api": "https://api.poe.com/v1",
    "doc": "https://creator.poe.com/docs/external-applications/openai-compatible-api",
}
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RELEASE_DATE = re.compile(r"-20\d{6}$")
_MODALITIES = ("text", "audio", "image", "video", "pdf")
_MILLION = 1_000_000


def export(feed: FeedReader) -> Export:
    """Bots whose token prices are exact, and whose model models.dev has."""
    exact = token_priced(feed)
    reasons = Counter(exact.left_out)
    files = {"provider.toml": tomli_w.dumps(_PROVIDER).encode()}
    for priced in exact.priced:
        try:
            path = _path(priced)
        except LeftOutError as error:
            reasons[str(error)] += 1
        else:
            files[path] = tomli_w.dumps(_model(priced, feed.generated_at)).encode()
    return Export(files, len(files) - 1, reasons)


def _path(priced: TokenPriced) -> str:
    if not _FILE_NAME.fullmatch(priced.bot.id):
        raise LeftOutError("its id cannot be the name of a file")
    base = _base_models().get(_plain(priced.bot.id))
    if base is None:
        raise LeftOutError("models.dev has no model of its id to inherit from")
    return f"models/{base.partition('/')[0]}/{priced.bot.id}.toml"


@cache
def _base_models() -> dict[str, str]:
    """The models of models.dev, `<lab>/<model>`, by their plain id."""
    text = package_files(__package__).joinpath("models_dev_base_models.txt").read_text(encoding="utf-8")
    return {_plain(base.partition("/")[2]): base for base in text.split()}


def _plain(identity: str) -> str:
    """An id without case and release date, with `-` for `.`: `claude-opus-4-5-20251101` is `claude-opus-4.5`."""
    return _RELEASE_DATE.sub("", identity.casefold()).replace(".", "-")


def _model(priced: TokenPriced, written: datetime) -> dict[str, Any]:
    bot = priced.bot
    model: dict[str, Any] = {
        "base_model": _base_models()[_plain(bot.id)],
        "name": safe(bot.display_name or bot.handle or bot.id),
        "last_updated": f"{bot.observed.page.at if bot.observed.page else written:%Y-%m-%d}",
    }
    if bot.supported_features:
        model["tool_call"] = "tools" in bot.supported_features
    cost: dict[str, Any] = _costs(priced.base)
    tiers = [
        {**_costs(prices), "tier": {"type": "context", "size": int(tier.min_tokens)}} for tier, prices in priced.tiers
    ]
    model["cost"] = {**cost, "tiers": tiers} if tiers else cost
    window = bot.context_window
    if window and window.context_length is not None and window.max_output_tokens is not None:
        model["limit"] = {"context": window.context_length, "output": window.max_output_tokens}
    if bot.architecture:
        goes_in, comes_out = bot.architecture.input_modalities, bot.architecture.output_modalities
        sides = {"input": goes_in, "output": comes_out}
        known = {name: [each for each in _MODALITIES if each in found] for name, found in sides.items()}
        if all(known.values()):
            model["modalities"] = known
            model["attachment"] = bool(set(known["input"]) - {"text"})
    return model


def _costs(prices: TokenPrices) -> dict[str, Any]:
    costs: dict[str, Decimal | None] = {
        "input": prices.input,
        "output": prices.output,
        "cache_read": prices.cache_read,
        "cache_write": prices.cache_write,
    }
    return {name: float(amount * _MILLION) for name, amount in costs.items() if amount is not None}
