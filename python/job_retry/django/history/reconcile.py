"""Bringing the dead letters in step with jobs that were moved past the queue, as by an update of the project's own.

Also what opens the letters of jobs that had failed before there were any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, TextField
from django.db.models.functions import Cast

from job_retry import ErrorType
from job_retry.django.claims import CHUNK_ROWS
from job_retry.django.history.keys import job_pk, model_label
from job_retry.django.history.ledger import open_found, settle
from job_retry.django.history.models import DeadLetter
from job_retry.django.judgement import judge
from job_retry.django.querysets import is_failed
from job_retry.django.states import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from job_retry.django.queue import JobQueueManager


class Reconciled(NamedTuple):
    """How many letters were brought in step."""

    opened: int = 0
    """Of jobs that are failed."""
    requeued: int = 0
    """Settled, since the job is in the queue again, or has ended otherwise."""
    discarded: int = 0
    """Settled, since the job was cancelled or deleted."""


def reconcile(manager: JobQueueManager) -> Iterator[Reconciled]:
    """Open and settle the letters of a queue's jobs as the jobs stand, and yield what was done with each chunk.

    May be run at any time, and be interrupted and run again: each chunk is a transaction, in which its jobs are locked
    where the database knows that.
    """
    yield from _settle_open(manager)
    yield from _open_missing(manager)


def _settle_open(manager: JobQueueManager) -> Iterator[Reconciled]:
    using, model = manager.using, manager.model
    letters = DeadLetter.objects.using(using).filter(job_model=model_label(model), state=DeadLetter.State.OPEN)
    after = 0
    while True:
        with transaction.atomic(using=using):
            chunk = dict(letters.filter(pk__gt=after).order_by("pk").values_list("pk", "job_key")[:CHUNK_ROWS])
            if not chunk:
                return
            after = max(chunk)
            pks = {job_pk(model, key): key for key in chunk.values()}
            jobs = manager.jobs().filter(pk__in=list(pks)).select_for_update()
            statuses = dict(jobs.values_list("pk", "status"))
            moved = [pk for pk in pks if statuses.get(pk) not in (Status.FAILED, Status.CANCELLED, None)]
            ended = [pk for pk in pks if statuses.get(pk) in (Status.CANCELLED, None)]
            now = manager.clock()
            settle(using, model, moved, DeadLetter.State.REQUEUED, now)
            settle(using, model, ended, DeadLetter.State.DISCARDED, now)
        yield Reconciled(requeued=len(moved), discarded=len(ended))


def _open_missing(manager: JobQueueManager) -> Iterator[Reconciled]:
    using, model = manager.using, manager.model
    open_letters = DeadLetter.objects.using(using).filter(
        job_model=model_label(model), job_key=OuterRef("letter_key"), state=DeadLetter.State.OPEN
    )
    failed = manager.jobs().filter(is_failed()).alias(letter_key=Cast("pk", TextField())).order_by("pk")
    missing = failed.exclude(Exists(open_letters))
    while True:
        pks = list(missing.values_list("pk", flat=True)[:CHUNK_ROWS])
        if not pks:
            return
        with transaction.atomic(using=using):
            jobs = list(missing.filter(pk__in=pks).select_for_update())  # those that still are
            now = manager.clock()
            for job in jobs:
                open_found(using, job, now, _reason(manager, job), manager.classifier)
        yield Reconciled(opened=len(jobs))


def _reason(manager: JobQueueManager, job: Any) -> str:
    if job.worker_losses >= manager.max_worker_losses:
        return DeadLetter.Reason.POISON
    if not job.last_error:
        return DeadLetter.Reason.BY_HAND
    if judge(manager.classifier, job.last_error).error_type is ErrorType.PERMANENT:
        return DeadLetter.Reason.PERMANENT
    return DeadLetter.Reason.LIMIT
