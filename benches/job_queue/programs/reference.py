"""The queue of django-container-manager, through its `launch_job_with_retry`, as it was shipped.

What is kind to it: its ready jobs are read a hundred at a time, and that is all that stands between launches. A job
that waits for a retry cannot end up running there, so after each hundred attempts one UPDATE, which is not timed, sets
such jobs back to queued. A launch that succeeds marks its job as running; completing it is another command's work, and
not timed.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import django
from django.core.management import call_command

from job_queue.program import analyze, main

if TYPE_CHECKING:
    from job_queue.program import Order

BATCH = 100


def prepare(order: Order) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "job_queue.reference_settings"
    django.setup()
    call_command("migrate", verbosity=0)
    from container_manager import retry, services
    from container_manager.models import ContainerJob, ExecutorHost
    from django.utils import timezone

    host = ExecutorHost.objects.create(name="local", connection_string="unix:///var/run/docker.sock")
    jobs = (
        ContainerJob(docker_host=host, docker_image="python:3.11", status="queued", queued_at=timezone.now())
        for _ in range(order.jobs)
    )
    numbers = {job.pk: number for number, job in enumerate(ContainerJob.objects.bulk_create(jobs), start=1)}
    retry.RETRY_STRATEGIES["default"] = retry.RetryStrategy(max_attempts=3, base_delay=0.0)

    def launch(job: ContainerJob) -> dict[str, object]:
        error = order.work.error(numbers[job.pk], job.retry_count + 1)
        if error is not None:
            return {"success": False, "error": error}
        job.mark_as_running()
        return {"success": True}

    services.launch_job = launch
    analyze(order.url)


def work(_order: Order) -> float:
    from container_manager.models import ContainerJob
    from container_manager.queue import JobQueueManager

    manager = JobQueueManager()
    seconds = 0.0
    while True:
        started_at = time.perf_counter()
        jobs = list(manager.get_ready_jobs(limit=BATCH))
        for job in jobs:
            manager.launch_job_with_retry(job)
        seconds += time.perf_counter() - started_at
        if not jobs:
            return seconds
        ContainerJob.objects.filter(status="retrying").update(status="queued")


def check(order: Order) -> None:
    from container_manager.models import ContainerJob
    from django.db.models import Count

    status = "running" if order.work.succeeds else "failed"
    ended = ContainerJob.objects.filter(status=status, retry_count=order.work.failures)
    assert ended.count() == order.jobs, dict(ContainerJob.objects.values_list("status").annotate(Count("pk")))


if __name__ == "__main__":
    main(prepare, work, check)
