"""The nouns of the project, as pydantic models. The feed's JSON Schema is generated from them.

Money is `Decimal` here and a decimal string in JSON, as the source wrote it (`"0.40"` stays `"0.40"`).
Time is an aware `datetime` in UTC here and RFC 3339 with `Z` in JSON.
A reader ignores fields it does not know and passes on values it does not know, so that a feed of a later minor version
still loads. Enumerations that can grow are therefore plain strings with examples; those that cannot are `Literal`.
"""

import json
import re
from datetime import UTC
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    PlainSerializer,
    Tag,
    WithJsonSchema,
)
from pydantic_core import PydanticSerializationError

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

SCHEMA_VERSION = "1.1"
"""Version of the feed's schema, MAJOR.MINOR. docs/schema.md has the rules for raising it."""

POINTS_PER_USD = Decimal(33_000)
"""What Poe charges for a dollar, in points (observed: 473 rate cards, October 2026)."""


def _not_float(value: object) -> object:
    if isinstance(value, float):
        message = "money must be a decimal string or a Decimal, not a float"
        raise ValueError(message)
    return value


def is_of_sane_size(value: Decimal) -> bool:
    """True if a finite number has at most `MAX_MAGNITUDE` digits before and as many after the decimal point."""
    # "1e999999" is six bytes of JSON and a megabyte in plain notation
    text = str(value)
    if len(text) <= MAX_MAGNITUDE and "E" not in text:
        return True  # in plain notation and short: much faster than counting digits
    return value.adjusted() < MAX_MAGNITUDE and int(value.as_tuple().exponent) >= -MAX_MAGNITUDE


def _of_sane_size(value: Decimal) -> Decimal:
    if not is_of_sane_size(value):
        message = f"money must have at most {MAX_MAGNITUDE} digits before and after the decimal point"
        raise ValueError(message)
    return value


MAX_MAGNITUDE = 40
"""Largest number of digits of money before and after the decimal point."""

Amount = Annotated[
    Decimal,
    Field(allow_inf_nan=False),
    BeforeValidator(_not_float),
    AfterValidator(_of_sane_size),
    PlainSerializer(lambda value: format(value, "f"), return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^-?[0-9]{{1,{MAX_MAGNITUDE}}}(\\.[0-9]{{1,{MAX_MAGNITUDE}}})?$",
            "examples": ["0.40", "1500"],
        }
    ),
]
"""A decimal number that JSON carries as a string in plain notation."""

Instant = Annotated[
    AwareDatetime,
    AfterValidator(lambda value: value.astimezone(UTC)),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-10-22T13:19:04Z"]}),
]
"""A moment in UTC."""


def _plain_numbers(value: object, depth: int = 0) -> object:
    if depth > _MAX_DEPTH:
        message = f"JSON must not be nested deeper than {_MAX_DEPTH} levels"
        raise ValueError(message)
    if isinstance(value, list):
        return [_plain_numbers(part, depth + 1) for part in value]
    if isinstance(value, dict):
        return {name: _plain_numbers(part, depth + 1) for name, part in value.items()}
    return float(value) if isinstance(value, Decimal) else value


_MAX_DEPTH = 100

AnyJson = Annotated[JsonValue, BeforeValidator(lambda value: _plain_numbers(value))]
"""Any JSON value. Fractions may be given as `Decimal`, as a JSON parser reads them that keeps money exact."""

Currency = Literal["USD", "points"]
Bound = Literal["exact", "up_to", "from", "about"]


