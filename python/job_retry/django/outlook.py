"""What lies ahead of a job: its next attempt, and the schedule of those after it.

Nothing is estimated: each delay comes from `job_retry.django.decision.decide`, the very function that will decide when
the attempt has failed, with the same strategy, limit and jitter.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from job_retry import ErrorType
from job_retry.django.decision import ATTEMPTS_LEFT, FailureDecision, decide
from job_retry.django.judgement import Judgement, judge
from job_retry.django.settings import get_settings
from job_retry.django.states import CLAIMED, WAITING, Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from job_retry.django.queue import JobQueueManager

PLANNED_ATTEMPTS_LIMIT = 20
"""Attempts that a plan lists; a strategy may allow a million."""


class Prospect(enum.Enum):
    """What is to be expected of a job."""

    DUE = enum.auto()
    """Waits for a worker, which may launch it at `NextAttempt.at`."""
    UNDER_WAY = enum.auto()
    """A worker holds it, or its run goes on."""
    NOT_QUEUED = enum.auto()
    """Nobody has put it into the queue."""
    NEVER = enum.auto()
    """No attempt follows, for `NextAttempt.reason`."""


@dataclass(frozen=True)
class NextAttempt:
    """When a job is launched next; if never, why not."""

    prospect: Prospect
    at: datetime | None = None
    """For a job that is due: from when on it may be launched."""
    reason: str = ""
    """For one that is never launched again: ``permanent error``, ``retry limit exceeded``, or its status."""


@dataclass(frozen=True)
class PlannedAttempt:
    """One attempt that will be made if the one before it fails with an error that may be retried."""

    number: int
    """1 for a job's first attempt."""
    wait_seconds: float | None
    """Seconds from the failure of the attempt before; None for the first of a plan, whose time is settled."""
    at: datetime
    """The earliest start: each attempt before it is taken to fail at once."""


class Condition(enum.Enum):
    """What has to happen for a plan to come true."""

    NOTHING = enum.auto()
    """It is under way: the job waits in the queue or is being run."""
    QUEUED = enum.auto()
    """The job is queued now."""
    RETRIED = enum.auto()
    """A person retries the dead letter now, its count kept."""
    RETRIED_AFRESH = enum.auto()
    """A person retries the dead letter now, with a fresh count."""


@dataclass(frozen=True)
class Plan:
    """The attempts that a job has before it, the next one first."""

    condition: Condition
    attempts: tuple[PlannedAttempt, ...]
    goes_on: bool
    """Whether the strategy allows more than the `PLANNED_ATTEMPTS_LIMIT` attempts listed."""


def verdict(job: Any, manager: JobQueueManager) -> Judgement | None:
    """Return what the queue's classifier says, now, of the job's last error; None where it has none.

    Of its text, which is all that is kept of an exception.
    """
    return judge(manager.classifier, job.last_error) if job.last_error else None


def attempt_limit(job: Any, manager: JobQueueManager) -> int | None:
    """Return how many attempts ``job`` may have; None where neither its strategy nor the job states a number."""
    limits = (getattr(manager.strategy_for(job), "max_attempts", None), job.max_retries)
    return min((limit for limit in limits if limit is not None), default=None)


def next_attempt(job: Any, manager: JobQueueManager, now: datetime) -> NextAttempt:
    """Return when ``job`` is launched next, or why it is not."""
    if job.status in WAITING:
        return NextAttempt(Prospect.DUE, at=max(job.scheduled_for or now, now))
    if job.status in CLAIMED:
        return NextAttempt(Prospect.UNDER_WAY)
    if job.status == Status.PENDING:
        return NextAttempt(Prospect.NOT_QUEUED)
    return NextAttempt(
        Prospect.NEVER, reason=_dead_letter_reason(job, manager, now) or str(job.get_status_display()).lower()
    )


def plans(job: Any, manager: JobQueueManager, now: datetime) -> list[Plan]:
    """Return the plans for ``job``: one for a job on its way, one for each way to retry a dead letter."""
    if job.status in WAITING:
        return [_plan(Condition.NOTHING, job, manager, at=max(job.scheduled_for or now, now))]
    if job.status in CLAIMED:
        # The claim has given the attempt its serial already.
        return [_plan(Condition.NOTHING, job, manager, at=now, serial=job.attempt_serial)]
    if job.status == Status.PENDING:
        return [_plan(Condition.QUEUED, job, manager, at=now)]
    if job.status == Status.FAILED:
        return [
            _plan(Condition.RETRIED, job, manager, at=now),
            _plan(Condition.RETRIED_AFRESH, job, manager, at=now, failed_attempts=0),
        ]
    return []


def _plan(
    condition: Condition,
    job: Any,
    manager: JobQueueManager,
    *,
    at: datetime,
    failed_attempts: int | None = None,
    serial: int | None = None,
) -> Plan:
    attempts = _attempts(
        job,
        manager,
        at=at,
        failed_attempts=job.retry_count if failed_attempts is None else failed_attempts,
        serial=job.attempt_serial + 1 if serial is None else serial,
    )
    listed = tuple(islice(attempts, PLANNED_ATTEMPTS_LIMIT))
    return Plan(condition, listed, goes_on=next(attempts, None) is not None)


def _attempts(
    job: Any, manager: JobQueueManager, *, at: datetime, failed_attempts: int, serial: int
) -> Iterator[PlannedAttempt]:
    """Yield the attempt after ``failed_attempts``, with this serial and at this time, and those that follow it."""
    yield PlannedAttempt(failed_attempts + 1, None, at)
    while True:
        failed_attempts += 1
        decision = _decision(job, manager, Judgement(ErrorType.TRANSIENT), failed_attempts, serial=serial, now=at)
        if decision.delay_seconds is None or decision.retry_at is None:
            return
        at = decision.retry_at
        serial += 1
        yield PlannedAttempt(failed_attempts + 1, decision.delay_seconds, at)


def _dead_letter_reason(job: Any, manager: JobQueueManager, now: datetime) -> str:
    """Return why a dead letter is one; "" for another job, or where no rule says so (any more)."""
    judgement = verdict(job, manager)
    if job.status != Status.FAILED or judgement is None:
        return ""
    decision = _decision(job, manager, judgement, job.retry_count, serial=job.attempt_serial, now=now)
    return "" if decision.reason == ATTEMPTS_LEFT else decision.reason


def _decision(
    job: Any, manager: JobQueueManager, judgement: Judgement, failed_attempts: int, *, serial: int, now: datetime
) -> FailureDecision:
    settings = get_settings()
    return decide(
        judgement=judgement,
        error="",
        failed_attempts=failed_attempts,
        max_retries=job.max_retries,
        strategy=manager.strategy_for(job),
        jitter=settings.jitter,
        max_retry_after_seconds=settings.max_retry_after_seconds,
        key=(job.pk, serial),
        now=now,
    )
