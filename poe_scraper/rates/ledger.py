"""What was read from a card so far, and the account of its amounts.

One rule holds throughout: every piece of a card (a sentence, a row) is entered here with what was read from it,
and a piece with an amount that nothing read from it carries goes to `unparsed`.
"""

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from poe_scraper.items import Adjustment, Bound, Currency, Per, Reading
from poe_scraper.rates import vocabulary as v
from poe_scraper.rates.grammar import Price
from poe_scraper.rates.numbers import PLAIN, decimal_style, is_doubtful


@dataclass(slots=True)
class Entry:
    """A price with its place on the card; its denominator may still come from the prose below it."""

    label: str
    section: str | None
    attributes: dict[str, str]
    price: Price
    per: Per | None
    bound: Bound
    one_time: bool = False
    """True if it is a fee, which a statement such as `billed per second` does not cover."""


class Ledger:
    """What was read from a card so far.

    Args:
        text: the card's text, in which currencies are looked for if bare numbers need one.
    """

    def __init__(self, text: str = "") -> None:
        self.is_doubtful = is_doubtful(text)
        self.style = decimal_style(text) if self.is_doubtful else PLAIN
        """How the card writes decimals."""
        self._text = text
        self._entries: list[Entry] = []
        self._adjustments: list[Adjustment] = []
        self._unparsed: list[str] = []
        self._billed_per: Per | None = None
        self.currency: Currency | None = None
        """Of bare numbers, where the prose says it: `All prices are in points`."""

    @cached_property
    def bare(self) -> Currency | None:
        """The currency of bare prices that nothing near them names: points, unless the card names another one."""
        if "$" in self._text:  # most cards; much faster than the search
            return None
        return None if _OTHER_THAN_POINTS.search(self._text) else "points"

    def adjust(self, found: Sequence[Adjustment]) -> None:
        """Enters adjustments."""
        self._adjustments += found

    def enter(self, entry: Entry) -> None:
        """Enters a price."""
        if entry.per is None and not entry.one_time:
            entry.per = self._billed_per
        self._entries.append(entry)

    def bill_per(self, per: Per) -> None:
        """Enters what the prose says that prices are per; it holds for those without, above and below."""
        if self._billed_per is None:
            for entry in self._entries:
                if entry.per is None and not entry.one_time:
                    entry.per = per
        self._billed_per = per

    def account(self, piece: str, amounts: Iterable[int], carried: Container[int]) -> None:
        """Leaves a piece unparsed if it has an amount that nothing read from it carries.

        Args:
            piece: its text.
            amounts: indexes of its tokens that are amounts: its sightings.
            carried: indexes of its tokens whose numbers rates and adjustments carry.
        """
        for i in amounts:
            if i not in carried:
                self.leave(piece)
                return

    def leave(self, piece: str) -> None:
        """Enters a piece that holds an amount which could not be read."""
        if not self._unparsed or self._unparsed[-1] != piece:
            self._unparsed.append(piece)

    def reading(self) -> Reading:
        """Everything that was entered."""
        return Reading.model_validate(
            {
                "rates": tuple(map(_rate, self._entries)),
                "adjustments": tuple(self._adjustments),
                "unparsed": tuple(self._unparsed),
            }
        )


_ONE = Per()
_OTHERS = v.DOLLARS | v.CENTS | v.OTHER_CURRENCIES
_OTHER_THAN_POINTS = re.compile(
    r"[$¢]|usd_milli_cents|(?<![^\W\d_])(?:"
    + "|".join(map(re.escape, sorted(_OTHERS, key=len, reverse=True)))
    + r")(?![^\W\d_])",
    re.IGNORECASE,
)


def _rate(entry: Entry) -> dict[str, object]:
    """The fields of a `Rate`: the reading validates them all in one go."""
    price = entry.price
    return {
        "label": entry.label,
        "section": entry.section,
        "attributes": entry.attributes,
        "currency": price.currency,
        "amount": price.amount,
        "max_amount": price.max_amount,
        "list_amount": price.list_amount,
        "per": entry.per or _ONE,
        "bound": entry.bound,
    }
