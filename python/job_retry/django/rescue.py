"""Bringing back the jobs of workers that were lost: that died, hung, or were cut off from the database.

A worker is lost when all leases of what it launches have ended. Each of its jobs waits again, as a suspect; one that
was the only job its worker held has killed it, or so it seems, and is a dead letter once that has happened
``max_worker_losses`` times. A detached run whose lease has ended is lost by itself, whatever became of its worker.

`judge_losses` decides, `rescue` writes.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connections, transaction

from job_retry import ErrorType
from job_retry.django import signals
from job_retry.django.claims import came_from
from job_retry.django.decision import WORKER_LOST, WORKERS_LOST, FailureDecision
from job_retry.django.error_text import error_columns
from job_retry.django.history.entries import ledger_row
from job_retry.django.history.ledger import enter
from job_retry.django.hooks import tell_of_failure
from job_retry.django.locking import try_lock_rescuing
from job_retry.django.states import Status, entry_values

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from job_retry.django.history.insertion import LedgerRow
    from job_retry.django.queue import JobQueueManager

logger = logging.getLogger("job_retry.queue")


@dataclass(frozen=True)
class Loss:
    """What becomes of a job whose worker, or whose run, was lost."""

    job: Any
    holder: str
    alone: bool
    """Whether the worker held nothing but this job, so that the job is to blame."""
    status: Status
    """Where the job goes."""
    error: str
    """What is put on record."""
    worker_losses: int
    """The job's new count."""

    @property
    def is_poison(self) -> bool:
        """Whether the job is a dead letter, since it has cost too many workers."""
        return self.status is Status.FAILED


def judge_losses(jobs: Iterable[Any], held: Counter[str], max_worker_losses: int) -> list[Loss]:
    """Return what becomes of ``jobs``, whose leases have ended. Pure.

    ``held`` is how many jobs each holder launches or is about to launch, ``jobs`` included. The jobs of a holder of
    which some lease is still live are left alone: who they were lost with is known when that one has ended as well.
    """
    by_holder: dict[str, list[Any]] = defaultdict(list)
    losses = []
    for job in jobs:
        if job.status == Status.RUNNING:
            error = f"Run lost: no heartbeat before the lease ended (launched by {job.claimed_by})"
            losses.append(Loss(job, job.claimed_by, False, Status.RETRYING, error, job.worker_losses))
        else:
            by_holder[job.claimed_by].append(job)
    for holder, launching in by_holder.items():
        if held[holder] > len(launching):
            continue
        losses += [_judge(job, holder, len(launching), max_worker_losses) for job in launching]
    return losses


def _judge(job: Any, holder: str, together: int, max_worker_losses: int) -> Loss:
    if together > 1:
        error = f"Worker lost: {holder} held this job and {together - 1} others when its lease ended"
        return Loss(job, holder, False, came_from(job), error, job.worker_losses)
    count = job.worker_losses + 1
    error = f"Worker lost: {holder} held this job alone when its lease ended ({count} of {max_worker_losses})"
    status = Status.FAILED if count >= max_worker_losses else came_from(job)
    return Loss(job, holder, True, status, error, count)


def rescue(manager: JobQueueManager) -> list[Loss]:
    """Bring back the jobs of lost workers and return what became of them.

    Waits for nobody: a job that somebody else is writing at the moment, and all jobs where somebody else rescues, are
    left for another time.
    """
    claims, now = manager.claims, manager.clock()
    if not claims.jobs().lost(now).exists():
        return []
    with transaction.atomic(using=manager.using):
        # One rescuer at a time: what one has written would seem to another never to have been held together.
        if not try_lock_rescuing(claims.jobs()):
            return []
        skip_locked = connections[manager.using].features.has_select_for_update_skip_locked
        jobs = list(claims.jobs().lost(now).order_by("pk").select_for_update(skip_locked=skip_locked))
        holders = {job.claimed_by for job in jobs}
        held = Counter(
            claims.held().filter(status=Status.LAUNCHING, claimed_by__in=holders).values_list("claimed_by", flat=True)
        )
        written: list[Loss] = []
        entries: list[LedgerRow] = []
        for loss in judge_losses(jobs, held, manager.max_worker_losses):
            entry = _entry(manager, loss, now)  # of the job as it is before it is written
            if _write(manager, loss, now):
                written.append(loss)
                entries.append(entry)
        enter(manager.using, entries)
        if any(not loss.is_poison for loss in written):
            claims.wake_up.send()
    for loss in written:
        _announce(manager, loss, now)
    return written


def _write(manager: JobQueueManager, loss: Loss, now: datetime) -> bool:
    job = loss.job
    values = {
        **entry_values(loss.status, now, lambda name: getattr(job, name)),
        **error_columns(loss.error, now),
        "worker_losses": loss.worker_losses,
    }
    if job.status == Status.RUNNING:
        values["scheduled_for"] = now
    else:
        # As for a claim given back: the next launch carries the same idempotency key, since whether this one took
        # place, nobody knows; and its own result, should it still come in, is told by it from those of the next.
        values["attempt_serial"] = max(job.attempt_serial, 1) - 1
        if not loss.is_poison:
            values["lease_expires_at"] = job.lease_expires_at  # the mark of a suspect
    # The lease too must be the one that has ended: it may have been renewed just now.
    lost = manager.claims.fenced(job).filter(status=job.status, lease_expires_at=job.lease_expires_at)
    if not lost.update(**values):
        return False
    job.show_engine_columns(values)
    return True


def _decision(loss: Loss, now: datetime) -> FailureDecision:
    """Return what is decided of the job, as of one that failed; a loss counts for no attempt."""
    if loss.is_poison:
        return FailureDecision(ErrorType.UNKNOWN, loss.error, loss.job.retry_count, WORKERS_LOST)
    return FailureDecision(
        ErrorType.UNKNOWN, loss.error, loss.job.retry_count, WORKER_LOST, delay_seconds=0.0, retry_at=now
    )


def _entry(manager: JobQueueManager, loss: Loss, now: datetime) -> LedgerRow:
    return ledger_row(manager, loss.job, _decision(loss, now), loss.error, now)


def _announce(manager: JobQueueManager, loss: Loss, now: datetime) -> None:
    if loss.is_poison:
        logger.error("Job %s permanently failed (%s): %s", loss.job.pk, WORKERS_LOST, loss.error)
        tell_of_failure(manager, loss.job, _decision(loss, now))
    else:
        logger.warning("Job %s brought back as %s: %s", loss.job.pk, loss.job.status, loss.error)
    signals.job_worker_lost.send_robust(sender=type(loss.job), job=loss.job, manager=manager, loss=loss)