class Item(BaseModel):
    """Base of all nouns: immutable, unknown fields ignored, docstrings published as descriptions."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
        populate_by_name=True,
        # we write every field, so the published schema requires every field
        json_schema_serialization_defaults_required=True,
    )


# --- what a rate card says (the rate-card contract) --------------------------------------------


class Per(Item):
    """The denominator of a price: `/1M tokens` is `{"quantity": "1000000", "unit": "token"}`."""

    quantity: Amount = Decimal(1)
    """How many units the price pays for."""
    unit: str | None = Field(default=None, examples=["token", "message", "second"])
    """Lower-case singular noun; null where the card names none."""
    qualifier: str | None = Field(default=None, examples=["video", "additional"])
    """Words that narrow the unit: `video` tokens, `additional` megapixel."""


class Rate(Item):
    """One price in one currency."""

    label: str = Field(examples=["Input (text)"])
    """Text of the row's first cell; for a price in prose, the thing that is priced."""
    section: str | None = Field(default=None, examples=["Image generation"])
    """The title that governs the table or list; null where nothing stands above it."""
    attributes: dict[str, str] = Field(default_factory=dict, examples=[{"Duration": "5s"}])
    """What else tells this price from its neighbours, keyed by column header."""
    currency: Currency
    """`USD` or Poe's `points`."""
    amount: Amount
    """The price, or the lower end of a range, in `currency` per `per`."""
    max_amount: Amount | None = None
    """The upper end of a range, in `currency` per `per`; else null."""
    list_amount: Amount | None = None
    """A struck-out former price in the same currency; else null."""
    per: Per = Per()
    """What the amount pays for."""
    bound: Bound = "exact"
    """`up_to`: at most this much; `from`: at least this much; `about`: typical."""


class CacheDiscount(Item):
    """Cached input costs less."""

    kind: Literal["cache_discount"] = "cache_discount"
    """Which kind of adjustment this is."""
    percent: Amount = Field(examples=["90"])
    """Per cent off the input price for input read from the cache."""


class CacheWriteSurcharge(Item):
    """Input written to the cache costs more."""

    kind: Literal["cache_write_surcharge"] = "cache_write_surcharge"
    """Which kind of adjustment this is."""
    percent: Amount = Field(examples=["25"])
    """Per cent on top of the input price for input written to the cache."""
    ttl_seconds: Amount | None = Field(default=None, examples=["300"])
    """How long what was written stays cached, in seconds."""


class ContextTier(Item):
    """Long contexts cost a multiple of the rates."""

    kind: Literal["context_tier"] = "context_tier"
    """Which kind of adjustment this is."""
    min_tokens: Amount = Field(examples=["272000"])
    """The tier holds where the context is longer than this many tokens."""
    max_tokens: Amount | None = None
    """The tier ends at this many tokens; null where it has no end."""
    input_multiplier: Amount | None = Field(default=None, examples=["2"])
    """Factor on input prices."""
    output_multiplier: Amount | None = Field(default=None, examples=["1.5"])
    """Factor on output prices."""


class FreeAllowance(Item):
    """The first so many units cost nothing."""

    kind: Literal["free_allowance"] = "free_allowance"
    """Which kind of adjustment this is."""
    quantity: Amount = Field(examples=["12500"])
    """How many units are free."""
    unit: str | None = Field(default=None, examples=["point", "image"])
    """Lower-case singular noun, as in `Per.unit`."""


class PlusCalledBots(Item):
    """The price comes on top of what the bots it calls cost."""

    kind: Literal["plus_called_bots"] = "plus_called_bots"
    """Which kind of adjustment this is."""


class UndisclosedCosts(Item):
    """The creator charges more than the card tells."""

    kind: Literal["undisclosed_costs"] = "undisclosed_costs"
    """Which kind of adjustment this is."""


class Variable(Item):
    """A row with a label and, instead of a price, `Variable` or a pointer to another table."""

    kind: Literal["variable"] = "variable"
    """Which kind of adjustment this is."""
    label: str = Field(examples=["Input (file)"])
    """Text of the row's first cell."""


class Discount(Item):
    """A price is lower by a share."""

    kind: Literal["discount"] = "discount"
    """Which kind of adjustment this is."""
    percent: Amount = Field(examples=["25"])
    """Per cent off."""
    label: str = Field(examples=["Batch"])
    """What gets the discount, or who."""


