"""Writing what came of an attempt: once, and only while the attempt stands.

An attempt is a claim's token together with the attempt's serial and the count of failed attempts before it. A result
is matched by these and not by the status, since a launcher may have moved the job itself: what it set is taken over.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from job_retry.django import signals
from job_retry.django.error_text import clean_error_text
from job_retry.django.protection import ENGINE_COLUMNS
from job_retry.django.states import CLAIMED, SOURCES, Status, entry_values

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from typing_extensions import NotRequired

    from job_retry.django.claims import ColumnClaims
    from job_retry.django.launcher import LaunchOutcome
    from job_retry.django.models import RetryableJob
    from job_retry.django.queue import JobQueueManager

logger = logging.getLogger("job_retry.queue")

_LOOKS = 5
"""How often a row that moves between looking and writing is looked at again."""


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


class LaunchReport(NamedTuple):
    """What a launch came to, as far as the job's row does not say it."""

    outcome: LaunchOutcome
    started_at: datetime
    known_error: str | None
    """`last_error` before the launch, which tells an error that the launcher itself recorded."""
    known_error_at: datetime | None
    """`last_error_at` before the launch."""


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


def look(manager: JobQueueManager, job: RetryableJob, attempt: Attempt) -> bool:
    """Let the instance show its row, and return whether ``attempt`` still is the job's present one.

    Where the row stands under another claim the instance is left as it is: with that token it could speak for a
    launch that is not its own. Where it stands under the attempt's own, only the launcher can have changed the counts
    that the queue keeps of attempts, and they are put right: it is the queue that charges an attempt, once.
    """
    row = manager.claims.row(job).values(*ENGINE_COLUMNS).first()
    if row is None or row["claim_token"] not in (None, attempt.claim_token):
        return False
    counts = {"attempt_serial": attempt.attempt_serial, "retry_count": attempt.retry_count}
    if row["claim_token"] is not None and not counts.items() <= row.items():
        if not manager.claims.row(job).filter(claim_token=attempt.claim_token).update(**counts):
            return look(manager, job, attempt)
        logger.warning("Job %s: its launcher changed the queue's counts of attempts; they are put right.", job.pk)
        row.update(counts)
    show(job, row)
    return (job.attempt_serial, job.retry_count) == (attempt.attempt_serial, attempt.retry_count)


def sources_of(job: RetryableJob, target: Status) -> tuple[str, ...]:
    """Return the statuses from which a result of ``job`` may lead to ``target``.

    Under a token, any that the transition table knows, and whatever a launcher has set and left the claim: a status
    that the queue does not know, or ``target`` itself. Without one, the status that the instance shows.
    """
    if job.claim_token is None:
        return (job.status,) if job.status in SOURCES[target] else ()
    sources = (*SOURCES[target], target)
    return sources if job.status in Status.values else (*sources, job.status)


def record_launch(manager: JobQueueManager, job: RetryableJob, attempt: Attempt, report: LaunchReport) -> LaunchResult:
    """Write what came of a launch, unless the attempt has passed on or its failure is recorded already."""
    record = _record_success if report.outcome.success else _record_failure
    for _ in range(_LOOKS):
        if not look(manager, job, attempt) and not _put_count_right(manager, job, attempt, report):
            break
        result = record(manager, job, report)
        if result is not None:
            return result
    if Attempt.shown_by(job) == (None, attempt.attempt_serial, attempt.retry_count + 1):
        return _recorded_already(manager, job)
    return passed_on(job)


def _put_count_right(manager: JobQueueManager, job: RetryableJob, attempt: Attempt, report: LaunchReport) -> bool:
    """Take back the attempt that a launcher charged as it ended it, and return whether it did.

    `JobQueueManager.fail`, called during the launch, charges it too, and says why: what it decided stands.
    """
    if Attempt.shown_by(job) != (None, attempt.attempt_serial, attempt.retry_count + 1):
        return False
    if (job.last_error, job.last_error_at) != (report.known_error, report.known_error_at):
        return False
    sources = (Status.FAILED,) if report.outcome.success else (Status.FAILED, Status.RETRYING)
    return write(manager.claims, job, sources, {"retry_count": attempt.retry_count})


