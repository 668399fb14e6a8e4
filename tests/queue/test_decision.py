"""What follows from a failed attempt, against an oracle that restates the contract."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest.mock import MagicMock, Mock

import pytest
from django.test.utils import isolate_apps
from hypothesis import given
from hypothesis import strategies as st
from job_retry import RETRY_STRATEGIES, ErrorType, RetryStrategy
from job_retry.django.decision import decide
from job_retry.django.judgement import Judgement, judge
from job_retry.django.queue import get_queue_manager
from job_retry.django.strategies import select_strategy

from tests.app.models import ContainerJob, ReportJob
from tests.queue.support import manager_for

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
LAST = datetime(9999, 12, 30, tzinfo=timezone.utc)

RETRY_STRATEGY = st.builds(
    RetryStrategy,
    max_attempts=st.integers(0, 12),
    base_delay=st.floats(0, 1e6),
    max_delay=st.floats(0, 1e12),
    backoff_factor=st.floats(0, 100),
)


def decided(**given: Any) -> Any:
    arguments: dict[str, Any] = {
        "judgement": Judgement(ErrorType.UNKNOWN),
        "error": "x",
        "failed_attempts": 1,
        "max_retries": None,
        "strategy": RETRY_STRATEGIES["default"],
        "jitter": 0.0,
        "max_retry_after_seconds": 86_400.0,
        "key": (1, 1),
        "now": NOW,
    }
    return decide(**{**arguments, **given})


@given(
    error_type=st.sampled_from(ErrorType),
    failed_attempts=st.integers(1, 15),
    max_retries=st.none() | st.integers(0, 15),
    strategy=RETRY_STRATEGY,
    jitter=st.sampled_from([0.0, 0.1, 1.0]),
)
def test_the_decision_is_the_contracts(
    error_type: ErrorType, failed_attempts: int, max_retries: int | None, strategy: RetryStrategy, jitter: float
) -> None:
    decision = decided(
        judgement=Judgement(error_type),
        failed_attempts=failed_attempts,
        max_retries=max_retries,
        strategy=strategy,
        jitter=jitter,
    )
    limit = strategy.max_attempts if max_retries is None else min(strategy.max_attempts, max_retries)
    retried = error_type is not ErrorType.PERMANENT and failed_attempts < limit
    assert decision.will_retry == retried
    assert decision.failed_attempts == failed_attempts
    if not retried:
        reason = "permanent error" if error_type is ErrorType.PERMANENT else "retry limit exceeded"
        assert (decision.reason, decision.delay_seconds, decision.retry_at) == (reason, None, None)
        return
    exact = strategy.get_retry_delay(failed_attempts)
    if jitter:
        spread = jitter * max(exact, strategy.base_delay)
        assert min(exact, strategy.max_delay) <= decision.delay_seconds <= min(exact + spread, strategy.max_delay)
    else:
        assert decision.delay_seconds == exact
    assert decision.retry_at == NOW + min(timedelta(seconds=min(decision.delay_seconds, 1e12)), LAST - NOW)


@pytest.mark.parametrize(("max_retries", "attempts"), [(None, 3), (1, 1), (2, 2), (3, 3), (9, 3), (0, 1)])
def test_a_job_may_lower_its_limit_and_not_raise_it(max_retries: int | None, attempts: int) -> None:
    retried = [decided(failed_attempts=n, max_retries=max_retries).will_retry for n in range(1, 10)]
    assert retried == [True] * (attempts - 1) + [False] * (10 - attempts)


def test_the_same_job_and_attempt_always_wait_equally_long() -> None:
    strategy = RetryStrategy(base_delay=10.0)
    delays = {key: decided(strategy=strategy, jitter=0.5, key=key).delay_seconds for key in [(1, 1), (1, 2), (2, 1)]}
    assert len(set(delays.values())) == 3
    assert delays == {key: decided(strategy=strategy, jitter=0.5, key=key).delay_seconds for key in delays}


def test_a_strategys_own_jitter_comes_first() -> None:
    strategy = RetryStrategy(base_delay=10.0, jitter=0.2)
    assert decided(strategy=strategy, jitter=0.9).delay_seconds == strategy.jittered_delay(1, (1, 1))


@pytest.mark.parametrize("zone", [timezone.utc, timezone(timedelta(hours=-12)), timezone(timedelta(hours=14)), None])
def test_a_delay_beyond_the_calendar_ends_at_its_last_day_in_any_zone(zone: timezone | None) -> None:
    now = NOW.replace(tzinfo=zone)
    for seconds in (1e12, 1e300):
        strategy = RetryStrategy(base_delay=seconds, max_delay=seconds)
        retry_at = decided(strategy=strategy, failed_attempts=2, now=now).retry_at
        assert retry_at.replace(tzinfo=None) == LAST.replace(tzinfo=None)


class Classic:
    """A strategy of a program's own, with the two methods of the classic interface."""

    def __init__(self, delay: Any = 7, retried: Any = True) -> None:
        self.delay, self.retried = delay, retried

    def should_retry(self, attempt_count: int, error_type: Any) -> Any:
        if isinstance(self.retried, BaseException):
            raise self.retried
        return self.retried

    def get_retry_delay(self, attempt_count: int) -> Any:
        if isinstance(self.delay, BaseException):
            raise self.delay
        return self.delay


def test_a_strategy_of_a_programs_own_decides() -> None:
    assert decided(strategy=Classic()).delay_seconds == 7.0
    assert decided(strategy=Classic(retried=False)).reason == "retry limit exceeded"
    assert decided(strategy=Classic(), judgement=Judgement(ErrorType.PERMANENT)).reason == "permanent error"


