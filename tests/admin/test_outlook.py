"""What lies ahead of a job: predicted by the admin, and kept to by the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from job_retry import ErrorType, RetryStrategy
from job_retry.django.admin.words import in_words, time_since, time_until
from job_retry.django.outlook import (
    PLANNED_ATTEMPTS_LIMIT,
    Condition,
    NextAttempt,
    Prospect,
    attempt_limit,
    next_attempt,
    plans,
    verdict,
)
from job_retry.django.queue import JobQueueManager
from job_retry.django.states import Status
from job_retry.django.testing import ManualClock, ScriptedLauncher, failed

from tests.admin.conftest import NOON, job_in, minutes
from tests.app.models import ContainerJob, ReportJob

if TYPE_CHECKING:
    from datetime import datetime

    from pytest_django.fixtures import SettingsWrapper

NEVER = Prospect.NEVER


@pytest.mark.parametrize(
    ("status", "columns", "expected"),
    [
        ("pending", {}, NextAttempt(Prospect.NOT_QUEUED)),
        ("queued", {}, NextAttempt(Prospect.DUE, NOON)),
        ("queued", {"scheduled_for": minutes(-5)}, NextAttempt(Prospect.DUE, NOON)),
        ("queued", {"scheduled_for": minutes(5)}, NextAttempt(Prospect.DUE, minutes(5))),
        ("retrying", {"scheduled_for": minutes(1)}, NextAttempt(Prospect.DUE, minutes(1))),
        ("launching", {}, NextAttempt(Prospect.UNDER_WAY)),
        ("running", {}, NextAttempt(Prospect.UNDER_WAY)),
        ("completed", {}, NextAttempt(NEVER, reason="completed")),
        ("timeout", {"last_error": "no such image"}, NextAttempt(NEVER, reason="timed out")),
        ("cancelled", {"last_error": "no such image"}, NextAttempt(NEVER, reason="cancelled")),
        ("failed", {}, NextAttempt(NEVER, reason="permanent error")),
        ("failed", {"last_error": "busy", "retry_count": 3}, NextAttempt(NEVER, reason="retry limit exceeded")),
        # By hand, or the rules have changed since: nothing says why.
        ("failed", {"last_error": "busy"}, NextAttempt(NEVER, reason="failed")),
        ("failed", {"last_error": None}, NextAttempt(NEVER, reason="failed")),
    ],
)
def test_the_next_attempt(
    manager: JobQueueManager, status: str, columns: dict[str, Any], expected: NextAttempt
) -> None:
    assert next_attempt(job_in(status, **columns), manager, NOON) == expected


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (NextAttempt(Prospect.DUE, minutes(-1)), "now"),
        (NextAttempt(Prospect.DUE, NOON), "now"),
        (NextAttempt(Prospect.DUE, minutes(0.01)), "in 1 second"),
        (NextAttempt(Prospect.DUE, minutes(0.5)), "in 30 seconds"),
        (NextAttempt(Prospect.DUE, minutes(2.5)), "in 2\xa0minutes"),
        (NextAttempt(Prospect.DUE, minutes(60 * 49)), "in 2\xa0days"),
        (NextAttempt(Prospect.UNDER_WAY), "under way"),
        (NextAttempt(Prospect.NOT_QUEUED), "not queued"),
        (NextAttempt(NEVER, reason="permanent error"), "never: permanent error"),
    ],
)
def test_the_next_attempt_in_words(attempt: NextAttempt, words: str) -> None:
    assert in_words(attempt, NOON) == words


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (minutes(1), "0 seconds"),
        (minutes(-0.1), "6 seconds"),
        (minutes(-1), "1\xa0minute"),
        (minutes(-150), "2\xa0hours"),
    ],
)
def test_an_age_in_words(moment: datetime, words: str) -> None:
    assert time_since(moment, NOON) == words


def test_times_without_a_zone_in_words(settings: SettingsWrapper) -> None:
    settings.USE_TZ = False
    noon = NOON.replace(tzinfo=None)
    assert time_until(minutes(3).replace(tzinfo=None), noon) == "in 3\xa0minutes"
    assert time_since(minutes(-3).replace(tzinfo=None), noon) == "3\xa0minutes"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, None),
        ("", None),
        ("dial tcp: connection refused", ErrorType.TRANSIENT),
        ("no such image", ErrorType.PERMANENT),
        ("exit status 1", ErrorType.UNKNOWN),
    ],
)
def test_the_verdict_is_the_classifiers(manager: JobQueueManager, error: str | None, expected: Any) -> None:
    judgement = verdict(ContainerJob(last_error=error), manager)
    assert (judgement and judgement.error_type) is expected


def test_the_verdict_is_that_of_the_queues_own_classifier(db: None) -> None:
    class Strict:
        @staticmethod
        def classify_error(_message: str) -> ErrorType:
            return ErrorType.PERMANENT

    manager = JobQueueManager(ContainerJob, ScriptedLauncher(), classifier=Strict)
    judgement = verdict(ContainerJob(last_error="connection refused"), manager)
    assert judgement is not None
    assert judgement.error_type is ErrorType.PERMANENT


@pytest.mark.parametrize(
    ("job", "name", "limit"),
    [
        (ContainerJob(), "default", 3),
        (ContainerJob(retry_strategy=""), "default", 3),
        (ContainerJob(retry_strategy="aggressive"), "aggressive", 5),
        (ContainerJob(retry_strategy="aggressive", priority=80), "high_priority", 5),
        (ContainerJob(retry_strategy="aggressive", priority=20), "conservative", 2),
        (ContainerJob(retry_strategy="no longer there"), "default", 3),
        (ContainerJob(max_retries=1), "default", 1),
        (ContainerJob(max_retries=0), "default", 0),
        (ContainerJob(max_retries=9), "default", 3),
    ],
)
def test_the_strategy_and_its_limit(manager: JobQueueManager, job: Any, name: str, limit: int) -> None:
    assert (manager.strategy_name(job), attempt_limit(job, manager)) == (name, limit)


def test_the_strategy_of_the_queues_model_comes_after_the_jobs_own(db: None) -> None:
    manager = JobQueueManager(ReportJob, ScriptedLauncher())
    assert (manager.strategy_name(ReportJob()), attempt_limit(ReportJob(), manager)) == ("aggressive", 5)
    assert manager.strategy_name(ReportJob(retry_strategy="conservative")) == "conservative"


def test_a_strategy_without_a_number_has_no_limit(db: None) -> None:
    class Always:
        def should_retry(self, *_arguments: object) -> bool:
            return True

        def get_retry_delay(self, _attempt: int) -> float:
            return 1.0

    manager = JobQueueManager(ContainerJob, ScriptedLauncher(), strategies={"default": Always()})
    assert attempt_limit(ContainerJob(), manager) is None
    assert attempt_limit(ContainerJob(max_retries=7), manager) == 7
    (plan,) = plans(ContainerJob(), manager, NOON)
    assert (len(plan.attempts), plan.goes_on) == (PLANNED_ATTEMPTS_LIMIT, True)


def rows(job: ContainerJob, manager: JobQueueManager) -> list[tuple[Condition, list[tuple[int, float | None, float]]]]:
    return [
        (
            plan.condition,
            [(row.number, row.wait_seconds, (row.at - NOON).total_seconds()) for row in plan.attempts],
        )
        for plan in plans(job, manager, NOON)
    ]


FRESH = [(1, None, 0.0), (2, 0.0, 0.0), (3, 2.0, 2.0)]
"""The preset ``default``."""


@pytest.mark.parametrize(
    ("status", "columns", "expected"),
    [
        ("pending", {}, [(Condition.QUEUED, FRESH)]),
        ("queued", {}, [(Condition.NOTHING, FRESH)]),
        ("retrying", {"scheduled_for": minutes(1)}, [(Condition.NOTHING, [(2, None, 60.0), (3, 2.0, 62.0)])]),
        ("running", {"retry_count": 2}, [(Condition.NOTHING, [(3, None, 0.0)])]),
        # Kept or fresh: what is left of the attempts, or all of them.
        ("failed", {}, [(Condition.RETRIED, [(2, None, 0.0), (3, 2.0, 2.0)]), (Condition.RETRIED_AFRESH, FRESH)]),
        # One attempt is granted to a job that has used up its own.
        ("failed", {"retry_count": 3}, [(Condition.RETRIED, [(4, None, 0.0)]), (Condition.RETRIED_AFRESH, FRESH)]),
        ("queued", {"max_retries": 1}, [(Condition.NOTHING, [(1, None, 0.0)])]),
        ("completed", {}, []),
        ("timeout", {}, []),
        ("cancelled", {}, []),
    ],
)
def test_the_plans(manager: JobQueueManager, status: str, columns: dict[str, Any], expected: Any) -> None:
    assert rows(job_in(status, **columns), manager) == expected


def test_every_status_has_an_outlook(manager: JobQueueManager) -> None:
    for status in Status:
        job = job_in(status)
        assert in_words(next_attempt(job, manager, NOON), NOON)
        assert isinstance(plans(job, manager, NOON), list)


def _as_planned(job: ContainerJob, manager: JobQueueManager, clock: ManualClock) -> None:
    """Launch ``job`` until it is a dead letter, and compare each start with the plan made before the first."""
    (plan, *_others) = plans(job, manager, clock())
    for attempt in plan.attempts:
        assert attempt.number == job.retry_count + 1
        assert (job.scheduled_for or clock()) == attempt.at
        clock.advance_to(attempt.at)
        assert not manager.launch_job_with_retry(job)["success"]
    assert job.status == "failed"


@pytest.mark.parametrize("strategy", ["default", "aggressive", "conservative", "high_priority"])
def test_the_queue_keeps_to_the_plan(transactional_db: None, strategy: str) -> None:
    clock = ManualClock(NOON)
    manager = JobQueueManager(ContainerJob, ScriptedLauncher(failed("connection refused")), clock=clock)
    job = manager.queue_job(ContainerJob.objects.create(retry_strategy=strategy))
    _as_planned(job, manager, clock)


def test_the_plan_knows_the_jitter_of_each_attempt(transactional_db: None) -> None:
    clock = ManualClock(NOON)
    strategy = RetryStrategy(max_attempts=6, base_delay=10, jitter=0.5)
    manager = JobQueueManager(
        ContainerJob, ScriptedLauncher(failed("connection refused")), clock=clock, strategies={"default": strategy}
    )
    job = manager.queue_job(ContainerJob.objects.create())
    waits = [attempt.wait_seconds for attempt in plans(job, manager, clock())[0].attempts[1:]]
    assert waits != strategy.schedule()
    _as_planned(job, manager, clock)


def test_a_retried_dead_letter_keeps_to_the_plan_made_for_it(transactional_db: None) -> None:
    clock = ManualClock(NOON)
    strategy = RetryStrategy(max_attempts=4, base_delay=10, jitter=0.5)
    manager = JobQueueManager(
        ContainerJob, ScriptedLauncher(failed("connection refused")), clock=clock, strategies={"default": strategy}
    )
    job = job_in("failed", retry_count=1, attempt_serial=1)
    kept = plans(job, manager, clock())[0]
    manager.retry_failed_job(job)
    assert plans(job, manager, clock())[0].attempts == kept.attempts
    _as_planned(job, manager, clock)
    afresh = plans(job, manager, clock())[1]
    manager.retry_failed_job(job, reset_count=True)
    assert plans(job, manager, clock())[0].attempts == afresh.attempts
    _as_planned(job, manager, clock)
