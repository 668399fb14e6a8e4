"""What databases do to a worker besides cutting its connection; each is provoked, none is played."""

from __future__ import annotations

import logging
import secrets
import threading
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.backends.signals import connection_created
from job_retry import RetryStrategy
from job_retry.django import outages
from job_retry.django.queue import JobQueueManager
from job_retry.django.settings import get_queue_settings
from job_retry.django.testing import COMPLETED, failed
from job_retry.django.worker import Worker

from tests.app.models import ContainerJob, ReportJob
from tests.queue.support import assert_invariants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_SECONDS = 60

WAITING_SESSIONS = {
    "postgresql": "SELECT COUNT(*) FROM pg_locks WHERE NOT granted",
    "mysql": "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
}


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "BACKOFF", RetryStrategy(max_attempts=9, base_delay=0.01, max_delay=0.01))


def manager_with(launch: Any, **options: Any) -> JobQueueManager:
    options = {"max_concurrent": 1, **options}
    return JobQueueManager(ContainerJob, launch, options=replace(get_queue_settings(), **options))


class Session:
    """Another session of the same database, which has begun a transaction and locked a job's row."""

    def __init__(self, job: ContainerJob) -> None:
        self._connection = connection.copy("default")
        self._connection.inc_thread_sharing()
        self._connection.set_autocommit(False)
        self.write(job)

    def execute(self, sql: str, *values: Any) -> Any:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchone() if cursor.description else None

    def write(self, job: ContainerJob) -> None:
        self.execute("UPDATE app_containerjob SET name = 'written' WHERE id = %s", job.pk)

    def wait_for_another(self) -> None:
        """Return when another session waits for a lock."""
        while self.execute(WAITING_SESSIONS[connection.vendor]) == (0,):
            # MariaDB shows what it has shown before to whoever asks more than ten times a second.
            self.execute("SELECT SLEEP(0.2)" if connection.vendor == "mysql" else "SELECT pg_sleep(0.01)")

    def commit(self) -> None:
        self._connection.commit()
        self._connection.close()


def test_goes_on_after_a_deadlock_that_it_was_chosen_to_end(caplog: pytest.LogCaptureFixture) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("needs a database with locks on rows")

    def launch(job: ContainerJob) -> Any:
        sessions.append(Session(queued))
        if connection.vendor == "postgresql":
            sessions[0].execute("SET deadlock_timeout = '60s'")  # whoever waits for longer than this looks, and loses
        else:
            sessions[0].execute("UPDATE app_reportjob SET priority = 51")  # whoever has written less loses
        other.start()
        worker.stop()
        return COMPLETED

    def lock_crosswise() -> None:
        sessions[0].wait_for_another()
        sessions[0].write(retrying)
        sessions[0].commit()

    sessions: list[Session] = []
    other = threading.Thread(target=lock_crosswise)
    ReportJob.objects.bulk_create(ReportJob(slug=f"report-{number}") for number in range(50))
    manager = manager_with(launch, claim_batch=3)
    first, retrying, queued = (ContainerJob.objects.create(priority=priority) for priority in (70, 50, 50))
    manager.queue_jobs([first, retrying, queued])
    now = manager.clock()
    ContainerJob.objects.filter(pk=retrying.pk).update(status="retrying", retry_count=1, scheduled_for=now)
    worker = Worker(manager, poll_interval=0.01)
    summary = worker.run()
    other.join(PATIENCE_SECONDS)
    assert "eadlock" in caplog.text
    assert (summary.launched, summary.given_back) == (1, 2)
    rows = ContainerJob.objects.order_by("pk").values_list("name", "status", "retry_count", "attempt_serial")
    assert list(rows) == [("", "completed", 0, 1), ("written", "retrying", 1, 0), ("written", "queued", 0, 0)]
    assert_invariants()


