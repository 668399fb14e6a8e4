"""Many transitions of jobs on PostgreSQL, by a real worker, and what they leave behind in the table."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.db import connections
from job_retry import RetryStrategy

from .tables import ERROR

TRANSITIONS_A_JOB = 4
"""Claimed, a retry scheduled, claimed, completed."""
STATISTICS_SECONDS = 2.0
"""How late the server's counts may be."""


@dataclass(frozen=True)
class State:
    """What the server says of a table."""

    updates: int
    in_place: int
    """Updates that no index was told of (HOT)."""
    table_bytes: int
    index_bytes: int


def state(using: str) -> State:
    """Return what the server says of the job table now."""
    from job_queue.models import Job

    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        time.sleep(STATISTICS_SECONDS)
        cursor.execute(
            "SELECT n_tup_upd, n_tup_hot_upd, pg_table_size(relid), pg_indexes_size(relid)"
            " FROM pg_stat_user_tables WHERE relname = %s",
            [Job._meta.db_table],
        )
        return State(*cursor.fetchone())


def move(using: str, jobs: int) -> State:
    """Have a worker launch so many new jobs, each of which fails once and then succeeds; return the state before."""
    from job_queue.models import Job
    from job_retry.django.queue import JobQueueManager
    from job_retry.django.settings import QueueSettings
    from job_retry.django.worker import Worker

    def launch(job: Any) -> dict[str, Any]:
        return {"success": True, "completed": True} if job.retry_count else {"success": False, "error": ERROR}

    options = QueueSettings(name="", model="", launch="", claim_batch=100)
    at_once = {"default": RetryStrategy(max_attempts=2, base_delay=0.0)}
    manager = JobQueueManager(Job, launch, using=using, strategies=at_once, options=options)
    manager.jobs().bulk_create([Job(name=str(number)) for number in range(jobs)], batch_size=1000)
    before = state(using)
    manager.queue_jobs(list(manager.jobs()))
    Worker(manager, drain=True).run()
    assert manager.jobs().filter(status="completed").count() == jobs
    return before


def vacuumed(using: str) -> State:
    """Return the state after the server has cleaned up, as it does by itself in time."""
    from job_queue.models import Job

    with connections[using].cursor() as cursor:
        cursor.execute(f"VACUUM {Job._meta.db_table}")
    return state(using)
