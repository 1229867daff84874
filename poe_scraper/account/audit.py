"""Compare an account's usage history with the feed: was each message billed as the bot's card says?

Each message is compared with the prices of the version of the feed that was in force when it was sent. The history
has points but no quantities, so there are three verdicts: the charge agrees with the card, is outside the range
that the card allows, or cannot be judged. `docs/account.md` explains how each is reached.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import groupby

from poe_scraper.account.endpoints import Usage
from poe_scraper.account.expectations import BillExpectations, Expected, Verdict
from poe_scraper.feed.reader import FeedReader, read_feed
from poe_scraper.feed.store import FeedStore
from poe_scraper.items import Amount, Bot, Item


class Finding(Item):
    """One message, compared with the card."""

    usage: Usage
    """What was billed."""
    verdict: Verdict
    """`outside` if the charge is not in the range that the card allows."""
    expected: Expected | None = None
    """The expected charge; null if unknown."""
    version: int | None = None
    """The version of the feed whose prices were in force; null if none was."""
    reason: str | None = None
    """Why the charge is outside or cannot be judged; null if it agrees. May quote Poe: untrusted text."""


class BotAudit(Item):
    """The charges for one bot's messages."""

    bot: str
    """The bot's id; if the feed does not have it, its name in the history. Untrusted text."""
    verdict: Verdict
    """`outside` if a message is outside; else `agrees` if one agrees."""
    messages: int
    """Number of messages."""
    outside: int
    """Number of messages whose charge is outside the range that the card allows."""
    undetermined: int
    """Number of messages that cannot be judged."""
    points: Amount
    """Total points billed."""
    least: Amount
    """Points billed for the cheapest message."""
    most: Amount
    """Points billed for the most expensive message."""
    expected: Expected | None
    """The range of expected charges per message, over all messages; null if unknown."""
    reasons: tuple[str, ...] = ()
    """Why messages are outside or, if none is, cannot be judged; the most frequent reason first."""
    findings: tuple[Finding, ...] = ()
    """Every message, newest first."""


class Audit(Item):
    """An account's messages, bot by bot."""

    bots: tuple[BotAudit, ...] = ()
    """Bots with charges outside first, then those that cannot be judged; each sorted by id."""

    @property
    def outside(self) -> tuple[BotAudit, ...]:
        """The bots with a charge outside the range that the card allows."""
        return tuple(bot for bot in self.bots if bot.verdict == "outside")


def audit(usages: Iterable[Usage], store: FeedStore, current: FeedReader) -> Audit:
    """Compare messages with the prices that were in force when they were sent.

    Args:
        usages: the messages.
        store: the feed's folder.
        current: the current feed.

    Raises:
        FeedError: a version cannot be read.
    """
    messages = sorted(usages, key=lambda usage: (usage.bot.casefold(), -usage.at.timestamp()))
    if not messages:
        return Audit()
    names = {usage.bot.casefold() for usage in messages}
    sightings = _sightings(store, current, names, min(usage.at for usage in messages))
    bots = []
    for name, of_bot in groupby(messages, key=lambda usage: usage.bot.casefold()):
        findings = tuple(_finding(usage, sightings.get(name, ())) for usage in of_bot)
        seen = sightings.get(name)
        bots.append(_summed(seen[-1].bot.id if seen else findings[0].usage.bot, findings))
    return Audit(bots=tuple(sorted(bots, key=lambda bot: (_ORDER[bot.verdict], bot.bot))))


_ORDER: dict[Verdict, int] = {"outside": 0, "cannot_tell": 1, "agrees": 2}


def _summed(bot: str, findings: Sequence[Finding]) -> BotAudit:
    counts = Counter(finding.verdict for finding in findings)
    verdict: Verdict = "outside" if counts["outside"] else "agrees" if counts["agrees"] else "cannot_tell"
    named: Verdict = "outside" if verdict == "outside" else "cannot_tell"
    reasons = Counter(finding.reason for finding in findings if finding.verdict == named and finding.reason)
    billed = [finding.usage.points for finding in findings]
    expected = [finding.expected for finding in findings if finding.expected]
    ends = [each.max for each in expected if each.max is not None]
    return BotAudit(
        bot=bot,
        verdict=verdict,
        messages=len(findings),
        outside=counts["outside"],
        undetermined=counts["cannot_tell"],
        points=sum(billed, Decimal(0)),
        least=min(billed),
        most=max(billed),
        expected=Expected(min=min(each.min for each in expected), max=max(ends) if len(ends) == len(expected) else None)
        if expected
        else None,
        reasons=tuple(reason for reason, _ in reasons.most_common()),
        findings=tuple(findings),
    )


