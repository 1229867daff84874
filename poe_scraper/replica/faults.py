"""The faults that the replica can show: which there are, and which requests meet them.

Every draw depends on the seed, on what is requested and on how often it was requested, and on nothing
else: the same crawl meets the same faults, and a retry may find a fault gone.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Literal

Target = Literal["page", "profile", "models", "account", "robots"]
"""The kind of request: `profile` faults need a creator's page, `page` faults hit pages of bots and creators."""


@dataclass(frozen=True)
class Fault:
    """A fault."""

    target: Target
    does: str
    """What happens, in a sentence."""
    seen: str
    """Where the behaviour was seen, or `invented`."""


_POE_2025 = "Poe, reported 2025"
_POE_REPORTED = "Poe, reported 2026"
_POE_PAGE = "Poe, observed October 2026"
_POE_API = "Poe, documented"
_CLOUDFLARE = "Poe, recorded September 2026"
_OTHER_CLOUDFLARE = "other sites behind Cloudflare"
_NEXT = "Next.js 14"
_OTHER_SITES = "other sites"
_OTHER_APIS = "other vendors' APIs"
_INVENTED = "invented"

FAULTS: dict[str, Fault] = {
    # the page's answer
    "page_404": Fault("page", "The page answers 404.", _POE_PAGE),
    "page_429": Fault("page", "The page answers 429 with `Retry-After: 1`.", _OTHER_SITES),
    "page_429_date": Fault("page", "The page answers 429 with a `Retry-After` date a year ahead.", _INVENTED),
    "page_500": Fault("page", "The page answers 500.", _OTHER_SITES),
    "page_502": Fault("page", "The page answers 502.", _OTHER_SITES),
    "page_503": Fault("page", "The page answers 503.", _OTHER_SITES),
    "challenge": Fault("page", "The page answers 403 with a bot check (`Just a moment...`) that stays.", _CLOUDFLARE),
    "challenge_503": Fault("page", "The same bot check with status 503.", _OTHER_CLOUDFLARE),
    "challenge_login": Fault(
        "page",
        "The page redirects to `/login?redirect_url=...`, which answers 403 with a bot check that stays.",
        _CLOUDFLARE,
    ),
    "check_clears": Fault(
        "page",
        "A bot check (403) sets a cookie after half a second and reloads the page. The browser that has the "
        "cookie meets no check again.",
        _OTHER_CLOUDFLARE,
    ),
    "check_clears_host": Fault(
        "page",
        "The same, with the check's script from another host that the document names.",
        _OTHER_CLOUDFLARE,
    ),
    "access_denied": Fault(
        "page",
        "The page answers 403 with Cloudflare's access-denied page (`Sorry, you have been blocked`).",
        _OTHER_CLOUDFLARE,
    ),
    "login": Fault("page", "The page redirects to `/login`.", _OTHER_SITES),
    "sign_in_wall": Fault(
        "page",
        "The page answers 200 with a sign-in form and an `<h1>`, at its own address.",
        _OTHER_SITES,
    ),
    "error_200": Fault("page", "The page answers 200 with an error text in an `<h1>`.", _OTHER_SITES),
    "other_host": Fault("page", "The page redirects to another host.", _INVENTED),
    "other_bot": Fault("page", "The page redirects to another bot's page.", _INVENTED),
    "reset": Fault("page", "The connection is reset before the first byte.", _OTHER_SITES),
    "slow": Fault("page", "The first byte of the page comes after 2 seconds.", _OTHER_SITES),
    "slow_bytes": Fault("page", "The page comes in 20 pieces over 2 seconds.", _OTHER_SITES),
    "silent": Fault("page", "The page's first byte never comes.", _OTHER_SITES),
    "endless": Fault("page", "The page comes up to its script, then one byte per second without end.", _INVENTED),
    "truncated": Fault("page", "The connection ends half way through the page's body.", _OTHER_SITES),
    "wrong_type": Fault("page", "The page comes as `application/octet-stream`.", _INVENTED),
    "plain_text": Fault("page", "The page comes as `text/plain`.", _INVENTED),
    "wrong_clock": Fault("page", "The page's `Date` header is a year ahead, and `Expires` in the past.", _INVENTED),
    "gzip_bomb": Fault("page", "The page comes as 200 kB of gzip that unpack to 200 MB.", _INVENTED),
    # where scripts and style sheets come from
    "named_host": Fault(
        "page",
        "The document names a host for its scripts and style sheets that no other document names.",
        _INVENTED,
    ),
    "script_named_host": Fault("page", "The dialog's script comes from a host that only a script names.", _INVENTED),
    "ip_literal": Fault(
        "page",
        "The page's script adds a script from an address without a name, `127.0.0.2`.",
        _INVENTED,
    ),
    "webrtc": Fault("page", "The page's script asks a STUN server at `127.0.0.2` over UDP.", _OTHER_SITES),
    "chunk_slow": Fault("page", "The dialog's script comes after 2 seconds.", _OTHER_SITES),
    "chunk_404": Fault("page", "The dialog's script answers 404, as after a release; Rates does nothing.", _NEXT),
    "style_404": Fault("page", "The dialog's style sheet answers 404; Rates does nothing.", _NEXT),
    # what the page holds
    "no_hydration": Fault("page", "The document holds no data; the page's script asks for it over GraphQL.", _INVENTED),
    "flight_data": Fault("page", "The page's data comes in `self.__next_f` chunks instead of `__NEXT_DATA__`.", _NEXT),
    "moved_hydration": Fault("page", "The bot or user is elsewhere inside `__NEXT_DATA__`.", _INVENTED),
    "garbled_hydration": Fault("page", "`__NEXT_DATA__` is cut off and not valid JSON; the page fails.", _INVENTED),
    "empty_hydration": Fault("page", "`__NEXT_DATA__` holds null for the bot or user; the page fails.", _INVENTED),
    "object_selection": Fault("page", "The bot's object has no `botId` and no `deletionState`.", _POE_PAGE),
    "object_nullable": Fault("page", "The creator's handle is under `nullableHandle`.", _POE_2025),
    "object_deleted": Fault(
        "page",
        "The bot's object says `isDeleted: true`, and the page shows nothing else.",
        _INVENTED,
    ),
    "new_classes": Fault("page", "All class names are new, including the part before `__`.", _INVENTED),
    "moved_elements": Fault("page", "Elements have other tags and places; roles and texts stay.", _INVENTED),
    "huge_description": Fault("page", "The bot's or the user's description is 20 MB long.", _INVENTED),
    "huge_page": Fault("page", "The document is 8 MB long.", _INVENTED),
    "many_attributes": Fault("page", "An element of the document has 60,000 attributes.", _INVENTED),
    "hostile_text": Fault(
        "page",
        "Names and description hold markup, terminal escapes, formulas, paths and control characters; a "
        "profile lists invalid handles.",
        _INVENTED,
    ),
    "hostile_cost": Fault("page", "The cost label is a number of 50 digits.", _INVENTED),
    "cookies": Fault(
        "page",
        "The page sets 100 cookies of 4 kB; the site then refuses requests that carry them.",
        _INVENTED,
    ),
    "shared_state": Fault(
        "page",
        "The page leaves its handle in cookies, storage, IndexedDB, Cache Storage and on a BroadcastChannel; a page "
        "that finds another handle there fails.",
        _INVENTED,
    ),
    "late_page": Fault("page", "The page shows nothing for 5 seconds.", _OTHER_SITES),
    "js_exception": Fault("page", "The page's script throws before it shows anything.", _OTHER_SITES),
    "alert": Fault("page", "The page opens an alert before it shows anything.", _INVENTED),
    "memory": Fault("page", "The page takes another 16 MB every 20 ms, up to 1 GB.", _INVENTED),
    # the button that opens the rate card
    "no_rates": Fault("page", "The Rates button is missing.", _POE_PAGE),
    "dead_rates": Fault("page", "The Rates button does nothing.", _INVENTED),
    "listener_late": Fault("page", "The Rates button does nothing for the first 0.7 seconds.", _NEXT),
    "label_points": Fault("page", "The button reads `Rates (points)`.", _INVENTED),
    "label_icon": Fault("page", "The button is an icon whose `<title>` is Rates.", _INVENTED),
    "label_aria": Fault("page", 'The button is an icon with `aria-label="Rates"`.', _INVENTED),
    "label_link": Fault("page", "The button is a link.", _INVENTED),
    "label_menuitem": Fault("page", 'The button is an element with `role="menuitem"`.', _INVENTED),
    "label_twice": Fault(
        "page",
        "Before the button, the navigation has a link named Rates that leads to another page.",
        _INVENTED,
    ),
    "label_renamed": Fault("page", "The button reads `Pricing`.", _INVENTED),
    # the GraphQL answer with the card, or, on a profile, with more bots
    "gql_500": Fault("page", "The card's answer is a 500 that is not JSON.", _OTHER_SITES),
    "gql_challenge": Fault("page", "The card's answer is a bot check (403).", _OTHER_CLOUDFLARE),
    "gql_errors": Fault("page", "The card's answer holds `errors` and `data: null`.", _POE_PAGE),
    "gql_null": Fault("page", "The card's answer holds null for the bot or user.", _INVENTED),
    "gql_truncated": Fault("page", "The connection ends half way through the card's answer.", _OTHER_SITES),
    "gql_silent": Fault("page", "The card's answer never comes.", _OTHER_SITES),
    "gql_slow": Fault("page", "The card's answer comes after 2 seconds.", _OTHER_SITES),
    "gql_moved": Fault(
        "page",
        "The card's query and the place of the card in its answer have other names; the dialog is right.",
        _INVENTED,
    ),
    "gql_2025": Fault(
        "page",
        "The card's query is called `MessagePointsOverviewModalQuery`, with `botPricingType` and "
        "`standardMessagePrice` beside the card.",
        _POE_2025,
    ),
    "other_release": Fault(
        "page",
        "The page belongs to another release of the site: other hashes, revision and form key.",
        _POE_PAGE,
    ),
    "card_empty": Fault("page", "The card is an empty string.", _POE_PAGE),
    "card_no_details": Fault("page", "The card says `The creator has not provided details.`", _POE_PAGE),
    "card_no_details_reworded": Fault("page", "The card says the same in other words.", _INVENTED),
    "other_language": Fault("page", "The card comes in Chinese, whatever the browser asks for.", _POE_REPORTED),
    "raw_tag": Fault("page", "Prices on the card are raw `[usd_milli_cents=N]` tags.", _POE_API),
    # a creator's profile
    "profile_no_panel": Fault("profile", "The page's data holds all bots, and the page has no panel.", _INVENTED),
    "profile_streamed": Fault(
        "profile",
        "The page's data comes in `self.__next_f` chunks, beside a panel that grows as usual.",
        _NEXT,
    ),
    # robots.txt
    "robots_forbid": Fault("robots", "`robots.txt` forbids everything.", _INVENTED),
    "robots_500": Fault("robots", "`robots.txt` answers 500.", _OTHER_SITES),
    # the models API
    "api_401": Fault("models", "The models API answers 401 (`authentication_error`).", _POE_API),
    "api_401_key": Fault(
        "models",
        "The models API answers 401 (`invalid_request_error` with code `invalid_api_key`).",
        _POE_REPORTED,
    ),
    "api_403": Fault("models", "The models API answers 403 with a bot check.", _OTHER_CLOUDFLARE),
    "api_429": Fault("models", "The models API answers 429 with `Retry-After: 1`.", _POE_API),
    "api_500": Fault("models", "The models API answers 500.", _POE_API),
    "api_502": Fault("models", "The models API answers 502.", _OTHER_SITES),
    "api_503": Fault("models", "The models API answers 503.", _OTHER_SITES),
    "api_reset": Fault("models", "The models API's connection is reset before the first byte.", _OTHER_SITES),
    "api_slow": Fault("models", "The models API's first byte comes after 2 seconds.", _OTHER_SITES),
    "api_silent": Fault("models", "The models API's first byte never comes.", _OTHER_SITES),
    "api_truncated": Fault("models", "The connection ends half way through the models API's answer.", _OTHER_SITES),
    "api_garbage": Fault("models", "The models API answers 200 with bytes that are not JSON.", _OTHER_SITES),
    "api_not_a_list": Fault("models", "The models API answers 200 with JSON that is not a list of models.", _INVENTED),
    "api_empty": Fault("models", "The models API lists no models.", _INVENTED),
    "api_half": Fault("models", "The models API lists only every other model.", _INVENTED),
    "api_new_keys": Fault("models", "Every model, and the answer itself, has keys never seen before.", _INVENTED),
    "api_wrong_types": Fault(
        "models",
        "Every tenth model has an id, a price or another value of a wrong type.",
        _INVENTED,
    ),
    "api_features_objects": Fault(
        "models",
        "`supported_features` holds objects in all entries, and every price is 10 % higher.",
        _OTHER_APIS,
    ),
    "api_null_modalities": Fault("models", "`architecture.input_modalities` is null in all entries.", _OTHER_APIS),
    "api_odd_prices": Fault(
        "models",
        "Every other model has `-1`, `NaN`, an empty string or `free` as its price per input token.",
        _OTHER_APIS,
    ),
    "api_money_keys": Fault(
        "models",
        "Prices have keys that Poe does not use: `input_cache_write_1h`, `overrides`, `web_search`, "
        "`video_second`, `audio`.",
        _OTHER_APIS,
    ),
    "api_nested_pricing": Fault(
        "models",
        "The first two models with prices have them one level deeper, under `text`.",
        _OTHER_APIS,
    ),
    "api_created_seconds": Fault("models", "`created` is in seconds.", _OTHER_APIS),
    "api_created_zero": Fault("models", "`created` is 0.", _OTHER_APIS),
    "api_bad_ids": Fault(
        "models",
        "Eight more models are listed, with invalid ids: paths, escapes, blanks.",
        _INVENTED,
    ),
    "api_odd_ids": Fault(
        "models",
        "Four more models are listed, with ids that Poe does not use: `openai/gpt-5`, `gpt-5:free`, "
        "`C++-Helper`, `My Bot`.",
        _OTHER_APIS,
    ),
    "api_huge_integer": Fault("models", "The context length of one model is an integer of 5,000 digits.", _INVENTED),
    "api_hostile_text": Fault(
        "models",
        "Descriptions and owners of all models hold what `hostile_text` puts on pages.",
        _INVENTED,
    ),
    "api_duplicate_ids": Fault(
        "models",
        "Every tenth model is listed twice, the second time in upper case.",
        _INVENTED,
    ),
    "api_huge": Fault("models", "The models API answers with 50 MB.", _INVENTED),
    "api_prices_x50": Fault("models", "Every price in the models API is 50 times what it was.", _INVENTED),
    # the account endpoints
    "account_401": Fault("account", "The account endpoints answer 401 (`authentication_error`).", _POE_API),
    "account_402": Fault("account", "The account endpoints answer 402.", _POE_API),
    "account_429": Fault("account", "The account endpoints answer 429 with `Retry-After: 1`.", _POE_API),
    "account_500": Fault("account", "The account endpoints answer 500.", _POE_API),
}
"""Every fault by name."""

