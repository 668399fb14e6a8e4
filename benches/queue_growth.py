"""Measure how the cost of the queue's statements grows with the table, and what 200,000 transitions leave behind.

make bench-queue ONLY=growth

A figure's `seconds` are medians, by the name of the table they were measured in ("10,000 finished", "1,000,000
finished", "100,000 ready" and so on), which is what a plot needs; its value is the ratio of the two. The tables take
turns in each round. Figures in percent and MB have no seconds.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from grown_queue.statements import CLAIM, HOLDER, OTHERS, POLL, Statement, claim, managers, rounds
from grown_queue.tables import EMPTY, FINISHED, IN_FRONT, LATER, MOVING, READY, SMALL, TITLES, Table, databases, make
from grown_queue.transitions import TRANSITIONS_A_JOB, move, state, vacuumed
from side_by_side import Figure, at_most, main

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from job_retry.django.queue import JobQueueManager
    from side_by_side import Demand

CLAIMS = 21
"""Rounds; each takes 100 jobs out of the 3,000 that are ready in a small table."""
ROUNDS = 9
MOVED_JOBS = 200_000 // TRANSITIONS_A_JOB
DEMANDED = {FINISHED: at_most(1.3), READY: at_most(2.0)}
"""Of a claim, on PostgreSQL and SQLite."""


def grown(
    table: str,
    statement: Statement,
    queues: dict[Table, JobQueueManager],
    number: int,
    demands: dict[Table, Demand] | None = None,
) -> Iterator[Figure]:
    """Compare the first of ``queues`` with each of the others."""
    small, *large = queues
    taken = rounds(statement, [*queues.values()], number)
    medians = dict(zip(queues, map(statistics.median, zip(*taken, strict=True)), strict=True))
    for column, big in enumerate(large, 1):
        yield Figure(
            f"{table}, {big.name}",
            statement.title,
            statistics.median(times[column] / times[0] for times in taken),
            (demands or {}).get(big),
            seconds={small.name: medians[small], big.name: medians[big]},
        )


def queues_of(database: str, tables: Sequence[Table]) -> dict[Table, JobQueueManager]:
    return dict(zip(tables, managers([make(database, table) for table in tables]), strict=True))


def statements(database: str) -> Iterator[Figure]:
    title = TITLES[database]
    queues = queues_of(database, (SMALL, FINISHED, READY, IN_FRONT))
    found = [*grown(title, CLAIM, queues, CLAIMS, None if database == "mariadb" else DEMANDED)]
    queues.pop(IN_FRONT)
    for queue in queues.values():
        claim(queue, HOLDER)
    for statement in OTHERS:
        found += grown(title, statement, queues, ROUNDS)
    yield from sorted(found, key=lambda figure: figure.table)
    yield from grown(title, POLL, queues_of(database, (EMPTY, LATER)), ROUNDS)


def transitions() -> Iterator[Figure]:
    using = make("postgresql", MOVING)
    table = f"PostgreSQL, {MOVED_JOBS * TRANSITIONS_A_JOB:,} transitions of {MOVED_JOBS:,} jobs"
    before = move(using, MOVED_JOBS)
    after, cleaned = state(using), vacuumed(using)
    yield Figure(table, "updates in place", 100 * after.in_place / after.updates, unit="%")
    for moment, found in {"before": before, "after": after, "after, and a VACUUM": cleaned}.items():
        yield Figure(table, f"the table {moment}", found.table_bytes / 1e6, unit="MB")
        yield Figure(table, f"its indexes {moment}", found.index_bytes / 1e6, unit="MB")


def figures() -> Iterator[Figure]:
    with databases() as systems:
        for database in systems:
            yield from statements(database)
        if "postgresql" in systems:
            yield from transitions()


if __name__ == "__main__":
    raise SystemExit(not main(figures, __doc__))
