"""What each attempt came to, as the queue's signals tell it while the worker runs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from job_retry.django.signals import job_dead_lettered, job_launched, job_retry_scheduled

if TYPE_CHECKING:
    from collections.abc import Callable

    from job_retry.django.decision import FailureDecision


@dataclass(frozen=True)
class Attempt:
    """One attempt at one job."""

    started_at: datetime
    ended_at: datetime
    strategy: str
    """Name of the strategy that decided, or would have."""
    decision: FailureDecision | None = None
    """None: the attempt succeeded."""


class AttemptRecorder:
    """Listens as long as its `with` block lasts; `attempts` holds those of each job, by primary key."""

    def __init__(self, on_retry: Callable[[Any, FailureDecision], None]) -> None:
        self.attempts: defaultdict[int, list[Attempt]] = defaultdict(list)
        self.on_retry = on_retry

    def __enter__(self) -> AttemptRecorder:
        job_launched.connect(self.succeeded)
        job_retry_scheduled.connect(self.to_be_retried)
        job_dead_lettered.connect(self.dead)
        return self

    def __exit__(self, *_: object) -> None:
        job_launched.disconnect(self.succeeded)
        job_retry_scheduled.disconnect(self.to_be_retried)
        job_dead_lettered.disconnect(self.dead)

    def succeeded(self, *, job: Any, manager: Any, **_: object) -> None:
        """Receive `job_launched`, which the blocking launcher's job sends when it is over."""
        self._record(job, manager, job.completed_at, None)

    def to_be_retried(self, *, job: Any, manager: Any, decision: FailureDecision, **_: object) -> None:
        """Receive `job_retry_scheduled`."""
        # The very moment from which the queue counts the delay.
        assert decision.retry_at is not None
        assert decision.delay_seconds is not None
        failed_at = decision.retry_at - timedelta(seconds=decision.delay_seconds)
        self._record(job, manager, failed_at, decision)
        self.on_retry(job, decision)

    def dead(self, *, job: Any, manager: Any, decision: FailureDecision, **_: object) -> None:
        """Receive `job_dead_lettered`."""
        self._record(job, manager, job.failed_at, decision)

    def _record(self, job: Any, manager: Any, ended_at: datetime, decision: FailureDecision | None) -> None:
        chosen = manager.strategy_for(job)
        name = next(name for name, strategy in manager.strategies.items() if strategy is chosen)
        self.attempts[job.pk].append(Attempt(job.started_at, ended_at, name, decision))
