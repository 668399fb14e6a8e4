"""A worker takes suspects by turns with other jobs, and runs nothing beside one."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from job_retry.django.queue import JobQueueManager
from job_retry.django.settings import get_queue_settings
from job_retry.django.testing import COMPLETED, ManualClock
from job_retry.django.worker import Worker, loop
from job_retry.django.worker.claiming import PATIENCE_LEASES, TURN_LEASES, WorkerClaims

from tests.app.models import ContainerJob

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db(transaction=True)

LEASE_SECONDS = 60


def manager_with(launch: Callable[[Any], Any]) -> Any:
    options = replace(get_queue_settings(), max_concurrent=4)
    return JobQueueManager(ContainerJob, launch, options=options, clock=ManualClock())


def queued(manager: Any, count: int, name: str) -> list[ContainerJob]:
    jobs = [ContainerJob.objects.create(name=f"{name} {number}") for number in range(count)]
    manager.queue_jobs(jobs)
    return jobs


def with_suspects(manager: Any, count: int) -> None:
    queued(manager, count, "suspect")
    manager.claim_next_batch(count, "host:1:a")
    manager.clock.advance(LEASE_SECONDS + 1)
    assert len(manager.rescue_lost_jobs()) == count


def test_nothing_runs_beside_a_suspect() -> None:
    lock = threading.Lock()
    under_way: list[str] = []
    company: list[set[str]] = []

    def launch(job: ContainerJob) -> Any:
        with lock:
            under_way.append(job.name)
            company.append({name.split()[0] for name in under_way})
            crowded = len(under_way)
        assert crowded == 1 or "suspect" not in company[-1]
        with lock:
            under_way.remove(job.name)
        return COMPLETED

    manager = manager_with(launch)
    with_suspects(manager, 5)
    queued(manager, 20, "other")
    summary = Worker(manager, drain=True, poll_interval=0.01).run()
    assert summary.launched == 25
    assert set(ContainerJob.objects.values_list("status", flat=True)) == {"completed"}


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def claims_of(manager: Any) -> tuple[WorkerClaims, Seconds]:
    seconds = Seconds()
    claims = WorkerClaims(manager, "host:2:b", seconds)
    claims.look_after_others()
    return claims, seconds


def names(jobs: list[Any]) -> list[str]:
    return [job.name for job in jobs]


def test_suspects_and_others_have_their_turns() -> None:
    manager = manager_with(lambda job: COMPLETED)
    with_suspects(manager, 4)
    queued(manager, 5, "other")
    claims, seconds = claims_of(manager)
    taken = []
    # What is claimed, and for how many leases it then runs.
    for leases in (0, TURN_LEASES, 0, PATIENCE_LEASES, TURN_LEASES, 0, 0, 0):
        jobs = claims.next(2, idle=True)
        assert claims.runs_alone == any("suspect" in name for name in names(jobs))
        taken.append(names(jobs))
        seconds.now += leases * LEASE_SECONDS
    assert taken == [
        ["suspect 0"],
        ["suspect 1"],
        ["other 0", "other 1"],
        ["other 2", "other 3"],
        ["suspect 2"],
        ["other 4"],
        ["suspect 3"],  # there is nothing else
        [],
    ]


def test_a_busy_worker_leaves_suspects_to_others_for_a_while_and_then_gets_idle_for_them() -> None:
    manager = manager_with(lambda job: COMPLETED)
    with_suspects(manager, 2)
    queued(manager, 3, "other")
    claims, seconds = claims_of(manager)
    assert names(claims.next(1, idle=False)) == ["other 0"]
    seconds.now += PATIENCE_LEASES * LEASE_SECONDS
    assert claims.next(1, idle=False) == []
    assert names(claims.next(1, idle=True)) == ["suspect 0"]
    assert claims.next(1, idle=False) == []
    assert names(claims.next(1, idle=True)) == ["suspect 1"]
    assert names(claims.next(1, idle=True)) == ["other 1"]
    claims.look_after_others()
    assert names(claims.next(1, idle=False)) == ["other 2"]


def test_what_was_claimed_under_a_lease_that_has_ended_is_not_started(caplog: pytest.LogCaptureFixture) -> None:
    started: list[str] = []
    seconds = Seconds()

    def launch(job: ContainerJob) -> Any:
        started.append(job.name)
        if len(started) == 1:  # the worker, which has claimed three, is frozen longer than its lease
            manager.clock.advance(LEASE_SECONDS + 1)
            rescued = manager_with(lambda job: COMPLETED)
            rescued.clock = manager.clock
            assert len(rescued.rescue_lost_jobs()) == 3
            seconds.now += LEASE_SECONDS  # last: the worker looks for suspects once at this moment, which stands still
        return COMPLETED

    manager = manager_with(launch)
    manager.options = replace(manager.options, claim_batch=3, max_concurrent=1)
    queued(manager, 3, "job")
    Worker(manager, drain=True, poll_interval=0.01, monotonic=seconds).run()
    # The first has been launched twice, as a suspect the second time; the others once, as suspects.
    assert sorted(started) == ["job 0", "job 0", "job 1", "job 2"]
    assert "The lease of 2 claimed jobs has ended" in caplog.text
    assert "its result is ignored" in caplog.text
    assert set(ContainerJob.objects.values_list("status", "retry_count")) == {("completed", 0)}


def test_what_took_longer_to_claim_than_its_lease_is_not_started(caplog: pytest.LogCaptureFixture) -> None:
    started: list[tuple[str, int]] = []
    seconds = Seconds()

    def launch(job: ContainerJob) -> Any:
        started.append((job.name, job.attempt_serial))
        return COMPLETED

    def claim(*arguments: Any) -> Any:
        """Be frozen between asking for the time and claiming, once."""
        jobs = claim_next(*arguments)
        seconds.now += LEASE_SECONDS
        manager.claims.claim_next = claim_next
        return jobs

    manager = manager_with(launch)
    claim_next, manager.claims.claim_next = manager.claims.claim_next, claim
    queued(manager, 2, "job")
    Worker(manager, drain=True, poll_interval=0.01, monotonic=seconds).run()
    assert "The lease of 2 claimed jobs has ended" in caplog.text
    assert sorted(started) == [("job 0", 1), ("job 1", 1)]


def test_what_took_longer_to_look_at_than_its_lease_is_not_started(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = Seconds()
    started: list[tuple[str, int]] = []

    def launch(job: ContainerJob) -> Any:
        started.append((job.name, job.attempt_serial))
        seconds.now += 2 * loop.LOOK_AGAIN_SECONDS  # so that the others are looked at again
        return COMPLETED

    def look(*arguments: Any) -> Any:
        """Be frozen between looking and starting, once."""
        monkeypatch.setattr(loop, "standing", standing)
        jobs = standing(*arguments)
        seconds.now += LEASE_SECONDS
        return jobs

    standing = loop.standing
    monkeypatch.setattr(loop, "standing", look)
    manager = manager_with(launch)
    manager.options = replace(manager.options, claim_batch=3, max_concurrent=1)
    queued(manager, 3, "job")
    Worker(manager, drain=True, poll_interval=0.01, monotonic=seconds).run()
    assert "The lease of 2 claimed jobs has ended" in caplog.text
    assert sorted(started) == [("job 0", 1), ("job 1", 1), ("job 2", 1)]
