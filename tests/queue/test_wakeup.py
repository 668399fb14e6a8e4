"""What PostgreSQL is asked to tell the workers: once a transaction, when it is committed, that jobs are ready."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import takewhile
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st
from job_retry.django.admin.actions import QUEUE, RELEASE_CLAIM, RETRY, RETRY_AFRESH, carry_out
from job_retry.django.settings import get_queue_settings
from job_retry.django.wakeup import channel_of

from tests.app.models import ContainerJob, ReportJob
from tests.queue.support import manager_for, queued_job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from job_retry.django.queue import JobQueueManager

on_postgresql = [
    pytest.mark.postgresql,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL, which has NOTIFY"),
]


def postgresql(test: Any) -> Any:
    for mark in on_postgresql:
        test = mark(test)
    return test


class Ear:
    """Another session, which listens."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.session = connection.copy()
        self._say(f"LISTEN {channel}")

    def _say(self, sql: str) -> None:
        with self.session.cursor() as cursor:
            cursor.execute(sql)

    def heard(self) -> int:
        """Return how many messages have been committed since the last call."""
        self._say(f"NOTIFY {self.channel}, 'the last one'")  # they come in the order of the commits
        messages = (message.payload for message in self.session.connection.notifies())
        return sum(1 for _ in takewhile(lambda payload: payload != "the last one", messages))


@contextmanager
def listening(manager: JobQueueManager) -> Iterator[Ear]:
    ear = Ear(manager.claims.wake_up.channel)
    try:
        yield ear
    finally:
        ear.session.close()


def pending(manager: JobQueueManager) -> Any:
    return ContainerJob.objects.create()


def queued(manager: JobQueueManager) -> Any:
    return queued_job(manager)


def claimed(manager: JobQueueManager) -> Any:
    queued_job(manager)
    [job] = manager.claim_next_batch(1, "host:1:a")
    return job


def claimed_with_another(manager: JobQueueManager) -> Any:
    queued_job(manager)
    queued_job(manager)
    return manager.claim_next_batch(2, "host:1:a")


def running(manager: JobQueueManager) -> Any:
    job = claimed(manager)
    job.mark_as_running()
    return job


def lost(manager: JobQueueManager) -> Any:
    job = claimed(manager)
    manager.clock.advance(61)  # type: ignore[attr-defined]
    return job


def costly(manager: JobQueueManager) -> Any:
    manager.max_worker_losses = 1
    return lost(manager)


def failed(manager: JobQueueManager) -> Any:
    job = claimed(manager)
    assert manager.fail(job, "no such image")
    assert job.status == "failed"
    return job


def retrying(manager: JobQueueManager) -> Any:
    job = claimed(manager)
    assert manager.fail(job, "connection refused")
    assert job.status == "retrying"
    return job


def in_admin(action: Any) -> Callable[[Any, Any], Any]:
    def act(manager: Any, job: Any) -> None:
        [outcome] = carry_out(action, manager, ContainerJob, [job.pk])
        assert not outcome.skipped

    return act


def by_command(manager: Any, job: Any) -> None:
    call_command("release_claim", "--job", str(job.pk))


def after_an_outage(manager: Any, job: Any) -> None:
    with pytest.raises(OperationalError), manager.claims.given_back_on_outage(job):
        raise OperationalError
    assert manager.claims.settle_doubts(manager.clock) == 1


def in_an_hour(manager: Any) -> Any:
    return manager.clock() + timedelta(hours=1)


# What is done to a job in which state, and how many messages that makes.
ACTS: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], Any], int]] = {
    "queued": (pending, lambda manager, job: manager.queue_job(job), 1),
    "queued, due long ago": (pending, lambda m, job: m.queue_job(job, m.clock() - timedelta(days=1)), 1),
    "queued for later": (pending, lambda m, job: m.queue_job(job, in_an_hour(m)), 0),
    "queued with others": (pending, lambda manager, job: manager.queue_jobs([job, pending(manager)]), 1),
    "queued with none": (pending, lambda manager, job: manager.queue_jobs([]), 0),
    "retried": (failed, lambda manager, job: manager.retry_failed_job(job), 1),
    "retried before it is due": (retrying, lambda manager, job: manager.retry_failed_job(job), 1),
    "given back": (claimed, lambda manager, job: manager.release_claim(job), 1),
    "given back with others": (claimed_with_another, lambda manager, jobs: manager.release_claims(jobs), 1),
    "given back while it ran": (running, lambda manager, job: manager.release_claim(job), 1),
    "not claimed": (queued, lambda manager, job: manager.release_claim(job), 0),
    "given back after an outage": (claimed, after_an_outage, 1),
    "given back by the command": (claimed, by_command, 1),
    "rescued": (lost, lambda manager, job: manager.rescue_lost_jobs(), 1),
    "not to be rescued": (costly, lambda manager, job: manager.rescue_lost_jobs(), 0),
    "queued in the admin": (pending, in_admin(QUEUE), 1),
    "retried in the admin": (failed, in_admin(RETRY), 1),
    "retried afresh in the admin": (failed, in_admin(RETRY_AFRESH), 1),
    "released in the admin": (claimed, in_admin(RELEASE_CLAIM), 1),
    "taken out": (queued, lambda manager, job: manager.dequeue_job(job), 0),
    "cancelled": (queued, lambda manager, job: manager.cancel(job), 0),
    "claimed": (queued, lambda manager, job: manager.claim_next_batch(1), 0),
    "completed": (running, lambda manager, job: manager.complete(job), 0),
    "failed": (running, lambda manager, job: manager.fail(job, "connection refused"), 0),
}


