"""What a worker that has nothing to do asks of its database, counted over minutes that pass at once."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections
from django.db.backends.signals import connection_created
from job_retry.django.clocks import DatabaseClock
from job_retry.django.queue import JobQueueManager
from job_retry.django.settings import get_queue_settings
from job_retry.django.testing import STARTED
from job_retry.django.worker import Worker, loop
from job_retry.django.worker.live import LiveProgress
from rich.console import Console

from tests.app.models import ContainerJob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from job_retry.django.worker import WorkerObserver

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_SECONDS = 30
IDLE_SECONDS = 120
MOST_STATEMENTS_A_SECOND = 1.5
SLOTS = 3


class FastForward(SimpleQueue[Any]):
    """A worker's inbox: instead of waiting for messages that do not come, it lets its own time pass."""

    worker: Worker

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.idle_since: float | None = None
        self.statements: Counter[str] = Counter()
        self._renewed_at = self.now
        self._queries: Any = None

    def monotonic(self) -> float:
        return self.now

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        try:
            return self.get_nowait()
        except Empty:
            assert timeout is not None
            if timeout >= self.worker.poll_interval and not self.worker._launches.is_idle:
                return super().get(timeout=PATIENCE_SECONDS)  # a launch is under way, which takes no time of its own
            self._pass(timeout)
            raise

    def _pass(self, seconds: float) -> None:
        if self.idle_since is None and self.worker._launches.is_idle:
            self.idle_since = self.now
            self.statements.clear()
        self.now += seconds
        manager = self.worker.manager
        if self.now - self._renewed_at >= manager.renew_seconds:  # a thread does so, in real time
            self.worker._claims._keeper.renew()
            self._renewed_at = self.now
        if self.idle_since is not None and self.now - self.idle_since >= IDLE_SECONDS:
            self.worker.stop()


@contextmanager
def counted(statements: Counter[str]) -> Iterator[None]:
    """Count what is sent in this thread, the ends of transactions included, and what other threads begin with."""

    def listen(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        statements[sql] += 1
        return execute(sql, *arguments)

    def watch(connection: Any, **_: Any) -> None:
        if connection is not own:
            connection.execute_wrappers.append(listen)

    class Log(list[Any]):
        def append(self, query: Any) -> None:
            statements[query["sql"]] += 1

    own = connections["default"]
    before, own.queries_log = own.queries_log, Log()  # type: ignore[assignment]
    own.force_debug_cursor = True
    connection_created.connect(watch)
    try:
        yield
    finally:
        own.force_debug_cursor = False
        own.queries_log = before
        connection_created.disconnect(watch)


def queue(manager: JobQueueManager, count: int) -> None:
    manager.queue_jobs([ContainerJob.objects.create() for _ in range(count)])


def later(manager: JobQueueManager) -> None:
    for _ in range(3):
        manager.queue_job(ContainerJob.objects.create(), manager.clock() + timedelta(days=1))


def held_by_others(manager: JobQueueManager) -> None:
    queue(manager, 2)
    assert len(manager.claim_next_batch(2, "host:1:other")) == 1


# What there is when the worker begins, and how many jobs it launches at once; it is idle afterwards.
IDLE: dict[str, tuple[Callable[[JobQueueManager], None], int]] = {
    "no job": (lambda manager: None, 0),
    "jobs that are not due": (later, 0),
    "detached runs under way": (lambda manager: queue(manager, SLOTS - 1), SLOTS - 1),
    "detached runs in all slots": (lambda manager: queue(manager, SLOTS), SLOTS),
    "detached runs in all slots, and more jobs": (lambda manager: queue(manager, SLOTS + 2), SLOTS),
    "as many jobs as the limit allows with others": (held_by_others, 0),
}


def statements_of(state: str, inbox: FastForward, observer: WorkerObserver | None = None) -> Counter[str]:
    """Return what a worker sends while it is idle."""
    prepare, launches = IDLE[state]
    limit = 1 if prepare is held_by_others else None
    options = replace(get_queue_settings(), max_concurrent=SLOTS, queue_limit=limit)
    manager = JobQueueManager(ContainerJob, lambda job: STARTED, options=options)
    if isinstance(manager.clock, DatabaseClock):
        manager.clock = DatabaseClock(manager.claims.jobs, inbox.monotonic)
    prepare(manager)
    inbox.worker = Worker(manager, poll_interval=1.0, observer=observer, monotonic=inbox.monotonic)
    with counted(inbox.statements):
        assert inbox.worker.run().launched == launches
    assert inbox.idle_since is not None
    return inbox.statements


def assert_few(statements: Counter[str]) -> None:
    # At least one look a second, since nothing else finds what nobody tells of.
    assert IDLE_SECONDS - 1 <= statements.total() <= MOST_STATEMENTS_A_SECOND * IDLE_SECONDS, statements.most_common(8)


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> FastForward:
    inbox = FastForward()
    monkeypatch.setattr(loop, "SimpleQueue", lambda: inbox)
    return inbox


@pytest.mark.parametrize("state", IDLE)
def test_an_idle_worker_sends_few_statements(state: str, inbox: FastForward) -> None:
    assert_few(statements_of(state, inbox))


def test_an_idle_worker_with_a_display_sends_hardly_more(inbox: FastForward) -> None:
    console = Console(file=StringIO(), force_terminal=True)
    with LiveProgress("default", console, monotonic=inbox.monotonic) as display:
        statements = statements_of("no job", inbox, display)
    assert_few(statements)
    assert any("GROUP BY" in sql for sql in statements)