_RULE = re.compile(r"(?P<name>[^=@]+)(?:=(?P<share>[^:]*)|@(?P<handle>[^:]+))(?P<once>:once)?")

_REQUESTS: tuple[Target, ...] = ("page", "profile", "models", "account", "robots")


def _meets(target: Target, name: str) -> bool:
    """True if a request of this kind can meet the fault."""
    return FAULTS[name].target in (("page", "profile") if target == "profile" else (target,))


@dataclass(frozen=True)
class Rule:
    """A fault and who meets it: a share of the requests, or one bot or creator.

    With `once`, only the first visit to each bot meets it, so that a retry succeeds.
    """

    name: str
    share: float | None = None
    handle: str | None = None
    once: bool = False

    @classmethod
    def parse(cls, text: str) -> "Rule":
        """Read `NAME=SHARE` or `NAME@HANDLE`, optionally followed by `:once`.

        Raises:
            ValueError: the text is not a rule; the message says what is accepted.
        """
        match = _RULE.fullmatch(text)
        if match is None:
            message = f"{text!r} is not a fault rule: write NAME=SHARE or NAME@HANDLE, optionally followed by :once"
            raise ValueError(message)
        name = match["name"]
        if name not in FAULTS:
            message = f"{name!r} is not a fault: choose from {', '.join(FAULTS)}"
            raise ValueError(message)
        once = match["once"] is not None
        if match["handle"] is not None:
            if FAULTS[name].target not in ("page", "profile"):
                message = f"{text!r}: {name} does not concern pages, so it takes a share, as in {name}=1"
                raise ValueError(message)
            return cls(name, handle=match["handle"], once=once)
        try:
            share = float(match["share"])
        except ValueError:
            share = -1
        if not 0 <= share <= 1:
            message = f"{text!r}: the share must be a number from 0 to 1"
            raise ValueError(message)
        return cls(name, share=share, once=once)

    def __str__(self) -> str:
        victims = f"={self.share:g}" if self.handle is None else f"@{self.handle}"
        return f"{self.name}{victims}{':once' if self.once else ''}"


