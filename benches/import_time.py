"""Measure what it costs a new process to import `job_retry`, and to use the rule packs for the first time.

python benches/import_time.py

Each import runs in a process of its own, in turns with that of an empty native module (`native_floor`, from
`benches/floor`). The second figure leaves out the modules of the standard library that the package shares with nearly
every program, which are imported before the clock starts.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

from side_by_side import Figure, at_most, main

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 31
MOST_MILLISECONDS = 5
COMMON = "collections.abc, dataclasses, datetime, enum, functools, logging, re, typing"
"""Modules that a Django program has imported long before."""

CLOCK = "import time; {before}; start = time.perf_counter(); {timed}; print(time.perf_counter() - start)"
EMPTY = "import native_floor"
PACKAGE = "import job_retry"
FIRST_USE = "job_retry.ErrorClassifier.with_packs().classify_error('first use')"


def seconds(before: str, timed: str) -> float:
    """Return what `timed` takes in a new interpreter behind `before`."""
    program = CLOCK.format(before=before, timed=timed)
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return float(printed.stdout)


def beyond(before: str) -> tuple[float, float, float]:
    """Return the median seconds that the package takes beyond an empty module, and those of each."""
    seconds(before, EMPTY), seconds(before, PACKAGE)
    rounds = [(seconds(before, EMPTY), seconds(before, PACKAGE)) for _ in range(ROUNDS)]
    empty, package = (statistics.median(taken) for taken in zip(*rounds, strict=True))
    return statistics.median(package - empty for empty, package in rounds), empty, package


def figures() -> Iterator[Figure]:
    table = "Import beyond that of an empty native module"
    demand = at_most(MOST_MILLISECONDS)
    for title, before in (("in a bare interpreter", "pass"), ("in a program", f"import {COMMON}")):
        more, empty, package = beyond(before)
        named = {"empty module": empty, "job_retry": package}
        yield Figure(table, title, more * 1e3, demand, unit="ms", seconds=named)
    first = statistics.median(seconds(PACKAGE, FIRST_USE) for _ in range(ROUNDS // 3))
    yield Figure("First use of all rule packs", "in a new process", first * 1e3, unit="ms")


if __name__ == "__main__":
    main(figures, __doc__)
