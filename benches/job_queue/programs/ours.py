"""This project's queue: `run_job_queue --drain`, one process for each worker."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import django
from django.core.management import call_command

from job_queue.program import analyze, main

if TYPE_CHECKING:
    from job_queue.program import Order


def prepare(order: Order) -> None:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "job_queue.settings",
        "JOB_QUEUE_WORK": order.work_name,
        **{name: str(value) for name, value in (order.options or {}).items()},
    }
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    from job_retry.django.queue import get_queue_manager

    from job_queue.models import Job

    jobs = Job.objects.bulk_create(Job(name=f"job {number}") for number in range(order.jobs))
    get_queue_manager().queue_jobs(jobs)
    analyze(order.url)


def work(order: Order) -> float:
    """Start the workers, let them begin together, and return how long it takes until the last has ended."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "job_queue.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(order.workers)
    ]
    for worker in workers:
        wait_for("ready", worker)
    started_at = time.perf_counter()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        wait_for("drained", worker)
    seconds = time.perf_counter() - started_at
    assert {worker.wait() for worker in workers} == {0}
    return seconds


def wait_for(word: str, worker: subprocess.Popen[str]) -> None:
    assert worker.stdout is not None
    said = worker.stdout.readline()
    assert said == f"{word}\n", f"a worker said {said!r}, and not {word!r}"


def check(order: Order) -> None:
    from django.db.models import Count, Sum

    from job_queue.models import Job

    status = "completed" if order.work.succeeds else "failed"
    ended = Job.objects.filter(status=status, retry_count=order.work.failures, claim_token=None)
    assert ended.count() == order.jobs, dict(Job.objects.values_list("status").annotate(Count("pk")))
    assert Job.objects.aggregate(total=Sum("attempt_serial"))["total"] == order.attempts
    assert Job.objects.values("last_error").distinct().count() == order.jobs


if __name__ == "__main__":
    main(prepare, work, check)
