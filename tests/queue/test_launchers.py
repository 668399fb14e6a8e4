"""Finding a launcher, calling it, and reading what it hands back."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock, patch
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy
from job_retry.django.launcher import call_launcher, read_result, resolve_launcher
from job_retry.django.queue import JobQueueManager
from job_retry.django.testing import COMPLETED, STARTED, ManualClock, ScriptedLauncher, failed

from tests.app.models import BuildJob, ContainerJob, UrgentJob
from tests.app.services import JobService
from tests.queue.support import assert_shows_its_row, manager_for, queued_job, row

if TYPE_CHECKING:
    from job_retry.django.models import RetryableJob

PATH = "tests.app.services.job_service.launch_job"


def mock(**attributes: Any) -> Mock:
    return Mock(**attributes)


@pytest.mark.parametrize(
    ("result", "success", "completed", "execution_id"),
    [
        ({"success": True}, True, False, None),
        ({"success": True, "completed": True}, True, True, None),
        ({"success": True, "completed": 1}, True, False, None),
        ({"success": True, "completed": "yes"}, True, False, None),
        ({"success": 1, "execution_id": "abc"}, True, False, "abc"),
        ({"success": True, "execution_id": 17}, True, False, "17"),
        ({"success": True, "execution_id": UUID(int=1)}, True, False, "00000000-0000-0000-0000-000000000001"),
        ({"success": True, "execution_id": None}, True, False, None),
        ({"success": True, "execution_id": b"run-\xe9"}, True, False, "run-\\xe9"),
        ({"success": True, "execution_id": gettext_lazy("Yes")}, True, False, "Yes"),
        ({"success": True, "execution_id": True}, True, False, None),
        (SimpleNamespace(success=True, completed=True, execution_id="x"), True, True, "x"),
        (mock(success=True), True, False, None),
        (mock(success=True, completed=True), True, True, None),
        (mock(success=False, error="no"), False, False, None),
        ({"success": False, "completed": True}, False, False, None),
        ({"success": None}, False, False, None),
    ],
)
def test_a_result_is_a_dict_or_an_object(
    result: object, success: bool, completed: bool, execution_id: str | None
) -> None:
    outcome = read_result(result)
    assert (outcome.success, outcome.completed, outcome.execution_id) == (success, completed, execution_id)
    assert bool(outcome.error) != success


@pytest.mark.parametrize(
    ("result", "warning"),
    [
        ({"success": "false"}, "success='false', a text, which counts as true"),
        ({"success": True, "execution_id": 1.5}, "execution_id=1.5, which is no text"),
        (mock(success=True), None),
        ({"success": ""}, None),
    ],
)
def test_a_result_that_may_not_mean_what_it_says_is_logged(
    result: object, warning: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    read_result(result)
    assert [warning in record.message for record in caplog.records if warning] == [True] * bool(warning)
    assert len(caplog.records) == bool(warning)


@pytest.mark.usefixtures("recorded_either_way")
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("result", "status"), [(STARTED, "running"), (COMPLETED, "completed"), (Mock(success=True), "running")]
)
def test_a_blocking_launch_completes_the_job_and_a_detached_one_leaves_it_running(result: Any, status: str) -> None:
    manager = manager_for(lambda job: result)
    job = queued_job(manager)
    assert manager.launch_job_with_retry(job) == {"success": True, "retry_scheduled": False}
    present = row(job)
    assert (present.status, present.launched_at) == (status, manager.clock())
    assert (present.claim_token is not None) == (status == "running")


@pytest.mark.usefixtures("recorded_either_way")
@pytest.mark.django_db
def test_a_dotted_path_is_resolved_at_each_call() -> None:
    manager = manager_for(PATH)
    job = queued_job(manager)
    with patch(PATH, return_value={"success": False, "error": "patched"}):
        assert manager.launch_job_with_retry(job)["error"] == "patched"
    with patch.object(JobService, "launch_job", lambda self, job: {"success": True, "execution_id": "method"}):
        assert manager.launch_job_with_retry(job)["success"]
    assert row(job).execution_id == "method"


@pytest.mark.usefixtures("recorded_either_way")
@pytest.mark.django_db
def test_a_launcher_that_is_gone_at_the_call_is_a_failed_attempt() -> None:
    manager = manager_for("tests.app.services.launch_everything")
    job = queued_job(manager)
    error = manager.launch_job_with_retry(job)["error"]
    assert error.startswith("Permanently failed: AttributeError: ")
    assert "launch_everything" in error
    assert (row(job).status, row(job).retry_count) == ("failed", 1)


@pytest.mark.parametrize("path", [PATH, "tests.app.services:job_service.launch_job"])
def test_paths_lead_through_modules_and_objects(path: str) -> None:
    assert resolve_launcher(path)(SimpleNamespace(pk=7))["execution_id"] == "run-7"


class Callable:
    def __call__(self, job: object, idempotency_key: str = "") -> dict[str, Any]:
        return {"success": True, "execution_id": idempotency_key}


def with_key(job: object, idempotency_key: str) -> dict[str, Any]:
    return {"success": True, "execution_id": idempotency_key}


def with_keyword_only(job: object, *, idempotency_key: str) -> dict[str, Any]:
    return {"success": True, "execution_id": idempotency_key}


def with_anything(job: object, **kwargs: Any) -> dict[str, Any]:
    return {"success": True, "execution_id": str(sorted(kwargs))}


@pytest.mark.parametrize(
    ("launch", "execution_id"),
    [
        (with_key, "key"),
        (with_keyword_only, "key"),
        (Callable(), "key"),
        (partial(with_keyword_only), "key"),
        (with_anything, "[]"),
        (lambda job: {"success": True}, None),
        (Mock(return_value={"success": True}), None),
    ],
)
def test_only_a_signature_that_names_the_key_gets_it(launch: Any, execution_id: str | None) -> None:
    outcome = call_launcher(launch, SimpleNamespace(pk=1), "key")
    assert (outcome.success, outcome.execution_id) == (True, execution_id)


class Hostile:
    """An object whose attributes raise."""

    @property
    def success(self) -> bool:
        raise ZeroDivisionError("success")


@pytest.mark.parametrize("interruption", [GeneratorExit, StopIteration, RecursionError])
def test_whatever_a_launcher_raises_is_a_failed_attempt(interruption: type[BaseException]) -> None:
    def launch(job: object) -> None:
        raise interruption("gone")

    outcome = call_launcher(launch, None, "")
    assert (outcome.success, outcome.error) == (False, f"{interruption.__name__}: gone")


def test_a_result_that_cannot_be_read_is_a_failed_attempt() -> None:
    outcome = call_launcher(lambda job: Hostile(), None, "")
    assert (outcome.success, outcome.error) == (False, "ZeroDivisionError: success")


async def coroutine_launcher(job: object) -> dict[str, Any]:
    return {"success": True}


class AsyncCallable:
    async def __call__(self, job: object) -> dict[str, Any]:
        return {"success": True}


def test_a_coroutine_that_comes_back_is_a_failure_that_shows_it() -> None:
    def launch(job: object) -> Any:
        return coroutine_launcher(job)

    outcome = call_launcher(launch, None, "")
    assert not outcome.success
    assert outcome.error.startswith("Unknown error: launcher returned <coroutine object coroutine_launcher")


@pytest.mark.parametrize(
    ("launch", "error", "words"),
    [
        (None, TypeError, "NoneType"),
        (7, TypeError, "int (7)"),
        ("launch_job", ValueError, "'launch_job' is no dotted path such as 'jobs.services.launch_job'"),
        ("jobs..launch", ValueError, "no dotted path"),
        ("", ValueError, "no dotted path"),
        (coroutine_launcher, TypeError, "async_to_sync"),
        (AsyncCallable(), TypeError, "async_to_sync"),
        (partial(coroutine_launcher), TypeError, "async_to_sync"),
    ],
)
def test_what_cannot_serve_as_a_launcher_is_said_at_once(launch: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as refusal:
        JobQueueManager(ContainerJob, launch)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (None, "None is no RetryableJob"),
        ("app.ContainerJob", "'app.ContainerJob' is no RetryableJob"),
        (ContainerJob(), "is no RetryableJob"),
        (ContainerJob.__base__, "RetryableJob is abstract"),
        (BuildJob, "app.BuildJob keeps its status in the table of app.ContainerJob, which is to have the queue"),
    ],
)
def test_what_cannot_have_a_queue_is_said_at_once(model: Any, words: str) -> None:
    with pytest.raises(TypeError) as refusal:
        JobQueueManager(model, PATH)
    assert words in str(refusal.value)


@pytest.mark.usefixtures("recorded_either_way")
@pytest.mark.django_db
def test_a_proxy_can_have_a_queue() -> None:
    seen: list[RetryableJob] = []
    manager = JobQueueManager(UrgentJob, lambda job: seen.append(job) or STARTED)
    manager.queue_job(ContainerJob.objects.create())
    assert manager.launch_next_batch()["launched"] == 1
    assert type(seen[0]) is UrgentJob


@pytest.mark.parametrize(
    ("argument", "value", "error", "words"),
    [
        ("classifier", object(), TypeError, "method classify_error"),
        ("strategies", ["default"], TypeError, "a dict of name to RetryStrategy, not ['default']"),
        ("using", "archive", ValueError, "'archive' is no database of the project. Databases: 'default', 'other'"),
        ("clock", 0, TypeError, "a callable that returns now"),
    ],
)
def test_a_wrong_argument_is_said_at_once(argument: str, value: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as refusal:
        JobQueueManager(ContainerJob, PATH, **{argument: value})
    assert words in str(refusal.value)


@pytest.mark.usefixtures("recorded_either_way")
@pytest.mark.django_db
def test_on_sqlite_a_manager_goes_by_djangos_clock_even_where_a_test_replaces_it() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("elsewhere the database says what time it is: see test_clocks")
    manager = JobQueueManager(ContainerJob, PATH)
    job = manager.queue_job(ContainerJob.objects.create(), schedule_for=timezone.now() + timedelta(hours=1))
    assert not manager.get_ready_jobs().exists()
    with patch("django.utils.timezone.now", return_value=timezone.now() + timedelta(hours=2)):
        assert manager.get_ready_jobs().get() == job
        assert manager.launch_job_with_retry(job)["success"]


class BrokenBefore(JobQueueManager):
    def _handle_launch_failure(self, job: Any, error_message: object, strategy: Any) -> Any:
        raise LookupError("no pager, password=hunter2")


class BrokenAfter(JobQueueManager):
    def _handle_launch_failure(self, job: Any, error_message: object, strategy: Any) -> Any:
        super()._handle_launch_failure(job, error_message, strategy)
        raise LookupError("no pager, password=hunter2")


class ForgetsToReturn(JobQueueManager):
    def _handle_launch_failure(self, job: Any, error_message: object, strategy: Any) -> Any:
        super()._handle_launch_failure(job, error_message, strategy)


class ForgetsToRecord(JobQueueManager):
    def _handle_launch_failure(self, job: Any, error_message: object, strategy: Any) -> Any:
        return None


@pytest.mark.usefixtures("recorded_either_way")
@pytest.mark.django_db
@pytest.mark.parametrize("manager_class", [BrokenBefore, BrokenAfter, ForgetsToReturn, ForgetsToRecord])
@pytest.mark.parametrize(("error", "status"), [("Connection refused", "retrying"), ("Image not found", "failed")])
def test_a_failure_is_recorded_once_whatever_an_override_of_its_handling_does(
    manager_class: type[JobQueueManager], error: str, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    manager = manager_class(ContainerJob, ScriptedLauncher(failed(error)), clock=ManualClock())
    job = queued_job(manager)
    result = manager.launch_job_with_retry(job)
    assert (row(job).status, row(job).retry_count, row(job).last_error) == (status, 1, error)
    assert_shows_its_row(job)
    assert result["success"] is False
    assert result["error"].endswith(error)
    assert result["retry_scheduled"] == ("retry_in_seconds" in result) == (status == "retrying")
    assert ("LookupError: no pager" in caplog.text) == (manager_class in {BrokenBefore, BrokenAfter})
    assert "hunter2" not in caplog.text


@pytest.mark.usefixtures("recorded_either_way")
@pytest.mark.django_db
def test_a_job_set_to_failed_by_its_launcher_survives_a_broken_override_too() -> None:
    def launch(job: Any) -> Any:
        job.transition_to("failed")
        return STARTED

    manager = BrokenBefore(ContainerJob, launch, clock=ManualClock())
    job = queued_job(manager)
    assert manager.launch_job_with_retry(job)["retry_scheduled"]
    assert (row(job).status, row(job).retry_count) == ("retrying", 1)
