"""The fingerprint of the last error: written wherever the error is, cleared with it, and good for grouping."""

from __future__ import annotations

import pytest
from django.db.models import Count
from job_retry import fingerprint
from job_retry.django.testing import failed

from tests.app.models import ContainerJob
from tests.queue.support import assert_shows_its_row, manager_for, queued_job, row

pytestmark = pytest.mark.django_db(transaction=True)


def dead_letter(error):
    queue = manager_for(lambda job: failed(error))
    job = queued_job(queue)
    queue.launch_job_with_retry(job)
    return queue, job


@pytest.mark.parametrize("error", ["No such image: acme/api:7", "dial tcp 10.0.0.5:2375: connection refused"])
def test_a_failed_launch_stores_the_fingerprint_of_its_error(error):
    _, job = dead_letter(error)
    assert row(job).error_fingerprint == fingerprint(error).id
    assert_shows_its_row(job)


def test_an_exception_has_the_fingerprint_that_it_has_by_itself():
    def launch(job):
        raise ConnectionRefusedError(111, "Connection refused")

    queue = manager_for(launch)
    job = queued_job(queue)
    queue.launch_job_with_retry(job)
    stored = row(job)
    assert stored.error_fingerprint == fingerprint(ConnectionRefusedError(111, "Connection refused")).id
    assert stored.error_fingerprint == fingerprint(stored.last_error).id


def test_a_run_that_fails_or_takes_too_long_stores_it_too():
    for end in ("fail", "time_out"):
        queue = manager_for(lambda job: {"success": True})
        job = queued_job(queue)
        queue.launch_job_with_retry(job)
        assert getattr(queue, end)(job, "gave up after 31 s")
        assert row(job).error_fingerprint == fingerprint("gave up after 7 s").id


def test_a_lost_worker_stores_it_too():
    queue = manager_for()
    job = queued_job(queue)
    queue.claim_next_batch(1)
    queue.clock.advance(24 * 3600)
    queue.rescue_lost_jobs()
    stored = row(job)
    assert stored.last_error
    assert stored.error_fingerprint == fingerprint(stored.last_error).id


def test_what_the_launcher_itself_records_has_its_own():
    def launch(job):
        ContainerJob.objects.filter(pk=job.pk).update(status="timeout", last_error="timed out after 5 s")
        return {"success": True}

    queue = manager_for(launch)
    job = queued_job(queue)
    queue.launch_job_with_retry(job)
    assert row(job).error_fingerprint == fingerprint("timed out after 6 s").id


def test_it_goes_with_the_error():
    queue, job = dead_letter("invalid configuration: no customer")
    queue.retry_failed_job(job)
    assert (row(job).last_error, row(job).error_fingerprint) == (None, "")


def test_masks_of_the_project_hold_for_it(settings):
    settings.JOB_RETRY = {"MASK": [r"\bcustomer [a-z]+"]}
    ids = set()
    for name in ("acme", "globex"):
        _, job = dead_letter(f"invalid configuration of customer {name}")
        ids.add(row(job).error_fingerprint)
    assert len(ids) == 1


def test_dead_letters_can_be_grouped_by_it():
    for number in range(3):
        dead_letter(f"No such image: acme/api:{number}")
    queue, _ = dead_letter("invalid configuration: no customer")
    groups = queue.get_failed_jobs().order_by().values("error_fingerprint").annotate(jobs=Count("pk"))
    assert sorted(group["jobs"] for group in groups) == [1, 3]
