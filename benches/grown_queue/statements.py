"""What workers and people ask of a queue, measured in several tables by turns."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from job_retry.django.queue import JobQueueManager

BATCH = 100
HOLDER = "bench:1:0"
"""Has claimed one batch where the others are asked."""


@dataclass(frozen=True)
class Statement:
    """Something that is asked of a queue."""

    title: str
    ask: Callable[[JobQueueManager], Any]


def claim(manager: JobQueueManager, holder: str | None = None) -> None:
    jobs = manager.claim_next_batch(BATCH, holder)
    assert len(jobs) == BATCH, len(jobs)


def poll(manager: JobQueueManager) -> None:
    assert not manager.jobs().ready(manager.clock()).in_ready_order().values_list("pk")[:1]


CLAIM = Statement(f"claim {BATCH} jobs", claim)
POLL = Statement("see that nothing is ready", poll)
OTHERS = (
    Statement(f"renew {BATCH} leases", lambda manager: manager.claims.renew(HOLDER, manager.clock())),
    Statement("look for lost jobs", lambda manager: manager.jobs().lost(manager.clock()).exists()),
    Statement("look for suspects", lambda manager: manager.jobs().ready(manager.clock()).suspects().exists()),
    Statement("count for QUEUE_LIMIT", lambda manager: manager.jobs().claimed().count()),
    Statement("see who holds jobs", lambda manager: manager.claims.holders()),
    Statement("get_queue_stats", lambda manager: manager.get_queue_stats()),
    Statement("get_worker_metrics", lambda manager: manager.get_worker_metrics()),
    Statement("list dead letters", lambda manager: list(manager.get_failed_jobs()[:BATCH])),
)


def managers(databases: Sequence[str]) -> list[JobQueueManager]:
    """Return a manager for each database."""
    from job_queue.models import Job
    from job_retry.django.queue import JobQueueManager

    return [JobQueueManager(Job, str, using=using) for using in databases]


def rounds(statement: Statement, queues: Sequence[JobQueueManager], number: int) -> list[list[float]]:
    """Return for each round the seconds that the statement took in each queue; the queues take turns."""
    for queue in queues:
        statement.ask(queue)
    return [[_seconds(partial(statement.ask, queue)) for queue in queues] for _ in range(number)]


def _seconds(ask: Callable[[], Any]) -> float:
    start = time.perf_counter()
    ask()
    return time.perf_counter() - start
