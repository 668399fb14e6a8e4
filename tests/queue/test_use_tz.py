"""A project with ``USE_TZ = False``: every time is naive local time, from the queue to the dead letter."""

from __future__ import annotations

import subprocess
import sys

from tests.worker.processes import environment

# In a process of its own, since Django decides on time zones when it is set up.
PROGRAM = """
import os
from datetime import datetime, timedelta, timezone

import django
from django.conf import settings
from tests.app import settings as base

os.environ.setdefault("TZ", "Europe/Berlin")
values = {name: getattr(base, name) for name in dir(base) if name.isupper() and name != "SQLITE_FILE"}
values |= {"USE_TZ": False, "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}
settings.configure(**values)
django.setup()

from django.core.management import call_command
from job_retry.django.queue import get_queue_manager
from job_retry.django.testing import COMPLETED, ManualClock, ScriptedLauncher, drain, failed
from tests.app.models import ContainerJob

call_command("migrate", verbosity=0)
manager = get_queue_manager()
manager.launch = ScriptedLauncher(failed("Connection refused"), failed("Connection refused"), COMPLETED)

job = manager.queue_job(ContainerJob.objects.create())
assert job.queued_at.tzinfo is None and job.is_ready_to_launch
assert manager.launch_job_with_retry(job)["retry_scheduled"]
job.refresh_from_db()
assert job.scheduled_for.tzinfo is None, job.scheduled_for

later = manager.queue_job(ContainerJob.objects.create(), schedule_for=datetime.now(timezone.utc) + timedelta(hours=1))
assert later.scheduled_for.tzinfo is None
assert 3500 < (later.scheduled_for - datetime.now()).total_seconds() < 3700, later.scheduled_for
assert not later.is_ready_to_launch
assert manager.get_queue_stats() == {"queued": 1, "scheduled": 1, "running": 0, "launch_failed": 0}
manager.dequeue_job(later)

manager.clock = ManualClock(datetime.now())
drain(manager, clock=manager.clock)
job.refresh_from_db()
assert (job.status, job.retry_count) == ("completed", 2), job.status
assert job.completed_at.tzinfo is None

other = manager.queue_job(ContainerJob.objects.create())
manager.fail(other, "Image not found")
assert list(manager.get_failed_jobs()) == [other]
manager.retry_failed_job(other)
(claimed,) = manager.claim_next_batch(1)
manager.release_claim(claimed)
print("done")
"""


def test_naive_times_end_to_end() -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment(), capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr
