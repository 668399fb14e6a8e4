"""What the programs of all queues have in common: what they are told, and what they tell.

A program is run as `python -m job_queue.programs.NAME ORDER`, and writes its outcome as its last line.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

from .work import WORKS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .work import Work

SILENT_LOGS = {
    "version": 1,
    "disable_existing_loggers": False,
    "root": {"level": "CRITICAL"},
    "loggers": {name: {"level": "CRITICAL"} for name in ("job_retry", "container_manager", "django-q", "huey")},
}
"""No queue writes a line for a job: where lines go, and how many, is the user's choice."""

LONGEST_SECONDS = 120
"""Work that takes longer hangs."""


@dataclass(frozen=True)
class Order:
    """What a program is to do."""

    work_name: str
    jobs: int
    url: str
    """The database."""
    workers: int = 1
    """Worker processes, each with one after the other or as many threads as its settings say."""
    options: Mapping[str, object] | None = None
    """What the program understands."""
    counts_statements: bool = False
    """Whether the server has pg_stat_statements, which is to be asked."""

    @property
    def work(self) -> Work:
        return WORKS[self.work_name]

    @property
    def attempts(self) -> int:
        """Attempts at all jobs."""
        return self.jobs * self.work.attempts


@dataclass(frozen=True)
class Outcome:
    """What a program did."""

    attempts: int
    seconds: float
    statements: int | None = None
    """What the server was asked, BEGIN and COMMIT included; None where nobody counted."""


class Calls:
    """Counts the calls of a task, and knows when the first and the last began."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._lock = threading.Lock()
        self._by_job: Counter[int] = Counter()
        self._first_at = 0.0
        self._last_at = 0.0
        self.finished = threading.Event()

    def error(self, job: int) -> str | None:
        """Return what the next attempt at ``job`` comes to."""
        with self._lock:
            self._by_job[job] += 1
            total = self._by_job.total()
            self._last_at = time.perf_counter()
            if total == 1:
                self._first_at = self._last_at
            if total >= self._order.attempts:
                self.finished.set()
            return self._order.work.error(job, self._by_job[job])

    def check(self) -> None:
        """Raise AssertionError unless each job had its attempts and no more."""
        made = Counter(self._by_job.values())
        assert made == {self._order.work.attempts: self._order.jobs}, f"attempts made, and by how many jobs: {made}"

    @property
    def seconds(self) -> float:
        """From the first call to the last."""
        return self._last_at - self._first_at


def main(prepare: Callable[[Order], None], work: Callable[[Order], float], check: Callable[[Order], None]) -> None:
    """Put jobs into an empty queue, have them done, see whether they were, and tell the outcome.

    ``work`` returns the seconds that are to count.
    """
    order = Order(**json.loads(sys.argv[1]))
    prepare(order)
    count = StatementCount(order.url) if order.counts_statements else None
    seconds = work(order)
    statements = None if count is None else count.read()
    check(order)
    print(json.dumps(asdict(Outcome(order.attempts, seconds, statements))), flush=True)


class CalledQueue(Protocol):
    """A queue whose tasks run in this process, so that its calls tell what was done."""

    calls: Calls

    def work(self) -> float:
        """Have all jobs done, and return the seconds that are to count."""


def main_of_called(make: Callable[[Order], CalledQueue]) -> None:
    """Do as `main` does with the queue that ``make`` returns, which has its jobs already."""
    queues: list[CalledQueue] = []
    main(
        lambda order: queues.append(make(order)),
        lambda _order: queues[0].work(),
        lambda _order: queues[0].calls.check(),
    )


class StatementCount:
    """How many statements a PostgreSQL server has been sent since this was made, but for those of this connection."""

    def __init__(self, url: str) -> None:
        import psycopg

        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        self._connection.execute("SELECT pg_stat_statements_reset()")

    def read(self) -> int:
        total = self._connection.execute(
            "SELECT sum(calls) FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'"
        ).fetchone()
        self._connection.close()
        return int(total[0] or 0) if total else 0


def analyze(url: str) -> None:
    """Let a PostgreSQL server know what is in its tables, as it does in its own time."""
    if url.startswith("postgres"):
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ANALYZE")


def numbered(jobs: int) -> Sequence[int]:
    """Return the numbers of jobs, for queues that do not number them."""
    return range(1, jobs + 1)
