"""What the page on the drop-in says that it does not mend; a version of the package that mends it fails here."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from container_manager.models import ContainerJob
from container_manager.queue import JobQueueManager

pytestmark = pytest.mark.django_db
manager = JobQueueManager()


ATTEMPTS = 3


@pytest.fixture
def job(job: Any) -> Any:
    job.max_retries = ATTEMPTS
    job.save()
    return job


def launching(launch: Any) -> Any:
    return mock.patch("container_manager.services.launch_job", side_effect=launch)


def test_a_batch_neither_waits_nor_gives_up(job: Any) -> None:
    with launching(lambda job: {"success": False, "error": "connection refused"}) as launch:
        for _ in range(5):
            manager.launch_next_batch()
    assert launch.call_count == ATTEMPTS  # at once, one after the other
    job.refresh_from_db()
    assert (job.status, job.scheduled_for, job.retry_count) == ("queued", None, ATTEMPTS)
    assert not manager.get_failed_jobs().exists()
    assert not manager.get_ready_jobs().exists()


def test_a_retry_starts_its_container_and_loses_sight_of_it(job: Any) -> None:
    containers = []

    def launch(job: Any) -> dict[str, Any]:
        if job.status == "queued":
            return {"success": False, "error": "connection refused"}
        containers.append(job.pk)
        job.mark_as_running()
        return {"success": True}

    with launching(launch):
        manager.launch_job_with_retry(job)
        job.refresh_from_db()
        assert job.status == "retrying"
        result = manager.launch_job_with_retry(job)
    assert containers == [job.pk]
    assert not result["success"]
    job.refresh_from_db()
    assert job.status == "retrying"


def test_a_permanent_failure_that_the_executor_has_set_does_not_end(job: Any) -> None:
    def launch(job: Any) -> dict[str, Any]:
        job.transition_to("failed")
        return {"success": False, "error": "no such image"}

    with launching(launch):
        manager.launch_job_with_retry(job)
    job.refresh_from_db()
    assert job.status == "retrying"


def test_a_retry_by_hand_of_a_job_without_attempts_left_is_never_ready(job: Any) -> None:
    ContainerJob.objects.filter(pk=job.pk).update(status="failed", queued_at=None, retry_count=ATTEMPTS)
    job.refresh_from_db()
    assert manager.retry_failed_job(job)
    job.refresh_from_db()
    assert (job.status, manager.get_ready_jobs().exists()) == ("queued", False)