# --- the prices in force -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Sighting:
    """A bot's prices from one version of the feed until the next sighting.

    Args:
        version: the first version with these prices.
        since: when that version was published.
        confirmed: when the prices were last seen on Poe.
        bot: the bot.
        points_per_usd: points per dollar.
    """

    version: int
    since: datetime
    confirmed: datetime
    bot: Bot
    points_per_usd: Decimal

    @cached_property
    def expectations(self) -> BillExpectations:
        return BillExpectations(self.bot, Fraction(self.points_per_usd))

    def same_prices(self, other: "_Sighting") -> bool:
        return self._price_facts == other._price_facts

    @property
    def _price_facts(self) -> tuple[object, ...]:
        pricing = self.bot.pricing
        facts = (pricing.rates, pricing.adjustments, pricing.api, pricing.unparsed)
        return (*facts, self.bot.context_window, self.points_per_usd)


def _sightings(
    store: FeedStore, current: FeedReader, names: Iterable[str], oldest: datetime
) -> dict[str, list[_Sighting]]:
    """The prices of some bots since a moment, oldest first. Each version needed is read once."""
    # Only the current feed records when the newest version's prices were last seen.
    found = {name: [_sighting(current, bot)] for name in names if (bot := current.get(name))}
    for number in reversed([number for number in store.versions() if number <= current.version]):
        feed = read_feed(store.version_file(number))
        for name in names:
            if bot := feed.get(name):
                found.setdefault(name, []).append(_sighting(feed, bot))
        if feed.generated_at <= oldest:
            break
    return {name: _merged(seen[::-1]) for name, seen in found.items()}


def _sighting(feed: FeedReader, bot: Bot) -> _Sighting:
    page, catalog = bot.observed.page, bot.observed.catalog
    evidence = page if bot.pricing.rates and page else catalog or page
    confirmed = evidence.at if evidence else feed.generated_at
    return _Sighting(feed.version, feed.generated_at, confirmed, bot, feed.points_per_usd)


def _merged(sightings: Sequence[_Sighting]) -> list[_Sighting]:
    """Merge consecutive sightings with the same prices."""
    merged: list[_Sighting] = []
    for sighting in sightings:
        if merged and merged[-1].same_prices(sighting):
            merged[-1] = replace(merged[-1], confirmed=max(merged[-1].confirmed, sighting.confirmed))
        else:
            merged.append(sighting)
    return merged


_STALE = timedelta(days=1)
"""If a price was last seen longer than this before a message, it may have changed since."""


def _finding(usage: Usage, sightings: Sequence[_Sighting]) -> Finding:
    if not sightings:
        return Finding(usage=usage, verdict="cannot_tell", reason="the feed has no such bot")
    in_force = [sighting for sighting in sightings if sighting.since <= usage.at]
    if not in_force:
        first = sightings[0]
        reason = f"the feed has its prices only since {first.since:%Y-%m-%d %H:%M} UTC (version {first.version})"
        return Finding(usage=usage, verdict="cannot_tell", reason=reason)
    sighting = in_force[-1]
    judged = sighting.expectations.judge(usage)
    if judged.verdict == "outside" and len(in_force) < len(sightings):
        later = sightings[len(in_force)]
        unseen = usage.at > sighting.confirmed
        if unseen and later.expectations.judge(usage).verdict != "outside":
            reason = f"it fits the prices of version {later.version}, and it is not known when they changed"
            judged = replace(judged, verdict="cannot_tell", reason=reason)
    elif judged.verdict == "outside" and usage.at - sighting.confirmed > _STALE:
        judged = replace(judged, reason=f"{judged.reason}; prices last seen {sighting.confirmed:%Y-%m-%d}")
    return Finding(
        usage=usage,
        verdict=judged.verdict,
        expected=judged.expected,
        version=sighting.version,
        reason=judged.reason,
    )
