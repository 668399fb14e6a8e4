"""An idle worker on PostgreSQL starts at once what becomes ready, without looking for it in vain."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from job_retry import RetryStrategy
from job_retry.django import outages
from job_retry.django.queue import JobQueueManager
from job_retry.django.settings import get_queue_settings
from job_retry.django.testing import COMPLETED
from job_retry.django.worker import Worker, listening

from tests.app.models import ContainerJob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from job_retry.django.attempts import LaunchResult
    from job_retry.django.worker import WorkerSummary

PATIENCE_SECONDS = 30
"""When a test gives up; it never waits that long unless something is broken."""
NEVER = 1000 * PATIENCE_SECONDS

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL, which has NOTIFY"),
]


class Watch:
    """An observer: tells another thread of each turn."""

    def __init__(self) -> None:
        self.turns: SimpleQueue[None] = SimpleQueue()

    def started(self, worker: Worker) -> None: ...

    def finished(self, job: Any, result: LaunchResult) -> None: ...

    def turn(self) -> None:
        self.turns.put(None)

    def stopped(self, summary: WorkerSummary) -> None: ...


class IdleWorker:
    """A worker that looks for nothing by itself any more, in a thread of its own."""

    def __init__(self, **options: Any) -> None:
        self.launched: SimpleQueue[str] = SimpleQueue()
        self.watch = Watch()
        configured = replace(get_queue_settings(), **options)
        self.manager = JobQueueManager(ContainerJob, self.launch, options=configured)
        self.manager.renew_seconds = NEVER
        self.worker = Worker(self.manager, poll_interval=NEVER, observer=self.watch)

    def launch(self, job: ContainerJob) -> dict[str, Any]:
        self.launched.put(job.name)
        return COMPLETED

    def launches(self) -> str:
        """Wait for the next launch and return the job's name."""
        return self.launched.get(timeout=PATIENCE_SECONDS)

    def has_looked(self, times: int) -> None:
        """Wait until it has."""
        for _ in range(times):
            self.watch.turns.get(timeout=PATIENCE_SECONDS)

    @contextmanager
    def at_work(self, looks: int = 2) -> Iterator[IdleWorker]:
        """Let it work meanwhile. It looks at its start, and when it has begun to listen."""

        def run() -> None:
            self.worker.run()
            connection.close()

        thread = threading.Thread(target=run, name="worker")
        thread.start()
        try:
            self.has_looked(looks)
            yield self
        finally:
            self.worker.stop()
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()


def listeners() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("listening-")]


def pending(name: str = "job") -> ContainerJob:
    return ContainerJob.objects.create(name=name)


def failed(manager: JobQueueManager) -> Any:
    [job] = claimed(manager)
    manager.fail(job, "no such image")
    return job


def claimed(manager: JobQueueManager) -> list[Any]:
    """Return a job that another worker holds, of which the one at work hears nothing."""
    values = {"status": "queued", "queued_at": manager.clock()}
    ContainerJob.objects.filter(pk=pending().pk).update(**values)
    return manager.claim_next_batch(1, "host:1:other")


def lost(manager: JobQueueManager) -> None:
    [job] = claimed(manager)
    ended = manager.clock() - timedelta(seconds=1)
    ContainerJob.objects.filter(pk=job.pk).update(lease_expires_at=ended)


# What somebody else prepares, of which nobody is told, and then does.
ACTS: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]] = {
    "queued": (lambda _: pending(), lambda manager, job: manager.queue_job(job)),
    "queued with others": (lambda _: pending(), lambda manager, job: manager.queue_jobs([job])),
    "retried": (failed, lambda manager, job: manager.retry_failed_job(job)),
    "given back": (claimed, lambda manager, jobs: manager.release_claims(jobs)),
    "rescued": (lost, lambda manager, _: manager.rescue_lost_jobs()),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_job_is_started_at_once_when_it_is(act: str) -> None:
    prepare, perform = ACTS[act]
    other = JobQueueManager(ContainerJob, lambda job: COMPLETED)
    # What is lost meanwhile it does not look for: that it has done at its start.
    with IdleWorker().at_work() as idle:
        perform(other, prepare(other))
        assert idle.launches() == "job"
    assert ContainerJob.objects.get().status == "completed"


def test_jobs_are_started_one_by_one_as_they_come() -> None:
    with IdleWorker(max_concurrent=1).at_work() as idle:
        for number in range(5):
            idle.manager.queue_job(pending(f"job {number}"))
            assert idle.launches() == f"job {number}"
    assert listeners() == []


@contextmanager
def no_new_connections() -> Iterator[None]:
    """Have the server refuse new sessions in the database of the test; those that are open go on."""
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    connection.ensure_connection()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            yield
        finally:
            cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


class Reports(logging.Handler):
    """Tells another thread what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: SimpleQueue[str] = SimpleQueue()

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.put(record.getMessage())


@contextmanager
def reported() -> Iterator[SimpleQueue[str]]:
    reports = Reports()
    logger = logging.getLogger("job_retry.worker")
    logger.addHandler(reports)
    try:
        yield reports.messages
    finally:
        logger.removeHandler(reports)


def end_the_listening_session() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND query LIKE 'LISTEN job_retry%%'"
        )
        assert cursor.fetchall() == [(True,)]


def test_jobs_queued_while_it_could_not_listen_are_started_when_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "BACKOFF", RetryStrategy(max_attempts=9, base_delay=0.001, max_delay=0.001))
    with reported() as reports, IdleWorker().at_work() as idle:
        with no_new_connections():
            end_the_listening_session()
            assert "the worker listens again in" in reports.get(timeout=PATIENCE_SECONDS)
            assert "not currently accepting connections" in reports.get(timeout=PATIENCE_SECONDS)
            idle.manager.queue_job(pending())
        assert idle.launches() == "job"
        idle.manager.queue_job(pending("another"))
        assert idle.launches() == "another"


def test_where_it_does_not_listen_it_looks() -> None:
    idle = IdleWorker(listen=False)
    idle.worker.poll_interval = 0.01
    with idle.at_work():
        assert listeners() == []
        idle.manager.queue_job(pending())
        assert idle.launches() == "job"


def test_it_listens_with_a_connection_that_is_no_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {**connection.settings_dict["OPTIONS"], "pool": True, "application_name": "as the settings say"}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    monkeypatch.setitem(connection.settings_dict, "AUTOCOMMIT", False)
    own = listening._own_connection("default")
    try:
        assert own.connection.autocommit
        assert own.connection.info.get_parameters()["application_name"] == "as the settings say"
    finally:
        own.close()
    assert connection.settings_dict["OPTIONS"]["pool"] is True