class Multiplier(Item):
    """A price is a multiple of the usual one."""

    kind: Literal["multiplier"] = "multiplier"
    """Which kind of adjustment this is."""
    factor: Amount = Field(examples=["1.5"])
    """Factor on the usual price."""
    label: str = Field(examples=["Peak hours"])
    """What costs the multiple."""


class Markup(Item):
    """A share comes on top of a price, such as the provider's."""

    kind: Literal["markup"] = "markup"
    """Which kind of adjustment this is."""
    percent: Amount = Field(examples=["20"])
    """Per cent on top."""
    label: str = Field(examples=["the provider's cost"])
    """What it comes on top of."""


class OtherAdjustment(Item):
    """An adjustment of a kind that a later version introduced. It is kept verbatim.

    A bot with one may cost more or less than its rates say.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")

    kind: str = Field(examples=["volume_discount"])
    """Which kind of adjustment this is; none of those above."""


def _adjustment_tag(value: Any) -> str:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if isinstance(kind, str) and kind in ADJUSTMENT_KINDS else _OTHER


Adjustment = Annotated[
    Annotated[CacheDiscount, Tag("cache_discount")]
    | Annotated[CacheWriteSurcharge, Tag("cache_write_surcharge")]
    | Annotated[ContextTier, Tag("context_tier")]
    | Annotated[FreeAllowance, Tag("free_allowance")]
    | Annotated[PlusCalledBots, Tag("plus_called_bots")]
    | Annotated[UndisclosedCosts, Tag("undisclosed_costs")]
    | Annotated[Variable, Tag("variable")]
    | Annotated[Discount, Tag("discount")]
    | Annotated[Multiplier, Tag("multiplier")]
    | Annotated[Markup, Tag("markup")]
    | Annotated[OtherAdjustment, Tag("other")],
    Discriminator(_adjustment_tag),
]
"""What changes a price."""

_OTHER = "other"
ADJUSTMENT_KINDS = frozenset(
    annotation.tag
    for model in get_args(get_args(Adjustment)[0])
    for annotation in get_args(model)[1:]
    if isinstance(annotation, Tag) and annotation.tag != _OTHER
)
"""The kinds of adjustment that this version knows."""


class Reading(Item):
    """What one rate card says. Every amount on the card stands in one of the three lists."""

    rates: tuple[Rate, ...] = ()
    """The prices, in the order of the card."""
    adjustments: tuple[Adjustment, ...] = ()
    """What changes these prices."""
    unparsed: tuple[str, ...] = ()
    """Verbatim pieces of the card with an amount that the two other lists do not account for."""


# --- pricing -----------------------------------------------------------------------------------


class ApiPricing(Item):
    """Prices from Poe's models API, in USD per unit."""

    prompt: Amount | None = None
    """USD per input token."""
    completion: Amount | None = None
    """USD per output token."""
    image: Amount | None = None
    """USD per output token of an image, not per image (observed on all bots that have it: 0.000021, 0.0001)."""
    request: Amount | None = None
    """USD per message."""
    input_cache_read: Amount | None = None
    """USD per input token read from the cache."""
    input_cache_write: Amount | None = None
    """USD per input token written to the cache."""


class InitialPoints(Item):
    """The short cost label beside a bot's name, such as `206+ points`."""

    text: str = Field(examples=["206+ points"])
    """The label as shown."""
    amount: Amount | None = Field(default=None, examples=["206"])
    """Points, where the label names a number; else null."""
    bound: Bound | None = None
    """`from` where the label says `206+`; null without a number."""


