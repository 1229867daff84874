"""The geometry of price step charts; a template draws them as SVG."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from poe_scraper.pricing import amounts
from poe_scraper.site.timeline import Series

WIDTH, HEIGHT = 320, 120
"""Size of the SVG view box."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 4, 316, 22, 98


@dataclass(frozen=True)
class Chart:
    """A price over time, from its first day to the day it was last seen.

    Args:
        series: the price drawn.
        path: the line as SVG path data (`d`). It has a gap where there was no price.
        area: the area below the line, as SVG path data.
        marks: x and y of the start of each step.
        start: first day.
        end: last day.
        top_text: the highest price, per the unit of the newest price; the axis runs from 0 to it.
    """

    series: Series
    path: str
    area: str
    marks: list[tuple[str, str]]
    start: datetime
    end: datetime
    top_text: str


def chart(series: Series, end: datetime) -> Chart:
    """Lay out a chart.

    Args:
        series: one price.
        end: when the price was last seen.
    """
    start = series.points[0][0]
    end = max(end, series.points[-1][0])
    top = max((amount for _, amount in series.points if amount is not None), default=Decimal(0))
    span = (end - start).total_seconds() or 1.0

    def x(at: datetime) -> str:
        return f"{_LEFT + (_RIGHT - _LEFT) * ((at - start).total_seconds() / span):.1f}"

    def y(amount: Decimal) -> str:
        return f"{_BOTTOM - (_BOTTOM - _TOP) * float(amount / top if top else 0):.1f}"

    line: list[str] = []
    area: list[str] = []
    marks = []
    ends = [at for at, _ in series.points[1:]] + [end]
    drawn = False
    for (at, amount), until in zip(series.points, ends, strict=True):
        if amount is None:
            drawn = False
            continue
        right = x(until) if until > start else str(_RIGHT)
        line.append(f"{f'V{y(amount)}' if drawn else f'M{x(at)} {y(amount)}'}H{right}")
        area.append(f"M{x(at)} {_BOTTOM}V{y(amount)}H{right}V{_BOTTOM}Z")
        marks.append((x(at), y(amount)))
        drawn = True
    per = series.rate.per
    text = amounts.money(series.rate.currency, (top * per.quantity).normalize()) + amounts.per(per.model_dump())
    return Chart(series, "".join(line), "".join(area), marks, start, end, text)
