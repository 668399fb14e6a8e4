"""Charts as inline SVG: pure functions of figures, without scripts and without anything fetched from elsewhere.

A chart holds no text but its names (``aria-label`` and ``<title>``): it is stretched to the width that there is, and
text would be stretched with it. What the figures are stands beside it, as a table. Colours come from the classes of
``job_retry/charts.css``; where that is missing all is drawn in the colour of the text.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from django.utils.html import format_html, format_html_join

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.utils.safestring import SafeString

BAR_WIDTH = 0.8
"""Of the room that one value has; the rest is a gap."""
SPARKLINE_HEIGHT = 20
COLUMNS_HEIGHT = 100
SHARES_WIDTH, SHARES_HEIGHT = 100, 10
SMALLEST_SHARE = 0.05
"""Of the height: what is more than nothing is seen, however little it is beside the largest."""


class Series(NamedTuple):
    """Values of one kind, one for each stretch of time."""

    name: str
    """As people see it."""
    css_class: str
    """Of its colour: what stands behind ``chart-`` in the style sheet."""
    values: Sequence[float]


class Share(NamedTuple):
    """A part of one bar."""

    name: str
    css_class: str
    value: float


def sparkline(values: Sequence[float], *, label: str) -> SafeString:
    """Return small bars over time, in the colour of the text; ``label`` says in words what they show."""
    highest = _highest(values)
    bars = [
        f"M{_number(position)} {SPARKLINE_HEIGHT}v-{_number(_height(value, highest, SPARKLINE_HEIGHT))}"
        f"h{BAR_WIDTH}V{SPARKLINE_HEIGHT}z"
        for position, value in enumerate(values)
        if value
    ]
    drawn = format_html('<path d="{}"/>', "".join(bars)) if bars else ""
    return _svg("sparkline", max(len(values), 1), SPARKLINE_HEIGHT, label, drawn)


def stacked_columns(titles: Sequence[str], series: Sequence[Series], *, label: str) -> SafeString:
    """Return columns over time, one for each of ``titles``, in which the values of all series stand on each other.

    The title of a column is shown where a mouse points at it. The highest column takes the whole height.
    """
    wrong = [each.name for each in series if len(each.values) != len(titles)]
    if wrong:
        raise ValueError(f"A series has one value for each of the {len(titles)} columns, but not {', '.join(wrong)}.")
    totals = [math.fsum(each.values[position] for each in series) for position in range(len(titles))]
    highest = _highest(value for each in series for value in (*each.values, *totals))
    columns = format_html_join(
        "",
        '<g><title>{}</title><rect class="chart-room" x="{}" y="0" width="1" height="{}"/>{}</g>',
        (
            (title, position, COLUMNS_HEIGHT, _column(position, series, highest))
            for position, title in enumerate(titles)
            if totals[position]
        ),
    )
    return _svg("columns", max(len(titles), 1), COLUMNS_HEIGHT, label, columns)


def shares(parts: Sequence[Share], *, of: float, label: str) -> SafeString:
    """Return one bar that lies, made of ``parts`` one behind the other; ``of`` is what its whole length would be.

    Bars of one table have the same ``of``, so that they can be compared.
    """
    whole = max(math.fsum(part.value for part in parts), _highest([of, *(part.value for part in parts)]))
    drawn, start = [], 0.0
    for part in parts:
        width = part.value / whole * SHARES_WIDTH if whole else 0.0
        if part.value:
            drawn.append((f"chart-{part.css_class}", _number(start), _number(width), SHARES_HEIGHT, part.name))
        start += width
    bars = format_html_join("", '<rect class="{}" x="{}" y="0" width="{}" height="{}"><title>{}</title></rect>', drawn)
    return _svg("shares", SHARES_WIDTH, SHARES_HEIGHT, label, bars)


def _column(position: int, series: Sequence[Series], highest: float) -> SafeString:
    bars, top = [], float(COLUMNS_HEIGHT)
    for each in series:
        height = each.values[position] / highest * COLUMNS_HEIGHT
        if height:
            top -= height
            bars.append((f"chart-{each.css_class}", position, _number(top), BAR_WIDTH, _number(height)))
    return format_html_join("", '<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>', bars)


def _svg(kind: str, width: int, height: int, label: str, drawn: str) -> SafeString:
    return format_html(
        '<svg xmlns="http://www.w3.org/2000/svg" class="chart chart-{0}" role="img" aria-label="{1}" '
        'viewBox="0 0 {2} {3}" preserveAspectRatio="none" fill="currentColor"><title>{1}</title>{4}</svg>',
        kind,
        label,
        width,
        height,
        drawn,
    )


def _highest(values: Iterable[float]) -> float:
    """Return the highest of ``values``, or 0; ValueError names one that no bar can show."""
    highest = 0.0
    for value in values:
        if not 0 <= value < math.inf:
            raise ValueError(f"A chart shows numbers of 0 and more, not {value!r}.")
        highest = max(highest, value)
    return highest


def _height(value: float, highest: float, room: int) -> float:
    return max(value / highest, SMALLEST_SHARE) * room


def _number(value: float) -> str:
    """Write a coordinate, the same in every language."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