class PrimaryPrice(Item):
    """The one price that a list shows for a bot, in both currencies over the same denominator."""

    label: str = Field(examples=["Input (text)"])
    """The rate it was taken from."""
    section: str | None = Field(default=None, examples=["Image generation"])
    """The rate's section."""
    attributes: dict[str, str] = Field(default_factory=dict, examples=[{"Duration": "5s"}])
    """The rate's attributes."""
    per: Per
    """What both amounts pay for."""
    bound: Bound
    """As in `Rate.bound`."""
    usd: Amount | None = Field(default=None, examples=["2.02"])
    """USD per `per`; null where only points are known."""
    points: Amount | None = Field(default=None, examples=["67000"])
    """Points per `per`; null where only dollars are known."""
    source: str = Field(examples=["page", "api"])
    """Which evidence it rests on: the rate card (`page`) or the models API (`api`). More may come."""
    suspect: bool = False
    """True if a check contradicts it by a factor of 10 or more: see `Pricing.checks`."""


class Check(Item):
    """A price, compared with other evidence for it."""

    kind: str = Field(examples=["usd_points", "api_page", "neighbours", "range"])
    """`usd_points`: the card's dollars and its points; `api_page`: the API and the card; `neighbours`: a price of the
    card and its other prices; `range`: a price and what such prices are on other cards. The last two are only
    reported if they make the price suspect. More may come."""
    subject: str = Field(examples=["Input (text)"])
    """The rate's label, or what is missing where nothing could be compared."""
    result: str = Field(examples=["agrees", "differs", "suspect", "not_comparable"])
    """`agrees`: the difference is no more than rounding or a known convention of cards explains; `differs`: by less
    than a factor of 10; `suspect`: by a factor of 10 or more, so that one of the two is most likely wrong. More may
    come."""
    figures: dict[str, Amount] = Field(default_factory=dict, examples=[{"usd": "2.02", "points": "67"}])
    """The figures compared, named after their currency or source."""
    reason: str | None = Field(default=None, examples=["the card gives no dollars"])
    """Which convention explains a difference, or why they differ or cannot be compared, in a few words."""


class Pricing(Item):
    """All that is known of a bot's prices. Evidence from API and page stands apart."""

    api: ApiPricing | None = None
    """Prices of the models API; null where it gives none."""
    api_variable: tuple[str, ...] = Field(default=(), examples=[["prompt", "completion"]])
    """Prices that the API calls variable (`-1`); in `api` they are null."""
    api_other: dict[str, AnyJson] = Field(default_factory=dict, examples=[{"web_search": "0.01"}])
    """What else the API's `pricing` object holds, under the API's own keys. Fractions are decimal strings."""
    rates: tuple[Rate, ...] = ()
    """Prices of the rate card."""
    adjustments: tuple[Adjustment, ...] = ()
    """What changes these prices."""
    unparsed: tuple[str, ...] = Field(default=(), examples=[["plus 40 points for what it calls"]])
    """Pieces of the card that hold an amount nobody could read: treat the bot's prices as incomplete."""
    rate_card: str | None = Field(
        default=None, examples=["| Type | Rate |\n|---|---|\n| Input | 75 points/1k tokens |"]
    )
    """The card's markdown as Poe sent it; null where the bot has no Rates."""
    initial_points: InitialPoints | None = None
    """The cost label beside the bot's name."""
    primary: PrimaryPrice | None = None
    """The price a list shows."""
    checks: tuple[Check, ...] = ()
    """Where the evidence agrees and where not."""


# --- a bot -------------------------------------------------------------------------------------


class Creator(Item):
    """Who made the bot."""

    handle: str = Field(examples=["xAI"])
    """The creator's handle on Poe, without `@`."""
    name: str | None = Field(default=None, examples=["xAI Corp"])
    """The creator's full name, where the page tells."""


class Architecture(Item):
    """What goes in and what comes out."""

    input_modalities: tuple[str, ...] = Field(default=(), examples=[["text", "image"]])
    """Such as `text`, `image`, `video`, `audio`."""
    output_modalities: tuple[str, ...] = Field(default=(), examples=[["text"]])
    """As above."""
    modality: str | None = Field(default=None, examples=["text,image->text"])
    """Both in one, as the API writes it."""


