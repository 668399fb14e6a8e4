"""Each failed attempt is on the ledger, and each job that fails for good has one open letter, whoever failed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from job_retry.django.history.models import DeadLetter, FailedAttempt
from job_retry.django.history.reconcile import reconcile
from job_retry.django.queue import JobQueueManager
from job_retry.django.states import Status
from job_retry.django.testing import COMPLETED, STARTED, ManualClock, ScriptedLauncher, failed

from tests.app.models import ContainerJob, ReportJob, UrgentJob
from tests.queue.support import launched_together, manager_for, queued_job

if TYPE_CHECKING:
    from collections.abc import Callable


pytestmark = pytest.mark.django_db

REFUSED = "dial tcp 10.0.0.7:5432: connection refused"
ABSENT = "No such image: catalogue:7"
State = DeadLetter.State


def always(error: str) -> Callable[[Any], object]:
    """Return a launcher that fails with ``error``."""
    return lambda _job: failed(error)


def ledger(job: Any) -> list[FailedAttempt]:
    return list(FailedAttempt.objects.filter(job_key=str(job.pk)).order_by("pk"))


def letters(job: Any) -> list[DeadLetter]:
    return list(DeadLetter.objects.filter(job_key=str(job.pk)).order_by("pk"))


def states(job: Any) -> list[tuple[int, str, str]]:
    return [(letter.generation, letter.reason, letter.state) for letter in letters(job)]


def one_by_one(manager: JobQueueManager, jobs: list[Any]) -> None:
    for job in jobs:
        manager.launch_claimed_job(job)


BOTH_WAYS = pytest.mark.parametrize("attempt", [one_by_one, launched_together])
"""Results written each by itself, and many together."""


def attempted(manager: JobQueueManager, attempt: Any, count: int = 1) -> None:
    attempt(manager, manager.claim_next_batch(count))


@BOTH_WAYS
def test_a_failed_attempt_that_is_retried_is_a_row_of_the_ledger_and_no_letter(attempt: Any) -> None:
    manager = manager_for(always(REFUSED))
    job = queued_job(manager)
    began = manager.clock()
    attempted(manager, attempt)

    (row,) = ledger(job)
    assert (row.job_model, row.job_key, row.generation) == ("app.containerjob", str(job.pk), 1)
    assert (row.attempt, row.attempt_serial) == (1, 1)
    assert (row.started_at, row.failed_at) == (began, began)
    assert (row.error, row.exception_class, row.traceback) == (REFUSED, "", "")
    assert (row.verdict, row.reason, row.delay_seconds) == ("transient", "attempts left", 0.0)
    assert row.rule.partition("/")[1:] != ("", "")
    assert row.why
    assert row.strategy == "default"
    assert row.worker
    job.refresh_from_db()
    assert row.fingerprint == job.error_fingerprint != ""
    assert letters(job) == []


@BOTH_WAYS
def test_what_a_launcher_raises_is_kept_with_its_class_and_its_traceback_and_without_its_secrets(attempt: Any) -> None:
    def raise_it(job: ContainerJob) -> None:
        raise ConnectionRefusedError("postgresql://jobs:s3cret@db:5432 refused the connection")

    manager = manager_for(raise_it)
    job = queued_job(manager)
    attempted(manager, attempt)

    (row,) = ledger(job)
    assert row.exception_class == "ConnectionRefusedError"
    assert row.traceback.startswith("Traceback (most recent call last):")
    assert "raise_it" in row.traceback
    assert "s3cret" not in row.traceback + row.error
    assert "refused the connection" in row.traceback


@pytest.mark.parametrize(
    ("errors", "reason"),
    [([ABSENT], "permanent error"), ([REFUSED] * 3, "retry limit exceeded")],
)
@BOTH_WAYS
def test_a_job_that_fails_for_good_has_an_open_letter_with_its_last_failure(
    attempt: Any, errors: list[str], reason: str
) -> None:
    manager = manager_for(ScriptedLauncher(*map(failed, errors)), clock=ManualClock())
    job = queued_job(manager, retry_strategy="default")
    for _ in errors:
        attempted(manager, attempt)
        manager.clock.advance(600)  # type: ignore[attr-defined]

    rows = ledger(job)
    assert [row.attempt for row in rows] == list(range(1, len(errors) + 1))
    (letter,) = letters(job)
    assert letter.failure == rows[-1]
    assert (letter.reason, letter.state, letter.generation) == (reason, State.OPEN, 1)
    assert (letter.retry_count, letter.died_at) == (len(errors), rows[-1].failed_at)
    shared = ("fingerprint", "verdict", "rule", "exception_class", "strategy", "attempt_serial")
    assert [getattr(letter, name) for name in shared] == [getattr(rows[-1], name) for name in shared]


@BOTH_WAYS
def test_a_job_that_dies_again_is_a_letter_of_the_next_generation_beside_its_past(attempt: Any) -> None:
    manager = manager_for(always(ABSENT))
    job = queued_job(manager)
    attempted(manager, attempt)
    job.refresh_from_db()
    manager.retry_failed_job(job, by="ada")
    settled = letters(job)[0]
    assert (settled.state, settled.settled_by, settled.settled_at) == (State.REQUEUED, "ada", manager.clock())
    attempted(manager, attempt)

    assert states(job) == [(1, "permanent error", State.REQUEUED), (2, "permanent error", State.OPEN)]
    assert [row.generation for row in ledger(job)] == [1, 2]


@BOTH_WAYS
def test_attempts_that_succeed_leave_the_ledger_alone(attempt: Any) -> None:
    manager = manager_for(ScriptedLauncher(COMPLETED, STARTED))
    jobs = [queued_job(manager) for _ in range(2)]
    attempted(manager, attempt, 2)
    assert [ledger(job) + letters(job) for job in jobs] == [[], []]


def test_many_results_are_a_handful_of_statements_however_many_they_are() -> None:
    counts = []
    for number in (3, 40):
        manager = manager_for(always(ABSENT))
        for _ in range(number):
            queued_job(manager)
        jobs = manager.claim_next_batch(number)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            launched_together(manager, jobs)
        written = [query["sql"] for query in captured if "job_retry_" in query["sql"]]
        counts.append(len(written))
    assert counts[0] == counts[1] <= 3
    assert DeadLetter.objects.count() == FailedAttempt.objects.count() == 43


def test_a_discarded_dead_letter_says_by_whom_and_why() -> None:
    manager = manager_for(always(ABSENT))
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    manager.cancel(job, by="ada", note="the image is gone for good")
    (letter,) = letters(job)
    assert (letter.state, letter.settled_by, letter.note) == (State.DISCARDED, "ada", "the image is gone for good")


def test_to_cancel_a_job_that_is_no_dead_letter_leaves_its_past_alone() -> None:
    manager = manager_for(ScriptedLauncher(failed(ABSENT)))
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    manager.retry_failed_job(job, by="ada")
    manager.cancel(job, by="ben")
    assert [(letter.state, letter.settled_by) for letter in letters(job)] == [(State.REQUEUED, "ada")]


def test_a_run_that_fails_later_is_on_the_ledger_with_the_start_of_its_launch() -> None:
    clock = ManualClock()
    manager = manager_for(ScriptedLauncher(STARTED), clock=clock)
    job = queued_job(manager)
    began = clock()
    manager.launch_job_with_retry(job)
    clock.advance(90)
    manager.fail(ContainerJob.objects.get(pk=job.pk), PermissionError("denied"))

    (row,) = ledger(job)
    assert (row.failed_at - began).total_seconds() == 90
    assert (row.started_at, row.exception_class) == (began, "PermissionError")
    assert row.traceback == ""  # nobody raised it


def test_a_run_that_took_too_long_is_on_the_ledger_and_no_dead_letter() -> None:
    manager = manager_for(ScriptedLauncher(STARTED))
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    manager.time_out(job, "no result after 60 s")
    (row,) = ledger(job)
    assert (row.reason, row.error, row.delay_seconds) == ("timed out", "no result after 60 s", None)
    assert letters(job) == []


def test_what_is_set_to_failed_by_hand_is_a_dead_letter_by_hand() -> None:
    job = queued_job(manager_for())
    job.last_error = "the customer called: password=hunter2"
    job.transition_to(Status.FAILED)
    (letter,) = letters(job)
    assert (letter.reason, letter.state, letter.died_at) == ("by hand", State.OPEN, job.failed_at)
    assert letter.failure is not None
    assert letter.failure.error.startswith("the customer called")
    assert "hunter2" not in letter.failure.error


@pytest.mark.parametrize(
    ("target", "state"),
    [(Status.QUEUED, State.REQUEUED), (Status.RETRYING, State.REQUEUED), (Status.CANCELLED, State.DISCARDED)],
)
def test_what_leaves_failed_by_hand_settles_its_letter(target: Status, state: State) -> None:
    manager = manager_for(always(ABSENT))
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    job.transition_to(target)
    assert states(job) == [(1, "permanent error", state)]


@pytest.mark.parametrize(("error", "expected"), [(ABSENT, [(1, "permanent error", State.OPEN)]), (REFUSED, [])])
def test_a_launcher_that_sets_failed_itself_has_one_letter_or_none_as_is_decided(error: str, expected: Any) -> None:
    def launch(job: ContainerJob) -> dict[str, Any]:
        job.last_error = "an error of the launcher's own"
        job.transition_to(Status.FAILED)
        return failed(error)

    manager = manager_for(launch)
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    assert states(job) == expected
    assert [(row.error, row.generation) for row in ledger(job)] == [(error, 1)]


def test_a_dead_letter_that_is_queued_past_us_and_fails_again_leaves_no_open_letter_behind() -> None:
    manager = manager_for(always(ABSENT))
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    ContainerJob.objects.update(status=Status.QUEUED, failed_at=None, queued_at=manager.clock())
    manager.launch_job_with_retry(ContainerJob.objects.get())
    assert states(job) == [(1, "permanent error", State.REQUEUED), (2, "permanent error", State.OPEN)]


def test_jobs_of_a_proxy_are_those_of_its_model_and_keys_need_not_be_numbers() -> None:
    manager = JobQueueManager(UrgentJob, always(ABSENT))
    manager.launch_job_with_retry(queued_job(manager))
    reports = JobQueueManager(ReportJob, always(ABSENT))
    reports.launch_job_with_retry(reports.queue_job(ReportJob.objects.create(slug="weekly")))
    found = DeadLetter.objects.order_by("pk").values_list("job_model", "job_key")
    assert [model for model, _ in found] == ["app.containerjob", "app.reportjob"]
    assert found[1][1] == "weekly"


def test_nothing_is_on_the_ledger_where_the_decision_is_not_written() -> None:
    def launch(job: ContainerJob) -> dict[str, Any]:
        manager.cancel(ContainerJob.objects.get(pk=job.pk))
        return failed(ABSENT)

    manager = manager_for(launch)
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    assert ledger(job) + letters(job) == []


def test_the_decision_is_not_written_where_the_ledger_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = manager_for(ScriptedLauncher(STARTED))
    job = queued_job(manager)
    manager.launch_job_with_retry(job)

    def refuse(*_arguments: object) -> None:
        raise ValueError("no room in the ledger")

    monkeypatch.setattr("job_retry.django.recording.enter", refuse)
    with pytest.raises(ValueError, match="no room"):
        manager.fail(job, ABSENT)
    job.refresh_from_db()
    assert (job.status, job.last_error) == (Status.RUNNING, None)


def test_reconciling_brings_letters_in_step_with_jobs_that_were_moved_past_us() -> None:
    manager = manager_for(always(ABSENT))
    moved, cancelled, deleted, kept = jobs = [queued_job(manager) for _ in range(4)]
    for job in jobs:
        manager.launch_job_with_retry(job)
    old = ContainerJob.objects.create(status=Status.FAILED, last_error=ABSENT, retry_count=1)
    exhausted = ContainerJob.objects.create(status=Status.FAILED, last_error=REFUSED, retry_count=3)
    bare = ContainerJob.objects.create(status=Status.FAILED)
    DeadLetter.objects.filter(job_key__in=[str(job.pk) for job in (old, exhausted, bare)]).delete()
    FailedAttempt.objects.filter(job_key__in=[str(old.pk), str(exhausted.pk)]).delete()
    ContainerJob.objects.filter(pk=moved.pk).update(status=Status.COMPLETED)
    ContainerJob.objects.filter(pk=cancelled.pk).update(status=Status.CANCELLED)
    deleted_key = deleted.pk
    deleted.delete()

    done = list(reconcile(manager))
    assert [sum(numbers) for numbers in zip(*done, strict=True)] == [3, 1, 2]
    found = dict(DeadLetter.objects.values_list("job_key", "state"))
    assert found == {
        str(moved.pk): State.REQUEUED,
        str(cancelled.pk): State.DISCARDED,
        str(deleted_key): State.DISCARDED,
        str(kept.pk): State.OPEN,
        str(old.pk): State.OPEN,
        str(exhausted.pk): State.OPEN,
        str(bare.pk): State.OPEN,
    }
    reasons = dict(DeadLetter.objects.values_list("job_key", "reason"))
    assert [reasons[str(job.pk)] for job in (old, exhausted, bare)] == [
        "permanent error",
        "retry limit exceeded",
        "by hand",
    ]
    assert list(reconcile(manager))[1:] == []  # a second time nothing is left to do
