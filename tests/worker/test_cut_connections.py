"""A worker whose connection is cut, at whatever statement, goes on by itself: nothing is lost or counted twice."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import count, takewhile
from typing import Any

import pytest
from job_retry import RetryStrategy
from job_retry.django import outages
from job_retry.django.queue import JobQueueManager
from job_retry.django.settings import get_queue_settings
from job_retry.django.testing import COMPLETED, failed
from job_retry.django.worker import Worker

from tests.app.models import ContainerJob
from tests.queue.cuts import AFTER, BEFORE, Cut, Cutter

pytestmark = pytest.mark.django_db(transaction=True)

MAIN, LAUNCH, LEASES = "MainThread", "launch-", "leases-"
PATIENCE_SECONDS = 60
SCRIPTS: dict[str, list[Any]] = {
    "lost": [COMPLETED],
    "flaky": [failed("Connection refused"), COMPLETED],
    "bad": [failed("Image not found")],
}
# Status, failed attempts, attempts, and workers lost while they held nothing else.
ENDS = {
    "lost": ("completed", 0, 1, 1),
    "flaky": ("completed", 1, 2, 0),
    "bad": ("failed", 1, 1, 0),
}


class Life:
    """What a worker does in its life: brings back a job whose worker died, claims others, and stops; another drains."""

    def __init__(self) -> None:
        self.launches: Counter[tuple[str, int]] = Counter()
        options = replace(get_queue_settings(), max_concurrent=1, claim_batch=3)
        self.manager = JobQueueManager(ContainerJob, self.launch, options=options)
        self.worker = Worker(self.manager, poll_interval=30)

    def launch(self, job: ContainerJob) -> Any:
        self.launches[job.name, job.attempt_serial] += 1
        if job.name == "flaky":
            self.worker.stop()
        return SCRIPTS[job.name][job.attempt_serial - 1]

    def prepare(self) -> None:
        ContainerJob.objects.all().delete()
        for name in SCRIPTS:
            self.manager.queue_job(ContainerJob.objects.create(name=name))
        [lost] = self.manager.claim_next_batch(1, "host:1:dead")
        ended = self.manager.clock() - timedelta(seconds=1)
        ContainerJob.objects.filter(pk=lost.pk).update(lease_expires_at=ended)

    def live(self) -> None:
        self.worker.run()
        assert Worker(self.manager, drain=True, poll_interval=30).run().drained


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "BACKOFF", RetryStrategy(max_attempts=9, base_delay=0.001, max_delay=0.001))


def lived(cut: Cut) -> Cutter:
    """Return what was seen in a worker's life with this cut; it always ends in the same way."""
    life = Life()
    life.prepare()
    with Cutter(cut).at_work() as cutter:
        life.live()
    columns = ("name", "claim_token", "status", "retry_count", "attempt_serial", "worker_losses")
    ends = {name: tuple(end) for name, *end in ContainerJob.objects.values_list(*columns)}
    assert ends == {name: (None, *end) for name, end in ENDS.items()}, (cut, cutter.at)
    assert life.launches == {("flaky", 1): 1, **{(name, end[2]): 1 for name, end in ENDS.items()}}, (cut, cutter.at)
    return cutter


def is_write(statement: str) -> bool:
    return statement.startswith(("UPDATE", "COMMIT"))


@pytest.mark.parametrize("thread", [MAIN, LAUNCH])
def test_goes_on_wherever_its_connection_is_cut(thread: str) -> None:
    # How many statements a life has depends on which thread is faster: it is cut at ever later ones, until it has none.
    cut_before = (lived(Cut(thread, number, BEFORE)).at for number in count(1))
    statements = [sql for sql in takewhile(bool, cut_before) if sql is not None]
    # Of a statement that only reads, nothing is left but its answer, however late it is cut.
    writes = [number for number, sql in enumerate(statements, 1) if is_write(sql)]
    cut_after = [sql for sql in (lived(Cut(thread, number, AFTER)).at for number in writes) if sql is not None]
    assert len(cut_after) >= len(SCRIPTS)


@pytest.mark.parametrize("side", [BEFORE, AFTER])
def test_goes_on_renewing_when_that_connection_is_cut(side: str) -> None:
    renewed = threading.Event()

    def launch(job: ContainerJob) -> Any:
        assert renewed.wait(PATIENCE_SECONDS)
        return COMPLETED

    def renew(holder: str, now: Any) -> int:
        rows = claims_renew(holder, now)
        if cutter.at is not None:
            renewed.set()
        return rows

    manager = JobQueueManager(ContainerJob, launch)
    manager.renew_seconds = 0.01
    claims_renew = manager.claims.renew
    manager.claims.renew = renew  # type: ignore[method-assign]
    job = manager.queue_job(ContainerJob.objects.create())
    with Cutter(Cut(LEASES, 1, side)).at_work() as cutter:
        summary = Worker(manager, drain=True, poll_interval=0.01).run()
    assert (summary.launched, summary.ignored) == (1, 0)
    job.refresh_from_db()
    assert (job.status, job.attempt_serial) == ("completed", 1)