class ContextWindow(Item):
    """How much fits."""

    context_length: int | None = Field(default=None, examples=[400000])
    """Tokens of input and output together."""
    max_output_tokens: int | None = Field(default=None, examples=[128000])
    """Tokens of output."""


class ReasoningBudget(Item):
    """Bounds of the reasoning budget."""

    max_tokens: int | None = Field(default=None, examples=[32768])
    """Tokens."""
    min_tokens: int | None = Field(default=None, examples=[1024])
    """Tokens."""


class Reasoning(Item):
    """How the model reasons, as far as the API tells."""

    budget: ReasoningBudget | None = None
    """Bounds of the budget."""
    required: bool | None = None
    """Whether reasoning cannot be switched off."""
    supports_reasoning_effort: bool | None = None
    """Whether the effort can be chosen."""


class Parameter(Item):
    """A parameter that a call to the bot may set."""

    name: str = Field(examples=["temperature"])
    """Its name."""
    json_schema: AnyJson = Field(default=None, alias="schema")
    """JSON Schema of its value."""
    default_value: AnyJson = None
    """Its default."""
    description: str | None = Field(default=None, examples=["How random the answer is."])
    """What it does."""


class CatalogSighting(Item):
    """When and where the catalog facts were seen."""

    at: Instant
    """Time of the answer."""
    url: str = Field(examples=["https://api.poe.com/v1/models"])
    """Address of the API that answered."""
    kept: tuple[str, ...] = Field(default=(), examples=[["supported_features"]])
    """Fields, as dotted paths, that this answer did not give in a readable form. Their values are from an earlier
    answer."""


class PageSighting(Item):
    """When and where the page facts were seen."""

    at: Instant
    """Time of the answer."""
    url: str = Field(examples=["https://poe.com/Grok-4.7"])
    """Address of the page after redirects."""
    via: str | None = Field(default=None, examples=["graphql", "dialog", "query"])
    """Where the rate card came from: the page's own query, its dialog, or a repeated query; null if the bot has no
    Rates. More may come."""


class Observed(Item):
    """Lineage: which evidence the facts rest on."""

    catalog: CatalogSighting | None = None
    """Owner, modalities, context, features, parameters and API prices."""
    page: PageSighting | None = None
    """Handle, names, creator, description, powered-by line and rate card."""


class BotError(Item):
    """Something that went wrong with this bot at its last observation."""

    stage: str = Field(examples=["catalog", "page", "rates", "profile"])
    """Where it happened. More may come."""
    code: str = Field(examples=["timeout"])
    """One of the failure codes of the documentation."""
    message: str = Field(examples=["The page did not load in 30 s."])
    """What was wrong, for a person."""
    field: str | None = Field(default=None, examples=["pricing.api.prompt"])
    """Dotted path of the one field that could not be read; null where more failed."""
    at: Instant
    """When."""


class RunError(Item):
    """Something that went wrong after the crawl."""

    stage: Literal["delivery", "monitors"]
    """Where it happened."""
    code: str = Field(examples=["delivery_failed"])
    """One of the failure codes of the documentation."""
    message: str = Field(examples=["s3://prices/poe: PermissionError: Access Denied"])
    """What was wrong, for a person, without secrets."""
    at: Instant
    """When."""


