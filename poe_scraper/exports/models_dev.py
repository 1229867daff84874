"""A provider folder of models.dev: `provider.toml`, and `models/<id>.toml` for each bot.

Shape: https://github.com/anomalyco/models.dev (README, "Adding a New Model"). Costs are USD a million
tokens. What Poe does not tell, such as `open_weights` and the knowledge cut-off, is left out: a pull
request to models.dev has to fill it in.
"""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

import tomli_w

from poe_scraper.exports import Export
from poe_scraper.exports.tokens import TokenPriced, TokenPrices, active, token_priced
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
_MILLION = 1_000_000


def export(feed: FeedReader) -> Export:
    """Bots whose token prices are exact and whose id can be a file's name."""
    found = [priced for priced in token_priced(feed) if _FILE_NAME.fullmatch(priced.bot.id)]
    files = {"provider.toml": tomli_w.dumps(_PROVIDER).encode()}
    for priced in found:
        files[f"models/{priced.bot.id}.toml"] = tomli_w.dumps(_model(priced, feed.generated_at)).encode()
    return Export(files, len(found), active(feed) - len(found))


def _model(priced: TokenPriced, written: datetime) -> dict[str, Any]:
    bot = priced.bot
    model: dict[str, Any] = {"name": safe(bot.display_name or bot.handle or bot.id)}
    if bot.architecture:
        model["attachment"] = bool(set(bot.architecture.input_modalities) - {"text"})
    if bot.reasoning is not None:
        model["reasoning"] = True
    if "tools" in bot.supported_features:
        model["tool_call"] = True
    if bot.created:
        model["release_date"] = f"{bot.created:%Y-%m-%d}"
    model["last_updated"] = f"{bot.observed.page.at if bot.observed.page else written:%Y-%m-%d}"
    model["cost"] = _costs(priced.base)
    for tier, prices in priced.tiers:
        if tier.min_tokens == 200_000:
            model["cost"]["context_over_200k"] = _costs(prices)
    if bot.context_window:
        limits = {
            "context": bot.context_window.context_length,
            "output": bot.context_window.max_output_tokens,
        }
        model["limit"] = {name: limit for name, limit in limits.items() if limit is not None}
    if bot.architecture:
        model["modalities"] = {
            "input": list(map(safe, bot.architecture.input_modalities)),
            "output": list(map(safe, bot.architecture.output_modalities)),
        }
    return model


def _costs(prices: TokenPrices) -> dict[str, Any]:
    costs: dict[str, Decimal | None] = {
        "input": prices.input,
        "output": prices.output,
        "cache_read": prices.cache_read,
        "cache_write": prices.cache_write,
    }
    return {name: float(amount * _MILLION) for name, amount in costs.items() if amount is not None}
