"""Canary redrives: what they do next, and what comes of it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from job_retry.django.dead_letters import bulk, canary
from job_retry.django.dead_letters.canary import Decision, Move, Seen, decide
from job_retry.django.dead_letters.chunks import Chunk
from job_retry.django.dead_letters.selection import Selection
from job_retry.django.history.models import BulkAction, DeadLetter
from job_retry.django.queue import JobQueueManager, get_queue_manager
from job_retry.django.states import Status
from job_retry.django.testing import STARTED, ManualClock, ScriptedLauncher, drain, failed

from tests.dead_letters.support import ERROR, dead, job_of
from tests.queue.support import assert_invariants, manager_for, row

Kind, State, LetterState = BulkAction.Kind, BulkAction.State, DeadLetter.State

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=timezone.utc)
QUIET = Seen(under_way=False, returned="")
BUSY = Seen(under_way=True, returned="")
BACK = Seen(under_way=True, returned="it is back")


def redrive(**columns: Any) -> BulkAction:
    """Return a redrive of 100 letters with 3 canaries and 60 a minute, as it is at its beginning, unsaved."""
    given = {"kind": Kind.CANARY, "canary_size": 3, "rate_per_minute": 60.0, "up_to": 100, "total": 100}
    return BulkAction(**{**given, **columns})


RAMPING = {"cursor": 3, "done": 3, "ramping_since": NOW, "next_due_at": NOW}

# The state, what is seen, how many seconds later, and what is done.
TABLE: dict[str, tuple[dict[str, Any], Seen, float, Decision]] = {
    "the canaries go first": ({}, QUIET, 0, Decision(Move.REQUEUE, 3)),
    "more canaries in the place of those skipped": ({"cursor": 3, "done": 1}, BUSY, 0, Decision(Move.REQUEUE, 2)),
    "canaries are watched": ({"cursor": 3, "done": 3}, BUSY, 0, Decision(Move.WATCH)),
    "canaries have passed": ({"cursor": 3, "done": 3}, QUIET, 0, Decision(Move.GO_ON)),
    "fewer letters than canaries": ({"cursor": 100, "done": 2}, BUSY, 0, Decision(Move.WATCH)),
    "fewer letters than canaries, passed": ({"cursor": 100, "done": 2}, QUIET, 0, Decision(Move.END)),
    "the error is back": ({"cursor": 3, "done": 3}, BACK, 0, Decision(Move.STOP)),
    "the error is back later": (RAMPING, BACK, 0, Decision(Move.STOP)),
    "the error is back at the last": ({**RAMPING, "cursor": 100}, BACK, 0, Decision(Move.STOP)),
    "stopped": ({**RAMPING, "state": State.STOPPED}, BACK, 0, Decision(Move.PUT_BACK)),
    "the first of the rest": (RAMPING, QUIET, 0, Decision(Move.REQUEUE, 1)),
    "the rate allows none yet": (
        {**RAMPING, "next_due_at": NOW + timedelta(seconds=1)},
        QUIET,
        0.5,
        Decision(Move.WAIT),
    ),
    "the rate allows two": (RAMPING, QUIET, 1.5, Decision(Move.REQUEUE, 2)),
    "those under way do not hold the rest": (RAMPING, BUSY, 0, Decision(Move.REQUEUE, 1)),
    "no worker for an hour": (RAMPING, QUIET, 3600, Decision(Move.REQUEUE, 61)),
    "no more than a chunk": (
        {**RAMPING, "rate_per_minute": 1e9},
        QUIET,
        60,
        Decision(Move.REQUEUE, bulk.CHUNK_LETTERS),
    ),
    "all requeued, some under way": ({**RAMPING, "cursor": 100}, BUSY, 0, Decision(Move.WATCH)),
    "all requeued and settled": ({**RAMPING, "cursor": 100}, QUIET, 0, Decision(Move.END)),
}


@pytest.mark.parametrize("case", TABLE)
def test_what_comes_next(case: str) -> None:
    columns, seen, seconds, decision = TABLE[case]
    assert decide(redrive(**columns), seen, NOW + timedelta(seconds=seconds)) == decision


@given(
    polls=st.lists(st.tuples(st.floats(0.1, 400), st.booleans()), min_size=1, max_size=60),
    rate=st.floats(0.01, 10_000),
    size=st.integers(1, 50),
)
def test_it_is_never_faster_than_its_rate_and_never_ahead_of_its_canaries(
    polls: list[tuple[float, bool]], rate: float, size: int
) -> None:
    action = redrive(canary_size=size, rate_per_minute=rate, total=10**6, up_to=10**6, started_at=NOW, stepped_at=NOW)
    now, ramped, waited_seconds = NOW, 0, 0.0
    for seconds, under_way in polls:
        now += timedelta(seconds=seconds)
        waited_seconds += seconds if action.ramping_since else 0
        decision = decide(action, Seen(under_way, ""), now)
        if action.ramping_since is None:
            assert decision.move is not Move.GO_ON or (action.done == size and not under_way)
            assert decision.letters <= size - action.done
        else:
            ramped += decision.letters
            assert ramped <= 1 + (waited_seconds + 0.001) * rate / 60
        # What `step_all` writes of it.
        action.done += decision.letters
        action.cursor += decision.letters
        canary.proceed(action, decision, Chunk(decision.letters), QUIET, now)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def launcher() -> ScriptedLauncher:
    return ScriptedLauncher()


@pytest.fixture
def manager(clock: ManualClock, launcher: ScriptedLauncher) -> JobQueueManager:
    return manager_for(launcher, clock=clock)


def begin(
    manager: JobQueueManager, size: int = 2, rate: float = 60.0, selection: Selection | None = None
) -> BulkAction:
    return bulk.begin(
        "default",
        selection or Selection(),
        Kind.CANARY,
        by="ann",
        now=manager.clock(),
        canary_size=size,
        rate_per_minute=rate,
    )


def poll(manager: JobQueueManager, clock: ManualClock, times: int = 1) -> BulkAction:
    """Let a worker poll once a second, and return the action."""
    for _ in range(times):
        canary.step_all(manager, clock())
        clock.advance(1)
    return BulkAction.objects.get()


def fail_next(manager: JobQueueManager, launcher: ScriptedLauncher, error: str) -> list[Any]:
    """Launch the next job, let it fail, and return it."""
    jobs = manager.claim_next_batch(1)
    for job in jobs:
        launcher.script(job, failed(error))
        manager.launch_claimed_job(job)
    return jobs


def rows(manager: JobQueueManager) -> dict[Any, dict[str, Any]]:
    """Return all columns of all jobs, by key."""
    return {job["id"]: job for job in manager.jobs().values()}


def states() -> dict[str, int]:
    return {state: count for state in LetterState.values if (count := DeadLetter.objects.filter(state=state).count())}


@pytest.mark.django_db
def test_a_redrive_whose_error_stays_away_requeues_all(manager: JobQueueManager, clock: ManualClock) -> None:
    dead(manager, 6)
    begin(manager)
    action = poll(manager, clock, 3)
    assert (action.state, action.done, states()) == (State.WATCHING, 2, {"open": 4, "requeued": 2})
    assert drain(manager).launches == 2
    action = poll(manager, clock)  # the canaries have passed
    assert (action.state, action.ramping_since is None) == (State.RUNNING, False)
    for requeued in (4, 5, 6):  # the first at once, and then one a second
        assert poll(manager, clock).done == requeued
    assert poll(manager, clock).state == State.WATCHING
    drain(manager)
    action = poll(manager, clock)
    assert (action.state, action.done, action.put_back) == (State.DONE, 6, 0)
    assert canary.step_all(manager, clock()) is False
    assert_invariants()


@pytest.mark.django_db
def test_a_redrive_whose_error_comes_back_stops_and_is_put_back(
    manager: JobQueueManager, clock: ManualClock, launcher: ScriptedLauncher
) -> None:
    dead(manager, 8)
    before = rows(manager)
    begin(manager, size=1, rate=180.0)
    poll(manager, clock)
    drain(manager)
    action = poll(manager, clock, 2)
    assert (action.done, states()) == (5, {"open": 3, "requeued": 5})  # one canary, one at once, three a second
    (job,) = fail_next(manager, launcher, ERROR.replace("10.0.0.7", "10.0.0.9"))
    action = poll(manager, clock)
    assert (action.state, action.done, action.put_back) == (State.STOPPED, 5, 3)
    assert f"the error has come back, at job {job.pk}: dial tcp 10.0.0.9" in action.stopped_because
    assert action.ended_at is not None
    ran = set(DeadLetter.objects.filter(state=LetterState.REQUEUED).values_list("job_key", flat=True))
    assert len(ran) == 2
    untouched = {pk for pk in before if str(pk) not in ran}
    assert {pk: rows(manager)[pk] for pk in untouched} == {pk: before[pk] for pk in untouched}
    assert_invariants()


@pytest.mark.django_db
def test_an_error_comes_back_also_where_a_retry_follows(
    manager: JobQueueManager, clock: ManualClock, launcher: ScriptedLauncher
) -> None:
    dead(manager, 2, job={"retry_count": 0})
    begin(manager, size=1)
    poll(manager, clock)
    (job,) = fail_next(manager, launcher, ERROR)
    assert row(job).status == Status.RETRYING
    assert poll(manager, clock).state == State.STOPPED


@pytest.mark.django_db
def test_what_is_no_return_of_the_error_stops_nothing(
    manager: JobQueueManager, clock: ManualClock, launcher: ScriptedLauncher
) -> None:
    dead(manager, 2)
    begin(manager, size=1, selection=Selection(ids=(DeadLetter.objects.earliest("pk").pk,)))
    poll(manager, clock)
    fail_next(manager, launcher, "permission denied")  # something else
    manager.queue_job(type(manager.jobs()[0]).objects.create(retry_count=9))
    fail_next(manager, launcher, ERROR)  # of another job
    action = poll(manager, clock, 2)
    assert (action.state, action.stopped_because) == (State.DONE, "")


@pytest.mark.django_db
def test_a_detached_run_is_watched_until_it_is_reported_or_has_lasted(
    manager: JobQueueManager, clock: ManualClock, launcher: ScriptedLauncher
) -> None:
    dead(manager, 3)
    begin(manager, size=2)
    poll(manager, clock)
    jobs = manager.claim_next_batch(2)
    for job in jobs:
        launcher.script(job, STARTED)
        manager.launch_claimed_job(job)
    manager.complete(jobs[0])
    assert poll(manager, clock).state == State.WATCHING
    clock.advance(canary.RUN_TRUSTED_SECONDS)
    assert poll(manager, clock).state == State.RUNNING
    manager.fail(jobs[1], ERROR)  # after all
    assert poll(manager, clock).state == State.STOPPED


@pytest.mark.django_db
def test_canaries_that_cannot_be_requeued_are_replaced(manager: JobQueueManager, clock: ManualClock) -> None:
    gone, *_ = dead(manager, 4)
    job_of(gone, manager).delete()
    begin(manager, size=2)
    action = poll(manager, clock, 2)
    assert (action.done, action.skipped, action.cursor) == (2, {"the job is gone": 1}, gone.pk + 2)


@pytest.mark.django_db
def test_putting_back_many_goes_on_at_the_next_poll(
    manager: JobQueueManager, clock: ManualClock, launcher: ScriptedLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead(manager, 5)
    begin(manager, size=5)
    poll(manager, clock)
    fail_next(manager, launcher, ERROR)
    monkeypatch.setattr(bulk, "CHUNK_LETTERS", 3)
    action = poll(manager, clock)
    assert (action.state, action.put_back, action.ended_at) == (State.STOPPED, 2, None)
    because = action.stopped_because
    action = poll(manager, clock)
    assert (action.put_back, action.ended_at is None, action.stopped_because) == (4, False, because)


@pytest.mark.django_db
def test_a_person_may_stop_it_and_put_back(manager: JobQueueManager, clock: ManualClock) -> None:
    dead(manager, 4)
    action = begin(manager)
    poll(manager, clock)
    bulk.stop(action, "lunch", clock())
    assert poll(manager, clock, 3).done == 2
    assert sum(chunk.done for chunk in bulk.put_back(action, clock)) == 2
    assert states() == {"open": 4}
    with pytest.raises(ValueError, match="cannot go on"):
        bulk.go_on(action, clock())


@pytest.mark.django_db
def test_one_that_cannot_go_on_says_why_and_holds_no_other(manager: JobQueueManager, clock: ManualClock) -> None:
    dead(manager, 2)
    broken = begin(manager, size=1)
    BulkAction.objects.filter(pk=broken.pk).update(selection={"model": "app.containerjob", "colour": "red"})
    begin(manager, size=1)
    canary.step_all(manager, clock())
    first, second = BulkAction.objects.order_by("pk")
    assert (first.state, second.done) == (State.STOPPED, 1)
    assert first.stopped_because == (
        "could not go on: ValueError: Unknown conditions: colour. Known: " + ", ".join(Selection().__dict__) + "."
    )


@pytest.mark.django_db
def test_the_workers_of_another_queue_leave_it_alone(manager: JobQueueManager, clock: ManualClock) -> None:
    reports = get_queue_manager("reports")
    dead(manager, 1)
    begin(manager, size=1)
    assert canary.step_all(reports, clock()) is False
    assert BulkAction.objects.get().done == 0
