"""The Python API: Poe's models and their prices from a feed on disk, and what your account was billed.

    from poe_scraper import api

    bot = api.get_model_by_id("Claude-Sonnet-4.5")
    api.cost("claude-sonnet-4.5", input_tokens=20_000, output_tokens=1_500).usd.amount

`balance` and `usage` ask Poe about the account of an API key; nothing else uses the network.
All other functions read the feed in `output_dir`: by default `POE_OUTPUT_DIR`, else `output` in the working
directory, else the starter feed that ships with the package (`load_models().starter` is True then). A feed is
loaded once and kept; `reload_models` reads it again if its file has changed.

All errors are subclasses of `poe_scraper.failures.PoeScraperError`. An argument of the wrong type or out of range
raises a `UsageError` that names it.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial, wraps
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

from pydantic import AwareDatetime, ConfigDict, Field, ValidationError, validate_call

from poe_scraper.failures import UnknownBotError, UsageError
from poe_scraper.feed.history import Snapshot, feed_at, snapshots
from poe_scraper.feed.reader import FEED_FILE, FeedReader, feed_folder, open_feed
from poe_scraper.feed.selection import Order, Selection, select
from poe_scraper.feed.store import FeedStore
from poe_scraper.items import Bot
from poe_scraper.pricing import costs
from poe_scraper.pricing.costs import Attributes, Cost, Quantity
from poe_scraper.pricing.questions import Purpose, rank

if TYPE_CHECKING:
    from poe_scraper.account.audit import Audit
    from poe_scraper.account.endpoints import Balance, Usage, UsageHistory

__all__ = [
    "Cost",
    "FeedReader",
    "Snapshot",
    "audit",
    "balance",
    "cheapest",
    "cost",
    "get_all_models",
    "get_model_by_id",
    "get_models_needing_update",
    "get_models_with_pricing",
    "history",
    "load_models",
    "reload_models",
    "search_models",
    "usage",
]

P = ParamSpec("P")
R = TypeVar("R")


def _checked(function: Callable[P, R]) -> Callable[P, R]:
    """Check the arguments of a function against its annotations; an error is one sentence."""
    names = tuple(signature(function).parameters)
    check = validate_call(config=ConfigDict(strict=True, arbitrary_types_allowed=True))(function)

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return check(*args, **kwargs)
        except ValidationError as error:
            wrong = error.errors(include_url=False)[0]
            place = wrong["loc"][0]
            name = names[place] if isinstance(place, int) and place < len(names) else place
            message = f"{name}: {wrong['msg'][:1].lower()}{wrong['msg'][1:]}, got {wrong['input']!r}"
            raise UsageError(message) from None

    return checked


_Stamp = tuple[object, ...]
_feeds: dict[tuple[Path, bool], tuple[_Stamp, FeedReader]] = {}


@_checked
def load_models(output_dir: Path | str | None = None) -> FeedReader:
    """The feed: a mapping from id or handle, in any case, to `Bot`, with the feed's version and age.

    Args:
        output_dir: the folder of the feed.

    Raises:
        FeedError: the folder given has no feed, or the feed cannot be read.
        UsageError: the folder is not a path.
    """
    given, place = _place(output_dir)
    if place not in _feeds:
        _feeds[place] = (_stamp(place[0]), open_feed(given))
    return _feeds[place][1]


@_checked
def reload_models(output_dir: Path | str | None = None) -> FeedReader:
    """Load the feed again if its file has changed, such as after a crawl; else return the one loaded before.

    Raises the same errors as `load_models`.
    """
    _, place = _place(output_dir)
    if place in _feeds and _feeds[place][0] != _stamp(place[0]):
        del _feeds[place]
    return load_models(output_dir)


def _place(output_dir: Path | str | None) -> tuple[Path | None, tuple[Path, bool]]:
    if "\0" in str(output_dir):
        message = f"output_dir must be a path, got {str(output_dir)!r}"
        raise UsageError(message)
    given = Path(output_dir) if output_dir is not None else None
    return given, (feed_folder(given).absolute(), given is None)


def _stamp(folder: Path) -> _Stamp:
    """A value that changes whenever a feed is published; empty if there is no feed."""
    try:
        status = (folder / FEED_FILE).stat()
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_size, status.st_ino


@_checked
def get_all_models(output_dir: Path | str | None = None) -> Sequence[Bot]:
    """All bots of the feed, sorted by id, including those that are gone.

    The sequence is lazy: each bot is built when it is first accessed, and kept.
    """
    return load_models(output_dir).bots


@_checked
def get_model_by_id(name: str, output_dir: Path | str | None = None) -> Bot | None:
    """The bot with that id or handle, in any case; None if there is none."""
    return load_models(output_dir).get(name)


@_checked
def search_models(
    query: str = "",
    *,
    creator: str | None = None,
    owner: str | None = None,
    input_modality: str | None = None,
    output_modality: str | None = None,
    priced: bool | None = None,
    free: bool | None = None,
    unit: str | None = None,
    max_price: Annotated[Decimal | float, Field(ge=0)] | None = None,
    gone: bool = False,
    order: Order = "relevance",
    limit: Annotated[int, Field(ge=1)] | None = None,
    output_dir: Path | str | None = None,
) -> list[Bot]:
    """Find the bots that match all criteria.

    Args:
        query: words that must all be in a bot's names, creator, owner, description or powered-by line.
        creator: handle or name of the creator.
        owner: the organisation that the models API names as owner.
        input_modality: a modality that the bot must accept: `text`, `image`, `video`, `audio`.
        output_modality: a modality that the bot must produce.
        priced: True for bots with a known price, False for those without.
        free: True for bots whose prices are all 0, False for the others.
        unit: a unit that the bot has a price for, such as `second`.
        max_price: maximum primary price in USD per unit, or per million tokens.
        gone: True to include bots that are gone.
        order: `relevance`, `name`, `price` (within each unit), `newest` or `context` (longest first).
        limit: maximum number of bots, at least 1.
        output_dir: the folder of the feed.
    """
    feed = load_models(output_dir)
    selection = Selection(
        text=query,
        creator=creator,
        owner=owner,
        input_modality=input_modality,
        output_modality=output_modality,
        priced=priced,
        free=free,
        unit=unit,
        max_price=None if max_price is None else Decimal(str(max_price)),
        gone=gone,
        order=order,
        limit=limit,
    )
    return [feed[entry["id"]] for entry in select(feed, selection)]


@_checked
def get_models_with_pricing(output_dir: Path | str | None = None) -> list[Bot]:
    """Active bots with a known price, from their card or the models API, sorted by id."""
    return search_models(priced=True, order="name", output_dir=output_dir)


@_checked
def get_models_needing_update(
    max_age: timedelta = timedelta(days=1),
    *,
    now: AwareDatetime | None = None,
    output_dir: Path | str | None = None,
) -> list[Bot]:
    """Active bots whose page was never read, failed when last visited, or was read too long ago.

    Args:
        max_age: maximum age of the last successful reading of a page.
        now: the time to count from, with a time zone; the current time by default.
        output_dir: the folder of the feed.
    """
    now = now or datetime.now(UTC)
    return [
        bot
        for bot in get_all_models(output_dir)
        if bot.status == "active"
        and (
            bot.observed.page is None
            or now - bot.observed.page.at > max_age
            or any(error.stage in {"page", "rates"} for error in bot.errors)
        )
    ]


@_checked
def history(name: str, output_dir: Path | str | None = None) -> list[Snapshot]:
    """The history of a bot: one snapshot per version in which its prices or status changed, oldest first.

    Args:
        name: id or handle, in any case.
        output_dir: the folder of the feed.

    Raises:
        UnknownBotError: no version has such a bot.
        FeedError: a version cannot be read.
    """
    feed = load_models(output_dir)
    found = snapshots(_store(output_dir), feed, name)
    if not found:
        raise UnknownBotError(name, feed.near(name))
    return found


@_checked
def cost(
    bot: Bot | str,
    *,
    input_tokens: Quantity = 0,
    output_tokens: Quantity = 0,
    cached_input_tokens: Quantity = 0,
    cache_write_tokens: Quantity = 0,
    messages: Quantity = 0,
    images: Quantity = 0,
    seconds: Quantity = 0,
    characters: Quantity = 0,
    searches: Quantity = 0,
    units: dict[str, Quantity] | None = None,
    attributes: Attributes | None = None,
    at: date | datetime | None = None,
    output_dir: Path | str | None = None,
) -> Cost:
    """What a usage costs on a bot. Looks up the bot and calls `poe_scraper.pricing.costs.cost`.

    Args:
        bot: id or handle in any case, or a bot.
        input_tokens: tokens of input that are neither read from the cache nor written to it.
        output_tokens: tokens of output.
        cached_input_tokens: tokens of input read from the cache.
        cache_write_tokens: tokens of input written to the cache.
        messages: messages sent to the bot.
        images: images made.
        seconds: seconds of audio or video made.
        characters: characters of text.
        searches: web searches made.
        units: usage in any other unit of the bot's prices; `use` counts uses of prices without a unit.
        attributes: which price to take if several fit.
        at: use the prices of the version that was in force at this time; for a date, at its end in UTC.
        output_dir: the folder of the feed.

    Raises:
        UnknownBotError: the feed has no such bot, or had none at that time.
        UnpricedError: the bot's prices do not say what this usage costs.
        UsageError: a quantity is negative or not a number, or nothing is used.
        FeedError: there is no feed, or no version was in force at that time.
    """
    feed = load_models(output_dir)
    on = datetime.now(UTC).date()
    if at is not None:
        on = at.astimezone(UTC).date() if isinstance(at, datetime) else at
        feed = feed_at(_store(output_dir), feed, at)
    name = bot if isinstance(bot, str) else bot.id
    if isinstance(bot, str) or at is not None:
        found = feed.get(name)
        if found is None:
            raise UnknownBotError(name, feed.near(name))
        bot = found
    return costs.cost(
        bot,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cached_input_tokens=cached_input_tokens,
        cache_write_tokens=cache_write_tokens,
        messages=messages,
        images=images,
        seconds=seconds,
        characters=characters,
        searches=searches,
        units=units,
        attributes=attributes,
        points_per_usd=feed.points_per_usd,
        on=on,
    )


@_checked
def cheapest(
    purpose: Purpose, usage: dict[str, Any] | None = None, *, output_dir: Path | str | None = None
) -> costs.Ranking:
    """Rank the active bots that fit a purpose by what one use costs on them, with the prices of the day they were read.

    Args:
        purpose: `chat`, `image`, `video`, `speech`, `music` or `search`.
        usage: arguments of `cost`, such as `{"images": 4}`; one standard use of the purpose by default.
        output_dir: the folder of the feed.

    Returns:
        `costs`: the cheapest cost of each bot and the attributes that choose it, the cheapest bot first.
        `unfit`: the ids of the other bots, each with the reason.

    Raises:
        UsageError: the purpose is unknown, a quantity is negative or not a number, or nothing is used.
        FeedError: there is no feed.
    """
    feed = load_models(output_dir)
    known = {*signature(costs.cost).parameters} - {"bot", "points_per_usd", "on"}
    if unknown := sorted({*(usage or {})} - known):
        message = f"usage: there is no {unknown[0]!r}; there are {', '.join(sorted(known))}"
        raise UsageError(message)
    return rank(feed.bots, purpose, cost=partial(costs.cost, points_per_usd=feed.points_per_usd), **(usage or {}))


def balance(*, api_key: str | None = None, fresh: bool = False, now: datetime | None = None) -> "Balance":
    """The points left on your account. The response is cached for five minutes.

    Args:
        api_key: the account's key; by default the value of the environment variable `POE_API_KEY`.
        fresh: True to bypass the cache.
        now: the current time, with a time zone; the system's by default.

    Raises:
        UsageError: there is no key.
        ObservationError: Poe could not be reached, refused the key, or its response cannot be used.
    """
    from poe_scraper.account.endpoints import Account, cache_folder

    return Account(api_key, cache=cache_folder()).balance(now=now or datetime.now(UTC), fresh=fresh)


def usage(
    since: date | timedelta | None = None,
    *,
    api_key: str | None = None,
    fresh: bool = False,
    now: datetime | None = None,
) -> "UsageHistory":
    """What your account was billed for each message, newest first. Poe keeps the last 30 days.

    Args:
        since: start of the history: a moment with a time zone, a day in UTC or a span before `now`; 30 days by default.
        api_key: the account's key; by default the value of the environment variable `POE_API_KEY`.
        fresh: True to bypass the cache.
        now: the current time, with a time zone; the system's by default.

    Raises:
        UsageError: there is no key, or `since` is in the future or has no time zone.
        ObservationError: Poe could not be reached, refused the key, or its response cannot be used.
    """
    from poe_scraper.account.endpoints import Account, cache_folder, start_of

    now = now or datetime.now(UTC)
    return Account(api_key, cache=cache_folder()).usage(start_of(since, now), now=now, fresh=fresh)


def audit(usages: "Iterable[Usage]", output_dir: Path | str | None = None) -> "Audit":
    """Compare charges with the prices of the feed that were in force when each message was sent.

    Args:
        usages: messages, as in `usage().usages`.
        output_dir: the folder of the feed.

    Raises:
        FeedError: there is no feed, or a version cannot be read.
    """
    from poe_scraper.account.audit import audit

    if not isinstance(usages, Iterable):
        message = f"usages must be a sequence of messages, got {usages!r}"
        raise UsageError(message)
    return audit(usages, _store(output_dir), load_models(output_dir))


def _store(output_dir: Path | str | None) -> FeedStore:
    return FeedStore(feed_folder(Path(output_dir) if output_dir is not None else None))
