"""What the ledger says of a failed attempt. Pure: `job_retry.django.history.ledger` writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from job_retry.django.error_text import clean_error_text, exception_class, traceback_of
from job_retry.django.history.keys import job_key, model_label
from job_retry.django.history.models import FailedAttempt
from job_retry.django.strategies import DEFAULT_STRATEGY

if TYPE_CHECKING:
    from datetime import datetime

    from job_retry.django.decision import FailureDecision
    from job_retry.django.history.insertion import LedgerRow
    from job_retry.django.models import RetryableJob
    from job_retry.django.queue import JobQueueManager


def ledger_row(
    manager: JobQueueManager, job: RetryableJob, decision: FailureDecision, error: object, now: datetime
) -> LedgerRow:
    """Return the row for the attempt at ``job``, which shows its own row as it was before the decision.

    ``error`` is what the attempt failed with, as a text or an exception.
    """
    raised = exception_class(error)
    return {
        "job_model": model_label(manager.model),
        "job_key": job_key(manager.using, manager.model, job.pk),
        "attempt_serial": job.attempt_serial,
        "fingerprint": decision.fingerprint,
        "verdict": decision.verdict,
        "rule": _fitting("rule", decision.rule or ""),
        "exception_class": _fitting("exception_class", clean_error_text(raised) if raised else ""),
        "strategy": _fitting("strategy", _strategy_name(manager, job)),
        "attempt": decision.failed_attempts,
        "started_at": job.launch_started_at or job.launched_at,
        "failed_at": now,
        "error": decision.error,
        "traceback": traceback_of(error),
        "why": decision.why,
        "reason": decision.reason,
        "delay_seconds": decision.delay_seconds,
        "worker": job.claimed_by,
    }


def _strategy_name(manager: JobQueueManager, job: RetryableJob) -> str:
    try:
        return manager.strategy_name(job)
    except Exception:  # from an override of the program's, which has been logged when it was asked for the strategy
        return DEFAULT_STRATEGY


def _fitting(column: str, text: str) -> str:
    field: Any = FailedAttempt._meta.get_field(column)
    return text[: field.max_length]
