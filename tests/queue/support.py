"""What the tests of the queue share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from job_retry.django.queue import JobQueueManager
from job_retry.django.states import CLAIMED, WAITING, Status
from job_retry.django.testing import ManualClock

from tests.app.models import ContainerJob

if TYPE_CHECKING:
    from job_retry.django.models import RetryableJob

IN_QUEUE = {Status.QUEUED, Status.RETRYING, *CLAIMED}
OUT_OF_QUEUE = {Status.PENDING, Status.FAILED, Status.CANCELLED}


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
    """Return what a row's columns say against its status."""
    rules = {
        "queued_at is set in the queue": job.status not in IN_QUEUE or job.queued_at is not None,
        "queued_at is null outside of it": job.status not in OUT_OF_QUEUE or job.queued_at is None,
        "a token only where claimed": job.claim_token is None or job.status in CLAIMED,
        "a holder goes with a token": bool(job.claimed_by) == (job.claim_token is not None),
        "launching is claimed": job.status != Status.LAUNCHING or job.claim_token is not None,
        "a lease with a claim or on a suspect": job.lease_expires_at is None
        or job.claim_token is not None
        or job.status in WAITING,
        "retrying has a date": job.status != Status.RETRYING or job.scheduled_for is not None,
        "failed_at in failed only": (job.failed_at is not None) == (job.status == Status.FAILED),
        "completed_at in completed only": (job.completed_at is not None) == (job.status == Status.COMPLETED),
    }
    return [rule for rule, holds in rules.items() if not holds]


def assert_invariants() -> None:
    """Hold every job of the database to the rules that hold after each step."""
    broken = {f"{job.pk} ({job.status})": broken_invariants(job) for job in ContainerJob.objects.all()}
    assert not any(broken.values()), broken


def assert_shows_its_row(job: RetryableJob) -> None:
    """Hold an instance to the row that it stands for."""
    present = row(job)
    names = [field.attname for field in job._meta.concrete_fields]
    assert {name: getattr(job, name) for name in names} == {name: getattr(present, name) for name in names}
