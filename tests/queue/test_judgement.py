"""An error is judged by all that is known of it: by the packs, by the exception, by the time it asks for."""

from __future__ import annotations

import errno
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock, Mock, patch

import pytest
from job_retry import ErrorClassifier, ErrorType
from job_retry.django import signals
from job_retry.django.judgement import Judgement, judge
from job_retry.django.states import Status

from tests.queue.support import manager_for, queued_job, row

if TYPE_CHECKING:
    from job_retry.django.decision import FailureDecision

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
RULES = [
    {
        "id": "mill-stopped",
        "verdict": "transient",
        "why": "the mill starts again by itself",
        "message": "mill stopped",
        "examples": ["the mill stopped"],
    },
    {
        "id": "no-grain",
        "verdict": "permanent",
        "why": "somebody has to bring grain",
        "message": "no grain",
        "exception": "tests.queue.test_judgement.NoGrainError",
        "examples": ["no grain left"],
    },
]


class NoGrainError(Exception):
    """Says nothing of itself."""


class OwnTexts(ErrorClassifier.with_packs()):  # type: ignore[misc]
    """Knows texts, and has no notion of exceptions."""

    @classmethod
    def classify_error(cls, error_message: str) -> ErrorType:
        return ErrorType.PERMANENT if error_message == "ConnectionRefusedError: [Errno 111] x" else ErrorType.TRANSIENT


class TextsOnly:
    def classify_error(self, error_message: str) -> str:
        return "permanent" if error_message == "ConnectionRefusedError: [Errno 111] x" else "transient"


REFUSED = OSError(errno.ECONNREFUSED, "x")


@pytest.mark.parametrize(
    ("classifier", "exception", "expected"),
    [
        (ErrorClassifier.with_packs(), REFUSED, ErrorType.TRANSIENT),
        (ErrorClassifier.with_packs()(), REFUSED, ErrorType.TRANSIENT),
        (ErrorClassifier.with_rules(RULES), NoGrainError("?"), ErrorType.PERMANENT),
        (OwnTexts, REFUSED, ErrorType.PERMANENT),
        (TextsOnly(), REFUSED, ErrorType.PERMANENT),
        (Mock(classify_error=Mock(return_value="permanent")), REFUSED, ErrorType.PERMANENT),
    ],
    ids=["packs", "an instance", "rules", "own classify_error", "texts only", "a mock"],
)
def test_an_exception_is_judged_as_one_unless_the_program_knows_texts_only(
    classifier: Any, exception: BaseException, expected: ErrorType
) -> None:
    text = f"{type(exception).__name__}: {exception}"
    assert judge(classifier, text, exception, NOW).error_type is expected


def test_a_patched_classifier_is_asked() -> None:
    classifier = ErrorClassifier.with_packs()
    with patch.object(classifier, "classify_error", return_value=ErrorType.PERMANENT) as classify:
        judgement = judge(classifier, "connection refused", None, NOW)
    assert judgement == Judgement(ErrorType.PERMANENT)
    classify.assert_called_once_with("connection refused")


def test_the_rule_and_its_reason_go_with_the_verdict() -> None:
    classifier = ErrorClassifier.with_rules(RULES)
    judgement = judge(classifier, "the mill stopped", None, NOW)
    assert judgement == Judgement(ErrorType.TRANSIENT, "project/mill-stopped", "the mill starts again by itself")
    nothing = judge(classifier, "?", None, NOW)
    assert (nothing.error_type, nothing.rule) == (ErrorType.UNKNOWN, None)


def test_what_fails_in_a_classifier_is_logged_and_the_rest_counts(caplog: pytest.LogCaptureFixture) -> None:
    class Breaks(ErrorClassifier.with_packs()):  # type: ignore[misc]
        @classmethod
        def retry_after(cls, error: object, now: datetime | None = None) -> float | None:
            raise ZeroDivisionError("retry_after")

    assert judge(Breaks, "connection refused", None, NOW).error_type is ErrorType.TRANSIENT
    assert "ZeroDivisionError: retry_after" in caplog.text


