"""A random walk over everything that can be done to a few jobs; the rules that always hold are held to after each step.

Beside the jobs stands a model of them in plain Python, for what the rules say nothing about: that a result counts once,
that attempts are counted, that only the holder of a claim ends it, and that a lost worker accuses a job only when it
held nothing else.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from job_retry.django.exceptions import InvalidTransition, StaleJob
from job_retry.django.invariants import INVARIANTS
from job_retry.django.settings import QueueSettings
from job_retry.django.states import CLAIMED, TARGETS, WAITING, Status
from job_retry.django.testing import COMPLETED, STARTED, ManualClock, failed

from tests.app.models import ContainerJob
from tests.queue.support import broken_invariants, launched_together, manager_for, queued_job, row

if TYPE_CHECKING:
    from collections.abc import Callable

OUTCOMES = {
    "started": STARTED,
    "completed": COMPLETED,
    "transient": failed("Connection refused"),
    "permanent": failed("Image not found"),
    "raised": ConnectionResetError("Connection reset"),
    "nothing": None,
}
LEASE_SECONDS = 60
ANY_BREAK = reduce(or_, (invariant.broken for invariant in INVARIANTS))
JOBS = 2
MEANWHILE = st.sampled_from(["nothing", "the lease ends", "another launches it"])
HOLDERS = st.sampled_from(["host:1", "host:2"])
SLOTS = st.integers(0, JOBS - 1)
AGES = st.integers(0, 2)


@dataclass
class Expected:
    """What a job's row must say."""

    status: str = "queued"
    retry_count: int = 0
    attempt_serial: int = 0
    worker_losses: int = 0


def stored(job: Any) -> dict[str, Any]:
    """Return the columns of the job's row."""
    columns: dict[str, Any] = ContainerJob.objects.filter(pk=job.pk).values().get()
    return columns