class Faults:
    """Decides which request meets which fault.

    A request meets one fault at most. Rules for its handle come first. The shares of all faults that one
    kind of request can meet add up to 1 at most.

    Args:
        rules: as `Rule.parse` reads them.
        seed: chooses who meets a fault.

    Raises:
        ValueError: a rule is wrong, or the shares add up to more than 1.
    """

    def __init__(self, rules: Iterable[str] = (), seed: int = 0) -> None:
        self.rules = tuple(Rule.parse(text) for text in rules)
        self.seed = seed
        self.hits: dict[str, Counter[str]] = defaultdict(Counter)
        self._attempts: Counter[tuple[Target, str]] = Counter()
        for target in _REQUESTS:
            if sum(rule.share or 0 for rule in self.rules if _meets(target, rule.name)) > 1 + 1e-9:
                message = f"the shares of the faults that {target} requests meet add up to more than 1"
                raise ValueError(message)

    @property
    def handles(self) -> list[str]:
        """The handles that rules name."""
        return [rule.handle for rule in self.rules if rule.handle is not None]

    def draw(self, target: Target, subject: str = "") -> str | None:
        """Count a request for `subject` (a handle), and return the fault that it meets, if any."""
        key = (target, subject.casefold())
        attempt = self._attempts[key]
        self._attempts[key] += 1
        # The number is the same at the first visit whether or not a rule says `once`.
        chance = Random(f"{self.seed}/{target}/{key[1]}/{attempt}").random()  # noqa: S311 - not a secret
        met = None
        for rule in self.rules:
            if not _meets(target, rule.name):
                continue
            if rule.handle is not None:
                if rule.handle.casefold() == key[1] and not (rule.once and attempt):
                    met = rule.name
                    break
            elif rule.share is not None and met is None:
                if 0 <= chance < rule.share and not (rule.once and attempt):
                    met = rule.name
                chance -= rule.share
        if met is not None:
            self.hits[met][subject] += 1
        return met

    def forget_attempt(self, target: Target, subject: str) -> None:
        """Do not count the last request for `subject` as an attempt."""
        self._attempts[target, subject.casefold()] -= 1

    def forget_hit(self, fault: str, subject: str) -> None:
        """Do not count the last hit, since the fault was not shown after all."""
        self.hits[fault][subject] -= 1
        if not self.hits[fault][subject]:
            del self.hits[fault][subject]

    def as_json(self) -> dict[str, object]:
        """The rules and whom they hit."""
        return {
            "faults": [str(rule) for rule in self.rules],
            "seed": self.seed,
            "hits": {name: dict(subjects) for name, subjects in self.hits.items() if subjects},
        }
