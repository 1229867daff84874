"""Choosing between the prices that fit a usage, by what the caller says and by what the prices tell."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from poe_scraper.pricing.prices import Price

Attributes: TypeAlias = Mapping[str, str | Sequence[str]]
"""Wanted values of `label`, `section` or an attribute of a rate; a list chooses one price for each usage."""


def traits(price: Price) -> dict[str, str]:
    """What a price can be chosen by. An attribute named `label` or `section` takes the place of these."""
    return {"label": price.label, "section": price.section or "", **price.attributes}


class Choice:
    """What the caller said about which price to take. Texts are compared without case."""

    def __init__(self, attributes: Attributes) -> None:
        self._wanted = {
            folded(key): {folded(value) for value in ([values] if isinstance(values, str) else values)}
            for key, values in attributes.items()
        }
        self._met: set[tuple[str, str]] = set()

    def names(self, price: Price) -> bool:
        """True if the caller chose a price by its label."""
        return folded(price.label) in self._wanted.get("label", ())

    def narrow(self, prices: list[Price]) -> list[Price]:
        """The prices that fit. A trait that none of them has does not restrict."""
        for key, values in self._wanted.items():
            fitting = []
            without = []
            for price in prices:
                value = {folded(name): folded(value) for name, value in traits(price).items()}.get(key)
                if value in values:
                    self._met.add((key, value or ""))
                    fitting.append(price)
                elif value is None or key in {"label", "section"}:
                    without.append(price)
            prices = fitting or without
        return prices

    def unmet(self) -> list[str]:
        """What was asked for and fitted no price that was looked at, as `key 'value'`."""
        return [
            f"{key} {value!r}"
            for key, values in self._wanted.items()
            for value in sorted(values)
            if (key, value) not in self._met
        ]


def choices(prices: Sequence[Price]) -> tuple[dict[str, str], ...]:
    """What tells prices from each other; each can be passed as attributes."""
    of_each = [traits(price) for price in prices]
    names = list(dict.fromkeys(name for found in of_each for name in found))
    telling = [name for name in names if len({found.get(name) for found in of_each}) > 1]
    offered = [{name: found[name] for name in telling if name in found} for found in of_each]
    return tuple(choice for place, choice in enumerate(offered) if choice and choice not in offered[:place])


def folded(text: str) -> str:
    """A text without case, with single blanks: how labels are compared."""
    return " ".join(text.split()).casefold()
