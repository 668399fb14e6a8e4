"""When the results of a worker's launches are written, and together with which others."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from job_retry.django import signals
from job_retry.django.attempts import EndedLaunch
from job_retry.django.testing import COMPLETED, STARTED, ScriptedLauncher
from job_retry.django.worker.launches import LINGER_SECONDS, LINGER_WRITES, RESULTS_TOGETHER, Launches, RecordedLaunches

from tests.app.models import ContainerJob
from tests.queue.support import assert_invariants, manager_for, queued_job, row

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True)

LEAST_SECONDS, MOST_SECONDS = LINGER_SECONDS

PATIENCE_SECONDS = 30
"""When a test that waits for another thread gives up; it never waits that long unless something is broken."""


@pytest.fixture(autouse=True)
def threads_end() -> Iterator[None]:
    """Leave no thread behind, whose connection would keep the database open."""
    before = set(threading.enumerate())
    yield
    for bench in Bench.made:
        bench.launches.close()
    Bench.made.clear()
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE_SECONDS)


class Bench:
    """Launches without the worker around them: a clock that stands still, and messages taken one by one."""

    made: ClassVar[list[Bench]] = []

    def __init__(self, launch: Any, jobs: int, **options: Any) -> None:
        self.made.append(self)
        self.now = 0.0
        self.manager = manager_for(launch)
        for number in range(jobs):
            queued_job(self.manager, name=f"job {number}")
        self.claimed = self.manager.claim_next_batch(jobs)
        self.inbox: SimpleQueue[Any] = SimpleQueue()
        self.launches = Launches(self.manager, self.inbox, "host:1:a", lambda: self.now, **options)

    def start(self, count: int) -> None:
        for _ in range(count):
            self.launches.start(self.claimed.pop(0), self.manager.clock())

    def take(self, count: int = 1) -> list[Any]:
        messages = [self.inbox.get(timeout=PATIENCE_SECONDS) for _ in range(count)]
        for message in messages:
            self.launches.take(message)
        return messages

    def launch(self, count: int) -> None:
        self.start(count)
        assert {type(message) for message in self.take(count)} == {EndedLaunch}

    def write(self, *, most_concurrent: int = 5, more_to_come: bool = True) -> float | None:
        return self.launches.write(most_concurrent=most_concurrent, more_to_come=more_to_come)

    def written(self) -> int:
        """Return how many results the next message says were written together."""
        [message] = self.take()
        assert isinstance(message, RecordedLaunches)
        return len(message.recorded)


def test_a_result_waits_for_others_and_not_for_long() -> None:
    bench = Bench(ScriptedLauncher(COMPLETED), 3)
    bench.launch(1)
    assert bench.write() == LEAST_SECONDS
    bench.now += LEAST_SECONDS / 2
    bench.launch(2)
    assert bench.write() == LEAST_SECONDS / 2  # from the first one on
    bench.now += LEAST_SECONDS
    assert bench.write() is None
    assert bench.written() == 3
    assert bench.launches.is_idle
    assert set(ContainerJob.objects.values_list("status", flat=True)) == {"completed"}


@pytest.mark.parametrize(
    ("write_seconds", "waits_seconds"),
    [(0.0, LEAST_SECONDS), (0.05, LINGER_WRITES * 0.05), (7.0, MOST_SECONDS)],
)
def test_a_result_waits_longer_where_writing_takes_long(write_seconds: float, waits_seconds: float) -> None:
    def receive(**_arguments: Any) -> None:
        bench.now += write_seconds

    bench = Bench(ScriptedLauncher(COMPLETED), 2)
    signals.job_launched.connect(receive)
    try:
        bench.launch(1)
        bench.write(more_to_come=False)
        assert bench.written() == 1
    finally:
        signals.job_launched.disconnect(receive)
    bench.launch(1)
    assert bench.write() == pytest.approx(waits_seconds)


def test_a_result_waits_for_nobody_where_nobody_comes() -> None:
    bench = Bench(ScriptedLauncher(COMPLETED), 1)
    bench.launch(1)
    assert bench.write(more_to_come=False) is None
    assert bench.written() == 1


def test_a_result_waits_for_launches_that_are_under_way() -> None:
    go_on = threading.Event()

    def launch(job: ContainerJob) -> Any:
        assert job.name == "job 0" or go_on.wait(PATIENCE_SECONDS)
        return COMPLETED

    bench = Bench(launch, 2)
    bench.start(2)
    bench.take()
    assert bench.write(more_to_come=False) == LEAST_SECONDS
    go_on.set()
    bench.take()
    assert bench.write(more_to_come=False) is None
    assert bench.written() == 2


def test_so_many_results_are_written_in_one_go() -> None:
    bench = Bench(ScriptedLauncher(COMPLETED), RESULTS_TOGETHER + 1)
    bench.launch(RESULTS_TOGETHER + 1)
    assert bench.launches.has_too_many_results
    assert bench.write() == LEAST_SECONDS
    assert bench.written() == RESULTS_TOGETHER
    assert not bench.launches.has_too_many_results
    assert [ended.job.name for ended in bench.launches.unwritten] == [f"job {RESULTS_TOGETHER}"]
    assert not bench.launches.is_idle


def test_writing_that_does_not_keep_up_takes_the_place_of_launches() -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()

    def receive(**_arguments: Any) -> None:
        begun.release()
        assert go_on.wait(PATIENCE_SECONDS)

    bench = Bench(ScriptedLauncher(COMPLETED), 3)
    signals.job_launched.connect(receive)
    try:
        for taken in (0, 1, 1):
            bench.launch(1)
            bench.write(most_concurrent=2, more_to_come=False)
            # One writes beside the launches; the third has to wait until one of two is done.
            assert bench.launches.slots_taken == taken
        assert begun.acquire(timeout=PATIENCE_SECONDS)
        assert begun.acquire(timeout=PATIENCE_SECONDS)
        assert not begun.acquire(blocking=False)
        go_on.set()
        assert [bench.written(), bench.written()] == [1, 1]
        bench.write(more_to_come=False)
        assert bench.written() == 1
    finally:
        go_on.set()
        signals.job_launched.disconnect(receive)
    assert set(ContainerJob.objects.values_list("status", flat=True)) == {"completed"}


def test_one_by_one_a_launch_makes_room_when_its_result_is_written() -> None:
    bench = Bench(ScriptedLauncher(COMPLETED), 1, one_by_one=True)
    bench.start(1)
    taken = [bench.launches.slots_taken]
    bench.take()
    taken.append(bench.launches.slots_taken)
    assert bench.write() is None  # it waits for no others
    taken.append(bench.launches.slots_taken)
    assert bench.written() == 1
    assert [*taken, bench.launches.slots_taken] == [1, 1, 1, 0]


def test_a_job_may_be_launched_again_before_its_first_end_is_told() -> None:
    bench = Bench(ScriptedLauncher(COMPLETED), 1)
    job = bench.claimed[0]
    bench.claimed.append(row(job))
    bench.start(1)
    first = bench.inbox.get(timeout=PATIENCE_SECONDS)
    bench.start(1)
    bench.launches.take(first)
    assert bench.launches.under_way == [job.pk]
    bench.take()
    assert bench.launches.under_way == []
    # Both speak for one claim: one result is written, and the other is known as written already.
    bench.write(more_to_come=False)
    assert bench.written() == 2
    assert (row(job).status, row(job).attempt_serial) == ("completed", 1)


@pytest.mark.parametrize("taken", [True, False])
def test_what_has_ended_is_written_when_the_worker_leaves(taken: bool) -> None:
    bench = Bench(ScriptedLauncher(COMPLETED), 2)
    bench.start(2)
    if taken:
        bench.take(2)
    else:
        messages = [bench.inbox.get(timeout=PATIENCE_SECONDS) for _ in range(2)]
        for message in messages:
            bench.inbox.put(message)
    bench.launches.close()
    assert set(ContainerJob.objects.values_list("status", flat=True)) == {"completed"}


def test_a_launch_that_ends_after_the_worker_has_left_writes_its_result_itself() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def launch(job: ContainerJob) -> Any:
        begun.set()
        assert go_on.wait(PATIENCE_SECONDS)
        return STARTED

    before = set(threading.enumerate())
    bench = Bench(launch, 1)
    job = bench.claimed[0]
    bench.start(1)
    assert begun.wait(PATIENCE_SECONDS)
    bench.launches.close()
    assert row(job).status == "launching"
    go_on.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE_SECONDS)
    assert row(job).status == "running"
    assert_invariants()
