"""Many workers together never hold more jobs than the queue allows, whenever one looks."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from django.db import connection
from job_retry.django.queue import get_queue_manager
from job_retry.django.states import CLAIMED

from tests.app.models import ContainerJob
from tests.queue.support import assert_invariants
from tests.worker.limit_settings import QUEUE_LIMIT
from tests.worker.processes import command, environment

JOBS = 80


@pytest.mark.django_db(transaction=True)
def test_the_queue_limit_holds_at_every_moment() -> None:
    get_queue_manager().queue_jobs(ContainerJob.objects.bulk_create(ContainerJob() for _ in range(JOBS)))
    claimed = ContainerJob.objects.filter(status__in=CLAIMED)
    samples: set[int] = set()
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                command(
                    *("run_job_queue", "--drain", "--poll-interval", "0.02", "--verbosity", "0"),
                    env=environment("tests.worker.limit_settings"),
                )
            )
            for _ in range(3 if connection.vendor == "sqlite" else 8)
        ]
        while any(worker.poll() is None for worker in workers):
            samples.add(claimed.count())
        said = [worker.stdout.read() for worker in workers]
        assert [worker.returncode for worker in workers] == [0] * len(workers), said
    assert max(samples) == QUEUE_LIMIT
    assert set(ContainerJob.objects.values_list("status", "attempt_serial")) == {("completed", 1)}
    assert_invariants()
