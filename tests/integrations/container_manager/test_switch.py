"""What the switch replaces, what it leaves alone, and that it can be taken back."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import job_retry
import pytest
from container_manager import retry
from container_manager.models import ContainerJob
from container_manager.queue import JobQueueManager
from django.apps import apps
from django.test import override_settings
from job_retry.integrations.container_manager import disable, enable

if TYPE_CHECKING:
    from collections.abc import Callable

APP = "job_retry.integrations.container_manager"
PRESETS = ["default", "aggressive", "conservative", "high_priority"]


def state() -> dict[str, Any]:
    """Everything in the module that somebody could have changed."""
    return {
        "module": dict(vars(retry)),
        "strategies": list(retry.RETRY_STRATEGIES.items()),
        "lists": [list(retry.ErrorClassifier.TRANSIENT_PATTERNS), list(retry.ErrorClassifier.PERMANENT_PATTERNS)],
        "classes": [dict(vars(cls)) for cls in (retry.ErrorType, retry.ErrorClassifier, retry.RetryStrategy)],
    }


def test_the_classes_are_native() -> None:
    assert retry.ErrorType is job_retry.ErrorType
    assert retry.RetryStrategy is job_retry.RetryStrategy
    assert issubclass(retry.ErrorClassifier, job_retry.ErrorClassifier)
    assert retry.ErrorClassifier.classify_error("connection refused") is job_retry.ErrorType.TRANSIENT
    assert retry.ErrorClassifier().classify_error("permission denied") is job_retry.ErrorType.PERMANENT
    assert pickle.loads(pickle.dumps(retry.ErrorClassifier)) is retry.ErrorClassifier


def test_the_lists_hold_the_very_strings_of_the_native_class() -> None:
    for name in ("TRANSIENT_PATTERNS", "PERMANENT_PATTERNS"):
        ours, native = getattr(retry.ErrorClassifier, name), getattr(job_retry.ErrorClassifier, name)
        assert ours is not native
        assert all(text is other for text, other in zip(ours, native, strict=True))


def test_the_presets_are_native_in_the_same_dict() -> None:
    strategies = retry.RETRY_STRATEGIES
    assert strategies == job_retry.RETRY_STRATEGIES
    assert list(strategies) == PRESETS
    disable()
    assert retry.RETRY_STRATEGIES is strategies
    assert [type(strategy) for strategy in strategies.values()] == [retry.RetryStrategy] * 4
    enable()
    assert retry.RETRY_STRATEGIES is strategies


def test_a_preset_edited_here_changes_no_other_queue() -> None:
    retry.RETRY_STRATEGIES["default"].max_attempts = 9
    assert job_retry.RETRY_STRATEGIES["default"].max_attempts == 3


@pytest.mark.parametrize(
    ("priority", "name", "preset"),
    [
        (50, None, "default"),
        (50, "aggressive", "aggressive"),
        (90, "default", "high_priority"),
        (10, "", "conservative"),
    ],
)
def test_its_manager_uses_them(priority: int, name: str | None, preset: str) -> None:
    strategy = JobQueueManager()._get_retry_strategy(ContainerJob(priority=priority, retry_strategy=name))
    assert strategy == job_retry.RETRY_STRATEGIES[preset]


# What a program may have done to a preset before the switch.
CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "another parameter": lambda strategies: setattr(strategies["default"], "max_attempts", 10),
    "an attribute of its own": lambda strategies: setattr(strategies["default"], "owner", "shop"),
    "another strategy": lambda strategies: strategies.update(default=retry.RetryStrategy(7, 1.5)),
    "a subclass": lambda strategies: strategies.update(
        default=type("Own", (retry.RetryStrategy,), {})(max_attempts=3, base_delay=2.0, max_delay=60.0)
    ),
    "a native one": lambda strategies: strategies.update(default=job_retry.RetryStrategy(7)),
    "something else": lambda strategies: strategies.update(default=object()),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_preset_that_the_program_changed_stays(change: Callable[[dict[str, Any]], object]) -> None:
    disable()
    change(retry.RETRY_STRATEGIES)
    changed = retry.RETRY_STRATEGIES["default"]
    enable()
    assert retry.RETRY_STRATEGIES["default"] is changed
    assert type(retry.RETRY_STRATEGIES["aggressive"]) is job_retry.RetryStrategy
    disable()
    assert retry.RETRY_STRATEGIES["default"] is changed


def test_a_preset_that_the_program_removed_stays_away() -> None:
    disable()
    del retry.RETRY_STRATEGIES["conservative"]
    enable()
    assert list(retry.RETRY_STRATEGIES) == ["default", "aggressive", "high_priority"]
    disable()
    assert list(retry.RETRY_STRATEGIES) == ["default", "aggressive", "high_priority"]


def test_the_programs_own_entries_stay() -> None:
    disable()
    own = retry.RETRY_STRATEGIES["nightly"] = retry.RetryStrategy(max_attempts=8)
    enable()
    assert retry.RETRY_STRATEGIES["nightly"] is own
    later = retry.RETRY_STRATEGIES["later"] = retry.RetryStrategy(max_attempts=8)
    disable()
    assert retry.RETRY_STRATEGIES["nightly"] is own
    assert retry.RETRY_STRATEGIES["later"] is later


def test_switching_on_twice_is_switching_on_once() -> None:
    before = state()
    enable()
    assert state() == before


def test_switching_off_restores_everything() -> None:
    disable()
    before = state()
    for _ in range(2):
        enable()
        assert state() != before
        disable()
        assert state() == before
    disable()
    assert state() == before


def test_what_the_program_put_in_place_since_stays() -> None:
    class Own:
        pass

    retry.ErrorClassifier = Own  # type: ignore[misc]
    replaced = retry.RETRY_STRATEGIES["default"] = job_retry.RetryStrategy(9)
    edited = retry.RETRY_STRATEGIES["aggressive"]
    edited.max_attempts = 9
    equal = retry.RETRY_STRATEGIES["high_priority"] = copy.copy(retry.RETRY_STRATEGIES["high_priority"])
    disable()
    assert retry.ErrorClassifier is Own
    assert retry.RETRY_STRATEGIES["default"] is replaced
    assert retry.RETRY_STRATEGIES["aggressive"] is edited
    assert retry.RETRY_STRATEGIES["high_priority"] is equal
    assert type(retry.RETRY_STRATEGIES["conservative"]) is retry.RetryStrategy


def test_lists_edited_or_replaced_by_either_class_hold_for_both(bound_before: Any) -> None:
    before, now = bound_before.ErrorClassifier, retry.ErrorClassifier
    assert now.TRANSIENT_PATTERNS is before.TRANSIENT_PATTERNS
    edits: list[Callable[[], object]] = [
        lambda: before.PERMANENT_PATTERNS.append("first"),
        lambda: now.PERMANENT_PATTERNS.append("second"),
        lambda: setattr(before, "TRANSIENT_PATTERNS", [*before.TRANSIENT_PATTERNS, "third"]),
    ]
    for edit, message in zip(edits, ("first", "second", "third"), strict=True):
        assert now.classify_error(message) is job_retry.ErrorType.UNKNOWN
        edit()
        assert now.classify_error(message) == before.classify_error(message) != job_retry.ErrorType.UNKNOWN
    now.TRANSIENT_PATTERNS = ["fourth"]
    disable()
    assert retry.ErrorClassifier is before
    assert retry.ErrorClassifier.classify_error("fourth") == retry.ErrorType.TRANSIENT


def test_a_class_that_the_program_replaced_stays() -> None:
    disable()

    class Own(retry.ErrorClassifier):
        pass

    retry.ErrorClassifier = Own  # type: ignore[misc]
    enable()
    assert retry.ErrorClassifier is Own
    assert retry.RetryStrategy is job_retry.RetryStrategy
    disable()
    assert retry.ErrorClassifier is Own


def test_a_method_that_the_program_replaced_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    disable()
    monkeypatch.setattr(retry.RetryStrategy, "get_retry_delay", lambda self, attempt_count: 0.25)
    enable()
    assert {strategy.get_retry_delay(3) for strategy in retry.RETRY_STRATEGIES.values()} == {0.25}
    assert issubclass(retry.ErrorClassifier, job_retry.ErrorClassifier)


@pytest.mark.parametrize("lacking", ["ErrorType", "ErrorClassifier", "RetryStrategy", "RETRY_STRATEGIES"])
def test_a_module_that_lacks_a_name_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    disable()
    monkeypatch.delattr(retry, lacking)
    before = dict(vars(retry))
    with pytest.raises(AttributeError, match=lacking):
        enable()
    assert vars(retry) == before


@pytest.mark.parametrize("order", [[APP, "container_manager"], ["container_manager", APP]], ids=["first", "last"])
def test_the_order_of_the_apps_does_not_matter(order: list[str]) -> None:
    disable()
    with override_settings(INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", *order]):
        assert apps.is_installed(APP)
        assert retry.ErrorType is job_retry.ErrorType


NOT_IN_THE_LISTS = "OSError: [Errno 111] x"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, job_retry.ErrorType.UNKNOWN),
        ({"RULE_PACKS": None}, job_retry.ErrorType.UNKNOWN),
        ({"RULE_PACKS": []}, job_retry.ErrorType.UNKNOWN),
        ({"RULE_PACKS": ["network"]}, job_retry.ErrorType.TRANSIENT),
    ],
)
def test_verdicts_change_only_where_the_settings_name_packs(options: dict[str, Any], expected: Any) -> None:
    disable()
    with override_settings(JOB_RETRY=options):
        enable()
        assert retry.ErrorClassifier.classify_error(NOT_IN_THE_LISTS) is expected
        retry.ErrorClassifier.TRANSIENT_PATTERNS.append("quite unheard of")
        try:
            assert retry.ErrorClassifier.classify_error("quite unheard of") is job_retry.ErrorType.TRANSIENT
        finally:
            retry.ErrorClassifier.TRANSIENT_PATTERNS.pop()
    disable()
    enable()
