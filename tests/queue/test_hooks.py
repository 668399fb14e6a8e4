"""A queue's hooks are told of each failed attempt once it is written, and change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from job_retry.django.decision import WORKERS_LOST
from job_retry.django.settings import QueueSettings
from job_retry.django.testing import STARTED, ManualClock, failed

from tests.app.models import ContainerJob
from tests.queue.support import assert_shows_its_row, manager_for, queued_job, row

if TYPE_CHECKING:
    from job_retry.django.decision import FailureDecision
    from job_retry.django.queue import JobQueueManager

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("recorded_either_way")]


class Listener:
    """Two hooks that keep what they are told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any, FailureDecision]] = []

    def on_retry(self, job: Any, decision: FailureDecision) -> None:
        assert_shows_its_row(job)
        self.told.append(("retry", job, decision))

    def on_dead_letter(self, job: Any, decision: FailureDecision) -> None:
        assert_shows_its_row(job)
        self.told.append(("dead letter", job, decision))

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self.told]


def hooked(launch: Any, *, on_retry: Any, on_dead_letter: Any, **arguments: Any) -> JobQueueManager:
    options = QueueSettings("default", "app.ContainerJob", launch, on_retry=on_retry, on_dead_letter=on_dead_letter)
    return manager_for(launch, options=options, **arguments)


def listened_to(launch: Any, **arguments: Any) -> tuple[JobQueueManager, Listener]:
    listener = Listener()
    hooks: dict[str, Any] = {"on_retry": listener.on_retry, "on_dead_letter": listener.on_dead_letter}
    return hooked(launch, **hooks, **arguments), listener


@pytest.mark.parametrize(
    ("error", "name", "verdict", "is_final"),
    [
        ("Connection refused", "retry", "transient", False),
        ("Image not found", "dead letter", "permanent", True),
    ],
)
def test_a_failed_launch_is_told_to_one_hook(error: str, name: str, verdict: str, is_final: bool) -> None:
    manager, listener = listened_to(lambda job: failed(error))
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    ((told, told_job, decision),) = listener.told
    assert (told, told_job) == (name, job)
    assert (decision.verdict, decision.is_final, decision.error) == (verdict, is_final, error)
    assert decision.fingerprint == row(job).error_fingerprint


def test_a_success_is_told_to_none_and_the_failure_of_its_run_is() -> None:
    manager, listener = listened_to(lambda job: STARTED)
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    assert listener.told == []
    manager.fail(job, "Image not found")
    assert listener.names == ["dead letter"]


def test_a_job_that_has_cost_too_many_workers_is_a_dead_letter_and_one_that_comes_back_is_no_retry() -> None:
    clock = ManualClock()
    manager, listener = listened_to(None, clock=clock)
    manager.max_worker_losses = 2
    queued_job(manager)
    for lost in (1, 2):
        assert manager.claim_next_batch(1) or manager.claim_suspect()
        clock.advance(3600)
        manager.rescue_lost_jobs()
        assert listener.names == ["dead letter"] * (lost - 1)
    assert listener.told[0][2].reason == WORKERS_LOST


def never(job: Any, decision: FailureDecision) -> None:
    raise AssertionError("the hook was not looked up again")


def test_a_path_is_resolved_at_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"{__name__}.never"
    manager = hooked(lambda job: failed("Image not found"), on_retry=path, on_dead_letter=path)
    listener = Listener()
    monkeypatch.setattr(f"{__name__}.never", listener.on_dead_letter)
    manager.launch_job_with_retry(queued_job(manager))
    assert listener.names == ["dead letter"]


@pytest.mark.parametrize("hook", ["broken", "tests.app.services.gone"])
@pytest.mark.parametrize(("error", "status"), [("Connection refused", "retrying"), ("Image not found", "failed")])
def test_a_hook_that_fails_is_logged_and_changes_nothing(
    hook: str, error: str, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(job: Any, decision: FailureDecision) -> None:
        raise ZeroDivisionError("from a hook, token=abcdefghijkl")

    chosen = broken if hook == "broken" else hook
    manager = hooked(lambda job: failed(error), on_retry=chosen, on_dead_letter=chosen)
    job = queued_job(manager)
    assert manager.launch_job_with_retry(job)["success"] is False
    assert row(job).status == status
    option = "ON_RETRY" if status == "retrying" else "ON_DEAD_LETTER"
    assert f"{option} failed" in caplog.text
    assert ("from a hook" if hook == "broken" else "no attribute 'gone'") in caplog.text
    assert "abcdefghijkl" not in caplog.text


def test_a_hook_may_write_to_the_job() -> None:
    def note(job: Any, decision: FailureDecision) -> None:
        job.command = decision.reason
        job.save()

    manager = hooked(lambda job: failed("Image not found"), on_retry=None, on_dead_letter=note)
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    assert ContainerJob.objects.get(pk=job.pk).command == "permanent error"