class Bot(Item):
    """A bot on Poe: who it is, what it costs, and where each fact was seen."""

    id: str = Field(examples=["grok-4.7"])
    """The API's id; where the API does not list the bot, its handle in lower case."""
    object: Literal["model"] = "model"
    """Always `model`, as in OpenAI's lists."""
    handle: str | None = Field(default=None, examples=["Grok-4.7"])
    """The handle with its own case, as on the page; null until the page was seen."""
    display_name: str | None = Field(default=None, examples=["Grok 4.7"])
    """The name shown to people."""
    url: str = Field(examples=["https://poe.com/Grok-4.7"])
    """The bot's page."""
    status: Literal["active", "gone"] = "active"
    """`gone`: no longer listed where it was found."""
    first_seen: Instant
    """When a crawl saw the bot first."""
    last_seen: Instant
    """When a crawl saw the bot last."""
    gone_since: Instant | None = None
    """When a crawl missed it first; null while active."""
    discovered_by: tuple[str, ...] = Field(default=(), examples=[["api", "creator"]])
    """How it was found: in the models API (`api`), on a creator's profile (`creator`), or named by the user (`handle`).
    More may come."""
    created: Instant | None = None
    """When the bot was created, as the API tells."""
    owned_by: str | None = Field(default=None, examples=["XAI"])
    """The organisation that the API names as owner."""
    creator: Creator | None = None
    """The Poe account that made it."""
    description: str | None = Field(default=None, examples=["Answers questions."])
    """The bot's own words. Untrusted text."""
    powered_by: str | None = Field(default=None, examples=["Powered by a server managed by @xAI."])
    """The page's powered-by line."""
    is_down: bool | None = None
    """Whether the page says that the bot is down; null where it does not tell."""
    architecture: Architecture | None = None
    """Input and output modalities."""
    context_window: ContextWindow | None = None
    """Token limits."""
    supported_features: tuple[str, ...] = Field(default=(), examples=[["tools"]])
    """Such as `tools`."""
    reasoning: Reasoning | None = None
    """Reasoning abilities."""
    parameters: tuple[Parameter, ...] = ()
    """What a call may set."""
    pricing: Pricing = Pricing()
    """What it costs."""
    observed: Observed = Observed()
    """When and where the facts were seen."""
    errors: tuple[BotError, ...] = ()
    """What went wrong at the last observation; older good facts are kept."""

    @property
    def key(self) -> str:
        """The identity: the id compared without case. Poe's handles never differ by case alone."""
        return self.id.casefold()

    def as_json(self, *, exclude_defaults: bool = False) -> str:
        """The bot as JSON.

        Half an emoji, as a text cut by UTF-16 units ends with, becomes U+FFFD: no file can hold it.
        """
        try:
            return self.model_dump_json(by_alias=True, exclude_defaults=exclude_defaults, warnings=False)
        except PydanticSerializationError:
            values = self.model_dump(mode="json", by_alias=True, exclude_defaults=exclude_defaults, warnings=False)
            return _LONE_SURROGATE.sub("\ufffd", json.dumps(values, ensure_ascii=False))


# --- the feed ----------------------------------------------------------------------------------


class Run(Item):
    """The run that wrote this feed: a crawl, a merge of shards, or a new reading of the stored rate cards."""

    id: str = Field(examples=["20261022T131904Z-3f9c"])
    """Names the report in `runs/`."""
    started_at: Instant
    """When the run started."""
    finished_at: Instant
    """When the candidate was ready."""
    seen: int = Field(default=0, examples=[320])
    """Bots that the crawl found listed."""
    visited: int = Field(default=0, examples=[41])
    """Bot pages that were asked for, failed ones included."""
    failed: int = Field(default=0, examples=[2])
    """Bot pages that failed; their older facts are carried."""


class Site(Item):
    """Where a feed was crawled. A feed belongs to one site."""

    url: str = Field(examples=["https://poe.com"])
    """Address of the site, without user, password, query and fragment."""
    api_url: str = Field(examples=["https://api.poe.com/v1/models"])
    """Address of the models API, likewise."""
    script_hosts: tuple[str, ...] = Field(default=(), examples=[["psc2.cf2.poecdn.net"]])
    """Other hosts that the site's documents name for their scripts and style sheets."""


