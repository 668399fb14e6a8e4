"""Plots as SVG to stand in a page: text in the colour of the page's own, so that light and dark suit alike."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

WIDTH = 760
TITLE_HEIGHT = 30
ROW_HEIGHT = 24
LABEL_WIDTH = 330
VALUE_WIDTH = 90
PLOT_HEIGHT = 240
MARGIN = 70
COLOURS = ("#0f8f8c", "#8a93a3", "#d9822b", "#5b7fd6", "#b5598f", "#7a9a3a")
"""Each stands out from white and from black; the first one is for what is ours."""


class Bar(NamedTuple):
    """One bar, with what stands beside it."""

    label: str
    value: float
    colour: int = 0
    """Which of `COLOURS`."""


def bars(title: str, rows: Sequence[Bar], shown: Callable[[float], str]) -> str:
    """Return horizontal bars from 0, the longest as long as there is room."""
    longest = max(row.value for row in rows)
    room = WIDTH - LABEL_WIDTH - VALUE_WIDTH
    parts = []
    for number, row in enumerate(rows):
        top, length = TITLE_HEIGHT + number * ROW_HEIGHT, row.value / longest * room
        middle = top + ROW_HEIGHT / 2
        place = f'x="{LABEL_WIDTH}" y="{top + 3}" width="{length:.1f}" height="{ROW_HEIGHT - 6}"'
        parts += [
            text(LABEL_WIDTH - 8, middle, row.label, "end"),
            f'<rect {place} fill="{colour(row.colour)}"/>',
            text(LABEL_WIDTH + length + 6, middle, shown(row.value), "start"),
        ]
    return _svg(title, TITLE_HEIGHT + len(rows) * ROW_HEIGHT, parts)


def lines(title: str, series: Mapping[str, Mapping[str, float]], shown: Callable[[float], str]) -> str:
    """Return a line for each of ``series``, a point for each name that they share, at equal distances; from 0."""
    names = [*next(iter(series.values()))]
    highest = max(value for points in series.values() for value in points.values())
    places = {name: MARGIN + (WIDTH - 2 * MARGIN) * n / max(1, len(names) - 1) for n, name in enumerate(names)}

    def height(value: float) -> float:
        return PLOT_HEIGHT - 30 - (PLOT_HEIGHT - 90) * value / highest

    floor = height(0)
    parts = [f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{floor}" y2="{floor}" stroke="currentColor"/>']
    parts += [text(place, floor + 16, name, "middle") for name, place in places.items()]
    for number, (name, points) in enumerate(series.items()):
        path = " ".join(f"{places[point]:.1f},{height(value):.1f}" for point, value in points.items())
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour(number)}" stroke-width="2"/>')
        for point, value in points.items():
            parts.append(f'<circle cx="{places[point]:.1f}" cy="{height(value):.1f}" r="4" fill="{colour(number)}"/>')
            parts.append(text(places[point], height(value) - 14, shown(value), "middle"))
        if len(series) > 1:
            parts.append(text(WIDTH - MARGIN, 12 + number * 18, name, "end", colour(number)))
    return _svg(title, PLOT_HEIGHT, parts)


def text(x: float, middle: float, words: str, anchor: str, fill: str = "currentColor") -> str:
    """Return words beside or under a point."""
    place = f'x="{x:.1f}" y="{middle:.1f}" text-anchor="{anchor}" dominant-baseline="central" fill="{fill}"'
    return f"<text {place}>{escape(words)}</text>"


def colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    view = f'viewBox="0 0 {WIDTH} {height:g}" width="100%" style="max-width: {WIDTH}px; font-size: 13px"'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {view}>'
    # No empty line: Markdown would take what follows for text.
    return "\n".join([opening, f"<title>{escape(title)}</title>", text(0, 10, title, "start"), *parts, "</svg>"])
