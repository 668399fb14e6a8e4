"""Deciding and writing what follows from a failed attempt, whether a launch failed or the run after it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from job_retry.django.decision import FailureDecision, decide
from job_retry.django.error_text import clean_error_text, error_columns, error_text, exception_of
from job_retry.django.history.entries import ledger_row
from job_retry.django.hooks import tell_of_failure
from job_retry.django.judgement import judge
from job_retry.django.recording import Attempt, LaunchResult, look, passed_on, sources_of, write
from job_retry.django.settings import get_settings
from job_retry.django.states import Status, entry_values

if TYPE_CHECKING:
    from job_retry import RetryStrategy
    from job_retry.django.history.insertion import LedgerRow
    from job_retry.django.models import RetryableJob
    from job_retry.django.queue import JobQueueManager

logger = logging.getLogger("job_retry.queue")


@dataclass(frozen=True)
class Failure:
    """What is to be written of a failed attempt."""

    decision: FailureDecision
    status: Status
    values: dict[str, Any]
    """The columns, the status included."""
    entry: LedgerRow
    """What the ledger says of it."""

    @property
    def result(self) -> LaunchResult:
        """What `JobQueueManager.launch_job_with_retry` says of it."""
        error, delay_seconds = self.decision.error, self.decision.delay_seconds
        if delay_seconds is None:
            return {"success": False, "error": f"Permanently failed: {error}", "retry_scheduled": False}
        return {"success": False, "error": error, "retry_scheduled": True, "retry_in_seconds": delay_seconds}


def decide_failure(manager: JobQueueManager, job: RetryableJob, error: object, strategy: RetryStrategy) -> Failure:
    """Decide what follows from a failed attempt at ``job``, which shows its row; nothing is written."""
    text = error_text(error)
    now = manager.clock()
    settings = get_settings()
    decision = decide(
        judgement=judge(manager.classifier, text, exception_of(error), now),
        error=clean_error_text(text),
        failed_attempts=job.retry_count + 1,
        max_retries=job.max_retries,
        strategy=strategy,
        jitter=settings.jitter,
        max_retry_after_seconds=settings.max_retry_after_seconds,
        key=(job.pk, job.attempt_serial),
        now=now,
    )
    status = Status.RETRYING if decision.will_retry else Status.FAILED
    values = {
        **entry_values(status, now, lambda name: getattr(job, name)),
        "retry_count": decision.failed_attempts,
        **error_columns(decision.error, now, decision.fingerprint),
    }
    if decision.will_retry:
        values["scheduled_for"] = decision.retry_at
    return Failure(decision, status, values, ledger_row(manager, job, decision, error, now))


def record_launch_failure(
    manager: JobQueueManager, job: RetryableJob, error: object, strategy: RetryStrategy
) -> LaunchResult:
    """Decide and write what follows from a failed launch, and return the result."""
    attempt = Attempt.shown_by(job)
    failure = record_failure(manager, job, error, strategy)
    if failure is None and attempt.stands_in(look(manager, job, attempt)):  # moved by the launcher just now
        failure = record_failure(manager, job, error, strategy)
    return passed_on(manager, job) if failure is None else failure.result


def record_failure(
    manager: JobQueueManager, job: RetryableJob, error: object, strategy: RetryStrategy
) -> Failure | None:
    """Decide and write what follows from a failed attempt; None where it has passed on and nothing was written."""
    failure = decide_failure(manager, job, error, strategy)
    # Where a launcher, or somebody before this call, has set failed or retrying already, this is the reason for it.
    sources = (*sources_of(job, failure.status), *({job.status} & {Status.FAILED, Status.RETRYING}))
    if not write(manager.claims, job, sources, failure.values, failure.entry):
        return None
    announce_failure(manager, job, failure.decision)
    return failure


def announce_failure(manager: JobQueueManager, job: RetryableJob, decision: FailureDecision) -> None:
    """Log what has been written of a failed attempt, and tell of it."""
    if decision.will_retry:
        logger.warning(
            "Job %s failed (attempt %d): %s. Retrying in %.1fs",
            job.pk,
            decision.failed_attempts,
            decision.error,
            decision.delay_seconds,
        )
    else:
        logger.error(
            "Job %s permanently failed after %d attempts (%s): %s",
            job.pk,
            decision.failed_attempts,
            decision.reason,
            decision.error,
        )
    tell_of_failure(manager, job, decision)
