"""Whether a job went as the row of its kind says. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from job_retry.django.decision import FailureDecision

    from .attempts import Attempt
    from .kinds import Kind


@dataclass(frozen=True)
class Observed:
    """What became of one job."""

    pk: int
    name: str
    kind: Kind
    state: str
    queued_at: datetime
    attempts: Sequence[Attempt]
    last_error: str

    @property
    def seconds_waited(self) -> float:
        """Time in the queue, from its door to the end of the last attempt, without the attempts themselves."""
        begin = self.queued_at
        waited = 0.0
        for attempt in self.attempts:
            waited += (attempt.started_at - begin).total_seconds()
            begin = attempt.ended_at
        return waited


def fault(job: Observed) -> str | None:
    """Return what is wrong with the way the job went; None where all is as its row says."""
    kind = job.kind
    if (job.state, len(job.attempts)) != (kind.state, kind.attempts):
        return (
            f"{job.state} after {len(job.attempts)} attempts, not {kind.state} after {kind.attempts}; "
            f"last error: {job.last_error!r}"
        )
    for number, attempt in enumerate(job.attempts, start=1):
        if attempt.strategy != kind.strategy:
            return f"attempt {number} was decided by strategy {attempt.strategy!r}, not {kind.strategy!r}"
        if attempt.decision is not None and (wrong := _wrong_error(attempt.decision, kind)) is not None:
            return f"attempt {number} failed with {wrong}"
    for number, (attempt, following) in enumerate(pairwise(job.attempts), start=1):
        due = attempt.decision.retry_at if attempt.decision is not None else None
        if due is None or following.started_at < due:
            return f"the attempt after attempt {number} began at {following.started_at}, but was due at {due}"
    return None


def _wrong_error(failed: FailureDecision, kind: Kind) -> str | None:
    seen = f"{failed.error_type.value} error {failed.error!r}"
    if not any(failed.error_type is row.verdict and row.text in failed.error for row in kind.failures):
        allowed = " or ".join(f"{row.verdict.value} error ... {row.text!r} ..." for row in kind.failures)
        return f"{seen}, not with {allowed or 'any'}"
    if kind.hidden and kind.hidden in failed.error:
        return f"{seen}, which shows what is to be masked"
    return None
