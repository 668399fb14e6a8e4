"""One attempt at one claimed job: call the launcher, then write what came of it, once, under the claim's token.

`JobQueueManager` decides *that* a job is launched; this module knows what a launch may do to its surroundings: raise,
break the database connection, leave a transaction open, write the job's row itself, or outlive its claim.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypedDict

from django.db import DatabaseError, connections, transaction

from job_retry.django import signals
from job_retry.django.error_text import clean_error_text, clean_traceback, error_text
from job_retry.django.launcher import LaunchOutcome, call_launcher
from job_retry.django.protection import ENGINE_COLUMNS
from job_retry.django.states import CLAIMED, Status, entry_values

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.backends.base.base import BaseDatabaseWrapper
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


def refuse_open_transaction(using: str) -> None:
    """Raise RuntimeError where the caller has a transaction open; Django's ``TestCase`` is let through."""
    connection = connections[using]
    try:
        with transaction.atomic(using=using, durable=True):
            pass
        manual = not connection.in_atomic_block and not connection.get_autocommit()
    except RuntimeError:
        manual = True
    if manual:
        raise RuntimeError(
            "A job cannot be launched inside a transaction: its row would stay locked as long as the launch takes, "
            "and a rollback would forget that it was launched. Launch it after the block, for instance with "
            "transaction.on_commit(lambda: manager.launch_job_with_retry(job)), or leave it to the worker."
        )


def run_attempt(manager: JobQueueManager, job: RetryableJob) -> LaunchResult:
    """Launch ``job``, which this process has claimed, and write the result."""
    claimed = {name: getattr(job, name) for name in ("status", "claim_token", "attempt_serial", "retry_count")}
    started_at = manager.clock()
    try:
        outcome = _call(manager, job)
    except (KeyboardInterrupt, SystemExit):
        _show(job, claimed)
        manager.release_claim(job)
        raise
    # A launcher may have moved its own instance of the job, saved or not; the result belongs to the claim.
    _show(job, claimed)
    if outcome.success:
        return record_success(manager, job, outcome, started_at)
    if outcome.exception is not None:
        logger.warning("The launcher of job %s raised:\n%s", job.pk, clean_traceback(outcome.exception))
    result = manager._handle_launch_failure(job, outcome.error, manager.strategy_for(job))
    if not result["success"] and job.status == Status.COMPLETED:
        # The launcher completed the job, then stumbled: what it set on the job is the result.
        logger.warning("Job %s was completed by its launcher, which then reported: %s", job.pk, result["error"])
        return {"success": True, "retry_scheduled": False}
    return result


def record_success(
    manager: JobQueueManager, job: RetryableJob, outcome: LaunchOutcome, started_at: datetime
) -> LaunchResult:
    """Write that the launch succeeded: completed where it was the whole run, else running under the same claim."""
    now = manager.clock()
    status = Status.COMPLETED if outcome.completed else Status.RUNNING
    values = {**entry_values(status, now, lambda name: getattr(job, name)), "launched_at": started_at}
    if outcome.execution_id is not None:
        values["execution_id"] = _fitting_execution_id(job, outcome.execution_id)
    if status is Status.RUNNING:
        values["lease_expires_at"] = manager.run_lease_end(now)
    known_error = job.last_error
    if write(manager.claims, job, CLAIMED, values):
        logger.info("Launched job %s%s.", job.pk, " (completed)" if outcome.completed else "")
    elif not take_over(manager, job):
        return passed_on(job)
    elif job.status == Status.FAILED:
        # The launcher reported success and set failed: what is on record of the job decides.
        error = job.last_error if job.last_error != known_error else None
        shown = "success for a job that it had set to failed"
        return manager._handle_launch_failure(
            job, error or f"Unknown error: launcher returned {shown}", manager.strategy_for(job)
        )
    elif job.status != Status.COMPLETED:
        return passed_on(job)
    else:
        logger.info("Launched job %s; the launcher itself completed it.", job.pk)
    signals.job_launched.send_robust(sender=type(job), job=job, manager=manager)
    return {"success": True, "retry_scheduled": False}


def write(claims: ColumnClaims, job: RetryableJob, sources: tuple[str, ...], values: dict[str, Any]) -> bool:
    """Write ``values`` if the row stands in one of ``sources`` under the instance's claim and attempt.

    The one place from which a result reaches the database. The instance shows ``values`` where they were written.
    """
    if not claims.fenced(job).filter(status__in=sources).update(**values):
        return False
    _show(job, values)
    job.remember_engine_columns(values)
    return True


def take_over(manager: JobQueueManager, job: RetryableJob) -> bool:
    """Show the row on ``job`` if it still stands at the attempt that the instance knows, under no claim.

    So it does where the launcher itself, or somebody by hand, moved the job during the launch. Where the claim was
    released, or a result recorded for this attempt already, the instance is left as it is: with the token of the
    present claim it could speak for a launch that is not its own.
    """
    row = manager.claims.jobs().filter(pk=job.pk).first()
    known = (None, job.attempt_serial, job.retry_count)
    if row is None or job.claim_token is None or (row.claim_token, row.attempt_serial, row.retry_count) != known:
        return False
    values = {name: getattr(row, name) for name in ENGINE_COLUMNS}
    _show(job, values)
    job.remember_engine_columns(values)
    return True


def passed_on(job: RetryableJob) -> LaunchResult:
    """Say that the result of a launch came too late, or for a job that was called off; nothing was written."""
    logger.warning("Job %s: the claim of this launch has passed on; its result is ignored.", job.pk)
    return {
        "success": False,
        "error": f"Job {job.pk}: the claim of this launch has passed on, its result was ignored",
        "retry_scheduled": False,
    }


def _call(manager: JobQueueManager, job: RetryableJob) -> LaunchOutcome:
    key = f"{job._meta.label_lower}:{job.pk}:{job.attempt_serial}"
    connection = connections[manager.using]
    if connection.in_atomic_block:  # Django's TestCase: refuse_open_transaction lets nothing else through
        return _call_in_savepoint(manager, job, key)
    try:
        return call_launcher(manager.launch, job, key)
    finally:
        _restore_connection(connection)


def _call_in_savepoint(manager: JobQueueManager, job: RetryableJob, key: str) -> LaunchOutcome:
    outcome = None
    try:
        with transaction.atomic(using=manager.using):
            outcome = call_launcher(manager.launch, job, key)
            if isinstance(outcome.exception, DatabaseError):
                transaction.set_rollback(True, using=manager.using)
    except DatabaseError as error:
        # The launcher hid a database error of its own; leaving the savepoint met it and rolled back.
        if outcome is None:
            return LaunchOutcome(success=False, error=error_text(error), exception=error)
    assert outcome is not None  # noqa: S101 - set wherever the block was left without an error
    return outcome


def _restore_connection(connection: BaseDatabaseWrapper) -> None:
    """Bring the thread's connection back to autocommit after a launcher that left a transaction open or broke it."""
    if connection.in_atomic_block or not connection.get_autocommit():
        logger.warning("The launcher left a transaction open; it is rolled back.")
        connection.close()
        connection.connect()
    else:
        connection.close_if_unusable_or_obsolete()


def _show(job: RetryableJob, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(job, name, value)


def _fitting_execution_id(job: RetryableJob, execution_id: str) -> str:
    limit = job._meta.get_field("execution_id").max_length
    cleaned = clean_error_text(execution_id)
    if limit is None or len(cleaned) <= limit:
        return cleaned
    logger.warning("Job %s: the launcher's execution id is cut at %d characters: %r", job.pk, limit, cleaned)
    return cleaned[:limit]
