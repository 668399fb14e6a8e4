"""Measure how the attempts a second of all workers together grow with the worker processes, on PostgreSQL.

make bench-queue ONLY=workers
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from job_queue.contest import databases, median_ratio, ours, rounds
from job_queue.work import WORKS
from side_by_side import Figure, at_least, main

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 5
JOBS = 4000
WORK = WORKS["retried"]
DEMANDS = {1: None, 2: None, 4: None, 8: at_least(0.85)}
"""Worker processes, and how many times as fast as two they have to be."""


def figures() -> Iterator[Figure]:
    contestants = {
        number: ours("postgresql", JOBS, name=f"{number} worker{'s' * (number > 1)}", workers=number)
        for number in DEMANDS
    }
    with databases() as made:
        taken = rounds([*contestants.values()], WORK.name, made, ROUNDS)
    two = taken[contestants[2].name]
    for number, contestant in contestants.items():
        standing = taken[contestant.name]
        yield Figure(
            "Beside two workers, PostgreSQL",
            contestant.name,
            median_ratio(two, standing),
            DEMANDS[number],
            seconds={"two": two.median, "these": standing.median},
        )


if __name__ == "__main__":
    raise SystemExit(not main(figures, __doc__))
