"""Into the queue, out of it, back into it; in which order; and what the manager says of it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
from django.db import transaction
from job_retry.django.states import Status
from job_retry.django.testing import ManualClock, failed
from job_retry.django.times import in_time_zone

from tests.app.models import ContainerJob, ReportJob
from tests.queue.support import assert_invariants, assert_shows_its_row, manager_for, queued_job, row

pytestmark = pytest.mark.django_db

NOON = in_time_zone(datetime(2026, 3, 1, 12, tzinfo=timezone.utc))


def in_status(status: str, **fields: Any) -> Any:
    job = ContainerJob.objects.create(**fields)
    ContainerJob.objects.filter(pk=job.pk).update(status=status)
    return row(job)


# queue_job


def test_a_queued_job_is_ready_at_once() -> None:
    manager = manager_for(clock=ManualClock(NOON))
    job = ContainerJob.objects.create()
    assert manager.queue_job(job) is job
    assert (row(job).status, row(job).queued_at, row(job).scheduled_for) == ("queued", NOON, None)
    assert list(manager.get_ready_jobs()) == [job]
    assert_shows_its_row(job)
    assert_invariants()


def test_a_job_queued_for_later_is_not_ready_before() -> None:
    manager = manager_for(clock=ManualClock(NOON))
    job = manager.queue_job(ContainerJob.objects.create(), schedule_for=NOON + timedelta(hours=1), priority=90)
    assert (row(job).priority, row(job).scheduled_for) == (90, NOON + timedelta(hours=1))
    assert not manager.get_ready_jobs().exists()
    manager.clock = ManualClock(NOON + timedelta(hours=1))
    assert list(manager.get_ready_jobs()) == [job]


def test_a_naive_time_is_in_the_current_time_zone() -> None:
    manager = manager_for()
    job = manager.queue_job(ContainerJob.objects.create(), schedule_for=datetime(2030, 7, 1, 12))  # noqa: DTZ001
    assert row(job).scheduled_for == in_time_zone(datetime(2030, 7, 1, 10, tzinfo=timezone.utc))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("queued", "Job {pk} is already queued"),
        ("retrying", "Job {pk} is already queued"),
        ("completed", "Cannot queue completed job {pk}"),
        ("cancelled", "Cannot queue cancelled job {pk}"),
        ("timeout", "Cannot queue timeout job {pk}"),
        ("running", "Cannot queue running job {pk}"),
        ("launching", "Cannot queue launching job {pk}"),
        ("failed", "Cannot queue failed job {pk}; use retry_failed_job"),
    ],
)
def test_only_a_pending_job_can_be_queued(status: str, words: str) -> None:
    job = in_status(status)
    with pytest.raises(ValueError, match=f"^{words.format(pk=job.pk)}$"):
        manager_for().queue_job(job)
    assert row(job).status == status


@pytest.mark.parametrize("priority", [-1, 101, 50.0, "50", True])
def test_a_priority_out_of_range_is_named(priority: Any) -> None:
    job = ContainerJob.objects.create()
    with pytest.raises(ValueError, match=f"whole number from 0 to 100, not {priority!r}"):
        manager_for().queue_job(job, priority=priority)
    assert row(job).status == "pending"


def test_a_time_that_is_none_is_named() -> None:
    with pytest.raises(TypeError, match="not 'tomorrow'"):
        manager_for().queue_job(ContainerJob.objects.create(), schedule_for="tomorrow")  # type: ignore[arg-type]


def test_a_job_that_is_not_saved_cannot_be_queued() -> None:
    with pytest.raises(ValueError, match="not saved yet"):
        manager_for().queue_job(ContainerJob())
    with pytest.raises(ValueError, match="1 of 2 jobs are not saved yet"):
        manager_for().queue_jobs([ContainerJob(), ContainerJob.objects.create()])
    assert row(ContainerJob.objects.get()).status == "pending"


def test_a_job_that_has_moved_on_is_not_queued_again() -> None:
    manager = manager_for()
    job = ContainerJob.objects.create()
    stale = row(job)
    manager.queue_job(job)
    with pytest.raises(ValueError, match=f"Job {job.pk} is not pending any more; its status is queued"):
        manager.queue_job(stale)
    row(job).delete()
    with pytest.raises(ValueError, match="its status is deleted"):
        manager.queue_job(stale)


# queue_jobs


def test_many_jobs_are_queued_by_few_statements(django_assert_max_num_queries: Any) -> None:
    manager = manager_for(clock=ManualClock(NOON))
    jobs = ContainerJob.objects.bulk_create(ContainerJob() for _ in range(1_200))
    with django_assert_max_num_queries(8):
        assert manager.queue_jobs(iter(jobs)) == 1_200
    assert set(ContainerJob.objects.values_list("status", "queued_at")) == {("queued", NOON)}
    assert {job.status for job in jobs} == {"queued"}
    assert_shows_its_row(jobs[0])
    assert_invariants()
    assert manager.queue_jobs([]) == 0


def test_the_same_job_twice_is_one_job() -> None:
    job = ContainerJob.objects.create()
    assert manager_for().queue_jobs([job, row(job)]) == 1


def test_many_jobs_are_queued_all_or_none() -> None:
    jobs = ContainerJob.objects.bulk_create(ContainerJob() for _ in range(600))
    running = in_status("running")
    gone = ContainerJob.objects.create()
    row(gone).delete()
    manager = manager_for()
    with pytest.raises(ValueError, match=rf"nothing was written. Not pending: {running.pk} \(running\)"):
        manager.queue_jobs([*jobs, running])
    with pytest.raises(ValueError, match="Not pending: gone"):
        manager.queue_jobs([*jobs, gone])
    assert {job.status for job in jobs} == {"pending"}
    assert ContainerJob.objects.filter(status="pending").count() == 600


@pytest.mark.django_db(transaction=True)
def test_jobs_are_queued_in_the_callers_transaction() -> None:
    manager = manager_for()
    jobs = ContainerJob.objects.bulk_create(ContainerJob() for _ in range(3))
    with transaction.atomic():
        manager.queue_jobs(jobs)
        transaction.set_rollback(True)
    assert set(ContainerJob.objects.values_list("status", flat=True)) == {"pending"}


# dequeue_job, cancel


@pytest.mark.parametrize("status", ["queued", "retrying"])
def test_a_waiting_job_is_taken_out_of_the_queue(status: str) -> None:
    manager = manager_for(lambda job: failed("Connection refused"))
    job = queued_job(manager)
    if status == "retrying":
        manager.launch_job_with_retry(job)
    assert manager.dequeue_job(job) is None
    assert (row(job).status, row(job).retry_count, row(job).scheduled_for) == ("pending", 0, None)
    assert_shows_its_row(job)
    assert_invariants()
    manager.queue_job(job)


@pytest.mark.parametrize("status", sorted(set(Status.values) - {"queued", "retrying"}))
def test_what_does_not_wait_cannot_be_taken_out(status: str) -> None:
    job = in_status(status)
    with pytest.raises(ValueError, match=f"Job {job.pk} is not queued"):
        manager_for().dequeue_job(job)
    assert row(job).status == status


def test_a_job_that_was_claimed_meanwhile_cannot_be_taken_out() -> None:
    manager = manager_for()
    job = queued_job(manager)
    manager.claim_next_batch(1)
    with pytest.raises(ValueError, match="not queued any more; its status is launching"):
        manager.dequeue_job(job)


@pytest.mark.parametrize("status", Status.values)
def test_a_job_is_called_off_unless_it_has_ended(status: str) -> None:
    manager = manager_for()
    job = ContainerJob.objects.create()
    ContainerJob.objects.filter(pk=job.pk).update(status=status)
    if status in {"completed", "timeout", "cancelled"}:
        with pytest.raises(ValueError, match=f"Cannot cancel job in status: {status}"):
            manager.cancel(job)
    else:
        assert manager.cancel(job) is True
        assert row(job).status == "cancelled"
        assert_shows_its_row(job)
        assert_invariants()


# retry_failed_job, get_failed_jobs


@pytest.mark.parametrize("reset_count", [False, True])
@pytest.mark.parametrize("error", ["Connection refused", "Image not found"])
def test_a_failed_or_retrying_job_is_queued_again(error: str, reset_count: bool) -> None:
    manager = manager_for(lambda job: failed(error))
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    assert manager.retry_failed_job(job, reset_count=reset_count) is True
    present = row(job)
    assert (present.status, present.retry_count) == ("queued", 0 if reset_count else 1)
    cleared = (present.scheduled_for, present.last_error, present.last_error_at, present.failed_at)
    assert cleared == (None, None, None, None)
    assert (present.queued_at, present.error_fingerprint) == (manager.clock(), "")
    assert_shows_its_row(job)
    assert_invariants()


@pytest.mark.parametrize("status", sorted(set(Status.values) - {"failed", "retrying"}))
def test_no_other_job_can_be_retried(status: str) -> None:
    job = in_status(status)
    with pytest.raises(ValueError, match=f"^Cannot retry job in status: {status}$"):
        manager_for().retry_failed_job(job)
    assert row(job).status == status


def test_a_dead_letter_that_somebody_else_has_retried() -> None:
    manager = manager_for(lambda job: failed("Image not found"))
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    stale = row(job)
    manager.retry_failed_job(job)
    with pytest.raises(ValueError, match=r"^Cannot retry job in status: queued$"):
        manager.retry_failed_job(stale)


@pytest.mark.parametrize(("reset_count", "attempts"), [(False, 1), (True, 3)])
def test_an_exhausted_job_gets_one_attempt_or_all_of_them(reset_count: bool, attempts: int) -> None:
    clock = ManualClock()
    manager = manager_for(lambda job: failed("Connection refused"), clock=clock)
    job = queued_job(manager)

    def launches() -> int:
        count = 0
        while manager.launch_next_batch()["errors"]:
            clock.advance(60)
            count += 1
        return count

    assert launches() == 3
    manager.retry_failed_job(row(job), reset_count=reset_count)
    assert launches() == attempts
    assert (row(job).status, row(job).attempt_serial) == ("failed", 3 + attempts)


def test_dead_letters_come_latest_first_with_nulls_last() -> None:
    clock = ManualClock(NOON)
    manager = manager_for(lambda job: failed(job.command), clock=clock)
    errors = {"first": "Image not found", "retried": "Connection refused", "last": "Image not found"}
    for name, error in errors.items():
        manager.launch_job_with_retry(queued_job(manager, name=name, command=error))
        clock.advance(1)
    queued_job(manager)
    assert [job.name for job in manager.get_failed_jobs()] == ["last", "first"]
    assert [job.name for job in manager.get_failed_jobs(include_retrying=True)] == ["last", "first", "retried"]
    assert [job.name for job in ContainerJob.objects.dead_letters()] == ["last", "first"]


# Order


def test_the_order_is_priority_then_ready_since_then_key() -> None:
    manager = manager_for(clock=ManualClock(NOON))

    def waiting(name: str, priority: int, queued: int, scheduled: int | None = None) -> None:
        job = ContainerJob.objects.create(name=name, priority=priority)
        ContainerJob.objects.filter(pk=job.pk).update(
            status="queued" if scheduled is None else "retrying",
            queued_at=NOON + timedelta(seconds=queued),
            scheduled_for=None if scheduled is None else NOON + timedelta(seconds=scheduled),
        )

    waiting("5: a retry, queued first and due last", 50, -100, scheduled=-5)
    waiting("3: queued later", 50, -8)
    waiting("4: as the one before, a higher key", 50, -8)
    waiting("2: a retry that was due before", 50, -9, scheduled=-9)
    waiting("6: low priority", 10, -1_000)
    waiting("1: high priority", 90, -1)
    waiting("not due", 99, -1_000, scheduled=1)
    names = [job.name for job in manager.get_ready_jobs()]
    assert [name[0] for name in names] == ["1", "2", "3", "4", "5", "6"]
    assert [job.name for job in manager.get_ready_jobs(limit=2)] == names[:2]
    first = manager.get_ready_jobs()[0]
    assert [job.name for job in manager.get_ready_jobs(exclude_ids=[first.pk])] == names[1:]
    claimed = manager.claim_next_batch(4) + manager.claim_next_batch(4)
    assert [job.name for job in claimed] == names
    assert all(a.priority >= b.priority for a, b in pairwise(claimed))


def test_readiness_never_looks_at_the_count() -> None:
    manager = manager_for()
    job = queued_job(manager, retry_count=99, max_retries=1, worker_losses=9)
    assert list(manager.get_ready_jobs()) == manager.claim_next_batch(1) == [job]


# Numbers


def test_the_numbers_of_a_queue() -> None:
    manager = manager_for(clock=ManualClock(NOON))
    hour = timedelta(hours=1)
    rows = {"pending": 1, "queued": 2, "retrying": 3, "launching": 4, "running": 5, "failed": 6, "completed": 7}
    for status, count in rows.items():
        for _ in range(count):
            in_status(status)
    ContainerJob.objects.filter(status="retrying").update(scheduled_for=NOON + hour)
    ready, *_ = ContainerJob.objects.filter(status="retrying")
    ContainerJob.objects.filter(pk=ready.pk).update(scheduled_for=NOON - hour)
    assert manager.get_queue_stats() == {"queued": 3, "scheduled": 2, "running": 5, "launch_failed": 6}
    metrics = manager.get_worker_metrics()
    assert metrics.pop("workers") == []  # these rows are under no claim
    assert metrics == {
        "queue_depth": 5,
        "ready_now": 3,
        "scheduled_future": 2,
        "running": 5,
        "launch_failed": 6,
    }


def test_the_numbers_of_an_empty_queue_are_zero() -> None:
    manager = manager_for()
    metrics = manager.get_worker_metrics()
    assert metrics.pop("workers") == []
    assert set(manager.get_queue_stats().values()) == set(metrics.values()) == {0}


def test_the_metrics_show_who_holds_what_and_when_it_gave_a_sign_of_life() -> None:
    manager = manager_for(lambda job: {"success": True}, clock=ManualClock(NOON))
    manager.queue_jobs(ContainerJob.objects.bulk_create(ContainerJob() for _ in range(6)))
    manager.claim_next_batch(2, "alpha:17:c0ffee")
    [run] = manager.claim_next_batch(1, "alpha:17:c0ffee")
    manager.launch_claimed_job(run)
    manager.clock.advance(10)
    manager.claim_next_batch(3, "by another name")
    manager.claims.renew("alpha:17:c0ffee", NOON + timedelta(seconds=5))
    assert manager.get_worker_metrics()["workers"] == [
        {
            "name": "alpha:17:c0ffee",
            "host": "alpha",
            "pid": 17,
            "launching": 2,
            "running": 1,
            "renewed_at": NOON + timedelta(seconds=5),
        },
        {
            "name": "by another name",
            "host": "by another name",
            "pid": None,
            "launching": 3,
            "running": 0,
            "renewed_at": NOON + timedelta(seconds=10),
        },
    ]


def test_batches_leave_room_for_what_runs() -> None:
    manager = manager_for(lambda job: {"success": True})
    manager.queue_jobs(ContainerJob.objects.bulk_create(ContainerJob() for _ in range(5)))
    assert manager.launch_next_batch(max_concurrent=2) == {"launched": 2, "errors": []}
    assert manager.launch_next_batch(max_concurrent=2) == {"launched": 0, "errors": []}
    assert manager.launch_next_batch(max_concurrent=3) == {"launched": 1, "errors": []}


def test_named_queries() -> None:
    manager = manager_for(clock=ManualClock(NOON))
    ready, later = queued_job(manager), ContainerJob.objects.create()
    manager.queue_job(later, schedule_for=NOON + timedelta(seconds=1))
    ContainerJob.objects.create()
    assert set(ContainerJob.objects.waiting()) == {ready, later}
    assert list(ContainerJob.objects.ready(NOON)) == [ready]
    assert list(ContainerJob.objects.scheduled(NOON)) == [later]
    assert (ready.is_queued, later.is_queued) == (True, True)
    assert ReportJob.objects.waiting().count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("number", [-1, 1.5, "5", None])
def test_a_number_of_jobs_is_a_whole_number(number: Any) -> None:
    manager = manager_for()
    job = queued_job(manager)
    with pytest.raises(ValueError, match=f"max_concurrent must be a whole number, 0 or more, not {number!r}"):
        manager.launch_next_batch(number)
    if number is not None:
        with pytest.raises(ValueError, match=f"limit must be a whole number, 0 or more, not {number!r}"):
            manager.get_ready_jobs(limit=number)
    assert list(manager.get_ready_jobs(limit=0)) == list(manager.get_ready_jobs(limit=None)) == [job]