@pytest.fixture(params=["repeatable read", "serializable"])
def strict_isolation(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let all connections have an isolation level at which statements fail that do not fit with others'."""
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL, which ends such a statement with a serialization failure")
    options = connections.settings["default"]["OPTIONS"]
    # What psycopg calls the isolation level of a connection is that of blocks alone.
    options["options"] = "-c default_transaction_isolation=" + request.param.replace(" ", r"\ ")
    connection.close()
    yield
    del options["options"]
    connection.close()


@pytest.mark.postgresql
@pytest.mark.usefixtures("strict_isolation")
def test_writes_a_result_again_that_was_refused_for_its_isolation_level(caplog: pytest.LogCaptureFixture) -> None:
    def launch(job: ContainerJob) -> Any:
        sessions.append(Session(job))
        other.start()
        return failed("Connection refused") if job.retry_count == 0 else COMPLETED

    def commit_amid_the_write() -> None:
        sessions[0].wait_for_another()
        sessions[0].commit()

    sessions: list[Session] = []
    other = threading.Thread(target=commit_amid_the_write)
    manager = manager_with(launch)
    job = manager.queue_job(ContainerJob.objects.create(max_retries=1))
    assert Worker(manager, drain=True, poll_interval=0.01).run().dead_lettered == 1
    other.join(PATIENCE_SECONDS)
    assert "could not serialize access" in caplog.text
    job.refresh_from_db()
    assert (job.name, job.status, job.retry_count, job.attempt_serial) == ("written", "failed", 1, 1)
    assert len(sessions) == 1


@pytest.mark.postgresql
@pytest.mark.usefixtures("strict_isolation")
def test_workers_get_along_at_a_strict_isolation_level() -> None:
    launches: list[int] = []

    def launch(job: ContainerJob) -> Any:
        launches.append(job.pk)
        return COMPLETED

    def work() -> None:
        try:
            Worker(manager_with(launch), drain=True, poll_interval=0.01, name=threading.current_thread().name).run()
        finally:
            connection.close()

    jobs = ContainerJob.objects.bulk_create(ContainerJob() for _ in range(40))
    manager_with(launch).queue_jobs(jobs)
    workers = [threading.Thread(target=work, name=f"worker-{number}") for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(PATIENCE_SECONDS)
    assert sorted(launches) == [job.pk for job in jobs]
    assert set(ContainerJob.objects.values_list("status", "retry_count")) == {("completed", 0)}


@pytest.mark.postgresql
@pytest.mark.usefixtures("strict_isolation")
def test_the_queue_limit_holds_also_where_a_claim_reads_what_was_committed_before_it_waited() -> None:
    manager = manager_with(lambda job: COMPLETED, queue_limit=1)
    first, second = (ContainerJob.objects.create() for _ in range(2))
    manager.queue_jobs([first, second])
    claims: list[Any] = []

    def claim_too() -> None:
        try:
            with suppress(OperationalError):  # a serialization failure, after which a worker tries again
                assert not manager.claims.claim(second, "host:2:b", manager.clock())
        finally:
            connection.close()

    other = threading.Thread(target=claim_too)
    with transaction.atomic(), connection.cursor() as cursor:
        claims += manager.claim_next_batch(1, "host:1:a")
        other.start()
        waiting = (0,)
        while waiting == (0,):
            cursor.execute(WAITING_SESSIONS[connection.vendor])
            waiting = cursor.fetchone()
    other.join(PATIENCE_SECONDS)
    assert claims == [first]
    assert ContainerJob.objects.filter(status="launching").count() == 1
    assert not manager.claims.claim(second, "host:2:b", manager.clock())


ENOUGH_FAILURES = 3


class Watch(logging.Handler):
    """Calls ``act`` once the database has refused so many times."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self._act = act
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if "does not answer" in record.getMessage():
            self.said.append(record.getMessage())
            if len(self.said) == ENOUGH_FAILURES:
                self._act()


def test_writes_its_result_when_a_full_disk_has_room_again() -> None:
    """On SQLite: the file may have no more pages than it has, and the error's text needs some."""
    if connection.vendor != "sqlite":
        pytest.skip("needs SQLite, whose file can be kept from growing; PostgreSQL has a test of its own")
    full = threading.Event()

    def open_with_limit(connection: Any, **_: Any) -> None:
        pages = connection.connection.execute("PRAGMA page_count").fetchone()[0]
        connection.connection.execute(f"PRAGMA max_page_count = {pages if full.is_set() else 1_000_000_000}")

    def launch(job: ContainerJob) -> Any:
        full.set()
        connection.close()
        return failed(secrets.token_hex(40_000))

    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # what earlier tests have deleted leaves pages that can be written still
    manager = manager_with(launch, classifier=None)
    job = manager.queue_job(ContainerJob.objects.create(max_retries=1))
    watch = Watch(full.clear)
    logger = logging.getLogger("job_retry.worker")
    logger.addHandler(watch)
    connection_created.connect(open_with_limit)
    try:
        summary = Worker(manager, drain=True, poll_interval=0.01).run()
    finally:
        connection_created.disconnect(open_with_limit)
        logger.removeHandler(watch)
        connection.close()
    assert summary.dead_lettered == 1
    assert len(watch.said) >= ENOUGH_FAILURES
    assert "database or disk is full" in watch.said[0]
    job.refresh_from_db()
    assert (job.status, job.retry_count, job.attempt_serial) == ("failed", 1, 1)
