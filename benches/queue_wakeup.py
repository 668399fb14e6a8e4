"""Measure how soon an idle worker on PostgreSQL starts a new job, and how much it asks while there is none.

make bench-queue ONLY=wakeup
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from job_queue.contest import COUNTING, databases, run_program
from side_by_side import Figure, at_most, main

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_MILLISECONDS = 50
MOST_STATEMENTS = 1.5


def measured(what: str, url: str) -> list[float]:
    """Return what the program measures in the empty database at `url`."""
    seconds: list[float] = run_program("wakeup", what, url)
    return seconds


def figures() -> Iterator[Figure]:
    with databases() as made:
        seconds = sorted(measured("starts", made.new("postgresql")))
    table = f"From commit to launch, PostgreSQL, {len(seconds)} jobs"
    shown = {
        "median": statistics.median(seconds),
        "95 of 100 within": seconds[len(seconds) * 95 // 100 - 1],
        "longest": seconds[-1],
    }
    for title, value in shown.items():
        yield Figure(table, title, value * 1e3, at_most(MOST_MILLISECONDS), unit="ms")
    with databases(COUNTING) as made:
        [a_second] = measured("statements", made.new("postgresql"))
        [a_job] = measured("crowd", made.new("postgresql"))
    table = "Statements, PostgreSQL"
    yield Figure(table, "a second, of an idle worker", a_second, at_most(MOST_STATEMENTS), unit="")
    yield Figure(table, "a job in all, beside 8 idle workers", a_job, unit="")


if __name__ == "__main__":
    raise SystemExit(not main(figures, __doc__))
