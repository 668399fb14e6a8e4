"""What the page on the queue's speed says around its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from side_by_side import shown

if TYPE_CHECKING:
    from collections.abc import Callable

INTRODUCTION = """\
# Speed of the queue

What the queue costs around your launchers: how many attempts a second one worker makes of jobs that take no time at
all, beside other queues at the same work, and how that changes with more workers and larger tables.
`make bench-queue` measures all but the other queues, which `make bench-peers` adds; both write this page.

The work, where nothing else is said: each job fails twice with a transient error, each time one that no other attempt
has, then it succeeds. A retry is due at once. One worker process, `CLAIM_BATCH` 100, everything else as it comes; the
launcher returns at once; nobody writes log lines. PostgreSQL runs on the same machine as it is installed, forcing
each commit to disk (`fsync` and `synchronous_commit` on). SQLite is set as [The worker](worker.md#sqlite) says. All
take turns in one run, each in processes and a database of its own, so that a busy machine slows all of them. Ratios
are medians over the rounds' ratios, attempts a second are medians over the rounds.
"""


def per_second(seconds: float) -> str:
    """Return how many attempts a second that is."""
    return f"{1 / seconds:,.0f} a second"


class Section(NamedTuple):
    """The part of the page that shows one benchmark."""

    title: str
    prose: str
    amount: Callable[[float], str] = shown
    """How the seconds of its figures are shown."""


SECTIONS: dict[str, Section] = {
    "queue_speed": Section(
        "Beside django-container-manager",
        """\
The queue that this one takes the place of, version 1.0.14, through its `launch_job_with_retry`. It is helped where it
can be: its ready jobs are read a hundred at a time, for which it has no worker; and since a job that waits for a
retry cannot be started there, an UPDATE that is not timed sets such jobs back to queued. Of a job that succeeds it
writes that it runs, and not, as ours does, that it is completed.

The statements are those that the server counted (`pg_stat_statements`), with BEGIN and COMMIT, from the worker's
start to its end.
""",
        per_second,
    ),
    "queue_peers": Section(
        "Beside other queues",
        """\
Each in its own idiom for work that is retried at once, in the fastest setting that its documentation has for one
worker process:

- **Procrastinate**: coroutines, one at a time, and ten at once; `RetryStrategy(max_attempts=2, wait=0)`.
- **django-q2** with its broker on the ORM: connections kept, jobs fetched fifty at a time, no limit on saved results,
  no scheduler. Its delay before a retry is not counted: all jobs have their first attempt, then they are let go for
  the next.
- **Celery** with Redis, which writes nothing to disk here: a solo worker without gossip, mingling and heartbeats, a
  hundred jobs fetched ahead, no results kept.
- **Huey** on SQLite: as it comes, and with neither results nor forced writes (`fsync=False`). It keeps no job that it
  has begun.
- **Plain SQL**: a loop of our own around `FOR UPDATE SKIP LOCKED`, one at a time and in batches of a hundred, that
  does nothing else. It is what PostgreSQL allows.
""",
        per_second,
    ),
    "queue_costs": Section(
        "What an attempt is spent on",
        """\
The distance to plain SQL. Each stage is timed where the worker calls it, by the processor time of its thread, without
the time of other stages inside it; reading the clocks is in it, some microseconds an attempt. The stages run in
several threads at once, one of which has the interpreter at a time, so the second table, the time that passes,
overlaps: it does not add up, and holds what a thread waits for the server and for the others.
""",
    ),
    "queue_workers": Section(
        "More workers",
        """\
Attempts a second of all worker processes together, each begun at the same moment. The processors are shared with
PostgreSQL, which has as much to do as the workers have: see above how many there are.
""",
        per_second,
    ),
    "queue_growth": Section(
        "Larger tables",
        """\
What a statement takes where 10,000 finished jobs are in the table, and where there are 1,000,000, or where 100,000
jobs are ready. Finished jobs are in none of the [indexes](sizing.md#the-indexes) that claims use. The last table shows
what many changes leave behind: an update in place (PostgreSQL calls it HOT) touches no index.
""",
    ),
    "queue_wakeup": Section(
        "New jobs",
        """\
How [soon](worker.md#how-soon-jobs-start) an idle worker starts a job that another process queues, from the end of its
transaction to the call of the launcher; what the worker asks of the server while there is none; and what a job costs
in all where eight idle workers hear of it, and one of them gets it.
""",
    ),
}
"""By benchmark, in the order of the page."""
