"""LiteLLM's price map, `model_prices_and_context_window.json`, for its provider `poe`.

Shape: an object from `poe/<id>` to what the model costs in USD and what it can do, as LiteLLM 1.110 reads it
(`litellm.register_model` takes the whole object). A context tier is a key such as
`input_cost_per_token_above_272k_tokens`. https://docs.litellm.ai/docs/provider_registration/add_model_pricing
"""

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from poe_scraper.exports import Export
from poe_scraper.exports.tokens import LeftOutError, TokenPriced, TokenPrices, exact, priced_by_token
from poe_scraper.feed.reader import FeedReader
from poe_scraper.items import Bot
from poe_scraper.pricing import media
from poe_scraper.pricing.prices import page_prices

_THRESHOLDS = frozenset({128_000, 200_000, 272_000, 512_000})
"""Context tiers, in tokens, that LiteLLM's calculator keeps of a registered model."""


def export(feed: FeedReader) -> Export:
    """Bots with an exact price per token, per image or per second of video."""
    models: dict[str, Any] = {}
    reasons: Counter[str] = Counter()
    for bot in feed.values():
        if bot.status == "active":
            try:
                models[f"poe/{bot.id}"] = _model(bot)
            except LeftOutError as error:
                reasons[str(error)] += 1
    text = json.dumps(models, indent=4) + "\n"
    return Export({"model_prices_and_context_window.json": text.encode()}, len(models), reasons)


def _model(bot: Bot) -> dict[str, Any]:
    priced = _priced(bot)
    return {"litellm_provider": "poe", **priced, **_limits(bot), "source": bot.url}


def _priced(bot: Bot) -> dict[str, Any]:
    """The mode with its prices: tokens where the bot has them, else an image, else a second of video."""
    prices = page_prices(bot.pricing.rates)
    made, units = media.makes(bot, prices), {price.unit for price in prices}
    if "token" in units or not units:
        return _chat(priced_by_token(bot), answers_in_text="text" in made or not made)
    if "image" in made:
        return {"mode": "image_generation", "output_cost_per_image": float(exact(bot, images=1))}
    if "video" in made and not units.isdisjoint({"second", "minute"}):
        return {"mode": "video_generation", "output_cost_per_second": float(exact(bot, seconds=1))}
    raise LeftOutError("no price per token")


def _chat(priced: TokenPriced, *, answers_in_text: bool) -> dict[str, Any]:
    if not answers_in_text:
        raise LeftOutError("it is priced per token and does not answer in text")
    model: dict[str, Any] = {"mode": "chat", **_costs(priced.base)}
    for tier, prices in priced.tiers:
        if tier.min_tokens not in _THRESHOLDS or tier.max_tokens is not None:
            raise LeftOutError("it has a context tier that LiteLLM does not read")
        model |= _costs(prices, f"_above_{tier.min_tokens // 1000:f}k_tokens")
    if (search := _search_fee(priced.bot)) is not None:
        sizes = ("low", "medium", "high")
        model["search_context_cost_per_query"] = {f"search_context_size_{size}": float(search) for size in sizes}
        model["supports_web_search"] = True
    return model | dict.fromkeys(_abilities(priced), True)


def _search_fee(bot: Bot) -> Decimal | None:
    """USD per web search; None if the card has no such price."""
    try:
        return exact(bot, searches=1)
    except LeftOutError:
        return None


def _abilities(priced: TokenPriced) -> Iterator[str]:
    if "tools" in priced.bot.supported_features:
        yield "supports_function_calling"
    if priced.base.cache_read is not None:
        yield "supports_prompt_caching"
    if priced.bot.reasoning is not None:
        yield "supports_reasoning"


def _limits(bot: Bot) -> dict[str, Any]:
    model: dict[str, Any] = {}
    if bot.context_window and bot.context_window.context_length:
        model["max_input_tokens"] = bot.context_window.context_length
    if bot.context_window and bot.context_window.max_output_tokens:
        model["max_output_tokens"] = bot.context_window.max_output_tokens
    if bot.architecture:
        model["supported_modalities"] = list(bot.architecture.input_modalities)
        model["supported_output_modalities"] = list(bot.architecture.output_modalities)
        model["supports_vision"] = "image" in bot.architecture.input_modalities
    return model


def _costs(prices: TokenPrices, suffix: str = "") -> dict[str, float]:
    costs = {
        "input_cost_per_token": prices.input,
        "output_cost_per_token": prices.output,
        "cache_read_input_token_cost": prices.cache_read,
        "cache_creation_input_token_cost": prices.cache_write,
    }
    return {f"{name}{suffix}": float(amount) for name, amount in costs.items() if amount is not None}
