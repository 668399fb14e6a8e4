"""The worker in this process: its threads, its limits, how it ends."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError, OperationalError, connection, connections
from job_retry import RetryStrategy
from job_retry.django import outages
from job_retry.django.queue import JobQueueManager
from job_retry.django.settings import get_queue_settings
from job_retry.django.testing import COMPLETED, STARTED, ManualClock, ScriptedLauncher, failed
from job_retry.django.worker import Worker

from tests.app.models import ContainerJob

if TYPE_CHECKING:
    from collections.abc import Callable

    from job_retry.django.attempts import LaunchResult
    from job_retry.django.worker import WorkerSummary

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_SECONDS = 30
"""When a test that waits for another thread gives up; it never waits that long unless something is broken."""


def manager_with(launch: Any, **options: Any) -> JobQueueManager:
    configured = replace(get_queue_settings(), **options)
    return JobQueueManager(ContainerJob, launch, options=configured)


def queued(manager: JobQueueManager, count: int) -> list[ContainerJob]:
    jobs = [ContainerJob.objects.create(name=f"job {number}") for number in range(count)]
    manager.queue_jobs(jobs)
    return jobs


def drained(manager: JobQueueManager, **options: Any) -> WorkerSummary:
    return Worker(manager, drain=True, poll_interval=0.01, **options).run()


def statuses() -> list[str]:
    return list(ContainerJob.objects.order_by("pk").values_list("status", flat=True))


class Turns:
    """An observer that does something at each turn of the worker."""

    def __init__(self, act: Callable[[], None]) -> None:
        self.act = act
        self.events: list[str] = []

    def started(self, worker: Worker) -> None:
        self.events.append("started")

    def finished(self, job: Any, result: LaunchResult) -> None:
        self.events.append(f"{job.pk} {job.status}")

    def turn(self) -> None:
        self.act()

    def stopped(self, summary: WorkerSummary) -> None:
        self.events.append("stopped")


def test_drains_a_queue_of_jobs_that_end_differently() -> None:
    manager = manager_with(ScriptedLauncher())
    good, flaky, bad = queued(manager, 3)
    manager.launch = ScriptedLauncher(
        scripts={
            good.pk: [COMPLETED],
            flaky.pk: [ConnectionResetError("connection reset"), COMPLETED],
            bad.pk: [failed("no such image")],
        }
    )
    observer = Turns(lambda: None)
    summary = drained(manager, observer=observer)
    assert statuses() == ["completed", "completed", "failed"]
    assert (summary.launched, summary.retried, summary.dead_lettered) == (2, 1, 1)
    assert str(summary) == "2 launched, 1 retries scheduled, 1 dead letters"
    assert (observer.events[0], observer.events[-1]) == ("started", "stopped")
    assert sorted(observer.events[1:-1]) == sorted(
        [f"{good.pk} completed", f"{flaky.pk} retrying", f"{flaky.pk} completed", f"{bad.pk} failed"]
    )


def test_launches_as_many_at_once_as_it_may_and_no_more() -> None:
    together = threading.Barrier(3)  # passed only by three launches at the same time
    lock = threading.Lock()
    at_once: list[int] = [0, 0]

    def launch(job: Any) -> dict[str, Any]:
        with lock:
            at_once[0] += 1
            at_once[1] = max(at_once)
        together.wait(PATIENCE_SECONDS)
        with lock:
            at_once[0] -= 1
        return COMPLETED

    manager = manager_with(launch)
    queued(manager, 9)
    assert drained(manager, max_concurrent=3).launched == 9
    assert at_once == [0, 3]


def test_each_thread_has_a_connection_of_its_own_which_ends_with_it() -> None:
    together = threading.Barrier(2)
    seen: dict[str, Any] = {}

    def launch(job: Any) -> dict[str, Any]:
        together.wait(PATIENCE_SECONDS)
        ContainerJob.objects.count()
        wrapper = connections["default"]
        seen[threading.current_thread().name] = (wrapper, wrapper.connection)
        return COMPLETED

    manager = manager_with(launch)
    queued(manager, 2)
    assert drained(manager, max_concurrent=2).launched == 2
    assert sorted(seen) == ["launch-default-1", "launch-default-2"]
    assert len({id(opened) for _wrapper, opened in seen.values()}) == 2
    assert [wrapper.connection for wrapper, _opened in seen.values()] == [None, None]


def test_detached_runs_count_until_they_end() -> None:
    launcher = ScriptedLauncher(STARTED)
    manager = manager_with(launcher)
    queued(manager, 3)
    running_when_idle: list[int] = []

    def turn() -> None:
        running = list(ContainerJob.objects.filter(status="running"))
        if len(running) < 2 and len(launcher.calls) < 3:
            return  # not all launches that may be under way have come back
        running_when_idle.append(len(running))
        if len(running_when_idle) == 3:
            assert len(launcher.calls) == 2
            assert manager.complete(running[0])
        if len(launcher.calls) == 3 and len(running) == 2:
            worker.stop()

    worker = Worker(manager, max_concurrent=2, poll_interval=0.01, observer=Turns(turn))
    assert worker.run().launched == 3
    assert max(running_when_idle) == 2
    assert sorted(statuses()) == ["completed", "running", "running"]


def test_a_graceful_stop_ends_what_is_under_way_and_gives_back_the_rest() -> None:
    stopped = threading.Event()

    def launch(job: Any) -> dict[str, Any]:
        worker.stop()
        assert stopped.wait(PATIENCE_SECONDS)
        return COMPLETED

    manager = manager_with(launch, claim_batch=10)
    queued(manager, 10)
    worker = Worker(manager, max_concurrent=1, poll_interval=0.01)
    release_claims = manager.release_claims

    def release(jobs: Any) -> int:
        stopped.set()  # the worker has noticed the stop, while the launch is still under way
        return release_claims(jobs)

    manager.release_claims = release  # type: ignore[method-assign]
    summary = worker.run()
    assert (summary.launched, summary.given_back, summary.still_launching) == (1, 9, [])
    rows = ContainerJob.objects.order_by("pk").values_list(
        "status", "claimed_by", "claim_token", "retry_count", "attempt_serial"
    )
    assert list(rows) == [("completed", "", None, 0, 1)] + [("queued", "", None, 0, 0)] * 9


def test_a_second_stop_ends_it_at_once() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def launch(job: Any) -> dict[str, Any]:
        begun.set()
        assert go_on.wait(PATIENCE_SECONDS)
        return COMPLETED

    def turn() -> None:
        if begun.is_set():
            worker.stop()
            worker.stop()

    manager = manager_with(launch)
    [job] = queued(manager, 1)
    worker = Worker(manager, poll_interval=0.01, observer=Turns(turn))
    assert worker.run().still_launching == [job.pk]
    job.refresh_from_db()
    assert (job.status, job.claimed_by) == ("launching", worker.name)
    go_on.set()
    for thread in threading.enumerate():
        if thread.name.startswith("launch-default"):
            thread.join(PATIENCE_SECONDS)
    job.refresh_from_db()
    assert job.status == "completed"  # the thread had not been told to stop, and its claim stood


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_inside_a_launcher_ends_the_worker_and_costs_no_attempt(kind: type[BaseException]) -> None:
    manager = manager_with(ScriptedLauncher(kind))
    [job] = queued(manager, 1)
    with pytest.raises(kind):
        Worker(manager, poll_interval=0.01).run()
    job.refresh_from_db()
    assert (job.status, job.retry_count, job.claim_token) == ("queued", 0, None)


def test_draining_leaves_what_people_scheduled_for_later() -> None:
    manager = manager_with(ScriptedLauncher())
    now, later = ContainerJob.objects.create(), ContainerJob.objects.create()
    manager.queue_job(now)
    manager.queue_job(later, schedule_for=manager.clock() + timedelta(days=1))
    assert drained(manager).launched == 1
    assert statuses() == ["completed", "queued"]


def test_draining_waits_for_what_another_worker_has_claimed() -> None:
    manager = manager_with(ScriptedLauncher())
    queued(manager, 1)
    [held] = manager.claim_next_batch(1, "another:1")
    turns: list[str] = []

    def turn() -> None:
        turns.append(statuses()[0])
        if len(turns) == 3:
            manager.release_claim(held)

    assert drained(manager, observer=Turns(turn)).launched == 1
    assert turns[:3] == ["launching"] * 3


@pytest.mark.parametrize(("run_lease_seconds", "ends_after_seconds"), [(None, 0), (20.0, 20)])
def test_draining_waits_for_a_run_as_long_as_its_lease_lives(
    run_lease_seconds: float | None, ends_after_seconds: int
) -> None:
    clock = ManualClock()
    manager = manager_with(ScriptedLauncher(STARTED), run_lease_seconds=run_lease_seconds)
    manager.clock = clock
    began = clock()
    queued(manager, 1)

    def turn() -> None:
        if len(observer.events) > 1:  # the worker knows that the launch has succeeded
            clock.advance(5)

    observer = Turns(turn)
    drained(manager, observer=observer)
    assert (clock() - began).total_seconds() == ends_after_seconds
    assert statuses() == ["running"]


class Outage:
    """Makes a manager's claims fail as they do when the database does not answer."""

    def __init__(self, manager: JobQueueManager, failures: int) -> None:
        self.claim_next_batch = manager.claim_next_batch
        self.failures = failures
        self.seconds = 0.0
        manager.claim_next_batch = self.claim  # type: ignore[method-assign]

    def claim(self, *arguments: Any) -> list[Any]:
        if self.failures:
            self.failures -= 1
            self.seconds += 60
            raise OperationalError("server closed the connection; password=hunter2")
        return self.claim_next_batch(*arguments)

    def monotonic(self) -> float:
        return self.seconds


