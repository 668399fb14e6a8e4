"""Requeuing and discarding many dead letters, chunk by chunk."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from job_retry.django import signals
from job_retry.django.dead_letters import bulk
from job_retry.django.dead_letters.selection import Selection
from job_retry.django.history.models import BulkAction, DeadLetter
from job_retry.django.invariants import INVARIANTS
from job_retry.django.queue import JobQueueManager, get_queue_manager
from job_retry.django.states import Status
from job_retry.django.testing import ManualClock

from tests.app.models import ContainerJob, ReportJob
from tests.dead_letters.support import dead, job_of

pytestmark = pytest.mark.django_db

Kind, State = BulkAction.Kind, DeadLetter.State


@pytest.fixture
def manager() -> JobQueueManager:
    return get_queue_manager("default")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def begin(
    clock: ManualClock, kind: str = Kind.REQUEUE, selection: Selection | None = None, **options: Any
) -> BulkAction:
    return bulk.begin("default", selection or Selection(), kind, by="ann", now=clock(), **options)


def run(action: BulkAction, clock: ManualClock, chunk: int = 2) -> int:
    """Run an action to its end, and return in how many chunks."""
    return len(list(bulk.run(action, clock, chunk)))


def letters(*states: str) -> list[DeadLetter]:
    return list(DeadLetter.objects.filter(state__in=states).order_by("pk"))


def assert_invariants() -> None:
    for model in (ContainerJob, ReportJob):
        broken = [rule for rule, found, _ in INVARIANTS if model.objects.filter(found).exists()]
        assert not broken


def complete(job: Any) -> None:
    """Let a job stand as if it had been run."""
    now = timezone.now()
    type(job).objects.filter(pk=job.pk).update(
        status=Status.COMPLETED, queued_at=now, launched_at=now, completed_at=now, failed_at=None
    )


def everything() -> list[dict[str, Any]]:
    """Return the rows of all jobs and letters, column by column."""
    return [row for model in (ContainerJob, ReportJob, DeadLetter) for row in model.objects.order_by("pk").values()]


def test_a_requeue_works_through_the_letters_that_were_there_when_it_began(
    manager: JobQueueManager, clock: ManualClock
) -> None:
    dead(manager, 5)
    action = begin(clock)
    later = dead(manager, 1)
    assert run(action, clock) == 3
    assert (action.state, action.total, action.done, action.skipped) == (BulkAction.State.DONE, 5, 5, {})
    assert letters(State.OPEN) == later
    for letter in letters(State.REQUEUED):
        job = job_of(letter, manager)
        assert (job.status, job.queued_at, job.last_error, job.retry_count) == (Status.QUEUED, clock(), None, 3)
        assert (letter.settled_by, letter.settled_at, letter.bulk_action) == ("ann", clock(), action)
    assert_invariants()


def test_a_requeued_job_gets_what_was_asked_for(manager: JobQueueManager, clock: ManualClock) -> None:
    (letter,) = dead(manager, 1)
    run(begin(clock, fresh_count=True, strategy="aggressive", priority=70), clock)
    job = job_of(letter, manager)
    assert (job.retry_count, job.retry_strategy, job.priority) == (0, "aggressive", 70)


def test_jobs_of_several_models_go_in_one_chunk(manager: JobQueueManager, clock: ManualClock) -> None:
    dead(manager, 2)
    dead(get_queue_manager("reports"), 2)
    action = begin(clock)
    chunk = bulk.step(action, clock())
    assert chunk.ended
    assert {label: len(pks) for label, pks in chunk.done_pks.items()} == {"app.containerjob": 2, "app.reportjob": 2}
    assert not ContainerJob.objects.exclude(status=Status.QUEUED).exists()
    assert not ReportJob.objects.exclude(status=Status.QUEUED).exists()
    assert_invariants()


def test_what_cannot_be_requeued_is_left_and_counted_by_reason(manager: JobQueueManager, clock: ManualClock) -> None:
    gone, completed, foreign, unserved, retried, kept = dead(manager, 6)
    job_of(gone, manager).delete()
    complete(job_of(completed, manager))
    DeadLetter.objects.filter(pk=foreign.pk).update(job_model="shop.order")
    DeadLetter.objects.filter(pk=unserved.pk).update(job_model="auth.user")
    action = begin(clock)
    manager.retry_failed_job(job_of(retried, manager))
    run(action, clock)
    assert action.done == 1
    assert action.skipped == {
        "the job is gone": 2,
        "the job is completed": 1,
        "no queue has the model auth.user": 1,
        "no longer an open dead letter": 1,
    }
    assert action.handled == action.total
    assert letters(State.OPEN) == [gone, completed, foreign, unserved]
    assert job_of(kept, manager).status == Status.QUEUED


def test_a_discard_cancels_the_jobs_and_says_why(manager: JobQueueManager, clock: ManualClock) -> None:
    gone, completed, *others = dead(manager, 4)
    job_of(gone, manager).delete()
    complete(job_of(completed, manager))
    action = begin(clock, Kind.DISCARD, note="customer left")
    run(action, clock)
    assert letters(State.OPEN) == [completed]
    assert letters(State.DISCARDED) == [gone, *others]
    assert {letter.note for letter in letters(State.DISCARDED)} == {"customer left"}
    assert {job_of(letter, manager).status for letter in others} == {Status.CANCELLED}
    assert (action.done, action.skipped) == (3, {"the job is completed": 1})
    assert_invariants()


def test_a_spread_requeue_is_even_over_all_chunks(manager: JobQueueManager, clock: ManualClock) -> None:
    dead(manager, 6)
    began = clock()
    action = begin(clock, spread_seconds=60.0)
    for _ in bulk.run(action, clock, 4):
        clock.advance(1)  # a chunk takes its time, which moves nothing
    due = list(manager.jobs().order_by("pk").values_list("scheduled_for", flat=True))
    assert due == [began + timedelta(seconds=10 * number) for number in range(6)]


def test_a_spread_requeue_that_rested_goes_on_as_evenly_from_then_on(
    manager: JobQueueManager, clock: ManualClock
) -> None:
    dead(manager, 4)
    action = begin(clock, spread_seconds=40.0)
    bulk.step(action, clock(), 2)
    clock.advance(3600)
    run(action, clock, 1)
    due = list(manager.jobs().order_by("pk").values_list("scheduled_for", flat=True))
    assert due[2:] == [clock(), clock() + timedelta(seconds=10)]


@pytest.mark.parametrize("kind", [Kind.REQUEUE, Kind.DISCARD])
def test_a_chunk_takes_as_many_statements_however_large_it_is(
    kind: str, manager: JobQueueManager, clock: ManualClock
) -> None:
    numbers = []
    for count in (1, 100):
        dead(manager, count)
        options: dict[str, Any] = {"spread_seconds": 60.0} if kind == Kind.REQUEUE else {"note": "why"}
        action = begin(clock, kind, **options)
        with CaptureQueriesContext(connection) as statements:
            assert bulk.step(action, clock()).done == count
        numbers.append(len(statements))
    assert numbers[0] == numbers[1] <= 10


def test_an_action_that_was_interrupted_is_gone_on_with_by_anybody(
    manager: JobQueueManager, clock: ManualClock
) -> None:
    dead(manager, 5)
    mine = begin(clock)
    bulk.step(mine, clock(), 2)
    theirs = BulkAction.objects.get()
    run(theirs, clock)
    assert (theirs.done, theirs.state) == (5, BulkAction.State.DONE)
    assert bulk.step(mine, clock()).ended  # finds out that nothing is left
    assert mine.done == 5


def test_an_action_stops_between_chunks_and_may_go_on(manager: JobQueueManager, clock: ManualClock) -> None:
    dead(manager, 5)
    action = begin(clock)
    bulk.step(action, clock(), 2)
    assert bulk.stop(action, "lunch", clock())
    assert not bulk.stop(action, "again", clock())
    assert (action.state, action.stopped_because, action.ended_at) == (BulkAction.State.STOPPED, "lunch", clock())
    assert bulk.step(action, clock()).done == 0
    bulk.go_on(action, clock())
    run(action, clock)
    assert (action.state, action.done, action.stopped_because) == (BulkAction.State.DONE, 5, "")
    with pytest.raises(ValueError, match="is done and cannot go on"):
        bulk.go_on(action, clock())


def test_a_letter_that_somebody_settles_meanwhile_is_done_once(
    manager: JobQueueManager, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = dead(manager, 2)
    action = begin(clock)
    look, found = bulk.chunks.read, []

    def look_early(*arguments: Any) -> Any:
        found.append(stale if not found else look(*arguments))
        return found[-1]

    stale = look(DeadLetter.objects.all(), 10)
    DeadLetter.objects.filter(pk=first.pk).update(state=State.DISCARDED)  # after the look, before the lock on the jobs
    monkeypatch.setattr(bulk.chunks, "read", look_early)
    assert bulk.step(action, clock()).done == 1
    assert [len(each) for each in found] == [2, 1]
    assert letters(State.REQUEUED) == [second]
    assert job_of(first, manager).status == Status.FAILED


def test_receivers_hear_of_each_requeued_job(manager: JobQueueManager, clock: ManualClock) -> None:
    dead(manager, 3)
    heard: list[Any] = []

    def receive(sender: Any, job: Any, count_reset: bool, **_: Any) -> None:
        heard.append((sender, job.status, count_reset))

    signals.job_requeued.connect(receive)
    try:
        run(begin(clock, fresh_count=True), clock)
    finally:
        signals.job_requeued.disconnect(receive)
    assert heard == [(ContainerJob, Status.QUEUED, True)] * 3


@pytest.mark.parametrize("queue", ["default", "reports"])
def test_what_is_put_back_is_exactly_what_it_was(queue: str, clock: ManualClock) -> None:
    manager = get_queue_manager(queue)
    dead(
        manager,
        5,
        lambda number: f"error {number}",
        died_at=lambda number: clock() - timedelta(microseconds=number),
        job=lambda number: {"priority": number, "retry_count": number, "worker_losses": number, "retry_strategy": None},
    )
    dead(
        manager,
        1,
        'it\'s "quoted" %s \\u0041 \x01 ünï',
        failure=None,
        job={"launched_at": clock(), "retry_strategy": "default"},
    )
    before = everything()
    action = begin(clock, fresh_count=True, strategy="aggressive", priority=70, spread_seconds=60.0)
    run(action, clock)
    clock.advance(30)
    put_back = list(bulk.put_back(action, clock, 4))
    assert [chunk.done for chunk in put_back] == [4, 2]
    assert action.put_back == 6
    letters_put_back = DeadLetter.objects.filter(put_back_from=action, put_back_at=clock())
    assert letters_put_back.update(put_back_from=None, put_back_at=None) == 6
    assert everything() == before  # but for that
    assert_invariants()


def lose_its_worker(manager: JobQueueManager, job: Any) -> None:
    manager.jobs().filter(pk=job.pk).update(lease_expires_at=job.queued_at)


def queue_anew(manager: JobQueueManager, job: Any) -> None:
    manager.dequeue_job(job)
    manager.queue_job(job)


def run_and_requeue(manager: JobQueueManager, job: Any) -> None:
    manager.jobs().filter(pk=job.pk).update(attempt_serial=job.attempt_serial + 1)


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        (lambda manager, job: job.delete(), "the job is gone"),
        (lambda manager, job: complete(job), "the job is completed"),
        (lose_its_worker, "the job may have been launched: its worker was lost"),
        (queue_anew, "the job was queued anew"),
        (run_and_requeue, "the job was launched"),
    ],
)
def test_a_job_that_has_moved_on_is_not_put_back(
    meanwhile: Any, reason: str, manager: JobQueueManager, clock: ManualClock
) -> None:
    moved, waiting = dead(manager, 2)
    action = begin(clock)
    run(action, clock)
    meanwhile(manager, job_of(moved, manager))
    (chunk,) = bulk.put_back(action, clock)
    assert (chunk.done, chunk.skipped) == (1, {reason: 1})
    assert letters(State.OPEN) == [waiting]
    assert letters(State.REQUEUED) == [moved]


def test_a_discard_is_not_put_back_nor_stopped_by_the_attempt(manager: JobQueueManager, clock: ManualClock) -> None:
    dead(manager, 2)
    action = begin(clock, Kind.DISCARD, note="why")
    with pytest.raises(ValueError, match="is a discard, which is for good"):
        list(bulk.put_back(action, clock))
    run(action, clock)
    assert (action.state, action.done) == (BulkAction.State.DONE, 2)


def test_putting_back_stops_an_action_that_goes_on_and_may_itself_be_interrupted(
    manager: JobQueueManager, clock: ManualClock
) -> None:
    dead(manager, 6)
    action = begin(clock)
    bulk.step(action, clock(), 4)
    bulk.put_back_step(action, clock(), 2)
    assert (action.state, action.stopped_because) == (BulkAction.State.STOPPED, "put back")
    (chunk,) = bulk.put_back(BulkAction.objects.get(), clock, 3)
    assert chunk.done == 2
    assert len(letters(State.OPEN)) == 6


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("mend", {}, "kind must be one of requeue, discard, canary, not 'mend'"),
    (Kind.REQUEUE, {"strategy": "zealous"}, "strategy must be one of default, .*, not 'zealous'"),
    (Kind.REQUEUE, {"priority": 101}, "priority must be a whole number from 0 to 100, or None, not 101"),
    (Kind.REQUEUE, {"priority": True}, "not True"),
    (Kind.REQUEUE, {"spread_seconds": -1.0}, "spread_seconds must be .*, not -1.0"),
    (Kind.REQUEUE, {"spread_seconds": float("nan")}, "spread_seconds must be .*, not nan"),
    (Kind.REQUEUE, {"canary_size": 3}, "A requeue takes no canary_size, but: fresh_count, .*spread_seconds"),
    (Kind.DISCARD, {"note": " "}, "A discard needs a note"),
    (Kind.DISCARD, {"note": "why", "priority": 3}, "A discard takes no priority, but: note"),
    (Kind.CANARY, {"rate_per_minute": 1.0}, "canary_size must be a whole number from 1 to 1000, not 0"),
    (Kind.CANARY, {"canary_size": 1001, "rate_per_minute": 1.0}, "not 1001"),
    (Kind.CANARY, {"canary_size": 1}, "rate_per_minute must be a number above 0, not 0.0"),
]


@pytest.mark.parametrize(("kind", "options", "message"), WRONG)
def test_what_cannot_be_is_named_and_nothing_begins(
    kind: str, options: dict[str, Any], message: str, manager: JobQueueManager, clock: ManualClock
) -> None:
    dead(manager, 1)
    with pytest.raises(ValueError, match=message):
        begin(clock, kind, **options)
    assert not BulkAction.objects.exists()


def test_only_open_letters_can_be_meant(manager: JobQueueManager, clock: ManualClock) -> None:
    with pytest.raises(bulk.NothingToDoError, match="No open dead letter"):
        begin(clock)
    dead(manager, 1, state=State.REQUEUED)
    with pytest.raises(ValueError, match="not those that are requeued"):
        begin(clock, selection=Selection(state="requeued"))
    with pytest.raises(bulk.NothingToDoError):
        begin(clock, selection=Selection(state=""))


def test_a_canary_redrive_is_left_to_the_workers(manager: JobQueueManager, clock: ManualClock) -> None:
    dead(manager, 1)
    canary = {"canary_size": 1, "rate_per_minute": 1.0}
    action = begin(clock, Kind.CANARY, **canary)
    with pytest.raises(ValueError, match="the workers of its queue go on with it"):
        bulk.step(action, clock())
    dead(get_queue_manager("reports"), 1)
    with pytest.raises(ValueError, match=r"is of one job model; choose one of app.containerjob, app.reportjob"):
        begin(clock, Kind.CANARY, **canary)


def test_no_letter_is_meant_that_came_after_the_last_one_shown(manager: JobQueueManager, clock: ManualClock) -> None:
    shown = dead(manager, 2)
    dead(manager, 1)
    action = begin(clock, up_to=shown[-1].pk)
    assert (action.total, action.up_to) == (2, shown[-1].pk)


def test_what_is_recorded_with_a_step_is_written_with_it_or_not_at_all(
    manager: JobQueueManager, clock: ManualClock
) -> None:
    dead(manager, 2)
    action = begin(clock)
    seen = []

    def record(row: BulkAction, chunk: bulk.Chunk) -> None:
        seen.append((row.done, chunk.done, connection.in_atomic_block, len(letters(State.REQUEUED))))
        if len(seen) == 1:
            raise OSError("no room for the record")

    with pytest.raises(OSError, match="no room"):
        bulk.step(action, clock(), record=record)
    assert (len(letters(State.OPEN)), BulkAction.objects.get().done) == (2, 0)
    bulk.step(action, clock(), record=record)
    assert seen == [(2, 2, True, 2)] * 2
    assert action.done == 2
