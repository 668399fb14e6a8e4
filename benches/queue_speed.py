"""Compare the queue with that of django-container-manager: attempts a second and statements an attempt.

make bench-queue
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from job_queue.contest import COUNTING, Contestant, databases, median_ratio, ours, rounds
from job_queue.database import SQLITE_OPTIONS
from job_queue.work import WORKS
from side_by_side import Figure, at_least, at_most, main

from tests.integrations.environment import upstream_interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from job_queue.contest import Databases

ROUNDS = {"postgresql": 5, "sqlite": 3}
ATTEMPTS = {"ours": 9000, "reference": 600}
"""Each takes some seconds of a round."""
DEMANDED_RATIO = {("retried", "postgresql"): at_least(12)}
DEMANDED_STATEMENTS = at_most(0.2)
TITLES = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}


def reference(database: str, jobs: int) -> Contestant:
    return Contestant("reference", "reference", database, jobs, interpreter=upstream_interpreter())


def figures() -> Iterator[Figure]:
    with databases() as made:
        for database, title in TITLES.items():
            for work in WORKS.values():
                pair = (
                    reference(database, ATTEMPTS["reference"] // work.attempts),
                    ours(database, ATTEMPTS["ours"] // work.attempts),
                )
                taken = rounds(pair, work.name, made, ROUNDS[database])
                yield Figure(
                    f"Beside the reference, {title}",
                    work.title,
                    median_ratio(taken["reference"], taken["ours"]),
                    DEMANDED_RATIO.get((work.name, database)),
                    seconds={name: standing.median for name, standing in taken.items()},
                )
        yield from journals(made)
    with databases(COUNTING) as made:
        yield from statements(made)


def journals(made: Databases) -> Iterator[Figure]:
    """Compare the two ways in which SQLite may be set."""
    work = WORKS["retried"]
    jobs = ATTEMPTS["ours"] // work.attempts // 2
    by_journal = {journal: ours("sqlite", jobs, name=journal, SQLITE_JOURNAL=journal) for journal in SQLITE_OPTIONS}
    taken = rounds([*by_journal.values()], work.name, made, ROUNDS["sqlite"])
    slow, fast = (taken[journal] for journal in ("rollback journal", "WAL"))
    yield Figure(
        "SQLite's journals",
        work.title,
        median_ratio(slow, fast),
        seconds={"rollback journal": slow.median, "WAL": fast.median},
    )


def statements(made: Databases) -> Iterator[Figure]:
    for work in WORKS.values():
        pair = ((reference("postgresql", 300), None), (ours("postgresql", 3000), DEMANDED_STATEMENTS))
        for contestant, demand in pair:
            outcome = contestant.run(work.name, made.new("postgresql"), counts_statements=True)
            assert outcome.statements is not None
            yield Figure(
                "Statements an attempt, PostgreSQL",
                f"{work.title}, {contestant.name}",
                outcome.statements / outcome.attempts,
                demand,
                unit="",
            )


if __name__ == "__main__":
    raise SystemExit(not main(figures, __doc__))
