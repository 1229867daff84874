"""Faults that the replica can be told to show: which there are, and who is hit by them.

Every draw depends on the seed, on what is asked for and on how often it was asked for, and on nothing
else: the same crawl meets the same faults, and a retry may find it gone.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from random import Random
from typing import Literal

Target = Literal["page", "models", "account", "robots"]


@dataclass(frozen=True)
class Fault:
    """A fault: the kind of request that draws it, and what then happens."""

    target: Target
    does: str


FAULTS: dict[str, Fault] = {
    # the page's answer
    "page_404": Fault("page", "The page answers 404."),
    "page_429": Fault("page", "The page answers 429 with `Retry-After: 1`."),
    "page_429_date": Fault("page", "The page answers 429 with a `Retry-After` date that is a year away."),
    "page_500": Fault("page", "The page answers 500."),
    "page_502": Fault("page", "The page answers 502."),
    "page_503": Fault("page", "The page answers 503."),
    "challenge": Fault("page", "The page answers 403 with a bot check (`Just a moment...`)."),
    "challenge_503": Fault("page", "The same bot check with status 503."),
    "login": Fault("page", "The page redirects to `/login`."),
    "other_host": Fault("page", "The page redirects to another host."),
    "other_bot": Fault("page", "The page redirects to another bot's page."),
    "reset": Fault("page", "The connection is reset before the first byte."),
    "slow": Fault("page", "The first byte of the page comes after 2 seconds."),
    "slow_bytes": Fault("page", "The page comes whole, in 20 pieces over 2 seconds."),
    "silent": Fault("page", "The page's first byte never comes."),
    "endless": Fault("page", "The page comes up to its script, then a byte a second for ever."),
    "truncated": Fault("page", "The page's body ends half way, and the connection with it."),
    "wrong_type": Fault("page", "The page comes as `application/octet-stream`."),
    "plain_text": Fault("page", "The page comes as `text/plain`."),
    "wrong_clock": Fault("page", "The page's `Date` header is a year ahead, and `Expires` in the past."),
    # what the page holds
    "no_hydration": Fault("page", "There is no `__NEXT_DATA__`; the page gets its data by another script."),
    "moved_hydration": Fault("page", "The bot or user stands elsewhere inside `__NEXT_DATA__`."),
    "garbled_hydration": Fault("page", "`__NEXT_DATA__` is cut off and no JSON; the page fails."),
    "empty_hydration": Fault("page", "`__NEXT_DATA__` holds null for the bot or user; the page fails."),
    "new_classes": Fault("page", "All class names are new; not even the part before `__` is known."),
    "moved_elements": Fault("page", "Elements have other tags and places; roles and texts stay."),
    "huge_description": Fault("page", "The bot's or the user's description is 20 MB long."),
    "hostile_text": Fault(
        "page",
        "Names and description hold markup, terminal escapes, formulas, paths and control characters; "
        "a profile lists handles that are none.",
    ),
    "js_exception": Fault("page", "The page's script throws before it shows anything."),
    "alert": Fault("page", "The page opens an alert before it shows anything."),
    "memory": Fault("page", "The page takes 16 MB more every 20 ms, up to 1 GB."),
    "no_rates": Fault("page", "The Rates button is missing."),
    "dead_rates": Fault("page", "The Rates button does nothing."),
    # the GraphQL answer with the card, or, on a profile, with more bots
    "gql_500": Fault("page", "The card's answer is a 500 that is no JSON."),
    "gql_challenge": Fault("page", "The card's answer is a bot check (403)."),
    "gql_errors": Fault("page", "The card's answer holds `errors` and `data: null`."),
    "gql_null": Fault("page", "The card's answer holds null for the bot or user."),
    "gql_truncated": Fault("page", "The card's answer ends half way, and the connection with it."),
    "gql_silent": Fault("page", "The card's answer never comes."),
    "gql_slow": Fault("page", "The card's answer comes after 2 seconds."),
    "gql_moved": Fault(
        "page",
        "The card's query and the place of the card in its answer have other names; the dialog is right.",
    ),
    "other_language": Fault("page", "The card comes in Chinese, whatever the browser asks for."),
    "raw_tag": Fault("page", "Prices on the card are raw `[usd_milli_cents=N]` tags."),
    # robots.txt
    "robots_forbid": Fault("robots", "`robots.txt` forbids everything."),
    "robots_500": Fault("robots", "`robots.txt` answers 500."),
    # the models API
    "api_401": Fault("models", "The models API answers 401."),
    "api_403": Fault("models", "The models API answers 403 with a bot check."),
    "api_429": Fault("models", "The models API answers 429 with `Retry-After: 1`."),
    "api_500": Fault("models", "The models API answers 500."),
    "api_502": Fault("models", "The models API answers 502."),
    "api_503": Fault("models", "The models API answers 503."),
    "api_reset": Fault("models", "The models API's connection is reset before the first byte."),
    "api_slow": Fault("models", "The models API's first byte comes after 2 seconds."),
    "api_silent": Fault("models", "The models API's first byte never comes."),
    "api_truncated": Fault("models", "The models API's body ends half way, and the connection with it."),
    "api_garbage": Fault("models", "The models API answers 200 with bytes that are no JSON."),
    "api_not_a_list": Fault("models", "The models API answers 200 with JSON that is no list of models."),
    "api_empty": Fault("models", "The models API lists no model."),
    "api_half": Fault("models", "The models API lists every other model only."),
    "api_new_keys": Fault("models", "Every model, and the answer itself, has keys never seen before."),
    "api_wrong_types": Fault("models", "Every tenth model has an id, a price or another value of a wrong type."),
    "api_bad_ids": Fault("models", "Eight models more are listed, with ids that are no ids: paths, escapes, blanks."),
    "api_hostile_text": Fault(
        "models", "Descriptions and owners of all models hold what `hostile_text` puts on pages."
    ),
    "api_duplicate_ids": Fault("models", "Every tenth model is listed twice, the second time in upper case."),
    "api_huge": Fault("models", "The models API answers with 50 MB."),
    "api_prices_x50": Fault("models", "Every price in the models API is 50 times what it was."),
    # the account endpoints
    "account_401": Fault("account", "The account endpoints answer 401."),
    "account_429": Fault("account", "The account endpoints answer 429 with `Retry-After: 1`."),
    "account_500": Fault("account", "The account endpoints answer 500."),
}
"""Every fault by name."""

_RULE = re.compile(r"(?P<name>[^=@]+)(?:=(?P<share>[^:]*)|@(?P<handle>[^:]+))(?P<once>:once)?")


@dataclass(frozen=True)
class Rule:
    """A fault and whom it hits: a share of the requests, or one bot or creator.

    With `once`, each bot is hit at its first visit at most, so that a retry heals it.
    """

    name: str
    share: float | None = None
    handle: str | None = None
    once: bool = False

    @classmethod
    def parse(cls, text: str) -> "Rule":
        """Read `NAME=SHARE` or `NAME@HANDLE`, each with `:once` behind it or without.

        Raises:
            ValueError: the text is no rule; the message says what is accepted.
        """
        match = _RULE.fullmatch(text)
        if match is None:
            message = f"{text!r} is not a fault rule: write NAME=SHARE or NAME@HANDLE, with or without :once behind it"
            raise ValueError(message)
        name = match["name"]
        if name not in FAULTS:
            message = f"{name!r} is no fault: choose from {', '.join(FAULTS)}"
            raise ValueError(message)
        once = match["once"] is not None
        if match["handle"] is not None:
            if FAULTS[name].target != "page":
                message = f"{text!r}: {name} does not hit pages, so it takes a share, as in {name}=1"
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
        whom = f"={self.share:g}" if self.handle is None else f"@{self.handle}"
        return f"{self.name}{whom}{':once' if self.once else ''}"


class Faults:
    """Decides which request meets which fault.

    A request meets one fault at most. Rules for its handle go first; the shares of one target are parts
    of a whole, so they add up to 1 at most.

    Args:
        rules: as `Rule.parse` reads them.
        seed: another seed, other victims.

    Raises:
        ValueError: a rule is wrong, or the shares add up to more than 1.
    """

    def __init__(self, rules: Iterable[str] = (), seed: int = 0) -> None:
        self.rules = tuple(Rule.parse(text) for text in rules)
        self.seed = seed
        self.hits: dict[str, Counter[str]] = defaultdict(Counter)
        self._attempts: Counter[tuple[Target, str]] = Counter()
        by_target = sorted(self.rules, key=lambda rule: FAULTS[rule.name].target)
        for target, rules_of_target in groupby(by_target, key=lambda rule: FAULTS[rule.name].target):
            if sum(rule.share or 0 for rule in rules_of_target) > 1 + 1e-9:
                message = f"the shares of the faults that hit {target} requests add up to more than 1"
                raise ValueError(message)

    @property
    def handles(self) -> list[str]:
        """The handles that rules name."""
        return [rule.handle for rule in self.rules if rule.handle is not None]

    def draw(self, target: Target, subject: str = "") -> str | None:
        """Count a request for `subject` (a handle), and tell the fault it meets, if any."""
        key = (target, subject.casefold())
        attempt = self._attempts[key]
        self._attempts[key] += 1
        # The number is the same at the first visit whether or not a rule says `once`.
        chance = Random(f"{self.seed}/{target}/{key[1]}/{attempt}").random()  # noqa: S311 - no secret
        met = None
        for rule in self.rules:
            if FAULTS[rule.name].target != target:
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

    def take_back(self, target: Target, subject: str) -> None:
        """Let the last request for `subject` not count as an attempt."""
        self._attempts[target, subject.casefold()] -= 1

    def report(self) -> dict[str, object]:
        """What rules there are and whom they hit, ready for JSON."""
        return {
            "faults": [str(rule) for rule in self.rules],
            "seed": self.seed,
            "hits": {name: dict(subjects) for name, subjects in self.hits.items()},
        }
