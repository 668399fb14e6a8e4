"""A worker process on a host whose clock is minutes off."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from job_retry.django.queue import get_queue_manager

from tests.app.models import ContainerJob
from tests.worker.processes import PATIENCE_SECONDS, command

WORK = """
from datetime import timedelta
from django.core.management import execute_from_command_line
from django.utils import timezone
right = timezone.now
timezone.now = lambda: right() + timedelta(minutes={minutes})
execute_from_command_line(['manage.py', 'run_job_queue', '--max-jobs', '1', '--poll-interval', '0.05'])
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("minutes", [-5, 5])
def test_neither_launches_early_nor_late_nor_takes_claims_away(minutes: int) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("needs a database with a clock of its own")
    manager = get_queue_manager()
    claimed, due, later = (ContainerJob.objects.create(priority=priority) for priority in (70, 60, 65))
    manager.queue_jobs([claimed, due, later])
    ContainerJob.objects.filter(pk=later.pk).update(scheduled_for=manager.clock() + timedelta(minutes=2))
    assert manager.claim_next_batch(1, "host:1:a") == [claimed]
    with command(program=("-c", WORK.format(minutes=minutes))) as worker:
        said = worker.communicate(timeout=PATIENCE_SECONDS)[0]
    assert worker.returncode == 0, said
    rows = ContainerJob.objects.order_by("pk").values_list("status", "claimed_by", "attempt_serial")
    assert list(rows) == [("launching", "host:1:a", 1), ("completed", "", 1), ("queued", "", 0)]
