"""What a launcher itself does to the job is a fact, never an error; and no job ends in limbo."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from job_retry.django import signals
from job_retry.django.states import Status
from job_retry.django.testing import COMPLETED, STARTED, ScriptedLauncher, failed

from tests.app.models import ContainerJob
from tests.queue.support import assert_invariants, assert_shows_its_row, broken_invariants, manager_for, queued_job, row

if TYPE_CHECKING:
    from job_retry.django.models import RetryableJob

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("recorded_either_way")]


def by_its_own_instance(job: RetryableJob, status: str) -> None:
    row(job).transition_to(status)


def by_the_passed_instance(job: RetryableJob, status: str) -> None:
    job.transition_to(status)


def by_attribute_and_save(job: RetryableJob, status: str) -> None:
    job.status = status
    job.save()


def by_update(job: RetryableJob, status: str) -> None:
    """Leaves the claim, and everything else that goes with a status, as it is."""
    ContainerJob.objects.filter(pk=job.pk).update(status=status)


SETTERS = [by_its_own_instance, by_the_passed_instance, by_attribute_and_save, by_update]

REPORTS = {
    "success": STARTED,
    "completion": COMPLETED,
    "transient": failed("Connection refused"),
    "permanent": failed("Image not found"),
    "exception": ConnectionRefusedError("Connection refused"),
    "nothing": None,
}

# What the launcher set, what it then reported: the status and the failed attempts that follow.
EXPECTED = {
    ("running", "success"): ("running", 0),
    ("running", "completion"): ("completed", 0),
    ("running", "transient"): ("retrying", 1),
    ("running", "permanent"): ("failed", 1),
    ("running", "exception"): ("retrying", 1),
    ("running", "nothing"): ("retrying", 1),
    ("completed", "success"): ("completed", 0),
    ("completed", "completion"): ("completed", 0),
    ("completed", "transient"): ("completed", 0),
    ("completed", "permanent"): ("completed", 0),
    ("completed", "exception"): ("completed", 0),
    ("completed", "nothing"): ("completed", 0),
    # Failed and successful at once: what is on record of the job counts, as an error that says nothing.
    ("failed", "success"): ("retrying", 1),
    ("failed", "completion"): ("retrying", 1),
    ("failed", "transient"): ("retrying", 1),
    ("failed", "permanent"): ("failed", 1),
    ("failed", "exception"): ("retrying", 1),
    ("failed", "nothing"): ("retrying", 1),
    # Given back by its own launcher, which then reports a failure: an attempt like any other.
    ("queued", "transient"): ("retrying", 1),
    ("queued", "permanent"): ("failed", 1),
    ("retrying", "transient"): ("retrying", 1),
    ("retrying", "permanent"): ("failed", 1),
    # Called off, or taken back, during the launch: the result is ignored.
    ("queued", "success"): ("queued", 0),
    ("retrying", "success"): ("retrying", 0),
    ("cancelled", "success"): ("cancelled", 0),
    ("cancelled", "completion"): ("cancelled", 0),
    ("cancelled", "transient"): ("cancelled", 0),
    ("timeout", "success"): ("timeout", 0),
    ("timeout", "permanent"): ("timeout", 0),
}


def launcher(setter: Any, status: str, report: Any) -> Any:
    def launch(job: RetryableJob) -> Any:
        setter(job, status)
        if isinstance(report, Exception):
            raise report
        return report

    return launch


@pytest.mark.parametrize("setter", SETTERS)
@pytest.mark.parametrize(("status", "report"), list(EXPECTED))
def test_what_a_launcher_sets_is_taken_over(setter: Any, status: str, report: str) -> None:
    manager = manager_for(launcher(setter, status, REPORTS[report]))
    job = queued_job(manager)
    result = manager.launch_job_with_retry(job)
    present = row(job)
    assert (present.status, present.retry_count) == EXPECTED[status, report]
    assert_invariants()
    assert_shows_its_row(job)
    assert result["success"] == (present.status in {"running", "completed"})
    assert result["retry_scheduled"] == (present.status == "retrying" and present.retry_count == 1)
    assert ("retry_in_seconds" in result) == result["retry_scheduled"]
    if present.status == "failed":
        assert result["error"].startswith("Permanently failed: ")


@pytest.mark.parametrize(("status", "report"), list(product(["pending", "done", "QUEUED"], REPORTS)))
def test_a_status_that_makes_no_sense_is_no_limbo(status: str, report: str) -> None:
    """Set past the state machine. Only an update of the rows can do so."""
    manager = manager_for(launcher(by_update, status, REPORTS[report]))
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    if status == "pending":
        assert row(job).status == "pending"
    else:
        assert row(job).status == EXPECTED["running", report][0]
    assert broken_invariants(row(job)) == []


def test_the_error_that_a_launcher_recorded_is_the_one_that_counts() -> None:
    def launch(job: RetryableJob) -> dict[str, Any]:
        mine = row(job)
        mine.last_error = "Image not found: nginx"
        mine.transition_to("failed", save=False)
        mine.save()
        return STARTED

    manager = manager_for(launch)
    job = queued_job(manager)
    assert manager.launch_job_with_retry(job)["error"] == "Permanently failed: Image not found: nginx"
    assert (row(job).status, row(job).retry_count) == ("failed", 1)


# The manager's own methods, called from within a launch


@pytest.mark.parametrize("report", list(REPORTS))
def test_a_launcher_may_complete_the_job_through_the_manager(report: str) -> None:
    manager = manager_for(launcher(lambda job, _: manager.complete(job), "", REPORTS[report]))
    job = queued_job(manager)
    assert manager.launch_job_with_retry(job) == {"success": True, "retry_scheduled": False}
    assert (row(job).status, row(job).retry_count) == ("completed", 0)
    assert_invariants()


@pytest.mark.parametrize("report", list(REPORTS))
@pytest.mark.parametrize(("error", "status"), [("Connection refused", "retrying"), ("Image not found", "failed")])
def test_a_launcher_may_fail_the_job_through_the_manager_and_is_charged_once(
    report: str, error: str, status: str
) -> None:
    manager = manager_for(launcher(lambda job, _: manager.fail(job, error), "", REPORTS[report]))
    job = queued_job(manager)
    result = manager.launch_job_with_retry(job)
    assert (row(job).status, row(job).retry_count, row(job).last_error) == (status, 1, error)
    if status == "retrying":
        assert result == {"success": False, "error": error, "retry_scheduled": True, "retry_in_seconds": 0.0}
    else:
        assert result == {"success": False, "error": f"Permanently failed: {error}", "retry_scheduled": False}
    assert_invariants()
    assert_shows_its_row(job)


@pytest.mark.parametrize("report", list(REPORTS))
def test_a_job_cancelled_during_its_launch_stays_cancelled(report: str) -> None:
    manager = manager_for(launcher(lambda job, _: manager.cancel(row(job)), "", REPORTS[report]))
    job = queued_job(manager)
    result = manager.launch_job_with_retry(job)
    assert (result["success"], result["retry_scheduled"]) == (False, False)
    assert "passed on" in result["error"]
    assert (row(job).status, row(job).retry_count) == ("cancelled", 0)
    assert_invariants()
    assert_shows_its_row(job)


@pytest.mark.parametrize("report", list(REPORTS))
def test_a_job_deleted_during_its_launch_stays_deleted(report: str) -> None:
    manager = manager_for(launcher(lambda job, _: row(job).delete(), "", REPORTS[report]))
    job = queued_job(manager)
    assert manager.launch_job_with_retry(job)["success"] is False
    assert not ContainerJob.objects.exists()


def test_a_launcher_may_save_and_refresh_the_job_it_is_given() -> None:
    def launch(job: RetryableJob) -> dict[str, Any]:
        job.name = "launched"
        job.save()
        job.refresh_from_db()
        job.mark_as_running()
        job.execution_id = "container-7"
        job.save(update_fields=["execution_id"])
        return STARTED

    manager = manager_for(launch)
    job = queued_job(manager)
    assert manager.launch_job_with_retry(job)["success"]
    assert (row(job).name, row(job).status, row(job).execution_id) == ("launched", "running", "container-7")
    assert_shows_its_row(job)
    assert manager.complete(row(job))
    assert_invariants()


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("counts", [{"retry_count": 2}, {"retry_count": 0}, {"attempt_serial": 0}])
def test_a_launcher_that_counts_attempts_itself_is_charged_once(counts: dict[str, int], report: str) -> None:
    def launch(job: RetryableJob) -> Any:
        for name, value in counts.items():
            setattr(job, name, value)
        job.save()
        return ScriptedLauncher(REPORTS[report])(job, "")

    manager = manager_for(launch)
    job = queued_job(manager, retry_count=1, retry_strategy="aggressive")
    result = manager.launch_job_with_retry(job)
    assert result["success"] == (report in {"success", "completion"})
    assert (job.retry_count, job.attempt_serial) == (1 if result["success"] else 2, 1)
    assert job.status in {Status.RUNNING, Status.COMPLETED, Status.RETRYING, Status.FAILED}
    assert_shows_its_row(job)
    assert_invariants()


@pytest.mark.parametrize(
    ("status", "error", "ends"),
    [
        ("failed", "Connection refused", "retrying"),
        ("failed", "Image not found", "failed"),
        ("retrying", "Connection refused", "retrying"),
        ("retrying", "Image not found", "failed"),
    ],
)
def test_a_launcher_that_ends_and_counts_an_attempt_itself_does_not_hide_its_error(
    status: str, error: str, ends: str
) -> None:
    def launch(job: RetryableJob) -> Any:
        job.status = status
        job.retry_count += 1
        job.save()
        return failed(error)

    manager = manager_for(launch)
    job = queued_job(manager, retry_strategy="aggressive")
    for attempt in (1, 2) if ends == "retrying" else (1,):
        job.refresh_from_db()
        manager.clock.advance_to(job.scheduled_for or manager.clock())  # type: ignore[attr-defined]
        assert manager.launch_job_with_retry(job)["error"].endswith(error)
        assert (job.status, job.retry_count, job.last_error) == (ends, attempt, error)
        assert_shows_its_row(job)
        assert_invariants()


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("retry_count", [0, 2, 3])
def test_a_launcher_that_counts_attempts_itself_may_complete_the_job(retry_count: int, report: str) -> None:
    def launch(job: RetryableJob) -> Any:
        job.retry_count = retry_count
        job.transition_to("running")
        job.save()
        job.transition_to("completed")
        return ScriptedLauncher(REPORTS[report])(job, "")

    manager = manager_for(launch)
    job = queued_job(manager, retry_count=1)
    sent: list[Any] = []
    signals.job_launched.connect(lambda **kwargs: sent.append(kwargs["job"]), weak=False, dispatch_uid="sent")
    try:
        assert manager.launch_job_with_retry(job) == {"success": True, "retry_scheduled": False}
    finally:
        signals.job_launched.disconnect(dispatch_uid="sent")
    assert sent == [job]
    assert row(job).status == "completed"
    assert_shows_its_row(job)
    assert_invariants()


def test_a_launcher_that_counts_attempts_itself_can_be_interrupted() -> None:
    def launch(job: RetryableJob) -> None:
        ContainerJob.objects.filter(pk=job.pk).update(retry_count=5)
        raise KeyboardInterrupt

    manager = manager_for(launch)
    job = queued_job(manager)
    with pytest.raises(KeyboardInterrupt):
        manager.launch_job_with_retry(job)
    assert row(job).status == Status.QUEUED


@pytest.mark.parametrize("report", REPORTS)
def test_a_launcher_may_copy_the_job_by_saving_it_without_a_key(report: str) -> None:
    def launch(job: RetryableJob) -> Any:
        job.pk = None
        job._state.adding = True
        job.save()
        return ScriptedLauncher(REPORTS[report])(job, "")

    manager = manager_for(launch)
    job = queued_job(manager)
    pk = job.pk
    result = manager.launch_job_with_retry(job)
    assert job.pk == pk
    assert result["success"] == (job.status in {Status.RUNNING, Status.COMPLETED})
    assert_shows_its_row(job)
    assert row(job).status != Status.LAUNCHING


def test_what_a_launcher_changes_on_the_instance_alone_is_not_a_result() -> None:
    def launch(job: RetryableJob) -> dict[str, Any]:
        job.status, job.claim_token, job.retry_count = "failed", None, 17
        return STARTED

    manager = manager_for(launch)
    job = queued_job(manager)
    assert manager.launch_job_with_retry(job)["success"]
    assert (row(job).status, row(job).retry_count) == ("running", 0)
    assert_shows_its_row(job)


# Results that come too late


def overtaken(job: RetryableJob, report: Any) -> tuple[Any, Any, Any]:
    """Launch a job whose claim is released, and taken by another worker, before the launcher returns."""

    def launch(launching: RetryableJob) -> Any:
        manager.release_claim(row(launching))
        (taken,) = manager.claim_next_batch(1, holder="another")
        other.append(taken)
        return report

    other: list[Any] = []
    manager = manager_for(launch)
    return manager, manager.launch_job_with_retry(job), other[0]


@pytest.mark.parametrize("report", ["success", "completion", "transient", "permanent", "nothing"])
def test_a_result_after_the_claim_has_passed_on_changes_nothing(report: str) -> None:
    job = queued_job(manager_for())
    manager, result, taken = overtaken(job, REPORTS[report])
    assert (result["success"], result["retry_scheduled"]) == (False, False)
    assert_shows_its_row(taken)
    assert row(job).claimed_by == "another"
    assert job.claim_token != taken.claim_token
    for late in (
        lambda: manager.complete(job),
        lambda: manager.fail(job, "Image not found"),
        lambda: manager.time_out(job, "too slow"),
        lambda: manager.heartbeat(job),
        lambda: manager.release_claim(job),
        lambda: manager.release_claims([job]),
    ):
        assert not late()
        assert_shows_its_row(taken)
    assert manager.complete(taken)


@pytest.mark.parametrize("report", ["success", "completion", "transient"])
def test_a_late_result_does_not_undo_the_end_of_the_next_attempt(report: str) -> None:
    def launch(launching: RetryableJob) -> Any:
        manager.release_claim(row(launching))
        (taken,) = manager.claim_next_batch(1)
        manager.fail(taken, "Image not found")
        return REPORTS[report]

    manager = manager_for(launch)
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    assert (row(job).status, row(job).retry_count, row(job).last_error) == ("failed", 1, "Image not found")
    assert_invariants()


def next_attempt_ends(manager: Any, end: Any) -> None:
    (taken,) = manager.claim_next_batch(1, holder="another")
    end(taken)


# What happens to a job between the release of a claim and its late result.
MEANWHILE = {
    "it waits": lambda manager, job: None,
    "it is claimed": lambda manager, job: manager.claim_next_batch(1, holder="another"),
    "it runs": lambda manager, job: next_attempt_ends(manager, lambda taken: taken.transition_to("running")),
    "it is completed": lambda manager, job: next_attempt_ends(manager, manager.complete),
    "it waits for a retry": lambda manager, job: next_attempt_ends(
        manager, lambda taken: manager.fail(taken, "Connection reset")
    ),
    "it is a dead letter": lambda manager, job: next_attempt_ends(
        manager, lambda taken: manager.fail(taken, "Image not found")
    ),
    "it is retried": lambda manager, job: next_attempt_ends(
        manager, lambda taken: manager.fail(taken, "Image not found") and manager.retry_failed_job(taken)
    ),
    "it is on its second attempt": lambda manager, job: next_attempt_ends(
        manager, lambda taken: manager.fail(taken, "Connection reset") and manager.claim_next_batch(1)
    ),
    "it is retried afresh and claimed": lambda manager, job: next_attempt_ends(
        manager,
        lambda taken: (
            manager.fail(taken, "Image not found")
            and manager.retry_failed_job(taken, reset_count=True)
            and manager.claim_next_batch(1)
        ),
    ),
    "it is cancelled": lambda manager, job: manager.cancel(row(job)),
}


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("meanwhile", MEANWHILE)
@pytest.mark.parametrize("on_the_instance", [{}, {"status": "failed", "claim_token": None, "retry_count": 1}])
def test_a_late_result_changes_nothing(meanwhile: str, report: str, on_the_instance: dict[str, Any]) -> None:
    rows: list[dict[str, Any]] = []

    def launch(job: RetryableJob) -> Any:
        for name, value in on_the_instance.items():
            setattr(job, name, value)
        manager.release_claim(row(job))
        MEANWHILE[meanwhile](manager, job)
        rows.extend(ContainerJob.objects.filter(pk=pk).values())
        return ScriptedLauncher(REPORTS[report])(job, "")

    manager = manager_for(launch)
    job = queued_job(manager, retry_strategy="aggressive")
    pk = job.pk
    result = manager.launch_job_with_retry(job)
    assert list(ContainerJob.objects.filter(pk=pk).values()) == rows
    if meanwhile in {"it waits", "it is claimed", "it runs", "it is cancelled"}:
        assert "passed on" in result["error"]
    assert_invariants()


def test_signals_tell_of_what_was_taken_over_once() -> None:
    sent: list[str] = []
    receivers = {
        "launched": signals.job_launched,
        "retry scheduled": signals.job_retry_scheduled,
        "dead-lettered": signals.job_dead_lettered,
    }
    for name, signal in receivers.items():
        signal.connect(lambda name=name, **kwargs: sent.append(name), weak=False, dispatch_uid=name)
    try:
        for status, report in (("completed", "transient"), ("failed", "permanent"), ("failed", "transient")):
            manager = manager_for(launcher(by_its_own_instance, status, REPORTS[report]))
            manager.launch_job_with_retry(queued_job(manager))
    finally:
        for name, signal in receivers.items():
            signal.disconnect(dispatch_uid=name)
    assert sent == ["launched", "dead-lettered", "retry scheduled"]


def test_every_status_is_in_the_table() -> None:
    assert {status for status, _ in EXPECTED} | {"pending", "launching"} == set(Status.values)