class Feed(Item):
    """The whole feed: `models.json`."""

    object: Literal["list"] = "list"
    """Always `list`, as in OpenAI's lists."""
    schema_version: str = Field(default=SCHEMA_VERSION, pattern=r"^\d+\.\d+$", examples=["1.0"])
    """Version of this schema: a new minor version only adds fields, and values of open enumerations."""
    version: int = Field(ge=1, examples=[42])
    """Grows by one when anything but times and run figures changed."""
    generated_at: Instant
    """When this file was written."""
    points_per_usd: Amount = POINTS_PER_USD
    """What Poe charges for one dollar, in points."""
    site: Site | None = None
    """Where it was crawled; null in feeds of schema 1.0."""
    run: Run
    """The run behind it."""
    data: tuple[Bot, ...] = ()
    """The bots, sorted by id."""


class Change(Item):
    """One line of `changes.jsonl`."""

    version: int
    """The feed version that brought it."""
    at: Instant
    """When that version was published."""
    bot: str
    """The bot's id."""
    kind: Literal["added", "gone", "back", "changed"]
    """What happened."""
    field: str | None = Field(default=None, examples=["pricing.rates"])
    """For `changed`: dotted path of the field."""
    old: Any = None
    """For `changed`: its JSON value before."""
    new: Any = None
    """For `changed`: its JSON value now."""


class RunReport(Item):
    """One run: `runs/<id>.json`. Written for every run that held the lock, whatever its outcome."""

    id: str = Field(examples=["20261022T131904Z-3f9c"])
    """As in `Run.id`."""
    started_at: Instant
    """When the run started."""
    finished_at: Instant
    """When it was over."""
    arguments: dict[str, str] = Field(default_factory=dict, examples=[{"limit": "20"}])
    """The spider's arguments."""
    finish_reason: str = Field(examples=["finished"])
    """Why the crawl ended, as Scrapy reports it; `reread` if the stored cards were read again, `merged` if the feeds of
    all shards were merged."""
    complete: bool = False
    """True if everything that the models API lists, in the crawl's shard if it had one, was in scope. Otherwise no bot
    was marked as gone."""
    outcome: Literal["published", "unchanged", "refused", "failed"]
    """`unchanged`: published with new times under the same version."""
    version: int | None = None
    """The feed's version after the run; null where there is no feed."""
    reasons: tuple[str, ...] = ()
    """Why it was refused or failed, one sentence each."""
    seen: int = 0
    """Bots that the crawl found listed."""
    visited: int = 0
    """Bots whose pages were read, or failed to be."""
    not_due: int = 0
    """Bots that were seen and not visited: their known page was recent enough, or `only` excluded it."""
    left: int = 0
    """Bots that are due and were left for a later crawl because of `limit`."""
    failed: dict[str, int] = Field(default_factory=dict, examples=[{"timeout": 2}])
    """Failures by code."""
    bots: int = 0
    """Bots in the feed, gone ones included."""
    with_rates: int = 0
    """Of these, how many have a price from their page."""
    with_unparsed: int = 0
    """Of these, how many have a card with an amount that could not be parsed."""
    with_differences: int = 0
    """Of these, how many have two pieces of evidence for one price that differ, by any factor."""
    with_suspects: int = 0
    """Of these, how many have a price that other evidence contradicts by a factor of 10 or more."""
    active: int = 0
    """Active bots in the feed."""
    active_with_rates: int = 0
    """Of these, how many have a price from their page."""
    oldest_page: Instant | None = None
    """When the stalest active page was last read; null if none ever was."""
    added: int = 0
    """Bots new in this version."""
    gone: int = 0
    """Bots that are gone since this version."""
    back: int = 0
    """Bots that were gone and are active again."""
    changed: int = 0
    """Bots with a changed field."""
    requests: dict[str, int] = Field(default_factory=dict, examples=[{"api": 1, "page": 320}])
    """Requests sent to Poe, by kind."""
    bytes: dict[str, int] = Field(default_factory=dict, examples=[{"api": 912345}])
    """Bytes received from Poe, by kind."""
    script_hosts: tuple[str, ...] = ()
    """Hosts, other than the site's, that scripts and style sheets came from."""
    problems: tuple[RunError | BotError, ...] = ()
    """What went wrong outside the feed's bots, such as catalog entries that were left out."""
