"""Running a queue to its end inside a test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.models import Min, Q

from job_retry.django.states import Status
from job_retry.django.testing.clock import ManualClock

if TYPE_CHECKING:
    from job_retry.django.queue import JobQueueManager
    from job_retry.django.recording import LaunchResult

LAUNCH_LIMIT = 10_000


@dataclass
class Drained:
    """What `drain` did."""

    results: list[tuple[Any, LaunchResult]] = field(default_factory=list)
    """Primary key and result of each launch, in the order in which they happened."""
    waited_seconds: float = 0.0
    """How far the clock was put forward."""

    @property
    def launches(self) -> int:
        """How many launches there were."""
        return len(self.results)


def drain(
    manager: JobQueueManager,
    *,
    clock: ManualClock | None = None,
    scheduled_too: bool = False,
    launch_limit: int = LAUNCH_LIMIT,
) -> Drained:
    """Launch the jobs of ``manager``'s queue, one after the other, until none is ready or waits for a retry.

    Runs in the calling thread, without waiting: where nothing is ready the clock is put forward to the next retry
    (``scheduled_too``: also to jobs that people scheduled for later). ``clock`` (default: the manager's, if it is a
    `ManualClock`, else a new one from the present on) replaces the manager's meanwhile. Works in a ``TestCase``.

    AssertionError after ``launch_limit`` launches: the jobs fail and are retried without end.
    """
    if clock is None:
        clock = manager.clock if isinstance(manager.clock, ManualClock) else ManualClock(manager.clock())
    before, manager.clock = manager.clock, clock
    drained = Drained()
    try:
        while True:
            jobs = manager.claim_next_batch(1)
            if jobs and drained.launches >= launch_limit:
                manager.release_claims(jobs)
                raise AssertionError(f"the queue is not drained after {launch_limit} launches")
            drained.results += [(job.pk, manager.launch_claimed_job(job)) for job in jobs]
            if not jobs:
                due_at = _next_due_at(manager, scheduled_too=scheduled_too)
                if due_at is None:
                    return drained
                drained.waited_seconds += (due_at - clock()).total_seconds()
                clock.advance_to(due_at)
    finally:
        manager.clock = before


def _next_due_at(manager: JobQueueManager, *, scheduled_too: bool) -> Any:
    waiting = Q(status=Status.RETRYING)
    if scheduled_too:
        waiting |= Q(status=Status.QUEUED, scheduled_for__isnull=False)
    return manager.jobs().filter(waiting).aggregate(at=Min("scheduled_for"))["at"]
