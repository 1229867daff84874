"""LiteLLM's price map, `model_prices_and_context_window.json`, for its provider `poe`.

Shape: an object from `poe/<id>` to USD a token and what the model can do, as LiteLLM 1.109 reads it
(`litellm.register_model` takes the whole object). A context tier is a key such as
`input_cost_per_token_above_272k_tokens`. https://docs.litellm.ai/docs/provider_registration/add_model_pricing
"""

import json
from typing import Any

from poe_scraper.exports import Export
from poe_scraper.exports.tokens import TokenPriced, TokenPrices, active, token_priced
from poe_scraper.feed.reader import FeedReader
from poe_scraper.items import Bot


def export(feed: FeedReader) -> Export:
    """Bots that answer in text, whose token prices are exact."""
    found = [priced for priced in token_priced(feed) if _answers_in_text(priced.bot)]
    models = {f"poe/{priced.bot.id}": _model(priced) for priced in found}
    text = json.dumps(models, indent=4) + "\n"
    return Export({"model_prices_and_context_window.json": text.encode()}, len(found), active(feed) - len(found))


def _answers_in_text(bot: Bot) -> bool:
    return bot.architecture is not None and "text" in bot.architecture.output_modalities


def _model(priced: TokenPriced) -> dict[str, Any]:
    bot = priced.bot
    model: dict[str, Any] = {"litellm_provider": "poe", "mode": "chat", **_costs(priced.base)}
    for tier, prices in priced.tiers:
        if tier.min_tokens % 1000 == 0:
            model |= _costs(prices, f"_above_{tier.min_tokens // 1000:f}k_tokens")
    if bot.context_window and bot.context_window.context_length:
        model["max_input_tokens"] = bot.context_window.context_length
    if bot.context_window and bot.context_window.max_output_tokens:
        model["max_output_tokens"] = bot.context_window.max_output_tokens
    if bot.architecture:
        model["supported_modalities"] = list(bot.architecture.input_modalities)
        model["supported_output_modalities"] = list(bot.architecture.output_modalities)
        model["supports_vision"] = "image" in bot.architecture.input_modalities
    told = {
        "supports_function_calling": "tools" in bot.supported_features,
        "supports_prompt_caching": priced.base.cache_read is not None,
        "supports_reasoning": bot.reasoning is not None,
    }
    model |= {ability: True for ability, known in told.items() if known}
    model["source"] = bot.url
    return model


def _costs(prices: TokenPrices, suffix: str = "") -> dict[str, float]:
    costs = {
        "input_cost_per_token": prices.input,
        "output_cost_per_token": prices.output,
        "cache_read_input_token_cost": prices.cache_read,
        "cache_creation_input_token_cost": prices.cache_write,
    }
    return {f"{name}{suffix}": float(amount) for name, amount in costs.items() if amount is not None}
