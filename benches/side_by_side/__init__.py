"""Measuring two implementations side by side, so that a busy machine slows both."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROUNDS = 7
TARGET_SECONDS = 0.02
"""How long one implementation is measured in each round."""


@dataclass(frozen=True)
class Row:
    """One comparison: what is called, with each of `arguments` in turn."""

    title: str
    arguments: Sequence[tuple[object, ...]]


def measure(call: Callable[..., object], arguments: Sequence[tuple[object, ...]], passes: int) -> float:
    """Return the seconds of one call, the loop included."""
    start = time.perf_counter()
    for _ in range(passes):
        for argument in arguments:
            call(*argument)
    return (time.perf_counter() - start) / (passes * len(arguments))


def compare(row: Row, reference: Callable[..., object], native: Callable[..., object]) -> tuple[float, float]:
    """Return the median seconds of a call of each, from rounds in which they take turns."""
    seconds: dict[int, list[float]] = {0: [], 1: []}
    passes = []
    for call in (reference, native):
        once = measure(call, row.arguments, 1) * len(row.arguments)
        passes.append(max(1, int(TARGET_SECONDS / once)))
    for _ in range(ROUNDS):
        for number, call in enumerate((reference, native)):
            seconds[number].append(measure(call, row.arguments, passes[number]))
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def report(title: str, rows: Sequence[Row], reference: Callable[..., object], native: Callable[..., object]) -> None:
    """Measure each row and print it."""
    print(f"\n{title:<42}{'reference':>14}{'native':>14}{'ratio':>12}")
    for row in rows:
        slow, fast = compare(row, reference, native)
        print(f"{row.title:<42}{_shown(slow):>14}{_shown(fast):>14}{slow / fast:>11.1f}x", flush=True)


def _shown(seconds: float) -> str:
    for factor, unit in ((1e9, "ns"), (1e6, "us"), (1e3, "ms")):
        if seconds * factor < 1000:
            return f"{seconds * factor:,.1f} {unit}"
    return f"{seconds:,.1f} s"
