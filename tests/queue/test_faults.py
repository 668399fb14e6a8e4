"""Faults of hand-written retry queues, by their number in the catalogue; here none of them is left.

On the database that the run names, with real commits.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import ExitStack, suppress
from datetime import timedelta
from subprocess import PIPE
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from job_retry import RETRY_STRATEGIES, ErrorClassifier
from job_retry.django.states import Status
from job_retry.django.testing import COMPLETED, STARTED, ManualClock, ScriptedLauncher, drain, failed

from tests.app.models import ContainerJob
from tests.queue.support import assert_invariants, assert_shows_its_row, manager_for, queued_job, row
from tests.worker.processes import command

if TYPE_CHECKING:
    from pathlib import Path

    from job_retry.django.models import RetryableJob

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "message",
    ["docker daemon not " * 50_000, "connection " * 200_000, "image " * 200_000, "docker" * 300_000 + "daemon"],
    ids=lambda message: message[:12],
)
def test_fault_1_a_hostile_message_does_not_hold_the_queue(message: str) -> None:
    """Hours, where the time grows with the cube of the length; the run's time limit would end it."""
    manager = manager_for(ScriptedLauncher(failed(message)))
    job = queued_job(manager)
    assert manager.launch_job_with_retry(job)["retry_scheduled"]
    assert row(job).status == Status.RETRYING


def test_fault_2_a_retry_that_succeeds_is_launched_once_and_runs() -> None:
    launcher, clock = ScriptedLauncher(failed("Connection refused"), STARTED), ManualClock()
    manager = manager_for(launcher, clock=clock)
    job = queued_job(manager)
    drain(manager, clock=clock)
    for _ in range(25):
        clock.advance(60)
        assert manager.launch_next_batch()["launched"] == 0
    assert launcher.attempts(job) == 2
    assert row(job).status == Status.RUNNING
    assert_invariants()


@pytest.mark.parametrize("error", ["Image not found", "Connection refused"])
def test_fault_3_an_executor_that_sets_failed_itself_is_believed(error: str) -> None:
    def launch(job: RetryableJob) -> dict[str, Any]:
        row(job).transition_to("failed")
        return failed(error)

    manager = manager_for(launch)
    job = queued_job(manager)
    result = manager.launch_job_with_retry(job)
    expected = Status.FAILED if error == "Image not found" else Status.RETRYING
    assert result["retry_scheduled"] == (expected is Status.RETRYING)
    assert (row(job).status, row(job).retry_count, row(job).last_error) == (expected, 1, error)
    assert_shows_its_row(job)
    assert_invariants()


def test_fault_4_batches_schedule_retries_and_bury_the_dead() -> None:
    clock = ManualClock()
    manager = manager_for(ScriptedLauncher(failed("Connection refused")), clock=clock)
    job = queued_job(manager)
    statuses = []
    for _ in range(RETRY_STRATEGIES["default"].max_attempts):
        result = manager.launch_next_batch()
        assert (result["launched"], len(result["errors"])) == (0, 1)
        statuses.append(row(job).status)
        clock.advance(60)
    assert statuses == ["retrying", "retrying", "failed"]
    assert list(manager.get_failed_jobs()) == [job]
    assert manager.launch_next_batch() == {"launched": 0, "errors": []}
    assert_invariants()


def test_fault_5_a_dead_letter_retried_without_a_new_count_gets_one_attempt() -> None:
    clock = ManualClock()
    launcher = ScriptedLauncher(failed("Connection refused"))
    manager = manager_for(launcher, clock=clock)
    job = queued_job(manager)
    drain(manager, clock=clock)
    assert (row(job).status, launcher.attempts(job)) == ("failed", 3)
    job.refresh_from_db()
    manager.retry_failed_job(job, reset_count=False)
    assert list(manager.get_ready_jobs()) == [job]
    drain(manager, clock=clock)
    assert (row(job).status, launcher.attempts(job), row(job).retry_count) == ("failed", 4, 4)


def test_fault_6_eight_processes_launch_each_of_2000_jobs_once(tmp_path: Path) -> None:
    jobs = ContainerJob.objects.bulk_create(ContainerJob() for _ in range(2_000))
    manager_for(clock=None).queue_jobs(jobs)
    log = tmp_path / "launches"
    log.touch()
    with ExitStack() as stack:
        crowd = [
            stack.enter_context(command("tests.queue.crowd", str(log), program=("-m",), stdin=PIPE)) for _ in range(8)
        ]
        for worker in crowd:
            assert worker.stdout.readline() == "ready\n", worker.stdout.read()
        for worker in crowd:
            worker.stdin.write("begin\n")
            worker.stdin.flush()
        shares = [worker.stdout.read().strip() for worker in crowd]
        assert [worker.wait() for worker in crowd] == [0] * 8, shares
    launches = Counter(log.read_text().split())
    assert launches == Counter(str(job.pk) for job in jobs)
    assert sum(map(int, shares)) == 2_000
    assert set(ContainerJob.objects.values_list("status", "retry_count", "attempt_serial")) == {("completed", 0, 1)}


@pytest.mark.parametrize(
    ("error", "stored", "status"),
    [
        ("image \x00 not found", "image \\x00 not found", "failed"),
        ("connection refused \ud800", "connection refused \\ud800", "retrying"),
        (b"permission denied: /srv/caf\xe9", "permission denied: /srv/caf\\xe9", "failed"),
        (PermissionError(13, "Permission denied"), "PermissionError: [Errno 13] Permission denied", "failed"),
        (None, "Unknown error: launcher returned {'success': False, 'error': None}", "retrying"),
    ],
)
def test_fault_7_any_error_can_be_stored_and_counts(error: object, stored: str, status: str) -> None:
    manager = manager_for(ScriptedLauncher(failed(error)))
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    assert (row(job).last_error, row(job).status, row(job).retry_count) == (stored, status, 1)


