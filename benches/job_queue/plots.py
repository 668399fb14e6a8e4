"""The plots of the page on the queue's speed, each made of the figures of one benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from side_by_side import shown

from .plot import Bar, bars, lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from side_by_side import Figure

CLAIM = "claim 100 jobs"


def a_second(value: float) -> str:
    return f"{value:,.0f}"


def _rate(seconds: float) -> float:
    return 1 / seconds


def peers(figures: Sequence[Figure]) -> str:
    """Return the attempts a second of each queue, the fastest first; of ours, on each database."""
    rates = {Bar(figure.title, _rate(figure.seconds["peer"]), 1) for figure in figures}
    ours = {"SQLite" if "SQLite" in figure.table else "PostgreSQL": _rate(figure.seconds["ours"]) for figure in figures}
    rates |= {Bar(f"django-job-retry, {database}", rate) for database, rate in ours.items()}
    return bars("Attempts a second of one worker", sorted(rates, key=lambda bar: -bar.value), a_second)


def costs(figures: Sequence[Figure]) -> str:
    """Return the microseconds of each stage, in a colour for each part of the work."""
    stages = [figure for figure in figures if "processor" in figure.table and figure.title != "all of it"]
    groups = list(dict.fromkeys(_group(figure) for figure in stages))
    rows = [Bar(figure.title, figure.value, groups.index(_group(figure))) for figure in stages]
    return bars("Processor time of an attempt, in microseconds", rows, lambda value: f"{value:.0f} µs")


def _group(figure: Figure) -> str:
    return figure.title.partition(":")[0]


def workers(figures: Sequence[Figure]) -> str:
    """Return the attempts a second against the number of workers."""
    rates = {figure.title: _rate(figure.seconds["these"]) for figure in figures}
    return lines("Attempts a second of all workers together", {"all workers": rates}, a_second)


def growth(figures: Sequence[Figure]) -> str:
    """Return what a claim takes in each table of each database."""
    rows: dict[str, Bar] = {}
    databases: list[str] = []
    for figure in figures:
        if figure.title == CLAIM:
            database = figure.table.partition(",")[0]
            if database not in databases:
                databases.append(database)
            for table, seconds in figure.seconds.items():
                label = f"{database}, {table}"
                rows[label] = Bar(label, seconds, databases.index(database))
    return bars("Claiming 100 jobs", list(rows.values()), shown)


PLOTS: dict[str, Callable[[Sequence[Figure]], str]] = {
    "queue_peers": peers,
    "queue_costs": costs,
    "queue_workers": workers,
    "queue_growth": growth,
}
"""By benchmark."""
