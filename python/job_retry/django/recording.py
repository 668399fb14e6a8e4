"""Writing what came of an attempt: once, and only while the attempt stands.

An attempt is a claim's token together with the attempt's serial and the count of failed attempts before it. A result
is matched by these and not by the status, since a launcher may have moved the job itself: what it set is taken over.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from job_retry.django import signals
from job_retry.django.protection import ENGINE_COLUMNS
from job_retry.django.states import SOURCES, Status

if TYPE_CHECKING:
    from uuid import UUID

    from typing_extensions import NotRequired

    from job_retry.django.claims import ColumnClaims
    from job_retry.django.models import RetryableJob
    from job_retry.django.queue import JobQueueManager

logger = logging.getLogger("job_retry.queue")


class LaunchResult(TypedDict):
    """What `JobQueueManager.launch_job_with_retry` returns."""

    success: bool
    retry_scheduled: bool
    error: NotRequired[str]
    """Present where ``success`` is False; begins with ``Permanently failed: `` for a dead letter."""
    retry_in_seconds: NotRequired[float]
    """Present where ``retry_scheduled`` is True."""


class Attempt(NamedTuple):
    """Identifies one attempt at one job."""

    claim_token: UUID | None
    attempt_serial: int
    retry_count: int

    @classmethod
    def shown_by(cls, job: RetryableJob) -> Attempt:
        """Return the attempt that the instance shows."""
        return cls(job.claim_token, job.attempt_serial, job.retry_count)

    def stands_in(self, seen: Attempt | None) -> bool:
        """Return whether what `look` has seen is this attempt, its claim cleared or not."""
        return seen is not None and seen[1:] == self[1:]


def show(job: RetryableJob, values: dict[str, Any]) -> None:
    """Let the instance show ``values``, which are those of its row."""
    for name, value in values.items():
        setattr(job, name, value)
    job.remember_engine_columns(values)


def write(claims: ColumnClaims, job: RetryableJob, sources: tuple[str, ...], values: dict[str, Any]) -> bool:
    """Write ``values`` if the row stands in one of ``sources`` at the attempt that the instance shows.

    The one place from which a result reaches the database. The instance shows ``values`` where they were written.
    """
    if not claims.fenced(job).filter(status__in=sources).update(**values):
        return False
    show(job, values)
    return True


def look(manager: JobQueueManager, job: RetryableJob, attempt: Attempt) -> Attempt | None:
    """Let the instance show its row, and return the attempt that the row shows.

    None where the row is gone or stands under another claim; then the instance is left as it is: with that token it
    could speak for a launch that is not its own. Where the row stands under the attempt's own, only the launcher can
    have changed the counts that the queue keeps of attempts, and they are put right: it is the queue that charges an
    attempt, once.
    """
    row = manager.claims.row(job).values(*ENGINE_COLUMNS).first()
    if row is None or row["claim_token"] not in (None, attempt.claim_token):
        return None
    counts = {"attempt_serial": attempt.attempt_serial, "retry_count": attempt.retry_count}
    if row["claim_token"] is not None and not counts.items() <= row.items():
        if not manager.claims.row(job).filter(claim_token=attempt.claim_token).update(**counts):
            return look(manager, job, attempt)
        logger.warning("Job %s: its launcher changed the queue's counts of attempts; they are put right.", job.pk)
        row.update(counts)
    show(job, row)
    return Attempt.shown_by(job)


def sources_of(job: RetryableJob, target: Status) -> tuple[str, ...]:
    """Return the statuses from which a result of ``job`` may lead to ``target``.

    Under a token, any that the transition table knows, and whatever a launcher has set and left the claim: a status
    that the queue does not know, or ``target`` itself. Without one, the status that the instance shows.
    """
    if job.claim_token is None:
        return (job.status,) if job.status in SOURCES[target] else ()
    sources = (*SOURCES[target], target)
    return sources if job.status in Status.values else (*sources, job.status)


def passed_on(manager: JobQueueManager, job: RetryableJob) -> LaunchResult:
    """Say that the result of a launch came too late, or for a job that was called off; nothing was written."""
    logger.warning("Job %s: the claim of this launch has passed on; its result is ignored.", job.pk)
    signals.job_result_ignored.send_robust(sender=type(job), job=job, manager=manager)
    return {
        "success": False,
        "error": f"Job {job.pk}: the claim of this launch has passed on, its result was ignored",
        "retry_scheduled": False,
    }
