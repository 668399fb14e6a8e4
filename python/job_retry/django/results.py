"""What came of a launch, put together from what the launcher reported and what it did to the job itself."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from job_retry.django import signals
from job_retry.django.error_text import clean_error_text, clean_traceback, error_fingerprint
from job_retry.django.failures import record_launch_failure
from job_retry.django.recording import Attempt, LaunchResult, look, passed_on, write
from job_retry.django.states import CLAIMED, Status, entry_values

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from job_retry import RetryStrategy
    from job_retry.django.launcher import LaunchOutcome
    from job_retry.django.models import RetryableJob
    from job_retry.django.queue import JobQueueManager

    Handler = Callable[[RetryableJob, object, RetryStrategy], LaunchResult | None]
    """Decides and writes what follows from a failed launch; None where the row is to be looked at again."""

logger = logging.getLogger("job_retry.queue")

_LOOKS = 5
"""How often a row that moves between looking and writing is looked at again."""


class LaunchReport(NamedTuple):
    """What a launch came to, as far as the job's row does not say it."""

    outcome: LaunchOutcome
    started_at: datetime
    known_error: str | None
    """`last_error` before the launch, which tells an error that the launcher itself recorded."""
    known_error_at: datetime | None
    """`last_error_at` before the launch."""


def record_launch(manager: JobQueueManager, job: RetryableJob, attempt: Attempt, report: LaunchReport) -> LaunchResult:
    """Write what came of a launch, unless the attempt has passed on or its failure is recorded already."""
    record = _record_success if report.outcome.success else _record_failure
    handle: Handler = partial(_handle_failure, manager)
    seen = None
    for _ in range(_LOOKS):
        seen = look(manager, job, attempt)
        if seen is None:
            break
        lost = seen.claim_token is None and job.last_error_at != report.known_error_at
        if job.status == Status.COMPLETED and lost:
            break  # by the next claim: a rescue has put the loss of this one on record
        # Whoever completed the job may have counted attempts too.
        completed = job.status == Status.COMPLETED and seen.attempt_serial == attempt.attempt_serial
        if not (completed or attempt.stands_in(seen) or _put_count_right(manager, job, attempt, report)):
            break
        result = record(manager, job, report, handle)
        if result is not None:
            return result
        handle = partial(record_launch_failure, manager)
    if seen == (None, attempt.attempt_serial, attempt.retry_count + 1):
        return _recorded_already(manager, job)
    return passed_on(manager, job)


def _handle_failure(
    manager: JobQueueManager, job: RetryableJob, error: object, strategy: RetryStrategy
) -> LaunchResult | None:
    """Call the manager's hook; None where a program's override of it fails, before or after it has recorded this."""
    try:
        return manager._handle_launch_failure(job, error, strategy)
    except Exception as failure:
        logger.error("_handle_launch_failure of job %s failed.\n%s", job.pk, clean_traceback(failure))
        return None


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


def _record_failure(
    manager: JobQueueManager, job: RetryableJob, report: LaunchReport, handle: Handler
) -> LaunchResult | None:
    """Write that the launch failed, and return the result; None where the row has moved meanwhile."""
    if job.status == Status.COMPLETED:
        error = clean_error_text(report.outcome.error)
        logger.warning("Job %s was completed by its launcher, which then reported: %s", job.pk, error)
        return _record_completed(manager, job, report)
    if job.status in (Status.PENDING, Status.TIMEOUT, Status.CANCELLED):
        return _settle(manager, job)
    return handle(job, report.outcome.error, manager.strategy_for(job))


def _record_success(
    manager: JobQueueManager, job: RetryableJob, report: LaunchReport, handle: Handler
) -> LaunchResult | None:
    """Write that the launch succeeded, and return the result; None where the row has moved meanwhile."""
    if job.status == Status.COMPLETED:
        return _record_completed(manager, job, report)
    if job.status == Status.FAILED:
        # What is on record of the job decides, and it is not success.
        shown = "success for a job that it had set to failed"
        error = job.last_error if job.last_error != report.known_error else None
        return handle(job, error or f"Unknown error: launcher returned {shown}", manager.strategy_for(job))
    if job.status in Status.values and job.status not in CLAIMED:
        return _settle(manager, job)
    if not write(manager.claims, job, (job.status,), success_values(manager, job, report)):
        return None
    announce_success(manager, job, report)
    return succeeded()


def success_values(manager: JobQueueManager, job: RetryableJob, report: LaunchReport) -> dict[str, Any]:
    """Return what is to be written of a launch that succeeded, of a ``job`` that shows its row."""
    status = Status.COMPLETED if report.outcome.completed else Status.RUNNING
    values = _launched_values(manager, job, status, report)
    if status is Status.RUNNING:
        values["lease_expires_at"] = manager.run_lease_end(manager.clock())
    return values


def succeeded() -> LaunchResult:
    """Return the result of a launch that succeeded."""
    return {"success": True, "retry_scheduled": False}


def announce_success(manager: JobQueueManager, job: RetryableJob, report: LaunchReport) -> None:
    """Log and signal that a launch which succeeded has been written."""
    logger.info("Launched job %s%s.", job.pk, " (completed)" if report.outcome.completed else "")
    signals.job_launched.send_robust(sender=type(job), job=job, manager=manager)


def _record_completed(manager: JobQueueManager, job: RetryableJob, report: LaunchReport) -> LaunchResult | None:
    """Take over that the launcher itself completed the job."""
    if job.claim_token is not None:  # set in the database alone, without what goes with the status
        values = _launched_values(manager, job, Status.COMPLETED, report)
        if not write(manager.claims, job, (Status.COMPLETED,), values):
            return None
    return _launched_by_itself(manager, job)


def _launched_by_itself(manager: JobQueueManager, job: RetryableJob) -> LaunchResult:
    logger.info("Launched job %s; the launcher itself completed it.", job.pk)
    signals.job_launched.send_robust(sender=type(job), job=job, manager=manager)
    return succeeded()


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
        values["error_fingerprint"] = error_fingerprint(job.last_error)  # which may be the launcher's own
        if not write(manager.claims, job, (job.status,), values):
            return None
    return passed_on(manager, job)


def _recorded_already(manager: JobQueueManager, job: RetryableJob) -> LaunchResult:
    """Return what `JobQueueManager.fail`, called during the launch, has decided on this attempt."""
    error = job.last_error or ""
    if job.status == Status.RETRYING and job.scheduled_for is not None:
        seconds = max(0.0, (job.scheduled_for - manager.clock()).total_seconds())
        return {"success": False, "error": error, "retry_scheduled": True, "retry_in_seconds": seconds}
    if job.status == Status.FAILED:
        return {"success": False, "error": f"Permanently failed: {error}", "retry_scheduled": False}
    return passed_on(manager, job)


def _fitting_execution_id(job: RetryableJob, execution_id: str) -> str:
    limit = job._meta.get_field("execution_id").max_length
    cleaned = clean_error_text(execution_id)
    if limit is None or len(cleaned) <= limit:
        return cleaned
    logger.warning("Job %s: the launcher's execution id is cut at %d characters: %r", job.pk, limit, cleaned)
    return cleaned[:limit]
