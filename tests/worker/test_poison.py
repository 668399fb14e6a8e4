"""Jobs that kill their worker, among many that do not: exactly those are found out."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from job_retry.django.queue import get_queue_manager

from tests.app.models import ContainerJob
from tests.queue.support import assert_invariants
from tests.worker.processes import environment

JOBS = 2_000
KILLERS = 5
WORKERS = 4
LOSSES = 3
"""The queue's `MAX_WORKER_LOSSES`."""
MOST_DEATHS = KILLERS * (1 + LOSSES)
"""A killer takes the worker along that claims it among others, and then those that claim it alone."""


@pytest.mark.django_db(transaction=True)
def test_exactly_the_jobs_that_kill_their_worker_are_poison() -> None:
    jobs = ContainerJob.objects.bulk_create(
        ContainerJob(command="kill" if number % (JOBS // KILLERS) == 123 else "") for number in range(JOBS)
    )
    killers = {job.pk for job in jobs if job.command}
    assert len(killers) == KILLERS
    get_queue_manager().queue_jobs(jobs)
    deaths = 0
    workers = [start_worker() for _ in range(WORKERS)]
    try:
        while workers:
            worker = workers.pop(0)
            if worker.wait() == 0:
                continue
            assert worker.returncode == -signal.SIGKILL
            deaths += 1
            assert deaths <= MOST_DEATHS
            workers.append(start_worker())
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    poison = ContainerJob.objects.filter(status="failed")
    assert set(poison.values_list("pk", flat=True)) == killers
    assert set(poison.values_list("worker_losses", "retry_count")) == {(LOSSES, 0)}
    others = ContainerJob.objects.exclude(pk__in=killers)
    assert set(others.values_list("status", "worker_losses", "retry_count")) == {("completed", 0, 0)}
    assert_invariants()


def start_worker() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "django", "run_job_queue", "--drain", "--poll-interval", "0.1", "--verbosity", "0"],
        env=environment("tests.worker.poison_settings"),
    )
