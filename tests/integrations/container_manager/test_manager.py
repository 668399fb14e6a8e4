"""The package's own `JobQueueManager` classifies and delays through the native classes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from container_manager import retry
from container_manager.queue import JobQueueManager
from django.utils import timezone
from job_retry.integrations.container_manager import disable

if TYPE_CHECKING:
    from types import ModuleType

pytestmark = pytest.mark.django_db
manager = JobQueueManager()


def launch(job: Any, error: str) -> dict[str, Any]:
    with mock.patch("container_manager.services.launch_job", return_value={"success": False, "error": error}):
        return manager.launch_job_with_retry(job)


@pytest.mark.parametrize("repeats", [400, 40_000])
def test_a_hostile_message_is_classified_through_its_own_manager(job: Any, repeats: int) -> None:
    # In pure Python 7 kB take half a minute, and 700 kB longer than anybody has waited: this test ends, or it fails.
    message = "docker daemon not " * repeats
    result = manager._handle_launch_failure(job, message, manager._get_retry_strategy(job))
    assert result == {"success": False, "error": message, "retry_scheduled": True, "retry_in_seconds": 0.0}
    job.refresh_from_db()
    assert (job.status, job.last_error) == ("retrying", message)


# The error, the attempts that failed before, and what the manager returns beside the error.
FAILURES = [
    ("dial tcp: connection refused", 0, {"retry_scheduled": True, "retry_in_seconds": 0.0}),
    ("dial tcp: connection refused", 1, {"retry_scheduled": True, "retry_in_seconds": 2.0}),
    ("exit status 1", 1, {"retry_scheduled": True, "retry_in_seconds": 2.0}),
    ("exit status 1", 2, {"retry_scheduled": False}),
    ("no such image: shop/report", 0, {"retry_scheduled": False}),
]


@pytest.mark.parametrize("on", [True, False], ids=["on", "off"])
@pytest.mark.parametrize(("error", "failed_before", "expected"), FAILURES)
def test_a_failed_launch_ends_the_same_way(
    job: Any, error: str, failed_before: int, expected: dict[str, Any], on: bool
) -> None:
    if not on:
        disable()
    job.retry_count = failed_before
    job.save(update_fields=["retry_count"])
    before = timezone.now()
    result = launch(job, error)
    job.refresh_from_db()
    assert {key: result[key] for key in expected} == expected
    assert result.keys() - expected.keys() == {"success", "error"}
    if expected["retry_scheduled"]:
        assert (job.status, result["error"]) == ("retrying", error)
        assert (job.scheduled_for - before).total_seconds() >= expected["retry_in_seconds"]
    else:
        assert (job.status, result["error"]) == ("failed", f"Permanently failed: {error}")


def test_strategies_and_verdicts_are_the_native_ones(job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[ModuleType | str, object]] = []

    class Watched(retry.RetryStrategy):  # type: ignore[misc,valid-type]
        def should_retry(self, attempt_count: int, error_type: object) -> bool:
            seen.append((type(error_type).__module__, error_type))
            return bool(super().should_retry(attempt_count, error_type))

    monkeypatch.setitem(retry.RETRY_STRATEGIES, "default", Watched(3, 2.0, 60.0))
    assert launch(job, "connection refused")["retry_scheduled"]
    assert seen == [("job_retry.error_type", retry.ErrorType.TRANSIENT)]


def test_its_log_lines_are_as_before(job: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="container_manager.queue"):
        launch(job, "connection refused")
    assert caplog.messages == [f"Job {job.pk} failed (attempt 1): connection refused. Retrying in 0.0s"]
