"""Who holds a job: claiming, fencing, giving back, and the limit over all workers."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import connections, models
from django.test.utils import isolate_apps
from job_retry.django.claims import this_process
from job_retry.django.exceptions import StaleJob
from job_retry.django.querysets import JobQuerySet
from job_retry.django.settings import QueueSettings
from job_retry.django.testing import COMPLETED, STARTED, ManualClock, failed

from tests.app.models import ContainerJob, ReportJob
from tests.queue.support import assert_invariants, assert_shows_its_row, manager_for, queued_job, row

if TYPE_CHECKING:
    from job_retry.django.models import RetryableJob

pytestmark = pytest.mark.django_db


def limited(limit: int, launch: Any = None, **arguments: Any) -> Any:
    options = QueueSettings(name="limited", model="app.ContainerJob", launch="tests.app", queue_limit=limit)
    return manager_for(launch, options=options, **arguments)


def test_a_claim_names_its_holder_and_carries_a_token() -> None:
    manager = manager_for()
    job = queued_job(manager)
    (claimed,) = manager.claim_next_batch(5, holder="host:1")
    assert claimed == job
    assert (claimed.status, claimed.claimed_by, claimed.attempt_serial) == ("launching", "host:1", 1)
    assert claimed.claim_token is not None
    assert_shows_its_row(claimed)
    assert_invariants()
    assert list(manager.claims.held("host:1")) == list(manager.claims.held()) == [job]
    assert not manager.claims.held("host:2").exists()
    assert manager.claim_next_batch(5) == []


def test_by_default_the_holder_is_this_process() -> None:
    manager = manager_for()
    queued_job(manager)
    (claimed,) = manager.claim_next_batch(1)
    host, process, start = claimed.claimed_by.rsplit(":", 2)
    assert host
    assert process == str(os.getpid())
    assert start


def launching_by_transition(job: Any) -> Any:
    job.transition_to("launching")
    return job


def launching_by_attribute(job: Any) -> Any:
    job.status = "launching"
    job.save(update_fields=["status"])
    return job


def launching_from_the_start(job: Any) -> Any:
    return ContainerJob.objects.create(status="launching")


def launching_in_bulk(job: Any) -> Any:
    return ContainerJob.objects.bulk_create([ContainerJob(status="launching")])[0]


@pytest.mark.parametrize(
    "launching", [launching_by_transition, launching_by_attribute, launching_from_the_start, launching_in_bulk]
)
def test_a_job_set_to_launching_by_hand_is_held_by_this_process(launching: Any) -> None:
    manager = manager_for()
    job = launching(queued_job(manager))
    assert list(manager.claims.held(this_process())) == [job]
    assert job.attempt_serial == 1
    assert_shows_its_row(job)
    assert_invariants()
    assert manager.release_claim(row(job))
    assert (row(job).status, row(job).attempt_serial) == ("queued", 0)
    assert not manager.complete(job)


def test_a_job_set_to_launching_by_hand_can_be_ended_by_its_holder() -> None:
    manager = manager_for()
    job = launching_by_transition(queued_job(manager))
    assert manager.complete(job)
    assert row(job).status == "completed"
    assert_invariants()


def test_no_attempt_by_hand_takes_the_serial_of_an_earlier_one() -> None:
    """The row waits again as it did when the instance was loaded, and has been launched in between."""
    manager = manager_for(lambda job: failed("Connection refused"))
    stale = queued_job(manager)
    job = row(stale)
    manager.launch_job_with_retry(job)
    manager.retry_failed_job(job)
    with pytest.raises(StaleJob):
        stale.transition_to("launching")
    job.transition_to("launching")
    assert (row(job).status, row(job).attempt_serial) == ("launching", 2)
    assert manager.release_claim(job)
    assert row(job).attempt_serial == 1


@pytest.mark.parametrize("limit", [0, -1])
def test_a_batch_of_nothing_is_empty(limit: int) -> None:
    manager = manager_for()
    queued_job(manager)
    assert manager.claim_next_batch(limit) == []


def test_what_is_not_due_is_not_claimed() -> None:
    manager = manager_for()
    ContainerJob.objects.create()
    clock: Any = manager.clock
    clock.advance(10)
    later = queued_job(manager)
    ContainerJob.objects.filter(pk=later.pk).update(scheduled_for=manager.clock())
    clock_now = manager.clock()
    manager.clock = ManualClock(clock_now.replace(year=clock_now.year - 1))
    assert manager.claim_next_batch(5) == []
    manager.clock = ManualClock(clock_now)
    assert manager.claim_next_batch(5) == [later]


def test_an_idempotency_key_names_the_attempt() -> None:
    keys = []

    def launch(job: RetryableJob, *, idempotency_key: str) -> Any:
        keys.append(idempotency_key)
        return failed("Connection refused")

    manager = manager_for(launch)
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    manager.launch_job_with_retry(job)
    assert keys == [f"app.containerjob:{job.pk}:1", f"app.containerjob:{job.pk}:2"]


def test_a_claim_given_back_counts_for_nothing_and_keeps_its_key() -> None:
    manager = manager_for()
    job = queued_job(manager)
    (claimed,) = manager.claim_next_batch(1)
    assert manager.release_claim(claimed)
    assert (row(job).status, row(job).attempt_serial, row(job).retry_count) == ("queued", 0, 0)
    assert_shows_its_row(claimed)
    assert_invariants()
    (again,) = manager.claim_next_batch(1)
    assert again.attempt_serial == 1
    assert not manager.release_claim(claimed)
    assert_shows_its_row(again)


def test_a_claim_on_a_retry_returns_to_the_retry() -> None:
    manager = manager_for(lambda job: failed("Connection refused"))
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    due = row(job).scheduled_for
    (claimed,) = manager.claim_next_batch(1)
    manager.release_claim(claimed)
    assert (row(job).status, row(job).scheduled_for, row(job).retry_count) == ("retrying", due, 1)
    assert_invariants()


def test_a_run_that_is_released_waits_for_a_new_attempt() -> None:
    manager = manager_for(lambda job: STARTED)
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    stale = row(job)
    assert manager.release_claim(job)
    assert (row(job).status, row(job).retry_count, row(job).attempt_serial) == ("retrying", 0, 1)
    assert row(job).scheduled_for == manager.clock()
    assert_invariants()
    assert not manager.complete(stale)
    (again,) = manager.claim_next_batch(1)
    assert again.attempt_serial == 2


def test_many_claims_are_given_back_at_once() -> None:
    manager = manager_for()
    manager.queue_jobs(ContainerJob.objects.bulk_create(ContainerJob() for _ in range(1_100)))
    jobs = manager.claim_next_batch(1_100)
    kept, jobs = jobs[0], jobs[1:]
    assert manager.release_claims(jobs) == 1_099
    assert list(manager.claims.held()) == [kept]
    assert manager.release_claims(jobs) == 0
    assert manager.release_claims([]) == 0
    assert_invariants()


def test_claims_of_several_batches_are_told_apart() -> None:
    manager = manager_for()
    first, second = queued_job(manager), queued_job(manager)
    (stale,) = manager.claim_next_batch(1)
    manager.release_claim(row(first))
    both = manager.claim_next_batch(2)
    assert manager.release_claims([stale, row(second)]) == 1
    assert_shows_its_row(both[0])


@pytest.mark.parametrize("overtaken", ["released", "cancelled", "deleted", "claimed by another", "never claimed"])
def test_a_claimed_job_is_launched_only_while_the_claim_stands(overtaken: str) -> None:
    manager = manager_for()
    job = queued_job(manager)
    (claimed,) = manager.claim_next_batch(1)
    if overtaken == "cancelled":
        manager.cancel(row(job))
    elif overtaken == "deleted":
        row(job).delete()
    else:
        manager.release_claim(row(job))
    if overtaken == "claimed by another":
        manager.claim_next_batch(1)
    if overtaken == "never claimed":
        claimed = row(job)
    assert manager.launch_claimed_job(claimed) == {
        "success": False,
        "error": f"Job {job.pk} no longer ready to launch",
        "retry_scheduled": False,
    }


def test_a_job_that_nobody_holds_has_no_claim_to_release() -> None:
    manager = manager_for()
    assert not manager.release_claim(queued_job(manager))


def test_only_the_token_of_the_run_ends_it() -> None:
    manager = manager_for(lambda job: STARTED)
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    other = row(job)
    other.claim_token = uuid4()
    for ended in (manager.complete(other), manager.fail(other, "x"), manager.time_out(other, "x")):
        assert ended is False
    assert not manager.heartbeat(other)
    assert_shows_its_row(job)
    assert manager.heartbeat(job)
    assert manager.complete(job)
    assert not manager.complete(job)
    assert not manager.fail(job, "x")
    assert not manager.time_out(job, "x")
    assert not manager.heartbeat(job)
    assert (row(job).status, row(job).retry_count, row(job).last_error) == ("completed", 0, None)
    assert_invariants()


def test_a_heartbeat_renews_the_lease_of_a_run() -> None:
    options = QueueSettings(name="leased", model="app.ContainerJob", launch="tests.app", run_lease_seconds=30)
    manager = manager_for(lambda job: STARTED, options=options)
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    first = row(job).lease_expires_at
    assert (first - manager.clock()).total_seconds() == 30
    clock: Any = manager.clock
    clock.advance(20)
    assert manager.heartbeat(job)
    assert (row(job).lease_expires_at - first).total_seconds() == 20
    manager.complete(job)
    assert_invariants()


def test_a_run_without_a_lease_has_no_end() -> None:
    manager = manager_for(lambda job: STARTED)
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    assert row(job).lease_expires_at is None


def test_a_run_that_fails_or_takes_too_long() -> None:
    manager = manager_for(lambda job: STARTED)
    failing, slow = queued_job(manager), queued_job(manager)
    manager.launch_next_batch()
    failing, slow = row(failing), row(slow)
    assert manager.fail(failing, ConnectionResetError("Connection reset by peer"))
    assert (row(failing).status, row(failing).retry_count) == ("retrying", 1)
    assert row(failing).last_error == "ConnectionResetError: Connection reset by peer"
    assert manager.time_out(slow, "no result after 3600 s")
    assert (row(slow).status, row(slow).retry_count, row(slow).last_error) == ("timeout", 1, "no result after 3600 s")
    assert_invariants()
    assert_shows_its_row(failing)
    assert_shows_its_row(slow)


def test_a_job_that_nobody_claimed_can_fail() -> None:
    manager = manager_for()
    waiting, doomed = queued_job(manager), queued_job(manager)
    assert manager.fail(waiting, "Connection refused")
    assert manager.fail(doomed, "Image not found")
    assert (row(waiting).status, row(doomed).status) == ("retrying", "failed")
    assert manager.fail(waiting, "Connection refused")
    assert row(waiting).retry_count == 2
    pending = ContainerJob.objects.create()
    assert not manager.fail(pending, "x")
    assert not manager.complete(pending)
    assert not manager.complete(waiting)
    assert_invariants()


def test_a_job_run_by_hand_can_be_ended() -> None:
    manager = manager_for()
    job = ContainerJob.objects.create()
    job.mark_as_running()
    assert manager.complete(job)
    assert_invariants()


def test_a_job_of_another_model_is_refused() -> None:
    """Its key may well be that of a stranger here."""
    stranger = ContainerJob.objects.create()
    report = ReportJob.objects.create(slug=str(stranger.pk))
    manager = manager_for()
    for call in (manager.queue_job, manager.launch_job_with_retry, manager.complete, manager.cancel):
        with pytest.raises(TypeError, match=r"is no app\.ContainerJob"):
            call(report)
    for many in ([report], [stranger, report], [stranger.pk]):
        with pytest.raises(TypeError, match=r"is no app\.ContainerJob"):
            manager.queue_jobs(many)
    assert row(stranger).status == "pending"


@pytest.mark.django_db(databases=["default", "other"])
def test_a_job_of_another_database_is_refused() -> None:
    """Under its key there may be another job here."""
    manager, there = manager_for(), manager_for(using="other")
    job = there.queue_job(ContainerJob.objects.using("other").create(pk=4))
    mine = ContainerJob.objects.create(pk=4)
    words = "Job 4 is in database 'other', .* in 'default'; use a manager made with using='other'."
    for method in (
        lambda: manager.queue_job(job),
        lambda: manager.queue_jobs([mine, job]),
        lambda: manager.dequeue_job(job),
        lambda: manager.cancel(job),
        lambda: manager.launch_job_with_retry(job),
        lambda: manager.fail(job, "Connection refused"),
    ):
        with pytest.raises(ValueError, match=f"^{words}$"):
            method()
    assert row(mine).status == "pending"
    assert_shows_its_row(mine)
    assert there.cancel(job)


class ReadFromOther:
    """Reads from the other database, a replica; writes to the default one."""

    def db_for_read(self, *args: Any, **hints: Any) -> str:
        return "other"

    def db_for_write(self, *args: Any, **hints: Any) -> str:
        return "default"


@pytest.mark.django_db(databases=["default", "other"])
def test_a_job_read_from_a_replica_is_one_of_the_primary(settings: Any) -> None:
    job = ContainerJob.objects.create()
    job.save(using="other")
    settings.DATABASE_ROUTERS = [ReadFromOther()]
    read = ContainerJob.objects.get()
    assert read._state.db == "other"
    assert manager_for().queue_job(read).status == "queued"
    assert ContainerJob.objects.using("default").get().status == "queued"


@pytest.mark.django_db(databases=["default", "other"])
def test_a_launcher_may_copy_the_job_to_another_database() -> None:
    def launch(job: RetryableJob) -> Any:
        job.save(using="other")
        return STARTED

    manager = manager_for(launch)
    job = queued_job(manager)
    assert manager.launch_job_with_retry(job)["success"]
    assert manager.complete(job)
    assert_invariants()


@pytest.mark.django_db(transaction=True)
def test_of_many_who_launch_the_same_job_one_does() -> None:
    launches = []

    def launch(job: RetryableJob) -> Any:
        launches.append(job.pk)
        return COMPLETED

    manager = manager_for(launch, clock=None)
    jobs = [queued_job(manager) for _ in range(10)]
    workers = 4
    begin = threading.Barrier(workers)
    results: list[bool] = []

    def work() -> None:
        try:
            begin.wait()
            results.extend(manager.launch_job_with_retry(row(job))["success"] for job in jobs)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(launches) == [job.pk for job in jobs]
    assert (results.count(True), len(results)) == (10, 40)


@pytest.mark.django_db(databases=["default", "other"])
def test_a_queue_may_live_in_another_database() -> None:
    outcomes = iter([failed("Connection refused"), STARTED])
    manager = manager_for(lambda job: next(outcomes), using="other")
    job = ContainerJob.objects.using("other").create()
    manager.queue_job(job)
    assert manager.launch_job_with_retry(job)["retry_scheduled"]
    assert manager.launch_next_batch() == {"launched": 1, "errors": []}
    job.refresh_from_db()
    assert (job.status, job.retry_count, job._state.db) == ("running", 1, "other")
    assert manager.complete(job)
    assert not ContainerJob.objects.using("default").exists()


# The limit over all workers


def test_the_queue_limit_counts_launching_and_running_jobs() -> None:
    manager = limited(3, lambda job: STARTED)
    jobs = [queued_job(manager) for _ in range(5)]
    (launching,) = manager.claim_next_batch(1)
    assert manager.launch_next_batch(max_concurrent=10)["launched"] == 2
    assert manager.claim_next_batch(5) == []
    waiting = jobs[-1]
    assert manager.launch_job_with_retry(waiting) == {
        "success": False,
        "error": f"Job {waiting.pk} not launched: 3 jobs are launching or running, which is the queue's limit",
        "retry_scheduled": False,
    }
    assert row(waiting).status == "queued"
    manager.release_claim(launching)
    assert manager.launch_job_with_retry(waiting)["success"]
    manager.complete(waiting)
    assert len(manager.claim_next_batch(5)) == 1


@pytest.mark.django_db(transaction=True)
def test_the_queue_limit_is_exact_while_many_claim() -> None:
    limit, workers = 3, 6
    manager = limited(limit, lambda job: COMPLETED, clock=None)
    manager.queue_jobs(ContainerJob.objects.bulk_create(ContainerJob() for _ in range(90)))
    begin = threading.Barrier(workers)
    held: set[int] = set()
    guard = threading.Lock()
    most, ended = 0, 0

    def work() -> None:
        nonlocal most, ended
        try:
            begin.wait()
            while ended < 90:
                jobs = manager.claim_next_batch(2)
                with guard:
                    held.update(job.pk for job in jobs)
                    most = max(most, len(held))
                for job in jobs:
                    with guard:
                        held.discard(job.pk)
                        ended += 1
                    manager.launch_claimed_job(job)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= limit
    assert set(ContainerJob.objects.values_list("status", "attempt_serial")) == {("completed", 1)}


# Interrupted


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_launch_gives_its_claim_back_and_goes_on_up(interruption: type[BaseException]) -> None:
    def launch(job: RetryableJob) -> Any:
        raise interruption

    manager = manager_for(launch)
    jobs = [queued_job(manager) for _ in range(3)]
    with pytest.raises(interruption):
        manager.launch_job_with_retry(jobs[0])
    assert_shows_its_row(jobs[0])
    with pytest.raises(interruption):
        manager.launch_next_batch()
    for job in jobs:
        assert (row(job).status, row(job).retry_count, row(job).attempt_serial) == ("queued", 0, 0)
    assert_invariants()


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interruption_while_the_result_is_written_too(interruption: type[BaseException]) -> None:
    class Interrupted:
        @staticmethod
        def classify_error(error: str) -> Any:
            raise interruption

    manager = manager_for(lambda job: failed("x"), classifier=Interrupted)
    job = queued_job(manager)
    with pytest.raises(interruption):
        manager.launch_job_with_retry(job)
    assert (row(job).status, row(job).retry_count) == ("queued", 0)


class NoJobs(models.Manager[ContainerJob]):
    def get_queryset(self) -> models.QuerySet[ContainerJob]:
        return super().get_queryset().none()


@isolate_apps("tests.app")
def test_a_job_that_the_models_own_managers_hide_is_a_job_like_any_other() -> None:
    class HiddenJob(ContainerJob):
        objects = NoJobs()

        class Meta:
            app_label = "app"
            proxy = True
            base_manager_name = "objects"

    manager = manager_for(lambda job: STARTED)
    job = ContainerJob.objects.create()
    (hidden,) = JobQuerySet(HiddenJob).filter(pk=job.pk)
    assert not HiddenJob.objects.exists()
    hidden.name = "hidden"
    hidden.save()
    hidden.mark_as_queued()
    assert manager.launch_job_with_retry(hidden)["success"]
    assert manager.cancel(hidden)
    job.refresh_from_db()
    assert (job.status, job.name) == ("cancelled", "hidden")
    (partly,) = JobQuerySet(HiddenJob).only("name").filter(pk=job.pk)
    assert partly.status == "cancelled"


def test_a_model_whose_refresh_fails_keeps_no_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    def refresh(self: Any, *args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError

    manager = manager_for()
    job = queued_job(manager)
    monkeypatch.setattr(ContainerJob, "refresh_from_db", refresh)
    with pytest.raises(ZeroDivisionError):
        manager.launch_job_with_retry(job)
    assert row(job).status == "queued"