@postgresql
def test_workers_are_told_of_jobs_that_become_ready() -> None:
    heard = {}
    for act, (prepare, perform, _) in ACTS.items():
        ContainerJob.objects.all().delete()
        manager = manager_for()
        job = prepare(manager)
        with listening(manager) as ear:
            perform(manager, job)
            heard[act] = ear.heard()
    assert heard == {act: messages for act, (_, _, messages) in ACTS.items()}


@postgresql
def test_a_transaction_sends_one_message_when_it_is_committed() -> None:
    manager = manager_for()
    with listening(manager) as ear:
        for _ in range(2):
            with transaction.atomic():
                for _ in range(3):
                    queued_job(manager)
                    with transaction.atomic():
                        manager.queue_jobs([pending(manager)])
                assert ear.heard() == 0
            assert ear.heard() == 1


@postgresql
def test_what_is_rolled_back_is_not_told() -> None:
    manager = manager_for()
    with listening(manager) as ear:
        with transaction.atomic():
            queued_job(manager)
            transaction.set_rollback(True)
        assert ear.heard() == 0
        with transaction.atomic():
            with transaction.atomic():
                queued_job(manager)
                transaction.set_rollback(True)
            queued_job(manager)
            with transaction.atomic():
                queued_job(manager)
                transaction.set_rollback(True)
        assert ear.heard() == 1


@postgresql
def test_in_a_transaction_that_django_does_not_see_postgresql_waits_for_its_end() -> None:
    manager = manager_for()
    with listening(manager) as ear:
        connection.set_autocommit(False)
        try:
            queued_job(manager)
            connection.rollback()
            assert ear.heard() == 0
            queued_job(manager)
            assert ear.heard() == 0
            connection.commit()
            assert ear.heard() == 1
        finally:
            connection.rollback()
            connection.set_autocommit(True)


@postgresql
def test_each_queue_has_a_channel_of_its_own() -> None:
    manager = manager_for()
    reports = type(manager)(ReportJob, lambda job: None)
    with listening(reports) as ear:
        queued_job(manager)
        assert ear.heard() == 0


@postgresql
def test_nobody_is_told_where_workers_do_not_listen() -> None:
    manager = manager_for(options=replace(get_queue_settings(), listen=False))
    job = claimed(manager)
    with listening(manager) as ear:
        manager.release_claim(job)
        queued_job(manager)
        assert ear.heard() == 0


@postgresql
def test_a_message_that_cannot_be_sent_is_nobodys_trouble(caplog: pytest.LogCaptureFixture) -> None:
    manager = manager_for()

    def cut(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "pg_notify" in sql:
            with ear.session.cursor() as cursor:
                pid = connection.connection.info.backend_pid
                cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
        return execute(sql, params, many, context)

    with listening(manager) as ear, caplog.at_level(logging.WARNING), connection.execute_wrapper(cut):
        with transaction.atomic():
            job = queued_job(manager)
        assert ear.heard() == 0
        assert "Workers could not be told of new jobs; they find them by themselves: OperationalError" in caplog.text
        assert list(manager.get_ready_jobs()) == [job]


@pytest.mark.django_db
def test_a_test_case_that_never_commits_may_queue_jobs() -> None:
    manager = manager_for()
    job = queued_job(manager)
    assert list(manager.get_ready_jobs()) == [job]


TABLES = ["app_job", 'weird "name"', "jobs'; DROP TABLE jobs; --", '"schema"."table"', "%s", "Größe", "x" * 63, ""]


def channel(table: str) -> str:
    model: Any = SimpleNamespace(_meta=SimpleNamespace(db_table=table))
    return channel_of(model)


@given(st.lists(st.one_of(st.sampled_from(TABLES), st.text()), unique=True))
def test_a_channel_has_a_name_that_needs_no_quotes_whatever_the_table_is_called(tables: list[str]) -> None:
    channels = [channel(table) for table in tables]
    assert len(set(channels)) == len(tables)
    for name in channels:
        assert name.isascii()
        assert name.isidentifier()
        assert name == name.lower()
        assert len(name) <= 63


def test_a_channel_keeps_its_name() -> None:
    """Programs of different releases talk to each other while they are replaced."""
    assert channel("app_containerjob") == "job_retry_eb5372ad09dede720b1ced328336810e"


@pytest.mark.django_db
def test_workers_listen_where_they_can(monkeypatch: pytest.MonkeyPatch) -> None:
    wake_up = manager_for().claims.wake_up
    assert wake_up.can_be_heard == (connection.vendor == "postgresql")
    if connection.vendor == "postgresql":
        monkeypatch.setattr("django.db.backends.postgresql.psycopg_any.is_psycopg3", False)
        assert not wake_up.can_be_heard
