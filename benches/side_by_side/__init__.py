"""Measuring implementations side by side in one run, so that a busy machine slows all of them."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import asdict, dataclass, field
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Call = Callable[..., object]
    Arguments = Sequence[tuple[object, ...]]
    Clock = Callable[[], float]

ROUNDS = 11
"""In each, the implementations are measured one after the other."""
TARGET_SECONDS = 0.02
"""How long one implementation is measured in each round."""


@dataclass(frozen=True)
class Demand:
    """What a figure has to be."""

    bound: float
    at_most: bool = False
    """Whether a figure above the bound fails; else one below it does."""

    def met(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.bound:g}"


def at_least(bound: float) -> Demand:
    return Demand(bound)


def at_most(bound: float) -> Demand:
    return Demand(bound, at_most=True)


@dataclass(frozen=True)
class Figure:
    """One measured figure."""

    table: str
    """The heading it stands under."""
    title: str
    value: float
    """A ratio, unless `unit` says something else."""
    demand: Demand | None = None
    unit: str = "x"
    seconds: Mapping[str, float] = field(default_factory=dict)
    """What a call of each implementation took, by its name: medians."""

    @property
    def outcome(self) -> str:
        if self.demand is None:
            return ""
        return "met" if self.demand.met(self.value) else "NOT met"

    def as_json(self) -> dict[str, object]:
        return asdict(self) | {"outcome": self.outcome}


@dataclass(frozen=True)
class Row:
    """One comparison: what is called, with each of `arguments` in turn."""

    title: str
    arguments: Arguments
    demand: Demand | None = None
    clock: Clock = time.perf_counter
    """By `time.thread_time` only the time counts in which this thread had a processor, and not what neighbours took
    from it; that suits calls that use no other threads."""


def measure(call: Call, arguments: Arguments, passes: int, clock: Clock = time.perf_counter) -> float:
    """Return the seconds of one call, the loop included."""
    calls = passes * len(arguments)
    # Unpacking an argument costs more than the fastest calls.
    single = all(len(argument) == 1 for argument in arguments)
    values: Sequence[object] = [argument[0] for argument in arguments] if single else arguments
    every: Iterable[object] = (
        repeat(values[0], passes) if len(values) == 1 else chain.from_iterable(repeat(values, passes))
    )
    start = clock()
    if single:
        for value in every:
            call(value)
    else:
        for value in every:
            call(*value)  # type: ignore[misc]
    return (clock() - start) / calls


def compare(
    arguments: Arguments, *calls: Call, rounds: int = ROUNDS, clock: Clock = time.perf_counter
) -> list[list[float]]:
    """Return for each round the seconds of a call of each; they take turns."""
    for call in calls:
        # What is compiled when it is first needed would count as the pace, and leave one with too few passes.
        measure(call, arguments, 1)
    passes = [max(1, int(TARGET_SECONDS / measure(call, arguments, 1, clock) / len(arguments))) for call in calls]
    numbered = list(zip(calls, passes, strict=True))
    return [[measure(call, arguments, number, clock) for call, number in numbered] for _ in range(rounds)]


def faster(table: str, row: Row, baseline: tuple[str, Call], measured: tuple[str, Call]) -> Figure:
    """Return how many times as fast as the baseline `measured` is."""
    return _figure(table, row, baseline, measured, lambda slow, fast: slow / fast)


def cost(table: str, row: Row, baseline: tuple[str, Call], measured: tuple[str, Call]) -> Figure:
    """Return how many times as long as the baseline `measured` takes."""
    return _figure(table, row, baseline, measured, lambda base, own: own / base)


def _figure(
    table: str,
    row: Row,
    baseline: tuple[str, Call],
    measured: tuple[str, Call],
    ratio: Callable[[float, float], float],
) -> Figure:
    seconds = compare(row.arguments, baseline[1], measured[1], clock=row.clock)
    medians = (statistics.median(times) for times in zip(*seconds, strict=True))
    return Figure(
        table,
        row.title,
        # Of the rounds' ratios: a neighbour's work that comes or goes between rounds changes the times, hardly these.
        statistics.median(ratio(*times) for times in seconds),
        row.demand,
        seconds=dict(zip((baseline[0], measured[0]), medians, strict=True)),
    )


def main(figures: Callable[[], Iterable[Figure]], description: str | None) -> bool:
    """Measure, print each figure as it comes beside what is demanded, and write them all to the file asked for.

    Return whether every demand is met.
    """
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file, too")
    options = parser.parse_args()
    measured = list(_printed(figures()))
    if options.json:
        rows = [figure.as_json() for figure in measured]
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return all(figure.demand is None or figure.demand.met(figure.value) for figure in measured)


def _printed(figures: Iterable[Figure]) -> Iterator[Figure]:
    table = None
    for figure in figures:
        names = [*figure.seconds]
        if (figure.table, names) != table:
            table = (figure.table, names)
            print(f"\n{figure.table:<46}" + "".join(f"{name:>14}" for name in names))
        times = "".join(f"{shown(seconds):>14}" for seconds in figure.seconds.values())
        wanted = f"   {figure.demand} {figure.outcome}" if figure.demand else ""
        print(f"{figure.title:<46}{times}{value_shown(figure):>14}{wanted}", flush=True)
        yield figure


def value_shown(figure: Figure) -> str:
    """Return the value with its unit."""
    digits = 1 if figure.value >= 10 else 2
    return f"{figure.value:,.{digits}f}{'' if figure.unit == 'x' else ' '}{figure.unit}"


def shown(seconds: float) -> str:
    """Return a time with the unit that suits it."""
    for factor, unit in ((1e9, "ns"), (1e6, "us"), (1e3, "ms")):
        if seconds * factor < 1000:
            return f"{seconds * factor:,.1f} {unit}"
    return f"{seconds:,.1f} s"
