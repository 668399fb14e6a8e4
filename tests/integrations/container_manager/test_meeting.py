"""What a program bound before the switch decides right, in both directions."""

from __future__ import annotations

from typing import Any

import job_retry
import pytest
from container_manager import retry

VERDICTS = ["TRANSIENT", "PERMANENT", "UNKNOWN"]


@pytest.mark.parametrize("name", VERDICTS)
@pytest.mark.parametrize("other", VERDICTS)
def test_old_and_new_members_are_equal_where_they_mean_the_same(bound_before: Any, name: str, other: str) -> None:
    old, new = bound_before.ErrorType[name], retry.ErrorType[other]
    assert old is not new
    same = name == other
    assert (old == new, new == old, old != new, new != old) == (same, same, not same, not same)
    assert (old in [new], new in (old,), old in {new}, new in frozenset({old})) == (same, same, same, same)
    assert ({old: 1}.get(new), {new: 1}.get(old)) == ((1, 1) if same else (None, None))


def test_a_match_statement_decides_right(bound_before: Any) -> None:
    def read(verdict: object) -> str:
        match verdict:
            case bound_before.ErrorType.PERMANENT:
                return "dead letter"
            case retry.ErrorType.TRANSIENT:
                return "again"
        return "perhaps"

    for types in (bound_before.ErrorType, retry.ErrorType):
        assert [read(types[name]) for name in VERDICTS] == ["again", "dead letter", "perhaps"]


@pytest.mark.parametrize("attempt", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("name", VERDICTS)
@pytest.mark.parametrize("preset", ["default", "aggressive", "conservative", "high_priority"])
def test_strategies_take_each_others_verdicts(bound_before: Any, preset: str, name: str, attempt: int) -> None:
    old, new = bound_before.presets[preset], retry.RETRY_STRATEGIES[preset]
    expected = name != "PERMANENT" and attempt < new.max_attempts
    for types in (bound_before.ErrorType, retry.ErrorType):
        assert old.should_retry(attempt, types[name]) is expected
        assert new.should_retry(attempt, types[name]) is expected


def test_a_strategy_bound_before_refuses_when_switched_off_too(reference: Any) -> None:
    # The copy has never heard of the native members: its own module still holds its own.
    assert not reference.RETRY_STRATEGIES["default"].should_retry(1, job_retry.ErrorType.PERMANENT)
    assert reference.RETRY_STRATEGIES["default"].should_retry(1, job_retry.ErrorType.UNKNOWN)
    assert not job_retry.RETRY_STRATEGIES["default"].should_retry(1, reference.ErrorType.PERMANENT)


@pytest.mark.parametrize("message", ["connection refused", "no such image", "exit status 1"])
def test_a_classifier_bound_before_gives_the_same_verdict(bound_before: Any, message: str) -> None:
    old, new = bound_before.ErrorClassifier.classify_error(message), retry.ErrorClassifier.classify_error(message)
    assert old == new
    assert retry.RETRY_STRATEGIES["default"].should_retry(1, old) is (message != "no such image")


def test_a_subclass_made_before_is_related_to_the_native_class(bound_before: Any) -> None:
    class Own(bound_before.ErrorClassifier):  # type: ignore[misc,name-defined]
        PERMANENT_PATTERNS = ("quota.*exceeded",)

    assert Own.classify_error("Quota exceeded") == retry.ErrorType.PERMANENT
    assert issubclass(retry.ErrorClassifier, bound_before.ErrorClassifier)