def _record_failure(manager: JobQueueManager, job: RetryableJob, report: LaunchReport) -> LaunchResult | None:
    """Write that the launch failed, and return the result; None where the row has moved meanwhile."""
    if job.status == Status.COMPLETED:
        error = clean_error_text(report.outcome.error)
        logger.warning("Job %s was completed by its launcher, which then reported: %s", job.pk, error)
        return _record_completed(manager, job, report)
    if job.status in (Status.PENDING, Status.TIMEOUT, Status.CANCELLED):
        return _settle(manager, job)
    return manager._handle_launch_failure(job, report.outcome.error, manager.strategy_for(job))


def _record_success(manager: JobQueueManager, job: RetryableJob, report: LaunchReport) -> LaunchResult | None:
    """Write that the launch succeeded, and return the result; None where the row has moved meanwhile."""
    outcome = report.outcome
    if job.status == Status.COMPLETED:
        return _record_completed(manager, job, report)
    if job.status == Status.FAILED:
        # What is on record of the job decides, and it is not success.
        shown = "success for a job that it had set to failed"
        error = job.last_error if job.last_error != report.known_error else None
        return manager._handle_launch_failure(
            job, error or f"Unknown error: launcher returned {shown}", manager.strategy_for(job)
        )
    if job.status in Status.values and job.status not in CLAIMED:
        return _settle(manager, job)
    status = Status.COMPLETED if outcome.completed else Status.RUNNING
    values = _launched_values(manager, job, status, report)
    if status is Status.RUNNING:
        values["lease_expires_at"] = manager.run_lease_end(manager.clock())
    if not write(manager.claims, job, (job.status,), values):
        return None
    logger.info("Launched job %s%s.", job.pk, " (completed)" if outcome.completed else "")
    signals.job_launched.send_robust(sender=type(job), job=job, manager=manager)
    return {"success": True, "retry_scheduled": False}


def _record_completed(manager: JobQueueManager, job: RetryableJob, report: LaunchReport) -> LaunchResult | None:
    """Take over that the launcher itself completed the job."""
    if job.claim_token is not None:  # set in the database alone, without what goes with the status
        values = _launched_values(manager, job, Status.COMPLETED, report)
        if not write(manager.claims, job, (Status.COMPLETED,), values):
            return None
    logger.info("Launched job %s; the launcher itself completed it.", job.pk)
    signals.job_launched.send_robust(sender=type(job), job=job, manager=manager)
    return {"success": True, "retry_scheduled": False}


def _launched_values(
    manager: JobQueueManager, job: RetryableJob, status: Status, report: LaunchReport
) -> dict[str, Any]:
    values = {
        **entry_values(status, manager.clock(), lambda name: getattr(job, name)),
        "launched_at": report.started_at,
    }
    if report.outcome.execution_id is not None:
        values["execution_id"] = _fitting_execution_id(job, report.outcome.execution_id)
    return values


def _settle(manager: JobQueueManager, job: RetryableJob) -> LaunchResult | None:
    """Leave the job where somebody has put it during the launch, with the columns that go with its status."""
    if job.claim_token is not None:
        values = entry_values(job.status, manager.clock(), lambda name: getattr(job, name))
        if not write(manager.claims, job, (job.status,), values):
            return None
    return passed_on(job)


def _recorded_already(manager: JobQueueManager, job: RetryableJob) -> LaunchResult:
    """Return what `JobQueueManager.fail`, called during the launch, has decided on this attempt."""
    error = job.last_error or ""
    if job.status == Status.RETRYING and job.scheduled_for is not None:
        seconds = max(0.0, (job.scheduled_for - manager.clock()).total_seconds())
        return {"success": False, "error": error, "retry_scheduled": True, "retry_in_seconds": seconds}
    if job.status == Status.FAILED:
        return {"success": False, "error": f"Permanently failed: {error}", "retry_scheduled": False}
    return passed_on(job)


def passed_on(job: RetryableJob) -> LaunchResult:
    """Say that the result of a launch came too late, or for a job that was called off; nothing was written."""
    logger.warning("Job %s: the claim of this launch has passed on; its result is ignored.", job.pk)
    return {
        "success": False,
        "error": f"Job {job.pk}: the claim of this launch has passed on, its result was ignored",
        "retry_scheduled": False,
    }


def _fitting_execution_id(job: RetryableJob, execution_id: str) -> str:
    limit = job._meta.get_field("execution_id").max_length
    cleaned = clean_error_text(execution_id)
    if limit is None or len(cleaned) <= limit:
        return cleaned
    logger.warning("Job %s: the launcher's execution id is cut at %d characters: %r", job.pk, limit, cleaned)
    return cleaned[:limit]
