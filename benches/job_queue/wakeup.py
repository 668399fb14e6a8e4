"""An idle worker beside a program that queues jobs: how soon it starts them, and what it asks while there are none.

    python -m job_queue.wakeup starts|statements|crowd

Works in the empty database of DATABASE_URL, and writes what it measured as its last line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import django
from django.core.management import call_command

from job_queue.program import StatementCount, analyze

if TYPE_CHECKING:
    from collections.abc import Iterator

    from job_queue.models import Job

JOBS = 200
PAUSE_SECONDS = 0.1
"""Between two jobs, at most; each pause is another, so that they meet the worker at all times of its second."""
IDLE_SECONDS = 30
CROWD = 8
SETTLING_SECONDS = 10
"""After so long all of them are idle."""
CROWDED_JOBS = 500
JOBS_A_SECOND = 100
DEADLINE_SECONDS = 60


def launch(_job: Job) -> dict[str, object]:
    """Tell when the launch began, by a clock that all processes of a machine have in common."""
    print(time.monotonic(), flush=True)
    return {"success": True, "completed": True}


@contextmanager
def worker() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "django", "run_job_queue", "--verbosity", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
    assert process.returncode == 0


def start_of_next(process: subprocess.Popen[str]) -> float:
    """Queue a job, and return the seconds from the commit to the beginning of its launch."""
    from django.db import transaction
    from job_retry.django.queue import get_queue_manager

    from job_queue.models import Job

    committed: list[float] = []
    with transaction.atomic():
        job = Job.objects.create()
        transaction.on_commit(lambda: committed.append(time.monotonic()))
        get_queue_manager().queue_job(job)
    assert process.stdout is not None
    seconds = float(process.stdout.readline()) - committed[0]
    wait_for_all()
    return seconds


def wait_for_all() -> None:
    from job_queue.models import Job

    deadline = time.monotonic() + DEADLINE_SECONDS
    while Job.objects.exclude(status="completed").exists():
        assert time.monotonic() < deadline, "a job was never completed"
        time.sleep(0.01)


def starts() -> list[float]:
    """Return the seconds from each commit to the launch."""
    with worker() as process:
        start_of_next(process)  # the worker may still be starting
        seconds = []
        for number in range(JOBS):
            time.sleep(PAUSE_SECONDS * (number * 0.618 % 1))
            seconds.append(start_of_next(process))
    return seconds


def statements() -> list[float]:
    """Return how many statements a second the worker sends while there is nothing to do."""
    with worker() as process:
        start_of_next(process)
        count = StatementCount(os.environ["DATABASE_URL"])
        time.sleep(IDLE_SECONDS)
        return [count.read() / IDLE_SECONDS]


def crowd() -> list[float]:
    """Return the statements that a job costs in all where many idle workers hear of it."""
    from job_retry.django.queue import get_queue_manager

    from job_queue.models import Job

    with ExitStack() as stack:
        for _ in range(CROWD):
            stack.enter_context(worker())
        time.sleep(SETTLING_SECONDS)
        jobs = Job.objects.bulk_create(Job() for _ in range(CROWDED_JOBS))
        count = StatementCount(os.environ["DATABASE_URL"])
        began_at = time.monotonic()
        for number, job in enumerate(jobs):
            time.sleep(max(0.0, began_at + number / JOBS_A_SECOND - time.monotonic()))
            get_queue_manager().queue_job(job)
        wait_for_all()
        return [count.read() / CROWDED_JOBS]


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "job_queue.wakeup_settings"
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    analyze(os.environ["DATABASE_URL"])
    print(json.dumps({"starts": starts, "statements": statements, "crowd": crowd}[sys.argv[1]]()), flush=True)


if __name__ == "__main__":
    main()
