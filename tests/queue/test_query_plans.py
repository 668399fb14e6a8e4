"""How the databases carry out what workers ask of a table in which nearly all jobs are done."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone
from job_retry.django.queue import JobQueueManager
from job_retry.django.settings import QueueSettings
from job_retry.django.worker.claiming import WorkerClaims

from tests.app.models import ContainerJob
from tests.queue.support import manager_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        not connection.features.supports_partial_indexes, reason="needs a database with conditional indexes"
    ),
]

FINISHED, READY, LATER, DEAD, HELD, BATCH = 5_000, 300, 300, 20, 10, 100
DOUBLINGS = 3
"""Of the finished, so that to look at them all costs several times as much, whatever the table was used for before."""
LIMITED = QueueSettings(name="limited", model="app.ContainerJob", launch="tests.app", queue_limit=1000)
EXPLAIN = {"postgresql": "EXPLAIN", "sqlite": "EXPLAIN QUERY PLAN"}
WHOLE_TABLE = {"postgresql": "Seq Scan on app_containerjob", "sqlite": "SCAN app_containerjob\n"}
"""What a plan says that looks at every job."""
SORTING = {"postgresql": "Sort", "sqlite": "TEMP B-TREE FOR ORDER BY"}
INDEX_OF_WAITING = next(index.name for index in ContainerJob._meta.indexes if "priority" in "".join(index.fields))


@pytest.fixture(scope="module")
def table(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Have a table of many jobs that are done and some of each other kind."""
    now = timezone.now()
    kinds: list[tuple[int, dict[str, Any]]] = [
        (FINISHED, {"status": "completed", "completed_at": now}),
        (READY, {"status": "queued", "queued_at": now - timedelta(hours=1)}),
        (LATER, {"status": "retrying", "queued_at": now, "scheduled_for": now + timedelta(days=1), "priority": 90}),
        (DEAD, {"status": "failed", "failed_at": now}),
    ]
    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("VACUUM FULL app_containerjob")  # of the holes that other tests have left
        for count, columns in kinds:
            ContainerJob.objects.bulk_create([ContainerJob(**columns) for _ in range(count)], batch_size=200)
            if columns["status"] == "completed":
                double(DOUBLINGS)
        JobQueueManager(ContainerJob, str).claim_next_batch(HELD, "elsewhere")
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE app_containerjob")
        try:
            yield
        finally:
            ContainerJob.objects.all().delete()


def double(times: int) -> None:
    """Copy all jobs, so many times over."""
    columns = ", ".join(field.column for field in ContainerJob._meta.concrete_fields if not field.primary_key)
    with connection.cursor() as cursor:
        for _ in range(times):
            cursor.execute(f"INSERT INTO app_containerjob ({columns}) SELECT {columns} FROM app_containerjob")


@contextmanager
def plans() -> Iterator[list[str]]:
    """Give the plans of all statements on jobs that are made meanwhile."""
    made: list[tuple[str, Any]] = []
    found: list[str] = []

    def note(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("SELECT", "UPDATE")):
            made.append((sql, parameters))
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(note):
        yield found
    with connection.cursor() as cursor:
        for sql, parameters in made:
            cursor.execute(f"{EXPLAIN[connection.vendor]} {sql}", parameters)
            plan = "".join(f"{row[-1]}\n" for row in cursor.fetchall())
            # SQLite calls it a scan where it looks at no row, since the condition is false.
            found.append(plan.replace(WHOLE_TABLE["sqlite"], "", 1) if "WHERE 1 = 0" in sql else plan)


def see_whether_to_claim(manager: JobQueueManager) -> None:
    claims = WorkerClaims(manager, "me", lambda: 0.0)
    claims.next(0, idle=False)  # nothing, so that it is worth looking
    assert claims.may_find(idle=True)


ASKED: dict[str, Callable[[JobQueueManager], Any]] = {
    "claim": lambda manager: manager.claim_next_batch(BATCH, "me"),
    "claim a suspect": lambda manager: manager.claim_suspect("me"),
    "see whether to claim": see_whether_to_claim,
    "renew leases": lambda manager: manager.claims.renew("elsewhere", manager.clock()),
    "bring back lost jobs": lambda manager: manager.rescue_lost_jobs(),
    "see who holds jobs": lambda manager: manager.claims.holders(),
    "see whether all is done": lambda manager: manager.jobs().is_drained(manager.clock()),
    "get_queue_stats": lambda manager: manager.get_queue_stats(),
    "get_worker_metrics": lambda manager: manager.get_worker_metrics(),
    "list dead letters": lambda manager: list(manager.get_failed_jobs()[:BATCH]),
    "list ready jobs": lambda manager: list(manager.get_ready_jobs(BATCH)),
}


@pytest.mark.parametrize("what", ASKED)
@pytest.mark.parametrize("limited", [False, True], ids=["no limit", "QUEUE_LIMIT"])
def test_nothing_looks_at_the_jobs_that_are_done(table: None, what: str, limited: bool) -> None:
    manager = manager_for(clock=timezone.now, **({"options": LIMITED} if limited else {}))
    with plans() as found:
        ASKED[what](manager)
    assert found
    assert [plan for plan in found if WHOLE_TABLE[connection.vendor] in plan] == []


def test_a_claim_reads_the_index_in_its_order(table: None) -> None:
    manager = manager_for(clock=timezone.now)
    with plans() as found:
        assert len(manager.claim_next_batch(BATCH, "me")) == BATCH
    (chosen,) = [plan for plan in found if INDEX_OF_WAITING in plan]
    assert SORTING[connection.vendor] not in chosen


@pytest.mark.parametrize("size", [1, BATCH])
def test_a_claim_takes_two_statements_whatever_its_size(table: None, size: int) -> None:
    manager = manager_for(clock=timezone.now)
    with plans() as found:
        assert len(manager.claim_next_batch(size, "me")) == size
    # SQLite has no lock on rows, so there the whole file is locked first.
    assert len(found) == 2 + (connection.vendor == "sqlite")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL, which has heap-only tuples")
def test_renewing_a_lease_tells_no_index() -> None:
    manager = manager_for()
    manager.queue_job(ContainerJob.objects.create())
    manager.claim_next_batch(1, "me")
    with connection.cursor() as cursor:
        told = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'app_containerjob'"
        cursor.execute(told)
        before = cursor.fetchone()
        assert manager.claims.renew("me", manager.clock()) == 1
        cursor.execute(told)
        after = cursor.fetchone()
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)
