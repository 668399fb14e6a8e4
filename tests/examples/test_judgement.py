"""What counts as going as the row says."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from job_retry import ErrorType
from job_retry.django.decision import FailureDecision

from examples.container_jobs.demonstration.attempts import Attempt
from examples.container_jobs.demonstration.judgement import Observed, fault
from examples.container_jobs.demonstration.kinds import Failure, Kind

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
KIND = Kind(
    "upload",
    "",
    jobs=1,
    state="completed",
    attempts=3,
    image="",
    command="upload --token=s3cret",
    failures=(Failure(ErrorType.TRANSIENT, "refused"), Failure(ErrorType.UNKNOWN, "no answer")),
    hidden="s3cret",
)


def failed(started: float, delay: float, error: str, error_type: ErrorType) -> Attempt:
    """An attempt of one second that began ``started`` seconds after noon."""
    ended_at = NOON + timedelta(seconds=started + 1)
    decision = FailureDecision(
        error_type, error, 1, "attempts left", delay_seconds=delay, retry_at=ended_at + timedelta(seconds=delay)
    )
    return Attempt(ended_at - timedelta(seconds=1), ended_at, "default", decision)


FIRST = failed(2, 0, "connection refused", ErrorType.TRANSIENT)
SECOND = failed(3, 2, "there was no answer", ErrorType.UNKNOWN)
LAST = Attempt(NOON + timedelta(seconds=6), NOON + timedelta(seconds=7), "default")
RIGHT = Observed(1, "upload 1", KIND, "completed", NOON, (FIRST, SECOND, LAST), "")


def test_a_job_that_goes_as_its_row_says_has_no_fault() -> None:
    assert fault(RIGHT) is None


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"state": "failed"}, "failed after 3 attempts, not completed after 3"),
        ({"attempts": (FIRST, SECOND)}, "completed after 2 attempts, not completed after 3"),
        ({"attempts": ()}, "completed after 0 attempts"),
        (
            {"attempts": (FIRST, SECOND, replace(LAST, strategy="aggressive"))},
            "attempt 3 was decided by strategy 'aggressive', not 'default'",
        ),
        (
            {"attempts": (FIRST, failed(3, 2, "refused", ErrorType.UNKNOWN), LAST)},
            "attempt 2 failed with unknown error 'refused', not with transient error ... 'refused' ... or unknown",
        ),
        (
            {"attempts": (FIRST, failed(3, 2, "refused: s3cret", ErrorType.TRANSIENT), LAST)},
            "attempt 2 failed with transient error 'refused: s3cret', which shows what is to be masked",
        ),
        (
            {"attempts": (FIRST, failed(3, 2.5, "refused", ErrorType.TRANSIENT), LAST)},
            "the attempt after attempt 2 began at 2026-01-01 12:00:06+00:00, but was due at 2026-01-01 12:00:06.5",
        ),
        (
            {"attempts": (FIRST, LAST, LAST)},
            "the attempt after attempt 2 began at 2026-01-01 12:00:06+00:00, but was due at None",
        ),
    ],
)
def test_a_job_that_goes_otherwise_is_told_apart(change: dict[str, Any], complaint: str) -> None:
    assert (fault(replace(RIGHT, **change)) or "").startswith(complaint)


def test_the_time_waited_is_that_between_the_attempts() -> None:
    assert math.isclose(RIGHT.seconds_waited, 2 + 0 + 2)