@pytest.mark.parametrize("returned", [None, 0, "started", {}, []])
def test_fault_7_a_launcher_that_returns_no_result_has_failed(returned: object) -> None:
    manager = manager_for(lambda job: returned)
    job = queued_job(manager)
    assert manager.launch_job_with_retry(job)["error"] == f"Unknown error: launcher returned {returned!r}"
    assert row(job).status == Status.RETRYING


def _break(job: RetryableJob) -> None:
    """Insert a second row of the same key, with no block of its own around it."""
    ContainerJob(pk=job.pk).save(force_insert=True)


def _break_inside_a_block(job: RetryableJob) -> None:
    with transaction.atomic():
        _break(job)


def _hide_the_error(job: RetryableJob) -> dict[str, Any]:
    with suppress(IntegrityError):
        _break(job)
    return failed("Connection refused")


def _meet_it_again(job: RetryableJob) -> dict[str, Any]:
    with suppress(IntegrityError):
        _break(job)
    assert ContainerJob.objects.exists()  # an error where the transaction is broken
    return failed("Connection refused")


def _break_past_the_models(job: RetryableJob) -> dict[str, Any]:
    with suppress(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")
    return failed("Connection refused")


HARM = [_break, _break_inside_a_block, _hide_the_error, _meet_it_again, _break_past_the_models]


@pytest.mark.parametrize("launch", HARM)
def test_fault_8_a_database_error_in_the_launch_costs_one_attempt(launch: Any) -> None:
    manager = manager_for(launch, classifier=ErrorClassifier)  # which sees no end in a key that exists twice
    job = queued_job(manager)
    assert manager.launch_job_with_retry(job)["retry_scheduled"]
    assert (row(job).status, row(job).retry_count) == ("retrying", 1)
    assert_shows_its_row(job)
    assert_invariants()


@pytest.mark.django_db(transaction=False)
@pytest.mark.parametrize("launch", HARM)
def test_fault_8_also_inside_the_transaction_of_a_test_case(launch: Any) -> None:
    assert connection.in_atomic_block
    test_fault_8_a_database_error_in_the_launch_costs_one_attempt(launch)


def test_fault_9_nobody_waits_for_the_row_of_a_job_that_is_launched() -> None:
    """Another session writes the row while the launcher is at work; a lock would show as an error at once."""

    def launch(job: RetryableJob) -> dict[str, Any]:
        other = threading.Thread(target=write_the_row, args=(job,))
        other.start()
        other.join()
        return {"success": True}

    failures = []

    def write_the_row(job: RetryableJob) -> None:
        try:
            with transaction.atomic():
                jobs = ContainerJob.objects.filter(pk=job.pk)
                if connection.features.has_select_for_update_nowait:
                    jobs.select_for_update(nowait=True).get()
                jobs.update(name="written during the launch")
        except DatabaseError as error:
            failures.append(error)
        finally:
            connections.close_all()

    manager = manager_for(launch)
    job = queued_job(manager)
    assert manager.launch_job_with_retry(job)["success"]
    assert not failures
    assert row(job).name == "written during the launch"


def test_fault_10_broken_jobs_at_the_head_do_not_starve_the_others() -> None:
    broken_launches = 0

    def launch(job: RetryableJob) -> dict[str, Any]:
        nonlocal broken_launches
        broken_launches += job.name == "broken"
        return failed("Connection refused") if job.name == "broken" else COMPLETED

    clock = ManualClock()
    manager = manager_for(launch, clock=clock)
    for _ in range(10):
        queued_job(manager, name="broken")
    clock.advance(1)
    healthy = [queued_job(manager, name="healthy") for _ in range(10)]
    for _ in range(4):
        clock.advance(1)
        manager.launch_next_batch(max_concurrent=5)
    assert {row(job).status for job in healthy} == {"completed"}
    assert broken_launches == 10


def test_fault_11_jobs_that_fail_together_are_spread_by_jitter(settings: Any) -> None:
    settings.JOB_RETRY = {"JITTER": 0.1}
    manager = manager_for(ScriptedLauncher(failed("Connection refused")))
    now = manager.clock()
    jobs = ContainerJob.objects.bulk_create(ContainerJob() for _ in range(200))
    manager.queue_jobs(jobs)
    delays = {}
    for job in manager.claim_next_batch(200):
        result = manager.launch_claimed_job(job)
        delays[job.pk] = result["retry_in_seconds"]
        assert abs(job.scheduled_for - now - timedelta(seconds=result["retry_in_seconds"])) < timedelta(microseconds=1)
    strategy = RETRY_STRATEGIES["default"]
    assert len(set(delays.values())) == 200
    assert all(0 <= delay < 0.1 * strategy.base_delay for delay in delays.values())
    assert delays == {pk: strategy.jittered_delay(1, (pk, 1), jitter=0.1) for pk in delays}


def test_fault_11_without_jitter_the_schedule_is_exact() -> None:
    manager = manager_for(ScriptedLauncher(failed("Connection refused")))
    jobs = [queued_job(manager) for _ in range(3)]
    assert {manager.launch_job_with_retry(job)["retry_in_seconds"] for job in jobs} == {0.0}


@pytest.mark.parametrize("error", [TimeoutError(), TimeoutError("")])
def test_fault_12_an_exception_without_a_message_says_its_name(error: Exception) -> None:
    manager = manager_for(ScriptedLauncher(error))
    job = queued_job(manager)
    assert manager.launch_job_with_retry(job)["error"] == "TimeoutError"
    assert row(job).last_error == "TimeoutError"
