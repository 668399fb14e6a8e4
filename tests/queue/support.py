"""What the tests of the queue share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from job_retry.django.invariants import INVARIANTS
from job_retry.django.queue import JobQueueManager
from job_retry.django.testing import ManualClock

from tests.app.models import ContainerJob

if TYPE_CHECKING:
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
