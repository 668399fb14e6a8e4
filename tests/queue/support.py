"""What the tests of the queue share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from job_retry.django.attempts import launch
from job_retry.django.invariants import INVARIANTS
from job_retry.django.outages import Outage
from job_retry.django.outcomes import Recorded, record_all
from job_retry.django.queue import JobQueueManager
from job_retry.django.recording import standing
from job_retry.django.testing import ManualClock

from tests.app.models import ContainerJob

if TYPE_CHECKING:
    from collections.abc import Sequence

    from job_retry.django.attempts import EndedLaunch
    from job_retry.django.models import RetryableJob


def manager_for(launch: Any = None, **arguments: Any) -> JobQueueManager:
    """Return a manager of container jobs whose clock stands still; without ``launch`` none may be launched."""

    def never(job: RetryableJob) -> None:
        raise AssertionError(f"job {job.pk} was launched")

    arguments.setdefault("clock", ManualClock())
    return JobQueueManager(ContainerJob, launch or never, **arguments)


def queued_job(manager: JobQueueManager, **fields: Any) -> Any:
    """Return a new job that waits in the queue."""
    return manager.queue_job(ContainerJob.objects.create(**fields))


def recorded_together(manager: JobQueueManager, launches: Sequence[EndedLaunch]) -> list[Recorded]:
    """Have the results of launches written as a worker does; an outage is waited for not at all."""
    return record_all(manager, launches, Outage("test", 0))


def launched_together(manager: JobQueueManager, jobs: Sequence[Any]) -> list[Recorded]:
    """Launch claimed jobs as a worker does: look at all again, call the launcher for each, write all results."""
    return recorded_together(manager, [launch(manager, job, manager.clock()) for job in standing(manager.claims, jobs)])


def row(job: RetryableJob) -> Any:
    """Return the job as the database has it."""
    return type(job)._base_manager.get(pk=job.pk)


def broken_invariants(job: RetryableJob) -> list[str]:
    """Return the rules that the job's row breaks."""
    stored = type(job)._base_manager.filter(pk=job.pk)
    return [invariant.rule for invariant in INVARIANTS if stored.filter(invariant.broken).exists()]


def assert_invariants() -> None:
    """Hold every job of the database to the rules that hold after each step."""
    jobs = ContainerJob.objects.order_by("pk")
    broken = {rule: list(jobs.filter(found).values_list("pk", "status")[:5]) for rule, found, _ in INVARIANTS}
    assert not any(broken.values()), broken


def assert_shows_its_row(job: RetryableJob) -> None:
    """Hold an instance to the row that it stands for."""
    present = row(job)
    names = [field.attname for field in job._meta.concrete_fields]
    assert {name: getattr(job, name) for name in names} == {name: getattr(present, name) for name in names}