@pytest.mark.parametrize("mock", [Mock(), MagicMock(), Mock(spec=RetryStrategy)])
def test_a_mock_of_a_strategy_decides_by_the_two_methods(mock: Mock) -> None:
    mock.should_retry.return_value = True
    mock.get_retry_delay.return_value = 3.5
    assert decided(strategy=mock).delay_seconds == 3.5


class Panic(BaseException):
    """As an extension module's: no Exception."""


@pytest.mark.parametrize(
    "strategy",
    [
        Classic(delay=ZeroDivisionError("x")),
        Classic(retried=ZeroDivisionError("x")),
        Classic(delay=Panic("x")),
        Classic(delay=math.nan),
        Classic(delay=math.inf),
        Classic(delay=-1),
        Classic(delay="soon"),
        Classic(delay=None),
        object(),
        None,
    ],
)
def test_a_strategy_that_fails_is_replaced_by_the_default_one(strategy: Any, caplog: pytest.LogCaptureFixture) -> None:
    decision = decided(strategy=strategy, failed_attempts=2)
    assert decision.delay_seconds == RETRY_STRATEGIES["default"].get_retry_delay(2)
    assert "'default' decides" in caplog.text


def test_without_any_usable_strategy_the_shipped_default_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RETRY_STRATEGIES, "default", Classic(delay=-1))
    assert decided(strategy=Classic(delay=-1), failed_attempts=2).delay_seconds == 2.0


class Verdict:
    def __init__(self, verdict: Any) -> None:
        self.verdict = verdict

    def classify_error(self, error: str) -> Any:
        if isinstance(self.verdict, BaseException):
            raise self.verdict
        return self.verdict


@pytest.mark.parametrize(
    ("verdict", "error_type"),
    [
        (ErrorType.PERMANENT, ErrorType.PERMANENT),
        ("transient", ErrorType.TRANSIENT),
        (ZeroDivisionError("x"), ErrorType.UNKNOWN),
        (Panic("x"), ErrorType.UNKNOWN),
        (None, ErrorType.UNKNOWN),
        ("broken", ErrorType.UNKNOWN),
    ],
)
def test_a_classifier_that_fails_counts_as_unknown(verdict: Any, error_type: ErrorType) -> None:
    assert judge(Verdict(verdict), "x", None, NOW) == Judgement(error_type)


# Which strategy


@pytest.mark.parametrize(
    ("priority", "by_priority", "names", "expected"),
    [
        (100, True, ("aggressive", None), "high_priority"),
        (80, True, ("aggressive", None), "high_priority"),
        (79, True, ("aggressive", None), "aggressive"),
        (21, True, (None, None), "default"),
        (20, True, ("aggressive", None), "conservative"),
        (0, True, (None, None), "conservative"),
        (100, False, (None, None), "default"),
        (0, False, ("aggressive", None), "aggressive"),
        (50, True, (None, "aggressive"), "aggressive"),
        (50, True, ("", "aggressive"), "aggressive"),
        (50, True, ("conservative", "aggressive"), "conservative"),
    ],
)
def test_priority_counts_first_and_then_the_first_name(
    priority: int, by_priority: bool, names: tuple[str | None, ...], expected: str
) -> None:
    chosen = select_strategy(RETRY_STRATEGIES, priority=priority, names=names, by_priority=by_priority)
    assert chosen is RETRY_STRATEGIES[expected]


def test_an_unregistered_name_falls_back_with_a_warning_that_lists_the_names(
    caplog: pytest.LogCaptureFixture,
) -> None:
    chosen = manager_for()._get_retry_strategy(ContainerJob(retry_strategy="agressive"))
    assert chosen is RETRY_STRATEGIES["default"]
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "'agressive'" in record.getMessage()
    assert "aggressive, conservative, default, high_priority" in record.getMessage()


def test_the_models_default_comes_before_the_queues(settings: Any) -> None:
    queues = {"default": "app.ContainerJob", "reports": "app.ReportJob"}
    options = {"LAUNCH": "tests.app.services.launch_report", "STRATEGY": "nightly"}
    settings.JOB_RETRY = {
        "STRATEGIES": {"nightly": RetryStrategy(max_attempts=9)},
        "QUEUES": {name: {"MODEL": model, **options} for name, model in queues.items()},
    }
    assert get_queue_manager()._get_retry_strategy(ContainerJob()).max_attempts == 9
    assert get_queue_manager("reports")._get_retry_strategy(ReportJob()) is RETRY_STRATEGIES["aggressive"]
    assert ("nightly", "Nightly") in ContainerJob._meta.get_field("retry_strategy").choices


def test_a_manager_can_have_strategies_of_its_own() -> None:
    only = RetryStrategy(max_attempts=1)
    manager = manager_for(strategies={"only": only})
    assert manager._get_retry_strategy(ContainerJob(retry_strategy="only")) is only
    assert manager._get_retry_strategy(ContainerJob()) is RETRY_STRATEGIES["default"]


def test_an_override_that_fails_leaves_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = manager_for()
    monkeypatch.setattr(manager, "_get_retry_strategy", lambda job: 1 / 0)
    assert manager.strategy_for(ContainerJob()) == RETRY_STRATEGIES["default"]


@isolate_apps("tests.app")
def test_a_proxys_own_default_does_not_decide_since_the_worker_never_sees_it() -> None:
    class Impatient(ContainerJob):
        default_retry_strategy = "aggressive"

        class Meta:
            app_label = "app"
            proxy = True

    manager = manager_for()
    assert manager._get_retry_strategy(Impatient()) is manager._get_retry_strategy(ContainerJob())
    assert manager.strategy_name(Impatient()) == "default"
