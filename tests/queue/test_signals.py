"""Each signal is sent once, after the row is written, and what a receiver raises changes nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from job_retry.django import signals
from job_retry.django.testing import COMPLETED, STARTED, failed

from tests.app.models import ContainerJob
from tests.queue.support import assert_shows_its_row, manager_for, queued_job, row

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("recorded_either_way")]

SIGNALS = {
    "launched": signals.job_launched,
    "retry scheduled": signals.job_retry_scheduled,
    "dead-lettered": signals.job_dead_lettered,
    "requeued": signals.job_requeued,
}


@pytest.fixture
def sent() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """What was sent: name and arguments."""
    found: list[tuple[str, dict[str, Any]]] = []

    def receiver(name: str) -> Any:
        def receive(sender: Any, signal: Any, **arguments: Any) -> None:
            assert sender is ContainerJob
            assert_shows_its_row(arguments["job"])
            found.append((name, arguments))

        return receive

    receivers = {name: receiver(name) for name in SIGNALS}
    for name, signal in SIGNALS.items():
        signal.connect(receivers[name], weak=False)
    yield found
    for name, signal in SIGNALS.items():
        assert signal.disconnect(receivers[name])


@pytest.mark.parametrize(
    ("result", "name", "status"),
    [
        (STARTED, "launched", "running"),
        (COMPLETED, "launched", "completed"),
        (failed("Connection refused"), "retry scheduled", "retrying"),
        (failed("Image not found"), "dead-lettered", "failed"),
    ],
)
def test_a_launch_sends_one_signal(sent: Any, result: Any, name: str, status: str) -> None:
    manager = manager_for(lambda job: result)
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    ((found, arguments),) = sent
    assert (found, arguments["job"], arguments["manager"]) == (name, job, manager)
    assert arguments["job"].status == status
    if "decision" in arguments:
        decision = arguments["decision"]
        assert (decision.failed_attempts, decision.error) == (1, row(job).last_error)
        assert decision.retry_at == row(job).scheduled_for
        assert decision.will_retry == (name == "retry scheduled")
        told = {name: arguments[name] for name in ("is_final", "verdict", "fingerprint")}
        assert told == {name: getattr(decision, name) for name in told}
        assert (told["is_final"], told["fingerprint"]) == (status == "failed", row(job).error_fingerprint)
    of_failure = {"decision", "is_final", "verdict", "fingerprint"}
    expected = {"job", "manager"} | (of_failure if name in {"retry scheduled", "dead-lettered"} else set())
    assert set(arguments) == expected


def test_a_run_that_ends_later_sends_its_own(sent: Any) -> None:
    manager = manager_for(lambda job: STARTED)
    first, second = queued_job(manager), queued_job(manager)
    manager.launch_job_with_retry(first)
    manager.launch_job_with_retry(second)
    manager.complete(first)
    manager.fail(second, "Image not found")
    manager.fail(second, "again")
    assert [name for name, _ in sent] == ["launched", "launched", "dead-lettered"]


@pytest.mark.parametrize("reset_count", [False, True])
def test_a_job_queued_again_by_hand(sent: Any, reset_count: bool) -> None:
    manager = manager_for()
    job = queued_job(manager)
    manager.fail(job, "Image not found")
    manager.retry_failed_job(job, reset_count=reset_count)
    name, arguments = sent[-1]
    assert name == "requeued"
    assert arguments == {"job": job, "manager": manager, "count_reset": reset_count}


def test_what_does_not_happen_is_not_sent(sent: Any) -> None:
    manager = manager_for(lambda job: STARTED)
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    sent.clear()
    manager.launch_job_with_retry(job)
    manager.release_claim(job)
    manager.cancel(job)
    manager.complete(job)
    with pytest.raises(ValueError, match="Cannot retry"):
        manager.retry_failed_job(job)
    assert sent == []


@pytest.mark.parametrize(("result", "status"), [(STARTED, "running"), (failed("Connection refused"), "retrying")])
def test_a_receiver_that_raises_is_logged_and_changes_nothing(
    result: Any, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    def receive(**kwargs: Any) -> None:
        raise ZeroDivisionError("from a receiver")

    for signal in SIGNALS.values():
        signal.connect(receive)
    try:
        manager = manager_for(lambda job: result)
        job = queued_job(manager)
        assert manager.launch_job_with_retry(job)["success"] == result["success"]
    finally:
        for signal in SIGNALS.values():
            signal.disconnect(receive)
    assert row(job).status == status
    assert "from a receiver" in caplog.text


# The log


@pytest.mark.parametrize(
    ("result", "level", "words"),
    [
        (STARTED, "INFO", ["Launched job {pk}"]),
        (failed("Connection refused"), "WARNING", ["Job {pk} failed (attempt 1)", "Connection refused", "in 0.0s"]),
        (failed("Image not found"), "ERROR", ["after 1 attempts", "(permanent error)", "Image not found"]),
    ],
)
def test_the_log_says_what_happened(
    result: Any, level: str, words: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    manager = manager_for(lambda job: result)
    job = queued_job(manager)
    caplog.set_level(logging.INFO, logger="job_retry.queue")
    caplog.clear()
    manager.launch_job_with_retry(job)
    (record,) = caplog.records
    assert record.levelname == level
    assert not [word for word in words if word.format(pk=job.pk) not in record.getMessage()]


def test_the_last_attempt_is_named_as_such(caplog: pytest.LogCaptureFixture) -> None:
    manager = manager_for(lambda job: failed("exit status 1"))
    manager.launch_job_with_retry(queued_job(manager, max_retries=1))
    assert "(retry limit exceeded): exit status 1" in caplog.text
