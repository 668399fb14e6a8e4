"""What a launch has to do with transactions and connections: the manager opens none around it, and outlives one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction
from django.test import TestCase
from job_retry.django.testing import COMPLETED, STARTED, failed

from tests.app.models import ContainerJob
from tests.queue.support import assert_invariants, assert_shows_its_row, manager_for, queued_job, row

if TYPE_CHECKING:
    from job_retry.django.models import RetryableJob

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_launch_inside_a_transaction_is_refused_with_the_way_out() -> None:
    manager = manager_for()
    job = queued_job(manager)
    (claimed,) = manager.claim_next_batch(1)
    for launch in (
        lambda: manager.launch_job_with_retry(job),
        manager.launch_next_batch,
        lambda: manager.launch_claimed_job(claimed),
    ):
        with transaction.atomic(), pytest.raises(RuntimeError, match=r"transaction\.on_commit"):
            launch()
        connection.set_autocommit(False)
        try:
            with pytest.raises(RuntimeError, match="inside a transaction"):
                launch()
        finally:
            connection.rollback()
            connection.set_autocommit(True)
    assert row(job).status == "launching"


def test_the_way_out_works() -> None:
    manager = manager_for(lambda job: STARTED)
    with transaction.atomic():
        job = queued_job(manager)
        transaction.on_commit(lambda: manager.launch_job_with_retry(job))
    assert row(job).status == "running"


def test_no_transaction_is_open_during_a_launch() -> None:
    def launch(job: RetryableJob) -> dict[str, Any]:
        assert not connection.in_atomic_block
        assert connection.get_autocommit()
        return COMPLETED

    manager = manager_for(launch)
    job = queued_job(manager)
    assert manager.launch_job_with_retry(job)["success"]


def test_other_methods_work_in_any_transaction() -> None:
    manager = manager_for(lambda job: failed("Connection refused"))
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    with transaction.atomic():
        manager.retry_failed_job(job)
        (claimed,) = manager.claim_next_batch(1)
        manager.fail(claimed, "Image not found")
        manager.retry_failed_job(claimed)
        manager.dequeue_job(claimed)
        manager.queue_job(claimed)
        manager.cancel(claimed)
        transaction.set_rollback(True)
    assert row(job).status == "retrying"
    assert_invariants()


def leave_autocommit_off(job: RetryableJob) -> None:
    connection.set_autocommit(False)
    ContainerJob.objects.filter(pk=job.pk).update(name="never committed")


def leave_a_block_open(job: RetryableJob) -> None:
    transaction.atomic().__enter__()
    ContainerJob.objects.filter(pk=job.pk).update(name="never committed")


def close_the_connection(job: RetryableJob) -> None:
    connection.close()


def break_the_block(job: RetryableJob) -> None:
    with transaction.atomic():
        ContainerJob.objects.filter(pk=job.pk).update(name="never committed")
        transaction.set_rollback(True)


@pytest.mark.parametrize("harm", [leave_autocommit_off, leave_a_block_open, close_the_connection, break_the_block])
@pytest.mark.parametrize("result", [STARTED, COMPLETED, failed("Connection refused")])
def test_a_launcher_that_leaves_its_connection_in_disorder(harm: Any, result: Any) -> None:
    def launch(job: RetryableJob) -> Any:
        harm(job)
        return result

    manager = manager_for(launch)
    job = queued_job(manager, name="as it was")
    assert manager.launch_job_with_retry(job)["success"] == result["success"]
    assert not connection.in_atomic_block
    assert connection.get_autocommit()
    assert row(job).name == "as it was"
    assert_shows_its_row(job)
    assert_invariants()


def test_a_connection_that_works_is_kept_from_job_to_job() -> None:
    """Also with Django's default of no persistent connections, which `close_old_connections` would close."""
    manager = manager_for(lambda job: STARTED)
    first, second = queued_job(manager), queued_job(manager)
    before = connection.connection
    assert connection.settings_dict["CONN_MAX_AGE"] == 0
    manager.launch_job_with_retry(first)
    manager.launch_job_with_retry(second)
    assert connection.connection is before


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL, where one session can end another")
@pytest.mark.parametrize("result", [STARTED, COMPLETED, failed("Connection refused")])
def test_a_connection_that_the_server_drops_during_a_launch_loses_no_result(result: Any) -> None:
    import psycopg

    def launch(job: RetryableJob) -> Any:
        process = connection.connection.info.backend_pid
        parameters = connection.get_connection_params()
        names = ("host", "port", "user", "password", "dbname")
        with psycopg.connect(**{name: parameters[name] for name in names if parameters.get(name)}) as other:
            other.execute("SELECT pg_terminate_backend(%s, 10000)", [process])
        return result

    manager = manager_for(launch)
    job = queued_job(manager)
    assert manager.launch_job_with_retry(job)["success"] == result["success"]
    assert row(job).retry_count == (0 if result["success"] else 1)
    assert_invariants()


class TestCaseTests(TestCase):
    """Everything runs inside the transaction of Django's own test case."""

    def test_a_launch_runs_in_a_savepoint(self) -> None:
        inside: list[bool] = []

        def launch(job: RetryableJob) -> dict[str, Any]:
            inside.append(connection.in_atomic_block)
            ContainerJob.objects.filter(pk=job.pk).update(name="kept")
            return COMPLETED

        manager = manager_for(launch)
        job = queued_job(manager)
        assert manager.launch_job_with_retry(job)["success"]
        assert inside == [True]
        assert (row(job).name, row(job).status) == ("kept", "completed")

    def test_a_further_transaction_is_refused_here_too(self) -> None:
        manager = manager_for()
        job = queued_job(manager)
        with transaction.atomic(), pytest.raises(RuntimeError, match="inside a transaction"):
            manager.launch_job_with_retry(job)
        assert row(job).status == "queued"
