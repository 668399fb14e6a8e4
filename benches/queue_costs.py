"""Measure what a worker of ours spends an attempt on, on PostgreSQL, and how far that is from plain SQL.

make bench-queue ONLY=costs
"""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING

from job_queue.contest import Contestant, databases, run_program
from job_queue.program import Order
from job_queue.stages import STAGES, STATEMENTS, Spent
from job_queue.work import WORKS
from side_by_side import Figure, main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from job_queue.contest import Databases

ROUNDS = 5
JOBS = 3000
WORK = WORKS["retried"]
PLAIN_SQL = Contestant("plain SQL, batches of 100", "raw_sql", "postgresql", JOBS, options={"batch": 100})
REST = "rest: the worker's loop, handing over to threads"
ALL = "all of it"
PROCESSOR = "An attempt, PostgreSQL: the worker's processor time"
PASSED = "An attempt, PostgreSQL: time that passes"


def figures() -> Iterator[Figure]:
    by_title: dict[tuple[str, str], list[float]] = defaultdict(list)
    with databases() as made:
        for _ in range(ROUNDS):
            for place, spent in measured(made).items():
                by_title[place].append(spent)
    for (table, title), seconds in by_title.items():
        yield Figure(table, title, statistics.median(seconds) / (JOBS * WORK.attempts) * 1e6, unit="us")


def measured(made: Databases) -> dict[tuple[str, str], float]:
    """Return what was spent on all attempts of a round, by table and title, in seconds."""
    url = made.new("postgresql")
    told = run_program("costs", json.dumps(asdict(Order(WORK.name, JOBS, url))), url)
    stages = {title: Spent(*spent) for title, spent in told["stages"].items()}
    processor = {title: stages[title].processor for title in sorted(stages, key=position)}
    processor[REST] = told["processor"] - sum(processor.values())
    processor[ALL] = told["processor"]
    passed = {title: stages[title].passed for title in processor if title.endswith(STATEMENTS)}
    passed[ALL] = told["passed"]
    passed[PLAIN_SQL.name] = PLAIN_SQL.run(WORK.name, made.new("postgresql")).seconds
    return {(PROCESSOR, title): seconds for title, seconds in processor.items()} | {
        (PASSED, title): seconds for title, seconds in passed.items()
    }


def position(title: str) -> tuple[int, bool, str]:
    """Return where a stage stands: as in the table of stages, statements at the end of the group that asks for them."""
    groups = [stage.title.partition(":")[0] for stage in STAGES]
    group = title.partition(":")[0]
    titles = [stage.title for stage in STAGES]
    return (
        groups.index(group) if group in groups else len(groups),
        title.endswith(STATEMENTS),
        f"{titles.index(title):02}" if title in titles else title,
    )


if __name__ == "__main__":
    raise SystemExit(not main(figures, __doc__))
