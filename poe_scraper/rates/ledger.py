"""What was read from a card so far, and the account of its amounts.

One rule holds throughout: every piece of a card (a sentence, a cell) is entered here with what was read from
it, and a piece with an amount that nothing read from it carries goes to `unparsed`.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from poe_scraper.items import Adjustment, Bound, Currency, Per, Rate, Reading
from poe_scraper.rates.grammar import Price


@dataclass(slots=True)
class Entry:
    """A price with its place on the card; its denominator may still come from the prose behind it."""

    label: str
    section: str | None
    attributes: dict[str, str]
    price: Price
    per: Per | None
    bound: Bound
    one_time: bool = False
    """Whether it is a fee, which a statement such as `billed per second` does not cover."""


class Ledger:
    """What was read from a card so far."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._adjustments: list[Adjustment] = []
        self._unparsed: list[str] = []
        self._billed_per: Per | None = None
        self.currency: Currency | None = None
        """Of bare numbers, where the prose says it: `All prices are in points`."""

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
        """Holds the amounts of a piece against what was read from it.

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
        self._unparsed.append(piece)

    def reading(self) -> Reading:
        """All of it."""
        return Reading(
            rates=tuple(map(_rate, self._entries)),
            adjustments=tuple(self._adjustments),
            unparsed=tuple(self._unparsed),
        )


_ONE = Per()


def _rate(entry: Entry) -> Rate:
    price = entry.price
    return Rate(
        label=entry.label,
        section=entry.section,
        attributes=entry.attributes,
        currency=price.currency,
        amount=price.amount,
        max_amount=price.max_amount,
        list_amount=price.list_amount,
        per=entry.per or _ONE,
        bound=entry.bound,
    )
