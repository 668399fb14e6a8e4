"""What follows from a failed attempt. Pure: the decision is made here, `JobQueueManager` writes it."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from job_retry import RETRY_STRATEGIES, ErrorType, RetryStrategy
from job_retry.django.error_text import clean_traceback, error_fingerprint
from job_retry.django.strategies import DEFAULT_STRATEGY, SHIPPED_DEFAULT
from job_retry.django.times import seconds_after

if TYPE_CHECKING:
    from datetime import datetime

    from job_retry.django.judgement import Judgement

logger = logging.getLogger("job_retry.queue")

PERMANENT_ERROR = "permanent error"
LIMIT_EXCEEDED = "retry limit exceeded"
ATTEMPTS_LEFT = "attempts left"
TIMED_OUT = "timed out"
WORKER_LOST = "worker lost"
"""The job comes back; no attempt is counted."""
WORKERS_LOST = "too many workers lost"
"""The job is a dead letter, since it has cost its workers."""
LOSSES = (WORKER_LOST, WORKERS_LOST)


@dataclass(frozen=True)
class FailureDecision:
    """What becomes of a job after a failed attempt."""

    error_type: ErrorType
    error: str
    """The error text, cleaned: what is stored, logged and sent."""
    failed_attempts: int
    """Failed attempts so far, this one included; the job's new `retry_count`."""
    reason: str
    """``permanent error``, ``retry limit exceeded``, ``too many workers lost``, ``timed out``, ``attempts left`` or
    ``worker lost``."""
    rule: str | None = None
    """The classifier's rule that decided on ``error_type``, as ``pack/rule``; None where none did."""
    why: str = ""
    """The rule's reason."""
    delay_seconds: float | None = None
    """Seconds to the next attempt; None: there is none, the job is a dead letter."""
    retry_at: datetime | None = None
    """When the next attempt is due; None: there is none."""

    @property
    def will_retry(self) -> bool:
        """Whether another attempt follows."""
        return self.retry_at is not None

    @property
    def is_final(self) -> bool:
        """Whether none does, and the job is a dead letter."""
        return self.retry_at is None

    @property
    def verdict(self) -> str:
        """What the classifier says of the error: ``transient``, ``permanent`` or ``unknown``."""
        verdict: str = self.error_type.value
        return verdict

    @cached_property
    def fingerprint(self) -> str:
        """The id of the cause that the error speaks of: see `job_retry.fingerprint`."""
        return error_fingerprint(self.error)


def decide(
    *,
    judgement: Judgement,
    error: str,
    failed_attempts: int,
    max_retries: int | None,
    strategy: RetryStrategy,
    jitter: float,
    max_retry_after_seconds: float,
    key: tuple[object, ...],
    now: datetime,
) -> FailureDecision:
    """Return what follows from the failed attempt number ``failed_attempts``.

    The limit is the strategy's ``max_attempts``, or ``max_retries`` where that is set and smaller. ``jitter`` serves
    a strategy whose own is 0; ``key`` makes it the same for the same job and attempt. Where the error asks for a longer
    wait than the strategy, it gets it, up to ``max_retry_after_seconds``. A strategy that raises, or whose delay is no
    number of seconds, is replaced by the preset ``default``, with a log entry.
    """
    error_type = judgement.error_type
    delay: float | None = None
    for candidate in (strategy, RETRY_STRATEGIES.get(DEFAULT_STRATEGY), SHIPPED_DEFAULT):
        try:
            delay = _delay_seconds(candidate, error_type, failed_attempts, max_retries, jitter, key)
            break
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as failure:
            logger.error("Strategy %r failed; 'default' decides.\n%s", candidate, clean_traceback(failure))
    if delay is None:
        reason = PERMANENT_ERROR if error_type is ErrorType.PERMANENT else LIMIT_EXCEEDED
        return FailureDecision(error_type, error, failed_attempts, reason, judgement.rule, judgement.why)
    delay = max(delay, min(judgement.retry_after_seconds or 0.0, max_retry_after_seconds))
    return FailureDecision(
        error_type,
        error,
        failed_attempts,
        ATTEMPTS_LEFT,
        judgement.rule,
        judgement.why,
        delay_seconds=delay,
        retry_at=seconds_after(now, delay),
    )


def _delay_seconds(
    strategy: Any,
    error_type: ErrorType,
    failed_attempts: int,
    max_retries: int | None,
    jitter: float,
    key: tuple[object, ...],
) -> float | None:
    """Return the seconds to wait, or None where no attempt is left."""
    if error_type is ErrorType.PERMANENT:
        return None
    if max_retries is not None and failed_attempts >= max_retries:
        return None
    if not strategy.should_retry(failed_attempts, error_type):
        return None
    if issubclass(type(strategy), RetryStrategy):  # by its type: a Mock says that it is an instance of its spec
        delay = float(strategy.jittered_delay(failed_attempts, key, jitter=strategy.jitter or jitter))
    else:  # a strategy of the program's own with the two methods of the classic interface
        delay = float(strategy.get_retry_delay(failed_attempts))
    if not math.isfinite(delay) or delay < 0:
        raise ValueError(f"{strategy!r} gives a delay of {delay!r} seconds")
    return delay