@pytest.mark.parametrize(
    ("text", "packs", "longest", "expected"),
    [
        ("connection refused, Retry-After: 7", None, 86_400, 7.0),
        ("connection refused, Retry-After: 1", None, 86_400, 2.0),
        ("connection refused, Retry-After: 7200", None, 3600, 3600.0),
        ("connection refused, Retry-After: Wed, 31 Dec 2025 23:00:00 GMT", None, 86_400, 2.0),
        ("connection refused, Retry-After: 7", [], 86_400, 2.0),
    ],
    ids=["longer than the strategy's", "shorter", "longer than allowed", "past", "the lists know nothing of it"],
)
@pytest.mark.usefixtures("recorded_either_way")
@pytest.mark.django_db
def test_an_error_may_ask_for_a_longer_wait(
    settings: Any, text: str, packs: list[str] | None, longest: float, expected: float
) -> None:
    settings.JOB_RETRY = {**settings.JOB_RETRY, "RULE_PACKS": packs, "MAX_RETRY_AFTER_SECONDS": longest}
    manager = manager_for(lambda job: {"success": False, "error": text})
    job = queued_job(manager, retry_count=1)
    result = manager.launch_job_with_retry(job)
    assert result["retry_in_seconds"] == expected
    assert row(job).scheduled_for == manager.clock() + timedelta(seconds=expected)


def raises(job: Any) -> None:
    raise NoGrainError("?")


@pytest.mark.parametrize(
    "launch",
    [
        raises,
        lambda job: {"success": False, "error": NoGrainError("?")},
        lambda job: MagicMock(success=False, error=NoGrainError()),
    ],
    ids=["raised", "handed back", "an attribute"],
)
@pytest.mark.usefixtures("recorded_either_way")
@pytest.mark.django_db
def test_what_a_launcher_raises_or_hands_back_is_judged_by_the_exception(settings: Any, launch: Any) -> None:
    settings.JOB_RETRY = {**settings.JOB_RETRY, "RULES": RULES}
    decisions: list[FailureDecision] = []

    def receive(decision: FailureDecision, **_: Any) -> None:
        decisions.append(decision)

    signals.job_dead_lettered.connect(receive)
    manager = manager_for(launch)
    job = queued_job(manager)
    assert not manager.launch_job_with_retry(job)["retry_scheduled"]
    signals.job_dead_lettered.disconnect(receive)
    assert row(job).status == Status.FAILED
    assert [(decision.rule, decision.why) for decision in decisions] == [
        ("project/no-grain", "somebody has to bring grain")
    ]


@pytest.mark.usefixtures("recorded_either_way")
@pytest.mark.django_db
def test_a_run_that_fails_with_an_exception_is_judged_by_it(settings: Any) -> None:
    settings.JOB_RETRY = {**settings.JOB_RETRY, "RULES": RULES}
    manager = manager_for(lambda job: {"success": True})
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    assert manager.fail(job, NoGrainError("?"))
    assert (row(job).status, row(job).last_error) == (Status.FAILED, "NoGrainError: ?")


@pytest.mark.usefixtures("recorded_either_way")
@pytest.mark.django_db
def test_an_override_of_the_hook_gets_a_text_and_may_hand_it_on(settings: Any) -> None:
    settings.JOB_RETRY = {**settings.JOB_RETRY, "RULES": RULES}
    manager = manager_for(raises)
    handle = manager._handle_launch_failure
    given: list[object] = []

    def handed_on(job: Any, error_message: Any, strategy: Any) -> Any:
        given.append(error_message)
        return handle(job, error_message, strategy)

    manager._handle_launch_failure = handed_on  # type: ignore[method-assign]
    job = queued_job(manager)
    assert not manager.launch_job_with_retry(job)["retry_scheduled"]
    assert given == ["NoGrainError: ?"]
    assert isinstance(given[0], str)


@pytest.mark.usefixtures("recorded_either_way")
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "text", "expected"),
    [
        ({}, "OSError: [Errno 111] x", ErrorType.TRANSIENT),
        ({"RULE_PACKS": None}, "OSError: [Errno 111] x", ErrorType.TRANSIENT),
        ({"RULE_PACKS": []}, "OSError: [Errno 111] x", ErrorType.UNKNOWN),
        ({"RULE_PACKS": ["docker"]}, "OSError: [Errno 111] x", ErrorType.UNKNOWN),
        ({"RULE_PACKS": [], "RULES": RULES}, "connection refused: no grain", ErrorType.PERMANENT),
        ({"RULES": RULES}, "connection refused: no grain", ErrorType.PERMANENT),
    ],
)
def test_the_settings_name_packs_and_rules(settings: Any, options: Any, text: str, expected: ErrorType) -> None:
    settings.JOB_RETRY = {**settings.JOB_RETRY, **options}
    assert judge(manager_for().classifier, text, None, NOW).error_type is expected
