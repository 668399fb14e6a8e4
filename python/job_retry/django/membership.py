"""Into the queue, out of it, and back into it: what people and programs do with jobs that no worker holds."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.db import transaction

from job_retry.django import signals
from job_retry.django.claims import CHUNK_ROWS
from job_retry.django.history.ledger import settle
from job_retry.django.history.models import DeadLetter
from job_retry.django.protection import ENGINE_COLUMNS
from job_retry.django.recording import write
from job_retry.django.states import SOURCES, TARGETS, Status, entry_update, entry_values, requeue_values
from job_retry.django.times import in_time_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from job_retry.django.claims import ColumnClaims
    from job_retry.django.models import RetryableJob
    from job_retry.django.querysets import JobQuerySet

logger = logging.getLogger("job_retry.queue")


class QueueMembership:
    """The part of `JobQueueManager` that puts jobs into the queue and takes them out."""

    using: str
    clock: Callable[[], datetime]
    claims: ColumnClaims

    def jobs(self) -> JobQuerySet[Any]:
        """Return all jobs of the model in the queue's database."""
        return self.claims.jobs()

    def queue_job(
        self, job: RetryableJob, schedule_for: datetime | None = None, priority: int | None = None
    ) -> RetryableJob:
        """Put a pending job into the queue and return it.

        ``schedule_for``: not to be launched before; ``priority``: 0 to 100, replaces the job's. ValueError where the
        job is queued already, has ended, is not saved or in another database, or where the priority is out of range.
        """
        self.claims.refuse_strangers([job])
        if job._state.adding:
            raise ValueError(f"Job {job.pk} is not saved yet; save it before it is queued")
        if job.is_queued:
            raise ValueError(f"Job {job.pk} is already queued")
        if job.status == Status.FAILED:
            raise ValueError(f"Cannot queue failed job {job.pk}; use retry_failed_job")
        if job.status != Status.PENDING:
            raise ValueError(f"Cannot queue {job.status} job {job.pk}")
        values: dict[str, Any] = {"queued_at": self.clock(), "scheduled_for": in_time_zone(schedule_for)}
        if priority is not None:
            values["priority"] = _checked_priority(priority)
        if not self._write(job, Status.QUEUED, values):
            raise ValueError(f"Job {job.pk} is not pending any more; its status is {self._present_status(job)}")
        logger.info("Queued job %s%s.", job.pk, f" for {schedule_for}" if schedule_for else "")
        return job

    def queue_jobs(self, jobs: Iterable[RetryableJob]) -> int:
        """Put many pending jobs into the queue, in the caller's transaction, and return how many.

        All or none: ValueError, naming some of them, where a job is not pending; then nothing is written. The given
        instances show the new state afterwards.
        """
        jobs = list(jobs)
        self.claims.refuse_strangers(jobs)
        unsaved = [job for job in jobs if job._state.adding]
        if unsaved:
            raise ValueError(f"{len(unsaved)} of {len(jobs)} jobs are not saved yet; save them before they are queued")
        now = self.clock()
        pks = list({job.pk for job in jobs})
        values = {**entry_update(Status.QUEUED, now), "queued_at": now}
        with transaction.atomic(using=self.using):
            for start in range(0, len(pks), CHUNK_ROWS):
                chunk = pks[start : start + CHUNK_ROWS]
                pending = self.jobs().filter(pk__in=chunk, status=Status.PENDING)
                if pending.update(**values) != len(chunk):
                    others = self.jobs().filter(pk__in=chunk).exclude(status=Status.QUEUED, queued_at=now)
                    shown = ", ".join(f"{pk} ({status})" for pk, status in others.values_list("pk", "status")[:5])
                    raise ValueError(
                        f"Only pending jobs can be queued; nothing was written. Not pending: {shown or 'gone'}"
                    )
        for job in jobs:
            job.show_engine_columns(values)
        if pks:
            self.claims.wake_up.send()
        logger.info("Queued %d jobs.", len(pks))
        return len(pks)

    def dequeue_job(self, job: RetryableJob) -> None:
        """Take a waiting job out of the queue; it ends in pending, count 0. ValueError where it does not wait."""
        if not job.is_queued:
            raise ValueError(f"Job {job.pk} is not queued")
        if not self._write(job, Status.PENDING, {"retry_count": 0}):
            raise ValueError(f"Job {job.pk} is not queued any more; its status is {self._present_status(job)}")
        logger.info("Removed job %s from the queue.", job.pk)

    def retry_failed_job(self, job: RetryableJob, reset_count: bool = False, *, by: str = "") -> bool:
        """Queue a dead letter, or a job that waits for its retry, to be launched now; returns True.

        With ``reset_count`` the count of failed attempts starts at 0 again; without, a job that has used up its
        attempts is granted exactly one. The workers that it has cost are forgotten. ``by`` is the name of the user who
        does it, for the dead letter. ValueError for a job in any other status.
        """
        if job.status not in (Status.FAILED, Status.RETRYING):
            raise ValueError(f"Cannot retry job in status: {job.status}")
        values = requeue_values(self.clock(), reset_count=reset_count)
        with transaction.atomic(using=self.using):
            written = self._write(job, Status.QUEUED, values)
            if written:
                self._settle(job, DeadLetter.State.REQUEUED, by=by)
        if not written:
            raise ValueError(f"Cannot retry job in status: {self._present_status(job)}")
        logger.info("Manually retrying job %s (retry_count=%d).", job.pk, job.retry_count)
        signals.job_requeued.send_robust(sender=type(job), job=job, manager=self, count_reset=reset_count)
        return True

    def cancel(self, job: RetryableJob, *, by: str = "", note: str = "") -> bool:
        """Call a job off, or discard a dead letter; returns True. A launch under way has its result ignored.

        ``by`` is the name of the user who does it and ``note`` says why, for the dead letter. ValueError where the job
        has ended otherwise.
        """
        row = self.claims.row(job).filter(status__in=SOURCES[Status.CANCELLED])
        with transaction.atomic(using=self.using):
            cancelled = row.update(**entry_update(Status.CANCELLED, self.clock()))
            if cancelled:
                self._settle(job, DeadLetter.State.DISCARDED, by=by, note=note)
        if not cancelled:
            raise ValueError(f"Cannot cancel job in status: {self._present_status(job)}")
        self._refreshed(job)
        logger.info("Cancelled job %s.", job.pk)
        return True

    def _write(self, job: RetryableJob, status: Status, values: dict[str, Any]) -> bool:
        """Move ``job`` to ``status`` if its row stands where the instance does, under the same claim and attempt."""
        if status not in TARGETS.get(job.status, ()):
            return False
        now = self.clock()
        changes = {**entry_values(status, now, lambda name: getattr(job, name)), **values}
        if not write(self.claims, job, (job.status,), changes):
            return False
        if status is Status.QUEUED and (job.scheduled_for is None or job.scheduled_for <= now):
            self.claims.wake_up.send()
        return True

    def _settle(self, job: RetryableJob, state: DeadLetter.State, *, by: str, note: str = "") -> None:
        settle(self.using, self.claims.model, [job.pk], state, self.clock(), by=by, note=note)

    def _refreshed(self, job: RetryableJob) -> RetryableJob:
        """Return ``job`` with the engine's columns as the row has them."""
        job.refresh_from_db(using=self.using, fields=ENGINE_COLUMNS)
        return job

    def _present_status(self, job: RetryableJob) -> str:
        status: str | None = self.claims.row(job).values_list("status", flat=True).first()
        return "deleted" if status is None else status


def _checked_priority(priority: int) -> int:
    if not isinstance(priority, int) or isinstance(priority, bool) or not 0 <= priority <= 100:
        raise ValueError(f"priority must be a whole number from 0 to 100, not {priority!r}")
    return priority