def test_goes_on_by_itself_when_the_database_answers_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outages, "BACKOFF", RetryStrategy(base_delay=0.01, max_delay=0.02))
    manager = manager_with(ScriptedLauncher())
    queued(manager, 2)
    outage = Outage(manager, failures=3)
    assert drained(manager, monotonic=outage.monotonic).launched == 2
    assert [record.message for record in caplog.records if "does not answer" in record.message] == [
        "The database does not answer (OperationalError: server closed the connection; password=***); "
        f"the worker asks again in {delay}s."
        for delay in ("0.0", "0.0", "0.0")
    ]


def test_gives_up_after_a_set_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "BACKOFF", RetryStrategy(base_delay=0.001, max_delay=0.001))
    manager = manager_with(ScriptedLauncher())
    outage = Outage(manager, failures=1_000)
    with pytest.raises(OperationalError, match="server closed"):
        drained(manager, monotonic=outage.monotonic)
    # One failure at each minute: the first begins the outage, the last is the first one past the limit.
    assert 1_000 - outage.failures == manager.outage_seconds / 60 + 1


def test_does_not_wait_for_a_table_that_no_migration_has_made(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outages, "BACKOFF", RetryStrategy(base_delay=0.001, max_delay=0.001))
    manager = manager_with(ScriptedLauncher())
    outage = Outage(manager, failures=0)
    monkeypatch.setattr(ContainerJob._meta, "db_table", "not_migrated")
    with pytest.raises(DatabaseError, match="not_migrated"):
        drained(manager, monotonic=outage.monotonic)
    assert "does not answer" not in caplog.text


