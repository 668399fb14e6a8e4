"""What the jobs of this process do, counted by the queue's signals.

Labels have few values: queues, verdicts, rules and reasons are known sets. What has no bound, such as a fingerprint,
is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import Counter

from job_retry.django import signals
from job_retry.django.decision import WORKERS_LOST

if TYPE_CHECKING:
    from job_retry.django.decision import FailureDecision
    from job_retry.django.queue import JobQueueManager

LAUNCHES = Counter("job_retry_launches", "Launches that succeeded.", ["queue"])
FAILED_ATTEMPTS = Counter("job_retry_failed_attempts", "Attempts that failed.", ["queue", "verdict", "rule"])
RETRIES = Counter("job_retry_retries", "Failed attempts after which another was scheduled.", ["queue"])
DEAD_LETTERS = Counter("job_retry_dead_letters", "Jobs that failed for good.", ["queue", "reason"])
REQUEUES = Counter("job_retry_requeues", "Dead letters and waiting retries that were queued again by hand.", ["queue"])
WORKER_LOSSES = Counter("job_retry_worker_losses", "Jobs whose worker, or whose run, was lost.", ["queue"])


def queue_name(manager: JobQueueManager) -> str:
    """Return the name of a queue, or, where it has none, the label of its job model."""
    return manager.options.name or manager.model._meta.label


def connect() -> None:
    """Count what the signals tell of; once, however often it is called."""
    for signal, receiver in _RECEIVERS:
        signal.connect(receiver, dispatch_uid=f"job_retry.prometheus.{receiver.__name__}")


def _launched(manager: JobQueueManager, **_arguments: Any) -> None:
    LAUNCHES.labels(queue_name(manager)).inc()


def _retry_scheduled(manager: JobQueueManager, decision: FailureDecision, **_arguments: Any) -> None:
    _count_attempt(manager, decision)
    RETRIES.labels(queue_name(manager)).inc()


def _dead_lettered(manager: JobQueueManager, decision: FailureDecision, **_arguments: Any) -> None:
    if decision.reason != WORKERS_LOST:  # which counts as no attempt
        _count_attempt(manager, decision)
    DEAD_LETTERS.labels(queue_name(manager), decision.reason).inc()


def _count_attempt(manager: JobQueueManager, decision: FailureDecision) -> None:
    FAILED_ATTEMPTS.labels(queue_name(manager), decision.verdict, decision.rule or "").inc()


def _requeued(manager: JobQueueManager, **_arguments: Any) -> None:
    REQUEUES.labels(queue_name(manager)).inc()


def _worker_lost(manager: JobQueueManager, **_arguments: Any) -> None:
    WORKER_LOSSES.labels(queue_name(manager)).inc()


_RECEIVERS = (
    (signals.job_launched, _launched),
    (signals.job_retry_scheduled, _retry_scheduled),
    (signals.job_dead_lettered, _dead_lettered),
    (signals.job_requeued, _requeued),
    (signals.job_worker_lost, _worker_lost),
)
