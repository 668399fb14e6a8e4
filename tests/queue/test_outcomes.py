"""What came of many launches is written at once, and no otherwise than one by one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from job_retry.django import signals
from job_retry.django.attempts import launch
from job_retry.django.queue import JobQueueManager
from job_retry.django.testing import COMPLETED, STARTED, ManualClock, ScriptedLauncher, failed

from tests.app.models import ContainerJob, ReportJob
from tests.queue.support import (
    assert_invariants,
    assert_shows_its_row,
    launched_together,
    manager_for,
    queued_job,
    recorded_together,
    row,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db

REPORTS = [
    COMPLETED,
    STARTED,
    {**COMPLETED, "execution_id": "run 1"},
    {**STARTED, "execution_id": "run 2"},
    failed("Connection refused by 10.0.0.7"),
    failed("Connection reset"),
    failed("Image not found: nginx"),
    ConnectionRefusedError,
    PermissionError,
    None,
    failed(""),
]


def launched(reports: list[Any], together: bool) -> list[dict[str, Any]]:
    """Return the rows after launches of so many jobs that came to ``reports``."""
    ContainerJob.objects.all().delete()
    manager = manager_for()
    jobs = [queued_job(manager) for _ in reports]
    manager.launch = ScriptedLauncher(
        scripts={job.pk: [report] for job, report in zip(jobs, reports, strict=True)},
    )
    claimed = manager.claim_next_batch(len(jobs))
    if together:
        results = {recorded.ended.job.pk: recorded.result for recorded in launched_together(manager, claimed)}
    else:
        results = {job.pk: manager.launch_claimed_job(job) for job in claimed}
    assert_invariants()
    for job in claimed:
        assert_shows_its_row(job)
    rows = ContainerJob.objects.filter(pk__in=[job.pk for job in jobs]).order_by("pk").values()
    return [{**values, "result": results[values["id"]]} for values in rows]


def test_many_results_are_written_as_each_would_be_by_itself() -> None:
    reports = REPORTS * 3
    alone, together = launched(reports, together=False), launched(reports, together=True)
    for one, other in zip(alone, together, strict=True):
        # Each has a clock of its own, which stands still; the delay after a failure depends on the key.
        for name, value in one.items():
            if name in {"id", "claim_token", "result"} or name.endswith(("_at", "_for")):
                assert (value is None) == (other[name] is None)
            else:
                assert value == other[name], name
        assert one["result"]["success"] == other["result"]["success"]
        assert one["result"].get("error") == other["result"].get("error")


def hundred(launch: Any, **arguments: Any) -> tuple[JobQueueManager, list[Any]]:
    manager = manager_for(launch, **arguments)
    for number in range(100):
        queued_job(manager, name=f"job {number}")
    return manager, manager.claim_next_batch(100)


def fails_in_its_own_way(job: ContainerJob) -> Any:
    return failed(f"Connection refused by 10.0.0.{job.pk}" if job.pk % 2 else f"Image not found: app/{job.name}")


@pytest.mark.django_db(transaction=True)
def test_a_hundred_failures_cost_few_statements() -> None:
    manager, jobs = hundred(fails_in_its_own_way)
    with CaptureQueriesContext(connection) as statements:
        results = launched_together(manager, jobs)
    assert [recorded.result["retry_scheduled"] for recorded in results if recorded.result].count(True) == 50
    # One look, two kinds of ends, the letters there were, the ledger, and the transaction around them. New letters are
    # a statement more on other databases than PostgreSQL; and SQLite takes so many parameters in a statement only.
    assert len(statements) <= {"postgresql": 7, "mysql": 8}.get(connection.vendor, 10)


def test_the_key_may_be_a_text() -> None:
    def launch(job: Any) -> Any:
        return failed(f"Connection refused: {job.pk}")

    manager = JobQueueManager(ReportJob, launch, clock=ManualClock())
    jobs = [manager.queue_job(ReportJob.objects.create(slug=slug)) for slug in ("it's", 'a"b')]
    launched_together(manager, manager.claim_next_batch(2))
    assert [row(job).last_error for job in jobs] == [f"Connection refused: {job.pk}" for job in jobs]


def test_a_job_that_is_cancelled_meanwhile_costs_the_others_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def launch(job: ContainerJob) -> Any:
        if job.name == "job 50":
            manager.cancel(row(job))
        return fails_in_its_own_way(job)

    manager, jobs = hundred(launch)
    results = launched_together(manager, jobs)
    cancelled = row(jobs[50])
    assert (cancelled.status, cancelled.retry_count) == ("cancelled", 0)
    assert set(ContainerJob.objects.exclude(pk=cancelled.pk).values_list("retry_count", flat=True)) == {1}
    assert [message for message in caplog.messages if "its result is ignored" in message] == [
        f"Job {cancelled.pk}: the claim of this launch has passed on; its result is ignored."
    ]
    assert sum(recorded.result is not None for recorded in results) == 100
    assert_invariants()


def test_a_job_that_is_cancelled_before_its_launch_is_not_launched() -> None:
    manager, jobs = hundred(ScriptedLauncher(COMPLETED))
    manager.cancel(row(jobs[7]))
    launched_together(manager, jobs)
    assert len(manager.launch.calls) == 99  # type: ignore[union-attr]
    assert jobs[7].pk not in [call.pk for call in manager.launch.calls]  # type: ignore[union-attr]


def test_what_a_launcher_sets_and_does_not_save_has_not_happened() -> None:
    def launch(job: ContainerJob) -> Any:
        job.retry_count, job.status, job.last_error, job.queued_at = 7, "completed", "mine", None
        return failed("Connection refused")

    manager, jobs = hundred(launch)
    launched_together(manager, jobs)
    found = set(ContainerJob.objects.values_list("status", "retry_count", "last_error"))
    assert found == {("retrying", 1, "Connection refused")}
    for job in jobs:
        assert_shows_its_row(job)


@pytest.fixture
def sent() -> Iterator[list[tuple[str, str]]]:
    """What was sent of jobs: their names and what became of them."""
    found: list[tuple[str, str]] = []

    def receive(job: Any, **_arguments: Any) -> None:
        assert_shows_its_row(job)
        found.append((job.name, job.status))

    of_launches = (signals.job_launched, signals.job_retry_scheduled, signals.job_dead_lettered)
    for signal in of_launches:
        signal.connect(receive)
    yield found
    for signal in of_launches:
        signal.disconnect(receive)


def test_each_job_has_its_signal_after_all_are_written(sent: list[tuple[str, str]]) -> None:
    manager, jobs = hundred(fails_in_its_own_way)
    launched_together(manager, jobs)
    assert sorted(sent) == sorted((job.name, "retrying" if job.pk % 2 else "failed") for job in jobs)


def test_a_method_of_the_programs_own_decides_on_each_failure() -> None:
    class Manager(JobQueueManager):
        def _handle_launch_failure(self, job: Any, error_message: object, strategy: Any) -> Any:
            seen.append(job.name)
            return super()._handle_launch_failure(job, f"seen: {error_message}", strategy)

    seen: list[str] = []
    manager = Manager(ContainerJob, fails_in_its_own_way, clock=ManualClock())
    jobs = [queued_job(manager, name=str(number)) for number in range(3)]
    launched_together(manager, manager.claim_next_batch(3))
    assert sorted(seen) == ["0", "1", "2"]
    assert all(row(job).last_error.startswith("seen: ") for job in jobs)


def test_what_a_receiver_of_a_signal_orders_is_told_and_the_others_have_theirs(sent: list[tuple[str, str]]) -> None:
    def order(job: Any, **_arguments: Any) -> None:
        if job.name == "job 3":
            raise SystemExit(3)

    manager, jobs = hundred(fails_in_its_own_way)
    for signal in (signals.job_retry_scheduled, signals.job_dead_lettered):
        signal.connect(order)
    try:
        results = launched_together(manager, jobs)
    finally:
        for signal in (signals.job_retry_scheduled, signals.job_dead_lettered):
            signal.disconnect(order)
    assert [(recorded.ended.job.name, type(recorded.exception)) for recorded in results if recorded.exception] == [
        ("job 3", SystemExit)
    ]
    assert len(sent) == 100
    assert set(ContainerJob.objects.values_list("retry_count", flat=True)) == {1}


def test_a_strategy_that_asks_to_stop_gives_its_jobs_claim_back() -> None:
    class Manager(JobQueueManager):
        def _get_retry_strategy(self, job: Any) -> Any:
            if job.name == "1":
                raise KeyboardInterrupt
            return super()._get_retry_strategy(job)

    manager = Manager(ContainerJob, fails_in_its_own_way, clock=ManualClock())
    jobs = [queued_job(manager, name=str(number)) for number in range(3)]
    results = launched_together(manager, manager.claim_next_batch(3))
    assert [type(recorded.exception) for recorded in results].count(KeyboardInterrupt) == 1
    assert [row(job).retry_count for job in jobs] == [1, 0, 1]
    assert (row(jobs[1]).status, row(jobs[1]).claim_token) == ("queued", None)
    assert_invariants()


class Breaks:
    """Lets a statement fail as when the connection is lost, before it reaches the database or after."""

    def __init__(self, begins: str, times: int, *, after: bool) -> None:
        self.begins, self.left, self.after = begins, times, after

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        breaks = bool(self.left) and sql.startswith(self.begins)
        self.left -= breaks
        result = execute(sql, params, many, context) if self.after or not breaks else None
        if breaks:
            raise OperationalError("server closed the connection unexpectedly")
        return result


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("after", [False, True])
def test_a_connection_that_is_lost_meanwhile_costs_nothing(after: bool, sent: list[tuple[str, str]]) -> None:
    manager, jobs = hundred(fails_in_its_own_way)
    with connection.execute_wrapper(Breaks("UPDATE", 1, after=after)):
        results = launched_together(manager, jobs)
    assert all(recorded.exception is None for recorded in results)
    assert set(ContainerJob.objects.values_list("retry_count", flat=True)) == {1}
    assert len(sent) == 100
    assert_invariants()


@pytest.mark.django_db(transaction=True)
def test_claims_whose_results_cannot_be_written_are_given_back_when_the_database_answers() -> None:
    manager, jobs = hundred(ScriptedLauncher(COMPLETED))
    ended = [launch(manager, job, manager.clock()) for job in jobs]
    with connection.execute_wrapper(Breaks("", 10_000, after=False)):
        results = recorded_together(manager, ended)
    assert {type(recorded.exception) for recorded in results} == {OperationalError}
    assert manager.claims.settle_doubts(manager.clock) == 100
    assert set(ContainerJob.objects.values_list("status", "retry_count")) == {("queued", 0)}


def test_logs_of_each_job_are_as_always(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "job_retry.queue")
    manager, jobs = hundred(ScriptedLauncher(COMPLETED))
    launched_together(manager, jobs)
    assert [message for message in caplog.messages if message.startswith("Launched")] == [
        f"Launched job {job.pk} (completed)." for job in jobs
    ]