def test_looks_after_others_however_seldom_it_looks_for_jobs() -> None:
    manager = manager_with(ScriptedLauncher())
    manager.renew_seconds = 0.01
    turns: list[None] = []

    def turn() -> None:
        turns.append(None)
        if len(turns) == 3:
            worker.stop()

    worker = Worker(manager, poll_interval=1000 * PATIENCE_SECONDS, observer=Turns(turn))
    worker.run()
    assert len(turns) == 3


@pytest.mark.postgresql
def test_survives_the_end_of_its_connection() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL, where one session can end another")
    manager = manager_with(ScriptedLauncher())
    cut: list[int] = []

    def turn() -> None:
        if cut:
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            [[pid]] = cursor.fetchall()
        ender = threading.Thread(target=end_session, args=(pid,))
        ender.start()
        ender.join(PATIENCE_SECONDS)
        cut.append(pid)

    def end_session(pid: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        queued(manager, 1)
        connection.close()

    worker = Worker(manager, poll_interval=0.01, observer=Turns(turn))
    monitor = manager.launch

    def launch(job: Any, idempotency_key: str) -> Any:
        worker.stop()
        return monitor(job, idempotency_key)  # type: ignore[operator]

    manager.launch = launch
    assert worker.run().launched == 1
    assert cut
    assert statuses() == ["completed"]


@pytest.mark.parametrize(("options", "waits"), [({}, True), ({"claim_batch": 2}, False)])
def test_claimed_one_by_one_no_job_is_launched_before_the_last_has_its_result(
    options: dict[str, Any], waits: bool
) -> None:
    unfinished: list[int] = []

    def launch(job: Any) -> dict[str, Any]:
        unfinished.append(ContainerJob.objects.filter(status="launching").count())
        return COMPLETED

    manager = manager_with(launch, max_concurrent=1, **options)
    queued(manager, 4)
    drained(manager)
    assert (unfinished == [1] * 4) == waits