class Queue(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.outcome = "started"
        self.meanwhile: Callable[[], None] = bool
        """What happens while a launch is under way."""
        options = QueueSettings(name="x", model="app.ContainerJob", launch="tests.app", run_lease_seconds=90)
        self.manager = manager_for(self.launch, clock=self.clock, options=options)
        self.jobs = [queued_job(self.manager) for _ in range(JOBS)]
        self.expected = [Expected() for _ in range(JOBS)]
        self.instances: list[list[Any]] = [[row(job)] for job in self.jobs]
        """The latest first: instances as their holders have them, overtaken by what has happened since."""

    def teardown(self) -> None:
        ContainerJob.objects.all().delete()

    def launch(self, job: Any) -> Any:
        outcome, meanwhile, self.meanwhile = OUTCOMES[self.outcome], self.meanwhile, bool
        meanwhile()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def slot(self, job: Any) -> int:
        return [each.pk for each in self.jobs].index(job.pk)

    def fresh(self, slot: int) -> Any:
        return row(self.jobs[slot])

    def after_failure(self, slot: int, error: str) -> None:
        expected = self.expected[slot]
        expected.retry_count += 1
        ends = error == "permanent" or expected.retry_count >= 3
        expected.status = "failed" if ends else "retrying"

    # By people

    @rule(slot=SLOTS)
    def queue(self, slot: int) -> None:
        expected = self.expected[slot]
        if expected.status != "pending":
            with pytest.raises(ValueError, match="queue"):
                self.manager.queue_job(self.fresh(slot))
            return
        self.manager.queue_job(self.fresh(slot))
        expected.status = "queued"

    @rule(slot=SLOTS)
    def dequeue(self, slot: int) -> None:
        expected = self.expected[slot]
        if expected.status not in WAITING:
            with pytest.raises(ValueError, match="is not queued"):
                self.manager.dequeue_job(self.fresh(slot))
            return
        self.manager.dequeue_job(self.fresh(slot))
        expected.status, expected.retry_count = "pending", 0

    @rule(slot=SLOTS, reset_count=st.booleans())
    def retry_by_hand(self, slot: int, reset_count: bool) -> None:
        expected = self.expected[slot]
        if expected.status not in {"failed", "retrying"}:
            with pytest.raises(ValueError, match="Cannot retry job in status"):
                self.manager.retry_failed_job(self.fresh(slot))
            return
        self.manager.retry_failed_job(self.fresh(slot), reset_count=reset_count)
        expected.status, expected.worker_losses = "queued", 0
        if reset_count:
            expected.retry_count = 0

    @rule(slot=SLOTS)
    def cancel(self, slot: int) -> None:
        expected = self.expected[slot]
        if "cancelled" in TARGETS[expected.status]:
            self.manager.cancel(self.fresh(slot))
            expected.status = "cancelled"

    @rule(slot=SLOTS, status=st.sampled_from(Status.values))
    def move_by_hand(self, slot: int, status: str) -> None:
        job = self.fresh(slot)
        if status not in TARGETS[job.status]:
            with pytest.raises(InvalidTransition):
                job.transition_to(status)
            return
        job.transition_to(status)
        self.moved(slot, status)
        self.instances[slot].insert(0, job)

    def moved(self, slot: int, status: str) -> None:
        self.expected[slot].status = status
        if status == "launching":  # claimed by whoever moved it
            self.expected[slot].attempt_serial += 1

    # By workers

    @rule(seconds=st.sampled_from([1, 5, LEASE_SECONDS + 1]))
    def time_goes_on(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(slot=SLOTS, outcome=st.sampled_from(sorted(OUTCOMES)))
    def launch_one(self, slot: int, outcome: str) -> None:
        job, expected = self.fresh(slot), self.expected[slot]
        ready = job.status in WAITING and (job.scheduled_for is None or job.scheduled_for <= self.clock())
        self.outcome = outcome
        result = self.manager.launch_job_with_retry(job)
        if not ready:
            assert "no longer ready" in result["error"]
            return
        expected.attempt_serial += 1
        if outcome in {"started", "completed"}:
            assert result["success"]
            expected.status = "running" if outcome == "started" else "completed"
        else:
            self.after_failure(slot, outcome)
            assert result["retry_scheduled"] == (expected.status == "retrying")
        self.instances[slot].insert(0, job)

    def claimed(self, job: Any) -> None:
        slot = self.slot(job)
        assert self.expected[slot].status in WAITING
        self.expected[slot].status = "launching"
        self.expected[slot].attempt_serial += 1
        self.instances[slot].insert(0, job)

    @rule(limit=st.integers(1, JOBS), holder=HOLDERS)
    def claim(self, limit: int, holder: str) -> None:
        ready = self.manager.get_ready_jobs().unsuspected().count()
        claimed = self.manager.claim_next_batch(limit, holder)
        assert len(claimed) == min(limit, ready)
        for job in claimed:
            self.claimed(job)

    @rule(holder=HOLDERS)
    def claim_suspect(self, holder: str) -> None:
        if self.manager.claims.held(holder).exists():  # it is to hold nothing else
            return
        waiting = self.manager.get_ready_jobs().suspects().exists()
        claimed = self.manager.claim_suspect(holder)
        assert len(claimed) == waiting
        for job in claimed:
            self.claimed(job)

    @rule(holder=HOLDERS)
    def renew(self, holder: str) -> None:
        self.manager.claims.renew(holder, self.clock())

    @rule()
    def rescue(self) -> None:
        rows = [self.fresh(slot) for slot in range(JOBS)]
        launching = Counter(job.claimed_by for job in rows if job.status == "launching")
        lost = [job for job in rows if job.status in CLAIMED and job.lease_expires_at and self.is_over(job)]
        lost_of = Counter(job.claimed_by for job in lost if job.status == "launching")
        back = [job for job in lost if job.status == "running" or lost_of[job.claimed_by] == launching[job.claimed_by]]
        assert {loss.job.pk for loss in self.manager.rescue_lost_jobs()} == {job.pk for job in back}
        for job in back:
            expected = self.expected[self.slot(job)]
            expected.status = "retrying" if job.status == "running" or self.came_from_retry(job) else "queued"
            if job.status == "launching":
                expected.attempt_serial -= 1
                if launching[job.claimed_by] == 1:
                    expected.worker_losses += 1
                if expected.worker_losses >= self.manager.max_worker_losses and launching[job.claimed_by] == 1:
                    expected.status = "failed"

    @rule(limit=st.integers(1, JOBS), holder=HOLDERS)
    def lose_a_worker(self, limit: int, holder: str) -> None:
        """What takes several steps, and would be met by chance too seldom."""
        self.claim(limit, holder)
        self.claim_suspect(holder)
        self.time_goes_on(LEASE_SECONDS + 1)
        self.rescue()

    def is_over(self, job: Any) -> bool:
        return bool(job.lease_expires_at < self.clock())

    def came_from_retry(self, job: Any) -> bool:
        return job.scheduled_for is not None and job.retry_count > 0

    def instance(self, slot: int, age: int) -> Any:
        """Return an instance that somebody has held since its job was claimed; the older, the staler."""
        instances = self.instances[slot]
        return instances[min(age, len(instances) - 1)]

    def holds(self, job: Any) -> bool:
        """Whether the instance has the claim that its row has."""
        return job.claim_token is not None and job.claim_token == row(job).claim_token

    @rule(
        slot=SLOTS,
        age=AGES,
        outcome=st.sampled_from(sorted(OUTCOMES)),
        meanwhile=MEANWHILE,
        together=st.booleans(),
    )
    def launch_claimed(self, slot: int, age: int, outcome: str, meanwhile: str, together: bool) -> None:
        job, seen = self.instance(slot, age), []

        def happen() -> None:
            if meanwhile != "nothing":
                self.time_goes_on(LEASE_SECONDS + 1)
                self.rescue()
            if meanwhile == "another launches it":
                self.claim_suspect("host:3")
            seen.append((self.holds(job), stored(job)))

        launches = self.holds(job) and row(job).status == "launching"
        self.outcome, self.meanwhile = outcome, happen
        before = stored(job)
        if together:
            launched_together(self.manager, [job])
        else:
            self.manager.launch_claimed_job(job)
        self.meanwhile = bool
        assert len(seen) == launches
        if not launches:
            assert stored(job) == before
            return
        [(still_held, left)] = seen
        if not still_held:  # the result comes too late
            assert stored(job) == left
        elif outcome in {"started", "completed"}:
            self.expected[slot].status = "running" if outcome == "started" else "completed"
        else:
            self.after_failure(slot, outcome)

    @rule(holder=HOLDERS, outcome=st.sampled_from(sorted(OUTCOMES)), meanwhile=MEANWHILE, together=st.booleans())
    def claim_and_launch(self, holder: str, outcome: str, meanwhile: str, together: bool) -> None:
        """Two steps that would follow each other by chance too seldom."""
        self.claim(1, holder)
        for slot, expected in enumerate(self.expected):
            if expected.status == "launching":
                self.launch_claimed(slot, 0, outcome, meanwhile, together)

    @rule(slot=SLOTS, age=AGES, error=st.sampled_from(["transient", "permanent"]))
    def end_run(self, slot: int, age: int, error: str) -> None:
        job = self.instance(slot, age)
        held = self.holds(job)
        if job.claim_token is None:
            return
        ended = self.manager.fail(job, "Image not found" if error == "permanent" else "Connection refused")
        assert ended == held
        if ended:
            self.after_failure(slot, error)

    @rule(slot=SLOTS, age=AGES)
    def complete_run(self, slot: int, age: int) -> None:
        job = self.instance(slot, age)
        held = self.holds(job)
        if job.claim_token is None:
            return
        assert self.manager.complete(job) == held
        if held:
            self.expected[slot].status = "completed"

    @rule(slot=SLOTS, age=AGES)
    def heartbeat(self, slot: int, age: int) -> None:
        job = self.instance(slot, age)
        assert self.manager.heartbeat(job) == self.holds(job)

    @rule(slot=SLOTS, age=AGES)
    def release(self, slot: int, age: int) -> None:
        job = self.instance(slot, age)
        held = self.holds(job)
        before = row(job) if held else None
        assert self.manager.release_claim(job) == held
        if before is None:
            return
        expected = self.expected[slot]
        if before.status == "launching":
            expected.attempt_serial -= 1
            expected.status = "retrying" if self.came_from_retry(before) else "queued"
        else:
            expected.status = "retrying"

    @rule(slot=SLOTS, age=AGES)
    def save_an_old_instance(self, slot: int, age: int) -> None:
        job = self.instance(slot, age)
        job.name = "saved"
        job.save()

    @rule(slot=SLOTS, age=AGES, status=st.sampled_from(Status.values))
    def move_an_old_instance(self, slot: int, age: int, status: str) -> None:
        job = self.instance(slot, age)
        present, guards = row(job), ("status", "claim_token", "attempt_serial")
        current = all(getattr(present, name) == getattr(job, name) for name in guards)
        try:
            job.transition_to(status)
        except StaleJob:
            assert not current
        except InvalidTransition:
            assert status not in TARGETS[job.status]
        else:
            assert current
            self.moved(slot, status)

    # Always

    @invariant()
    def rows_obey_the_rules(self) -> None:
        if ContainerJob.objects.filter(ANY_BREAK).exists():
            raise AssertionError([broken_invariants(job) for job in ContainerJob.objects.all()])
        present = ContainerJob.objects.in_bulk([job.pk for job in self.jobs])
        for job, expected in zip(self.jobs, self.expected, strict=True):
            found = present[job.pk]
            assert Expected(found.status, found.retry_count, found.attempt_serial, found.worker_losses) == expected

    @precondition(lambda self: any(not TARGETS[expected.status] for expected in self.expected))
    @invariant()
    def what_has_ended_makes_room(self) -> None:
        for slot, expected in enumerate(self.expected):
            if not TARGETS[expected.status]:
                self.jobs[slot], self.expected[slot] = queued_job(self.manager), Expected()
                self.instances[slot] = [row(self.jobs[slot])]


@pytest.mark.django_db
def test_the_rules_hold_whatever_is_done() -> None:
    run_state_machine_as_test(
        Queue,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
